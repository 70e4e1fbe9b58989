/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EMODPE: RBX = SECINFO, RCX = page.  Authority: Intel SDM Vol. 3D, "EMODPE". */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

static bool is_extensible(const struct sgxm *m, const struct sgxm_cpu *cpu, uint32_t state, uint64_t epa)
{
	return (state & (SGXM_E_VALID | SGXM_E_PENDING | SGXM_E_MODIFIED | SGXM_E_BLOCKED)) ==
		       SGXM_E_VALID &&
	       epcm_pt(state) == SGX_PT_REG && epcm_owner(m, epa).secs_epa == cpu->secs_epa;
}

struct sgxm_out sgxm_emodpe(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	struct sgx_arch_secinfo secinfo;
	struct operand info, page;
	struct sgxm_out fault;
	uint32_t state, add;
	EPCM_HOLD(sgx2);

	OUT_GP_UNLESS_SGX2(m, "ENCLU.7");
	OUT_GP_IF_OUTSIDE(cpu);

	/* EMODPE.1: RBX is not 64-aligned, RCX not 4096-aligned, or one outside ELRANGE -> #GP(0) */
	if (!is_aligned(regs->rbx, sizeof(secinfo)) || !is_aligned(regs->rcx, SGX_PAGE_SIZE) ||
	    !in_elrange(cpu, regs->rbx) || !in_elrange(cpu, regs->rcx))
		OUT_GP("EMODPE.1");

	/* EMODPE.2: RBX or RCX does not resolve within the EPC -> #PF of that operand */
	if (!operand_walk(m, cpu, regs->rbx, SGXM_READ, &info, &fault) ||
	    !operand_walk(m, cpu, regs->rcx, SGXM_READ, &page, &fault))
		OUT_AS("EMODPE.2", fault);

	/* EMODPE.3: the SECINFO page is not a readable page of this enclave -> #PF(RBX) */
	if (!operand_owned(m, &info, cpu->secs_epa, regs->rbx, SGX_SECINFO_R))
		OUT_PF("EMODPE.3", regs->rbx, PFEC_U_SGX_R);
	mem_copy(&secinfo, info.bytes, sizeof(secinfo));

	/* EMODPE.4: a reserved part of SECINFO is not 0 -> #GP(0) */
	if (secinfo_reserved_set(&secinfo))
		OUT_GP("EMODPE.4");

	/* EMODPE.5: not VALID, PENDING, MODIFIED, BLOCKED, not REG, or of another enclave -> #PF(RCX) */
	if (!is_extensible(m, cpu, epcm_state(page.e), page.epa))
		OUT_PF("EMODPE.5", regs->rcx, PFEC_U_SGX_R);

	/* EMODPE.6: another SGX2 leaf uses the page -> #GP(0) */
	if (!epcm_try_sgx2(&sgx2, page.e, false))
		OUT_GP("EMODPE.6");

	add = (uint32_t)(secinfo.flags & SGX_SECINFO_RWX) << 1;
	do {
		/* EMODPE.7: it changed before it was locked, or has another address -> #PF(RCX) */
		state = epcm_state(page.e);
		if (!is_extensible(m, cpu, state, page.epa) || epcm_owner(m, page.epa).la != regs->rcx)
			OUT_PF("EMODPE.7", regs->rcx, PFEC_U_SGX_R);

		/* EMODPE.8: the result would be W without R -> #GP(0) */
		if (!(state & SGXM_E_R) && rwx_is_misconfigured(secinfo.flags))
			OUT_GP("EMODPE.8");
	} while (!epcm_change(page.e, state, state | add));
	OUT_DONE();
}
