/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device nodes as files: open and its relatives, close, access, readlink and ioctl.
 *
 * Authority: glibc's names for these calls.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "emul/raw.h"
#include "shim/shim.h"

/* what _FORTIFY_SOURCE makes of open */
HOOK int __open_2(const char *path, int flags);
HOOK int __open64_2(const char *path, int flags);
HOOK int __openat_2(int dirfd, const char *path, int flags);
HOOK int __openat64_2(int dirfd, const char *path, int flags);

/* ---- open ---------------------------------------------------------------------------------------------- */

static bool wants_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_ARGUMENT(flags) ({ \
	mode_t m_ = 0; \
	if ((flags) & (O_CREAT | O_TRUNC) || wants_mode(flags)) { \
		va_list ap_; \
		va_start(ap_, flags); \
		m_ = va_arg(ap_, mode_t); \
		va_end(ap_); \
	} \
	m_; })

/*
 * The kernel opens first: that it read the path is known then, at no cost for all the files that are not ours.  One that is
 * ours is closed again.  What would make or empty a file is looked at before.
 */
static bool open_is_ours(int dirfd, const char *path, int flags, int fd, long *ret)
{
	int errno_was = errno;
	bool ours = shim_path_readable(path, fd < 0 ? -errno : fd) && shim_path(dirfd, path) != PATH_OTHER;

	if (ours && fd >= 0)
		raw1(SYS_close, fd);
	if (ours && shim_open(dirfd, path, flags, ret))
		return true;
	if (ours)
		*ret = raw4(SYS_openat, dirfd, path, flags, 0);
	errno = errno_was;
	return ours;
}

#define OPEN(dirfd, path, flags, call) ({ \
	long r_; \
	int fd_; \
	if ((flags) & (O_CREAT | O_TRUNC) || wants_mode(flags)) { \
		bool ours_ = shim_path_readable(path, SHIM_NOT_ASKED) && shim_open(dirfd, path, flags, &r_); \
		fd_ = ours_ ? (int)shim_ret(r_) : (call); \
	} else { \
		fd_ = (call); \
		if (open_is_ours(dirfd, path, flags, fd_, &r_)) \
			fd_ = (int)shim_ret(r_); \
	} \
	fd_; })

HOOK int open(const char *path, int flags, ...)
{
	mode_t mode = MODE_ARGUMENT(flags);

	return OPEN(AT_FDCWD, path, flags, NEXT(open)(path, flags, mode));
}

HOOK int open64(const char *path, int flags, ...)
{
	mode_t mode = MODE_ARGUMENT(flags);

	return OPEN(AT_FDCWD, path, flags, NEXT(open64)(path, flags, mode));
}

HOOK int openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = MODE_ARGUMENT(flags);

	return OPEN(dirfd, path, flags, NEXT(openat)(dirfd, path, flags, mode));
}

HOOK int openat64(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = MODE_ARGUMENT(flags);

	return OPEN(dirfd, path, flags, NEXT(openat64)(dirfd, path, flags, mode));
}

HOOK int creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

HOOK int creat64(const char *path, mode_t mode)
{
	return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

HOOK int __open_2(const char *path, int flags)
{
	return OPEN(AT_FDCWD, path, flags, NEXT(__open_2)(path, flags));
}

HOOK int __open64_2(const char *path, int flags)
{
	return OPEN(AT_FDCWD, path, flags, NEXT(__open64_2)(path, flags));
}

HOOK int __openat_2(int dirfd, const char *path, int flags)
{
	return OPEN(dirfd, path, flags, NEXT(__openat_2)(dirfd, path, flags));
}

HOOK int __openat64_2(int dirfd, const char *path, int flags)
{
	return OPEN(dirfd, path, flags, NEXT(__openat64_2)(dirfd, path, flags));
}

/* stdio opens files without asking anyone. */
static bool fopen_ours(const char *path, const char *mode, FILE **ret)
{
	int flags = strchr(mode, '+') ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
	long fd;

	if (!shim_path_readable(path, SHIM_NOT_ASKED) ||
	    !shim_open(AT_FDCWD, path, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0), &fd))
		return false;
	*ret = NULL;
	if (shim_ret(fd) < 0)
		return true;
	*ret = fdopen((int)fd, mode);
	if (!*ret)
		raw1(SYS_close, fd);
	return true;
}

HOOK FILE *fopen(const char *path, const char *mode)
{
	FILE *f;

	return fopen_ours(path, mode, &f) ? f : NEXT(fopen)(path, mode);
}

