/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RDFSBASE, RDGSBASE, WRFSBASE and WRGSBASE of enclave code on a machine, or under a hypervisor or kernel, that does not
 * have them, or whose kernel does not keep what they write.  Every CPU with SGX does, and the runtimes of enclaves use them.
 *
 * Authority: Intel SDM Vol. 2, RDFSBASE/RDGSBASE, WRFSBASE/WRGSBASE.
 * Context:   setup in normal context; then signal handlers, the code bytes being looked at (native_look_begin).
 */
#include <sys/auxv.h>

#include "emul/native.h"

#ifndef HWCAP2_FSGSBASE
#define HWCAP2_FSGSBASE (1 << 1)
#endif
#define RDFSBASE_BYTES 5
#define REX_W 8u
#define REX_B 1u

static bool is_refused;

static void refused(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	is_refused = true;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += RDFSBASE_BYTES;
}

void native_bases_setup(void)
{
	struct sigaction sa = { .sa_sigaction = refused, .sa_flags = SA_SIGINFO }, old;
	uint64_t fs;

	native_fsgsbase = NATIVE_BASES_ALL;
	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE)
		return;
	native_fsgsbase = 0;
	is_refused = false;
	if (sigaction(SIGILL, &sa, &old))
		return;
	__asm__ volatile("rdfsbase %0" : "=a"(fs) : : "memory");
	sigaction(SIGILL, &old, NULL);
	if (!is_refused && fs == native_host_fs())
		native_fsgsbase = NATIVE_BASES_READ;
}

static bool is_canonical(uint64_t v)
{
	return (uint64_t)((int64_t)(v << 16) >> 16) == v;
}

enum native_bases native_bases_emulate(struct native_tb *tb, struct native_inside *in, struct sgxm_regs *regs)
{
	/* in the order of their numbers in instructions */
	uint64_t *const numbered[16] = {
		&regs->rax, &regs->rcx, &regs->rdx, &regs->rbx, &regs->rsp, &regs->rbp, &regs->rsi, &regs->rdi,
		&regs->r8, &regs->r9, &regs->r10, &regs->r11, &regs->r12, &regs->r13, &regs->r14, &regs->r15,
	};
	uint64_t off = regs->rip - in->cpu.elrange_base, left = in->cpu.elrange_size - off;
	const uint8_t *p = in->en->alias + off;
	unsigned i = 0, rex = 0;

	if (left < 4 || (p[i++] != 0xf3 && !native_patched_at(in->en, regs->rip)))
		return BASES_NONE;
	if ((p[i] & 0xf0) == 0x40)
		rex = p[i++];
	if (left < i + 3 || p[i] != 0x0f || p[i + 1] != 0xae || (p[i + 2] & 0xe0) != 0xc0)
		return BASES_NONE;

	unsigned modrm = p[i + 2], which = modrm >> 3 & 3;      /* bit 0: GS, bit 1: write */
	uint64_t *reg = numbered[(modrm & 7) | (rex & REX_B) << 3];
	uint64_t *base = which & 1 ? &regs->gsbase : &regs->fsbase;

	if (which & 2) {
		uint64_t v = rex & REX_W ? *reg : (uint32_t)*reg;

		if (!is_canonical(v))
			return BASES_GP;
		*base = v;
		tb->encl_fs = regs->fsbase;
		tb->encl_gs = regs->gsbase;
	} else {
		*reg = rex & REX_W ? *base : (uint32_t)*base;
	}
	regs->rip += i + 3;
	return BASES_DONE;
}
