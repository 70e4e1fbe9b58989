/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Linux keeps per process for an enclave: its mappings (VMAs) and page-table entries, and how
 * both are mirrored in the real mapping of the enclave file.
 *
 * The real mapping of a page carries the rights VMA & EPCM, and only once the model's page-table
 * entry is there: narrowed at once, widened when the access faults (fault.c).
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/encl.c (sgx_encl_may_map, sgx_vma_*), driver.c (sgx_mmap),
 *            mm/mmap.c, mm/mprotect.c for the order of checks.
 * Context:   normal, all signals blocked while a lock is held; emul_zap and emul_sync also from signals.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "emul/internal.h"
#include "emul/native.h"

#define VMA_GROW 64
#define USER_END (((uint64_t)1 << 47) - SGX_PAGE_SIZE)      /* TASK_SIZE with four-level page tables */
#ifndef PROT_SEM
#define PROT_SEM 0x8             /* <linux/mman.h>, which does not mix with <sys/mman.h> */
#endif

static inline uint64_t page_up(uint64_t bytes)
{
	return (bytes + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
}

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

/* ---- page-table entries and the real mapping ----------------------------------------------------- */

/* The part of [la, la+bytes) inside ELRANGE, as page indices; false when there is none. */
static bool clip(const struct emul_encl *en, uint64_t la, uint64_t bytes, uint64_t *ret_first, uint64_t *ret_end)
{
	uint64_t base = en->sh->base, end = base + en->sh->size;
	uint64_t hi = bytes > UINT64_MAX - la ? UINT64_MAX : la + bytes;

	if (!atomic_load(&en->mapped) || la >= end || hi <= base)
		return false;
	*ret_first = ((la > base ? la : base) - base) >> SGX_PAGE_SHIFT;
	*ret_end = ((hi < end ? hi : end) - base + SGX_PAGE_SIZE - 1) >> SGX_PAGE_SHIFT;
	return *ret_first < *ret_end;
}

static unsigned native_prot(uint8_t pte)
{
	return (pte & EMUL_PTE_NATIVE_MASK) >> EMUL_PTE_NATIVE_SHIFT;
}

/*
 * The process has too many mappings to split another: take the access to all of this enclave away, which makes one
 * mapping of many; what is used comes back when it faults.  mm_lock held.
 */
static void native_start_over(struct emul_encl *en)
{
	for (size_t k = 0; k < en->n_vma; k++) {
		uint64_t first, end, base = en->sh->base;

		if (en->vma[k].unplaced || !clip(en, en->vma[k].start, en->vma[k].end - en->vma[k].start, &first, &end))
			continue;
		if (mprotect((void *)(base + (first << SGX_PAGE_SHIFT)), (end - first) << SGX_PAGE_SHIFT, PROT_NONE))
			continue;
		for (uint64_t i = first; i < end; i++)
			if (en->pte[i])
				en->pte[i] &= (uint8_t)~EMUL_PTE_NATIVE_MASK;
	}
}

static void native_set(struct emul_encl *en, uint64_t first, uint64_t n, unsigned prot)
{
	void *p = (void *)(en->sh->base + (first << SGX_PAGE_SHIFT));

	if (mprotect(p, n << SGX_PAGE_SHIFT, (int)prot)) {
		native_start_over(en);
		if (mprotect(p, n << SGX_PAGE_SHIFT, (int)prot))
			return;
	}
	for (uint64_t i = first; i < first + n; i++)
		en->pte[i] = (uint8_t)((en->pte[i] & ~EMUL_PTE_NATIVE_MASK) | prot << EMUL_PTE_NATIVE_SHIFT);
}

/* Rights of the real mapping that the models allow for this page. */
static unsigned wanted_prot(const struct emul_encl *en, uint64_t page)
{
	uint8_t pte = en->pte[page];

	if (!(pte & EMUL_PTE_PRESENT))
		return 0;
	/* SGX_SECINFO_R/W/X and PROT_READ/WRITE/EXEC are the same three bits */
	return sgxm_epcm_usable(&en->epcm[page]) & (pte & EMUL_PTE_RIGHTS_MASK) >> EMUL_PTE_RIGHTS_SHIFT;
}

_Static_assert(SGX_SECINFO_R == PROT_READ && SGX_SECINFO_W == PROT_WRITE && SGX_SECINFO_X == PROT_EXEC,
	       "EPCM rights and PROT_* are used as one");

/* Take away from the real mapping of [first, end) what is not wanted; mm_lock held. */
static void narrow(struct emul_encl *en, uint64_t first, uint64_t end)
{
	uint64_t run = first, n = 0;
	unsigned run_prot = 0;

	for (uint64_t i = first; i < end; i++) {
		unsigned have = native_prot(en->pte[i]);

		if (have) {
			unsigned want = wanted_prot(en, i);

			if (have & ~want) {
				want &= have;
				if (n && run + n == i && run_prot == want) {
					n++;
					continue;
				}
				if (n)
					native_set(en, run, n, run_prot);
				run = i;
				n = 1;
				run_prot = want;
			}
		}
	}
	if (n)
		native_set(en, run, n, run_prot);
}

void emul_pte_zap(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	uint64_t first, end;

	if (!clip(en, la, bytes, &first, &end))
		return;
	for (uint64_t i = first; i < end; i++)
		if (en->pte[i])
			en->pte[i] &= EMUL_PTE_NATIVE_MASK;
	narrow(en, first, end);
}

void emul_pte_age(struct emul_encl *en, uint64_t first, uint64_t n)
{
	uint8_t any = 0;

	for (uint64_t i = first; i < first + n; i++) {
		any |= en->pte[i];
		en->pte[i] &= (uint8_t)~EMUL_PTE_ACCESSED;
	}
	if (native_prot(any))
		native_set(en, first, n, PROT_NONE);
}

/* The range is no longer mapped at all: forget its entries without touching the real mapping. */
static void pte_forget(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	uint64_t first, end;

	if (!clip(en, la, bytes, &first, &end))
		return;
	uint64_t a = (first + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK, b = end & SGX_PAGE_MASK;

	if (a < b && !madvise(en->pte + a, b - a, MADV_DONTNEED)) {
		for (uint64_t i = first; i < a; i++)
			en->pte[i] = 0;
		first = b;
	}
	for (uint64_t i = first; i < end; i++)
		if (en->pte[i])
			en->pte[i] = 0;
}

void emul_pte_narrow(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	uint64_t first, end;

	if (clip(en, la, bytes, &first, &end))
		narrow(en, first, end);
}

void emul_zap_everywhere(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	emul_lock(&en->mm_lock);
	emul_pte_zap(en, la, bytes);
	emul_unlock(&en->mm_lock);
	emul_elsewhere_zap(en, la, bytes, true);
}

void emul_sync_rights(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	emul_lock(&en->mm_lock);
	emul_pte_narrow(en, la, bytes);
	emul_unlock(&en->mm_lock);
	emul_elsewhere_zap(en, la, bytes, false);
}

/* A VMA made before CREATE maps the wrong part of the file: put it right, once. */
static bool vma_place(struct emul_encl *en, struct emul_vma *v)
{
	uint64_t base = en->sh->base, end = base + en->sh->size;

	if (!v->unplaced)
		return true;
	uint64_t lo = v->start > base ? v->start : base, hi = v->end < end ? v->end : end;

	if (lo < hi && mmap((void *)lo, hi - lo, PROT_NONE, MAP_SHARED | MAP_FIXED, en->own_fd,
			    (off_t)(lo - base)) == MAP_FAILED)
		return false;
	v->unplaced = 0;
	return true;
}

/*
 * Widen the real mapping at `page` to what is wanted, with neighbours that may have the same rights:
 * their model entries are there already, so nothing observable is anticipated.  False: the kernel under us has no
 * room for it.  mm_lock held.
 */
#define WIDEN_MAX 512
uint64_t emul_widen_max = WIDEN_MAX;
bool emul_native_widen(struct emul_encl *en, struct emul_vma *v, uint64_t page)
{
	unsigned want = wanted_prot(en, page);
	uint64_t lo = page, hi = page + 1, base = en->sh->base;
	uint64_t v_lo = v->start > base ? (v->start - base) >> SGX_PAGE_SHIFT : 0;
	uint64_t v_hi = (v->end < base + en->sh->size ? v->end - base : en->sh->size) >> SGX_PAGE_SHIFT;

	if (!vma_place(en, v))
		return false;
	if (want == native_prot(en->pte[page]))
		return true;
	while (hi < v_hi && hi - page < emul_widen_max && wanted_prot(en, hi) == want)
		hi++;
	while (lo > v_lo && page - lo < emul_widen_max && native_prot(en->pte[lo - 1]) != want &&
	       wanted_prot(en, lo - 1) == want)
		lo--;
	if (want & PROT_EXEC)
		native_patch_bases(en, lo, hi - lo);
	native_set(en, lo, hi - lo, want);
	return native_prot(en->pte[page]) == want;
}

void emul_pte_set(struct emul_encl *en, const struct emul_vma *v, uint64_t page)
{
	if (!(en->pte[page] & EMUL_PTE_PRESENT))
		atomic_fetch_add_explicit(&en->sh->ptes, 1, memory_order_relaxed);
	en->pte[page] = (uint8_t)((en->pte[page] & ~EMUL_PTE_RIGHTS_MASK) | EMUL_PTE_PRESENT | EMUL_PTE_ACCESSED |
				  emul_pte_rights(v->prot));
}

bool emul_pte_install(struct emul_encl *en, uint64_t la)
{
	bool done = false;

	emul_lock(&en->mm_lock);
	struct emul_vma *v = emul_vma_find(en, la);

	if (v && v->prot && !v->dead) {
		emul_pte_set(en, v, emul_page_index(en, la));
		done = true;
	}
	emul_unlock(&en->mm_lock);
	return done;
}

/* ---- mmap, munmap, mprotect ------------------------------------------------------------------------ */

/* The next page index >= i whose record may exist: records of never-used pages are holes of the file. */
static uint64_t next_record(struct emul_encl *en, uint64_t i, uint64_t end)
{
	off_t at = (off_t)(EMUL_OFF_RECORDS + i * sizeof(struct emul_record));
	off_t data = lseek(en->own_fd, at, SEEK_DATA);

	if (data < 0)
		return end;
	uint64_t j = ((uint64_t)data - EMUL_OFF_RECORDS) / sizeof(struct emul_record);

	return j < end ? j : end;
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
	if (!prot || !clip(en, la, bytes, &first, &end))
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
		pte_forget(en, la, bytes);
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
	if (!page_up(bytes))
		return -ENOMEM;
	if ((off >> SGX_PAGE_SHIFT) + (page_up(bytes) >> SGX_PAGE_SHIFT) < (off >> SGX_PAGE_SHIFT))
		return -EOVERFLOW;
	/* get_unmapped_area(): the size, the driver's refusal of private mappings, a fixed address */
	bytes = page_up(bytes);
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
	bytes = page_up(bytes);
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
		r = forget_prepare(la, page_up(bytes));
		if (!r)
			r = plain_mmap(la, bytes, prot, flags, fd, off);
		if (r >= 0)
			forget_range((uint64_t)r, page_up(bytes));
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
	r = forget_prepare(la, page_up(bytes));
	if (!r && munmap((void *)la, bytes))
		r = -errno;
	if (!r)
		forget_range(la, page_up(bytes));
	lists_unlock();
	put_unmapped();
	emul_sig_restore(&old);
	return r;
}

/* mprotect of a part that lies in one VMA of en */
static int protect_part(struct emul_encl *en, uint64_t la, uint64_t end, int prot)
{
	uint64_t first, stop;
	int r;

	emul_lock(&en->mm_lock);
	struct emul_vma *v = emul_vma_find(en, la);

	r = v && prot & ~v->may ? -EACCES : 0;
	emul_unlock(&en->mm_lock);
	if (!r)
		r = may_map(en, la, end - la, (unsigned)prot);
	if (r)
		return r;
	emul_lock(&en->mm_lock);
	r = vma_reserve(en, 2);
	if (!r) {
		vma_split(en, la);
		vma_split(en, end);
		for (size_t i = vma_lower(en, la); i < en->n_vma && en->vma[i].start < end; i++)
			en->vma[i].prot = (uint8_t)prot;
		/* entries that are there are rewritten at once */
		if (clip(en, la, end - la, &first, &stop)) {
			for (uint64_t i = first; i < stop; i++)
				if (en->pte[i] & EMUL_PTE_PRESENT)
					en->pte[i] = (uint8_t)((en->pte[i] & ~EMUL_PTE_RIGHTS_MASK) |
							       emul_pte_rights((unsigned)prot));
			narrow(en, first, stop);
		}
	}
	emul_unlock(&en->mm_lock);
	return r;
}

/* The enclave mapping that holds la, else the start of the next one above it (or end). */
static struct emul_encl *next_mapping(uint64_t la, uint64_t end, uint64_t *ret_stop)
{
	uint32_t n = atomic_load(&emul_n_encls);

	*ret_stop = end;
	for (uint32_t k = 0; k < n; k++) {
		struct emul_encl *en = &emul_encls[k];

		if (!atomic_load(&en->live) || !en->n_vma)
			continue;
		emul_lock(&en->mm_lock);
		size_t i = vma_lower(en, la);
		struct emul_vma v = i < en->n_vma ? en->vma[i] : (struct emul_vma){ UINT64_MAX, UINT64_MAX, 0, 0, 0, 0 };

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
	bytes = page_up(bytes);
	if (!bytes || la + bytes <= la)
		return -ENOMEM;
	if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | PROT_SEM))
		return mprotect((void *)la, bytes, prot) ? -errno : 0;
	emul_sig_block(&old);
	emul_lock(&emul_maps_lock);
	for (uint64_t at = la, end = la + bytes, stop; !r && at < end; at = stop) {
		struct emul_encl *en = next_mapping(at, end, &stop);

		if (en)
			r = protect_part(en, at, stop, prot & (PROT_READ | PROT_WRITE | PROT_EXEC));
		else if (mprotect((void *)at, stop - at, prot))
			r = -errno;
	}
	emul_unlock(&emul_maps_lock);
	emul_sig_restore(&old);
	return r;
}
