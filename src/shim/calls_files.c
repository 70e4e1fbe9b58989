/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trapped system calls with a path: it is copied, and what they find goes back as the kernel would write it.
 *
 * Authority: Linux 6.1 fs/open.c, fs/stat.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

#define PATH_ROOM 4096

/* The path argument, at 0 or behind a directory at 1.  False: the kernel is to say what is wrong with it. */
static bool path_of(const struct shim_call *c, bool at, char path[PATH_ROOM])
{
	return shim_string(path, PATH_ROOM, c->a[at]) >= 0;
}

static int dir_of(const struct shim_call *c, bool at)
{
	return at ? (int)c->a[0] : AT_FDCWD;
}

long shim_call_open(struct shim_call *c)
{
	bool at = c->nr == SYS_openat || c->nr == SYS_openat2;
	int flags = c->nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC : (int)c->a[1 + at];
	struct open_how how = { 0 };
	char path[PATH_ROOM];
	long r;

	if (!path_of(c, at, path) || shim_path(dir_of(c, at), path) == PATH_OTHER)
		return SHIM_NATIVE;
	if (c->nr == SYS_openat2) {
		if (c->a[3] < sizeof(how))
			return -EINVAL;
		if (emul_user_read(&how, c->a[2], sizeof(how)))
			return -EFAULT;
		flags = (int)how.flags;
	}
	return shim_open(dir_of(c, at), path, flags, &r) ? r : SHIM_NATIVE;
}

long shim_call_stat(struct shim_call *c)
{
	bool at = c->nr == SYS_newfstatat || c->nr == SYS_statx;
	int flags = c->nr == SYS_newfstatat ? (int)c->a[3] : c->nr == SYS_statx ? (int)c->a[2] :
		    c->nr == SYS_lstat ? AT_SYMLINK_NOFOLLOW : 0;
	char path[PATH_ROOM];
	struct statx stx;
	struct stat st;
	long r;

	if (c->nr == SYS_fstat) {
		if (!shim_fstat((int)c->a[0], &st, &r))
			return SHIM_NATIVE;
		return emul_user_write(c->a[1], &st, sizeof(st));
	}
	if (!path_of(c, at, path))
		return SHIM_NATIVE;
	if (c->nr == SYS_statx) {
		if (!shim_statx(dir_of(c, at), path, flags, (unsigned int)c->a[3], &stx, &r))
			return SHIM_NATIVE;
		return r ? r : emul_user_write(c->a[4], &stx, sizeof(stx));
	}
	if (!shim_stat(dir_of(c, at), path, &st, flags, &r))
		return SHIM_NATIVE;
	return r ? r : emul_user_write(c->a[1 + at], &st, sizeof(st));
}

long shim_call_access(struct shim_call *c)
{
	bool at = c->nr != SYS_access;
	char path[PATH_ROOM];
	long r;

	if (!path_of(c, at, path))
		return SHIM_NATIVE;
	return shim_access(dir_of(c, at), path, (int)c->a[1 + at], &r) ? r : SHIM_NATIVE;
}

long shim_call_readlink(struct shim_call *c)
{
	bool at = c->nr == SYS_readlinkat;
	char path[PATH_ROOM], target[PATH_ROOM];
	int64_t room = (int)c->a[2 + at];

	if (!path_of(c, at, path) || room <= 0)
		return SHIM_NATIVE;
	size_t want = room < PATH_ROOM ? (size_t)room : sizeof(target);
	long n = raw4(SYS_readlinkat, dir_of(c, at), path, target, want);

	n = shim_readlink(dir_of(c, at), path, target, want, n);

	if (n <= 0)
		return n;
	return emul_user_write(c->a[1 + at], target, (size_t)n) ? -EFAULT : n;
}
