/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Locks that survive their holder, and the signal mask around them.
 *
 * A lock in an enclave file is shared by every process that has the fd, and any of them may be killed while
 * it holds it.  So the word is the holder's thread id, and who waits too long looks whether that thread
 * still exists.  Locks in emul_encls belong to one process: after a fork they may name a thread of the
 * parent, which counts as dead here.
 *
 * Context: any, including signal handlers and EENTER without a trap (general registers only).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <time.h>

#include "emul/driver.h"
#include "emul/internal.h"
#include "emul/raw.h"

#define KERNEL_SIGSET_BYTES 8
#define SPINS               200
#define WAIT_NS             20000000

static uint64_t sig_bit(int sig) { return (uint64_t)1 << (sig - 1); }

/*
 * A thread that has one of these blocked and meets a trap of its enclave is killed by the kernel, so they
 * are never blocked outside handlers.
 */
static uint64_t never_blocked(void)
{
	return sig_bit(SIGSEGV) | sig_bit(SIGILL) | sig_bit(SIGBUS) | sig_bit(SIGFPE) | sig_bit(SIGTRAP) |
	       sig_bit(SIGSYS);
}

/* SIG_BLOCK, not SIG_SETMASK: inside a handler the six are blocked and must stay so. */
void emul_sig_block(sigset_t *old)
{
	uint64_t mask = ~never_blocked();

	old->__val[0] = 0;      /* the kernel's set is the first word */
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &mask, old, KERNEL_SIGSET_BYTES);
}

void emul_sig_restore(const sigset_t *old)
{
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, old, 0, KERNEL_SIGSET_BYTES);
}

/* State letter of /proc/TID/stat: a killed process that nobody waited for still has its id. */
static bool is_zombie(uint32_t tid)
{
	char path[32] = "/proc/", digits[12], buf[512];
	char *p = path + 6, *d = digits;
	long fd, n, i;

	for (; tid; tid /= 10)
		*d++ = (char)('0' + tid % 10);
	while (d > digits)
		*p++ = *--d;
	for (const char *s = "/stat"; (*p = *s); p++, s++)
		;
	fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return fd == -ENOENT;
	n = raw3(SYS_read, fd, buf, sizeof(buf));
	raw1(SYS_close, fd);
	for (i = n - 1; i > 0; i--)     /* the name in parentheses may hold anything */
		if (buf[i] == ')')
			break;
	return i > 0 && i + 2 < n && (buf[i + 2] == 'Z' || buf[i + 2] == 'X');
}

bool emul_thread_dead(uint32_t tid, bool this_process)
{
	if (this_process)
		return raw3(SYS_tgkill, raw_getpid(), tid, 0) == -ESRCH;
	return raw2(SYS_tkill, tid, 0) == -ESRCH || is_zombie(tid);
}

static bool is_private(const struct emul_mutex *m)
{
	return (uintptr_t)m - (uintptr_t)emul_encls < sizeof(emul_encls);
}

static void lock_slow(struct emul_mutex *m, uint32_t self)
{
	const struct timespec wait = { .tv_nsec = WAIT_NS };

	for (;;) {
		uint32_t owner = 0;

		for (int i = 0; i < SPINS; i++) {
			owner = 0;
			if (atomic_compare_exchange_strong(&m->owner, &owner, self))
				return;
			__builtin_ia32_pause();
		}
		atomic_fetch_add(&m->waiters, 1);
		long r = raw6(SYS_futex, &m->owner, FUTEX_WAIT, owner, &wait, 0, 0);
		atomic_fetch_sub(&m->waiters, 1);
		if (r != -ETIMEDOUT || !emul_thread_dead(owner, is_private(m)))
			continue;
		if (atomic_compare_exchange_strong(&m->owner, &owner, self))
			return;
	}
}

/* A system call per lock would double what an EACCEPT costs.  Host FS is loaded wherever locks are taken. */
static __thread uint32_t own_tid __attribute__((tls_model("initial-exec")));

void emul_tid_forget(void)
{
	own_tid = 0;
}

void emul_lock(struct emul_mutex *m)
{
	uint32_t self = own_tid, free_word = 0;

	if (!self)
		self = own_tid = raw_gettid();

	if (!atomic_compare_exchange_strong(&m->owner, &free_word, self))
		lock_slow(m, self);
}

bool emul_trylock(struct emul_mutex *m)
{
	uint32_t free_word = 0;

	if (!own_tid)
		own_tid = raw_gettid();
	return atomic_compare_exchange_strong(&m->owner, &free_word, own_tid);
}

