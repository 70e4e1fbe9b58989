/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ENCLS: from EAX to the leaf, and from its outcome to the register file. */
#include "machine/leaf/leaf_out.h"
#include "machine/leaf/status.h"

typedef struct sgxm_out encls_leaf(struct sgxm *m, struct sgxm_regs *r);

/* Which registers are the operands of which leaf */
#define OPERANDS(leaf, ...) \
	static struct sgxm_out leaf(struct sgxm *m, struct sgxm_regs *r) \
	{ \
		return sgxm_##leaf(m, __VA_ARGS__); \
	}
OPERANDS(ecreate, r->rbx, r->rcx)
OPERANDS(eadd, r->rbx, r->rcx)
OPERANDS(eextend, r->rbx, r->rcx)
OPERANDS(einit, r->rbx, r->rcx, r->rdx)
OPERANDS(eremove, r->rcx)
OPERANDS(edbgrd, r->rcx, &r->rbx)
OPERANDS(edbgwr, r->rcx, r->rbx)
OPERANDS(eblock, r->rcx)
OPERANDS(etrack, r->rcx)
OPERANDS(epa, r->rbx, r->rcx)
OPERANDS(ewb, r->rbx, r->rcx, r->rdx)
OPERANDS(eldu, r->rbx, r->rcx, r->rdx)
OPERANDS(eldb, r->rbx, r->rcx, r->rdx)
OPERANDS(eaug, r->rbx, r->rcx)
OPERANDS(emodpr, r->rbx, r->rcx)
OPERANDS(emodt, r->rbx, r->rcx)

/* A hole is a leaf that the CPU lacks */
static const struct {
	encls_leaf *run;
	bool status;
} leafs[] = {
	[SGX_ECREATE] = { ecreate, false },
	[SGX_EADD] = { eadd, false },
	[SGX_EINIT] = { einit, true },
	[SGX_EREMOVE] = { eremove, true },
	[SGX_EDBGRD] = { edbgrd, true },
	[SGX_EDBGWR] = { edbgwr, true },
	[SGX_EEXTEND] = { eextend, false },
	[SGX_ELDB] = { eldb, true },
	[SGX_ELDU] = { eldu, true },
	[SGX_EBLOCK] = { eblock, true },
	[SGX_EPA] = { epa, false },
	[SGX_EWB] = { ewb, true },
	[SGX_ETRACK] = { etrack, true },
	[SGX_EAUG] = { eaug, false },
	[SGX_EMODPR] = { emodpr, true },
	[SGX_EMODT] = { emodt, true },
};

struct sgxm_out sgxm_encls(struct sgxm *m, struct sgxm_regs *regs)
{
	uint32_t leaf = (uint32_t)regs->rax;
	struct sgxm_out out;

	/* ENCLS.6: a leaf that the CPU lacks -> #GP(0) */
	if (leaf >= sizeof(leafs) / sizeof(leafs[0]) || !leafs[leaf].run)
		OUT_GP("ENCLS.6");
	out = leafs[leaf].run(m, regs);
	if (leafs[leaf].status && (out.kind == SGXM_DONE || out.kind == SGXM_CODE))
		status_to_regs(&out, regs);
	return out;
}
