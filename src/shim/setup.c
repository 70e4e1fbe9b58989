/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The environment that `sgxctl run` left, and the start of the emulator at its first use.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "emul/raw.h"
#include "shim/crypto.h"
#include "shim/shim.h"

static pthread_mutex_t start_lock = PTHREAD_MUTEX_INITIALIZER;
static bool started;
static int start_result;

void *shim_next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

bool shim_on(void)
{
	return __atomic_load_n(&started, __ATOMIC_ACQUIRE);
}

static void complain(const char *what)
{
	struct iovec v[] = {
		{ (void *)(uintptr_t)"sgxctl run: ", 12 }, { (void *)(uintptr_t)what, strlen(what) },
		{ (void *)(uintptr_t)"\n", 1 },
	};

	raw3(SYS_writev, 2, v, 3);
}

/* Who the emulator's tables belong to: a vfork child shares them, and its fds are not theirs. */
static uint32_t owner;

static void forked(void)
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
	if (shim_crypto_load()) {
		const char *why = dlerror();

		complain(why ? why : "libsgxemu-crypto.so lacks a function");
		return -ENODEV;
	}
	emul_sigmask_adopt();           /* the set-up times traps: blocked, they would kill */
	r = emul_setup(&shim_config.emul);
	if (!r && pthread_atfork(NULL, NULL, forked))
		r = -ENOMEM;
	if (r) {
		complain(r == -ENOSYS ? "this machine cannot trap ENCLU (it needs Syscall User Dispatch)" :
					"the emulated device could not be set up");
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

static bool keep(char *dst, size_t room, const char *name, const char *value)
{
	size_t n = strlen(name), m = strlen(value);

	if (n + 1 + m + 1 > room)
		return false;
	memcpy(dst, name, n);
	dst[n] = '=';
	memcpy(dst + n + 1, value, m + 1);
	return true;
}

static void read_config(char **envp)
{
	const char *text = NULL, *preload = "";
	bool unlisted = false;

	for (char **e = envp; *e; e++) {
		if (!strncmp(*e, SHIM_ENV "=", sizeof(SHIM_ENV)))
			text = *e + sizeof(SHIM_ENV);
		if (!strncmp(*e, "LD_PRELOAD=", 11))
			preload = *e + 11;
		if (!strncmp(*e, SHIM_ENV_UNLISTED "=", sizeof(SHIM_ENV_UNLISTED)))
			unlisted = true;
	}
	if (!text || !keep(shim_config.text, sizeof(shim_config.text), SHIM_ENV, text))
		return;
	keep(shim_config.preload, sizeof(shim_config.preload), "LD_PRELOAD", preload);
	shim_config_parse(shim_config.text + sizeof(SHIM_ENV));
	if (unlisted)
		shim_config.state[0] = '\0';
}

void shim_ended(void)
{
	if (shim_on() && shim_owner())
		shim_listed_end();
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
	read_config(envp);
	if (shim_config.text[0])
		emul_pool_prepare(&shim_config.emul);
	shim_vdso_setup(envp);
	shim_trace_setup();
	shim_cpuid_setup();
}
