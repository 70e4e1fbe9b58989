/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library is loaded, and the emulator starts at its first use. */
#include <pthread.h>

#include "base/late_crypto.h"
#include "emul/raw.h"
#include "shim/shim.h"

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static int start_result;

const bool shim_has_own_libc = false;

bool shim_on(void)
{
	return __atomic_load_n(&started, __ATOMIC_ACQUIRE);
}


/* Who the emulator's tables belong to: a vfork child shares them, and its fds are not theirs. */
static uint32_t owner;

/* The kernel chooses. */
uint64_t shim_place(uint64_t la, uint64_t bytes, int flags)
{
	(void)bytes;
	(void)flags;
	return la;
}

void shim_forked(void)
{
	owner = raw_getpid();
}

bool shim_owner(void)
{
	return owner == raw_getpid();
}

static int start(void)
{
	int r;

	owner = raw_getpid();
	const char *no_crypto = late_crypto_load();

	if (no_crypto) {
		shim_say(no_crypto, "");
		return -ENODEV;
	}
	emul_sigmask_adopt();           /* the set-up times traps: blocked, they would kill */
	r = emul_setup(&shim_config.emul);
	if (!r && pthread_atfork(NULL, NULL, shim_forked))
		r = -ENOMEM;
	if (r) {
		shim_say(r == -ENOSYS ? "this machine cannot trap ENCLU (it needs Syscall User Dispatch)" :
					"the emulated device could not be set up", "");
		return -ENODEV;
	}
	shim_signals_adopt();
	shim_vdso_redirect();
	shim_listed_setup();
	return 0;
}

int shim_start(void)
{
	if (shim_on())
		return 0;
	int errno_was = errno;

	pthread_mutex_lock(&start_lock);
	if (!started && !start_result) {
		start_result = start();
		__atomic_store_n(&started, !start_result, __ATOMIC_RELEASE);
	}
	pthread_mutex_unlock(&start_lock);
	errno = errno_was;
	return start_result;
}

__attribute__((destructor))
static void unloaded(void)
{
	shim_ended();
}

__attribute__((constructor))
static void loaded(int argc, char **argv, char **envp)
{
	(void)argc;
	(void)argv;
	shim_config_read(envp);
	if (shim_config.text[0])
		emul_pool_prepare(&shim_config.emul);
	shim_vdso_setup(envp);
	shim_trace_setup();
	shim_syscall_setup();
	shim_text_setup();
}
