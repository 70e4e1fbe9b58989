/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * readdir(3) and what glibc builds on it without coming by here: listings of /dev have the device nodes.
 *
 * Authority: glibc's names for these calls; its struct dirent is struct dirent64 on x86-64.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

_Static_assert(sizeof(struct dirent) == sizeof(struct dirent64), "one function does for both");

HOOK struct dirent64 *readdir64(DIR *dir)
{
	int error = errno;
	struct dirent64 *e;

	errno = 0;
	e = NEXT(readdir64)(dir);
	if (!e && errno)
		return NULL;
	errno = error;
	return shim_readdir(dir, dirfd(dir), e);
}

HOOK struct dirent *readdir(DIR *dir)
{
	return (struct dirent *)(void *)readdir64(dir);
}

/* ---- scandir: glibc's own, except for /dev ------------------------------------------------------------------- */

typedef int filter_fn(const struct dirent *e);
typedef int order_fn(const struct dirent **a, const struct dirent **b);

/* An open listing of /dev, when the path may name it and does. */
static DIR *open_dev(int dirfd, const char *path)
{
	char copy[16];
	int n = shim_string(copy, sizeof(copy), (uintptr_t)path), fd;
	DIR *dir;

	while (n > 1 && copy[n - 1] == '/')
		copy[--n] = '\0';
	if (n <= 0 || (strcmp(copy, ".") && (n < 3 || strcmp(copy + n - 3, "dev"))))
		return NULL;
	fd = (int)raw4(SYS_openat, dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	dir = shim_is_dev(fd) ? fdopendir(fd) : NULL;
	if (!dir)
		raw1(SYS_close, fd);
	return dir;
}

static struct dirent *copy_of(const struct dirent *e)
{
	struct dirent *copy = malloc(e->d_reclen);

	return copy ? memcpy(copy, e, e->d_reclen) : NULL;
}

static void free_list(struct dirent **list, size_t n)
{
	while (n--)
		free(list[n]);
	free(list);
}

/* Takes *dir.  -1 and errno: out of memory, or of int. */
static int scan(DIR *dir, struct dirent ***ret_list, filter_fn *wanted, order_fn *order)
{
	struct dirent **list = NULL, **larger;
	const struct dirent *e;
	size_t n = 0, room = 0;
	int error = errno;

	while ((e = readdir(dir))) {
		if (wanted && !wanted(e))
			continue;
		if (n == room) {
			room = room ? 2 * room : 32;
			larger = reallocarray(list, room, sizeof(*list));
			if (!larger)
				goto fail;
			list = larger;
		}
		list[n] = copy_of(e);
		if (!list[n++])
			goto fail;
	}
	closedir(dir);
	if (n && order)
		qsort(list, n, sizeof(*list), (int (*)(const void *, const void *))order);
	*ret_list = list;
	errno = error;
	return (int)n;
fail:
	closedir(dir);
	free_list(list, n);
	errno = ENOMEM;
	return -1;
}

#define SCANDIR_HOOKS(suffix, type) \
	HOOK int scandirat##suffix(int dirfd, const char *path, struct type ***list, int (*wanted)(const struct type *), \
				   int (*order)(const struct type **, const struct type **)) \
	{ \
		DIR *dir = open_dev(dirfd, path); \
		if (!dir) \
			return NEXT(scandirat##suffix)(dirfd, path, list, wanted, order); \
		return scan(dir, (struct dirent ***)list, (filter_fn *)wanted, (order_fn *)order); \
	} \
	HOOK int scandir##suffix(const char *path, struct type ***list, int (*wanted)(const struct type *), \
				 int (*order)(const struct type **, const struct type **)) \
	{ \
		return scandirat##suffix(AT_FDCWD, path, list, wanted, order); \
	}
SCANDIR_HOOKS(, dirent)
SCANDIR_HOOKS(64, dirent64)

/* ---- glob ------------------------------------------------------------------------------------------------------- */

static void *open_listing(const char *path)
{
	return opendir(path);
}

static void *next_entry(void *dir)
{
	return readdir(dir);
}

static void close_listing(void *dir)
{
	closedir(dir);
}

static int stat_with(const char *path, void *st, int flags)
{
	long r;

	if (!shim_stat(AT_FDCWD, path, st, flags, &r))
		r = raw4(SYS_newfstatat, AT_FDCWD, path, st, flags);
	return (int)shim_ret(r);
}

static int stat_entry(const char *restrict path, struct stat *restrict st)
{
	return stat_with(path, st, 0);
}

static int lstat_entry(const char *restrict path, struct stat *restrict st)
{
	return stat_with(path, st, AT_SYMLINK_NOFOLLOW);
}

/* For the pattern of a listing of /dev glibc is to ask these; who brings functions of its own has called ours. */
#define GLOB_HOOK(name, type) \
	HOOK int name(const char *restrict pattern, int flags, int (*failed)(const char *, int), type *restrict found) \
	{ \
		char head[sizeof("/dev/")]; \
		int r; \
		if (flags & GLOB_ALTDIRFUNC || shim_string(head, sizeof(head), (uintptr_t)pattern) == -EFAULT || \
		    memcmp(head, "/dev/", sizeof(head) - 1)) \
			return NEXT(name)(pattern, flags, failed, found); \
		found->gl_opendir = open_listing; \
		found->gl_readdir = (__typeof__(found->gl_readdir))next_entry; \
		found->gl_closedir = close_listing; \
		found->gl_stat = (__typeof__(found->gl_stat))stat_entry; \
		found->gl_lstat = (__typeof__(found->gl_lstat))lstat_entry; \
		r = NEXT(name)(pattern, flags | GLOB_ALTDIRFUNC, failed, found); \
		found->gl_flags &= ~GLOB_ALTDIRFUNC; \
		return r; \
	}
GLOB_HOOK(glob, glob_t)
GLOB_HOOK(glob64, glob64_t)
