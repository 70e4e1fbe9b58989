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
#include <unistd.h>

#include "emul/driver.h"
#include "emul/native.h"
#include "emul/raw.h"

#define N_TRAPS 6

#define SS_AUTODISARM_FLAG ((int)(1u << 31))    /* <linux/signal.h>, which does not mix with <signal.h> */
#define MIN_STACK_BYTES    2048                 /* MINSIGSTKSZ of the kernel */

/* What this thread believes blocked, and what was sent to it meanwhile. */
static __thread uint64_t held, pending;
/* Those of held that it did not ask for: handlers run with them blocked. */
static __thread uint64_t added;
static __thread siginfo_t waiting[N_TRAPS];

/* For who cannot see these, where the thread's FS is not ours. */
static void mark(void)
{
	struct native_tb *tb = native_thread_peek();

	if (tb)
		tb->masked = (held | pending) != 0;
}

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
	mark();
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
	added &= held;
	mark();
	return release_pending();
}

uint64_t native_handler_begin(uint64_t mask)
{
	uint64_t before = added;

	added |= mask & native_trap_mask() & ~held;
	held |= added;
	mark();
	return before;
}

void native_handler_end(uint64_t mask, uint64_t added_before)
{
	uint64_t traps = native_trap_mask();

	held = mask & traps;
	added = added_before & held;
	mark();
	/* what waited comes when the context is there again: until then it is really blocked */
	if (pending & ~held) {
		raw4(SYS_rt_sigprocmask, SIG_BLOCK, &traps, NULL, sizeof(traps));
		release_pending();
	}
}

void emul_sigmask_left_handlers(void)
{
	held &= ~added;
	added = 0;
	release_pending();
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

		native_held_set(how == SIG_BLOCK ? held | asked : how == SIG_UNBLOCK ? held & ~asked : asked);
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
	mark();
}

void emul_sigmask_adopt(void)
{
	held |= native_unblock_traps();
	mark();
}

/* ---- alternate stacks --------------------------------------------------------------------------------------- */

bool native_on_program_stack(const struct native_tb *tb, uint64_t rsp)
{
	const stack_t *s = &tb->program_stack;
	uint64_t sp = (uint64_t)(uintptr_t)s->ss_sp;

	return sp && !(s->ss_flags & SS_AUTODISARM_FLAG) && rsp > sp && rsp - sp <= s->ss_size;
}

stack_t native_program_stack_use(struct native_tb *tb)
{
	stack_t was = tb->program_stack;

	if (!was.ss_sp)
		was = (stack_t){ .ss_flags = SS_DISABLE };
	if (was.ss_flags & SS_AUTODISARM_FLAG)
		tb->program_stack = (stack_t){ .ss_flags = SS_DISABLE };
	return was;
}

int native_sigaltstack(struct native_tb *tb, uint64_t rsp, const stack_t *ss, stack_t *ret_old)
{
	stack_t *p = &tb->program_stack;
	int mode = ss ? ss->ss_flags & ~SS_AUTODISARM_FLAG : 0;
	bool on = native_on_program_stack(tb, rsp);

	if (ret_old)
		*ret_old = (stack_t){ .ss_sp = p->ss_sp, .ss_size = p->ss_sp ? p->ss_size : 0,
				      .ss_flags = (!p->ss_sp ? SS_DISABLE : on ? SS_ONSTACK : 0) |
						  (p->ss_flags & SS_AUTODISARM_FLAG) };
	if (!ss)
		return 0;
	if (on)
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode)
		return -EINVAL;
	if (mode != SS_DISABLE && ss->ss_size < MIN_STACK_BYTES)
		return -ENOMEM;
	*p = mode == SS_DISABLE ? (stack_t){ .ss_flags = ss->ss_flags } : *ss;
	return 0;
}

int emul_sigaltstack(const stack_t *ss, stack_t *old)
{
	struct native_tb *tb = native_thread_peek();
	stack_t want, was;
	int r;

	if (!tb)
		return (int)raw2(SYS_sigaltstack, ss, old);
	if (ss && emul_user_read(&want, (uintptr_t)ss, sizeof(want)))
		return -EFAULT;
	r = native_sigaltstack(tb, (uint64_t)(uintptr_t)__builtin_frame_address(0), ss ? &want : NULL, &was);
	return !r && old && emul_user_write((uintptr_t)old, &was, sizeof(was)) ? -EFAULT : r;
}
