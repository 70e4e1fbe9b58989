/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asynchronous enclave exit.  Everything it writes was checked and cached at the entry, so it
 * cannot fail and asks for no page walk.
 *
 * Authority: Intel SDM Vol. 3D, "Enclave exiting events".
 */
#include "machine/mem.h"
#include "machine/operand.h"
#include "machine/ssa.h"
#include "machine/tcs.h"
#include "machine/track.h"

#define MXCSR_AEX    0x1fb0u
#define MXCSR_AEX_XM 0x1f01u
#define FCW_AEX_MF   0x037eu
#define FSW_AEX_MF   0x8081u

/* Is the event reported in EXITINFO?  Table "Exception vectors" of EXITINFO. */
static bool is_reported(const struct sgxm_event *ev, uint32_t miscselect)
{
	if (!ev->exception)
		return false;
	switch (ev->vector) {
	case SGX_VEC_DE:
	case SGX_VEC_DB:
	case SGX_VEC_BP:
	case SGX_VEC_BR:
	case SGX_VEC_UD:
	case SGX_VEC_MF:
	case SGX_VEC_AC:
	case SGX_VEC_XM:
		return true;
	case SGX_VEC_GP:
		return miscselect & SGX_MISC_EXINFO;
	case SGX_VEC_PF:
		return miscselect & SGX_MISC_EXINFO && ev->errcd & SGX_PFEC_U;
	case SGX_VEC_CP:
		return miscselect & SGX_MISC_CPINFO;
	default:
		return false;
	}
}

static void save_exitinfo(struct sgxm *m, const struct sgxm_cpu *cpu, const struct ssa_frame *f,
			  const struct sgxm_event *ev)
{
	struct sgx_gprsgx *g = ssa_gprsgx(m, f);
	struct sgx_exinfo *x = ssa_exinfo(m, f);

	g->exitinfo = 0;
	if (!is_reported(ev, cpu->miscselect))
		return;
	g->exitinfo = SGX_EXITINFO_VALID | (ev->software ? SGX_EXITINFO_TYPE_SW : SGX_EXITINFO_TYPE_HW) |
		      ev->vector;
	if (ev->vector != SGX_VEC_PF && ev->vector != SGX_VEC_GP && ev->vector != SGX_VEC_CP)
		return;
	x->maddr = ev->vector == SGX_VEC_PF ? ev->maddr : 0;
	x->errcd = ev->errcd;
	x->reserved = 0;
}

/* RFLAGS as a push would hold them: RF is set for faults, to let the instruction run again */
static uint64_t saved_rflags(uint64_t rflags, const struct sgxm_event *ev)
{
	bool fault = ev->exception && ev->vector != SGX_VEC_DB && ev->vector != SGX_VEC_BP;

	return (rflags & ~(uint64_t)SGXM_RFLAGS_TF) | (fault ? SGXM_RFLAGS_RF : 0);
}

static void save_regs(struct sgx_gprsgx *g, const struct sgxm_regs *r, const struct sgxm_event *ev)
{
	g->rax = r->rax;
	g->rcx = r->rcx;
	g->rdx = r->rdx;
	g->rbx = r->rbx;
	g->rsp = r->rsp;
	g->rbp = r->rbp;
	g->rsi = r->rsi;
	g->rdi = r->rdi;
	g->r8 = r->r8;
	g->r9 = r->r9;
	g->r10 = r->r10;
	g->r11 = r->r11;
	g->r12 = r->r12;
	g->r13 = r->r13;
	g->r14 = r->r14;
	g->r15 = r->r15;
	g->rflags = saved_rflags(r->rflags, ev);
	g->rip = r->rip;
	g->fsbase = r->fsbase;
	g->gsbase = r->gsbase;
}

static void load_synthetic_regs(const struct sgxm_cpu *cpu, const struct sgx_gprsgx *g,
				struct sgxm_regs *r)
{
	uint64_t rflags = r->rflags & ~(uint64_t)(SGXM_RFLAGS_ARITH | SGXM_RFLAGS_RF);

