/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What emul/ calls when it calls libc: this library defines the same names for the program, so the link renames the
 * emulator's references (ld --wrap) and these system calls take them.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emul/raw.h"
#include "shim/shim.h"

int __wrap_open(const char *path, int flags, ...);
int __wrap_close(int fd);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_ioctl(int fd, unsigned long cmd, ...);
void *__wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *addr, size_t bytes);
int __wrap_mprotect(void *addr, size_t bytes, int prot);
int __wrap_madvise(void *addr, size_t bytes, int advice);
ssize_t __wrap_readlink(const char *path, char *buf, size_t bytes);
int __wrap_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
int __wrap_sigaltstack(const stack_t *ss, stack_t *old);
long __wrap_syscall(long nr, ...);
int __wrap_prctl(int option, ...);
off_t __wrap_lseek(int fd, off_t off, int whence);
ssize_t __wrap_read(int fd, void *buf, size_t bytes);
int __wrap_ftruncate(int fd, off_t bytes);
int __wrap_fallocate(int fd, int mode, off_t off, off_t bytes);
int __wrap_fcntl(int fd, int cmd, ...);

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return (int)shim_ret(raw4(SYS_openat, AT_FDCWD, path, flags, mode));
}

int __wrap_close(int fd)
{
	return (int)shim_ret(raw1(SYS_close, fd));
}

int __wrap_fstat(int fd, struct stat *st)
{
	return (int)shim_ret(raw2(SYS_fstat, fd, st));
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	va_list ap;

	va_start(ap, cmd);
	void *arg = va_arg(ap, void *);
	va_end(ap);
	return (int)shim_ret(raw3(SYS_ioctl, fd, cmd, arg));
}

void *__wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off)
{
	return (void *)shim_ret(raw6(SYS_mmap, addr, bytes, prot, flags, fd, off));
}

int __wrap_munmap(void *addr, size_t bytes)
{
	return (int)shim_ret(raw2(SYS_munmap, addr, bytes));
}

int __wrap_mprotect(void *addr, size_t bytes, int prot)
{
	return (int)shim_ret(raw3(SYS_mprotect, addr, bytes, prot));
}

int __wrap_madvise(void *addr, size_t bytes, int advice)
{
	return (int)shim_ret(raw3(SYS_madvise, addr, bytes, advice));
}

ssize_t __wrap_readlink(const char *path, char *buf, size_t bytes)
{
	return shim_ret(raw3(SYS_readlink, path, buf, bytes));
}

int __wrap_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return NEXT(sigaction)(sig, act, old);
}

int __wrap_sigaltstack(const stack_t *ss, stack_t *old)
{
	return (int)shim_ret(raw2(SYS_sigaltstack, ss, old));
}

/* as many as there may be: those that were not given are not looked at */
#define TAKE(v, n, first) do { \
	va_list ap_; \
	va_start(ap_, first); \
	for (int i_ = 0; i_ < (n); i_++) \
		(v)[i_] = va_arg(ap_, uint64_t); \
	va_end(ap_); \
} while (0)

long __wrap_syscall(long nr, ...)
{
	uint64_t v[6];

	TAKE(v, 6, nr);
	return shim_ret(raw6(nr, v[0], v[1], v[2], v[3], v[4], v[5]));
}

int __wrap_prctl(int option, ...)
{
	uint64_t v[4];

	TAKE(v, 4, option);
	return (int)shim_ret(raw6(SYS_prctl, option, v[0], v[1], v[2], v[3], 0));
}

off_t __wrap_lseek(int fd, off_t off, int whence)
{
	return shim_ret(raw3(SYS_lseek, fd, off, whence));
}

ssize_t __wrap_read(int fd, void *buf, size_t bytes)
{
	return shim_ret(raw3(SYS_read, fd, buf, bytes));
}

int __wrap_ftruncate(int fd, off_t bytes)
{
	return (int)shim_ret(raw2(SYS_ftruncate, fd, bytes));
}

int __wrap_fallocate(int fd, int mode, off_t off, off_t bytes)
{
	return (int)shim_ret(raw4(SYS_fallocate, fd, mode, off, bytes));
}

int __wrap_fcntl(int fd, int cmd, ...)
{
	va_list ap;

	va_start(ap, cmd);
	uint64_t arg = va_arg(ap, uint64_t);
	va_end(ap);
	return (int)shim_ret(raw3(SYS_fcntl, fd, cmd, arg));
}
