/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included before everything else, it makes a program do its system calls without the named functions of the C library:
 * by syscall(2), or with BY_INSTRUCTION by the instruction, in its own text.
 */
#ifndef BY_SYSCALL_H
#define BY_SYSCALL_H

#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#ifdef BY_INSTRUCTION
static inline __attribute__((always_inline)) long by_nr(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	if (r < 0 && r > -4096) {
		errno = (int)-r;
		return -1;
	}
	return r;
}
#else
#define by_nr syscall
#endif
#define BY(nr, a, b, c, d, e, f) by_nr(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* what the kernel takes for a sigaction */
struct by_action { void *handler; unsigned long flags; void *restorer; uint64_t mask; };
__asm__(".pushsection .text; .type by_restorer, @function; by_restorer: mov $15, %eax; syscall; .popsection");
extern char by_restorer[] __attribute__((visibility("hidden")));

static inline int by_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct by_action k = { 0 }, was = { 0 };

	if (act) {
		k = (struct by_action){ (void *)act->sa_handler, (unsigned long)act->sa_flags | 0x04000000, by_restorer, 0 };
		memcpy(&k.mask, &act->sa_mask, sizeof(k.mask));
	}
	long r = BY(SYS_rt_sigaction, sig, act ? &k : NULL, old ? &was : NULL, 8, 0, 0);

	if (!r && old) {
		memset(old, 0, sizeof(*old));
		old->sa_handler = (void (*)(int))was.handler;
		old->sa_flags = (int)(was.flags & ~0x04000000UL);
		memcpy(&old->sa_mask, &was.mask, sizeof(was.mask));
	}
	return (int)r;
}

static inline int by_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	if (old)
		memset(old, 0, sizeof(*old));
	return (int)BY(SYS_rt_sigprocmask, how, set, old, 8, 0, 0);
}

#define open(path, flags, ...) ((int)BY(SYS_openat, AT_FDCWD, path, flags, __VA_OPT__(__VA_ARGS__ +) 0, 0, 0))
#define close(fd) ((int)BY(SYS_close, fd, 0, 0, 0, 0, 0))
#define dup2(a, b) ((int)BY(SYS_dup2, a, b, 0, 0, 0, 0))
#define closefrom(fd) ((void)BY(SYS_close_range, fd, ~0U, 0, 0, 0, 0))
#define ioctl(fd, cmd, arg) ((int)BY(SYS_ioctl, fd, cmd, arg, 0, 0, 0))
#define mmap(a, n, prot, flags, fd, off) ((void *)BY(SYS_mmap, a, n, prot, flags, fd, off))
#define munmap(a, n) ((int)BY(SYS_munmap, a, n, 0, 0, 0, 0))
#define mprotect(a, n, prot) ((int)BY(SYS_mprotect, a, n, prot, 0, 0, 0))
#define mremap(a, n, m, flags) ((void *)BY(SYS_mremap, a, n, m, flags, 0, 0))
#define madvise(a, n, what) ((int)BY(SYS_madvise, a, n, what, 0, 0, 0))
#define mlock(a, n) ((int)BY(SYS_mlock, a, n, 0, 0, 0, 0))
#define stat(path, st) ((int)BY(SYS_newfstatat, AT_FDCWD, path, st, 0, 0, 0))
#define fstat(fd, st) ((int)BY(SYS_fstat, fd, st, 0, 0, 0, 0))
#define access(path, mode) ((int)BY(SYS_access, path, mode, 0, 0, 0, 0))
#define readlink(path, buf, n) ((ssize_t)BY(SYS_readlink, path, buf, n, 0, 0, 0))
#define process_vm_readv(pid, h, nh, t, nt, flags) ((ssize_t)BY(SYS_process_vm_readv, pid, h, nh, t, nt, flags))
#define sigaction(sig, act, old) by_sigaction(sig, act, old)
#define sigprocmask(how, set, old) by_sigmask(how, set, old)
#define pthread_sigmask(how, set, old) by_sigmask(how, set, old)
#define sigaltstack(ss, old) ((int)BY(SYS_sigaltstack, ss, old, 0, 0, 0, 0))
#define fork() ((pid_t)BY(SYS_fork, 0, 0, 0, 0, 0, 0))
#define execve(path, argv, envp) ((int)BY(SYS_execve, path, argv, envp, 0, 0, 0))
#ifdef BY_INSTRUCTION
#define vfork() ((pid_t)BY(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0, 0))
#endif

#endif
