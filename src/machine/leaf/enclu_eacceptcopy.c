/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EACCEPTCOPY: RBX = SECINFO, RCX = destination, RDX = source.
 * Authority: Intel SDM Vol. 3D, "EACCEPTCOPY".
 */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

static bool is_pending(const struct sgxm *m, const struct sgxm_cpu *cpu, uint32_t state, uint64_t epa)
{
	return (state & (SGXM_E_VALID | SGXM_E_PENDING | SGXM_E_MODIFIED | SGXM_E_BLOCKED)) ==
		       (SGXM_E_VALID | SGXM_E_PENDING) &&
	       epcm_pt(state) == SGX_PT_REG && epcm_owner(m, epa).secs_epa == cpu->secs_epa;
}

/* As EAUG left it: read and write, at the address of the operand */
static bool is_fresh(const struct sgxm *m, uint32_t state, const struct operand *to, uint64_t la)
{
	return epcm_rwx(state) == (SGX_SECINFO_R | SGX_SECINFO_W) && epcm_owner(m, to->epa).la == la;
}

struct sgxm_out sgxm_eacceptcopy(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	const uint32_t replaced = SGXM_E_PENDING | SGXM_E_R | SGXM_E_W | SGXM_E_X;
	struct sgx_arch_secinfo secinfo;
	struct operand info, to, from;
	struct sgxm_out fault;
	uint32_t state, rwx;
	EPCM_HOLD(sgx2);

	OUT_GP_UNLESS_SGX2(m, "ENCLU.7");
	OUT_GP_IF_OUTSIDE(cpu);

	/* EACCEPTCOPY.1: RBX is not 64-aligned, or RCX or RDX not 4096-aligned -> #GP(0) */
	if (!is_aligned(regs->rbx, sizeof(secinfo)) || !is_aligned(regs->rcx | regs->rdx, SGX_PAGE_SIZE))
		OUT_GP("EACCEPTCOPY.1");

	/* EACCEPTCOPY.2: one of the three is outside ELRANGE -> #GP(0) */
	if (!in_elrange(cpu, regs->rbx) || !in_elrange(cpu, regs->rcx) || !in_elrange(cpu, regs->rdx))
		OUT_GP("EACCEPTCOPY.2");

	/* EACCEPTCOPY.3: one does not resolve within the EPC -> #PF of that operand */
	if (!operand_walk(m, cpu, regs->rbx, SGXM_READ, &info, &fault) ||
	    !operand_walk(m, cpu, regs->rcx, SGXM_WRITE, &to, &fault) ||
	    !operand_walk(m, cpu, regs->rdx, SGXM_READ, &from, &fault))
		OUT_AS("EACCEPTCOPY.3", fault);

	/* EACCEPTCOPY.4: the SECINFO page is not a readable page of this enclave -> #PF(RBX) */
	if (!operand_owned(m, &info, cpu->secs_epa, regs->rbx, SGX_SECINFO_R))
		OUT_PF("EACCEPTCOPY.4", regs->rbx, PFEC_U_SGX_R);
	mem_copy(&secinfo, info.bytes, sizeof(secinfo));

	/* EACCEPTCOPY.5: a reserved part is not 0, W without R, or not REG -> #GP(0) */
	if (secinfo_reserved_set(&secinfo) || rwx_is_misconfigured(secinfo.flags) ||
	    secinfo_pt(&secinfo) != SGX_PT_REG)
		OUT_GP("EACCEPTCOPY.5");

	/* EACCEPTCOPY.6: the source is not a readable page of this enclave -> #PF(RDX) */
	if (!operand_owned(m, &from, cpu->secs_epa, regs->rdx, SGX_SECINFO_R))
		OUT_PF("EACCEPTCOPY.6", regs->rdx, PFEC_U_SGX_R);

	/* EACCEPTCOPY.7: the destination is no pending REG page of this enclave -> code 19 */
	if (!is_pending(m, cpu, epcm_state(to.e), to.epa))
		OUT_CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH);

	/* EACCEPTCOPY.8: another SGX2 leaf uses the destination -> #GP(0) */
	if (!epcm_try_sgx2(&sgx2, to.e, false))
		OUT_GP("EACCEPTCOPY.8");

	/* EACCEPTCOPY.9: it changed before it was locked, is not rw-, or has another address -> code 19 */
	state = epcm_state(to.e);
	if (!is_pending(m, cpu, state, to.epa) || !is_fresh(m, state, &to, regs->rcx))
		OUT_CODE("EACCEPTCOPY.9", SGXC_PAGE_ATTRIBUTES_MISMATCH);

	/* while the page is PENDING nobody can see what is in it */
	mem_copy(to.bytes, from.bytes, SGX_PAGE_SIZE);
	rwx = (uint32_t)(secinfo.flags & SGX_SECINFO_RWX) << 1;
	if (!epcm_change(to.e, state, (state & ~replaced) | rwx))
		OUT_CODE("EACCEPTCOPY.9", SGXC_PAGE_ATTRIBUTES_MISMATCH);
	OUT_DONE();
}
