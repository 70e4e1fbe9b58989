/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl-exec: the emulated device under a static program.  It does in user space what execve(2) does, so that the
 * program lives in one process with the emulator, and a seccomp filter hands over the system calls that concern
 * enclaves, signals, threads and mappings.
 *
 * Two C libraries are in the process.  The emulator runs on the thread's block (emul/native.h) with its own FS; every
 * thread of the program is a pthread of the emulator's, so that there is one.
 *
 * Context: functions named static_call_* run in the handler of SIGSYS, all signals blocked, on the emulator's stack and
 * FS.  What the program points to may be anything: it is read by emul_user_read and strings by static_string.
 */
#ifndef SHIM_STATIC_EXEC_H
#define SHIM_STATIC_EXEC_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "emul/native.h"

/* Everything below is the program's, everything of ours is above: position-independent code and libraries. */
#define STATIC_CEILING_HIGH 0x300u              /* upper half of the first address that is not */
#define STATIC_PIE_BASE     0x10000000000u      /* static PIE: from 1 TiB on, at random within 256 GiB */

enum static_cpuid { CPUID_AUTO, CPUID_OFF, CPUID_FAULT, CPUID_REWRITE };

struct static_config {
	struct emul_config emul;
	enum static_cpuid cpuid;
	bool probe;
	const char *run, *preload;      /* what dynamic programs started by this one need in their environment */
	const char *own_path;           /* of sgxctl-exec, to restart after an exec */
	char path[4096];                /* the program, absolute: what /proc/self/exe is to name */
	uint64_t mask;                  /* signals that were blocked when the program was started */
};
extern struct static_config static_config;

/* What CPUID came to. */
struct static_cpuid_state {
	enum static_cpuid means;        /* CPUID_OFF, CPUID_FAULT or CPUID_REWRITE */
	bool can_fault;
	long sites;
	size_t functions, doubtful;
	int error;
};
/* static_probe.c: an exit status */
int static_probe(const char *path, const struct static_cpuid_state *s);

/* One trapped system call. */
struct static_call {
	ucontext_t *uc;
	struct native_tb *tb;
	uint64_t a[6];
};

/* static_load.c */
struct static_image {
	uint64_t bias, entry, end;      /* end: of the highest segment */
	uint64_t phdr;
	uint16_t phnum;
};
/* What a file is: 1 a static ELF program, 0 anything else that the kernel may execute, -errno. */
int static_kind(int fd);
int static_map(int fd, struct static_image *ret);
/* Makes the stack that we were started with the program's: drops `skip` arguments.  Returns its stack pointer. */
uint64_t static_stack(char **argv, int skip, const struct static_image *im, const char *execfn);

/* seccomp_filter.c */
int static_filter_install(void);        /* 0 or -errno; does nothing when a parent has done it */

/* static_calls.c */
#define STATIC_NATIVE (-4096L)          /* result of a handler: the kernel shall do it, unchanged */
int static_calls_setup(uint64_t brk_start);
int static_string(char *dst, size_t room, uint64_t addr);       /* length, or -errno */

/* static_files.c */
long static_call_open(struct static_call *c, long nr);
long static_call_stat(struct static_call *c, long nr);
long static_call_access(struct static_call *c, long nr);
long static_call_readlink(struct static_call *c, long nr);

/* static_signals.c */
long static_call_sigaction(struct static_call *c);
long static_call_sigprocmask(struct static_call *c);
long static_call_sigaltstack(struct static_call *c);

/* static_threads.c */
struct static_thread {
	uint64_t clear_tid;             /* where the end of the thread is to be announced, or 0 */
	uint64_t rseq, rseq_bytes, rseq_sig;
	void *exec_buf;                 /* of an execve in a vfork child: its parent frees it */
	size_t exec_bytes;
	void *home[5];                  /* where the thread's function was left; not for the first thread */
};
extern __thread struct static_thread static_self;
void static_rseq_release(void);         /* the C library's own registration */
void static_threads_setup(void);
long static_call_clone(struct static_call *c, long nr);
long static_call_exit(struct static_call *c);
long static_call_set_tid_address(struct static_call *c);
long static_call_rseq(struct static_call *c);
bool static_is_vfork_child(void);

/*
 * static_spawn.c.  sgxctl-exec itself must not be changed by what the environment says to dynamic loaders, while the
 * program is to have it: such variables travel with this before their names.
 */
#define STATIC_ENV_PREFIX "SGXCTL_"
bool static_env_travels(const char *entry);
long static_call_exec(struct static_call *c, long nr);

/* static_start.S */
_Noreturn void static_jump(uint64_t sp, uint64_t entry);
_Noreturn void static_resume(uint64_t frame, uint64_t fs);      /* rt_sigreturn with that frame */
extern uint8_t static_again[];
/* clone(2) for a child in the same memory: fn(arg) on that stack */
long static_clone(uint64_t flags, uint64_t stack, void (*fn)(void *), void *arg);

#endif
