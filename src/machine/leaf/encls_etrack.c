/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ETRACK: RCX = SECS.  Authority: Intel SDM Vol. 3D, "ETRACK". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"
#include "machine/track.h"

struct sgxm_out sgxm_etrack(struct sgxm *m, uint64_t secs_epa)
{
	struct sgxm_epcm *e;
	struct sgxm_secs *s;
	bool shared;
	EPCM_HOLD(hold);
	SECS_HOLD(tracking);

	/* ETRACK.1: RCX is not 4096-aligned -> #GP(0) */
	if (!is_aligned(secs_epa, SGX_PAGE_SIZE))
		OUT_GP("ETRACK.1");

	/* ETRACK.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, secs_epa);
	if (!e)
		OUT_PF("ETRACK.2", secs_epa, PFEC_S_SGX);

	/* ETRACK.3: the page, or (only a SECS has it) its tracking resource, is in use -> #GP(0) */
	shared = epcm_try_shared(&hold, e);
	s = secs_page(m, secs_epa);
	if (!shared || (epcm_is_secs(e) && !secs_try(&tracking, &s->track_lock)))
		OUT_GP("ETRACK.3");

	/* ETRACK.4: not VALID, or no SECS -> #PF(RCX) */
	if (!epcm_is_secs(e))
		OUT_PF("ETRACK.4", secs_epa, PFEC_S_SGX);

	/* ETRACK.5: threads of the previous cycle are still inside -> PREV_TRK_INCMPL */
	if (!track_advance(s))
		OUT_CODE("ETRACK.5", SGXC_PREV_TRK_INCMPL);
	OUT_DONE();
}
