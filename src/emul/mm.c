/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mappings (VMAs) of enclaves in this process: mmap, munmap, mprotect.  Page-table entries are in mm_pte.c.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/encl.c (sgx_encl_may_map, sgx_vma_*), driver.c (sgx_mmap),
 *            mm/mmap.c, mm/mprotect.c for the order of checks.
 * Context:   normal, all signals blocked while a lock is held.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "emul/mm.h"

#define VMA_GROW 64
#define USER_END (((uint64_t)1 << 47) - SGX_PAGE_SIZE)      /* TASK_SIZE with four-level page tables */
#ifndef PROT_SEM
#define PROT_SEM 0x8             /* <linux/mman.h>, which does not mix with <sys/mman.h> */
#endif

/* ---- the list of mappings ---------------------------------------------------------------------- */

/* index of the first VMA that ends above la */
static size_t vma_lower(const struct emul_encl *en, uint64_t la)
{
	size_t lo = 0, hi = en->n_vma;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (en->vma[mid].end <= la)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct emul_vma *emul_vma_find(struct emul_encl *en, uint64_t la)
{
	size_t i = vma_lower(en, la);

	return i < en->n_vma && en->vma[i].start <= la ? &en->vma[i] : NULL;
}

/* Room for `more` entries.  The list is its own mapping: mm code may run where malloc must not. */
static int vma_reserve(struct emul_encl *en, size_t more)
{
	if (en->n_vma + more <= en->cap_vma)
		return 0;
	size_t cap = (en->n_vma + more + VMA_GROW) * 2;
	void *p = mmap(NULL, cap * sizeof(*en->vma), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return -ENOMEM;
	if (en->vma) {
		__builtin_memcpy(p, en->vma, en->n_vma * sizeof(*en->vma));
		munmap(en->vma, en->cap_vma * sizeof(*en->vma));
	}
	en->vma = p;
	en->cap_vma = cap;
	return 0;
}

static void vma_insert_at(struct emul_encl *en, size_t i, struct emul_vma v)
{
	__builtin_memmove(&en->vma[i + 1], &en->vma[i], (en->n_vma - i) * sizeof(*en->vma));
	en->vma[i] = v;
	en->n_vma++;
}

/* Make `la` a border between VMAs; room for one entry must be reserved. */
static void vma_split(struct emul_encl *en, uint64_t la)
{
	struct emul_vma *v = emul_vma_find(en, la);

	if (!v || v->start == la)
		return;
	struct emul_vma right = *v;

	right.start = la;
	v->end = la;
	vma_insert_at(en, (size_t)(v - en->vma) + 1, right);
}

/* Forget [start, end); room for two entries must be reserved. */
static void vma_remove(struct emul_encl *en, uint64_t start, uint64_t end)
{
	vma_split(en, start);
	vma_split(en, end);
	size_t i = vma_lower(en, start), j = i;

	while (j < en->n_vma && en->vma[j].start < end)
		j++;
	__builtin_memmove(&en->vma[i], &en->vma[j], (en->n_vma - j) * sizeof(*en->vma));
	en->n_vma -= j - i;
}

/* ---- mmap, munmap, mprotect ------------------------------------------------------------------------ */

/* The next page index >= i whose record may exist: records of never-used pages are holes of the file. */
static uint64_t next_record(struct emul_encl *en, uint64_t i, uint64_t end)
{
	return emul_next_used(en, EMUL_OFF_RECORDS, sizeof(struct emul_record), i, end);
}

/* sgx_encl_may_map: no page in the range has smaller maximum rights than prot. */
static int may_map(struct emul_encl *en, uint64_t la, uint64_t bytes, unsigned prot)
{
	uint64_t first, end;

	if (atomic_load(&en->sh->initialized) &&
	    (la < en->sh->base || bytes > en->sh->size || la - en->sh->base > en->sh->size - bytes))
		return -EACCES;
	if (personality(0xffffffff) & READ_IMPLIES_EXEC)
		return -EACCES;
	if (!prot || !emul_mm_clip(en, la, bytes, &first, &end))
		return 0;
	uint64_t chunk = SGX_PAGE_SIZE / sizeof(struct emul_record);

	for (uint64_t i = next_record(en, first, end); i < end;) {
		uint64_t stop = (i / chunk + 1) * chunk;

		for (; i < end && i < stop; i++) {
			unsigned w = atomic_load_explicit(&en->rec[i].word, memory_order_relaxed);

			if (w & EMUL_REC_EXISTS && prot & ~w & EMUL_REC_MAX_MASK)
				return -EACCES;
		}
		if (i < end)
			i = next_record(en, i, end);
	}
	return 0;
}

/*
 * What the kernel under us maps and what the model believes change together: all lists are locked around both, so
 * that no fault and no narrowing meets an address which by then belongs to something else.
 */
struct emul_mutex emul_maps_lock;
static bool list_locked[EMUL_MAX_ENCLAVES];     /* guarded by emul_maps_lock, like n_lists */
static uint32_t n_lists;

static void lists_lock(void)
{
	emul_lock(&emul_maps_lock);
	n_lists = atomic_load(&emul_n_encls);
	for (uint32_t k = 0; k < n_lists; k++) {
		list_locked[k] = atomic_load(&emul_encls[k].live);
		if (list_locked[k])
			emul_lock(&emul_encls[k].mm_lock);
	}
}

static void lists_unlock(void)
{
	for (uint32_t k = 0; k < n_lists; k++) {
		if (!list_locked[k])
			continue;
		list_locked[k] = false;
		emul_unlock(&emul_encls[k].mm_lock);
	}
	emul_unlock(&emul_maps_lock);
}

/* Does [la, la+bytes) hold mappings of en?  mm_lock held. */
static bool range_hit(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	size_t i = vma_lower(en, la);

	return i < en->n_vma && en->vma[i].start < la + bytes;
}

/* Before the mappings of a range go: -ENOMEM when the lists cannot be made ready.  Lists locked. */
static int forget_prepare(uint64_t la, uint64_t bytes)
{
	for (uint32_t k = 0; k < n_lists; k++)
		if (list_locked[k] && range_hit(&emul_encls[k], la, bytes) && vma_reserve(&emul_encls[k], 3))
			return -ENOMEM;
	return 0;
}

/* They are gone: every enclave of this process forgets what it had there.  Lists locked. */
static void forget_range(uint64_t la, uint64_t bytes)
{
	for (uint32_t k = 0; k < n_lists; k++) {
		struct emul_encl *en = &emul_encls[k];

		if (!list_locked[k] || !range_hit(en, la, bytes))
			continue;
		vma_remove(en, la, la + bytes);
		emul_pte_forget(en, la, bytes);
	}
}

/* Enclaves whose last mapping may have gone.  No lock held. */
static void put_unmapped(void)
{
	for (uint32_t k = 0, n = atomic_load(&emul_n_encls); k < n; k++)
		if (atomic_load(&emul_encls[k].live) && !emul_encls[k].n_vma)
			emul_encl_put(&emul_encls[k]);
}

static int64_t plain_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	void *p = mmap((void *)la, bytes, prot, flags, fd, (off_t)off);

	return p == MAP_FAILED ? -errno : (int64_t)(uintptr_t)p;
}

/* Is anything mapped there?  The kernel under us knows. */
static bool is_occupied(uint64_t la, uint64_t bytes)
{
	int64_t at = plain_mmap(la, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
				-1, 0);

	if (at >= 0)
		munmap((void *)(uintptr_t)at, bytes);
	return at == -EEXIST;
}

/* Checks 1-17 of an mmap of the enclave fd, up to where existing mappings go. */
static int mmap_check(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	int type = flags & MAP_TYPE;
	int mode = fcntl(fd, F_GETFL);

	if (off & ~SGX_PAGE_MASK || !bytes)
		return -EINVAL;
	if (!sgx_page_up(bytes))
		return -ENOMEM;
	if ((off >> SGX_PAGE_SHIFT) + (sgx_page_up(bytes) >> SGX_PAGE_SHIFT) < (off >> SGX_PAGE_SHIFT))
		return -EOVERFLOW;
	/* get_unmapped_area(): the size, the driver's refusal of private mappings, a fixed address */
	bytes = sgx_page_up(bytes);
	if (bytes > USER_END)
		return -ENOMEM;
	if (type == MAP_PRIVATE)
		return -EINVAL;
	if (fixed && la > USER_END - bytes)
		return -ENOMEM;
	if (fixed && la & ~SGX_PAGE_MASK)
		return -EINVAL;
	if (flags & MAP_FIXED_NOREPLACE && is_occupied(la, bytes))
		return -EEXIST;
	if (type != MAP_SHARED && type != MAP_SHARED_VALIDATE)
		return -EINVAL;
	mode &= O_ACCMODE;
	if (mode == O_WRONLY || (prot & PROT_WRITE && mode != O_RDWR))
		return -EACCES;
	return flags & MAP_GROWSDOWN ? -EINVAL : 0;
}

/* Lists locked. */
static int64_t enclave_mmap(struct emul_encl *en, uint64_t la, uint64_t bytes, int prot, int flags, int fd,
			    uint64_t off)
{
	int r = mmap_check(la, bytes, prot, flags, fd, off);

	if (r)
		return r;
	bytes = sgx_page_up(bytes);
	/*
	 * The kernel under us does the rest of its own checks.  Locking and populating are without
	 * effect on enclave mappings.  The real file offset follows from the address; where that is not
	 * known yet, page 0 stands in, without access, until the first use.
	 */
	bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE);
	bool placed = fixed && atomic_load(&en->sh->created) && la >= en->sh->base &&
		      la - en->sh->base < en->sh->size;
	r = vma_reserve(en, 1);
	if (!r && fixed)
		r = forget_prepare(la, bytes);
	if (r)
		return r;
	int64_t at = plain_mmap(la, bytes, PROT_NONE, flags & ~(MAP_LOCKED | MAP_POPULATE), en->own_fd,
				placed ? la - en->sh->base : 0);

	if (at < 0)
		return at;
	forget_range((uint64_t)at, bytes);
	r = may_map(en, (uint64_t)at, bytes, (unsigned)prot & EMUL_REC_MAX_MASK);
	if (!r) {
		bool can_write = (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR;

		vma_insert_at(en, vma_lower(en, (uint64_t)at), (struct emul_vma){
			.start = (uint64_t)at, .end = (uint64_t)at + bytes,
			.prot = (uint8_t)(prot & (PROT_READ | PROT_WRITE | PROT_EXEC)),
			.may = (uint8_t)(PROT_READ | PROT_EXEC | (can_write ? PROT_WRITE : 0)),
			.unplaced = !placed });
	}
	if (r) {
		/* the kernel refuses after it has unmapped what was there: a hole stays */
		munmap((void *)(uintptr_t)at, bytes);
		return r;
	}
	return at;
}

int64_t emul_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	sigset_t old;
	struct emul_encl *en;
	int64_t r;

	emul_sig_block(&old);
	en = fd >= 0 && !(flags & MAP_ANONYMOUS) ? emul_encl_hold(fd) : NULL;
	if (en) {
		lists_lock();
		r = enclave_mmap(en, la, bytes, prot, flags, fd, off);
		lists_unlock();
		emul_encl_drop(en);
	} else if (flags & MAP_FIXED) {
		lists_lock();
		r = forget_prepare(la, sgx_page_up(bytes));
		if (!r)
			r = plain_mmap(la, bytes, prot, flags, fd, off);
		if (r >= 0)
			forget_range((uint64_t)r, sgx_page_up(bytes));
		lists_unlock();
		put_unmapped();
	} else {
		r = plain_mmap(la, bytes, prot, flags, fd, off);
	}
	emul_sig_restore(&old);
	return r;
}

