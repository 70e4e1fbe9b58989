/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trapped system calls: who does them, and those whose arguments are numbers.
 *
 * Authority: include/uapi/asm-generic/siginfo.h (SYS_SECCOMP); Linux 6.1 mm/process_vm_access.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/cpuid.h"
#include "shim/shim.h"
#include "shim/trace.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif
#define RED_ZONE    128
#define MAX_CALL_NR 512
#define MAX_PIECES  64

/* ---- the table --------------------------------------------------------------------------------------------- */

static shim_call_fn *const table[MAX_CALL_NR] = {
#define CALL(name, fn) [SYS_##name] = fn,
#define FD_CALL(name, fn) CALL(name, fn)
#ifdef SHIM_STATIC
#define STATIC_CALL(name, fn) CALL(name, fn)
#else
#define STATIC_CALL(name, fn)
#endif
#include "shim/calls.def"
#undef CALL
#undef FD_CALL
#undef STATIC_CALL
};

long shim_call(struct shim_call *c)
{
	shim_call_fn *fn = c->nr >= 0 && c->nr < MAX_CALL_NR ? table[c->nr] : NULL;

	return fn ? fn(c) : SHIM_NATIVE;
}

bool shim_call_is_ours(long nr)
{
	return nr >= 0 && nr < MAX_CALL_NR && table[nr];
}

/*
 * The program does the call itself, at an address that the filter lets pass: calls that wait are then interrupted and
 * restarted as ever.  shim_again returns to the address at RSP and takes the red zone off again.
 */
static bool do_again(const struct shim_call *c)
{
	greg_t *g = c->uc->uc_mcontext.gregs;
	uint64_t sp = (uint64_t)g[REG_RSP] - RED_ZONE - sizeof(uint64_t), back = (uint64_t)g[REG_RIP];

	if (c->nr == SYS_clone && c->a[1]) {    /* the child comes back as well, on a stack of its own */
		uint64_t child = c->a[1] - RED_ZONE - sizeof(uint64_t);

		if (emul_user_write(child, &back, sizeof(back)))
			return false;
		g[REG_RSI] = (greg_t)child;
	}
	if (emul_user_write(sp, &back, sizeof(back)))
		return false;
	g[REG_RSP] = (greg_t)sp;
	g[REG_RIP] = (greg_t)(uintptr_t)(c->blocks_traps ? shim_again_blocked : shim_again);
	if (c->blocks_traps) {
		uint64_t mask;

		memcpy(&mask, &c->uc->uc_sigmask, sizeof(mask));
		mask |= shim_traps;
		memcpy(&c->uc->uc_sigmask, &mask, sizeof(mask));
	}
	return true;
}

bool shim_call_on_signal(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb)
{
	greg_t *g = uc->uc_mcontext.gregs;

	if (sig == SIGSEGV)
		return cpuid_trap(info, uc);
	/* another number: a filter of the program's own */
	if (sig != SIGSYS || info->si_code != SYS_SECCOMP || info->si_errno != SHIM_FILTER_DATA)
		return false;
	struct shim_call c = { .nr = info->si_syscall, .uc = uc, .tb = tb,
		.a = { (uint64_t)g[REG_RDI], (uint64_t)g[REG_RSI], (uint64_t)g[REG_RDX], (uint64_t)g[REG_R10],
		       (uint64_t)g[REG_R8], (uint64_t)g[REG_R9] } };
	long r = shim_call(&c);

	if (r == SHIM_NATIVE && do_again(&c))
		return true;
	g[REG_RAX] = r == SHIM_NATIVE ? raw_syscall6(c.nr, c.a[0], c.a[1], c.a[2], c.a[3], c.a[4], c.a[5]) : r;
	return true;
}

/* A piece never crosses a page, so that what is readable is read. */
int shim_string(char *dst, size_t room, uint64_t addr)
{
	size_t done = 0;

	while (done < room) {
		uint64_t at = addr + done;
		size_t n = SGX_PAGE_SIZE - (at & ~SGX_PAGE_MASK);

		if (n > 256)
			n = 256;
		n = n < room - done ? n : room - done;
		if (emul_user_read(dst + done, at, n))
			return -EFAULT;
		const char *zero = memchr(dst + done, 0, n);

		if (zero)
			return (int)(zero - dst);
		done += n;
	}
	return -ENAMETOOLONG;
}

/* What ends here will not count any more. */
long shim_call_exit_group(struct shim_call *c)
{
	(void)c;
	shim_ended();
	shim_summary();
	return SHIM_NATIVE;
}

/* ---- fds and mappings ---------------------------------------------------------------------------------------- */

