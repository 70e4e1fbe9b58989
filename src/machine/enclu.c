/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ENCLU: from EAX to the leaf, and from its outcome to the register file. */
#include "machine/leaf/leaf_out.h"
#include "machine/leaf/status.h"

typedef struct sgxm_out enclu_leaf(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);

/* A hole is a leaf that the CPU lacks.  ERESUME, which needs the XSAVE image, is called by name. */
static enclu_leaf *const leafs[] = {
	[SGX_EREPORT] = sgxm_ereport,
	[SGX_EGETKEY] = sgxm_egetkey,
	[SGX_EENTER] = sgxm_eenter,
	[SGX_EEXIT] = sgxm_eexit,
	[SGX_EACCEPT] = sgxm_eaccept,
	[SGX_EMODPE] = sgxm_emodpe,
	[SGX_EACCEPTCOPY] = sgxm_eacceptcopy,
	[SGX_EDECCSSA] = sgxm_edeccssa,
};

static bool is_status_leaf(uint32_t leaf)
{
	return leaf == SGX_EGETKEY || leaf == SGX_EACCEPT || leaf == SGX_EACCEPTCOPY;
}

static struct sgxm_out run(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs,
			   uint8_t *xsave, size_t xsave_bytes)
{
	uint32_t leaf = (uint32_t)regs->rax;

	if (leaf == SGX_ERESUME)
		return sgxm_eresume(m, cpu, regs, xsave, xsave_bytes);

	/* ENCLU.7: a leaf that the CPU lacks -> #GP(0) */
	if (leaf >= sizeof(leafs) / sizeof(leafs[0]) || !leafs[leaf])
		OUT_GP("ENCLU.7");
	return leafs[leaf](m, cpu, regs);
}

struct sgxm_out sgxm_enclu(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs,
			   unsigned insn_bytes, uint8_t *xsave, size_t xsave_bytes)
{
	uint64_t rip = regs->rip;
	uint32_t leaf = (uint32_t)regs->rax;
	struct sgxm_out out;

	regs->rip = rip + insn_bytes;
	out = run(m, cpu, regs, xsave, xsave_bytes);
	if (out.kind != SGXM_DONE && out.kind != SGXM_CODE)
		regs->rip = rip;
	else if (is_status_leaf(leaf))
		status_to_regs(&out, regs);
	return out;
}
