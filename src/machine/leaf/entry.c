/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The common part of EENTER and ERESUME. */
#include "machine/leaf/entry.h"

#include "machine/leaf/leaf_out.h"

void entry_release(struct entry *en)
{
	if (en->counted)
		track_leave(en->secs, en->epoch);
	if (en->activated)
		tcs_deactivate(en->tcs);
	en->counted = en->activated = false;
	epcm_drop(&en->hold);
}

static bool is_enterable(uint32_t s)
{
	return (s & (SGXM_E_VALID | SGXM_E_BLOCKED | SGXM_E_PENDING | SGXM_E_MODIFIED)) == SGXM_E_VALID &&
	       epcm_pt(s) == SGX_PT_TCS;
}

struct sgxm_out entry_open(struct sgxm *m, struct sgxm_cpu *cpu, const struct sgxm_regs *regs,
			   const char *const ids[13], struct entry *en)
{
	const struct sgxm_platform *p = m->platform;
	uint64_t known_flags = SGX_TCS_DBGOPTIN | (p->aexnotify ? SGX_TCS_AEXNOTIFY : 0);
	struct sgxm_owner owner;
	struct sgxm_out fault;
	struct operand tcs;

	/* .2: RBX is not 4096-aligned -> #GP(0) */
	if (!is_aligned(regs->rbx, SGX_PAGE_SIZE))
		OUT_GP(ids[2]);

	/* .3: RBX does not resolve within the EPC -> #PF(RBX) */
	if (!operand_walk(m, cpu, regs->rbx, SGXM_WRITE, &tcs, &fault))
		OUT_AS(ids[3], fault);

	/* .4: AEP is not canonical -> #GP(0) */
	if (!is_canonical(regs->rcx))
		OUT_GP(ids[4]);

	/* .5: another leaf operates on the TCS -> #GP(0) */
	if (!epcm_try_shared(&en->hold, tcs.e))
		OUT_GP(ids[5]);

	/* .6: not VALID, BLOCKED, not a TCS, another address, PENDING or MODIFIED -> #PF(RBX) */
	if (!is_enterable(epcm_state(tcs.e)))
		OUT_PF(ids[6], regs->rbx, PFEC_U_SGX_W);
	owner = epcm_owner(m, tcs.epa);
	if (owner.la != regs->rbx)
		OUT_PF(ids[6], regs->rbx, PFEC_U_SGX_W);

	en->tcs = tcs.bytes;
	en->tcs_la = regs->rbx;
	en->tcs_epa = tcs.epa;
	en->activated = tcs_try_activate(en->tcs);
	tcs_get(en->tcs, &en->t);
	en->secs_epa = owner.secs_epa;
	en->secs = secs_page(m, en->secs_epa);

	/* .7: OSSA, OFSBASE or OGSBASE is not page aligned -> #GP(0) */
	if (!is_aligned(en->t.ossa | en->t.ofsbase | en->t.ogsbase, SGX_PAGE_SIZE))
		OUT_GP(ids[7]);

	/* .8: a reserved bit of TCS.FLAGS is set -> #GP(0) */
	if (en->t.flags & ~known_flags)
		OUT_GP(ids[8]);

	/* .9: the enclave is not initialised -> #GP(0) */
	if (!secs_is_initialized(en->secs))
		OUT_GP(ids[9]);

	/* .10: a 32-bit enclave, on a CPU that is always in 64-bit mode -> #GP(0) */
	if (!(en->secs->a.attributes.flags & SGX_ATTR_MODE64BIT))
		OUT_GP(ids[10]);

	/* .11: XFRM is not a subset of XCR0 -> #GP(0) */
	if (en->secs->a.attributes.xfrm & ~p->xfrm)
		OUT_GP(ids[11]);

	/* .12: opt-out, and TCS and SECS do not agree on AEX-notify -> #GP(0) */
	if (p->aexnotify && !(en->t.flags & SGX_TCS_DBGOPTIN) &&
	    !(en->t.flags & SGX_TCS_AEXNOTIFY) != !(en->secs->a.attributes.flags & SGX_ATTR_AEXNOTIFY))
		OUT_GP(ids[12]);

	en->stack = ssa_stack_of(m, en->secs, en->secs_epa, en->t.ossa);
	OUT_DONE();
}

bool entry_claim(struct entry *en)
{
	en->counted = en->activated && track_enter(en->secs, &en->epoch);
	return en->counted;
}

void entry_commit(struct sgxm_cpu *cpu, struct sgxm_regs *regs, struct entry *en, uint32_t cssa,
		  const struct ssa_frame *frame, uint64_t fsbase, uint64_t gsbase)
{
	/* from now on EEXIT and AEX give them back */
	en->counted = en->activated = false;
	tcs_put_aep(en->tcs, regs->rcx);
	cpu->elrange_base = en->secs->a.baseaddr;
	cpu->elrange_size = en->secs->a.size;
	cpu->tcs_la = en->tcs_la;
	cpu->tcs_epa = en->tcs_epa;
	cpu->aep = regs->rcx;
	cpu->cssa = cssa;
	cpu->epoch = en->epoch;
	mem_copy(cpu->xsave_epa, frame->xsave_epa, sizeof(cpu->xsave_epa));
	cpu->gpr_epa = frame->gpr_epa;
	cpu->xfrm = en->secs->a.attributes.xfrm;
	cpu->miscselect = en->secs->a.miscselect;
	cpu->debug_optin = en->t.flags & SGX_TCS_DBGOPTIN;
	cpu->tf_saved = regs->rflags & SGXM_RFLAGS_TF;
	cpu->out_fsbase = regs->fsbase;
	cpu->out_gsbase = regs->gsbase;
	cpu->secs_epa = en->secs_epa;
	regs->fsbase = fsbase;
	regs->gsbase = gsbase;
	if (!cpu->debug_optin)
		regs->rflags &= ~(uint64_t)SGXM_RFLAGS_TF;
}
