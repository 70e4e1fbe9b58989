/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EDBGRD: RCX = address of 8 bytes in the EPC.  Authority: Intel SDM Vol. 3D, "EDBGRD". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

struct sgxm_out sgxm_edbgrd(struct sgxm *m, uint64_t epa, uint64_t *ret_data)
{
	uint64_t in_page = epa & (SGX_PAGE_SIZE - 1);
	const uint8_t *page;
	struct sgxm_epcm *e;
	uint32_t state;
	unsigned pt;
	EPCM_HOLD(hold);

	/* EDBGRD.1: RCX is not 8-aligned -> #GP(0) */
	if (!is_aligned(epa, 8))
		OUT_GP("EDBGRD.1");

	/* EDBGRD.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EDBGRD.2", epa, PFEC_S_SGX);

	/* EDBGRD.3: the page is in use by another leaf -> #GP(0) */
	if (!epcm_try_shared(&hold, e))
		OUT_GP("EDBGRD.3");

	/* EDBGRD.4: the page is not VALID -> #PF(RCX) */
	state = epcm_state(e);
	if (!(state & SGXM_E_VALID))
		OUT_PF("EDBGRD.4", epa, PFEC_S_SGX);

	/* EDBGRD.5: neither REG, TCS nor VA -> #PF(RCX) */
	pt = epcm_pt(state);
	if (pt != SGX_PT_REG && pt != SGX_PT_TCS && pt != SGX_PT_VA)
		OUT_PF("EDBGRD.5", epa, PFEC_S_SGX);

	/* EDBGRD.6: PENDING or MODIFIED -> PAGE_NOT_DEBUGGABLE */
	if (state & (SGXM_E_PENDING | SGXM_E_MODIFIED))
		OUT_CODE("EDBGRD.6", SGXC_PAGE_NOT_DEBUGGABLE);

	/* EDBGRD.7: behind the defined fields of a TCS -> #GP(0) */
	if (pt == SGX_PT_TCS && in_page >= SGX_TCS_FIELDS)
		OUT_GP("EDBGRD.7");

	/* EDBGRD.8: the enclave is not a debug enclave (VA pages have none) -> #GP(0) */
	if (pt != SGX_PT_VA &&
	    !(secs_page(m, epcm_owner(m, epa).secs_epa)->a.attributes.flags & SGX_ATTR_DEBUG))
		OUT_GP("EDBGRD.8");

	page = page_at(m, epa);
	if (pt == SGX_PT_VA)
		*ret_data = mem_get64(page + in_page) ? ~0ull : 0;
	else
		*ret_data = mem_get64(page + in_page);
	OUT_DONE();
}
