/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * copy_from_user() and copy_to_user(): pointers of a caller that may name anything.
 *
 * process_vm_readv on the own process copies without ever faulting here.  Where it is forbidden (seccomp) a
 * pipe does the same, a page at a time.  Enclave memory is special, as in Linux: the processor shows an
 * abort page there, so reads give all-ones and writes vanish, while pinning it (ADD_PAGES) is -EFAULT.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "emul/driver.h"
#include "emul/raw.h"

static _Atomic bool vm_calls_forbidden;

/* One transfer of at most a page through a pipe; the kernel reports a bad pointer as -EFAULT. */
static long pipe_copy(uint64_t dst, uint64_t src, size_t bytes)
{
	int fds[2];
	long n = raw2(SYS_pipe2, fds, O_CLOEXEC);

	if (n < 0)
		return n;
	n = raw3(SYS_write, fds[1], src, bytes);
	if (n > 0)
		n = raw3(SYS_read, fds[0], dst, n);
	raw1(SYS_close, fds[0]);
	raw1(SYS_close, fds[1]);
	return n;
}

static size_t copy_by_pipe(uint64_t dst, uint64_t src, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		size_t chunk = bytes - done < SGX_PAGE_SIZE ? bytes - done : SGX_PAGE_SIZE;
		long n = pipe_copy(dst + done, src + done, chunk);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* Bytes copied from the start; nr says which side is the untrusted one. */
static size_t copy(long nr, uint64_t own, uint64_t user, size_t bytes)
{
	const struct iovec local = { (void *)(uintptr_t)own, bytes };
	const struct iovec remote = { (void *)(uintptr_t)user, bytes };

	if (!atomic_load_explicit(&vm_calls_forbidden, memory_order_relaxed)) {
		long n = raw6(nr, raw_getpid(), &local, 1, &remote, 1, 0);

		if (n != -ENOSYS && n != -EPERM)
			return n < 0 ? 0 : (size_t)n;
		atomic_store(&vm_calls_forbidden, true);
	}
	return nr == SYS_process_vm_readv ? copy_by_pipe(own, user, bytes) : copy_by_pipe(user, own, bytes);
}

enum where { ORDINARY, ABORT_PAGE, REFUSED };

/* One byte: what a host access finds there.  It may add a page, as any host access may. */
static enum where look_at(uint64_t addr, bool write)
{
	struct emul_encl *en = emul_encl_by_vma(addr);
	struct emul_vma *v;
	bool writable;
	uint8_t byte;

	if (!en)
		return ORDINARY;
	emul_lock(&en->mm_lock);
	v = emul_vma_find(en, addr);
	writable = v && v->prot & PROT_WRITE;
	emul_unlock(&en->mm_lock);
	return (!write || writable) && !emul_touch(addr, &byte) ? ABORT_PAGE : REFUSED;
}

/* Both ends: the structures are shorter than a page. */
static enum where look_at_range(uint64_t addr, size_t bytes, bool write)
{
	enum where first = look_at(addr, write);

	return first == ORDINARY ? look_at(addr + bytes - 1, write) : first;
}

int emul_user_read(void *dst, uint64_t addr, size_t bytes)
{
	enum where w;

	if (addr + bytes < addr)
		return -EFAULT;
	w = look_at_range(addr, bytes, false);
	if (w == ABORT_PAGE)
		memset(dst, SGXM_ABORT_BYTE, bytes);
	if (w != ORDINARY)
		return w == REFUSED ? -EFAULT : 0;
	return copy(SYS_process_vm_readv, (uintptr_t)dst, addr, bytes) == bytes ? 0 : -EFAULT;
}

int emul_user_write(uint64_t addr, const void *src, size_t bytes)
{
	enum where w;

	if (addr + bytes < addr)
		return -EFAULT;
	w = look_at_range(addr, bytes, true);
	if (w != ORDINARY)
		return w == REFUSED ? -EFAULT : 0;
	return copy(SYS_process_vm_writev, (uintptr_t)src, addr, bytes) == bytes ? 0 : -EFAULT;
}

size_t emul_user_read_pages(void *dst, uint64_t addr, size_t pages)
{
	size_t ordinary = 0;

	while (ordinary < pages && !emul_encl_by_vma(addr + ordinary * SGX_PAGE_SIZE))
		ordinary++;
	if (!ordinary || addr + ordinary * SGX_PAGE_SIZE < addr)
		return 0;
	return copy(SYS_process_vm_readv, (uintptr_t)dst, addr, ordinary * SGX_PAGE_SIZE) / SGX_PAGE_SIZE;
}
