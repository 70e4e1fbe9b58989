/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EREPORT: RBX = TARGETINFO, RCX = REPORTDATA, RDX = REPORT.
 * Authority: Intel SDM Vol. 3D, "EREPORT".
 */
#include "machine/keys.h"
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

#define REPORT_ALIGN     512u
#define REPORTDATA_ALIGN 128u

static bool targetinfo_reserved_set(const struct sgx_targetinfo *t)
{
	return t->reserved1 || !mem_is_zero(t->reserved2, sizeof(t->reserved2)) ||
	       !mem_is_zero(t->reserved3, sizeof(t->reserved3));
}

/* The report key of the target: what EGETKEY(REPORT) gives it for the same KEYID */
static void target_key(struct sgxm *m, const struct sgx_targetinfo *t, uint8_t key[16])
{
	const struct sgxm_platform *p = m->platform;
	struct key_inputs in;

	mem_zero(&in, sizeof(in));
	in.keyname = SGX_KEY_REPORT;
	in.configsvn = t->configsvn;
	in.cet_attributes = t->cet_attributes;
	in.miscselect = t->miscselect;
	in.attributes = t->attributes;
	mem_copy(in.cpusvn, p->cpusvn, sizeof(in.cpusvn));
	mem_copy(in.keyid, p->report_keyid, sizeof(in.keyid));
	mem_copy(in.mrenclave, t->measurement, sizeof(in.mrenclave));
	mem_copy(in.configid, t->configid, sizeof(in.configid));
	mem_copy(in.owner_epoch, p->owner_epoch, sizeof(in.owner_epoch));
	key_seal_fuses(in.seal_fuses);
	key_padding(in.padding);
	key_derive(m, &in, key);
}

static void describe(const struct sgxm_platform *p, const struct sgxm_secs *s, const uint8_t *data,
		     struct sgx_report *r)
{
	mem_zero(r, sizeof(*r));
	mem_copy(r->cpusvn, p->cpusvn, sizeof(r->cpusvn));
	r->miscselect = s->a.miscselect;
	r->cet_attributes = s->a.cet_attributes;
	mem_copy(r->isvextprodid, s->isvextprodid, sizeof(r->isvextprodid));
	r->attributes = s->a.attributes;
	mem_copy(r->mrenclave, s->a.mrenclave, sizeof(r->mrenclave));
	mem_copy(r->mrsigner, s->a.mrsigner, sizeof(r->mrsigner));
	mem_copy(r->configid, s->a.configid, sizeof(r->configid));
	r->isvprodid = s->a.isvprodid;
	r->isvsvn = s->a.isvsvn;
	r->configsvn = s->a.configsvn;
	mem_copy(r->isvfamilyid, s->isvfamilyid, sizeof(r->isvfamilyid));
	mem_copy(r->reportdata, data, sizeof(r->reportdata));
	mem_copy(r->keyid, p->report_keyid, sizeof(r->keyid));
}

struct sgxm_out sgxm_ereport(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	struct operand target, data, output;
	struct sgx_targetinfo t;
	struct sgx_report report;
	struct sgxm_out fault;
	uint8_t key[16];

	OUT_GP_IF_OUTSIDE(cpu);

	/* EREPORT.1: RBX is not 512-aligned, or outside ELRANGE -> #GP(0) */
	if (!is_aligned(regs->rbx, REPORT_ALIGN) || !in_elrange(cpu, regs->rbx))
		OUT_GP("EREPORT.1");

	/* EREPORT.2: RBX is not on a readable page of this enclave -> #PF(RBX) */
	if (!operand_walk(m, cpu, regs->rbx, SGXM_READ, &target, &fault))
		OUT_AS("EREPORT.2", fault);
	if (!operand_owned(m, &target, cpu->secs_epa, regs->rbx, SGX_SECINFO_R))
		OUT_PF("EREPORT.2", regs->rbx, PFEC_U_SGX_R);

	/* EREPORT.3: RCX is not 128-aligned, or outside ELRANGE -> #GP(0) */
	if (!is_aligned(regs->rcx, REPORTDATA_ALIGN) || !in_elrange(cpu, regs->rcx))
		OUT_GP("EREPORT.3");

	/* EREPORT.4: RCX is not on a readable page of this enclave -> #PF(RCX) */
	if (!operand_walk(m, cpu, regs->rcx, SGXM_READ, &data, &fault))
		OUT_AS("EREPORT.4", fault);
	if (!operand_owned(m, &data, cpu->secs_epa, regs->rcx, SGX_SECINFO_R))
		OUT_PF("EREPORT.4", regs->rcx, PFEC_U_SGX_R);

	/* EREPORT.5: RDX is not 512-aligned, or outside ELRANGE -> #GP(0) */
	if (!is_aligned(regs->rdx, REPORT_ALIGN) || !in_elrange(cpu, regs->rdx))
		OUT_GP("EREPORT.5");

	/* EREPORT.6: RDX is not on a writable page of this enclave -> #PF(RDX) */
	if (!operand_walk(m, cpu, regs->rdx, SGXM_WRITE, &output, &fault))
		OUT_AS("EREPORT.6", fault);
	if (!operand_owned(m, &output, cpu->secs_epa, regs->rdx, SGX_SECINFO_W))
		OUT_PF("EREPORT.6", regs->rdx, PFEC_U_SGX_W);

	/* EREPORT.7: a reserved part of TARGETINFO is not 0 -> #GP(0) */
	mem_copy(&t, target.bytes, sizeof(t));
	if (targetinfo_reserved_set(&t))
		OUT_GP("EREPORT.7");

	describe(m->platform, secs_page(m, cpu->secs_epa), data.bytes, &report);
	target_key(m, &t, key);
	m->ops->cmac(m->host, key, &report, offsetof(struct sgx_report, keyid), report.mac);
	mem_copy(output.bytes, &report, sizeof(report));
	OUT_DONE();
}
