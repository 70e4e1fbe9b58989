/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EACCEPT: RBX = SECINFO, RCX = page.  Authority: Intel SDM Vol. 3D, "EACCEPT". */
#include "machine/leaf/leaf_out.h"
#include "machine/tcs.h"

/* The combinations of type and state that can be accepted on a CPU without shadow stacks */
static bool is_acceptable(const struct sgx_arch_secinfo *s)
{
	bool pending = s->flags & SGX_SECINFO_PENDING;
	bool modified = s->flags & SGX_SECINFO_MODIFIED;
	bool pr = s->flags & SGX_SECINFO_PR;

	switch (secinfo_pt(s)) {
	case SGX_PT_REG:
		return !modified && (pending || pr);
	case SGX_PT_TCS:
	case SGX_PT_TRIM:
		return modified && !pending && !pr;
	default:
		return false;
	}
}

static bool is_ours(const struct sgxm *m, const struct sgxm_cpu *cpu, uint32_t state, uint64_t epa)
{
	return (state & (SGXM_E_VALID | SGXM_E_BLOCKED)) == SGXM_E_VALID &&
	       epcm_pt_is_child(epcm_pt(state)) && epcm_owner(m, epa).secs_epa == cpu->secs_epa;
}

/* May a page that the enclave wrote become a TCS? */
static bool is_sane_tcs(const uint8_t *page, const struct sgxm_secs *s)
{
	struct tcs_fields t;

	tcs_get(page, &t);
	return !tcs_reserved_set(page) && !(t.flags & SGX_TCS_DBGOPTIN) && t.cssa < t.nssa && !t.aep &&
	       t.state == SGX_TCS_INACTIVE && !tcs_limits_bad(&t, s);
}

struct sgxm_out sgxm_eaccept(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	const uint32_t compared = SGXM_E_PENDING | SGXM_E_MODIFIED | SGXM_E_R | SGXM_E_W | SGXM_E_X |
				  SGXM_E_PT_MASK;
	const uint32_t done = SGXM_E_PENDING | SGXM_E_MODIFIED | SGXM_E_PR;
	struct sgx_arch_secinfo secinfo;
	struct operand info, page;
	struct sgxm_out fault;
	struct sgxm_secs *secs;
	uint32_t state;
	EPCM_HOLD(hold);

	OUT_GP_UNLESS_SGX2(m, "ENCLU.7");
	OUT_GP_IF_OUTSIDE(cpu);

	/* EACCEPT.1: RBX is not 64-aligned, or outside ELRANGE -> #GP(0) */
	if (!is_aligned(regs->rbx, sizeof(secinfo)) || !in_elrange(cpu, regs->rbx))
		OUT_GP("EACCEPT.1");

	/* EACCEPT.2: RBX does not resolve within the EPC -> #PF(RBX) */
	if (!operand_walk(m, cpu, regs->rbx, SGXM_READ, &info, &fault))
		OUT_AS("EACCEPT.2", fault);

	/* EACCEPT.3: the SECINFO page is not a readable page of this enclave -> #PF(RBX) */
	if (!operand_owned(m, &info, cpu->secs_epa, regs->rbx, SGX_SECINFO_R))
		OUT_PF("EACCEPT.3", regs->rbx, PFEC_U_SGX_R);
	mem_copy(&secinfo, info.bytes, sizeof(secinfo));

	/* EACCEPT.4: a reserved part of SECINFO is not 0 -> #GP(0) */
	if (secinfo_reserved_set(&secinfo))
		OUT_GP("EACCEPT.4");

	/* EACCEPT.5: RCX is not 4096-aligned, or outside ELRANGE -> #GP(0) */
	if (!is_aligned(regs->rcx, SGX_PAGE_SIZE) || !in_elrange(cpu, regs->rcx))
		OUT_GP("EACCEPT.5");

	/* EACCEPT.6: RCX does not resolve within the EPC -> #PF(RCX) */
	if (!operand_walk(m, cpu, regs->rcx, SGXM_READ, &page, &fault))
		OUT_AS("EACCEPT.6", fault);

	/* EACCEPT.7: not a combination that can be accepted -> #GP(0) */
	if (!is_acceptable(&secinfo))
		OUT_GP("EACCEPT.7");

	/* EACCEPT.8: not VALID, BLOCKED, SECS or VA, or of another enclave -> #PF(RCX) */
	if (!is_ours(m, cpu, epcm_state(page.e), page.epa))
		OUT_PF("EACCEPT.8", regs->rcx, PFEC_U_SGX_R);

	/* EACCEPT.9: another leaf uses the page -> #GP(0) */
	if (!epcm_try_shared_sgx2(&hold, page.e))
		OUT_GP("EACCEPT.9");

	secs = secs_page(m, cpu->secs_epa);
	do {
		/* EACCEPT.10: it changed before it was locked -> #PF(RCX) */
		state = epcm_state(page.e);
		if (!is_ours(m, cpu, state, page.epa))
			OUT_PF("EACCEPT.10", regs->rcx, PFEC_U_SGX_R);

		/* EACCEPT.11: address, PENDING, MODIFIED, RWX or type differ -> PAGE_ATTRIBUTES_MISMATCH */
		if (epcm_owner(m, page.epa).la != regs->rcx ||
		    (state & compared) != (epcm_from_secinfo(secinfo.flags) & compared))
			OUT_CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH);

		/* EACCEPT.12: old translations may be in use -> NOT_TRACKED */
		if (!track_is_complete(secs, __atomic_load_n(&page.e->epoch, __ATOMIC_ACQUIRE)))
			OUT_CODE("EACCEPT.12", SGXC_NOT_TRACKED);

		/* EACCEPT.13: not the image of an idle TCS -> #GP(0) */
		if (secinfo_pt(&secinfo) == SGX_PT_TCS && !is_sane_tcs(page.bytes, secs))
			OUT_GP("EACCEPT.13");

		/* EBLOCK may set BLOCKED beside us: then look again */
	} while (!epcm_change(page.e, state, state & ~done));
	OUT_DONE();
}