int emul_munmap(uint64_t la, uint64_t bytes)
{
	sigset_t old;
	int r;

	emul_sig_block(&old);
	lists_lock();
	r = forget_prepare(la, sgx_page_up(bytes));
	if (!r && munmap((void *)la, bytes))
		r = -errno;
	if (!r)
		forget_range(la, sgx_page_up(bytes));
	lists_unlock();
	put_unmapped();
	emul_sig_restore(&old);
	return r;
}

/* mprotect of a part that lies in one VMA of en */
static int protect_part(struct emul_encl *en, uint64_t la, uint64_t end, int prot)
{
	int r;

	emul_lock(&en->mm_lock);
	struct emul_vma *v = emul_vma_find(en, la);

	bool same = v && v->prot == prot;

	r = v && prot & ~v->may ? -EACCES : 0;
	emul_unlock(&en->mm_lock);
	if (!r)
		r = may_map(en, la, end - la, (unsigned)prot);
	/* rights that it has already are checked, but do not split a mapping */
	if (r || same)
		return r;
	emul_lock(&en->mm_lock);
	r = vma_reserve(en, 2);
	if (!r) {
		vma_split(en, la);
		vma_split(en, end);
		for (size_t i = vma_lower(en, la); i < en->n_vma && en->vma[i].start < end; i++)
			en->vma[i].prot = (uint8_t)prot;
		/* entries that are there are rewritten at once */
		emul_pte_protect(en, la, end - la, (unsigned)prot);
	}
	emul_unlock(&en->mm_lock);
	return r;
}