bool emul_trylock_shared(struct emul_mutex *m)
{
	uint32_t owner = atomic_load(&m->owner);

	if (emul_trylock(m))
		return true;
	return owner && owner != own_tid && emul_thread_dead(owner, false) &&
	       atomic_compare_exchange_strong(&m->owner, &owner, own_tid);
}

bool emul_lock_is_own(const struct emul_mutex *m)
{
	return own_tid && atomic_load(&m->owner) == own_tid;
}

/* What other processes want done to the page tables that this lock guards. */
static void look_elsewhere(struct emul_encl *en)
{
	if (en->sh && emul_elsewhere_behind(en))
		emul_elsewhere_serve(en);
}

static struct emul_encl *encl_of_lock(struct emul_mutex *m)
{
	return &emul_encls[((uintptr_t)m - (uintptr_t)emul_encls) / sizeof(emul_encls[0])];
}

void emul_unlock(struct emul_mutex *m)
{
	struct emul_encl *en = is_private(m) ? encl_of_lock(m) : NULL;

	if (en)
		look_elsewhere(en);
	/* Sequentially consistent on both sides: a waiter counts itself before the kernel compares. */
	atomic_store(&m->owner, 0);
	if (atomic_load(&m->waiters))
		raw6(SYS_futex, &m->owner, FUTEX_WAKE, 1, 0, 0, 0);
	/* asked for in between, by a signal that found this thread in the way */
	while (en && atomic_load(&en->zap_wanted) && emul_trylock(m)) {
		atomic_store(&en->zap_wanted, 0);
		look_elsewhere(en);
		atomic_store(&m->owner, 0);
	}
}

/* A holder may wait for its CPU as long as other programs like: about a second in all. */
#define CONFLICT_YIELDS 100u
#define CONFLICT_SLEEPS 10000u
#define CONFLICT_NS     50000

bool emul_conflict(struct emul_encl *en, const struct sgxm_out *out, unsigned *tries)
{
	static const char *const checks[] = {
		"EACCEPT.9", "EMODPE.6", "EACCEPTCOPY.8", "EENTER.5", "ERESUME.5", "EMODPR.4", "EMODPR.6", "EMODT.4", "EMODT.6",
		"EREMOVE.3", "EWB.8",
	};

	/* a conflict is #GP(0) or a code; the common page fault need not be looked up */
	if (out->kind == SGXM_DONE || out->kind == SGXM_PF || !out->check || *tries > CONFLICT_YIELDS + CONFLICT_SLEEPS)
		return false;
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
		const char *a = checks[i], *b = out->check;

		while (*a && *a == *b)
			a++, b++;
		if (*a == *b) {
			const struct timespec pause = { .tv_nsec = CONFLICT_NS };

			if (++*tries > CONFLICT_YIELDS + CONFLICT_SLEEPS)
				return emul_locks_recover(en);
			if (*tries <= CONFLICT_YIELDS)
				raw0(SYS_sched_yield);
			else
				raw2(SYS_nanosleep, &pause, 0);
			return true;
		}
	}
	return false;
}

/* SIG_IGN, or SIG_DFL of a signal whose default is to be ignored: Linux would not have made it pending. */
static bool is_ignored(int sig, const struct emul_kernel_sigaction *act)
{
	if (act->handler == (uint64_t)(uintptr_t)SIG_IGN)
		return true;
	return act->handler == (uint64_t)(uintptr_t)SIG_DFL &&
	       (sig == SIGCHLD || sig == SIGCONT || sig == SIGURG || sig == SIGWINCH);
}

/*
 * What signal_pending() would say in the driver: something blocked by emul_sig_block alone has arrived.
 * *ret_restart: every handler that will run asked for restarted system calls.
 */
bool emul_signal_pending(const sigset_t *old, bool *ret_restart)
{
	uint64_t pending = 0, was;
	bool any = false, restart = true;

	__builtin_memcpy(&was, old, sizeof(was));
	if (raw2(SYS_rt_sigpending, &pending, KERNEL_SIGSET_BYTES) < 0)
		return false;
	pending &= ~was & ~never_blocked();
	for (int sig = 1; pending; sig++, pending >>= 1) {
		struct emul_kernel_sigaction act = { 0 };

		if (!(pending & 1) || raw4(SYS_rt_sigaction, sig, 0, &act, KERNEL_SIGSET_BYTES) < 0 ||
		    is_ignored(sig, &act))
			continue;
		any = true;
		restart = restart && (act.flags & SA_RESTART ||
				      act.handler == (uint64_t)(uintptr_t)SIG_DFL);
	}
	*ret_restart = restart;
	return any;
}
