/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `sgxctl run` asked for, in one environment variable:
 *
 * SGXCTL_RUN=VERSION:KERNEL:NO_SGX2:EPC_PAGES:SUMMARY_FD:ROOT_PID:STATE_BYTES:STATE:TRACE, numbers in decimal; STATE and
 * TRACE are absolute paths or empty.  Where a program empties the variable for the next one, that runs as if there were no
 * `sgxctl run` (exec.c).
 */
#include "config.h"

#include <string.h>
#include <sys/uio.h>

#include "emul/raw.h"
#include "shim/shim.h"

#define CONFIG_VERSION 2

struct shim_config shim_config = { .summary_fd = -1, .helper = PKGLIBEXECDIR "/sgxctl-exec" };

/* The next number of the list, and the ':' behind it. */
static uint64_t number(const char **p)
{
	uint64_t v = 0;

	while (**p >= '0' && **p <= '9')
		v = v * 10 + (uint64_t)(*(*p)++ - '0');
	if (**p == ':')
		(*p)++;
	return v;
}

/* A path of that many bytes, and the ':' behind it; a list that is cut short names none. */
static void path(const char **p, uint64_t bytes, char *dst, size_t room)
{
	size_t left = strlen(*p);

	if (bytes >= left || bytes >= room)
		return;
	memcpy(dst, *p, bytes);
	dst[bytes] = '\0';
	*p += bytes + 1;
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

void shim_config_take(const char *text, const char *preload)
{
	uint64_t state_bytes;

	if (!text || !keep(shim_config.text, sizeof(shim_config.text), SHIM_ENV, text))
		return;
	if (preload)
		keep(shim_config.preload, sizeof(shim_config.preload), "LD_PRELOAD", preload);
	text = shim_config.text + sizeof(SHIM_ENV);
	if (number(&text) != CONFIG_VERSION)
		return;
	shim_config.emul.kernel = (enum emul_kernel)number(&text);
	shim_config.emul.no_sgx2 = number(&text) != 0;
	shim_config.emul.epc_pages = number(&text);
	shim_config.summary_fd = (int)number(&text);
	shim_config.root_pid = (int)number(&text);
	state_bytes = number(&text);
	path(&text, state_bytes, shim_config.state, sizeof(shim_config.state));
	shim_config.trace = *text ? text : NULL;
	if (!shim_config.root_pid)
		shim_config.summary_fd = -1;
}

void shim_config_read(char **envp)
{
	const char *text = NULL, *preload = "", *helper = NULL;
	bool unlisted = false;

	for (char **e = envp; *e; e++) {
		if (!strncmp(*e, SHIM_ENV "=", sizeof(SHIM_ENV)))
			text = *e + sizeof(SHIM_ENV);
		else if (!strncmp(*e, "LD_PRELOAD=", 11))
			preload = *e + 11;
		else if (!strncmp(*e, SHIM_ENV_HELPER "=", sizeof(SHIM_ENV_HELPER)))
			helper = *e + sizeof(SHIM_ENV_HELPER);
		else if (!strncmp(*e, SHIM_ENV_UNLISTED "=", sizeof(SHIM_ENV_UNLISTED)))
			unlisted = true;
	}
	shim_config_take(text, preload);
	if (unlisted)
		shim_config.state[0] = '\0';
	if (helper && *helper && keep(shim_config.helper_env, sizeof(shim_config.helper_env), SHIM_ENV_HELPER, helper))
		shim_config.helper = shim_config.helper_env + sizeof(SHIM_ENV_HELPER);
}

void shim_say(const char *what, const char *detail)
{
	struct iovec v[] = {
		{ (void *)(uintptr_t)"sgxctl run: ", 12 }, { (void *)(uintptr_t)what, strlen(what) },
		{ (void *)(uintptr_t)detail, strlen(detail) }, { (void *)(uintptr_t)"\n", 1 },
	};

	raw3(SYS_writev, 2, v, 4);
}
