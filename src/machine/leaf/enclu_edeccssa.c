/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EDECCSSA: pop the interrupted frame without leaving.  Authority: Intel SDM Vol. 3D, "EDECCSSA". */
#include "machine/leaf/leaf_out.h"
#include "machine/ssa.h"
#include "machine/tcs.h"

struct sgxm_out sgxm_edeccssa(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	uint8_t *tcs;
	const struct sgxm_secs *s;
	struct tcs_fields t;
	struct ssa_stack stack;
	struct ssa_frame frame;
	struct sgxm_out fault;
	enum ssa_part part;

	(void)regs;             /* no operands, no results */

	/* ENCLU.7: a CPU without AEX-notify lacks the leaf */
	if (!m->platform->aexnotify)
		OUT_GP("ENCLU.7");
	OUT_GP_IF_OUTSIDE(cpu);

	/* EDECCSSA.1: CSSA = 0 -> #GP(0) */
	tcs = page_at(m, cpu->tcs_epa);
	tcs_get(tcs, &t);
	if (t.cssa == 0)
		OUT_GP("EDECCSSA.1");

	/* EDECCSSA.2: a page of the XSAVE area of frame CSSA - 1 is refused -> #PF(page) */
	s = secs_page(m, cpu->secs_epa);
	stack = ssa_stack_of(m, s, cpu->secs_epa, t.ossa);
	part = ssa_resolve(m, cpu, &stack, t.cssa - 1, &frame, &fault);
	if (part == SSA_XSAVE_REFUSED)
		OUT_AS("EDECCSSA.2", fault);

	/* EDECCSSA.3: the page of GPRSGX is refused -> #PF(page) */
	if (part == SSA_GPRSGX_REFUSED)
		OUT_AS("EDECCSSA.3", fault);

	cpu->cssa = t.cssa - 1;
	mem_copy(cpu->xsave_epa, frame.xsave_epa, sizeof(cpu->xsave_epa));
	cpu->gpr_epa = frame.gpr_epa;
	tcs_put_cssa(tcs, t.cssa - 1);
	OUT_DONE();
}
