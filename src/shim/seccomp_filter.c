/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters that send system calls to the emulator: those of calls.def, and only from addresses where the program can be.
 * Everything else, and every call of the emulator's own, goes to the kernel.
 *
 * Reading and writing is too frequent to be trapped for every fd: once a fd is a device, a filter for its number comes on
 * top.  It stays when the number becomes another file, whose calls are dear from then on, and right.
 *
 * Filters survive exec, so programs started by the program have them too.  The one for static programs does not depend on
 * the program, so that one is enough for all, and it does not bite what is above the ceiling: position-independent
 * programs and libraries.  Those for the text of a dynamic program bite whatever lies at the same addresses later, which
 * the signal's handler there passes on.
 * Authority: Linux 6.1 Documentation/userspace-api/seccomp_filter.rst.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "arch/sgx_uapi.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/static_exec.h"

#define IP_LOW   offsetof(struct seccomp_data, instruction_pointer)
#define IP_HIGH  (IP_LOW + 4)
#define ARG_LOW(i) (offsetof(struct seccomp_data, args) + 8 * (i))
#define GROUPS   16
#define MAX_INSNS 256
#define RANGES_PER_FILTER 16u

static const short trapped[] = {
#define CALL(name, fn) SYS_##name,
#define FD_CALL(name, fn)
#define STATIC_CALL(name, fn) SYS_##name,
#include "shim/calls.def"
#undef CALL
#undef FD_CALL
#undef STATIC_CALL
};

/* Of a device: ioctl with any letter, as well. */
static const short trapped_by_fd[] = {
	SYS_ioctl,
#define CALL(name, fn)
#define FD_CALL(name, fn) SYS_##name,
#define STATIC_CALL(name, fn)
#include "shim/calls.def"
#undef CALL
#undef FD_CALL
#undef STATIC_CALL
};
#define N_BY_FD (sizeof(trapped_by_fd) / sizeof(trapped_by_fd[0]))

/* Calls with a second fd, and where that is. */
static const struct { short nr; uint8_t arg; } second_fds[] = {
	{ SYS_sendfile, 1 }, { SYS_splice, 2 }, { SYS_copy_file_range, 2 },
};
#define N_SECOND (sizeof(second_fds) / sizeof(second_fds[0]))

/* Where calls are looked at, and for which fds. */
#define MAX_COVERED  64u
#define MAX_FDS      32u
static struct {
	struct shim_range r[MAX_COVERED];
	size_t n;
	bool below_ceiling, no_more;
	int fds[MAX_FDS];
	unsigned int n_fds;
} covered;

struct program {
	struct sock_filter insn[MAX_INSNS];
	unsigned short n;
};

static void put(struct program *p, struct sock_filter i)
{
	p->insn[p->n++] = i;
}

#define LOAD(off) (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(off))
#define ALU(op, k) (struct sock_filter)BPF_STMT(BPF_ALU | BPF_##op, k)
#define JUMP(cond, k, jt, jf) (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_##cond, k, jt, jf)
#define RET(k) (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, k)

/*
 * One bit per call, in words of 32: a call that is not trapped costs few instructions whatever the length of the list.
 * Comes after what lets go of other addresses.
 */
