/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thread blocks: one slot of the arena per thread that enters enclaves, with its alternate signal stack
 * and its Syscall User Dispatch selector.
 *
 * Context: host mode, any thread; prepare() also from signal handlers of the program.
 */
#include <errno.h>
#include <linux/prctl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emul/native.h"
#include "emul/raw.h"

#define GUARD_BYTES SGX_PAGE_SIZE

_Static_assert(sizeof(struct native_tb) <= SGX_PAGE_SIZE, "the thread block is the first page of its slot");

uint64_t native_arena, native_arena_bytes;
static _Atomic uint64_t slot_used[NATIVE_SLOTS / 64];
static pthread_key_t exit_key;
static __thread struct native_tb *self;

int native_thread_dispatch(struct native_tb *tb)
{
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, native_restorer,
		     native_restorer_end - native_restorer, &tb->selector);
}

static uint8_t *slot_base(unsigned i)
{
	return (uint8_t *)(uintptr_t)(native_arena + (uint64_t)i * NATIVE_SLOT_BYTES);
}

static int slot_take(void)
{
	for (unsigned w = 0; w < NATIVE_SLOTS / 64; w++) {
		uint64_t v = atomic_load(&slot_used[w]);

		while (~v) {
			unsigned bit = (unsigned)__builtin_ctzll(~v);

			if (atomic_compare_exchange_weak(&slot_used[w], &v, v | (uint64_t)1 << bit))
				return (int)(w * 64 + bit);
		}
	}
	return -1;
}

static void slot_give(struct native_tb *tb)
{
	uint64_t i = ((uint64_t)(uintptr_t)tb - native_arena) / NATIVE_SLOT_BYTES;

	madvise(tb, NATIVE_SLOT_BYTES, MADV_DONTNEED);
	atomic_fetch_and(&slot_used[i / 64], ~((uint64_t)1 << (i % 64)));
}

/* Thread exit: the kernel must not find our stack or selector any more. */
static void thread_gone(void *arg)
{
	struct native_tb *tb = arg;

	prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
	stack_t off = { .ss_flags = SS_DISABLE };

	sigaltstack(tb->program_stack.ss_sp ? &tb->program_stack : &off, NULL);
	self = NULL;
	slot_give(tb);
}

/*
 * sigaltstack(2) is refused on the stack that it would replace, where a handler of the program may be that enters its
 * first enclave.  The kernel goes by RSP, so that is elsewhere during the call.  All signals blocked.
 */
static int replace_stack(const stack_t *ours, stack_t *ret_old)
{
	uint64_t top = (uint64_t)(uintptr_t)ours->ss_sp + ours->ss_size;
	long r;

	__asm__ volatile("mov %%rsp, %%rbx; mov %[top], %%rsp; syscall; mov %%rbx, %%rsp"
			 : "=a"(r)
			 : "a"(SYS_sigaltstack), "D"(ours), "S"(ret_old), [top] "d"(top)
			 : "rbx", "rcx", "r11", "memory");
	return r ? -1 : 0;
}

struct native_tb *native_thread_spare(void)
{
	int i = slot_take();

	if (i < 0)
		return NULL;
	uint8_t *p = slot_base((unsigned)i);

	if (mprotect(p, SGX_PAGE_SIZE, PROT_READ | PROT_WRITE) ||
	    mprotect(p + SGX_PAGE_SIZE + GUARD_BYTES, NATIVE_SLOT_BYTES - SGX_PAGE_SIZE - GUARD_BYTES,
		     PROT_READ | PROT_WRITE)) {
		slot_give((struct native_tb *)(void *)p);
		return NULL;
	}
	return (struct native_tb *)(void *)p;
}

void native_thread_release(struct native_tb *tb)
{
	slot_give(tb);
}

stack_t native_thread_stack(const struct native_tb *tb)
{
	return (stack_t){ .ss_sp = (uint8_t *)(uintptr_t)tb + SGX_PAGE_SIZE + GUARD_BYTES,
			  .ss_size = NATIVE_SLOT_BYTES - SGX_PAGE_SIZE - GUARD_BYTES };
}

int native_thread_arm(struct native_tb *tb)
{
	stack_t ours = native_thread_stack(tb);

	tb->tid = (int)syscall(SYS_gettid);
	if (replace_stack(&ours, &tb->program_stack) || native_thread_dispatch(tb))
		return -1;
	if (tb->program_stack.ss_flags & SS_DISABLE)
		tb->program_stack.ss_sp = NULL;
	tb->armed = 1;
	return 0;
}

static struct native_tb *thread_new(void)
{
	struct native_tb *tb = native_thread_spare();

	if (tb && native_thread_arm(tb)) {
		slot_give(tb);
		return NULL;
	}
	if (tb)
		pthread_setspecific(exit_key, tb);
	return tb;
}

struct native_tb *native_thread_peek(void)
{
	return self;
}

struct native_tb *native_thread_prepare(void)
{
	sigset_t old;

	if (self)
		return self;
	emul_sig_block(&old);           /* a handler may enter too */
	if (!self)
		self = thread_new();
	emul_sig_restore(&old);
	return self;
}

/* Syscall dispatch does not survive fork; the rest of the block does. */
void native_forked_child(void)
{
	emul_tid_forget();
	if (self) {
		self->tid = (int)syscall(SYS_gettid);
		self->selector = NATIVE_ALLOW;
		native_thread_dispatch(self);
	}
}

int emul_native_setup(void)
{
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0))
		return -ENOSYS;
	if (native_arena)
		return 0;
	size_t bytes = (size_t)NATIVE_SLOTS * NATIVE_SLOT_BYTES;
	uint8_t *p = mmap(NULL, bytes + NATIVE_SLOT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	native_arena = ((uint64_t)(uintptr_t)p + NATIVE_SLOT_BYTES - 1) & ~(uint64_t)(NATIVE_SLOT_BYTES - 1);
	native_arena_bytes = bytes;
	int r = pthread_key_create(&exit_key, thread_gone);

	if (!r)
		r = pthread_atfork(NULL, NULL, native_forked_child);
	if (r)
		return -r;
	/* the timing uses signal handlers of its own, so it comes before ours */
	native_bases_setup();
	native_patch_setup();
	return native_signals_setup();
}
