/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What handlers see, and an entry that does not go through the vDSO. */
#include <string.h>

#include "hostile.h"

struct seen seen;
sigjmp_buf jump_to;
volatile uint32_t *stop_flag;

__asm__(".text; .globl stub_enter, stub_aep, stub_recover; .type stub_enter, @function; stub_enter:"
	"push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15;"
	"mov %rdx, %rax; mov %rdi, %rbx; mov %rsi, %rdi; lea stub_aep(%rip), %rcx;"
	"stub_aep: .byte 0x0f, 0x01, 0xd7;"
	"xor %eax, %eax; jmp 1f;"
	"stub_recover: mov $1, %eax;"
	"1: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret;"
	".size stub_enter, . - stub_enter");

void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, &sa, NULL))
		say("sigaction %d: %s", sig, strerrorname_np(errno));
}

void note(int sig, siginfo_t *info, void *ctx)
{
	const ucontext_t *uc = ctx;

	seen.info = *info;
	seen.info.si_signo = sig;
	memcpy(seen.g, uc->uc_mcontext.gregs, sizeof(seen.g));
	seen.blocked_in_context = uc->uc_sigmask;
	sigprocmask(SIG_BLOCK, NULL, &seen.blocked_in_handler);
	seen.stack = (uintptr_t)__builtin_frame_address(0);
	seen.n++;
}

bool seen_inside(const greg_t *g)
{
	for (size_t t = 0; t < rig.plan.n_tcs; t++)
		if (g[REG_RAX] == ERESUME && g[REG_RCX] == g[REG_RIP] && g[REG_RBX] == (greg_t)(rig.base + rig.plan.tcs[t]))
			return true;
	return false;
}

void note_inside(int sig, siginfo_t *info, void *uc)
{
	if (!seen_inside(((const ucontext_t *)uc)->uc_mcontext.gregs))
		return;
	note(sig, info, uc);
	if (stop_flag)
		*stop_flag = 1;
}

void note_and_jump(int sig, siginfo_t *info, void *uc)
{
	note(sig, info, uc);
	siglongjmp(jump_to, 1);
}

void note_and_recover(int sig, siginfo_t *info, void *uc)
{
	note(sig, info, uc);
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP] = (greg_t)stub_recover;
}

/* Registers that an asynchronous exit leaves: zero, but those that say where. */
static const char *others(const greg_t *g)
{
	static const int zero[] = { REG_RDX, REG_RSI, REG_RDI, REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14,
				    REG_R15 };

	for (size_t i = 0; i < sizeof(zero) / sizeof(zero[0]); i++)
		if (g[zero[i]])
			return "left";
	return "cleared";
}

void say_seen(const char *what)
{
	const greg_t *g = seen.g;
	const siginfo_t *i = &seen.info;
	bool kernel = i->si_code > 0 && i->si_signo != SIGALRM;         /* what the CPU caused */

	if (!seen.n) {
		say("%s: no signal", what);
		return;
	}
	say("%s: signal %d code %d %s, seen %d", what, i->si_signo, i->si_code,
	    kernel && i->si_code != SI_KERNEL ? name_of((uintptr_t)i->si_addr) : "", seen.n);
	if (seen_inside(g))
		say("  after an asynchronous exit%s: rbx %s, others %s", g[REG_RIP] == (greg_t)stub_aep ? ", own stub" : "",
		    name_of((uint64_t)g[REG_RBX]), others(g));
	else
		say("  outside: %s, rax %s", g[REG_RIP] == (greg_t)stub_aep ? "at the stub's ENCLU" : "elsewhere",
		    g[REG_RIP] == (greg_t)stub_aep ? g[REG_RAX] == EENTER ? "EENTER" : g[REG_RAX] == ERESUME ? "ERESUME" :
		    "other" : "any");
	if (kernel)
		say("  vector %lld, error 0x%llx, cr2 %s", (long long)g[REG_TRAPNO], (unsigned long long)g[REG_ERR],
		    g[REG_TRAPNO] == 14 ? name_of((uint64_t)g[REG_CR2]) : "-");
	seen.n = 0;
}
