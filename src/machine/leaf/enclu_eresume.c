/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ERESUME: RBX = TCS, RCX = AEP.  Authority: Intel SDM Vol. 3D, "ERESUME". */
#include "machine/leaf/entry.h"
#include "machine/leaf/leaf_out.h"

#define RFLAGS_FIXED 0x2u
#define RFLAGS_IF    0x200u
#define RFLAGS_DF    0x400u
#define RFLAGS_IOPL  0x3000u
#define RFLAGS_NT    0x4000u
#define RFLAGS_AC    0x40000u
#define RFLAGS_ID    0x200000u
#define RFLAGS_VM    0x20000u
#define RFLAGS_RESTORED (SGXM_RFLAGS_ARITH | RFLAGS_DF | RFLAGS_NT | RFLAGS_AC | RFLAGS_ID | SGXM_RFLAGS_RF)

static const char *const ids[13] = {
	[2] = "ERESUME.2", [3] = "ERESUME.3", [4] = "ERESUME.4", [5] = "ERESUME.5", [6] = "ERESUME.6",
	[7] = "ERESUME.7", [8] = "ERESUME.8", [9] = "ERESUME.9", [10] = "ERESUME.10",
	[11] = "ERESUME.11", [12] = "ERESUME.12",
};

static uint64_t resumed_rflags(uint64_t now, uint64_t saved)
{
	uint64_t mask = RFLAGS_RESTORED;

	if ((now & RFLAGS_IOPL) == RFLAGS_IOPL)
		mask |= RFLAGS_IF;
	return (((now & ~mask) | (saved & mask)) & ~(uint64_t)RFLAGS_VM) | RFLAGS_FIXED;
}

static void resume_regs(const struct sgx_gprsgx *g, struct sgxm_regs *r)
{
	r->rax = g->rax;
	r->rcx = g->rcx;
	r->rdx = g->rdx;
	r->rbx = g->rbx;
	r->rsp = g->rsp;
	r->rbp = g->rbp;
	r->rsi = g->rsi;
	r->rdi = g->rdi;
	r->r8 = g->r8;
	r->r9 = g->r9;
	r->r10 = g->r10;
	r->r11 = g->r11;
	r->r12 = g->r12;
	r->r13 = g->r13;
	r->r14 = g->r14;
	r->r15 = g->r15;
	r->rflags = resumed_rflags(r->rflags, g->rflags);
	r->rip = g->rip;
}

/* AEX-notify: an entry at OENTRY that keeps the interrupted frame for the handler to look at */
static void notify_regs(struct sgxm *m, const struct entry *en, const struct ssa_frame *frame,
			uint64_t entry_la, struct sgxm_regs *regs)
{
	struct sgx_gprsgx *g = ssa_gprsgx(m, frame);

	g->ursp = regs->rsp;
	g->urbp = regs->rbp;
	regs->rax = en->t.cssa;
	regs->rcx = regs->rip;
	regs->rip = entry_la;
}

struct sgxm_out sgxm_eresume(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs,
			     uint8_t *xsave, size_t xsave_bytes)
{
	struct ssa_frame frame, fresh;
	struct sgxm_out out;
	struct sgx_gprsgx saved;
	uint64_t rip, fsbase, gsbase;
	enum ssa_part part;
	bool notify;
	ENTRY(en);

	OUT_GP_IF_INSIDE(cpu);

	/* ERESUME.2 ... ERESUME.12: shared with EENTER */
	out = entry_open(m, cpu, regs, ids, &en);
	if (out.kind != SGXM_DONE)
		return out;

	/* ERESUME.13: nothing to resume, CSSA = 0 -> #GP(0) */
	if (en.t.cssa == 0)
		OUT_GP("ERESUME.13");

	/* ERESUME.14: a page of frame CSSA - 1 is refused -> #PF(page) */
	if (ssa_resolve(m, cpu, &en.stack, en.t.cssa - 1, &frame, &out) != SSA_COMPLETE)
		OUT_AS("ERESUME.14", out);
	mem_copy(&saved, ssa_gprsgx(m, &frame), sizeof(saved));

	/* ERESUME.15: AEX-notify, and no frame CSSA -> #GP(0), or a page of it refused -> #PF(page) */
	notify = m->platform->aexnotify && en.t.flags & SGX_TCS_AEXNOTIFY && saved.aexnotify & 1;
	if (notify) {
		if (en.t.cssa >= en.t.nssa)
			OUT_GP("ERESUME.15");
		part = ssa_resolve(m, cpu, &en.stack, en.t.cssa, &fresh, &out);
		if (part != SSA_COMPLETE)
			OUT_AS("ERESUME.15", out);
	}

	/* ERESUME.16: the address to run at is not canonical -> #GP(0) */
	rip = notify ? en.secs->a.baseaddr + en.t.oentry : saved.rip;
	if (!is_canonical(rip))
		OUT_GP("ERESUME.16");

	/* ERESUME.17: FS or GS base is not canonical -> #GP(0) */
	fsbase = notify ? en.secs->a.baseaddr + en.t.ofsbase : saved.fsbase;
	gsbase = notify ? en.secs->a.baseaddr + en.t.ogsbase : saved.gsbase;
	if (!is_canonical(fsbase) || !is_canonical(gsbase))
		OUT_GP("ERESUME.17");

	/* ERESUME.18: the TCS is in use -> #GP(0) */
	if (!entry_claim(&en))
		OUT_GP("ERESUME.18");

	/* ERESUME.20: XRSTOR of the frame would fault -> #GP(0), STATE back to INACTIVE */
	if (!notify && !ssa_xrstor(m, &frame, en.secs->a.attributes.xfrm, xsave, xsave_bytes))
		OUT_GP("ERESUME.20");

	entry_commit(cpu, regs, &en, notify ? en.t.cssa : en.t.cssa - 1, notify ? &fresh : &frame,
		     fsbase, gsbase);
	if (notify) {
		notify_regs(m, &en, &fresh, rip, regs);
		OUT_DONE();
	}
	tcs_put_cssa(en.tcs, en.t.cssa - 1);
	resume_regs(&saved, regs);
	OUT_DONE();
}