long shim_call_close(struct shim_call *c)
{
	int fd = (int)c->a[0];

	return shim_is_hidden(fd) || emul_looks_like_enclave(fd) ? shim_close(fd) : SHIM_NATIVE;
}

long shim_call_close_range(struct shim_call *c)
{
	return shim_close_range((unsigned int)c->a[0], (unsigned int)c->a[1], (unsigned int)c->a[2]);
}

long shim_call_dup(struct shim_call *c)
{
	return shim_dup_onto((int)c->a[0], (int)c->a[1], (int)c->a[2], c->nr == SYS_dup3);
}

/* What a program seldom does to a file, and what would take ours from under the device. */
long shim_call_file(struct shim_call *c)
{
	if (shim_fd_node((int)c->a[0]) == PATH_OTHER)
		return SHIM_NATIVE;
	return c->nr == SYS_fallocate ? -ENODEV : -EINVAL;
}

/* The reads of the program's own fds come here through syscall(2), or when they have numbers that a device had. */
static bool is_device(const struct shim_call *c)
{
	return shim_is_device((int)c->a[0]);
}

long shim_call_read(struct shim_call *c)
{
	return is_device(c) ? shim_device_refuses((int)c->a[0], false) : SHIM_NATIVE;
}

long shim_call_write(struct shim_call *c)
{
	return is_device(c) ? shim_device_refuses((int)c->a[0], true) : SHIM_NATIVE;
}

long shim_call_lseek(struct shim_call *c)
{
	return is_device(c) ? shim_device_lseek((int)c->a[0], (int)c->a[2]) : SHIM_NATIVE;
}

long shim_call_fcntl(struct shim_call *c)
{
	int cmd = c->nr == SYS_dup ? F_DUPFD : (int)c->a[1];

	if (!is_device(c))
		return SHIM_NATIVE;
	return shim_device_fcntl((int)c->a[0], cmd, c->nr == SYS_dup ? 0 : c->a[2]);
}

long shim_call_copy(struct shim_call *c)
{
	/* the order of the arguments: sendfile has where to in front */
	bool to_first = c->nr == SYS_sendfile;
	int first = (int)c->a[0], second = (int)c->a[to_first ? 1 : 2];
	long r;

	return shim_device_copies(to_first ? second : first, to_first ? first : second, &r) ? r : SHIM_NATIVE;
}

/* Trapped are those with the device's letter, and others on what is a device; through syscall(2) come all. */
long shim_call_ioctl(struct shim_call *c)
{
	return _IOC_TYPE(c->a[1]) != SGX_MAGIC && !shim_fd_was_seen((int)c->a[0]) ? SHIM_NATIVE :
	       shim_ioctl((int)c->a[0], (unsigned long)c->a[1], (void *)(uintptr_t)c->a[2]);
}

long shim_call_mmap(struct shim_call *c)
{
	uint64_t la = shim_place(c->a[0], c->a[1], (int)c->a[3]);

	return shim_mmap(la, c->a[1], (int)c->a[2], (int)c->a[3], (int)c->a[4], c->a[5]);
}

long shim_call_munmap(struct shim_call *c)
{
	return shim_munmap(c->a[0], c->a[1]);
}

long shim_call_mprotect(struct shim_call *c)
{
	return shim_mprotect(c->a[0], c->a[1], (int)c->a[2]);
}

long shim_call_mremap(struct shim_call *c)
{
	return shim_mremap(c->a[0], c->a[1], c->a[2], (int)c->a[3], c->a[4]);
}

long shim_call_advice(struct shim_call *c)
{
	long r;

	switch (c->nr) {
	case SYS_madvise:
		return shim_madvise(c->a[0], c->a[1], (int)c->a[2]);
	case SYS_msync:
		return shim_msync(c->a[0], c->a[1], (int)c->a[2], &r) ? r : SHIM_NATIVE;
	default:
		return shim_mlock(c->a[0], c->a[1], (int)c->a[2], c->nr == SYS_mlock2);
	}
}

long shim_call_vm_copy(struct shim_call *c)
{
	struct iovec v[MAX_PIECES], cut[MAX_PIECES];
	size_t n = (size_t)c->a[4];

	if (!shim_on() || c->a[0] != raw_getpid() || !n || n > MAX_PIECES)
		return SHIM_NATIVE;
	if (emul_user_read(v, c->a[3], n * sizeof(*v)))
		return -EFAULT;
	size_t usable = shim_vm_usable(v, n, cut);

	return usable ? raw6(c->nr, c->a[0], c->a[1], c->a[2], cut, usable, c->a[5]) : -EFAULT;
}
