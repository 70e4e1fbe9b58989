/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program without any C library, with the habits of the runtimes of other languages: threads by clone with their own
 * FS, an alternate stack for each, handlers with SA_ONSTACK, storms of rt_sigprocmask, signals between threads, code that
 * is made at run time.  Exit status: 0, or the number of the check that failed.
 */
#include <asm/prctl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define THREADS 6
#define ROUNDS  150
#define SIGUSR1 10
#define SA_SIGINFO  4u
#define SA_RESTORER 0x04000000u
#define SA_ONSTACK  0x08000000u
#define PROT_RW 3
#define PROT_RX 5
#define MAP_PRIVATE_ANON 0x22

struct thread {
	struct thread *self;            /* FS:0 */
	uint32_t tid;
	volatile uint32_t signals, off_stack, wrong_fs, done;
	uint8_t *signal_stack;
};
#define SIGNAL_STACK 32768u
#define STACK        65536u

static struct thread threads[THREADS];
static struct thread first;

static long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

static struct thread *me(void)
{
	struct thread *t;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(t));
	return t;
}

void *memset(void *p, int c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		((volatile char *)p)[i] = (char)c;
	return p;
}

static uint8_t *map(size_t n)
{
	return (uint8_t *)sys(SYS_mmap, 0, (long)n, PROT_RW, MAP_PRIVATE_ANON, -1, 0);
}

extern char restorer[];
__asm__("restorer: mov $15, %eax; syscall");

static void on_signal(int sig, void *info, void *uc)
{
	struct thread *t = me();
	uint8_t here;

	(void)sig;
	(void)info;
	(void)uc;
	if (&here < t->signal_stack || &here >= t->signal_stack + SIGNAL_STACK)
		t->off_stack++;
	if ((uint32_t)sys(SYS_gettid, 0, 0, 0, 0, 0, 0) != t->tid)
		t->wrong_fs++;
	t->signals++;
}

static void use_signal_stack(struct thread *t)
{
	struct { void *sp; int flags; size_t size; } ss = { 0 };

	t->signal_stack = map(SIGNAL_STACK);
	ss.sp = t->signal_stack;
	ss.size = SIGNAL_STACK;
	sys(SYS_sigaltstack, (long)&ss, 0, 0, 0, 0, 0);
}

static void storm(struct thread *t)
{
	uint64_t all = ~(uint64_t)0, old;

	for (int i = 0; i < ROUNDS; i++) {
		sys(SYS_rt_sigprocmask, 2, (long)&all, (long)&old, 8, 0, 0);
		sys(SYS_tgkill, sys(SYS_getpid, 0, 0, 0, 0, 0, 0), t->tid, SIGUSR1, 0, 0, 0);
		sys(SYS_rt_sigprocmask, 2, (long)&old, 0, 8, 0, 0);
		/* it came when it was let in, and not before */
		if (t->signals != (uint32_t)i + 1)
			t->wrong_fs += 1000;
	}
}

static void thread_main(void)
{
	struct thread *t = me();

	t->tid = (uint32_t)sys(SYS_gettid, 0, 0, 0, 0, 0, 0);
	use_signal_stack(t);
	storm(t);
	t->done = 1;
}

long start_thread(unsigned long flags, void *stack, volatile uint32_t *tid, void *tls, void (*fn)(void));
__asm__("start_thread: mov %r8, %r9; mov %rcx, %r8; mov %rdx, %r10; mov $56, %eax; syscall; test %rax, %rax; jz 1f; ret;"
	"1: xor %ebp, %ebp; call *%r9; mov $60, %eax; xor %edi, %edi; syscall; ud2");

static int check_threads(void)
{
	static volatile uint32_t alive[THREADS];
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
			      CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;

	for (int i = 0; i < THREADS; i++) {
		alive[i] = 1;
		threads[i].self = &threads[i];
		if (start_thread(flags, map(STACK) + STACK, &alive[i], &threads[i], thread_main) <= 0)
			return 10;
	}
	storm(&first);
	for (int i = 0; i < THREADS; i++) {
		uint32_t v;

		while ((v = alive[i]))
			sys(SYS_futex, (long)&alive[i], FUTEX_WAIT, v, 0, 0, 0);
		if (!threads[i].done || threads[i].signals != ROUNDS)
			return 11;
		if (threads[i].off_stack)
			return 12;
		if (threads[i].wrong_fs)
			return 13;
	}
	return first.off_stack || first.wrong_fs ? 14 : 0;
}

/* syscall; ret, in memory that was not there when the program started */
static int check_made_code(void)
{
	static const uint8_t code[] = { 0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x31, 0xd2, 0x0f, 0x05, 0xc3 };
	uint8_t *page = map(4096);

	for (size_t i = 0; i < sizeof(code); i++)
		page[i] = code[i];
	if (sys(SYS_mprotect, (long)page, 4096, PROT_RX, 0, 0, 0))
		return 20;
	long fd = ((long (*)(long, const char *, long))(void *)page)(SYS_open, "/dev/sgx_enclave", 2);

	if (fd < 0)
		return 21;
	/* INIT before CREATE is EINVAL: it is the device */
	uint64_t init = 0;

	return sys(SYS_ioctl, fd, 0x4008a402, (long)&init, 0, 0, 0) == -22 ? 0 : 22;
}

__attribute__((used)) static int begin(void)
{
	struct { void *handler; uint64_t flags; void *restorer; uint64_t mask; } sa = {
		(void *)on_signal, SA_SIGINFO | SA_RESTORER | SA_ONSTACK, restorer, 0 };
	int r;

	first.self = &first;
	first.tid = (uint32_t)sys(SYS_gettid, 0, 0, 0, 0, 0, 0);
	if (sys(SYS_arch_prctl, ARCH_SET_FS, (long)&first, 0, 0, 0, 0))
		return 1;
	use_signal_stack(&first);
	if (sys(SYS_rt_sigaction, SIGUSR1, (long)&sa, 0, 8, 0, 0))
		return 2;
	r = check_threads();
	return r ? r : check_made_code();
}

__asm__(".globl _start; _start: xor %ebp, %ebp; and $-16, %rsp; call begin; mov %eax, %edi; mov $231, %eax; syscall");