HOOK FILE *fopen64(const char *path, const char *mode)
{
	FILE *f;

	return fopen_ours(path, mode, &f) ? f : NEXT(fopen64)(path, mode);
}

/* ---- close and dup ---------------------------------------------------------------------------------------- */

HOOK int close(int fd)
{
	if (!shim_is_hidden(fd) && (!shim_on() || !emul_looks_like_enclave(fd)))
		return NEXT(close)(fd);         /* a cancellation point */
	return (int)shim_ret(shim_close(fd));
}

HOOK int close_range(unsigned int first, unsigned int last, int flags)
{
	return (int)shim_ret(shim_close_range(first, last, (unsigned int)flags));
}

HOOK int dup2(int fd, int to)
{
	return (int)shim_ret(shim_dup_onto(fd, to, 0, false));
}

HOOK int dup3(int fd, int to, int flags)
{
	return (int)shim_ret(shim_dup_onto(fd, to, flags, true));
}

HOOK void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}

/* ---- access, readlink, realpath ----------------------------------------------------------------------------- */

HOOK int access(const char *path, int mode)
{
	long r = raw2(SYS_access, path, mode), ours;

	return (int)shim_ret(shim_path_readable(path, r) && shim_access(AT_FDCWD, path, mode, &ours) ? ours : r);
}

HOOK int faccessat(int dirfd, const char *path, int mode, int flags)
{
	int r = NEXT(faccessat)(dirfd, path, mode, flags);
	long ours;

	return shim_path_readable(path, shim_result(r)) && shim_access(dirfd, path, mode, &ours) ? (int)shim_ret(ours) : r;
}

HOOK int euidaccess(const char *path, int mode)
{
	int r = NEXT(euidaccess)(path, mode);
	long ours;

	return shim_path_readable(path, shim_result(r)) && shim_access(AT_FDCWD, path, mode, &ours) ? (int)shim_ret(ours) : r;
}

HOOK int eaccess(const char *path, int mode) __attribute__((alias("euidaccess")));

/* devtmpfs has no attributes for its nodes. */
static bool has_no_attributes(const char *path)
{
	enum shim_path kind = shim_path_readable(path, SHIM_NOT_ASKED) ? shim_path(AT_FDCWD, path) : PATH_OTHER;

	return kind == PATH_ENCLAVE || kind == PATH_PROVISION || kind == PATH_DEV_SGX;
}

#define ATTRIBUTE_HOOK(name) \
	HOOK ssize_t name(const char *path, const char *attr, void *value, size_t room) \
	{ \
		return shim_ret(has_no_attributes(path) ? -ENODATA : raw4(SYS_##name, path, attr, value, room)); \
	}
ATTRIBUTE_HOOK(getxattr)
ATTRIBUTE_HOOK(lgetxattr)

#define ATTRIBUTES_HOOK(name) \
	HOOK ssize_t name(const char *path, char *list, size_t room) \
	{ \
		return shim_ret(has_no_attributes(path) ? 0 : raw3(SYS_##name, path, list, room)); \
	}
ATTRIBUTES_HOOK(listxattr)
ATTRIBUTES_HOOK(llistxattr)

HOOK ssize_t readlinkat(int dirfd, const char *restrict path, char *restrict buf, size_t room)
{
	long n = raw4(SYS_readlinkat, dirfd, path, buf, room);

	/* with room for an answer it is EINVAL that the file is no link */
	bool readable = shim_path_readable(path, n == -EINVAL && (int)room > 0 ? 0 : n);

	return shim_ret(readable ? shim_readlink(dirfd, path, buf, room, n) : n);
}

HOOK ssize_t readlink(const char *restrict path, char *restrict buf, size_t room)
{
	return readlinkat(AT_FDCWD, path, buf, room);
}

HOOK char *realpath(const char *restrict path, char *restrict resolved)
{
	enum shim_path kind = shim_path_readable(path, SHIM_NOT_ASKED) ? shim_path(AT_FDCWD, path) : PATH_OTHER;
	const char *node = kind == PATH_ENCLAVE ? SGX_DEV_ENCLAVE : kind == PATH_PROVISION ? SGX_DEV_PROVISION : NULL;

	if (!node)
		return NEXT(realpath)(path, resolved);
	return resolved ? strcpy(resolved, node) : strdup(node);
}

/* ---- ioctl ---------------------------------------------------------------------------------------------- */

HOOK int ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;

	va_start(ap, cmd);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	return (int)shim_ret(shim_ioctl(fd, cmd, arg));
}
