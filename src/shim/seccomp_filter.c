/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Filters that send system calls to the emulator: those of calls.def, and only from addresses where the program can be.
 * Everything else, and every call of the emulator's own, goes to the kernel.
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
#define ARG1_LOW (offsetof(struct seccomp_data, args) + 8)
#define GROUPS   16
#define MAX_INSNS 256
#define RANGES_PER_FILTER 16u

static const short trapped[] = {
#define CALL(name, fn) SYS_##name,
#define STATIC_CALL(name, fn) SYS_##name,
#include "shim/calls.def"
#undef CALL
#undef STATIC_CALL
};

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
	put(p, LOAD(ARG1_LOW));
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

int shim_filter_below_ceiling(void)
{
	struct program p = { .n = 0 };
	int there = is_installed();

	if (there)
		return there < 0 ? -ENOMEM : 0;
	put(&p, LOAD(IP_HIGH));
	put(&p, JUMP(JGE | BPF_K, STATIC_CEILING_HIGH, 0, 1));
	put(&p, RET(SECCOMP_RET_ALLOW));
	put_calls(&p);
	return install(&p, false);
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

int shim_filter_ranges(const struct shim_range *r, size_t n, bool all_threads)
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
		put_calls(&p);
		int e = install(&p, all_threads);

		if (e)
			return e;
	}
	return 0;
}
