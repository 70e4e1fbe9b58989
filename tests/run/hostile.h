/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hostile: programs that do to enclaves what programs do to everything else.  Each topic prints a transcript without
 * addresses; those of the real driver are hostile.expected.
 */
#ifndef TESTS_RUN_HOSTILE_H
#define TESTS_RUN_HOSTILE_H

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <ucontext.h>

#include "../unit/emul_rig.h"

#define EENTER  2u
#define ERESUME 3u
#define EEXIT   4u

/* ---- hostile.c ------------------------------------------------------------------------------------------- */

extern struct rig rig;
extern const char *self_path;

/* A line of the transcript. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* "ok" for 0 and more, else the name of errno */
const char *result_of(long r);
/* An address by what it is: base+OFFSET, tcs, null, stack, other.  The text lives until the eighth call after. */
const char *name_of(uint64_t addr);
void build(const char *image);
/* One EENTER through the vDSO: "EEXIT, status 0", "EENTER, vector 14, error 0x5, base+0x0". */
const char *enter(unsigned tcs, struct encl_op *op);
const char *enter_nop(unsigned tcs);
/* A child that runs fn, and what became of it: "exit 0", "SIGSEGV". */
const char *child(int (*fn)(void));
const char *ended(pid_t pid);
void nap_ms(unsigned ms);
void *shared_page(void);

/* ---- hostile_fds.c ------------------------------------------------------------------------------------------ */

/* INIT of an enclave that is initialised, and of none, says what the fd is. */
const char *init_of(int fd);
/* The plan of the enclave grow.elf that another process built, its pages mapped at rig.base from rig.fd. */
bool use_foreign(void);
/* An enclave that the next program is to have, and what it is told: its fd, its base.  Room for PASSED_ROOM each. */
void build_to_pass(char *fd, char *base);
#define PASSED_ROOM 32

/* ---- hostile_seen.c: what a handler saw ------------------------------------------------------------------- */

struct seen {
	volatile int n;
	siginfo_t info;
	greg_t g[NGREG];
	sigset_t blocked_in_context, blocked_in_handler;
	uintptr_t stack;
};
extern struct seen seen;
extern sigjmp_buf jump_to;
extern volatile uint32_t *stop_flag;    /* set by note_inside when it has met the enclave */

void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags);
void note(int sig, siginfo_t *info, void *uc);
void note_inside(int sig, siginfo_t *info, void *uc);
void note_and_jump(int sig, siginfo_t *info, void *uc);
void note_and_recover(int sig, siginfo_t *info, void *uc);
bool seen_inside(const greg_t *g);
void say_seen(const char *what);

/* EENTER without the vDSO: 0 after EEXIT, 1 when a handler recovered. */
uint64_t stub_enter(uint64_t tcs, struct encl_op *op, uint64_t leaf);
extern char stub_aep[], stub_recover[];

/* ---- topics -------------------------------------------------------------------------------------------------- */

void topic_inside(void);
void topic_vdso(void);
void topic_stub(void);
void topic_fatal(void);
void topic_jump(void);
void topic_stacks(void);
void topic_masks(void);
void topic_timer(void);
void topic_callback(void);
void topic_maps(void);
void topic_holes(void);
void topic_reach(void);
void topic_fds(void);
void topic_fdio(void);
void topic_pass(void);
void topic_fork(void);
void topic_exec(void);
void topic_orders(void);
void topic_vfork(void);
void topic_chain(void);
void topic_killed(void);
void topic_frames(void);
void topic_pointers(void);
/* `hostile exec-child FD BASE SIZE`: what the other side of an exec does with them */
int exec_child(char **argv);
/* `hostile exec-chain LINKS FD BASE` */
int exec_chain(char **argv);

#endif
