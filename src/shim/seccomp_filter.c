/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The filter that sends a static program's system calls to the emulator: those that concern enclaves, signals,
 * threads and mappings, and only from addresses where the program can be.  Everything else, and every call of the
 * emulator's own, goes to the kernel.
 *
 * Filters survive exec, so programs started by the program have it too.  It does not depend on the program, so that one
 * is enough for all, and it does not bite what is above the ceiling: position-independent programs and libraries.
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
#include "shim/static_exec.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#define IP_HIGH  (offsetof(struct seccomp_data, instruction_pointer) + 4)
#define ARG1_LOW (offsetof(struct seccomp_data, args) + 8)
#define GROUPS   14
#define MAX_INSNS 64

static const short trapped[] = {
	SYS_open, SYS_close, SYS_stat, SYS_lstat, SYS_mmap, SYS_mprotect, SYS_munmap, SYS_brk, SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_access, SYS_mremap, SYS_clone, SYS_fork, SYS_vfork, SYS_execve, SYS_exit, SYS_creat,
	SYS_readlink, SYS_sigaltstack, SYS_set_tid_address, SYS_openat, SYS_newfstatat, SYS_readlinkat, SYS_faccessat,
	SYS_execveat, SYS_statx, SYS_rseq, SYS_clone3, SYS_openat2, SYS_faccessat2,
	SYS_fstat, SYS_madvise, SYS_mlock, SYS_mlock2, SYS_msync,
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

/* One bit per call, in words of 32: a call that is not trapped costs few instructions whatever the length of the list. */
static void build(struct program *p)
{
	uint32_t word[GROUPS] = { 0 };

	for (size_t i = 0; i < sizeof(trapped) / sizeof(trapped[0]); i++)
		word[trapped[i] / 32] |= 1u << (trapped[i] % 32);
	put(p, LOAD(IP_HIGH));
	put(p, JUMP(JGE | BPF_K, STATIC_CEILING_HIGH, 0, 1));
	put(p, RET(SECCOMP_RET_ALLOW));
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
	put(p, RET(SECCOMP_RET_TRAP));
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

int static_filter_install(void)
{
	struct program p = { .n = 0 };
	int there = is_installed();

	if (there)
		return there < 0 ? -ENOMEM : 0;
	build(&p);
	struct sock_fprog prog = { .len = p.n, .filter = p.insn };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}
