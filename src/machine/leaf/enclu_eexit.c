/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EEXIT: RBX = where to go.  Authority: Intel SDM Vol. 3D, "EEXIT". */
#include "machine/leaf/leaf_out.h"
#include "machine/tcs.h"

struct sgxm_out sgxm_eexit(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	OUT_GP_IF_OUTSIDE(cpu);

	/* EEXIT.1: the target is not canonical -> #GP(0) */
	if (!is_canonical(regs->rbx))
		OUT_GP("EEXIT.1");

	regs->rip = regs->rbx;
	regs->rcx = cpu->aep;
	regs->fsbase = cpu->out_fsbase;
	regs->gsbase = cpu->out_gsbase;
	if (!cpu->debug_optin)
		regs->rflags = (regs->rflags & ~(uint64_t)SGXM_RFLAGS_TF) |
			       (cpu->tf_saved ? SGXM_RFLAGS_TF : 0);
	cpu_leave(m, cpu);
	OUT_DONE();
}
