/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads and processes that a program makes by system calls of its own.
 *
 * A new thread of the program is a pthread of our C library that goes on in the program, so that handlers on it have thread-local
 * storage and a thread block.  Its end is announced by us: the kernel's own announcement belongs to our C library.
 * A vfork child shares memory with its parent, which waits in our handler: it gets a block of its own, and what it
 * changes in our tables is put back.
 *
 * Authority: Linux 6.1 kernel/fork.c; clone(2).
 */
#include <errno.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

#define THREAD_STACK    (256u << 10)
#define VFORK_STACK     (64u << 10)     /* between the parent's frames and the child's */
#define KERNEL_UC_BYTES 304
#define CLONE_ARGS_MIN  64
#define LEGACY_SIGNAL   0xffu

__thread struct shim_thread shim_self;
struct clone_request {
	uint64_t flags, stack, tls, parent_tid, child_tid, pidfd, signal;
};

/* A new context for `shim_resume`: the caller's, after the call, with a result of 0. */
static void child_context(const struct clone_request *r, ucontext_t *uc)
{
	greg_t *g = uc->uc_mcontext.gregs;

	g[REG_RAX] = 0;
	if (r->stack)
		g[REG_RSP] = (greg_t)r->stack;
}

/* Puts a signal frame together at the lower end of [low, high): its ucontext, where shim_resume takes it. */
static uint64_t make_frame(uint8_t *low, size_t bytes, const ucontext_t *uc, const stack_t *alt)
{
	size_t xbytes;
	uint8_t *frame = (uint8_t *)(((uintptr_t)low + 15) & ~(uintptr_t)15);
	uint8_t *x = (uint8_t *)(((uintptr_t)frame + KERNEL_UC_BYTES + 63) & ~(uintptr_t)63);
	uint32_t magic, whole;

	memcpy(&magic, (uint8_t *)uc->uc_mcontext.fpregs + 464, sizeof(magic));
	memcpy(&whole, (uint8_t *)uc->uc_mcontext.fpregs + 468, sizeof(whole));
	xbytes = magic == 0x46505853u ? whole : 512;
	if ((size_t)(x - low) + xbytes > bytes)
		return 0;
	memcpy(frame, uc, KERNEL_UC_BYTES);
	memcpy(x, uc->uc_mcontext.fpregs, xbytes);
	((ucontext_t *)(void *)frame)->uc_mcontext.fpregs = (void *)x;
	((ucontext_t *)(void *)frame)->uc_stack = *alt;
	return (uint64_t)(uintptr_t)frame;
}

