/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The functions of libc that change mappings, or read memory of a process; ranges.c does it.
 *
 * Authority: glibc's names for these calls.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/shim.h"

#define MAX_PIECES 64

HOOK void *mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off)
{
	return (void *)shim_ret(shim_mmap((uintptr_t)addr, bytes, prot, flags, fd, (uint64_t)off));
}

HOOK void *mmap64(void *addr, size_t bytes, int prot, int flags, int fd, off64_t off) __attribute__((alias("mmap")));

HOOK int munmap(void *addr, size_t bytes)
{
	return (int)shim_ret(shim_munmap((uintptr_t)addr, bytes));
}

HOOK int mprotect(void *addr, size_t bytes, int prot)
{
	return (int)shim_ret(shim_mprotect((uintptr_t)addr, bytes, prot));
}

HOOK void *mremap(void *old, size_t old_bytes, size_t bytes, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	void *to = flags & MREMAP_FIXED ? va_arg(ap, void *) : NULL;
	va_end(ap);
	return (void *)shim_ret(shim_mremap((uintptr_t)old, old_bytes, bytes, flags, (uintptr_t)to));
}

HOOK int madvise(void *addr, size_t bytes, int advice)
{
	return (int)shim_ret(shim_madvise((uintptr_t)addr, bytes, advice));
}

HOOK int mlock(const void *addr, size_t bytes)
{
	return (int)shim_ret(shim_mlock((uintptr_t)addr, bytes, 0, false));
}

HOOK int mlock2(const void *addr, size_t bytes, unsigned int flags)
{
	return (int)shim_ret(shim_mlock((uintptr_t)addr, bytes, (int)flags, true));
}

HOOK int msync(void *addr, size_t bytes, int flags)
{
	long r;

	return shim_msync((uintptr_t)addr, bytes, flags, &r) ? (int)shim_ret(r) : NEXT(msync)(addr, bytes, flags);
}

/* Of this process; enclaves of others cannot be told from their other memory. */
static ssize_t vm_copy(long nr, pid_t pid, const struct iovec *here, unsigned long n_here, const struct iovec *there,
		       unsigned long n_there, unsigned long flags)
{
	struct iovec v[MAX_PIECES], cut[MAX_PIECES];

	if (!shim_on() || pid != (pid_t)raw_getpid() || !n_there || n_there > MAX_PIECES)
		return shim_ret(raw6(nr, pid, here, n_here, there, n_there, flags));
	if (emul_user_read(v, (uintptr_t)there, n_there * sizeof(*v)))
		return shim_ret(-EFAULT);
	size_t usable = shim_vm_usable(v, n_there, cut);

	return shim_ret(usable ? raw6(nr, pid, here, n_here, cut, usable, flags) : -EFAULT);
}

HOOK ssize_t process_vm_readv(pid_t pid, const struct iovec *here, unsigned long n_here, const struct iovec *there,
			      unsigned long n_there, unsigned long flags)
{
	return vm_copy(SYS_process_vm_readv, pid, here, n_here, there, n_there, flags);
}

HOOK ssize_t process_vm_writev(pid_t pid, const struct iovec *here, unsigned long n_here, const struct iovec *there,
			       unsigned long n_there, unsigned long flags)
{
	return vm_copy(SYS_process_vm_writev, pid, here, n_here, there, n_there, flags);
}
