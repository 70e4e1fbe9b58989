/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mremap, madvise, mlock and msync of ranges that hold enclave mappings.
 *
 * Authority: Linux 6.1 mm/{mremap,madvise,mlock,msync}.c for a VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP mapping.
 * Context:   normal.
 */
#include <errno.h>
#include <linux/memfd.h>
#include <sys/mman.h>

#include "emul/mm.h"
#include "emul/raw.h"

/* Does the kernel under us have a mapping everywhere in the range? */
static bool has_hole(uint64_t la, uint64_t bytes)
{
	return raw3(SYS_msync, la, bytes, MS_ASYNC) == -ENOMEM;
}

static int advise_enclave(int advice, int may)
{
	switch (advice) {
	case MADV_REMOVE:               /* of a file that can be written and can have holes */
		return may & PROT_WRITE ? -ENODEV : -EACCES;
	case MADV_NORMAL: case MADV_RANDOM: case MADV_SEQUENTIAL: case MADV_WILLNEED:
	case MADV_KEEPONFORK: case MADV_DONTDUMP: case MADV_HUGEPAGE: case MADV_NOHUGEPAGE:
	case MADV_MERGEABLE: case MADV_UNMERGEABLE:
		return 0;
	default:
		return -EINVAL;
	}
}

int emul_madvise(uint64_t la, uint64_t bytes, int advice)
{
	uint64_t end = la + sgx_page_up(bytes), stop;
	bool hole = false;
	sigset_t old;
	long r = 0;

	if (la & ~SGX_PAGE_MASK || end < la || (bytes && end == la))
		return -EINVAL;
	emul_sig_block(&old);
	emul_lock(&emul_maps_lock);
	/* a hole is reported when all else was done */
	for (uint64_t at = la; !r && at < end; at = stop) {
		struct emul_mapping m = { 0 };

		struct emul_encl *en = emul_next_mapping(at, end, &stop);

		if (en && advice == MADV_DONTFORK)
			r = emul_vma_dont_fork(en, at, stop);
		else if (en)
			r = advise_enclave(advice, emul_mapping_at(at, &m) ? m.may : 0);
		else
			r = raw3(SYS_madvise, at, stop - at, advice);
		hole |= r == -ENOMEM;
		r = r == -ENOMEM ? 0 : r;
	}
	emul_unlock(&emul_maps_lock);
	emul_sig_restore(&old);
	return r ? (int)r : hole ? -ENOMEM : 0;
}

/* The pages of a driver cannot be locked, and asking for it is no error. */
int emul_mlock(uint64_t la, uint64_t bytes)
{
	uint64_t start = la & SGX_PAGE_MASK;

	return has_hole(start, sgx_page_up(la - start + bytes)) ? -ENOMEM : 0;
}

int emul_msync(uint64_t la, uint64_t bytes, int flags)
{
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || la & ~SGX_PAGE_MASK ||
	    (flags & MS_ASYNC && flags & MS_SYNC))
		return -EINVAL;
	if (la + sgx_page_up(bytes) < la)
		return -ENOMEM;
	if (!sgx_page_up(bytes))       /* also a length that wraps */
		return 0;
	if (flags & MS_SYNC)            /* the driver has no fsync */
		return -EINVAL;
	return has_hole(la, sgx_page_up(bytes)) ? -ENOMEM : 0;
}

/* Where every access is SIGBUS: what has no page at this linear address. */
static int64_t map_nothing(uint64_t to, uint64_t bytes, int prot)
{
	long fd = raw2(SYS_memfd_create, "sgx_moved", MFD_CLOEXEC);
	int64_t at;

	if (fd < 0)
		return fd;
	at = emul_mmap(to, bytes, prot, MAP_SHARED | MAP_FIXED, (int)fd, 0);
	raw1(SYS_close, fd);
	return at;
}

int64_t emul_mremap(uint64_t la, uint64_t old_bytes, uint64_t bytes, int flags, uint64_t to)
{
	uint64_t had = sgx_page_up(old_bytes), wanted = sgx_page_up(bytes);
	bool fixed = flags & MREMAP_FIXED;
	struct emul_mapping m;
	bool ours;
	int64_t r;

	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) ||
	    (flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) && !(flags & MREMAP_MAYMOVE)) ||
	    (flags & MREMAP_DONTUNMAP && had != wanted) || la & ~SGX_PAGE_MASK || !wanted)
		return -EINVAL;
	ours = emul_mapping_at(la, &m);
	if (!ours && has_hole(la, SGX_PAGE_SIZE))
		return -EFAULT;
	if (ours && flags & MREMAP_DONTUNMAP)
		return -EINVAL;
	if (fixed && (to & ~SGX_PAGE_MASK || to + wanted < to || (to < la + had && la < to + wanted)))
		return -EINVAL;
	if (fixed) {
		r = emul_munmap(to, wanted);
		if (r)
			return r;
	}
	if (wanted < had) {
		r = emul_munmap(la + wanted, had - wanted);
		if (r)
			return r;
		had = wanted;
	}
	if (!fixed && !(flags & MREMAP_DONTUNMAP) && wanted <= had)
		return (int64_t)la;
	/* ordinary memory, and all of the enclave behind it was cut off */
	if (!ours && !emul_range_has_enclave(la, had))
		return raw6(SYS_mremap, la, had, wanted, flags, to, 0);
	/* not across a border, and never longer */
	if (!ours || had > m.end - la || wanted != had)
		return -EFAULT;
	/* pages whose entries were there would show ones; here they are absent, like the others */
	r = map_nothing(to, wanted, m.prot);
	if (r >= 0)
		emul_munmap(la, had);
	return r;
}