int emul_vma_dont_fork(struct emul_encl *en, uint64_t la, uint64_t end)
{
	int r;

	emul_lock(&en->mm_lock);
	r = vma_reserve(en, 2);
	if (!r)
		r = madvise((void *)la, end - la, MADV_DONTFORK) ? -errno : 0;
	if (!r) {
		vma_split(en, la);
		vma_split(en, end);
		for (size_t i = vma_lower(en, la); i < en->n_vma && en->vma[i].start < end; i++)
			en->vma[i].no_fork = 1;
	}
	emul_unlock(&en->mm_lock);
	return r;
}

void emul_vmas_forked(struct emul_encl *en)
{
	for (size_t i = en->n_vma; i-- > 0;) {
		struct emul_vma v = en->vma[i];

		if (!v.no_fork)
			continue;
		vma_remove(en, v.start, v.end);
		emul_pte_forget(en, v.start, v.end - v.start);
	}
}

struct emul_encl *emul_next_mapping(uint64_t la, uint64_t end, uint64_t *ret_stop)
{
	uint32_t n = atomic_load(&emul_n_encls);

	*ret_stop = end;
	for (uint32_t k = 0; k < n; k++) {
		struct emul_encl *en = &emul_encls[k];

		if (!atomic_load(&en->live) || !en->n_vma)
			continue;
		emul_lock(&en->mm_lock);
		size_t i = vma_lower(en, la);
		struct emul_vma v = i < en->n_vma ? en->vma[i] : (struct emul_vma){ .start = UINT64_MAX, .end = UINT64_MAX };

		emul_unlock(&en->mm_lock);
		if (v.start <= la) {
			*ret_stop = v.end < end ? v.end : end;
			return en;
		}
		if (v.start < *ret_stop)
			*ret_stop = v.start;
	}
	return NULL;
}

int emul_mprotect(uint64_t la, uint64_t bytes, int prot)
{
	sigset_t old;
	int r = 0;

	if (la & ~SGX_PAGE_MASK)
		return -EINVAL;
	if (!bytes)
		return 0;
	bytes = sgx_page_up(bytes);
	if (!bytes || la + bytes <= la)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return mprotect((void *)la, bytes, prot) ? -errno : 0;
	emul_sig_block(&old);
	emul_lock(&emul_maps_lock);
	for (uint64_t at = la, end = la + bytes, stop; !r && at < end; at = stop) {
		struct emul_encl *en = emul_next_mapping(at, end, &stop);

		if (en)
			r = protect_part(en, at, stop, prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
		else if (mprotect((void *)at, stop - at, prot))
			r = -errno;
	}
	emul_unlock(&emul_maps_lock);
	emul_sig_restore(&old);
	return r;
}