void shim_rseq_release(void)
{
	if (!__rseq_size)
		return;
	void *own = (char *)__builtin_thread_pointer() + __rseq_offset;

	/* glibc registers 32 bytes, whatever size it announces */
	if (raw4(SYS_rseq, own, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG))
		raw4(SYS_rseq, own, __rseq_size, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

bool shim_is_vfork_child(void)
{
	return !shim_owner();
}

/* ---- threads --------------------------------------------------------------------------------------- */

#define FRAME_ROOM 16384

struct thread_start {
	const struct clone_request *request;
	const ucontext_t *uc;
	uint64_t fs;
	uint64_t held;
	sem_t ready;
	long result;
};

static void store_tid(uint64_t addr, uint32_t tid)
{
	emul_user_write(addr, &tid, sizeof(tid));
}

/* Never inlined: what it leaves on the stack is below the frame that the end of the thread goes back to. */
static __attribute__((noinline)) void thread_begin(struct thread_start *s)
{
	_Alignas(64) uint8_t room[FRAME_ROOM];
	const struct clone_request r = *s->request;
	struct native_tb *tb = native_thread_prepare();
	uint32_t tid = raw_gettid();
	uint64_t frame = 0, fs = r.flags & CLONE_SETTLS ? r.tls : s->fs;

	if (tb) {
		stack_t alt = native_thread_stack(tb);
		ucontext_t uc;

		memcpy(&uc, s->uc, KERNEL_UC_BYTES);
		child_context(&r, &uc);
		frame = make_frame(room, sizeof(room), &uc, &alt);
	}
	if (!frame || (!(r.flags & CLONE_FS) && raw1(SYS_unshare, CLONE_FS)) ||
	    (!(r.flags & CLONE_FILES) && raw1(SYS_unshare, CLONE_FILES))) {
		s->result = -ENOMEM;
		sem_post(&s->ready);
		return;
	}
	tb->program_stack = (stack_t){ 0 };
	tb->own_fs = native_host_fs();
	tb->program_fs = fs;
	shim_rseq_release();
	native_held_set(s->held);
	shim_self.clear_tid = r.flags & CLONE_CHILD_CLEARTID ? r.child_tid : 0;
	if (r.flags & CLONE_CHILD_SETTID)
		store_tid(r.child_tid, tid);
	if (r.flags & CLONE_PARENT_SETTID)
		store_tid(r.parent_tid, tid);
	s->result = (long)tid;
	sem_post(&s->ready);
	shim_resume(frame, fs);
}

static void *thread_main(void *arg)
{
	if (!__builtin_setjmp(shim_self.home))
		thread_begin(arg);
	return NULL;
}

static void thread_leave(void)
{
	__builtin_longjmp(shim_self.home, 1);
}

static long new_thread(struct shim_call *c, const struct clone_request *r)
{
	struct thread_start s = { .request = r, .uc = c->uc, .held = native_held() };
	pthread_attr_t attr;
	pthread_t t;

	if ((r->flags & (CLONE_VM | CLONE_SIGHAND)) != (CLONE_VM | CLONE_SIGHAND))
		return -EINVAL;
	s.fs = c->tb && c->tb->own_fs ? c->tb->program_fs : native_host_fs();
	native_entry_traps = 1;         /* its FS is not ours */
	if (sem_init(&s.ready, 0, 0) || pthread_attr_init(&attr))
		return -ENOMEM;
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, THREAD_STACK);
	int e = shim_thread_create(&t, &attr, thread_main, &s);

	pthread_attr_destroy(&attr);
	if (e)
		return -e;
	while (sem_wait(&s.ready))
		;
	return s.result;
}

static void announce_end(void)
{
	static const struct { const void *next; long offset; const void *pending; } empty = { &empty, 0, NULL };
	struct shim_thread *t = &shim_self;
	uint32_t zero = 0;

	if (t->rseq)
		raw4(SYS_rseq, t->rseq, t->rseq_bytes, RSEQ_FLAG_UNREGISTER, t->rseq_sig);
	/* the kernel would read the program's list when the thread really ends, and its memory may be gone by then */
	raw2(SYS_set_robust_list, &empty, sizeof(empty));
	if (!t->clear_tid)
		return;
	if (!emul_user_write(t->clear_tid, &zero, sizeof(zero)))
		raw6(SYS_futex, t->clear_tid, FUTEX_WAKE, 1, 0, 0, 0);
}

long shim_call_exit(struct shim_call *c)
{
	greg_t *g = c->uc->uc_mcontext.gregs;

	if (shim_is_vfork_child())
		raw1(SYS_exit, c->a[0]);
	if (!c->uc || (!shim_self.home[1] && !shim_has_own_libc))
		return SHIM_NATIVE;
	announce_end();
	if (!shim_self.home[1])         /* the first thread: its stack is the process's */
		raw1(SYS_exit, c->a[0]);
	/* back to thread_main on our stack and FS; nothing may come between */
	memset(&c->uc->uc_sigmask, 0xff, sizeof(uint64_t));
	g[REG_RIP] = (greg_t)(uintptr_t)thread_leave;
	g[REG_RSP] = (greg_t)(((uint64_t)(uintptr_t)shim_self.home[2] & ~(uint64_t)15) - 1024 - 8);
	c->tb->program_fs = c->tb->own_fs;
	c->tb->program_stack = (stack_t){ 0 };
	return 0;
}

/* ---- processes --------------------------------------------------------------------------------------- */

#define PLAIN_FORK (CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | CLONE_SETTLS)

/* By fork(3): a C library that the program does not know of has its own to put in order. */
static long plain_fork(const struct clone_request *r)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid && r->flags & CLONE_CHILD_SETTID)
		store_tid(r->child_tid, raw_gettid());
	if (pid && r->flags & CLONE_PARENT_SETTID)
		store_tid(r->parent_tid, (uint32_t)pid);
	return pid;
}

/* By the system call, with our handlers around it and none of the program's: it did not call fork(3). */
static long bare_fork(const struct clone_request *r, uint64_t flags)
{
	emul_fork_prepare();
	long pid = raw6(SYS_clone, flags | r->signal, 0, flags & CLONE_PIDFD ? r->pidfd : r->parent_tid, r->child_tid,
			r->tls, 0);

	emul_fork_done(pid == 0);
	if (!pid)
		shim_forked();
	return pid;
}

/* Children that could share the memory of their parent get a copy of it. */
static long new_process(struct shim_call *c, const struct clone_request *r)
{
	uint64_t flags = r->flags & ~(uint64_t)CLONE_VM;
	bool plain = shim_has_own_libc && !(flags & ~(uint64_t)PLAIN_FORK) && r->signal == SIGCHLD;
	long pid = plain ? plain_fork(r) : bare_fork(r, flags);

	if (pid)
		return pid;
	shim_self.clear_tid = flags & CLONE_CHILD_CLEARTID ? r->child_tid : 0;
	shim_self.home[1] = NULL;
	if (flags & CLONE_SETTLS && c->tb)
		c->tb->program_fs = r->tls;
	if (c->uc)
		child_context(r, c->uc);
	return 0;
}

