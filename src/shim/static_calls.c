/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that the filter sends: who does them, and those about memory.
 *
 * Authority: Linux 6.1 mm/mmap.c, mm/mremap.c; include/uapi/asm-generic/siginfo.h (SYS_SECCOMP).
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/cpuid.h"
#include "shim/static_exec.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1
#endif
#ifndef SYS_faccessat2
#define SYS_faccessat2 439
#endif
#define RED_ZONE 128

static pthread_mutex_t brk_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t brk_start, brk_now;

/*
 * The program does the call itself, at an address that the filter lets pass: calls that wait are then interrupted and
 * restarted as ever.  static_again returns to the address at RSP and takes the red zone off again.
 */
static bool do_again(const struct static_call *c)
{
	greg_t *g = c->uc->uc_mcontext.gregs;
	uint64_t sp = (uint64_t)g[REG_RSP] - RED_ZONE - sizeof(uint64_t), back = (uint64_t)g[REG_RIP];

	if (emul_user_write(sp, &back, sizeof(back)))
		return false;
	g[REG_RSP] = (greg_t)sp;
	g[REG_RIP] = (greg_t)(uintptr_t)static_again;
	return true;
}

static long do_here(long nr, const struct static_call *c)
{
	return raw_syscall6(nr, c->a[0], c->a[1], c->a[2], c->a[3], c->a[4], c->a[5]);
}

/* A piece never crosses a page, so that what is readable is read. */
int static_string(char *dst, size_t room, uint64_t addr)
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

static uint64_t page_up(uint64_t v) { return (v + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK; }

/* The real break belongs to the emulator's C library; the program's is memory behind its image. */
static long do_brk(uint64_t want)
{
	pthread_mutex_lock(&brk_lock);
	uint64_t was = page_up(brk_now), will = page_up(want);
	bool done = want >= brk_start && will >= want;

	if (done && will > was)
		done = raw6(SYS_mmap, was, will - was, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (long)was;
	else if (done && will < was)
		raw2(SYS_munmap, will, was - will);
	if (done)
		brk_now = want;
	long r = (long)brk_now;

	pthread_mutex_unlock(&brk_lock);
	return r;
}

/* VM_DONTEXPAND: an enclave mapping can shrink, not grow; moved away from its address it is of no use, and refused. */
static long do_mremap(const struct static_call *c)
{
	uint64_t la = c->a[0], bytes = page_up(c->a[1]), want = page_up(c->a[2]);

	if (emul_range_has_enclave(la, bytes ? bytes : 1)) {
		if (c->a[3] & MREMAP_FIXED || want > bytes || !bytes)
			return -EFAULT;
		if (want < bytes && want) {
			int r = emul_munmap(la + want, bytes - want);

			return r ? r : (long)la;
		}
		return want ? (long)la : -EINVAL;
	}
	if (c->a[3] & MREMAP_FIXED && want && emul_range_has_enclave(c->a[4], want)) {
		int r = emul_munmap(c->a[4], want);

		if (r)
			return r;
	}
	return STATIC_NATIVE;
}

/* As Linux does it for a mapping of a driver's pages. */
static long do_advice(long nr, const struct static_call *c)
{
	if (!emul_range_has_enclave(c->a[0], page_up(c->a[1])))
		return STATIC_NATIVE;
	if (nr == SYS_mlock || nr == SYS_mlock2)
		return 0;
	if (nr == SYS_msync)
		return c->a[2] & MS_SYNC ? -EINVAL : 0;
	if (c->a[0] & ~SGX_PAGE_MASK)
		return -EINVAL;
	switch ((int)c->a[2]) {
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED:
	case MADV_DONTFORK: case MADV_DONTDUMP: case MADV_HUGEPAGE: case MADV_NOHUGEPAGE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* ioctl numbers of the device on other files are theirs. */
static long do_ioctl(const struct static_call *c)
{
	long r = emul_ioctl((int)c->a[0], (unsigned long)c->a[1], (void *)(uintptr_t)c->a[2]);

	return r == -ENOTTY && !emul_is_enclave_fd((int)c->a[0]) ? STATIC_NATIVE : r;
}

static long dispatch(long nr, struct static_call *c)
{
	switch (nr) {
	case SYS_open: case SYS_openat: case SYS_openat2: case SYS_creat:
		return static_call_open(c, nr);
	case SYS_stat: case SYS_lstat: case SYS_fstat: case SYS_newfstatat: case SYS_statx:
		return static_call_stat(c, nr);
	case SYS_access: case SYS_faccessat: case SYS_faccessat2:
		return static_call_access(c, nr);
	case SYS_readlink: case SYS_readlinkat:
		return static_call_readlink(c, nr);
	case SYS_close:
		return emul_is_enclave_fd((int)c->a[0]) ? emul_close((int)c->a[0]) : STATIC_NATIVE;
	case SYS_ioctl:
		return do_ioctl(c);
	case SYS_mmap:
		return emul_mmap(c->a[0], c->a[1], (int)c->a[2], (int)c->a[3], (int)c->a[4], c->a[5]);
	case SYS_munmap:
		return emul_munmap(c->a[0], c->a[1]);
	case SYS_mprotect:
		return emul_mprotect(c->a[0], c->a[1], (int)c->a[2]);
	case SYS_mremap:
		return do_mremap(c);
	case SYS_madvise: case SYS_mlock: case SYS_mlock2: case SYS_msync:
		return do_advice(nr, c);
	case SYS_brk:
		return do_brk(c->a[0]);
	case SYS_rt_sigaction:
		return static_call_sigaction(c);
	case SYS_rt_sigprocmask:
		return static_call_sigprocmask(c);
	case SYS_sigaltstack:
		return static_call_sigaltstack(c);
	case SYS_clone: case SYS_clone3: case SYS_fork: case SYS_vfork:
		return static_call_clone(c, nr);
	case SYS_exit:
		return static_call_exit(c);
	case SYS_set_tid_address:
		return static_call_set_tid_address(c);
	case SYS_rseq:
		return static_call_rseq(c);
	case SYS_execve: case SYS_execveat:
		return static_call_exec(c, nr);
	default:
		return STATIC_NATIVE;
	}
}

static bool on_signal(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb)
{
	greg_t *g = uc->uc_mcontext.gregs;

	if (sig == SIGSEGV && tb && cpuid_trap(info, uc))
		return true;
	if (sig != SIGSYS || info->si_code != SYS_SECCOMP || !tb)
		return false;
	struct static_call c = { .uc = uc, .tb = tb,
		.a = { (uint64_t)g[REG_RDI], (uint64_t)g[REG_RSI], (uint64_t)g[REG_RDX], (uint64_t)g[REG_R10],
		       (uint64_t)g[REG_R8], (uint64_t)g[REG_R9] } };
	long r = dispatch(info->si_syscall, &c);

	if (r == STATIC_NATIVE && do_again(&c))
		return true;
	g[REG_RAX] = r == STATIC_NATIVE ? do_here(info->si_syscall, &c) : r;
	return true;
}

int static_calls_setup(uint64_t start)
{
	brk_start = brk_now = start;
	native_outside_hook = on_signal;
	native_entry_traps = 1;
	return 0;
}
