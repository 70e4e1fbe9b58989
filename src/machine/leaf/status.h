/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a status leaf reports: its code in RAX, ZF or CF, and the other arithmetic flags cleared. */
#ifndef MACHINE_LEAF_STATUS_H
#define MACHINE_LEAF_STATUS_H

#include "machine/machine.h"

static inline void status_to_regs(const struct sgxm_out *out, struct sgxm_regs *regs)
{
	regs->rax = out->code;
	regs->rflags = (regs->rflags & ~(uint64_t)SGXM_RFLAGS_ARITH) | (out->zf ? SGXM_RFLAGS_ZF : 0) |
		       (out->cf ? SGXM_RFLAGS_CF : 0);
}

#endif
