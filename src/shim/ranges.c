/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The calls that change mappings, where they meet an enclave: mmap of an enclave fd, and everything else over a range
 * that holds enclave mappings.  Results are -errno.
 *
 * Authority: Linux 6.1 mm/{mmap,mprotect,mremap,madvise,mlock,msync,gup}.c for a VM_PFNMAP | VM_IO | VM_DONTEXPAND |
 *            VM_DONTDUMP mapping.
 */
#include <sys/mman.h>
#include <sys/uio.h>

#include "emul/raw.h"
#include "shim/shim.h"

bool shim_meets_enclave(uint64_t la, uint64_t bytes)
{
	return shim_on() && emul_range_has_enclave(la, sgx_page_up(bytes));
}

int64_t shim_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	bool on = shim_on(), file = fd >= 0 && !(flags & MAP_ANONYMOUS);

	/* an enclave's fd that came from another process starts the emulator too */
	if (file && !on && emul_looks_like_enclave(fd) && !shim_start())
		on = true;
	if (!on || (!(flags & MAP_FIXED) && !file))
		return raw6(SYS_mmap, la, bytes, prot, flags, fd, off);
	bool ours = file && emul_is_enclave_fd(fd);

	if (ours)
		shim_device_seen(fd);
	int64_t r = emul_mmap(la, bytes, prot, flags, fd, off);

	if (ours && shim_traced)
		shim_trace_map("mmap", r < 0 ? la : (uint64_t)r, bytes, prot, r < 0 ? r : 0);
	return r;
}

long shim_munmap(uint64_t la, uint64_t bytes)
{
	if (!shim_meets_enclave(la, bytes))
		return raw2(SYS_munmap, la, bytes);
	int r = emul_munmap(la, bytes);

	if (shim_traced)
		shim_trace_map("munmap", la, bytes, 0, r);
	return r;
}

long shim_mprotect(uint64_t la, uint64_t bytes, int prot)
{
	if (!shim_meets_enclave(la, bytes))
		return raw3(SYS_mprotect, la, bytes, prot);
	int r = emul_mprotect(la, bytes, prot);

	if (shim_traced)
		shim_trace_map("mprotect", la, bytes, prot, r);
	return r;
}

int64_t shim_mremap(uint64_t old, uint64_t old_bytes, uint64_t bytes, int flags, uint64_t to)
{
	if (shim_meets_enclave(old, old_bytes ? old_bytes : 1))
		return emul_mremap(old, old_bytes, bytes, flags, to);
	if (flags & MREMAP_FIXED && shim_meets_enclave(to, bytes)) {
		int r = emul_munmap(to, sgx_page_up(bytes));

		if (r)
			return r;
	}
	return raw6(SYS_mremap, old, old_bytes, bytes, flags, to, 0);
}

long shim_madvise(uint64_t la, uint64_t bytes, int advice)
{
	if (!shim_meets_enclave(la, bytes))
		return raw3(SYS_madvise, la, bytes, advice);
	return emul_madvise(la, bytes, advice);
}

long shim_mlock(uint64_t la, uint64_t bytes, int flags, bool mlock2)
{
	if (shim_meets_enclave(la, bytes))
		return emul_mlock(la, bytes);
	return mlock2 ? raw3(SYS_mlock2, la, bytes, flags) : raw2(SYS_mlock, la, bytes);
}

bool shim_msync(uint64_t la, uint64_t bytes, int flags, long *ret)
{
	if (!shim_meets_enclave(la, bytes))
		return false;
	*ret = emul_msync(la, bytes, flags);
	return true;
}

/* How much of the remote side comes before enclave memory, which a driver's mapping does not give to this call. */
size_t shim_vm_usable(const struct iovec *v, size_t n, struct iovec *cut)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t la = (uint64_t)(uintptr_t)v[i].iov_base, end = la + v[i].iov_len;

		cut[i] = v[i];
		if (!v[i].iov_len || !shim_meets_enclave(la & SGX_PAGE_MASK, end - (la & SGX_PAGE_MASK)))
			continue;
		while (la < end && !shim_meets_enclave(la & SGX_PAGE_MASK, 1))
			la = (la & SGX_PAGE_MASK) + SGX_PAGE_SIZE;
		cut[i].iov_len = (la < end ? la : end) - (uint64_t)(uintptr_t)v[i].iov_base;
		return cut[i].iov_len ? i + 1 : i;
	}
	return n;
}
