/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EMODT: RBX = SECINFO, RCX = EPC page.  Authority: Intel SDM Vol. 3D, "EMODT". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"
#include "machine/track.h"

static bool is_legal_change(unsigned from, unsigned to)
{
	return (from == SGX_PT_REG && (to == SGX_PT_TCS || to == SGX_PT_TRIM)) ||
	       (from == SGX_PT_TCS && to == SGX_PT_TRIM);
}

struct sgxm_out sgxm_emodt(struct sgxm *m, uint64_t secinfo_addr, uint64_t epa)
{
	struct sgx_arch_secinfo secinfo;
	const struct sgxm_secs *s;
	struct sgxm_epcm *e;
	uint32_t state, next;
	unsigned pt;
	EPCM_HOLD(hold);
	EPCM_HOLD(sgx2);

	OUT_GP_UNLESS_SGX2(m, "ENCLS.6");

	/* EMODT.1: RBX is not 64-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(secinfo_addr, sizeof(secinfo)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EMODT.1");

	/* EMODT.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EMODT.2", epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, secinfo_addr, &secinfo, sizeof(secinfo));

	/* EMODT.3: a reserved part of SECINFO is not 0, or the type is neither TCS nor TRIM -> #GP(0) */
	pt = secinfo_pt(&secinfo);
	if (secinfo_reserved_set(&secinfo) || (pt != SGX_PT_TCS && pt != SGX_PT_TRIM))
		OUT_GP("EMODT.3");

	/* EMODT.4: the page is in use by another leaf -> EPC_PAGE_CONFLICT */
	if (!epcm_try_exclusive_base(&hold, e))
		OUT_CODE("EMODT.4", SGXC_EPC_PAGE_CONFLICT);

	/* EMODT.5: the page is not VALID -> #PF(RCX) */
	if (!(epcm_state(e) & SGXM_E_VALID))
		OUT_PF("EMODT.5", epa, PFEC_S_SGX);

	/* EMODT.6: another SGX2 leaf uses the page -> EPC_PAGE_CONFLICT */
	if (!epcm_try_sgx2(&sgx2, e, true))
		OUT_CODE("EMODT.6", SGXC_EPC_PAGE_CONFLICT);

	do {
		/* EMODT.7: neither REG to TCS or TRIM, nor TCS to TRIM -> #PF(RCX) */
		state = epcm_state(e);
		if (!is_legal_change(epcm_pt(state), pt))
			OUT_PF("EMODT.7", epa, PFEC_S_SGX);

		/* EMODT.8: PENDING or MODIFIED -> PAGE_NOT_MODIFIABLE */
		if (state & (SGXM_E_PENDING | SGXM_E_MODIFIED))
			OUT_CODE("EMODT.8", SGXC_PAGE_NOT_MODIFIABLE);

		/* EMODT.9: the enclave is not initialised -> #GP(0) */
		s = secs_page(m, epcm_owner(m, epa).secs_epa);
		if (!secs_is_initialized(s))
			OUT_GP("EMODT.9");
		next = (state & SGXM_E_BLOCKED) | SGXM_E_VALID | SGXM_E_MODIFIED | pt << SGXM_E_PT_SHIFT;
	} while (!epcm_change(e, state, next));

	__atomic_store_n(&e->epoch, track_stamp(s), __ATOMIC_RELEASE);
	OUT_DONE();
}
