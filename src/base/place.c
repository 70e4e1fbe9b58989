/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/place.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *beside(const char *name)
{
	char own[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", own, sizeof(own) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	own[n] = '\0';
	slash = strrchr(own, '/');
	if (!slash || (size_t)(slash + 1 - own) + strlen(name) >= sizeof(own))
		return NULL;
	strcpy(slash + 1, name);
	return access(own, F_OK) == 0 ? strdup(own) : NULL;
}

char *place_find(const char *env, const char *name, const char *installed)
{
	const char *wish = getenv(env);
	char *path;

	if (wish && *wish)
		return strdup(wish);
	path = beside(name);
	return path ? path : strdup(installed);
}
