/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What handlers have while they run, leave when they return, and lose when they jump; pointers that name nothing. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "arch/sgx_uapi.h"
#include "hostile.h"

#ifndef SS_AUTODISARM             /* <linux/signal.h> has it, and more that clashes */
#define SS_AUTODISARM (1u << 31)
#endif

static const struct { int sig; char letter; } looked[] = {
	{ SIGSEGV, 'S' }, { SIGILL, 'I' }, { SIGFPE, 'F' }, { SIGUSR1, 'U' },
};
#define N_LOOKED (sizeof(looked) / sizeof(looked[0]))

static char story[64];

static void tell(const char *what)
{
	if (strlen(story) + strlen(what) < sizeof(story))
		strcat(story, what);
}

static void say_story(const char *what)
{
	say("%s:%s", what, story);
	story[0] = 0;
}

/* " SU", or " -" */
static const char *blocked(const sigset_t *set)
{
	static char text[4][8];
	static unsigned next;
	char *t = text[next++ % 4];
	size_t n = 0;

	t[n++] = ' ';
	for (size_t i = 0; i < N_LOOKED; i++)
		if (sigismember(set, looked[i].sig) == 1)
			t[n++] = looked[i].letter;
	if (n == 1)
		t[n++] = '-';
	t[n] = 0;
	return t;
}

static const char *blocked_now(void)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	return blocked(&now);
}

static void install_masked(int sig, void (*fn)(int, siginfo_t *, void *), int flags, int also)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaddset(&sa.sa_mask, also);
	sigaction(sig, &sa, NULL);
}

static void mention(int sig, siginfo_t *info, void *uc)
{
	static const char *const names[] = { " [S]", " [I]", " [F]", " [U]" };

	(void)info;
	(void)uc;
	for (size_t i = 0; i < N_LOOKED; i++)
		if (looked[i].sig == sig)
			tell(names[i]);
}

static jmp_buf plain_jump;

static void jump_without_mask(int sig, siginfo_t *info, void *uc)
{
	note(sig, info, uc);
	longjmp(plain_jump, 1);
}

static void fault(void)
{
	*(volatile char *)(rig.base + rig.size - 4096) = 1;
}

static void faults_and_jumps(const char *what)
{
	seen.n = 0;
	if (!sigsetjmp(jump_to, 1))
		fault();
	say("%s: seen %d, blocked in the handler%s, in the context%s, afterwards%s", what, seen.n,
	    blocked(&seen.blocked_in_handler), blocked(&seen.blocked_in_context), blocked_now());
}

static void sends_others(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	(void)uc;
	tell(" (");
	raise(SIGILL);
	raise(SIGUSR1);
	tell(blocked_now());
	tell(" )");
}

static int change_sig;
static bool change_adds;

static void changes_context(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	(void)sig;
	(void)info;
	if (change_adds)
		sigaddset(&uc->uc_sigmask, change_sig);
	else
		sigdelset(&uc->uc_sigmask, change_sig);
}

static void say_stack(const char *what, const stack_t *s);
static _Alignas(16) char other_stack[65536], third_stack[65536];

static void on_stack(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	stack_t now, third = { .ss_sp = third_stack, .ss_size = sizeof(third_stack) };

	note(sig, info, uc);
	sigaltstack(NULL, &now);
	say_stack("  in the frame", &uc->uc_stack);
	say_stack("  in the handler", &now);
	say("  changed there: %s", result_of(sigaltstack(&third, NULL)));
}

static void say_stack(const char *what, const stack_t *s)
{
	say("%s: %s, %zu bytes, flags 0x%x", what, s->ss_sp == other_stack ? "as set" : s->ss_sp ? "another" : "none",
	    s->ss_size, (unsigned)s->ss_flags);
}

static void stacks(const char *what, unsigned flags)
{
	stack_t ss = { .ss_sp = other_stack, .ss_size = sizeof(other_stack), .ss_flags = (int)flags }, now;

	say("%s: %s", what, result_of(sigaltstack(&ss, NULL)));
	raise(SIGUSR1);
	say("  handler on it: %d", seen.stack - (uintptr_t)other_stack < sizeof(other_stack));
	sigaltstack(NULL, &now);
	say_stack("  afterwards", &now);
	ss = (stack_t){ .ss_flags = SS_DISABLE };
	sigaltstack(&ss, NULL);
}

