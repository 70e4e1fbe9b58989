/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new thread believes the signals blocked that its creator believes blocked; and libc's own signals, installed with
 * the first thread, must find the host's state like all others.  A vfork child uses what is its parent's thread's.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "emul/native.h"
#include "shim/calls.h"
#include "shim/shim.h"

struct begin {
	void *(*fn)(void *);
	void *arg;
	uint64_t held;
};

static void *begin(void *p)
{
	struct begin b = *(struct begin *)p;

	free(p);
	emul_sigmask_inherit(b.held);
	return b.fn(b.arg);
}

HOOK int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*fn)(void *),
			void *restrict arg)
{
	if (!shim_on())
		return NEXT(pthread_create)(thread, attr, fn, arg);
	struct begin *b = malloc(sizeof(*b));

	if (!b)
		return EAGAIN;
	*b = (struct begin){ .fn = fn, .arg = arg, .held = emul_sigmask_held() };
	int r = NEXT(pthread_create)(thread, attr, begin, b);

	if (r)
		free(b);
	else
		shim_signals_adopt_libc();
	return r;
}

int shim_thread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	int r = NEXT(pthread_create)(t, attr, fn, arg);

	if (!r)
		shim_signals_adopt_libc();
	return r;
}

static void *waits(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/*
 * libc installs the handler of its signal with the first pthread_cancel, unseen, and sends the signal at once.  So the
 * first to be cancelled is a thread of ours; then the handler is there to be adopted.
 */
static void install_cancel(void)
{
	/* the first of that name: sanitizers must know all threads */
	__typeof__(&pthread_create) create = (__typeof__(&pthread_create))dlsym(RTLD_DEFAULT, "pthread_create");
	pthread_t t;

	if (!create || create(&t, NULL, waits, NULL))
		return;
	NEXT(pthread_cancel)(t);
	pthread_join(t, NULL);
	shim_signals_adopt_libc();
}

HOOK int pthread_cancel(pthread_t thread)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (shim_on())
		pthread_once(&once, install_cancel);
	return NEXT(pthread_cancel)(thread);
}

/* ---- vfork: vfork_hook.S --------------------------------------------------------------------------------------- */

void shim_vfork_begins(void);
long shim_vfork_returns(long pid);

/* What belongs to the kernel's thread and not to memory, as the parent had it. */
static __thread struct {
	struct native_tb *tb;
	struct native_inside *in_enclave;
	unsigned n_inside;
	stack_t stack;
	uint64_t held;
	uint8_t actions[NATIVE_SIGNALS_BYTES];
} before;

void shim_vfork_begins(void)
{
	before.tb = shim_on() ? native_thread_prepare() : NULL;
	if (!before.tb)
		return;
	before.in_enclave = before.tb->in_enclave;
	before.n_inside = before.tb->n_inside;
	before.stack = before.tb->program_stack;
	before.held = native_held();
	native_signals_save(before.actions);
}

long shim_vfork_returns(long pid)
{
	struct native_tb *tb = before.tb;

	if (tb && !pid) {
		native_thread_dispatch(tb);
	} else if (tb) {
		tb->in_enclave = before.in_enclave;
		tb->n_inside = before.n_inside;
		tb->program_stack = before.stack;
		emul_sigmask_inherit(before.held);
		native_signals_put_back(before.actions);
	}
	return shim_ret(pid);
}
