/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which file an IMAGE argument means. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/place.h"
#include "cli/cli.h"

static char *installed(const char *name)
{
	CLEANUP(cleanup_free) char *dir = place_find("SGXCTL_ENCLAVES", "enclaves", ENCLAVESDIR);
	char *path = NULL;

	if (!dir || asprintf(&path, "%s/%s.elf", dir, name) < 0)
		return NULL;
	if (access(path, F_OK) == 0)
		return path;
	free(path);
	return NULL;
}

char *image_find(const char *word, struct err *e)
{
	char *path = NULL;

	if (*word && (strchr(word, '/') || access(word, F_OK) == 0)) {
		path = strdup(word);
		if (!path)
			err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a path");
		return path;
	}
	if (*word)
		path = installed(word);
	if (!path)
		err_set(e, ERR_NO_IMAGE, ENOENT,
			"there is no file '%s' and no installed enclave of that name", word);
	return path;
}

void image_stem(char *buf, size_t bytes, const char *path)
{
	const char *name = strrchr(path, '/');
	size_t n;

	snprintf(buf, bytes, "%s", name ? name + 1 : path);
	n = strlen(buf);
	if (n > 4 && !strcmp(buf + n - 4, ".elf"))
		buf[n - 4] = '\0';
}
