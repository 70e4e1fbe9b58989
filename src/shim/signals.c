/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signals as the program sees them, once the emulator runs: dispositions, masks and alternate stacks are kept by
 * emul/, which needs the real ones.  Before that all of them are libc's.
 *
 * Authority: glibc's sigaction(3), signal(3), sysv_signal(3), sigset(3), siginterrupt(3), siglongjmp(3), setcontext(3).
 */
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

#include "emul/raw.h"
#include "shim/shim.h"

/* programs that use these functions are why they are here */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

#define LIBC_SIGCANCEL 32
#define LIBC_SIGSETXID 33

typedef void (*handler_fn)(int);

HOOK handler_fn bsd_signal(int sig, handler_fn handler) __attribute__((nothrow, leaf));
HOOK handler_fn __sysv_signal(int sig, handler_fn handler) __attribute__((nothrow, leaf));
HOOK int __sigaction(int sig, const struct sigaction *act, struct sigaction *old);

HOOK int sigaction(int sig, const struct sigaction *restrict act, struct sigaction *restrict old)
{
	return shim_on() ? (int)shim_ret(emul_sigaction(sig, act, old)) : NEXT(sigaction)(sig, act, old);
}

HOOK int __sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return sigaction(sig, act, old);
}

static void adopt(int sig)
{
	struct sigaction act;

	if (!emul_sigaction(sig, NULL, &act) && act.sa_handler != SIG_DFL && act.sa_handler != SIG_IGN)
		emul_sigaction(sig, &act, NULL);
}

/* Thread cancellation and setuid of all threads; libc installs them unseen, with the first thread or first use. */
void shim_signals_adopt_libc(void)
{
	adopt(LIBC_SIGCANCEL);
	adopt(LIBC_SIGSETXID);
}

void shim_signals_adopt(void)
{
	for (int sig = 1; sig <= 64; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			adopt(sig);
	emul_sigmask_adopt();
}

static handler_fn install(int sig, handler_fn handler, int flags)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = flags }, old;

	sigemptyset(&act.sa_mask);
	if (!(flags & SA_NODEFER))
		sigaddset(&act.sa_mask, sig);
	return handler == SIG_ERR ? (handler_fn)shim_ret(-EINVAL) : sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

static sigset_t interrupting;           /* signals of siginterrupt(sig, 1) */

HOOK handler_fn signal(int sig, handler_fn handler)
{
	if (!shim_on())
		return NEXT(signal)(sig, handler);
	return install(sig, handler, sigismember(&interrupting, sig) == 1 ? 0 : SA_RESTART);
}

HOOK handler_fn bsd_signal(int sig, handler_fn handler) __attribute__((alias("signal")));
HOOK handler_fn ssignal(int sig, handler_fn handler) __attribute__((alias("signal")));

HOOK handler_fn sysv_signal(int sig, handler_fn handler)
{
	if (!shim_on())
		return NEXT(sysv_signal)(sig, handler);
	return install(sig, handler, (int)SA_RESETHAND | SA_NODEFER);
}

HOOK handler_fn __sysv_signal(int sig, handler_fn handler) __attribute__((alias("sysv_signal")));

HOOK int siginterrupt(int sig, int flag)
{
	struct sigaction act;

	if (!shim_on())
		return NEXT(siginterrupt)(sig, flag);
	if (sigaction(sig, NULL, &act))
		return -1;
	if (flag) {
		sigaddset(&interrupting, sig);
		act.sa_flags &= ~SA_RESTART;
	} else {
		sigdelset(&interrupting, sig);
		act.sa_flags |= SA_RESTART;
	}
	return sigaction(sig, &act, NULL);
}

HOOK int sigignore(int sig)
{
	return install(sig, SIG_IGN, 0) == SIG_ERR ? -1 : 0;
}

/* ---- masks ------------------------------------------------------------------------------------------------ */

HOOK int pthread_sigmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return shim_on() ? -emul_sigmask(how, set, old) : NEXT(pthread_sigmask)(how, set, old);
}

HOOK int sigprocmask(int how, const sigset_t *restrict set, sigset_t *restrict old)
{
	return shim_on() ? (int)shim_ret(emul_sigmask(how, set, old)) : NEXT(sigprocmask)(how, set, old);
}

static int mask_one(int how, int sig, bool *ret_was)
{
	sigset_t set, old;

	sigemptyset(&set);
	if (sigaddset(&set, sig) || sigprocmask(how, &set, &old))
		return -1;
	if (ret_was)
		*ret_was = sigismember(&old, sig) == 1;
	return 0;
}

HOOK int sighold(int sig)
{
	return mask_one(SIG_BLOCK, sig, NULL);
}

HOOK int sigrelse(int sig)
{
	return mask_one(SIG_UNBLOCK, sig, NULL);
}

HOOK handler_fn sigset(int sig, handler_fn handler)
{
	struct sigaction old;
	bool was;

	if (!shim_on())
		return NEXT(sigset)(sig, handler);
	if (handler == SIG_HOLD) {
		if (sigaction(sig, NULL, &old) || mask_one(SIG_BLOCK, sig, &was))
			return SIG_ERR;
		return was ? SIG_HOLD : old.sa_handler;
	}
	handler_fn before = install(sig, handler, 0);

	if (before == SIG_ERR || mask_one(SIG_UNBLOCK, sig, &was))
		return SIG_ERR;
	return was ? SIG_HOLD : before;
}

/* ---- out of handlers without a return -------------------------------------------------------------------- */

HOOK void __longjmp_chk(struct __jmp_buf_tag env[1], int val) __attribute__((noreturn));

/* libc restores the mask unseen. */
#define LONGJMP_HOOK(name) \
	HOOK void name(struct __jmp_buf_tag env[1], int val) \
	{ \
		if (env->__mask_was_saved && shim_on()) \
			emul_sigmask_left_handlers(); \
		NEXT(name)(env, val); \
		__builtin_unreachable(); \
	}
LONGJMP_HOOK(longjmp)
LONGJMP_HOOK(_longjmp)
LONGJMP_HOOK(siglongjmp)
LONGJMP_HOOK(__longjmp_chk)

HOOK int setcontext(const ucontext_t *uc)
{
	if (shim_on())
		emul_sigmask_left_handlers();
	return NEXT(setcontext)(uc);
}

HOOK int swapcontext(ucontext_t *restrict old, const ucontext_t *restrict uc)
{
	if (shim_on())
		emul_sigmask_left_handlers();
	return NEXT(swapcontext)(old, uc);
}

/* ---- those that wait ---------------------------------------------------------------------------------------- */

HOOK int sigpending(sigset_t *set)
{
	int r = NEXT(sigpending)(set);

	if (!r && shim_on())
		set->__val[0] |= emul_sigpending();
	return r;
}

HOOK int sigaltstack(const stack_t *restrict ss, stack_t *restrict old)
{
	return (int)shim_ret(shim_on() ? emul_sigaltstack(ss, old) : raw2(SYS_sigaltstack, ss, old));
}
