/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waiting for signals that are never really blocked (calls_signals.c).
 *
 * Authority: Linux 6.1 kernel/signal.c (do_sigtimedwait, sigsuspend).
 */
#include <signal.h>
#include <time.h>

#include "emul/native.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

static long timed_wait(const sigset_t *set, siginfo_t *info, const struct timespec *limit)
{
	return shim_sigtimedwait((const uint64_t *)(const void *)set, info, limit);
}

HOOK int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict limit)
{
	if (!shim_on())
		return NEXT(sigtimedwait)(set, info, limit);
	return (int)shim_ret(timed_wait(set, info, limit));
}

HOOK int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
	if (!shim_on())
		return NEXT(sigwaitinfo)(set, info);
	return (int)shim_ret(timed_wait(set, info, NULL));
}

HOOK int sigwait(const sigset_t *restrict set, int *restrict sig)
{
	long r;

	if (!shim_on())
		return NEXT(sigwait)(set, sig);
	do
		r = timed_wait(set, NULL, NULL);
	while (r == -EINTR);
	if (r < 0)
		return (int)-r;
	*sig = (int)r;
	return 0;
}

/* What was sent and is free by this mask comes at once, and that is what was waited for. */
HOOK int sigsuspend(const sigset_t *set)
{
	uint64_t mask = set->__val[0], traps = native_trap_mask();

	if (!shim_on() || !(native_held() & ~mask))
		return NEXT(sigsuspend)(set);
	uint64_t held = native_held();
	bool came = native_held_set(mask & traps);
	long r = -EINTR;

	mask &= ~traps;
	if (!came)
		r = raw2(SYS_rt_sigsuspend, &mask, sizeof(mask));
	native_held_set(held);
	return (int)shim_ret(r);
}
