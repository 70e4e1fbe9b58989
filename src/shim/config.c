/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What `sgxctl run` asked for, as one environment variable says it:
 *
 * SGXCTL_RUN=VERSION:KERNEL:NO_SGX2:EPC_PAGES:SUMMARY_FD:ROOT_PID:STATE_BYTES:STATE:TRACE, numbers in decimal; STATE and
 * TRACE are absolute paths or empty.  Where a program empties the variable for the next one, that runs as if there were no
 * `sgxctl run` (exec.c).
 */
#include <string.h>

#include "shim/shim.h"

#define CONFIG_VERSION 2

struct shim_config shim_config = { .summary_fd = -1 };

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

void shim_config_parse(const char *text)
{
	uint64_t state_bytes;

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
