/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the EPCM says to an ordinary access of enclave code, after the page walk.
 *
 * Authority: Intel SDM Vol. 3D, "Access control requirements", "Memory accesses".
 */
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

struct sgxm_out sgxm_access(struct sgxm *m, const struct sgxm_cpu *cpu, uint64_t la,
			    enum sgxm_access access, enum sgxm_walk walk, uint64_t epa)
{
	uint32_t kind = access == SGXM_WRITE ? SGX_PFEC_W : access == SGXM_FETCH ? SGX_PFEC_I : 0;
	uint32_t pfec = SGX_PFEC_P | SGX_PFEC_U | SGX_PFEC_SGX | kind;
	unsigned need = access == SGXM_WRITE ? SGX_SECINFO_W :
			access == SGXM_FETCH ? SGX_SECINFO_X : SGX_SECINFO_R;
	const struct sgxm_epcm *e;
	struct sgxm_owner owner;
	uint32_t s;

	if (!sgxm_cpu_inside(cpu))
		OUT_DONE();

	/* ACCESS.2: a fetch outside ELRANGE -> #GP(0), whatever the page walk says */
	if (access == SGXM_FETCH && !in_elrange(cpu, la))
		OUT_GP("ACCESS.2");

	/* ACCESS.3: the ordinary page walk refuses -> #PF without the SGX bit */
	if (walk == SGXM_WALK_PF)
		OUT_PF("ACCESS.3", la, SGX_PFEC_U | kind);

	/* outside ELRANGE: untrusted memory, or an abort page, neither of which faults */
	if (!in_elrange(cpu, la))
		OUT_DONE();

	/* ACCESS.8: inside ELRANGE but not EPC -> #PF(la), SGX */
	e = walk == SGXM_WALK_EPC ? epcm_at(m, epa) : NULL;
	if (!e)
		OUT_PF("ACCESS.8", la, pfec);

	s = epcm_state(e);
	/* EPCM.1: VALID = 0 */
	if (!(s & SGXM_E_VALID))
		OUT_PF("EPCM.1", la, pfec);
	/* EPCM.2: BLOCKED = 1 */
	if (s & SGXM_E_BLOCKED)
		OUT_PF("EPCM.2", la, pfec);
	/* EPCM.3: the page of another enclave */
	owner = epcm_owner(m, epa);
	if (owner.secs_epa != cpu->secs_epa)
		OUT_PF("EPCM.3", la, pfec);
	/* EPCM.4: not a REG page */
	if (epcm_pt(s) != SGX_PT_REG)
		OUT_PF("EPCM.4", la, pfec);
	/* EPCM.5: PENDING = 1 */
	if (s & SGXM_E_PENDING)
		OUT_PF("EPCM.5", la, pfec);
	/* EPCM.6: MODIFIED = 1 */
	if (s & SGXM_E_MODIFIED)
		OUT_PF("EPCM.6", la, pfec);
	/* EPCM.7: not the page of this linear address */
	if (owner.la != (la & SGX_PAGE_MASK))
		OUT_PF("EPCM.7", la, pfec);
	/* EPCM.8: the permission that the access needs is missing */
	if (!(epcm_rwx(s) & need))
		OUT_PF("EPCM.8", la, pfec);
	OUT_DONE();
}
