/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat and its relatives, on the device nodes and on their fds, which are files in memory.
 *
 * Authority: glibc's names for these calls.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "emul/raw.h"
#include "shim/shim.h"

/* glibc before 2.33 */
HOOK int __xstat(int ver, const char *path, struct stat *st);
HOOK int __lxstat(int ver, const char *path, struct stat *st);
HOOK int __fxstat(int ver, int fd, struct stat *st);
HOOK int __fxstatat(int ver, int dirfd, const char *path, struct stat *st, int flags);
HOOK int __xstat64(int ver, const char *path, struct stat64 *st);
HOOK int __lxstat64(int ver, const char *path, struct stat64 *st);
HOOK int __fxstat64(int ver, int fd, struct stat64 *st);
HOOK int __fxstatat64(int ver, int dirfd, const char *path, struct stat64 *st, int flags);

static long stat_at(int dirfd, const char *path, struct stat *st, int flags)
{
	long r = raw4(SYS_newfstatat, dirfd, path, st, flags), ours;

	return shim_path_readable(path, r) && shim_stat(dirfd, path, st, flags, &ours) ? ours : r;
}

static long stat_fd(int fd, struct stat *st)
{
	long r;

	shim_fstat(fd, st, &r);
	return r;
}

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one structure under two names");

#define STAT_HOOKS(suffix) \
	HOOK int stat##suffix(const char *path, struct stat##suffix *st) \
	{ return (int)shim_ret(stat_at(AT_FDCWD, path, (struct stat *)st, 0)); } \
	HOOK int lstat##suffix(const char *path, struct stat##suffix *st) \
	{ return (int)shim_ret(stat_at(AT_FDCWD, path, (struct stat *)st, AT_SYMLINK_NOFOLLOW)); } \
	HOOK int fstat##suffix(int fd, struct stat##suffix *st) \
	{ return (int)shim_ret(stat_fd(fd, (struct stat *)st)); } \
	HOOK int fstatat##suffix(int dirfd, const char *path, struct stat##suffix *st, int flags) \
	{ return (int)shim_ret(stat_at(dirfd, path, (struct stat *)st, flags)); } \
	HOOK int __xstat##suffix(int ver, const char *path, struct stat##suffix *st) \
	{ (void)ver; return (int)shim_ret(stat_at(AT_FDCWD, path, (struct stat *)st, 0)); } \
	HOOK int __lxstat##suffix(int ver, const char *path, struct stat##suffix *st) \
	{ (void)ver; return (int)shim_ret(stat_at(AT_FDCWD, path, (struct stat *)st, AT_SYMLINK_NOFOLLOW)); } \
	HOOK int __fxstat##suffix(int ver, int fd, struct stat##suffix *st) \
	{ (void)ver; return (int)shim_ret(stat_fd(fd, (struct stat *)st)); } \
	HOOK int __fxstatat##suffix(int ver, int dirfd, const char *path, struct stat##suffix *st, int flags) \
	{ (void)ver; return (int)shim_ret(stat_at(dirfd, path, (struct stat *)st, flags)); }

STAT_HOOKS()
STAT_HOOKS(64)

HOOK int statx(int dirfd, const char *restrict path, int flags, unsigned int mask, struct statx *restrict stx)
{
	long r = raw6(SYS_statx, dirfd, path, flags, mask, stx, 0), ours;

	return (int)shim_ret(shim_path_readable(path, r) && shim_statx(dirfd, path, flags, mask, stx, &ours) ? ours : r);
}
