/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encldiff: host code on enclave memory, mappings, descriptors, children. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dice.h"
#include "encldiff.h"

int mem_fd;
static sigjmp_buf out;
static volatile sig_atomic_t is_expected;
static struct caught last;

static void on_fault(int sig, siginfo_t *info, void *ctx)
{
	const greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	last = (struct caught){ sig, info->si_code, (uintptr_t)info->si_addr, (uint64_t)g[REG_RIP], (uint64_t)g[REG_RAX],
				(uint64_t)g[REG_RBX], (uint64_t)g[REG_RCX], (uint64_t)g[REG_RDX], (uint64_t)g[REG_RDI],
				(uint64_t)g[REG_ERR], (uint64_t)g[REG_TRAPNO] };
	if (is_expected)
		siglongjmp(out, sig);
	printf(" unexpected signal %d\n", sig);
	fflush(stdout);
	_exit(1);
}

static void mem_open(void)
{
	if (mem_fd > 0)
		close(mem_fd);
	mem_fd = open("/proc/self/mem", O_RDWR);
}

void host_setup(void)
{
	static const int sigs[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	for (unsigned i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		sigaction(sigs[i], &sa, NULL);
	mem_open();
}

int guarded(void (*fn)(void *arg), void *arg, struct caught *ret)
{
	int sig = sigsetjmp(out, 1);

	is_expected = 1;
	if (!sig)
		fn(arg);
	is_expected = 0;
	*ret = last;
	return sig;
}

/* ---- host accesses --------------------------------------------------------------------------------------------- */

static void load(void *p)
{
	(void)*(volatile uint8_t *)p;
}

/* Where host code can really reach the page, this changes nothing. */
static void store(void *p)
{
	__asm__ volatile("lock orb $0, (%0)" : : "r"(p) : "memory", "cc");
}

static void show_caught(int sig, const struct caught *x)
{
	char a[40];

	if (sig)
		printf(" sig=%d code=%d addr=%s trap=%llu err=%llx", x->sig, x->code, place(x->addr, a),
		       (unsigned long long)x->trapno, (unsigned long long)x->err);
	putchar('\n');
}

static void do_touch(void)
{
	uint64_t la = BASE + below(PAGES) * 4096ull + below(4096);
	bool write = one_in(3);
	struct caught x;
	char a[40];
	int sig;

	if (one_in(3))
		la = BASE + (PAGE_FREE + below(10)) * 4096ull;
	say("host %s %s", write ? "store" : "load", place(la, a));
	sig = guarded(write ? store : load, (void *)la, &x);
	show_caught(sig, &x);
}

static void do_peek(void)
{
	static const size_t sizes[] = { 1, 8, 64, 100, 4096, 8192 };
	uint64_t la = BASE + (one_in(2) ? PAGE_DATA + below(6) : below(PAGES)) * 4096ull + (one_in(2) ? 0 : below(4096));
	size_t bytes = PICK(sizes);
	uint8_t buf[8192];
	bool poke = one_in(4);
	unsigned sum = 0;
	ssize_t r;
	char a[40];

	/* TCSs and SSAs have steps of their own; free pages may be PENDING, whose contents are anything */
	bool contents = la >= BASE + PAGE_DATA * 4096ull && la + bytes <= BASE + PAGE_FREE * 4096ull;

	if (!contents)
		poke = false;
	for (unsigned i = 0; i < en.n_tcs; i++)
		if (la + bytes > en.tcs[i] && la < en.tcs[i] + 4096)
			return;
	if (poke && (la + bytes > BASE + PAGE_RWX * 4096ull || la + bytes > BASE + PAGE_RO * 4096ull))
		return;
	memset(buf, 0x55, sizeof(buf));
	r = poke ? pwrite(mem_fd, buf, bytes, (off_t)la) : pread(mem_fd, buf, bytes, (off_t)la);
	for (ssize_t i = 0; contents && !poke && i < r && la < BASE + (PAGE_DATA + 1) * 4096ull; i++)
		sum = sum * 31 + buf[i];
	say("%s %s %zu = %zd sum=%x\n", poke ? "poke" : "peek", place(la, a), bytes, r < 0 ? -errno : r, sum);
}

/* ---- mappings ----------------------------------------------------------------------------------------------------- */

static uint64_t some_la(void)
{
	static const int64_t nasty[] = { -4096, (int64_t)SIZE, (int64_t)SIZE - 4096, 1 };

	if (one_in(15))
		return BASE + (uint64_t)PICK(nasty);
	return BASE + (one_in(8) ? PAGE_STEADY + 1 + below(3) : one_in(8) ? below(PAGE_DATA - 8) : PAGE_FREE + below(12)) * 4096ull;
}

static uint64_t some_bytes(void)
{
	static const uint64_t nasty[] = { 0, 1, 4097, SIZE, ~0ull };

	return one_in(20) ? PICK(nasty) : (1 + below(4)) * 4096ull;
}

static void do_mmap(uint64_t la, uint64_t bytes)
{
	static const int prots[] = { 0, 1, 3, 3, 3, 5, 7, 2, 4 };
	static const int flags[] = { MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED, MAP_SHARED | MAP_FIXED,
				     MAP_SHARED | MAP_FIXED_NOREPLACE, MAP_PRIVATE | MAP_FIXED,
				     MAP_SHARED | MAP_FIXED | MAP_POPULATE, MAP_SHARED_VALIDATE | MAP_FIXED,
				     MAP_SHARED | MAP_FIXED | MAP_LOCKED, MAP_SHARED_VALIDATE | MAP_FIXED | 0x800000, MAP_SHARED };
	int prot = PICK(prots), how = PICK(flags), fd = en.fd;
	char a[40];

	if (one_in(15)) {
		how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
		fd = -1;
		/* as code it would be zeros, which QEMU runs with other error codes */
		prot = one_in(2) ? 1 : 3;
		if (la < BASE + PAGE_DATA * 4096ull)
			la = BASE + PAGE_FREE * 4096ull;
	}
	void *p = mmap((void *)la, bytes, prot, how, fd, 0);
	int r = p == MAP_FAILED ? -errno : 0;

	say("mmap %s %llx prot=%d flags=%x = %d\n", place(la, a), (unsigned long long)bytes, prot, how, r);
	if (!r && how == MAP_SHARED && p != (void *)la)
		munmap(p, bytes);
}

static void do_madvise(uint64_t la, uint64_t bytes)
{
	static const int advice[] = { MADV_NORMAL, MADV_WILLNEED, MADV_DONTNEED, MADV_FREE, MADV_COLD, MADV_PAGEOUT, MADV_DODUMP,
				      MADV_DONTDUMP, MADV_WIPEONFORK, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
				      MADV_SEQUENTIAL, MADV_RANDOM, 0x1234, MADV_REMOVE, MADV_KEEPONFORK };
	int how = PICK(advice);
	int r = madvise((void *)la, bytes, how) ? -errno : 0;

	if (how == MADV_WILLNEED && r == -EBADF)        /* ordinary memory where the kernel has no swap */
		r = 0;
	char a[40];

	say("madvise %s %llx %d = %d\n", place(la, a), (unsigned long long)bytes, how, r);
}

static void do_mremap(uint64_t la)
{
	uint64_t bytes = (1 + below(3)) * 4096ull, to = (below(3) ? bytes : bytes + 4096);
	uint64_t where = BASE + SIZE + 0x8000;
	bool fixed = one_in(2);
	void *p = fixed ? mremap((void *)la, bytes, to, MREMAP_MAYMOVE | MREMAP_FIXED, (void *)where) :
			  mremap((void *)la, bytes, to, one_in(3) ? MREMAP_MAYMOVE | MREMAP_DONTUNMAP : 0);
	int r = p == MAP_FAILED ? -errno : 0;
	char a[40];
	struct caught x;

	say("mremap %s %llx->%llx fixed=%d = %d\n", place(la, a), (unsigned long long)bytes, (unsigned long long)to, fixed, r);
	if (r || !fixed)
		return;
	say("host load at the new place");
	int sig = guarded(load, p, &x);

	/* an entry that was there moves along, and shows ones; not so on the emulated device */
	if (sig == SIGSEGV)
		printf(" sig=%d code=%d\n", sig, x.code);
	else
		putchar('\n');
	munmap(p, to);
}

void step_map(void)
{
	unsigned n = below(100);
	uint64_t la = some_la(), bytes = some_bytes();
	char a[40];

	if (n < 40) {
		do_mmap(la, bytes);
	} else if (n < 55 && bytes < 1ull << 40) {
		say("munmap %s %llx = %d\n", place(la, a), (unsigned long long)bytes,
		    munmap((void *)la, bytes) ? -errno : 0);
	} else if (n < 80) {
		int prot = one_in(20) ? 0x80 : (int)below(8);

		/* execute-only ordinary memory as a TCS: whether it is present cannot be found out without looking */
		if (prot == PROT_EXEC)
			prot |= PROT_READ;
		say("mprotect %s %llx prot=%d = %d\n", place(la, a), (unsigned long long)bytes, prot,
		    mprotect((void *)la, bytes, prot) ? -errno : 0);
	} else if (n < 88) {
		do_madvise(la, bytes);
	} else if (n < 92) {
		do_mremap(la);
	} else if (n < 96) {
		int how = one_in(2) ? MS_SYNC : one_in(2) ? MS_ASYNC : MS_INVALIDATE;

		say("msync %s %llx %d = %d\n", place(la, a), (unsigned long long)bytes, how,
		    msync((void *)la, bytes, how) ? -errno : 0);
	} else {
		say("mlock %s %llx = %d\n", place(la, a), (unsigned long long)bytes, mlock((void *)la, bytes) ? -errno : 0);
	}
}

/* ---- descriptors, children ---------------------------------------------------------------------------------------- */

static void do_fds(void)
{
	int old = en.fd, fd = fcntl(old, F_DUPFD_CLOEXEC, 3);
	struct sgx_enclave_provision p = { .fd = (unsigned)en.token };

	switch (below(3)) {
	case 0:                         /* go on with the duplicate */
		close(old);
		en.fd = fd;
		say("dup, close: flags=%x\n", fcntl(fd, F_GETFL) & 0xfff);
		break;
	case 1:
		close(fd);
		en.fd = fd;
		say("closed: ioctl = %lld\n", (long long)call_ioctl(SGX_IOC_ENCLAVE_PROVISION, &p));
		en.fd = old;
		break;
	default:
		say("fds: %d\n", fcntl(fd, F_GETFD));
		close(fd);
		break;
	}
}

/*
 * On the driver in the virtual machine a child's access now and then never ends, in the kernel: nothing to compare with.
 * More than any child takes.
 */
#define CHILD_SECONDS 20

static void child(void)
{
	en.who = 'c';
	mem_open();
	for (unsigned i = 0; i < 6; i++) {
		unsigned n = below(10);

		if (n < 5)
			step_inside();
		else if (n < 7)
			step_pages();
		else if (n < 8)
			step_ssa();
		else if (n < 9)
			step_map();
		else
			do_touch();
	}
	fflush(stdout);
	_exit(0);
}

static void do_fork(void)
{
	uint64_t next = roll();
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();

	if (!pid)
		child();
	en.is_over = true;
	for (unsigned i = 0; i < CHILD_SECONDS * 100 && en.is_over; i++) {
		en.is_over = waitpid(pid, &status, WNOHANG) != pid;
		if (en.is_over)
			usleep(10000);
	}
	dice = next | 1;
	if (en.is_over) {
		kill(pid, SIGKILL);
		say("the child hangs\n");
	} else {
		say("child = %x\n", status);
	}
}

void step_host(void)
{
	unsigned n = below(100);

	if (n < 50)
		do_touch();
	else if (n < 70)
		do_peek();
	else if (n < 85)
		do_fds();
	else
		do_fork();
}
