/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EPA: RBX = PT_VA, RCX = free EPC page.  Authority: Intel SDM Vol. 3D, "EPA". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

struct sgxm_out sgxm_epa(struct sgxm *m, uint64_t pt, uint64_t epa)
{
	struct sgxm_epcm *e;
	EPCM_HOLD(hold);

	/* EPA.1: RBX is not PT_VA, or RCX not 4096-aligned -> #GP(0) */
	if (pt != SGX_PT_VA || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EPA.1");

	/* EPA.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EPA.2", epa, PFEC_S_SGX);

	/* EPA.3: the page is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e))
		OUT_GP("EPA.3");

	/* EPA.4: the page is VALID -> #PF(RCX) */
	if (epcm_state(e) & SGXM_E_VALID)
		OUT_PF("EPA.4", epa, PFEC_S_SGX);

	m->ops->zero(m->host, epa);
	epcm_publish(m, &hold, epa, epcm_from_secinfo(SGX_SECINFO_PT(SGX_PT_VA)),
		     (struct sgxm_owner){ 0 });
	OUT_DONE();
}
