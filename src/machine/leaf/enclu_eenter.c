/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EENTER: RBX = TCS, RCX = AEP.  Authority: Intel SDM Vol. 3D, "EENTER". */
#include "machine/leaf/entry.h"
#include "machine/leaf/leaf_out.h"

static const char *const ids[13] = {
	[2] = "EENTER.2", [3] = "EENTER.3", [4] = "EENTER.4", [5] = "EENTER.5", [6] = "EENTER.6",
	[7] = "EENTER.7", [8] = "EENTER.8", [9] = "EENTER.9", [10] = "EENTER.10",
	[11] = "EENTER.11", [12] = "EENTER.12",
};

struct sgxm_out sgxm_eenter(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	struct ssa_frame frame;
	struct sgxm_out out;
	struct sgx_gprsgx *g;
	uint64_t entry_la, fsbase, gsbase;
	enum ssa_part part;
	ENTRY(en);

	OUT_GP_IF_INSIDE(cpu);

	/* EENTER.2 ... EENTER.12: shared with ERESUME */
	out = entry_open(m, cpu, regs, ids, &en);
	if (out.kind != SGXM_DONE)
		return out;

	/* EENTER.13: no frame is left, CSSA >= NSSA -> #GP(0) */
	if (en.t.cssa >= en.t.nssa)
		OUT_GP("EENTER.13");

	/* EENTER.14: a page of the XSAVE area of frame CSSA is refused -> #PF(page) */
	part = ssa_resolve(m, cpu, &en.stack, en.t.cssa, &frame, &out);
	if (part == SSA_XSAVE_REFUSED)
		OUT_AS("EENTER.14", out);

	/* EENTER.15: the page of GPRSGX is refused -> #PF(page) */
	if (part == SSA_GPRSGX_REFUSED)
		OUT_AS("EENTER.15", out);

	/* EENTER.16: the entry point is not canonical -> #GP(0) */
	entry_la = en.secs->a.baseaddr + en.t.oentry;
	if (!is_canonical(entry_la))
		OUT_GP("EENTER.16");

	/* EENTER.17: FS or GS base is not canonical -> #GP(0) */
	fsbase = en.secs->a.baseaddr + en.t.ofsbase;
	gsbase = en.secs->a.baseaddr + en.t.ogsbase;
	if (!is_canonical(fsbase) || !is_canonical(gsbase))
		OUT_GP("EENTER.17");

	/* EENTER.18: the TCS is in use -> #GP(0) */
	if (!entry_claim(&en))
		OUT_GP("EENTER.18");

	entry_commit(cpu, regs, &en, en.t.cssa, &frame, fsbase, gsbase);
	g = ssa_gprsgx(m, &frame);
	g->ursp = regs->rsp;
	g->urbp = regs->rbp;
	regs->rax = en.t.cssa;
	regs->rcx = regs->rip;
	regs->rip = entry_la;
	OUT_DONE();
}
