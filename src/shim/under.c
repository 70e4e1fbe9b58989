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
