/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading and writing: the device has no such operations, while the file that stands for it has; and /proc/self/mem on
 * enclave pages, which the driver answers by EDBGRD and EDBGWR.  Fds that never were one of both cost a bit test.
 *
 * Authority: Linux 6.1 fs/read_write.c, fs/open.c, fs/sync.c for a file without read, write, llseek and fsync.
 */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emul/raw.h"
#include "shim/shim.h"

#define LOWEST_ENCLAVE 0x10000

static ssize_t refuse(int fd, bool writes)
{
	return shim_ret(shim_device_refuses(fd, writes));
}

/* ---- /proc/self/mem --------------------------------------------------------------------------------------- */

static bool is_own_memory(int fd)
{
	char link[40], target[64], mine[40];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(mine, sizeof(mine), "/proc/%u/mem", raw_getpid());
	long n = raw3(SYS_readlink, link, target, sizeof(target) - 1);

	return n > 0 && (size_t)n == strlen(mine) && !memcmp(target, mine, (size_t)n);
}

static bool is_enclave_memory(int fd, off_t off)
{
	struct emul_mapping m;

	return off >= LOWEST_ENCLAVE && shim_on() && emul_mapping_at((uint64_t)off, &m) && is_own_memory(fd);
}

/* At the position of the fd, which moves. */
static bool at_position(int fd, off_t *ret_off)
{
	if (!shim_fd_was_seen(fd) || !shim_on())
		return false;
	*ret_off = raw3(SYS_lseek, fd, 0, SEEK_CUR);
	return is_enclave_memory(fd, *ret_off);
}

static ssize_t moved(int fd, ssize_t r)
{
	if (r > 0)
		raw3(SYS_lseek, fd, r, SEEK_CUR);
	return shim_ret(r);
}

/* ---- the calls ---------------------------------------------------------------------------------------------- */

HOOK ssize_t read(int fd, void *buf, size_t bytes)
{
	off_t off;

	if (shim_is_device(fd))
		return refuse(fd, false);
	if (at_position(fd, &off))
		return moved(fd, emul_peek((uint64_t)off, buf, bytes));
	return NEXT(read)(fd, buf, bytes);
}

HOOK ssize_t write(int fd, const void *buf, size_t bytes)
{
	off_t off;

	if (shim_is_device(fd))
		return refuse(fd, true);
	if (at_position(fd, &off))
		return moved(fd, emul_poke((uint64_t)off, buf, bytes));
	return NEXT(write)(fd, buf, bytes);
}

HOOK ssize_t pread(int fd, void *buf, size_t bytes, off_t off)
{
	if (shim_is_device(fd))
		return refuse(fd, false);
	if (is_enclave_memory(fd, off))
		return shim_ret(emul_peek((uint64_t)off, buf, bytes));
	return NEXT(pread)(fd, buf, bytes, off);
}

HOOK ssize_t pwrite(int fd, const void *buf, size_t bytes, off_t off)
{
	if (shim_is_device(fd))
		return refuse(fd, true);
	if (is_enclave_memory(fd, off))
		return shim_ret(emul_poke((uint64_t)off, buf, bytes));
	return NEXT(pwrite)(fd, buf, bytes, off);
}

HOOK ssize_t pread64(int fd, void *buf, size_t bytes, off64_t off) __attribute__((alias("pread")));
HOOK ssize_t pwrite64(int fd, const void *buf, size_t bytes, off64_t off) __attribute__((alias("pwrite")));

HOOK ssize_t readv(int fd, const struct iovec *v, int n)
{
	return shim_is_device(fd) ? refuse(fd, false) : NEXT(readv)(fd, v, n);
}

HOOK ssize_t writev(int fd, const struct iovec *v, int n)
{
	return shim_is_device(fd) ? refuse(fd, true) : NEXT(writev)(fd, v, n);
}

#define VECTOR_HOOK(name, off_type, writes) \
	HOOK ssize_t name(int fd, const struct iovec *v, int n, off_type off) \
	{ return shim_is_device(fd) ? refuse(fd, writes) : NEXT(name)(fd, v, n, off); }
