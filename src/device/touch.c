/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Host loads from enclave memory that may raise SIGSEGV or SIGBUS.  The load is one known instruction;
 * the handler recognises it by RIP and moves on behind it.  Nothing jumps, nothing is thread-local,
 * so any number of threads may touch at once.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "device/internal.h"

long device_touch_load(uint64_t la);
extern const char device_touch_insn[], device_touch_done[];

static struct sigaction old_segv, old_bus;

static void pass_on(const struct sigaction *old, int sig, siginfo_t *info, void *context)
{
	if (old->sa_flags & SA_SIGINFO) {
		old->sa_sigaction(sig, info, context);
	} else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
		old->sa_handler(sig);
	} else {
		/* the instruction runs again and meets the default action */
		signal(sig, SIG_DFL);
	}
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;

	if ((uintptr_t)regs[REG_RIP] != (uintptr_t)device_touch_insn) {
		pass_on(sig == SIGBUS ? &old_bus : &old_segv, sig, info, context);
		return;
	}
	regs[REG_RAX] = -sig;
	regs[REG_RIP] = (greg_t)(uintptr_t)device_touch_done;
}

static int setup_result;

static void setup(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART };

	sa.sa_sigaction = on_fault;
	sigemptyset(&sa.sa_mask);
	if (sigaction(SIGSEGV, &sa, &old_segv) || sigaction(SIGBUS, &sa, &old_bus))
		setup_result = -errno;
}

int device_touch_setup(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, setup);
	return setup_result;
}

int device_touch(uint64_t la, uint8_t *ret_byte)
{
	long v = device_touch_load(la);

	if (v < 0)
		return (int)v;
	*ret_byte = (uint8_t)v;
	return 0;
}
