/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SSA frames: the pages an AEX writes, and where GPRSGX and EXINFO lie in them. */
#include "machine/ssa.h"

#include "machine/leaf/leaf_out.h"
#include "machine/mem.h"
#include "machine/operand.h"

uint32_t sgxm_xsave_bytes(const struct sgxm_platform *p, uint64_t xfrm)
{
	uint32_t bytes = SGX_XSAVE_MIN;

	for (uint64_t rest = xfrm & ~(1ull << 63); rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);
		uint32_t end = p->xsave[i].off + p->xsave[i].bytes;

		if (i >= 2 && end > bytes)
			bytes = end;
	}
	return bytes;
}

struct ssa_stack ssa_stack_of(const struct sgxm *m, const struct sgxm_secs *s, uint64_t secs_epa,
			      uint64_t ossa)
{
	uint32_t pages = (sgxm_xsave_bytes(m->platform, s->a.attributes.xfrm) + SGX_PAGE_SIZE - 1) /
			 SGX_PAGE_SIZE;

	return (struct ssa_stack){
		.secs_epa = secs_epa,
		.base_la = s->a.baseaddr + ossa,
		.frame_bytes = (uint64_t)s->a.ssaframesize * SGX_PAGE_SIZE,
		.xsave_pages = pages < SGXM_SSA_XSAVE_PAGES ? pages : SGXM_SSA_XSAVE_PAGES,
	};
}

static bool resolve_page(struct sgxm *m, struct sgxm_cpu *cpu, uint64_t secs_epa, uint64_t la,
			 uint64_t *ret_epa, struct sgxm_out *ret_fault)
{
	struct operand page;

	if (!operand_walk(m, cpu, la, SGXM_WRITE, &page, ret_fault))
		return false;
	if (!operand_owned(m, &page, secs_epa, la, SGX_SECINFO_R | SGX_SECINFO_W)) {
		*ret_fault = leaf_out(SGXM_PF, 0, false, false, PFEC_U_SGX_W, la, NULL);
		return false;
	}
	*ret_epa = page.epa;
	return true;
}

enum ssa_part ssa_resolve(struct sgxm *m, struct sgxm_cpu *cpu, const struct ssa_stack *stack,
			  uint32_t idx, struct ssa_frame *ret_frame, struct sgxm_out *ret_fault)
{
	uint64_t la = stack->base_la + idx * stack->frame_bytes;
	uint64_t last = stack->frame_bytes / SGX_PAGE_SIZE - 1;

	for (uint32_t i = 0; i < SGXM_SSA_XSAVE_PAGES; i++) {
		ret_frame->xsave_epa[i] = 0;
		if (i < stack->xsave_pages &&
		    !resolve_page(m, cpu, stack->secs_epa, la + (uint64_t)i * SGX_PAGE_SIZE,
				  &ret_frame->xsave_epa[i], ret_fault))
			return SSA_XSAVE_REFUSED;
	}
	/* in a small frame GPRSGX ends a page that has just passed the same checks */
	if (last < stack->xsave_pages)
		ret_frame->gpr_epa = ret_frame->xsave_epa[last];
	else if (!resolve_page(m, cpu, stack->secs_epa, la + last * SGX_PAGE_SIZE, &ret_frame->gpr_epa,
			       ret_fault))
		return SSA_GPRSGX_REFUSED;
	return SSA_COMPLETE;
}

struct sgx_gprsgx *ssa_gprsgx(struct sgxm *m, const struct ssa_frame *f)
{
	return (void *)(m->ops->page(m->host, f->gpr_epa) + GPRSGX_OFF);
}

struct sgx_exinfo *ssa_exinfo(struct sgxm *m, const struct ssa_frame *f)
{
	return (void *)(m->ops->page(m->host, f->gpr_epa) + EXINFO_OFF);
}