void topic_frames(void)
{
	sigset_t set;

	build("grow.elf");
	install_masked(SIGSEGV, note_and_jump, 0, SIGILL);
	faults_and_jumps("a fault");
	faults_and_jumps("another");
	install_masked(SIGSEGV, note_and_jump, SA_NODEFER, SIGUSR1);
	faults_and_jumps("SA_NODEFER");
	install_masked(SIGSEGV, jump_without_mask, 0, SIGFPE);
	if (!setjmp(plain_jump))
		fault();
	say("a jump without mask:%s", blocked_now());
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	install_masked(SIGSEGV, note_and_jump, 0, SIGILL);
	faults_and_jumps("unblocked");
	say("entered: %s", enter_nop(0));

	for (size_t i = 0; i < N_LOOKED; i++)
		install(looked[i].sig, mention, 0);
	install_masked(SIGSEGV, sends_others, 0, SIGILL);
	raise(SIGSEGV);
	say_story("sent in a handler that blocks one");
	install_masked(SIGUSR1, sends_others, SA_NODEFER | (int)SA_RESETHAND, SIGSEGV);
	install(SIGUSR1, mention, 0);
	install(SIGSEGV, changes_context, 0);
	change_sig = SIGILL;
	change_adds = true;
	raise(SIGSEGV);
	say("blocked by way of the context:%s", blocked_now());
	raise(SIGILL);
	sigpending(&set);
	say("  pending:%s", blocked(&set));
	change_adds = false;
	raise(SIGSEGV);
	say_story("  unblocked by way of the context");
	say("  now:%s", blocked_now());
	sigemptyset(&set);
	sigaddset(&set, SIGFPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGFPE);
	install_masked(SIGSEGV, mention, 0, SIGILL);
	raise(SIGSEGV);
	say_story("blocked outside, a handler in between");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	say_story("  unblocked");

	install(SIGUSR1, on_stack, SA_ONSTACK);
	stacks("a stack", 0);
	stacks("SS_ONSTACK", SS_ONSTACK);
	stacks("SS_AUTODISARM", SS_AUTODISARM);
	stacks("wrong flags", 4);
	say("entered: %s", enter_nop(0));
}

/* ---- pointers ------------------------------------------------------------------------------------------------- */

static const char *create_of(uint64_t src)
{
	struct sgx_enclave_create c = { .src = src };
	int fd = open("/dev/sgx_enclave", O_RDWR);
	const char *r = result_of(ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &c));

	close(fd);
	return r;
}

static const char *add_of(uint64_t src, uint64_t secinfo)
{
	struct sgx_enclave_add_pages a = { .src = src, .offset = 0, .length = 4096, .secinfo = secinfo };

	return result_of(ioctl(rig.fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a));
}

static void with_pointer(const char *what, void *p)
{
	char buf[8];
	struct stat st;
	struct iovec here = { buf, sizeof(buf) };

	say("%s", what);
	say("  open %s, access %s, stat %s", result_of(open(p, O_RDONLY)), result_of(access(p, R_OK)), result_of(stat(p, &st)));
	say("  readlink from %s, to %s", result_of(readlink(p, buf, sizeof(buf))),
	    result_of(readlink("/proc/self/exe", p, 8)));
	say("  stat of the node %s, of an fd %s", result_of(stat("/dev/sgx_enclave", p)), result_of(fstat(rig.fd, p)));
	say("  ioctl CREATE %s, INIT %s, unknown %s", result_of(ioctl(rig.fd, SGX_IOC_ENCLAVE_CREATE, p)),
	    result_of(ioctl(rig.fd, SGX_IOC_ENCLAVE_INIT, p)), result_of(ioctl(rig.fd, 0xa47f, p)));
	say("  SECS there: %s; SECINFO there: %s; a page there: %s", create_of((uintptr_t)p), add_of((uintptr_t)buf & ~4095UL,
	    (uintptr_t)p), add_of((uintptr_t)p, (uintptr_t)p));
	say("  sigaltstack %s, %s", result_of(sigaltstack(p, NULL)), result_of(sigaltstack(NULL, p)));
	say("  process_vm_readv %s, of %s", result_of(process_vm_readv(getpid(), &here, 1, p, 1, 0)),
	    result_of(process_vm_readv(getpid(), p, 1, &here, 1, 0)));
	say("  pipe %s", result_of(pipe(p)));
}

void topic_pointers(void)
{
	char *pages = mmap(NULL, 3 * 4096UL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	build("grow.elf");
	munmap(pages + 4096, 4096);
	mprotect(pages + 2 * 4096, 4096, PROT_NONE);
	with_pointer("beyond user space", (void *)-4096L);
	with_pointer("not canonical", (void *)0x800000000000);
	with_pointer("a hole", pages + 4096);
	with_pointer("no rights", pages + 2 * 4096);
	with_pointer("where the enclave has no page", (void *)(rig.base + rig.size - 4096));
	memset(pages + 4096 - 8, 'x', 8);
	say("a path into a hole: %s", result_of(open(pages + 4096 - 8, O_RDONLY)));
	strcpy(pages + 4096 - 8, "/dev/sg");
	say("one that ends before it: %s", result_of(open(pages + 4096 - 8, O_RDONLY)));
	say("entered: %s", enter_nop(0));
}