static void put_calls(struct program *p)
{
	uint32_t word[GROUPS] = { 0 };

	for (size_t i = 0; i < sizeof(trapped) / sizeof(trapped[0]); i++)
		if (trapped[i] != SYS_ioctl)
			word[trapped[i] / 32] |= 1u << (trapped[i] % 32);
	put(p, LOAD(offsetof(struct seccomp_data, arch)));
	put(p, JUMP(JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	put(p, RET(SECCOMP_RET_ALLOW));
	put(p, LOAD(offsetof(struct seccomp_data, nr)));
	put(p, JUMP(JEQ | BPF_K, SYS_ioctl, 0, 4));
	put(p, LOAD(ARG_LOW(1)));
	put(p, ALU(RSH | BPF_K, 8));
	put(p, ALU(AND | BPF_K, 0xff));
	put(p, JUMP(JEQ | BPF_K, SGX_MAGIC, 1, 0));
	put(p, LOAD(offsetof(struct seccomp_data, nr)));        /* an ordinary ioctl: bit not set */
	unsigned short sgx_ioctl = p->n - 2;
	put(p, ALU(AND | BPF_K, 31));
	put(p, (struct sock_filter)BPF_STMT(BPF_MISC | BPF_TAX, 0));
	put(p, LOAD(offsetof(struct seccomp_data, nr)));
	put(p, ALU(RSH | BPF_K, 5));
	unsigned short first = p->n;

	for (uint32_t g = 0; g < GROUPS; g++)
		if (word[g]) {
			put(p, JUMP(JEQ | BPF_K, g, 0, 2));
			put(p, (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, word[g]));
			put(p, JUMP(JA, 0, 0, 0));
		}
	put(p, RET(SECCOMP_RET_ALLOW));
	unsigned short shift = p->n;

	put(p, ALU(RSH | BPF_X, 0));
	put(p, JUMP(JSET | BPF_K, 1, 0, 1));
	put(p, RET(SECCOMP_RET_TRAP | SHIM_FILTER_DATA));
	put(p, RET(SECCOMP_RET_ALLOW));
	for (unsigned short i = first; i < shift; i++)
		if (p->insn[i].code == (BPF_JMP | BPF_JA))
			p->insn[i].k = (uint32_t)(shift - i - 1);
	p->insn[sgx_ioctl].jt = (uint8_t)(shift + 2 - sgx_ioctl - 1);
}

/* The fd of a call is looked at first: most calls are done with that. */
static void put_fd(struct program *p, uint32_t fd)
{
	put(p, LOAD(offsetof(struct seccomp_data, arch)));
	put(p, JUMP(JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0));
	put(p, RET(SECCOMP_RET_ALLOW));
	put(p, LOAD(ARG_LOW(0)));
	put(p, JUMP(JEQ | BPF_K, fd, 0, N_BY_FD + 3));
	put(p, LOAD(offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < N_BY_FD; i++)
		put(p, JUMP(JEQ | BPF_K, (uint32_t)trapped_by_fd[i], (uint8_t)(N_BY_FD - i), 0));
	put(p, RET(SECCOMP_RET_ALLOW));
	put(p, RET(SECCOMP_RET_TRAP | SHIM_FILTER_DATA));
	put(p, LOAD(offsetof(struct seccomp_data, nr)));
	for (size_t i = 0; i < N_SECOND; i++) {
		put(p, JUMP(JEQ | BPF_K, (uint32_t)second_fds[i].nr, 0, 4));
		put(p, LOAD(ARG_LOW(second_fds[i].arg)));
		put(p, JUMP(JEQ | BPF_K, fd, 0, 1));
		put(p, RET(SECCOMP_RET_TRAP | SHIM_FILTER_DATA));
		put(p, RET(SECCOMP_RET_ALLOW));
	}
	put(p, RET(SECCOMP_RET_ALLOW));
}

/* fd < 0: the calls that are trapped whatever their fd. */
static void put_what(struct program *p, int fd)
{
	if (fd < 0)
		put_calls(p);
	else
		put_fd(p, (uint32_t)fd);
}

static volatile sig_atomic_t caught;

static void on_probe(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	caught = 1;
	((ucontext_t *)uc)->uc_mcontext.gregs[REG_RAX] = -ENOTTY;
}

/* Has a parent installed it?  One ioctl from below the ceiling tells.  -1: it could not be asked. */
static int is_installed(void)
{
	static const uint8_t code[] = { 0x0f, 0x05, 0xc3 };      /* syscall; ret */
	uint8_t *page = mmap((void *)STATIC_PIE_BASE, SGX_PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	struct sigaction sa = { .sa_sigaction = on_probe, .sa_flags = SA_SIGINFO }, old;
	long nr = SYS_ioctl;

	if (page == MAP_FAILED)
		return -1;
	memcpy(page, code, sizeof(code));
	if (mprotect(page, SGX_PAGE_SIZE, PROT_READ | PROT_EXEC) || sigaction(SIGSYS, &sa, &old)) {
		munmap(page, SGX_PAGE_SIZE);
		return -1;
	}
	__asm__ volatile("sub $128, %%rsp; call *%[f]; add $128, %%rsp"
			 : "+a"(nr)
			 : [f] "r"(page), "D"(-1), "S"(SGX_IOC_ENCLAVE_CREATE), "d"(0)
			 : "rcx", "r11", "memory");
	sigaction(SIGSYS, &old, NULL);
	munmap(page, SGX_PAGE_SIZE);
	return caught ? 1 : 0;
}

static int install(struct program *p, bool all_threads)
{
	struct sock_fprog prog = { .len = p->n, .filter = p->insn };

	if (raw6(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0))
		return -EPERM;
	long r = raw3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, all_threads ? SECCOMP_FILTER_FLAG_TSYNC : 0, &prog);

	return r > 0 ? -EBUSY : (int)r;         /* a thread with other filters */
}

static int install_below_ceiling(int fd)
{
	struct program p = { .n = 0 };

	put(&p, LOAD(IP_HIGH));
	put(&p, JUMP(JGE | BPF_K, STATIC_CEILING_HIGH, 0, 1));
	put(&p, RET(SECCOMP_RET_ALLOW));
	put_what(&p, fd);
	return install(&p, fd >= 0);
}

int shim_filter_below_ceiling(void)
{
	int there = is_installed();

	covered.below_ceiling = true;
	return there < 0 ? -ENOMEM : there ? 0 : install_below_ceiling(-1);
}

/* Within one 4 GiB, as the filter's words are: returns what is left of r. */
static struct shim_range piece(struct program *p, struct shim_range r, unsigned short *found)
{
	uint32_t high = (uint32_t)(r.start >> 32);
	uint64_t end = (r.end - 1) >> 32 == high ? r.end : ((uint64_t)high + 1) << 32;

	/* the kernel shows the address behind the instruction */
	put(p, LOAD(IP_HIGH));
	put(p, JUMP(JEQ | BPF_K, high, 0, 4));
	put(p, LOAD(IP_LOW));
	put(p, JUMP(JGT | BPF_K, (uint32_t)r.start, 0, 2));
	put(p, JUMP(JGT | BPF_K, (uint32_t)end ? (uint32_t)end : UINT32_MAX, 1, 0));
	*found = p->n;
	put(p, JUMP(JA, 0, 0, 0));
	return (struct shim_range){ end, r.end };
}

static int install_ranges(const struct shim_range *r, size_t n, bool all_threads, int fd)
{
	for (size_t i = 0; i < n;) {
		struct program p = { .n = 0 };
		unsigned short found[2 * RANGES_PER_FILTER], k = 0;

		for (; i < n && k < RANGES_PER_FILTER; i++)
			for (struct shim_range left = r[i]; left.start < left.end && k < 2 * RANGES_PER_FILTER; k++)
				left = piece(&p, left, &found[k]);
		put(&p, RET(SECCOMP_RET_ALLOW));
		for (unsigned short f = 0; f < k; f++)
			p.insn[found[f]].k = (uint32_t)(p.n - found[f] - 1);
		put_what(&p, fd);
		int e = install(&p, all_threads);

		if (e)
			return e;
	}
	return 0;
}

int shim_filter_ranges(const struct shim_range *r, size_t n, bool all_threads)
{
	int e = install_ranges(r, n, all_threads, -1);

	for (unsigned int i = 0; i < covered.n_fds && !e; i++)
		e = install_ranges(r, n, all_threads, covered.fds[i]);
	for (size_t i = 0; i < n && covered.n < MAX_COVERED && !e; i++)
		covered.r[covered.n++] = r[i];
	return e;
}

/* One that cannot be had leaves what the file itself refuses: nothing is damaged (emul/device.c). */
void shim_filter_fd(int fd)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	sigset_t old;
	bool known = false;

	if (covered.no_more || (!covered.n && !covered.below_ceiling))
		return;
	emul_sig_block(&old);           /* a handler may open a device, too */
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < covered.n_fds; i++)
		known |= covered.fds[i] == fd;
	if (!known && covered.n_fds < MAX_FDS &&
	    !(covered.below_ceiling ? install_below_ceiling(fd) : install_ranges(covered.r, covered.n, true, fd)))
		covered.fds[covered.n_fds++] = fd;
	pthread_mutex_unlock(&lock);
	emul_sig_restore(&old);
}

void shim_filter_no_more(void)
{
	covered.no_more = true;
}
