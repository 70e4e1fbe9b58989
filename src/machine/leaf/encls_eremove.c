/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EREMOVE: RCX = EPC page.  Authority: Intel SDM Vol. 3D, "EREMOVE". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"
#include "machine/track.h"

struct sgxm_out sgxm_eremove(struct sgxm *m, uint64_t epa)
{
	struct sgxm_epcm *e;
	struct sgxm_secs *owner;
	uint32_t state;
	unsigned pt;
	EPCM_HOLD(hold);

	/* EREMOVE.1: RCX is not 4096-aligned -> #GP(0) */
	if (!is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EREMOVE.1");

	/* EREMOVE.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EREMOVE.2", epa, PFEC_S_SGX);

	/* EREMOVE.3: the page is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e))
		OUT_GP("EREMOVE.3");

	/* EREMOVE.4: the page is free -> done, nothing to do */
	state = epcm_state(e);
	pt = epcm_pt(state);
	if (!(state & SGXM_E_VALID))
		OUT_DONE_AT("EREMOVE.4");
	owner = epcm_pt_is_child(pt) ? secs_page(m, epcm_owner(m, epa).secs_epa) : NULL;

	/* EREMOVE.5: a VA page, or an accepted TRIM page -> removed, even with threads inside */
	if (pt == SGX_PT_VA || (pt == SGX_PT_TRIM && !(state & SGXM_E_MODIFIED))) {
		epcm_free(&hold);
		if (owner)
			secs_drop_children(owner, 1);
		OUT_DONE_AT("EREMOVE.5");
	}

	if (!owner) {
		/* EREMOVE.6: a SECS whose enclave has pages -> CHILD_PRESENT */
		if (secs_has_children(secs_page(m, epa)))
			OUT_CODE("EREMOVE.6", SGXC_CHILD_PRESENT);

		/* EREMOVE.7: a SECS without -> removed */
		epcm_free(&hold);
		OUT_DONE_AT("EREMOVE.7");
	}

	/* EREMOVE.8: a logical processor executes in the enclave -> ENCLAVE_ACT */
	if (track_inside(owner))
		OUT_CODE("EREMOVE.8", SGXC_ENCLAVE_ACT);

	/* EREMOVE.9: otherwise -> removed */
	epcm_free(&hold);
	secs_drop_children(owner, 1);
	OUT_DONE_AT("EREMOVE.9");
}
