/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stat and its relatives, on the device nodes and on their fds, which are files in memory.
 *
 * Authority: Linux 6.1 drivers/char/misc.c; glibc's names for these calls.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

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

static void make_node(struct stat *st, unsigned int minor)
{
	st->st_mode = S_IFCHR | 0666;
	st->st_rdev = makedev(SHIM_MISC_MAJOR, minor);
	st->st_size = 0;
	st->st_blocks = 0;
	st->st_nlink = 1;
}

/* What a path of ours looks like: another file that is there, changed where it matters. */
static bool stat_ours(int dirfd, const char *path, struct stat *st, int *ret)
{
	enum shim_path kind = shim_path(dirfd, path);
	const char *like = kind == PATH_ENCLAVE || kind == PATH_PROVISION ? "/dev/null" :
			   kind == PATH_DEV_SGX ? "/dev" : kind == PATH_EPC_SIZE ? "/proc/version" : NULL;

	if (!like)
		return false;
	*ret = (int)raw4(SYS_newfstatat, AT_FDCWD, like, st, 0);
	if (!*ret && (kind == PATH_ENCLAVE || kind == PATH_PROVISION))
		make_node(st, kind == PATH_ENCLAVE ? SHIM_ENCLAVE_MINOR : SHIM_PROVISION_MINOR);
	return true;
}

static int stat_fd(int fd, struct stat *st)
{
	int r = (int)raw2(SYS_fstat, fd, st);

	if (r || !S_ISREG(st->st_mode) || !emul_is_device_size((uint64_t)st->st_size))
		return r;
	if (emul_looks_like_enclave(fd))
		make_node(st, SHIM_ENCLAVE_MINOR);
	else if (shim_on() && emul_is_token_fd(fd))
		make_node(st, SHIM_PROVISION_MINOR);
	return 0;
}

static int stat_at(int dirfd, const char *path, struct stat *st, int flags)
{
	int r;

	if (flags & AT_EMPTY_PATH && (uintptr_t)path >= SGX_PAGE_SIZE && !*path && dirfd != AT_FDCWD)
		return stat_fd(dirfd, st);
	return stat_ours(dirfd, path, st, &r) ? r : (int)raw4(SYS_newfstatat, dirfd, path, st, flags);
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
	struct stat st;
	int r;
	bool by_fd = flags & AT_EMPTY_PATH && (uintptr_t)path >= SGX_PAGE_SIZE && !*path && dirfd != AT_FDCWD;

	if (by_fd) {
		r = stat_fd(dirfd, &st);
		if (r || !S_ISCHR(st.st_mode) || major(st.st_rdev) != SHIM_MISC_MAJOR)
			return (int)shim_ret(raw6(SYS_statx, dirfd, path, flags, mask, stx, 0));
	} else if (!stat_ours(dirfd, path, &st, &r)) {
		return (int)shim_ret(raw6(SYS_statx, dirfd, path, flags, mask, stx, 0));
	}
	if (r)
		return (int)shim_ret(r);
	r = (int)raw6(SYS_statx, AT_FDCWD, "/dev/null", 0, mask, stx, 0);
	if (r)
		return (int)shim_ret(r);
	stx->stx_mode = (uint16_t)st.st_mode;
	stx->stx_ino = st.st_ino;
	stx->stx_rdev_major = major(st.st_rdev);
	stx->stx_rdev_minor = minor(st.st_rdev);
	return 0;
}
