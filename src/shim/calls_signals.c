/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trapped calls about signals: dispositions go to emul_sigaction, trap signals are never really blocked, and the
 * alternate stack of a thread with a block is the emulator's, with the program's kept beside it.
 *
 * Authority: Linux 6.1 kernel/signal.c.
 */
#include <errno.h>
#include <signal.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

#define SIGSET_BYTES 8

struct kernel_action {
	uint64_t handler, flags, restorer, mask;
};
#define SA_RESTORER_FLAG 0x04000000u

long shim_call_sigaction(struct shim_call *c)
{
	struct kernel_action k;
	struct sigaction act, old;
	int sig = (int)c->a[0], r;

	if (!shim_on())
		return SHIM_NATIVE;
	if (c->a[3] != SIGSET_BYTES)
		return -EINVAL;
	if (c->a[1]) {
		if (emul_user_read(&k, c->a[1], sizeof(k)))
			return -EFAULT;
		act = (struct sigaction){ .sa_flags = (int)(k.flags & ~(uint64_t)SA_RESTORER_FLAG) };
		act.sa_handler = (void (*)(int))(uintptr_t)k.handler;
		__builtin_memcpy(&act.sa_mask, &k.mask, sizeof(k.mask));
	}
	r = emul_sigaction(sig, c->a[1] ? &act : NULL, &old);
	if (r || !c->a[2])
		return r;
	k = (struct kernel_action){ .handler = (uintptr_t)old.sa_handler, .flags = (uint32_t)old.sa_flags };
	__builtin_memcpy(&k.mask, &old.sa_mask, sizeof(k.mask));
	return emul_user_write(c->a[2], &k, sizeof(k)) ? -EFAULT : 0;
}

static void mask_get(const struct shim_call *c, uint64_t *mask)
{
	if (c->uc)
		__builtin_memcpy(mask, &c->uc->uc_sigmask, sizeof(*mask));
	else
		raw4(SYS_rt_sigprocmask, SIG_BLOCK, NULL, mask, sizeof(*mask));
}

/* Of a trap the mask takes effect when the handler returns. */
static void mask_set(const struct shim_call *c, uint64_t mask)
{
	if (c->uc)
		__builtin_memcpy(&c->uc->uc_sigmask, &mask, sizeof(mask));
	else
		raw4(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
}

long shim_call_sigprocmask(struct shim_call *c)
{
	uint64_t traps = native_trap_mask(), mask, set, was;

	if (!shim_on())
		return SHIM_NATIVE;
	if (c->a[3] != SIGSET_BYTES)
		return -EINVAL;
	mask_get(c, &mask);
	was = mask = (mask & ~traps) | native_held();
	if (c->a[1]) {
		if (emul_user_read(&set, c->a[1], sizeof(set)))
			return -EFAULT;
		switch ((int)c->a[0]) {
		case SIG_BLOCK:
			mask |= set;
			break;
		case SIG_UNBLOCK:
			mask &= ~set;
			break;
		case SIG_SETMASK:
			mask = set;
			break;
		default:
			return -EINVAL;
		}
		mask &= ~((uint64_t)1 << (SIGKILL - 1) | (uint64_t)1 << (SIGSTOP - 1));
	}
	/* as in Linux, the new mask is in force even when the old one cannot be stored */
	mask_set(c, mask & ~traps);
	native_held_set(mask);
	return c->a[2] && emul_user_write(c->a[2], &was, sizeof(was)) ? -EFAULT : 0;
}

/* Those that were sent and wait here are pending, as those that wait in the kernel. */
long shim_call_sigpending(struct shim_call *c)
{
	uint64_t set = 0;
	size_t bytes = (size_t)c->a[1];

	if (!shim_on() || bytes > SIGSET_BYTES)
		return SHIM_NATIVE;
	raw2(SYS_rt_sigpending, &set, sizeof(set));
	set |= emul_sigpending();
	return emul_user_write(c->a[0], &set, bytes) ? -EFAULT : 0;
}

/*
 * Trap signals are never really blocked, because a blocked trap kills; but for as long as a thread waits it runs no
 * enclave, and they can be.  They must: one that comes between the look at our keeping and the kernel's waiting would go
 * into our keeping, and never be waited for.  So they are blocked here, by the handler, or by shim_again_blocked.
 */
uint64_t shim_traps;

static long take_sent(uint64_t want, uint64_t info)
{
	siginfo_t own;
	int sig = native_take_pending(want & native_trap_mask(), &own);

	return sig && info && emul_user_write(info, &own, sizeof(own)) ? -EFAULT : sig;
}

long shim_sigtimedwait(const uint64_t *set, void *info, const struct timespec *limit)
{
	uint64_t want, traps = native_trap_mask(), was = 0;

	if (!shim_on() || emul_user_read(&want, (uintptr_t)set, sizeof(want)) || !(want & traps))
		return raw4(SYS_rt_sigtimedwait, set, info, limit, SIGSET_BYTES);
	raw4(SYS_rt_sigprocmask, SIG_BLOCK, &traps, &was, sizeof(was));
	long r = take_sent(want, (uintptr_t)info);

	if (!r)
		r = raw4(SYS_rt_sigtimedwait, &want, info, limit, sizeof(want));
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, sizeof(was));
	return r;
}

long shim_call_sigtimedwait(struct shim_call *c)
{
	uint64_t want;

	if (!shim_on() || c->a[3] != SIGSET_BYTES)
		return SHIM_NATIVE;
	if (!c->uc)
		return shim_sigtimedwait((void *)(uintptr_t)c->a[0], (void *)(uintptr_t)c->a[1],
					 (void *)(uintptr_t)c->a[2]);
	if (emul_user_read(&want, c->a[0], sizeof(want)))
		return SHIM_NATIVE;
	long r = take_sent(want, c->a[1]);

	shim_traps = native_trap_mask();
	c->blocks_traps = !r && want & shim_traps;
	return r ? r : SHIM_NATIVE;
}

long shim_call_sigaltstack(struct shim_call *c)
{
	struct native_tb *tb = c->uc ? c->tb : shim_on() ? native_thread_peek() : NULL;

	if (!tb)                        /* the kernel's own is the program's still */
		return SHIM_NATIVE;
	uint64_t rsp = c->uc ? (uint64_t)c->uc->uc_mcontext.gregs[REG_RSP] : (uint64_t)(uintptr_t)__builtin_frame_address(0);
	stack_t want, old;

	if (c->a[0] && emul_user_read(&want, c->a[0], sizeof(want)))
		return -EFAULT;
	int r = native_sigaltstack(tb, rsp, c->a[0] ? &want : NULL, &old);

	return !r && c->a[1] && emul_user_write(c->a[1], &old, sizeof(old)) ? -EFAULT : r;
}
