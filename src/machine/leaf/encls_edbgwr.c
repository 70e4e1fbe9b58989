/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EDBGWR: RCX = address of 8 bytes in the EPC, RBX = data.  Authority: Intel SDM Vol. 3D, "EDBGWR". */
#include "machine/leaf/leaf_out.h"
#include "machine/tcs.h"

struct sgxm_out sgxm_edbgwr(struct sgxm *m, uint64_t epa, uint64_t data)
{
	uint64_t in_page = epa & (SGX_PAGE_SIZE - 1);
	struct sgxm_epcm *e;
	uint32_t state;
	unsigned pt;
	EPCM_HOLD(hold);

	/* EDBGWR.1: RCX is not 8-aligned -> #GP(0) */
	if (!is_aligned(epa, 8))
		OUT_GP("EDBGWR.1");

	/* EDBGWR.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EDBGWR.2", epa, PFEC_S_SGX);

	/* EDBGWR.3: the page is in use by another leaf -> #GP(0) */
	if (!epcm_try_shared(&hold, e))
		OUT_GP("EDBGWR.3");

	/* EDBGWR.4: the page is not VALID -> #PF(RCX) */
	state = epcm_state(e);
	if (!(state & SGXM_E_VALID))
		OUT_PF("EDBGWR.4", epa, PFEC_S_SGX);

	/* EDBGWR.5: neither REG nor TCS -> #PF(RCX) */
	pt = epcm_pt(state);
	if (pt != SGX_PT_REG && pt != SGX_PT_TCS)
		OUT_PF("EDBGWR.5", epa, PFEC_S_SGX);

	/* EDBGWR.6: PENDING or MODIFIED -> PAGE_NOT_DEBUGGABLE */
	if (state & (SGXM_E_PENDING | SGXM_E_MODIFIED))
		OUT_CODE("EDBGWR.6", SGXC_PAGE_NOT_DEBUGGABLE);

	/* EDBGWR.7: any word of a TCS but FLAGS -> #GP(0) */
	if (pt == SGX_PT_TCS && in_page != TCS_FLAGS_OFF)
		OUT_GP("EDBGWR.7");

	/* EDBGWR.8: the enclave is not a debug enclave -> #GP(0) */
	if (!(secs_page(m, epcm_owner(m, epa).secs_epa)->a.attributes.flags & SGX_ATTR_DEBUG))
		OUT_GP("EDBGWR.8");

	mem_put64(page_at(m, epa) + in_page, data);
	OUT_DONE();
}
