/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that change mappings, where they meet an enclave: mmap of an enclave fd, and everything else over a range
 * that holds enclave mappings.
 *
 * Authority: Linux 6.1 mm/{mmap,mprotect,mremap,madvise,mlock,msync}.c for a VM_PFNMAP | VM_IO | VM_DONTEXPAND |
 *            VM_DONTDUMP mapping.
 */
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emul/raw.h"
#include "shim/shim.h"

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
}

static bool meets_enclave(const void *p, size_t bytes)
{
	return shim_on() && emul_range_has_enclave((uintptr_t)p, page_up(bytes));
}

HOOK void *mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off)
{
	bool on = shim_on();
	int64_t r;

	/* an enclave's fd that came from another process starts the emulator too */
	if (fd >= 0 && !(flags & MAP_ANONYMOUS) && !on && emul_looks_like_enclave(fd) && !shim_start())
		on = true;
	if (!on || (!(flags & MAP_FIXED) && (fd < 0 || flags & MAP_ANONYMOUS)))
		return (void *)shim_ret(raw6(SYS_mmap, addr, bytes, prot, flags, fd, off));
	bool ours = shim_traced && fd >= 0 && !(flags & MAP_ANONYMOUS) && emul_is_enclave_fd(fd);

	r = emul_mmap((uintptr_t)addr, bytes, prot, flags, fd, (uint64_t)off);
	if (ours)
		shim_trace_map("mmap", r < 0 ? (uintptr_t)addr : (uint64_t)r, bytes, prot, r < 0 ? r : 0);
	return (void *)shim_ret(r);
}

HOOK void *mmap64(void *addr, size_t bytes, int prot, int flags, int fd, off64_t off) __attribute__((alias("mmap")));

HOOK int munmap(void *addr, size_t bytes)
{
	if (!meets_enclave(addr, bytes))
		return (int)shim_ret(raw2(SYS_munmap, addr, bytes));
	int r = emul_munmap((uintptr_t)addr, bytes);

	if (shim_traced)
		shim_trace_map("munmap", (uintptr_t)addr, bytes, 0, r);
	return (int)shim_ret(r);
}

HOOK int mprotect(void *addr, size_t bytes, int prot)
{
	if (!meets_enclave(addr, bytes))
		return (int)shim_ret(raw3(SYS_mprotect, addr, bytes, prot));
	int r = emul_mprotect((uintptr_t)addr, bytes, prot);

	if (shim_traced)
		shim_trace_map("mprotect", (uintptr_t)addr, bytes, prot, r);
	return (int)shim_ret(r);
}

HOOK void *mremap(void *old, size_t old_bytes, size_t bytes, int flags, ...)
{
	va_list ap;

	va_start(ap, flags);
	void *to = flags & MREMAP_FIXED ? va_arg(ap, void *) : NULL;
	va_end(ap);
	if (meets_enclave(old, old_bytes ? old_bytes : 1))
		return (void *)shim_ret(emul_mremap((uintptr_t)old, old_bytes, bytes, flags, (uintptr_t)to));
	if (flags & MREMAP_FIXED && meets_enclave(to, bytes)) {
		int r = emul_munmap((uintptr_t)to, page_up(bytes));

		if (r)
			return (void *)shim_ret(r);
	}
	return (void *)shim_ret(raw6(SYS_mremap, old, old_bytes, bytes, flags, to, 0));
}

HOOK int madvise(void *addr, size_t bytes, int advice)
{
	if (!meets_enclave(addr, bytes))
		return (int)shim_ret(raw3(SYS_madvise, addr, bytes, advice));
	return (int)shim_ret(emul_madvise((uintptr_t)addr, bytes, advice));
}

/* Pages of a driver cannot be locked, and asking for it is no error. */
HOOK int mlock(const void *addr, size_t bytes)
{
	return (int)shim_ret(meets_enclave(addr, bytes) ? emul_mlock((uintptr_t)addr, bytes) :
				    raw2(SYS_mlock, addr, bytes));
}

HOOK int mlock2(const void *addr, size_t bytes, unsigned int flags)
{
	return (int)shim_ret(meets_enclave(addr, bytes) ? emul_mlock((uintptr_t)addr, bytes) :
				    raw3(SYS_mlock2, addr, bytes, flags));
}

HOOK int msync(void *addr, size_t bytes, int flags)
{
	if (!meets_enclave(addr, bytes))
		return NEXT(msync)(addr, bytes, flags);
	return (int)shim_ret(emul_msync((uintptr_t)addr, bytes, flags));
}
