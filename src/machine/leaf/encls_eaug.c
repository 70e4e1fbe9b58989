/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EAUG: RBX = PAGEINFO, RCX = free EPC page.  And a run of EAUGs of neighbouring pages.
 * Authority: Intel SDM Vol. 3D, "EAUG".
 */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

#define EAUG_STATE (SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGXM_E_PENDING | SGX_PT_REG << SGXM_E_PT_SHIFT)

struct sgxm_out sgxm_eaug(struct sgxm *m, uint64_t pageinfo, uint64_t epa)
{
	struct sgx_pageinfo info;
	struct sgxm_epcm *e, *secs_e;
	struct sgxm_secs *s;
	EPCM_HOLD(hold);
	EPCM_HOLD(secs_hold);

	OUT_GP_UNLESS_SGX2(m, "ENCLS.6");

	/* EAUG.1: RBX is not 32-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(pageinfo, sizeof(info)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EAUG.1");

	/* EAUG.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EAUG.2", epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, pageinfo, &info, sizeof(info));

	/* EAUG.3: SECINFO is not 0, on a CPU without shadow stacks -> #GP(0) */
	if (info.secinfo)
		OUT_GP("EAUG.3");

	/* EAUG.4: SECS or LINADDR is not 4096-aligned -> #GP(0) */
	if (!is_aligned(info.secs | info.linaddr, SGX_PAGE_SIZE))
		OUT_GP("EAUG.4");

	/* EAUG.5: SRCPGE is not 0 -> #GP(0) */
	if (info.srcpge)
		OUT_GP("EAUG.5");

	/* EAUG.6: SECS is not EPC -> #PF(SECS) */
	secs_e = epcm_at(m, info.secs);
	if (!secs_e)
		OUT_PF("EAUG.6", info.secs, PFEC_S_SGX);

	/* EAUG.7: the target is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e))
		OUT_GP("EAUG.7");

	/* EAUG.8: the target is VALID -> #PF(RCX) */
	if (epcm_state(e) & SGXM_E_VALID)
		OUT_PF("EAUG.8", epa, PFEC_S_SGX);

	/* EAUG.10: the SECS is in use by another leaf -> #GP(0) */
	if (!epcm_try_shared(&secs_hold, secs_e))
		OUT_GP("EAUG.10");

	/* EAUG.11: it is not VALID, or no SECS -> #PF(SECS) */
	if (!epcm_is_secs(secs_e))
		OUT_PF("EAUG.11", info.secs, PFEC_S_SGX);
	s = secs_page(m, info.secs);

	/* EAUG.12: the enclave is not initialised -> #GP(0) */
	if (!secs_is_initialized(s))
		OUT_GP("EAUG.12");

	/* EAUG.13: LINADDR is outside ELRANGE -> #GP(0) */
	if (!secs_covers(s, info.linaddr))
		OUT_GP("EAUG.13");

	secs_add_children(s, 1);
	m->ops->zero(m->host, epa);
	epcm_publish(m, &hold, epa, EAUG_STATE, (struct sgxm_owner){ info.linaddr, info.secs });
	OUT_DONE();
}

static bool refuse(struct sgxm_out *ret_out, enum sgxm_kind kind, uint64_t epa, const char *check)
{
	bool pf = kind == SGXM_PF;

	*ret_out = leaf_out(kind, 0, false, false, pf ? PFEC_S_SGX : 0, pf ? epa : 0, check);
	return false;
}

/* One page of a run, as EAUG would treat it, given a good SECS.  False: *ret_out says why not. */
static bool augment_one(struct sgxm *m, const struct sgxm_secs *s, uint64_t la, uint64_t epa,
			uint64_t secs_epa, struct sgxm_out *ret_out)
{
	struct sgxm_epcm *e = epcm_at(m, epa);
	EPCM_HOLD(hold);

	if (!e)
		return refuse(ret_out, SGXM_PF, epa, "EAUG.2");
	if (!epcm_try_exclusive(&hold, e))
		return refuse(ret_out, SGXM_GP, epa, "EAUG.7");
	if (epcm_state(e) & SGXM_E_VALID)
		return refuse(ret_out, SGXM_PF, epa, "EAUG.8");
	if (!secs_covers(s, la))
		return refuse(ret_out, SGXM_GP, epa, "EAUG.13");
	m->ops->zero(m->host, epa);
	epcm_publish(m, &hold, epa, EAUG_STATE, (struct sgxm_owner){ la, secs_epa });
	return true;
}

struct sgxm_out sgxm_eaug_run(struct sgxm *m, uint64_t secs_epa, uint64_t la, uint64_t epa,
			      uint64_t pages, uint64_t *ret_done)
{
	struct sgxm_out out = leaf_out(SGXM_DONE, 0, false, false, 0, 0, NULL);
	struct sgxm_epcm *secs_e;
	struct sgxm_secs *s;
	uint64_t n = 0;
	EPCM_HOLD(secs_hold);

	*ret_done = 0;
	OUT_GP_UNLESS_SGX2(m, "ENCLS.6");
	if (!is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EAUG.1");
	if (!is_aligned(secs_epa | la, SGX_PAGE_SIZE))
		OUT_GP("EAUG.4");
	secs_e = epcm_at(m, secs_epa);
	if (!secs_e)
		OUT_PF("EAUG.6", secs_epa, PFEC_S_SGX);
	if (!epcm_try_shared(&secs_hold, secs_e))
		OUT_GP("EAUG.10");
	if (!epcm_is_secs(secs_e))
		OUT_PF("EAUG.11", secs_epa, PFEC_S_SGX);
	s = secs_page(m, secs_epa);
	if (!secs_is_initialized(s))
		OUT_GP("EAUG.12");

	/* the children first, and the rest given back: nobody can remove a SECS that is shared */
	secs_add_children(s, pages);
	while (n < pages && augment_one(m, s, la + n * SGX_PAGE_SIZE, epa + n * SGX_PAGE_SIZE, secs_epa, &out))
		n++;
	secs_drop_children(s, pages - n);
	*ret_done = n;
	return out;
}
