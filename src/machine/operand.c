/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ENCLU operands: the page walk, and what the EPCM asks of a page that a leaf uses. */
#include "machine/operand.h"

#include "machine/leaf/leaf_out.h"

bool operand_walk(struct sgxm *m, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
		  struct operand *ret_o, struct sgxm_out *ret_fault)
{
	uint32_t pfec = 0;
	uint64_t epa = 0;
	enum sgxm_walk walk = m->ops->walk(m->host, cpu, la, access, &epa, &pfec);
	struct sgxm_epcm *e = walk == SGXM_WALK_EPC ? epcm_at(m, epa) : NULL;

	if (walk == SGXM_WALK_PF) {
		*ret_fault = leaf_out(SGXM_PF, 0, false, false, pfec, la, NULL);
		return false;
	}
	if (!e) {
		/* mapped, but not to EPC: SGX's own refusal, or a kernel would retry it for ever */
		pfec = access == SGXM_WRITE ? PFEC_U_SGX_W : PFEC_U_SGX_R;
		*ret_fault = leaf_out(SGXM_PF, 0, false, false, pfec, la, NULL);
		return false;
	}
	epa &= SGX_PAGE_MASK;
	ret_o->epa = epa;
	ret_o->e = e;
	ret_o->bytes = m->ops->page(m->host, epa) + (la & (SGX_PAGE_SIZE - 1));
	return true;
}

bool operand_owned(const struct sgxm *m, const struct operand *o, uint64_t secs_epa, uint64_t la,
		   unsigned need)
{
	uint32_t s = epcm_state(o->e);
	struct sgxm_owner owner;

	if ((s & (SGXM_E_VALID | SGXM_E_BLOCKED | SGXM_E_PENDING | SGXM_E_MODIFIED)) != SGXM_E_VALID ||
	    epcm_pt(s) != SGX_PT_REG || (epcm_rwx(s) & need) != need)
		return false;
	owner = epcm_owner(m, o->epa);
	return owner.secs_epa == secs_epa && owner.la == (la & SGX_PAGE_MASK);
}
