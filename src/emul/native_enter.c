/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EENTER without a trap: the C half of emul_vdso_enter.
 *
 * Everything reached from here without a fault is compiled with general registers only: the enclave
 * must see the XMM and higher state of its caller.
 * Authority: Intel SDM Vol. 3D, EENTER; Linux 6.1 arch/x86/entry/vdso/vsgx.S for what the caller sees.
 */
#include "emul/native.h"

#define XSAVE_SLOW_BYTES 12288

/* What is rare, and reaches code that uses vector registers: with these put aside, and signals blocked. */
#define SLOWLY(statement) do { \
	_Alignas(64) uint8_t state_[XSAVE_SLOW_BYTES]; \
	sigset_t old_; \
	__builtin_memset(state_, 0, 1024); \
	__asm__ volatile("xsave64 %0" : "+m"(state_) : "a"(-1), "d"(-1)); \
	emul_sig_block(&old_); \
	statement; \
	emul_sig_restore(&old_); \
	__asm__ volatile("xrstor64 %0" : : "m"(state_), "a"(-1), "d"(-1)); \
} while (0)

/* Resolve a missing entry for the ENCLU of the host. */
static enum emul_fault slow_fault(struct emul_encl *en, uint64_t la, uint32_t pfec_in, uint32_t *pfec)
{
	enum emul_fault f;

	SLOWLY(f = emul_fault(en, la, pfec_in & SGX_PFEC_W ? SGXM_WRITE : SGXM_READ, EMUL_BY_LEAF, pfec));
	return f;
}

static void slow_poll(void)
{
	SLOWLY(emul_elsewhere_poll());
}

static int refused(struct native_frame *f, uint64_t vector, uint64_t errcd, uint64_t addr, const char *check)
{
	native_tell_refused(&f->regs, (uint8_t)vector, (uint32_t)errcd, addr, check);
	f->vector = vector;
	f->errcd = errcd;
	f->addr = addr;
	return 1;
}

int native_eenter(struct native_frame *f, uint64_t *ret_masked)
{
	struct native_tb *tb = emul_pool ? native_thread_prepare() : NULL;

	*ret_masked = 0;
	if (!emul_pool) {               /* nobody opened the device: no address is that of a TCS */
		uint32_t pfec;

		if (f->regs.rbx & ~SGX_PAGE_MASK || (uint32_t)f->regs.rax == SGX_ERESUME)
			return refused(f, SGX_VEC_GP, 0, 0, NULL);
		emul_fault_elsewhere(f->regs.rbx, SGXM_WRITE, &pfec);
		return refused(f, SGX_VEC_PF, pfec, f->regs.rbx, NULL);
	}
	if (!tb || tb->n_inside == NATIVE_MAX_INSIDE)
		return 3;
	if (!emul_pool->config.trap_signals_open)
		*ret_masked = native_unblock_traps();
	if ((uint32_t)f->regs.rax == SGX_ERESUME)
		return 2;

	uint64_t tcs = f->regs.rbx;
	struct emul_encl *en = emul_encl_by_la(tcs);

	uint32_t nowhere;

	if (!en && tcs & ~SGX_PAGE_MASK)
		return refused(f, SGX_VEC_GP, 0, 0, NULL);
	if (!en) {
		emul_fault_elsewhere(tcs, SGXM_WRITE, &nowhere);
		return refused(f, SGX_VEC_PF, nowhere, tcs, NULL);
	}
	struct native_inside *in = &tb->inside[tb->n_inside++];

	tb->host_fs = native_host_fs();
	tb->host_gs = native_host_gs();
	in->en = en;
	in->frame = f;
	in->tcs_la = tcs;
	in->cpu.secs_epa = 0;   /* outside; EENTER writes all of the rest */
	f->tb = tb;
	f->inside = in;
	native_entering(en, tcs, 1);
	for (unsigned tries = 0;;) {
		f->regs.fsbase = tb->host_fs;
		f->regs.gsbase = tb->host_gs;
		struct sgxm_out out = sgxm_enclu(&en->machine, &in->cpu, &f->regs, (unsigned)(native_after - native_aep),
						 NULL, 0);

		if (out.kind == SGXM_DONE)
			break;
		if (emul_conflict(en, &out, &tries) || emul_tcs_recover(en, &out, tcs))
			continue;
		uint32_t pfec = out.pfec;

		if (out.kind == SGXM_PF && emul_encl_by_la(out.addr) != en) {
			emul_fault_elsewhere(out.addr, SGXM_WRITE, &pfec);
		} else if (out.kind == SGXM_PF && !(pfec & (SGX_PFEC_SGX | SGX_PFEC_P))) {
			enum emul_fault r = slow_fault(en, out.addr, out.pfec, &pfec);

			if (r == EMUL_FAULT_RESOLVED || r == EMUL_FAULT_STALE)
				continue;
		}
		emul_note(en, out, out.addr - en->sh->base);
		native_entering(en, tcs, -1);
		tb->n_inside--;
		return out.kind == SGXM_PF ? refused(f, SGX_VEC_PF, pfec, out.addr & SGX_PAGE_MASK, out.check) :
					     refused(f, out.kind == SGXM_UD ? SGX_VEC_UD : SGX_VEC_GP, 0, 0, out.check);
	}
	native_inside_note(tb, in);
	native_entering(en, tcs, -1);
	atomic_fetch_add_explicit(&en->sh->eenters, 1, memory_order_relaxed);
	if (emul_elsewhere_behind(en))
		slow_poll();
	if (emul_on_event)
		native_tell_leaf(&(struct sgxm_regs){ .rax = SGX_EENTER, .rbx = tcs, .rcx = (uintptr_t)native_aep,
						      .rdx = f->regs.rdx, .rip = (uintptr_t)native_aep }, tcs, 0, NULL);
	return 0;
}
