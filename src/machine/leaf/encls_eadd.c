/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EADD: RBX = PAGEINFO, RCX = free EPC page.  And EADD with the sixteen EEXTENDs of its page.
 * Authority: Intel SDM Vol. 3D, "EADD", "EEXTEND".
 */
#include "machine/leaf/leaf_out.h"
#include "machine/measure.h"
#include "machine/tcs.h"

/* What the CPU forces in a TCS before anything can be measured */
static void clear_tcs(uint8_t *page)
{
	tcs_deactivate(page);
	mem_put64(page + TCS_FLAGS_OFF, mem_get64(page + TCS_FLAGS_OFF) & ~(uint64_t)SGX_TCS_DBGOPTIN);
	tcs_put_cssa(page, 0);
	tcs_put_aep(page, 0);
}

struct sgxm_out sgxm_eadd_measured(struct sgxm *m, uint64_t pageinfo, uint64_t epa, bool measure)
{
	struct sgx_arch_secinfo secinfo;
	struct sgx_pageinfo info;
	struct tcs_fields t;
	struct sgxm_epcm *e, *secs_e;
	struct sgxm_secs *s;
	uint8_t *page;
	unsigned pt;
	EPCM_HOLD(hold);
	EPCM_HOLD(secs_hold);
	SECS_HOLD(measuring);

	/* EADD.1: RBX is not 32-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(pageinfo, sizeof(info)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EADD.1");

	/* EADD.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EADD.2", epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, pageinfo, &info, sizeof(info));

	/* EADD.3: SRCPGE, SECS or LINADDR is not 4096-aligned, or SECINFO not 64-aligned -> #GP(0) */
	if (!is_aligned(info.srcpge | info.secs | info.linaddr, SGX_PAGE_SIZE) ||
	    !is_aligned(info.secinfo, sizeof(secinfo)))
		OUT_GP("EADD.3");

	/* EADD.4: SECS is not EPC -> #PF(SECS) */
	secs_e = epcm_at(m, info.secs);
	if (!secs_e)
		OUT_PF("EADD.4", info.secs, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, info.secinfo, &secinfo, sizeof(secinfo));

	/* EADD.5: a reserved part of SECINFO is not 0, or the type is neither REG nor TCS -> #GP(0) */
	pt = secinfo_pt(&secinfo);
	if (secinfo_reserved_set(&secinfo) || (pt != SGX_PT_REG && pt != SGX_PT_TCS) ||
	    secinfo.flags & (SGX_SECINFO_PENDING | SGX_SECINFO_MODIFIED | SGX_SECINFO_PR))
		OUT_GP("EADD.5");

	/* EADD.6: the target is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e))
		OUT_GP("EADD.6");

	/* EADD.7: the target is VALID -> #PF(RCX) */
	if (epcm_state(e) & SGXM_E_VALID)
		OUT_PF("EADD.7", epa, PFEC_S_SGX);

	/* EADD.8: the SECS is in use by another leaf -> #GP(0) */
	if (!epcm_try_shared(&secs_hold, secs_e))
		OUT_GP("EADD.8");

	/* EADD.9: it is not VALID, or no SECS -> #PF(SECS) */
	if (!epcm_is_secs(secs_e))
		OUT_PF("EADD.9", info.secs, PFEC_S_SGX);
	s = secs_page(m, info.secs);

	/* the copy that is checked is the copy that stays; a page that is not VALID shows nothing */
	page = page_at(m, epa);
	OUT_PF_UNLESS_READ(m, info.srcpge, page, SGX_PAGE_SIZE);

	/* EADD.10: TCS: the reserved area is not 0, or bad limits for a 32-bit enclave -> #GP(0) */
	tcs_get(page, &t);
	if (pt == SGX_PT_TCS && (tcs_reserved_set(page) || tcs_limits_bad(&t, s)))
		OUT_GP("EADD.10");

	/* EADD.11: REG: W without R -> #GP(0) */
	if (pt == SGX_PT_REG && rwx_is_misconfigured(secinfo.flags))
		OUT_GP("EADD.11");

	/* EADD.13: LINADDR is outside ELRANGE -> #GP(0) */
	if (!secs_covers(s, info.linaddr))
		OUT_GP("EADD.13");

	/* EADD.14: another leaf measures or initialises -> #GP(0) */
	if (!secs_try(&measuring, &s->measure_lock))
		OUT_GP("EADD.14");

	/* EADD.15: the enclave is initialised -> #GP(0) */
	if (secs_is_initialized(s))
		OUT_GP("EADD.15");

	if (pt == SGX_PT_TCS) {
		secinfo.flags &= ~(uint64_t)SGX_SECINFO_RWX;
		clear_tcs(page);
	}
	measure_eadd(m, s, info.linaddr - s->a.baseaddr, secinfo.flags);
	/* no EEXTEND of this page could be refused: it is ours, and so is the measurement */
	if (measure)
		measure_page(m, s, info.linaddr - s->a.baseaddr, page);
	secs_add_children(s, 1);
	epcm_publish(m, &hold, epa, epcm_from_secinfo(secinfo.flags),
		     (struct sgxm_owner){ info.linaddr, info.secs });
	OUT_DONE();
}

struct sgxm_out sgxm_eadd(struct sgxm *m, uint64_t pageinfo, uint64_t epa)
{
	return sgxm_eadd_measured(m, pageinfo, epa, false);
}
