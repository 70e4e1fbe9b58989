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

#define STATE_ROOM   4096u
#define VALUE_ROOM   4352u      /* "LD_PRELOAD=..." and "SGXCTL_EXEC=..." */

/* Room for shim_config_take() twice: sgxctl-exec reads its environment, then its options. */
static char nothing[1], words[2 * (SHIM_TEXT_ROOM + STATE_ROOM + VALUE_ROOM) + VALUE_ROOM];
static size_t words_used;

struct shim_config shim_config = {
	.summary_fd = -1, .helper = PKGLIBEXECDIR "/sgxctl-exec",
	.state = nothing, .text = nothing, .preload = nothing, .helper_env = nothing, .exe = nothing,
};

/* a and b behind each other as one word, where they have room; else `otherwise`. */
static char *keep(const char *a, const char *b, size_t b_bytes, size_t room, char *otherwise)
{
	size_t n = strlen(a);
	char *at = words + words_used;

	if (n + b_bytes >= room || n + b_bytes >= sizeof(words) - words_used)
		return otherwise;
	memcpy(at, a, n);
	memcpy(at + n, b, b_bytes);
	at[n + b_bytes] = '\0';
	words_used += n + b_bytes + 1;
	return at;
}

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

void shim_config_take(const char *text, const char *preload)
{
	uint64_t state_bytes;

	if (!text)
		return;
	shim_config.text = keep(SHIM_ENV "=", text, strlen(text), SHIM_TEXT_ROOM, nothing);
	if (!shim_config.text[0])
		return;
	if (preload)
		shim_config.preload = keep("LD_PRELOAD=", preload, strlen(preload), VALUE_ROOM, nothing);
	text = shim_config.text + sizeof(SHIM_ENV);
	if (number(&text) != CONFIG_VERSION)
		return;
	shim_config.emul.kernel = (enum emul_kernel)number(&text);
	shim_config.emul.no_sgx2 = number(&text) != 0;
	shim_config.emul.epc_pages = number(&text);
	shim_config.summary_fd = (int)number(&text);
	shim_config.root_pid = (int)number(&text);
	state_bytes = number(&text);
	/* a list that is cut short names none */
	if (state_bytes < strlen(text) && state_bytes < STATE_ROOM) {
		shim_config.state = keep("", text, (size_t)state_bytes, STATE_ROOM, nothing);
		text += state_bytes + 1;
	}
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
		shim_config.state = nothing;
	if (helper && *helper)
		shim_config_helper(helper);
}

void shim_config_helper(const char *path)
{
	char *env = keep(SHIM_ENV_HELPER "=", path, strlen(path), VALUE_ROOM, NULL);

	if (!env)
		return;
	shim_config.helper_env = env;
	shim_config.helper = env + sizeof(SHIM_ENV_HELPER);
}

void shim_say(const char *what, const char *detail)
{
	struct iovec v[] = {
		{ (void *)(uintptr_t)"sgxctl run: ", 12 }, { (void *)(uintptr_t)what, strlen(what) },
		{ (void *)(uintptr_t)detail, strlen(detail) }, { (void *)(uintptr_t)"\n", 1 },
	};

	raw3(SYS_writev, 2, v, 4);
}
