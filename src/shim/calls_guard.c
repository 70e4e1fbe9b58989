/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program may do to itself that the emulator cannot live with: take Syscall User Dispatch, which is refused as on
 * a kernel without it; and seccomp filters of its own.  Those stay, but one that refuses what the emulator needs is
 * announced: nothing else would tell why enclaves fail.
 *
 * Authority: Linux 6.1 Documentation/admin-guide/syscall-user-dispatch.rst, kernel/seccomp.c, net/core/filter.c.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#endif
#define MEM_WORDS 16
#define NEED_ROOM 512

/* what the emulator does, once it runs */
static const struct { short nr; const char *name; } needed[] = {
#define NEED(name) { SYS_##name, #name }
	NEED(rt_sigreturn), NEED(rt_sigprocmask), NEED(rt_sigaction), NEED(sigaltstack), NEED(mmap), NEED(munmap),
	NEED(mprotect), NEED(madvise), NEED(openat), NEED(close), NEED(fstat), NEED(newfstatat), NEED(getdents64), NEED(fcntl),
	NEED(memfd_create), NEED(ftruncate), NEED(futex), NEED(tgkill), NEED(gettid), NEED(getpid), NEED(prctl), NEED(arch_prctl),
	NEED(process_vm_readv), NEED(process_vm_writev), NEED(membarrier), NEED(sched_yield),
#undef NEED
};

static uint64_t alu(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return b ? a / b : 0;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return b < 32 ? a << b : 0;
	case BPF_RSH: return b < 32 ? a >> b : 0;
	default: return ~a + 1;         /* BPF_NEG */
	}
}

static bool is_true(uint16_t op, uint32_t a, uint32_t b)
{
	return op == BPF_JEQ ? a == b : op == BPF_JGT ? a > b : op == BPF_JGE ? a >= b : (a & b) != 0;
}

/* The verdict of a filter that the kernel would accept; jumps only go forward. */
static uint32_t run(const struct sock_filter *f, size_t n, const struct seccomp_data *d)
{
	uint32_t a = 0, x = 0, m[MEM_WORDS] = { 0 };

	for (size_t i = 0; i < n; i++) {
		uint32_t k = f[i].k, src = f[i].code & BPF_X ? x : k;

		switch (BPF_CLASS(f[i].code)) {
		case BPF_LD: case BPF_LDX: {
			uint32_t v = BPF_MODE(f[i].code) == BPF_IMM ? k :
				     BPF_MODE(f[i].code) == BPF_MEM ? m[k % MEM_WORDS] : (uint32_t)sizeof(*d);

			if (BPF_MODE(f[i].code) == BPF_ABS && k <= sizeof(*d) - sizeof(v))
				memcpy(&v, (const uint8_t *)d + k, sizeof(v));
			*(BPF_CLASS(f[i].code) == BPF_LD ? &a : &x) = v;
			break;
		}
		case BPF_ST:
			m[k % MEM_WORDS] = a;
			break;
		case BPF_STX:
			m[k % MEM_WORDS] = x;
			break;
		case BPF_ALU:
			a = (uint32_t)alu(BPF_OP(f[i].code), a, src);
			break;
		case BPF_JMP:
			i += BPF_OP(f[i].code) == BPF_JA ? k : is_true(BPF_OP(f[i].code), a, src) ? f[i].jt : f[i].jf;
			break;
		case BPF_RET:
			return BPF_RVAL(f[i].code) == BPF_A ? a : k;
		default:
			*(BPF_MISCOP(f[i].code) == BPF_TAX ? &x : &a) = BPF_MISCOP(f[i].code) == BPF_TAX ? a : x;
		}
	}
	return SECCOMP_RET_KILL_PROCESS;
}

static void check_filter(const struct sock_filter *f, size_t n)
{
	char list[NEED_ROOM] = "";
	size_t at = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		struct seccomp_data d = { .nr = needed[i].nr, .arch = AUDIT_ARCH_X86_64,
					  .instruction_pointer = (uintptr_t)check_filter };
		uint32_t action = run(f, n, &d) & SECCOMP_RET_ACTION_FULL;
		size_t len = strlen(needed[i].name);

		if (action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG || at + len + 2 > sizeof(list))
			continue;
		if (at)
			list[at++] = ' ';
		memcpy(list + at, needed[i].name, len + 1);
		at += len;
	}
	if (at)
		shim_say("the program's own seccomp filter refuses what the emulated device needs, enclaves will fail: ", list);
}

static long read_and_check(uint64_t prog)
{
	struct sock_fprog p;

	shim_filter_no_more();
	if (emul_user_read(&p, prog, sizeof(p)) || !p.len || p.len > BPF_MAXINSNS)
		return SHIM_NATIVE;             /* the kernel says so */
	size_t bytes = p.len * sizeof(*p.filter);
	long map = raw6(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map < 0 && map > -4096)
		return SHIM_NATIVE;
	if (!emul_user_read((void *)map, (uintptr_t)p.filter, bytes))
		check_filter((const struct sock_filter *)map, p.len);
	raw2(SYS_munmap, map, bytes);
	return SHIM_NATIVE;
}

static long strict(void)
{
	shim_filter_no_more();
	shim_say("the program enters strict seccomp mode, where enclaves cannot run", "");
	return SHIM_NATIVE;
}

long shim_call_prctl(struct shim_call *c)
{
	switch ((int)c->a[0]) {
	case PR_SET_SYSCALL_USER_DISPATCH:
		return -EINVAL;
	case PR_SET_SECCOMP:
		return c->a[1] == SECCOMP_MODE_FILTER ? read_and_check(c->a[2]) :
		       c->a[1] == SECCOMP_MODE_STRICT ? strict() : SHIM_NATIVE;
	default:
		return SHIM_NATIVE;
	}
}

long shim_call_seccomp(struct shim_call *c)
{
	return c->a[0] == SECCOMP_SET_MODE_FILTER ? read_and_check(c->a[2]) :
	       c->a[0] == SECCOMP_SET_MODE_STRICT ? strict() : SHIM_NATIVE;
}
