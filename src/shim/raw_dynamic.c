/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Functions of libc by which a program reaches system calls without their names: syscall(2), prctl(2), clone(2).
 *
 * Authority: glibc's names for these calls.
 */
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>

#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

/* ---- syscall(2) --------------------------------------------------------------------------------------------- */

uint64_t shim_call_bits[8];             /* which numbers are ours; none before the library is set up */
long shim_syscall(const uint64_t v[7]);

/* From syscall_hook.S, with the number and six arguments. */
long shim_syscall(const uint64_t v[7])
{
	struct shim_call c = { .nr = (long)v[0] };

	memcpy(c.a, v + 1, sizeof(c.a));
	return shim_call(&c);
}

void shim_syscall_setup(void)
{
	for (long nr = 0; nr < (long)sizeof(shim_call_bits) * 8; nr++)
		if (shim_call_is_ours(nr))
			shim_call_bits[nr / 64] |= (uint64_t)1 << (nr % 64);
}

HOOK int prctl(int option, ...)
{
	struct shim_call c = { .nr = SYS_prctl, .a = { (uint64_t)option } };
	va_list ap;

	va_start(ap, option);
	for (int i = 1; i < 5; i++)
		c.a[i] = va_arg(ap, unsigned long);
	va_end(ap);
	long r = shim_call_prctl(&c);

	return (int)shim_ret(r == SHIM_NATIVE ? raw6(c.nr, c.a[0], c.a[1], c.a[2], c.a[3], c.a[4], 0) : r);
}

/* ---- clone(2) ------------------------------------------------------------------------------------------------ */

struct begin {
	int (*fn)(void *);
	void *arg;
};

static int begin(void *p)
{
	const struct begin b = *(struct begin *)p;

	emul_fork_done(true);
	shim_forked();
	return b.fn(b.arg);
}

HOOK int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	struct begin b = { fn, arg };
	va_list ap;

	va_start(ap, arg);
	pid_t *parent_tid = va_arg(ap, pid_t *);
	void *tls = va_arg(ap, void *);
	pid_t *child_tid = va_arg(ap, pid_t *);

	va_end(ap);
	if (!shim_on() || flags & CLONE_VM || !fn)
		return NEXT(clone)(fn, stack, flags, arg, parent_tid, tls, child_tid);
	/* a process with a copy of our memory: a fork by another name */
	emul_fork_prepare();
	int pid = NEXT(clone)(begin, stack, flags, &b, parent_tid, tls, child_tid), was = errno;

	emul_fork_done(false);
	errno = was;
	return pid;
}
