/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SECS of a plan: what the image wishes, what its SIGSTRUCT pins, what the host can.  Decided here alone,
 * so that what dump-secs foretells is what load does.  And what no device can be asked for.
 *
 * Authority: Intel SDM Vol. 3D, EINIT ("Operation": ATTRIBUTEMASK, MISCMASK), ECREATE (XFRM bits 0 and 1).
 */
#include <string.h>

#include "arch/sgx_names.h"
#include "image/internal.h"

/* What mask pins is as signed; of the rest, what is wished and can be had. */
static uint64_t choose(uint64_t signed_bits, uint64_t mask, uint64_t wished, uint64_t host)
{
	return (signed_bits & mask) | (wished & ~mask & host);
}

/* 1 debug, 0 production, -1 refused. */
static int choose_debug(const struct sgx_arch_sigstruct *sig, int debug, struct err *e)
{
	bool signed_debug = sig->attributes.flags & SGX_ATTR_DEBUG;

	if (!(sig->attributemask.flags & SGX_ATTR_DEBUG))
		return debug != 0;
	if (debug >= 0 && (debug != 0) != signed_debug) {
		err_set(e, ERR_SIGSTRUCT_MISMATCH, 0, "the SIGSTRUCT allows this enclave in %s mode only",
			signed_debug ? "debug" : "production");
		return err_hint(e, "load it with %s, or with a SIGSTRUCT that leaves DEBUG free",
				signed_debug ? "--debug" : "--production");
	}
	return signed_debug;
}

int plan_secs(const struct plan *p, const struct sgx_arch_sigstruct *sig, int debug,
	      const struct plan_host *host, struct sgx_arch_secs *ret_secs, struct err *e)
{
	static const struct sgx_arch_sigstruct nothing_pinned;
	struct sgx_arch_secs s = { .size = p->size, .ssaframesize = p->ssaframesize };
	int with_debug;

	if (!sig)
		sig = &nothing_pinned;
	with_debug = choose_debug(sig, debug, e);
	if (with_debug < 0)
		return -1;
	if (p->has_base)
		s.baseaddr = p->base;
	s.miscselect = (uint32_t)choose(sig->miscselect, sig->miscmask, p->miscselect, host->miscselect);
	s.attributes.flags = choose(sig->attributes.flags, sig->attributemask.flags,
				    p->attributes.flags | SGX_ATTR_MODE64BIT, UINT64_MAX);
	s.attributes.flags &= ~(uint64_t)(SGX_ATTR_INIT | SGX_ATTR_DEBUG);
	if (with_debug)
		s.attributes.flags |= SGX_ATTR_DEBUG;
	s.attributes.xfrm = choose(sig->attributes.xfrm, sig->attributemask.xfrm, p->attributes.xfrm, host->xfrm) |
			    SGX_XFRM_LEGACY;
	*ret_secs = s;
	return 0;
}

int plan_host_has(const struct plan_host *host, const struct sgx_arch_sigstruct *sig, struct err *e)
{
	const struct demand {
		const char *field;
		uint64_t pinned, offered;
		const struct sgx_name *names;
	} demands[] = {
		/* INIT is nothing a device has: EINIT sets it, and refuses who demands it before */
		{ "ATTRIBUTES", sig->attributes.flags & sig->attributemask.flags & ~(uint64_t)SGX_ATTR_INIT,
		  host->attributes, sgx_attr_bit_names },
		{ "XFRM", sig->attributes.xfrm & sig->attributemask.xfrm, host->xfrm, sgx_xfrm_bit_names },
		{ "MISCSELECT", sig->miscselect & sig->miscmask, host->miscselect, sgx_misc_bit_names },
	};

	for (size_t i = 0; host->known && i < sizeof(demands) / sizeof(demands[0]); i++) {
		const struct demand *d = &demands[i];
		uint64_t lacking = d->pinned & ~d->offered;
		char names[SGX_BITS_TEXT], there[SGX_BITS_TEXT];

		if (!lacking)
			continue;
		sgx_bits_text(d->names, lacking, names, sizeof(names));
		sgx_bits_text(d->names, d->offered, there, sizeof(there));
		err_set(e, ERR_UNSUPPORTED, 0, "the SIGSTRUCT demands %s 0x%llx, of which the device does not offer "
			"0x%llx (%s); it offers 0x%llx (%s)", d->field, (unsigned long long)d->pinned,
			(unsigned long long)lacking, names, (unsigned long long)d->offered, there);
		return err_hint(e, "a machine that has them is needed, or a SIGSTRUCT that leaves these bits out of its "
				"mask; 'sgxctl verify' compares all fields");
	}
	return 0;
}

int plan_can_load(const struct plan *p, struct err *e)
{
	if (!p->n_tcs)
		return err_set(e, ERR_NO_TCS, 0, "the image has no TCS");
	if (p->no_run) {
		err_set(e, ERR_UNSUPPORTED, 0, "this enclave cannot be run: %s", p->no_run);
		return err_hint(e, "it can be measured and inspected");
	}
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *run = &p->runs[i];

		if (!plan_run_partial(run))
			continue;
		err_set(e, ERR_UNSUPPORTED, 0,
			"%s at offset 0x%llx is measured in part or out of order: the Linux driver measures "
			"whole pages from their start", run->what, (unsigned long long)run->off);
		err_hint(e, "it can be measured and inspected");
		return err_offset(e, run->off);
	}
	return 0;
}
