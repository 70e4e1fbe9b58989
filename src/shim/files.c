/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device nodes as files: open and its relatives, close, access, readlink and ioctl.
 *
 * Authority: Linux 6.1 drivers/char/misc.c, arch/x86/kernel/cpu/sgx/driver.c; glibc's names for these calls.
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
#include "shim/trace.h"

/* what _FORTIFY_SOURCE makes of open */
HOOK int __open_2(const char *path, int flags);
HOOK int __open64_2(const char *path, int flags);
HOOK int __openat_2(int dirfd, const char *path, int flags);
HOOK int __openat64_2(int dirfd, const char *path, int flags);

/* ---- open ---------------------------------------------------------------------------------------------- */

/* 0: not ours; else *ret is what open gives. */
static bool open_ours(int dirfd, const char *path, int flags, int *ret)
{
	enum shim_path kind = shim_path(dirfd, path);

	if (kind == PATH_OTHER)
		return false;
	if (kind == PATH_ENCLAVE || kind == PATH_PROVISION) {
		const char *node = kind == PATH_ENCLAVE ? SGX_DEV_ENCLAVE : SGX_DEV_PROVISION;

		*ret = shim_start();
		if (!*ret)
			*ret = emul_open(node, flags);
		if (shim_traced)
			shim_trace_open(node, *ret);
	} else {
		*ret = shim_text_open(kind, flags);
	}
	return *ret != -ENOSYS;
}

static bool wants_mode(int flags)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
}

#define MODE_ARGUMENT(flags) ({ \
	mode_t m_ = 0; \
	if (wants_mode(flags)) { \
		va_list ap_; \
		va_start(ap_, flags); \
		m_ = va_arg(ap_, mode_t); \
		va_end(ap_); \
	} \
	m_; })

HOOK int open(const char *path, int flags, ...)
{
	int r;

	if (open_ours(AT_FDCWD, path, flags, &r))
		return (int)shim_ret(r);
	return NEXT(open)(path, flags, MODE_ARGUMENT(flags));
}

HOOK int open64(const char *path, int flags, ...)
{
	int r;

	if (open_ours(AT_FDCWD, path, flags, &r))
		return (int)shim_ret(r);
	return NEXT(open64)(path, flags, MODE_ARGUMENT(flags));
}

HOOK int openat(int dirfd, const char *path, int flags, ...)
{
	int r;

	if (open_ours(dirfd, path, flags, &r))
		return (int)shim_ret(r);
	return NEXT(openat)(dirfd, path, flags, MODE_ARGUMENT(flags));
}

HOOK int openat64(int dirfd, const char *path, int flags, ...)
{
	int r;

	if (open_ours(dirfd, path, flags, &r))
		return (int)shim_ret(r);
	return NEXT(openat64)(dirfd, path, flags, MODE_ARGUMENT(flags));
}

