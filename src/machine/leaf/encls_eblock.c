/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EBLOCK: RCX = EPC page.  Authority: Intel SDM Vol. 3D, "EBLOCK". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"
#include "machine/track.h"

struct sgxm_out sgxm_eblock(struct sgxm *m, uint64_t epa)
{
	struct sgxm_epcm *e;
	uint32_t state;
	EPCM_HOLD(hold);

	/* EBLOCK.1: RCX is not 4096-aligned -> #GP(0) */
	if (!is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EBLOCK.1");

	/* EBLOCK.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EBLOCK.2", epa, PFEC_S_SGX);

	/* EBLOCK.3: the page is in use by another leaf -> ZF, EPC_PAGE_CONFLICT */
	if (!epcm_try_shared(&hold, e))
		OUT_CODE("EBLOCK.3", SGXC_EPC_PAGE_CONFLICT);

	do {
		/* EBLOCK.4: the page is not VALID -> ZF, PG_INVLD */
		state = epcm_state(e);
		if (!(state & SGXM_E_VALID))
			OUT_CODE("EBLOCK.4", SGXC_PG_INVLD);

		/* EBLOCK.5: a SECS -> CF, PG_IS_SECS */
		if (epcm_pt(state) == SGX_PT_SECS)
			OUT_CODE_CF("EBLOCK.5", SGXC_PG_IS_SECS);

		/* EBLOCK.6: neither REG, TCS nor TRIM -> CF, NOTBLOCKABLE */
		if (!epcm_pt_is_child(epcm_pt(state)))
			OUT_CODE_CF("EBLOCK.6", SGXC_NOTBLOCKABLE);

		/* EBLOCK.7: BLOCKED already -> CF, BLKSTATE */
		if (state & SGXM_E_BLOCKED)
			OUT_CODE_CF("EBLOCK.7", SGXC_BLKSTATE);
	} while (!epcm_change(e, state, state | SGXM_E_BLOCKED));

	/* after the change, so that the stamp is no older than it; EWB cannot come between */
	__atomic_store_n(&e->epoch, track_stamp(secs_page(m, epcm_owner(m, epa).secs_epa)), __ATOMIC_RELEASE);
	OUT_DONE();
}
