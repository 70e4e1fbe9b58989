/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of enclaves: what becomes a folder below the state directory is checked here, once. */
#include <string.h>

#include "session/internal.h"

static bool name_byte(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
	       c == '_' || c == '-';
}

int session_name_check(const char *name, struct err *e)
{
	size_t n = strnlen(name, SESSION_NAME_MAX + 1);

	if (n == 0)
		return err_set(e, ERR_BAD_NAME, 0, "the name of an enclave must not be empty");
	if (n > SESSION_NAME_MAX)
		return err_set(e, ERR_BAD_NAME, 0, "the name '%.16s...' is longer than %d characters", name,
			       SESSION_NAME_MAX);
	if (name[0] == '.' || name[0] == '-')
		return err_set(e, ERR_BAD_NAME, 0, "the name '%s' begins with '%c'", name, name[0]);
	for (size_t i = 0; i < n; i++)
		if (!name_byte((unsigned char)name[i]))
			return err_set(e, ERR_BAD_NAME, 0,
				       "the name '%s' holds a character that names may not have", name);
	return 0;
}

void session_name_from_stem(char out[SESSION_NAME_MAX + 1], const char *stem, size_t room)
{
	size_t n = 0;

	while (*stem == '.' || *stem == '-')
		stem++;
	for (; *stem && n < room; stem++)
		out[n++] = name_byte((unsigned char)*stem) ? *stem : '_';
	out[n] = '\0';
	if (!n)
		strcpy(out, "enclave");
}