struct vfork_start {
	struct shim_call *c;
	const struct clone_request *request;
	struct native_tb *tb;
};

static void vfork_child(void *arg)
{
	struct vfork_start *s = arg;
	const struct clone_request *r = s->request;
	struct native_tb *tb = s->tb, *parent = s->c->tb;
	_Alignas(64) uint8_t room[FRAME_ROOM];
	ucontext_t uc;
	stack_t alt = native_thread_stack(tb);
	uint64_t frame;

	if (native_thread_arm(tb))
		raw1(SYS_exit_group, 127);
	memcpy(&uc, s->c->uc, KERNEL_UC_BYTES);
	child_context(r, &uc);
	tb->program_stack = r->stack ? (stack_t){ 0 } : parent->program_stack;
	tb->own_fs = parent->own_fs;
	tb->program_fs = r->flags & CLONE_SETTLS ? r->tls : parent->program_fs;
	if (r->flags & CLONE_CHILD_SETTID)
		store_tid(r->child_tid, raw_gettid());
	frame = make_frame(room, sizeof(room), &uc, &alt);
	if (!frame)
		raw1(SYS_exit_group, 127);
	shim_resume(frame, tb->program_fs);
}

static long new_vfork(struct shim_call *c, const struct clone_request *r)
{
	struct shim_thread self = shim_self;
	uint64_t held = native_held();
	uint8_t table[NATIVE_SIGNALS_BYTES];
	struct vfork_start s = { .c = c, .request = r, .tb = native_thread_spare() };
	long pid;

	if (!s.tb)
		return -ENOMEM;
	native_signals_save(table);
	pid = shim_clone(CLONE_VM | CLONE_VFORK | (r->signal & LEGACY_SIGNAL),
			   (uint64_t)(uintptr_t)table - VFORK_STACK, vfork_child, &s);
	native_signals_put_back(table);
	native_thread_release(s.tb);
	if (shim_self.exec_buf)
		munmap(shim_self.exec_buf, shim_self.exec_bytes);
	shim_self = self;
	native_held_set(held);
	if (pid > 0 && r->flags & CLONE_PIDFD)
		store_tid(r->pidfd, (uint32_t)raw2(SYS_pidfd_open, pid, 0));
	else if (pid > 0 && r->flags & CLONE_PARENT_SETTID)
		store_tid(r->parent_tid, (uint32_t)pid);
	return pid;
}

long shim_call_clone(struct shim_call *c)
{
	struct clone_request r = { .signal = SIGCHLD };
	long nr = c->nr;

	if (nr == SYS_vfork) {
		r.flags = CLONE_VM | CLONE_VFORK;
	} else if (nr == SYS_clone) {
		r = (struct clone_request){ .flags = c->a[0] & ~(uint64_t)LEGACY_SIGNAL, .stack = c->a[1],
					    .parent_tid = c->a[2], .child_tid = c->a[3], .tls = c->a[4],
					    .pidfd = c->a[2], .signal = c->a[0] & LEGACY_SIGNAL };
	} else if (nr == SYS_clone3) {
		struct clone_args a = { 0 };
		size_t n = c->a[1] < sizeof(a) ? (size_t)c->a[1] : sizeof(a);

		if (c->a[1] < CLONE_ARGS_MIN)
			return -EINVAL;
		if (emul_user_read(&a, c->a[0], n))
			return -EFAULT;
		r = (struct clone_request){ .flags = a.flags, .stack = a.stack ? a.stack + a.stack_size : 0,
					    .parent_tid = a.parent_tid, .child_tid = a.child_tid, .tls = a.tls,
					    .pidfd = a.pidfd, .signal = a.exit_signal };
		if (a.set_tid_size || a.flags & CLONE_INTO_CGROUP)
			return -EINVAL;
	}
	bool shares = r.flags & CLONE_VM, waits = r.flags & CLONE_VFORK;

	/* a stack of its own and no context: the kernel's, and the caller's business as ever */
	if (!c->uc && (r.stack || (shares && !waits)))
		return SHIM_NATIVE;
	if (r.flags & CLONE_THREAD)
		return new_thread(c, &r);
	if (shares && waits && shim_has_own_libc)
		return new_vfork(c, &r);
	if (!shares || waits)
		return new_process(c, &r);
	/* a second process for ever in the same memory: a C library that both know has no place for our state */
	return shim_has_own_libc || nr == SYS_clone3 || !r.stack ? -EINVAL : SHIM_NATIVE;
}