HOOK int creat(const char *path, mode_t mode)
{
	return open(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

HOOK int creat64(const char *path, mode_t mode)
{
	return open64(path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

#define FORTIFIED(...) do { \
	int r_; \
	if (open_ours(__VA_ARGS__, flags, &r_)) \
		return (int)shim_ret(r_); \
} while (0)

HOOK int __open_2(const char *path, int flags)
{
	FORTIFIED(AT_FDCWD, path);
	return NEXT(__open_2)(path, flags);
}

HOOK int __open64_2(const char *path, int flags)
{
	FORTIFIED(AT_FDCWD, path);
	return NEXT(__open64_2)(path, flags);
}

HOOK int __openat_2(int dirfd, const char *path, int flags)
{
	FORTIFIED(dirfd, path);
	return NEXT(__openat_2)(dirfd, path, flags);
}

HOOK int __openat64_2(int dirfd, const char *path, int flags)
{
	FORTIFIED(dirfd, path);
	return NEXT(__openat64_2)(dirfd, path, flags);
}

/* stdio opens files without asking anyone. */
static bool fopen_ours(const char *path, const char *mode, FILE **ret)
{
	int flags = strchr(mode, '+') ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY, fd;

	if (!open_ours(AT_FDCWD, path, flags | (strchr(mode, 'e') ? O_CLOEXEC : 0), &fd))
		return false;
	*ret = NULL;
	if (shim_ret(fd) < 0)
		return true;
	*ret = fdopen(fd, mode);
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

/* ---- close ---------------------------------------------------------------------------------------------- */

/* Fds that the program does not know of, and closes all the same when it closes every number. */
static bool is_hidden(int fd)
{
	return shim_trace_owns(fd) || (shim_on() && (emul_is_own_fd(fd) || shim_listed_owns(fd)));
}

HOOK int close(int fd)
{
	if (is_hidden(fd))
		return (int)shim_ret(-EBADF);
	if (!shim_on())
		return NEXT(close)(fd);
	if (!emul_looks_like_enclave(fd) || !shim_owner())
		return NEXT(close)(fd);
	return (int)shim_ret(emul_close(fd));
}

#define FDS_END 0x100000u       /* beyond fs.nr_open */

/* The range in pieces, around ours. */
HOOK int close_range(unsigned int first, unsigned int last, int flags)
{
	unsigned int end = last < FDS_END ? last + 1 : FDS_END, from = first;
	long r = 0;

	if (first > last || (!shim_traced && !shim_on()))
		return (int)shim_ret(raw3(SYS_close_range, first, last, flags));
	for (unsigned int fd = first; fd < end && !r; fd++) {
		if (!is_hidden((int)fd))
			continue;
		r = fd > from ? raw3(SYS_close_range, from, fd - 1, flags) : 0;
		from = fd + 1;
	}
	if (!r && from <= last)
		r = raw3(SYS_close_range, from, last, flags);
	return (int)shim_ret(r);
}

HOOK void closefrom(int first)
{
	close_range(first < 0 ? 0 : (unsigned int)first, ~0U, 0);
}

/* ---- access, readlink, realpath ----------------------------------------------------------------------------- */

static bool access_ours(int dirfd, const char *path, int mode, int *ret)
{
	enum shim_path kind = shim_path(dirfd, path);
	int denied = kind == PATH_ENCLAVE || kind == PATH_PROVISION ? X_OK :
		     kind == PATH_EPC_SIZE ? W_OK | X_OK : kind == PATH_DEV_SGX ? W_OK : -1;

	if (denied < 0)
		return false;
	*ret = mode & ~(R_OK | W_OK | X_OK) ? -EINVAL : mode & denied ? -EACCES : 0;
	return true;
}

HOOK int access(const char *path, int mode)
{
	int r;

	return (int)shim_ret(access_ours(AT_FDCWD, path, mode, &r) ? r : raw2(SYS_access, path, mode));
}

HOOK int faccessat(int dirfd, const char *path, int mode, int flags)
{
	int r;

	return access_ours(dirfd, path, mode, &r) ? (int)shim_ret(r) : NEXT(faccessat)(dirfd, path, mode, flags);
}

HOOK int euidaccess(const char *path, int mode)
{
	int r;

	return access_ours(AT_FDCWD, path, mode, &r) ? (int)shim_ret(r) : NEXT(euidaccess)(path, mode);
}

HOOK int eaccess(const char *path, int mode) __attribute__((alias("euidaccess")));

/* devtmpfs has no attributes for its nodes. */
static bool has_no_attributes(const char *path)
{
	enum shim_path kind = shim_path(AT_FDCWD, path);

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

/* What /proc/PID/fd says of an fd: the node, not our file. */
static long read_link(int dirfd, const char *path, char *buf, size_t room)
{
	static const struct { const char *file, *node; } names[] = {
		{ "/memfd:sgx_enclave", SGX_DEV_ENCLAVE }, { "/memfd:sgx_provision", SGX_DEV_PROVISION },
	};
	enum shim_path kind = shim_path(dirfd, path);

	if (kind == PATH_ENCLAVE || kind == PATH_PROVISION || kind == PATH_DEV_SGX || kind == PATH_EPC_SIZE)
		return -EINVAL;
	long n = raw4(SYS_readlinkat, dirfd, path, buf, room);

	for (size_t i = 0; n > 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].file), node = strlen(names[i].node);

		if ((size_t)n >= len && !memcmp(buf, names[i].file, len)) {
			memcpy(buf, names[i].node, node);
			memset(buf + node, 0, (size_t)n - node);        /* as if they had not been written */
			return (long)node;
		}
	}
	return n;
}

HOOK ssize_t readlink(const char *restrict path, char *restrict buf, size_t room)
{
	return shim_ret(read_link(AT_FDCWD, path, buf, room));
}

HOOK ssize_t readlinkat(int dirfd, const char *restrict path, char *restrict buf, size_t room)
{
	return shim_ret(read_link(dirfd, path, buf, room));
}

HOOK char *realpath(const char *restrict path, char *restrict resolved)
{
	enum shim_path kind = shim_path(AT_FDCWD, path);
	const char *node = kind == PATH_ENCLAVE ? SGX_DEV_ENCLAVE : kind == PATH_PROVISION ? SGX_DEV_PROVISION : NULL;

	if (!node)
		return NEXT(realpath)(path, resolved);
	return resolved ? strcpy(resolved, node) : strdup(node);
}

/* ---- ioctl ---------------------------------------------------------------------------------------------- */

/* What the kernel answers before it asks the driver. */
static bool is_of_any_fd(unsigned long cmd)
{
	return cmd == FIOCLEX || cmd == FIONCLEX || cmd == FIONBIO || cmd == FIOASYNC;
}

HOOK int ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;
	long r;

	va_start(ap, cmd);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	if (_IOC_TYPE(cmd) != SGX_MAGIC && shim_on() && !is_of_any_fd(cmd) && emul_is_enclave_fd(fd))
		return (int)shim_ret(-ENOTTY);
	if (_IOC_TYPE(cmd) != SGX_MAGIC || !(shim_on() || emul_looks_like_enclave(fd)) || shim_start() ||
	    !(emul_is_enclave_fd(fd) || emul_is_token_fd(fd)))
		return (int)shim_ret(raw3(SYS_ioctl, fd, cmd, arg));
	r = emul_ioctl(fd, cmd, arg);
	if (shim_traced)
		shim_trace_ioctl(fd, cmd, arg, r);
	return (int)shim_ret(r);
}
