/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page-table entries of enclave memory in this process, and how they and the EPCM are mirrored in the real mapping of
 * the enclave file.
 *
 * The real mapping of a page carries the rights VMA & EPCM, and only once the model's page-table
 * entry is there: narrowed at once, widened when the access faults (fault.c).
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/encl.c (sgx_vma_fault, zap_vma_ptes callers), mm/mprotect.c.
 * Context:   signal context, or normal context with all signals blocked; mm_lock held unless said otherwise.
 */
#include <sys/mman.h>

#include "emul/mm.h"
#include "emul/native.h"

bool emul_mm_clip(const struct emul_encl *en, uint64_t la, uint64_t bytes, uint64_t *ret_first, uint64_t *ret_end)
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

		if (en->vma[k].unplaced || !emul_mm_clip(en, en->vma[k].start, en->vma[k].end - en->vma[k].start, &first, &end))
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

void emul_pte_narrow(struct emul_encl *en, uint64_t first, uint64_t end)
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

	if (!emul_mm_clip(en, la, bytes, &first, &end))
		return;
	for (uint64_t i = first; i < end; i++)
		if (en->pte[i])
			en->pte[i] &= EMUL_PTE_NATIVE_MASK;
	emul_pte_narrow(en, first, end);
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

void emul_pte_forget(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	uint64_t first, end;

	if (!emul_mm_clip(en, la, bytes, &first, &end))
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

void emul_pte_sync(struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	uint64_t first, end;

	if (emul_mm_clip(en, la, bytes, &first, &end))
		emul_pte_narrow(en, first, end);
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
	emul_pte_sync(en, la, bytes);
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

void emul_pte_protect(struct emul_encl *en, uint64_t la, uint64_t bytes, unsigned prot)
{
	uint64_t first, end;

	if (!emul_mm_clip(en, la, bytes, &first, &end))
		return;
	for (uint64_t i = first; i < end; i++)
		if (en->pte[i] & EMUL_PTE_PRESENT)
			en->pte[i] = (uint8_t)((en->pte[i] & ~EMUL_PTE_RIGHTS_MASK) | emul_pte_rights(prot));
	emul_pte_narrow(en, first, end);
}
