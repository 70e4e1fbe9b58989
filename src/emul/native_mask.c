/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signal masks and alternate stacks as a program sees them.  A thread that has a trap signal blocked is killed by its
 * next ENCLU, and the alternate stack of a thread that enters enclaves is ours; so both are kept here for the program
 * and reported back to it.
 *
 * Authority: Linux 6.1 kernel/signal.c (sigprocmask, do_sigaltstack, force_sig_info_to_task).
 * Context:   normal, and signal handlers with the host's FS.
 */
#include <errno.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "emul/native.h"
#include "emul/raw.h"

#define N_TRAPS 6

/* What this thread believes blocked, and what was sent to it meanwhile. */
static __thread uint64_t held, pending;
static __thread siginfo_t waiting[N_TRAPS];

static unsigned trap_index(int sig)
{
	static const uint8_t at[] = { [SIGSEGV] = 0, [SIGILL] = 1, [SIGBUS] = 2, [SIGFPE] = 3, [SIGTRAP] = 4, [SIGSYS] = 5 };

	return at[sig];
}

bool native_is_held(int sig)
{
	return held >> (sig - 1) & 1;
}

void native_hold(int sig, const siginfo_t *info)
{
	uint64_t bit = (uint64_t)1 << (sig - 1);

	if (pending & bit)
		return;                 /* standard signals do not queue */
	pending |= bit;
	__builtin_memcpy(&waiting[trap_index(sig)], info, sizeof(*info));
}

/* Takes one of those that were sent and wait here: its number, or 0. */
int native_take_pending(uint64_t among, siginfo_t *ret)
{
	uint64_t ready = pending & among;

	if (!ready)
		return 0;
	int sig = __builtin_ctzll(ready) + 1;

	pending &= ~((uint64_t)1 << (sig - 1));
	__builtin_memcpy(ret, &waiting[trap_index(sig)], sizeof(*ret));
	return sig;
}

/* True when something was waiting that is free now. */
static bool release_pending(void)
{
	bool any = false;

	for (uint64_t ready = pending & ~held; ready; ready &= ready - 1) {
		int sig = __builtin_ctzll(ready) + 1;

		pending &= ~((uint64_t)1 << (sig - 1));
		raw4(SYS_rt_tgsigqueueinfo, raw_getpid(), raw_gettid(), sig, &waiting[trap_index(sig)]);
		any = true;
	}
	return any;
}

uint64_t native_held(void)
{
	return held;
}

uint64_t emul_sigpending(void)
{
	return pending;
}

void native_ignore(int sig)
{
	pending &= ~((uint64_t)1 << (sig - 1));
}

bool native_held_set(uint64_t mask)
{
	held = mask & native_trap_mask();
	return release_pending();
}

/* libc keeps these two for itself */
#define LIBC_SIGNALS ((uint64_t)3 << 31)

int emul_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	uint64_t want = 0, was = 0, traps = native_trap_mask(), held_was = held;
	long r;

	if (set) {
		want = set->__val[0] & ~LIBC_SIGNALS;
		if (how != SIG_UNBLOCK)
			want &= ~traps;
	}
	r = raw4(SYS_rt_sigprocmask, how, set ? &want : NULL, &was, sizeof(was));
	if (r)
		return (int)r;
	if (set) {
		uint64_t asked = set->__val[0] & traps;

		held = how == SIG_BLOCK ? held | asked : how == SIG_UNBLOCK ? held & ~asked : asked;
		release_pending();
	}
	if (old) {
		sigemptyset(old);
		old->__val[0] = was | held_was;
	}
	return 0;
}

uint64_t emul_sigmask_held(void)
{
	return held;
}

void emul_sigmask_inherit(uint64_t mask)
{
	held = mask;
}

void emul_sigmask_adopt(void)
{
	held |= native_unblock_traps();
}

int emul_sigaltstack(const stack_t *ss, stack_t *old)
{
	struct native_tb *tb = native_thread_peek();

	if (!tb)
		return (int)raw2(SYS_sigaltstack, ss, old);
	stack_t *p = &tb->program_stack;
	uint64_t rsp = (uint64_t)(uintptr_t)__builtin_frame_address(0);
	bool on = p->ss_sp && rsp - (uint64_t)(uintptr_t)p->ss_sp < p->ss_size;
	stack_t want;

	if (ss)
		want = *ss;             /* they may be the same object */
	if (old) {
		*old = *p;
		old->ss_flags = p->ss_sp ? on ? SS_ONSTACK : 0 : SS_DISABLE;
	}
	if (!ss)
		return 0;
	if (on)
		return -EPERM;
	if (want.ss_flags == SS_DISABLE) {
		*p = (stack_t){ .ss_flags = SS_DISABLE };
		return 0;
	}
	if (want.ss_flags && want.ss_flags != SS_ONSTACK)
		return -EINVAL;
	if (want.ss_size < getauxval(AT_MINSIGSTKSZ))
		return -ENOMEM;
	want.ss_flags = 0;
	*p = want;
	return 0;
}
