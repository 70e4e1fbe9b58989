/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EMODPR: RBX = SECINFO, RCX = EPC page.  Authority: Intel SDM Vol. 3D, "EMODPR". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"
#include "machine/track.h"

struct sgxm_out sgxm_emodpr(struct sgxm *m, uint64_t secinfo_addr, uint64_t epa)
{
	struct sgx_arch_secinfo secinfo;
	const struct sgxm_secs *s;
	struct sgxm_epcm *e;
	uint32_t state, keep;
	EPCM_HOLD(share);
	EPCM_HOLD(sgx2);

	OUT_GP_UNLESS_SGX2(m, "ENCLS.6");

	/* EMODPR.1: RBX is not 64-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(secinfo_addr, sizeof(secinfo)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EMODPR.1");

	/* EMODPR.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EMODPR.2", epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, secinfo_addr, &secinfo, sizeof(secinfo));

	/* EMODPR.3: a reserved part of SECINFO is not 0, or W without R -> #GP(0) */
	if (secinfo_reserved_set(&secinfo) || rwx_is_misconfigured(secinfo.flags))
		OUT_GP("EMODPR.3");

	/* EMODPR.4: the page is in use by a leaf that excludes others -> #GP(0) */
	if (!epcm_try_shared(&share, e))
		OUT_GP("EMODPR.4");

	/* EMODPR.5: the page is not VALID -> #PF(RCX) */
	if (!(epcm_state(e) & SGXM_E_VALID))
		OUT_PF("EMODPR.5", epa, PFEC_S_SGX);

	/* EMODPR.6: another SGX2 leaf uses the page -> EPC_PAGE_CONFLICT */
	if (!epcm_try_sgx2(&sgx2, e, false))
		OUT_CODE("EMODPR.6", SGXC_EPC_PAGE_CONFLICT);

	keep = ~(uint32_t)(SGXM_E_R | SGXM_E_W | SGXM_E_X) | (uint32_t)(secinfo.flags & SGX_SECINFO_RWX) << 1;
	do {
		/* EMODPR.7: PENDING or MODIFIED -> PAGE_NOT_MODIFIABLE */
		state = epcm_state(e);
		if (state & (SGXM_E_PENDING | SGXM_E_MODIFIED))
			OUT_CODE("EMODPR.7", SGXC_PAGE_NOT_MODIFIABLE);

		/* EMODPR.8: not a REG page -> #PF(RCX) */
		if (epcm_pt(state) != SGX_PT_REG)
			OUT_PF("EMODPR.8", epa, PFEC_S_SGX);

		/* EMODPR.9: the enclave is not initialised -> #GP(0) */
		s = secs_page(m, epcm_owner(m, epa).secs_epa);
		if (!secs_is_initialized(s))
			OUT_GP("EMODPR.9");
	} while (!epcm_change(e, state, (state & keep) | SGXM_E_PR));

	/* after the change, so that the stamp is no older than it; EACCEPT needs the resource we hold */
	__atomic_store_n(&e->epoch, track_stamp(s), __ATOMIC_RELEASE);
	OUT_DONE();
}