	if (!cpu->debug_optin)
		rflags = (rflags & ~(uint64_t)SGXM_RFLAGS_TF) | (cpu->tf_saved ? SGXM_RFLAGS_TF : 0);
	mem_zero(r, sizeof(*r));
	r->rax = SGX_ERESUME;
	r->rbx = cpu->tcs_la;
	r->rcx = cpu->aep;
	r->rsp = g->ursp;
	r->rbp = g->urbp;
	r->rip = cpu->aep;
	r->rflags = rflags;
	r->fsbase = cpu->out_fsbase;
	r->gsbase = cpu->out_gsbase;
}

/* Registers and event to frame CSSA; returns its GPRSGX */
static struct sgx_gprsgx *save_frame(struct sgxm *m, const struct sgxm_cpu *cpu,
				     const struct sgxm_regs *regs, const uint8_t *xsave,
				     size_t xsave_bytes, const struct sgxm_event *ev)
{
	struct ssa_frame f;
	struct sgx_gprsgx *g;

	mem_copy(f.xsave_epa, cpu->xsave_epa, sizeof(f.xsave_epa));
	f.gpr_epa = cpu->gpr_epa;
	g = ssa_gprsgx(m, &f);
	save_regs(g, regs, ev);
	ssa_xsave(m, &f, cpu->xfrm, xsave, xsave_bytes);
	save_exitinfo(m, cpu, &f, ev);
	return g;
}

void sgxm_aex(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs, uint8_t *xsave,
	      size_t xsave_bytes, const struct sgxm_event *ev)
{
	bool mf = ev->exception && ev->vector == SGX_VEC_MF;
	bool xm = ev->exception && ev->vector == SGX_VEC_XM;
	struct sgx_gprsgx *g = save_frame(m, cpu, regs, xsave, xsave_bytes, ev);

	load_synthetic_regs(cpu, g, regs);
	ssa_xinit(cpu->xfrm, xsave, xsave_bytes, mf ? FCW_AEX_MF : FCW_INIT, mf ? FSW_AEX_MF : 0,
		  xm ? MXCSR_AEX_XM : MXCSR_AEX);

	tcs_put_cssa(page_at(m, cpu->tcs_epa), cpu->cssa + 1);
	cpu_leave(m, cpu);
}

bool sgxm_aex_lost(struct sgxm *m, uint64_t tcs_epa, uint64_t secs_epa, uint32_t epoch)
{
	struct sgxm_secs *s = secs_page(m, secs_epa);
	uint8_t *tcs = page_at(m, tcs_epa);
	struct sgxm_cpu outside = { 0 };
	struct ssa_frame frame;
	struct ssa_stack stack;
	struct tcs_fields t;
	struct sgxm_out fault;

	tcs_get(tcs, &t);
	if (t.state != SGX_TCS_ACTIVE)
		return false;
	stack = ssa_stack_of(m, s, secs_epa, t.ossa);
	/* where the frame has been taken away, it has no EXITINFO either */
	if (ssa_resolve(m, &outside, &stack, t.cssa, &frame, &fault) == SSA_COMPLETE)
		ssa_gprsgx(m, &frame)->exitinfo = 0;
	tcs_put_cssa(tcs, t.cssa + 1);
	track_leave(s, epoch);
	tcs_deactivate(tcs);
	return true;
}

bool sgxm_aex_resume(struct sgxm *m, struct sgxm_cpu *cpu, const struct sgxm_regs *regs,
		     const uint8_t *xsave, size_t xsave_bytes, const struct sgxm_event *ev)
{
	struct sgxm_secs *s = secs_page(m, cpu->secs_epa);
	struct tcs_fields t;

	/* A resume that might end in OENTRY, or with other debug rules, is the leaf's business. */
	tcs_get(page_at(m, cpu->tcs_epa), &t);
	if (m->platform->aexnotify || !(t.flags & SGX_TCS_DBGOPTIN) != !cpu->debug_optin)
		return false;
	save_frame(m, cpu, regs, xsave, xsave_bytes, ev);
	track_refresh(s, &cpu->epoch);
	return true;
}
