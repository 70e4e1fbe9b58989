/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls that a program makes by itself: trapped by a seccomp filter (static programs; instructions in a dynamic
 * program's own text), or through syscall(2).  The same work as that of the library's hooks is done by the same
 * functions (nodes.c, ranges.c); here arguments are numbers, and what they point to may be anything.
 *
 * Context: the handler of SIGSYS, all signals blocked; from syscall(2) also normal context.
 */
#ifndef SHIM_CALLS_H
#define SHIM_CALLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "emul/native.h"

/* Result of a handler: the kernel shall do it, unchanged. */
#define SHIM_NATIVE (-4096L)

struct shim_call {
	long nr;
	uint64_t a[6];
	ucontext_t *uc;                 /* where the program was; NULL: it called syscall(2) */
	struct native_tb *tb;           /* NULL: the thread has none yet, or uc is NULL */
	bool blocks_traps;              /* set by who answers SHIM_NATIVE: the trap signals are blocked meanwhile */
};
typedef long shim_call_fn(struct shim_call *c);

/* calls.c */
long shim_call(struct shim_call *c);            /* result, -errno or SHIM_NATIVE */
bool shim_call_is_ours(long nr);                /* for syscall(2) */
/* The signal of a filter, or of a CPUID that traps: dealt with. */
bool shim_call_on_signal(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb);
int shim_string(char *dst, size_t room, uint64_t addr);         /* of the program's: length, or -errno */
shim_call_fn shim_call_read, shim_call_write, shim_call_lseek, shim_call_fcntl, shim_call_copy;
shim_call_fn shim_call_close, shim_call_close_range, shim_call_dup, shim_call_file, shim_call_ioctl, shim_call_mmap,
	shim_call_munmap, shim_call_mprotect, shim_call_mremap, shim_call_advice, shim_call_vm_copy, shim_call_exit_group;

/* dirs.c, calls_files.c, calls_signals.c, calls_guard.c */
shim_call_fn shim_call_getdents, shim_call_open, shim_call_stat, shim_call_access, shim_call_readlink;
shim_call_fn shim_call_sigaction, shim_call_sigprocmask, shim_call_sigpending, shim_call_sigtimedwait,
	shim_call_sigaltstack;
shim_call_fn shim_call_prctl, shim_call_seccomp;

struct timespec;
/* rt_sigtimedwait for a thread that is in no handler of ours; pointers may be anything that the kernel takes. */
long shim_sigtimedwait(const uint64_t *set, void *info, const struct timespec *limit);

/* calls_threads.c */
struct shim_thread {
	uint64_t clear_tid;             /* where the end of the thread is to be announced, or 0 */
	uint64_t rseq, rseq_bytes, rseq_sig;
	void *exec_buf;                 /* of an execve in a vfork child: its parent frees it */
	size_t exec_bytes;
	void *home[5];                  /* where the thread's function was left; only threads that the program made itself */
};
extern __thread struct shim_thread shim_self;
void shim_rseq_release(void);           /* the C library's own registration */
shim_call_fn shim_call_clone, shim_call_exit;
bool shim_is_vfork_child(void);
/* pthread_create of the C library that this is linked with */
int shim_thread_create(pthread_t *t, const pthread_attr_t *attr, void *(*fn)(void *), void *arg);

/* exec.c; static_calls.c */
shim_call_fn shim_call_exec;

/* calls_entry.S */
_Noreturn void shim_resume(uint64_t frame, uint64_t fs);        /* rt_sigreturn with that frame */
extern uint8_t shim_again[], shim_again_blocked[];
extern uint64_t shim_traps;
/* clone(2) for a child in the same memory: fn(arg) on that stack */
long shim_clone(uint64_t flags, uint64_t stack, void (*fn)(void *), void *arg);

/* seccomp_filter.c: both 0 or -errno.  The signal's si_errno says that it was one of ours. */
#define SHIM_FILTER_DATA 0x5347
int shim_filter_below_ceiling(void);    /* for static programs, once for all of them */
struct shim_range { uint64_t start, end; };
int shim_filter_ranges(const struct shim_range *r, size_t n, bool all_threads);
/* That fd is a device: its reads and writes are trapped from now on, where there is a filter for others. */
void shim_filter_fd(int fd);
void shim_filter_no_more(void); /* the program has filters of its own, which may refuse seccomp(2) by a kill */

/* Only of programs with a C library of their own (static_*.c). */
shim_call_fn static_call_brk, static_call_set_tid_address, static_call_rseq;

#endif
