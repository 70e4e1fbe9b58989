/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ENCLS: from EAX to the leaf, and from its outcome to the register file. */
#include "machine/leaf/leaf_out.h"
#include "machine/leaf/status.h"

typedef struct sgxm_out encls_leaf(struct sgxm *m, struct sgxm_regs *r);

static struct sgxm_out ecreate(struct sgxm *m, struct sgxm_regs *r) { return sgxm_ecreate(m, r->rbx, r->rcx); }
static struct sgxm_out eadd(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eadd(m, r->rbx, r->rcx); }
static struct sgxm_out eextend(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eextend(m, r->rbx, r->rcx); }
static struct sgxm_out einit(struct sgxm *m, struct sgxm_regs *r)
{
	return sgxm_einit(m, r->rbx, r->rcx, r->rdx);
}
static struct sgxm_out eremove(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eremove(m, r->rcx); }
static struct sgxm_out edbgrd(struct sgxm *m, struct sgxm_regs *r) { return sgxm_edbgrd(m, r->rcx, &r->rbx); }
static struct sgxm_out edbgwr(struct sgxm *m, struct sgxm_regs *r) { return sgxm_edbgwr(m, r->rcx, r->rbx); }
static struct sgxm_out eblock(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eblock(m, r->rcx); }
static struct sgxm_out etrack(struct sgxm *m, struct sgxm_regs *r) { return sgxm_etrack(m, r->rcx); }
static struct sgxm_out epa(struct sgxm *m, struct sgxm_regs *r) { return sgxm_epa(m, r->rbx, r->rcx); }
static struct sgxm_out ewb(struct sgxm *m, struct sgxm_regs *r) { return sgxm_ewb(m, r->rbx, r->rcx, r->rdx); }
static struct sgxm_out eldu(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eldu(m, r->rbx, r->rcx, r->rdx); }
static struct sgxm_out eldb(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eldb(m, r->rbx, r->rcx, r->rdx); }
static struct sgxm_out eaug(struct sgxm *m, struct sgxm_regs *r) { return sgxm_eaug(m, r->rbx, r->rcx); }
static struct sgxm_out emodpr(struct sgxm *m, struct sgxm_regs *r) { return sgxm_emodpr(m, r->rbx, r->rcx); }
static struct sgxm_out emodt(struct sgxm *m, struct sgxm_regs *r) { return sgxm_emodt(m, r->rbx, r->rcx); }

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
