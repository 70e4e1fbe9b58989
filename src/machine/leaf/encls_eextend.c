/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EEXTEND: RBX = SECS, RCX = 256-byte chunk.  Authority: Intel SDM Vol. 3D, "EEXTEND". */
#include "machine/leaf/leaf_out.h"
#include "machine/measure.h"
#include "machine/operand.h"

struct sgxm_out sgxm_eextend(struct sgxm *m, uint64_t secs_epa, uint64_t chunk_epa)
{
	uint64_t in_page = chunk_epa & (SGX_PAGE_SIZE - 1);
	struct sgxm_epcm *e;
	struct sgxm_secs *s;
	uint32_t state;
	EPCM_HOLD(hold);
	SECS_HOLD(measuring);

	/* EEXTEND.1: RBX is not 4096-aligned -> #GP(0) */
	if (!is_aligned(secs_epa, SGX_PAGE_SIZE))
		OUT_GP("EEXTEND.1");

	/* EEXTEND.2: RBX is not EPC -> #PF(RBX) */
	if (!epcm_at(m, secs_epa))
		OUT_PF("EEXTEND.2", secs_epa, PFEC_S_SGX);

	/* EEXTEND.3: RCX is not 256-aligned -> #GP(0) */
	if (!is_aligned(chunk_epa, SGX_EEXTEND_BYTES))
		OUT_GP("EEXTEND.3");

	/* EEXTEND.4: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, chunk_epa);
	if (!e)
		OUT_PF("EEXTEND.4", chunk_epa, PFEC_S_SGX);

	/* EEXTEND.5: the page is in use by another leaf -> #GP(0) */
	if (!epcm_try_shared(&hold, e))
		OUT_GP("EEXTEND.5");

	/* EEXTEND.6: the page is not VALID -> #PF(RCX) */
	state = epcm_state(e);
	if (!(state & SGXM_E_VALID))
		OUT_PF("EEXTEND.6", chunk_epa, PFEC_S_SGX);

	/* EEXTEND.7: neither REG nor TCS -> #PF(RCX) */
	if (epcm_pt(state) != SGX_PT_REG && epcm_pt(state) != SGX_PT_TCS)
		OUT_PF("EEXTEND.7", chunk_epa, PFEC_S_SGX);

	/* EEXTEND.8: RBX is not the SECS that owns it -> #GP(0) */
	if (epcm_owner(m, chunk_epa).secs_epa != secs_epa)
		OUT_GP("EEXTEND.8");

	/* EEXTEND.9: another leaf measures, or the enclave is initialised -> #GP(0) */
	s = secs_page(m, secs_epa);
	if (!secs_try(&measuring, &s->measure_lock) || secs_is_initialized(s))
		OUT_GP("EEXTEND.9");

	measure_eextend(m, s, epcm_owner(m, chunk_epa).la - s->a.baseaddr + in_page, page_at(m, chunk_epa) + in_page);
	OUT_DONE();
}