VECTOR_HOOK(preadv, off_t, false)
VECTOR_HOOK(preadv64, off64_t, false)
VECTOR_HOOK(pwritev, off_t, true)
VECTOR_HOOK(pwritev64, off64_t, true)

#define VECTOR2_HOOK(name, off_type, writes) \
	HOOK ssize_t name(int fd, const struct iovec *v, int n, off_type off, int flags) \
	{ return shim_is_device(fd) ? refuse(fd, writes) : NEXT(name)(fd, v, n, off, flags); }
VECTOR2_HOOK(preadv2, off_t, false)
VECTOR2_HOOK(preadv64v2, off64_t, false)
VECTOR2_HOOK(pwritev2, off_t, true)
VECTOR2_HOOK(pwritev64v2, off64_t, true)

HOOK ssize_t sendfile(int to, int from, off_t *off, size_t bytes)
{
	long r;

	return shim_device_copies(from, to, &r) ? shim_ret(r) : NEXT(sendfile)(to, from, off, bytes);
}

HOOK ssize_t sendfile64(int to, int from, off64_t *off, size_t bytes) __attribute__((alias("sendfile")));

HOOK ssize_t splice(int from, off64_t *from_off, int to, off64_t *to_off, size_t bytes, unsigned int flags)
{
	long r;

	return shim_device_copies(from, to, &r) ? shim_ret(r) : NEXT(splice)(from, from_off, to, to_off, bytes, flags);
}

HOOK ssize_t copy_file_range(int from, off64_t *from_off, int to, off64_t *to_off, size_t bytes, unsigned int flags)
{
	long r;

	return shim_device_copies(from, to, &r) ? shim_ret(r) :
						  NEXT(copy_file_range)(from, from_off, to, to_off, bytes, flags);
}

HOOK off_t lseek(int fd, off_t off, int whence)
{
	return shim_ret(shim_is_device(fd) ? shim_device_lseek(fd, whence) : raw3(SYS_lseek, fd, off, whence));
}

HOOK off64_t lseek64(int fd, off64_t off, int whence) __attribute__((alias("lseek")));

HOOK int ftruncate(int fd, off_t bytes)
{
	return (int)shim_ret(shim_is_device(fd) ? -EINVAL : raw2(SYS_ftruncate, fd, bytes));
}

HOOK int ftruncate64(int fd, off64_t bytes) __attribute__((alias("ftruncate")));

HOOK int fallocate(int fd, int mode, off_t off, off_t bytes)
{
	if (shim_is_device(fd))
		return (int)shim_ret(-ENODEV);
	return NEXT(fallocate)(fd, mode, off, bytes);
}

HOOK int fallocate64(int fd, int mode, off64_t off, off64_t bytes) __attribute__((alias("fallocate")));

HOOK int fsync(int fd)
{
	return shim_is_device(fd) ? (int)shim_ret(-EINVAL) : NEXT(fsync)(fd);
}

HOOK int fdatasync(int fd)
{
	return shim_is_device(fd) ? (int)shim_ret(-EINVAL) : NEXT(fdatasync)(fd);
}

/* A duplicate is a device as well. */
HOOK int dup(int fd)
{
	long r = shim_is_hidden(fd) ? -EBADF : shim_is_device(fd) ? shim_device_fcntl(fd, F_DUPFD, 0) : raw1(SYS_dup, fd);

	if (r >= 0 && shim_fd_was_seen(fd))
		shim_fd_seen((int)r);
	return (int)shim_ret(r);
}

HOOK int fcntl(int fd, int cmd, ...)
{
	va_list ap;

	va_start(ap, cmd);
	uint64_t arg = va_arg(ap, uint64_t);    /* a number or a pointer; one that is not there is not looked at */
	va_end(ap);
	return shim_is_device(fd) ? (int)shim_ret(shim_device_fcntl(fd, cmd, arg)) : NEXT(fcntl)(fd, cmd, arg);
}

HOOK int fcntl64(int fd, int cmd, ...) __attribute__((alias("fcntl")));
