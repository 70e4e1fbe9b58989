/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One page out of the EPC and back: EBLOCK, ETRACK and EWB; ELDU.
 *
 * The EPC page of an enclave page is fixed by its address, so a page that is out has an invalid EPCM entry, a record that
 * says so, no memory, and its EPC page given back to the pool.  What EWB wrote lies in the enclave's own file: the
 * ciphertext in a sparse region that is punched when the page returns, the PCMD in an array.  Nothing there is
 * trusted: ELDU authenticates it against the version in a VA page.
 *
 * VA pages are accounted when the driver takes them (epc.c); EPA makes them when the first slot of one is needed.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/main.c (sgx_encl_ewb), encl.c (__sgx_encl_eldu, sgx_encl_load_page).
 * Context:   sh->mutex held, signals blocked; also in signal handlers and between EENTER and the enclave.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

/* What EWB writes, aligned as it wants it. */
struct evicted {
	_Alignas(SGX_PAGE_SIZE) uint8_t cipher[SGX_PAGE_SIZE];
	_Alignas(128) struct sgx_pcmd pcmd;
};

/* The backing store's number of the SECS: behind the last page. */
static uint64_t secs_index(const struct emul_encl *en)
{
	return en->sh->size >> SGX_PAGE_SHIFT;
}

static uint64_t epa_of(const struct emul_encl *en, uint64_t index)
{
	return index == secs_index(en) ? EMUL_EPA_SECS : EMUL_EPA_PAGES + (index << SGX_PAGE_SHIFT);
}

/* ---- tables ------------------------------------------------------------------------------------------- */

/* VA pages that could ever be in use; the driver may hold more, which it took for pages removed since. */
static uint64_t max_va(uint64_t size)
{
	return ((size >> SGX_PAGE_SHIFT) + EMUL_VA_SLOTS) / EMUL_VA_SLOTS;
}

static uint64_t table(uint64_t entries, uint64_t bytes)
{
	return (entries * bytes + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
}

static void unmap(void *p, uint64_t bytes)
{
	if (p)
		munmap(p, bytes);
}

void emul_paging_unmap(struct emul_encl *en, uint64_t size)
{
	uint64_t entries = (size >> SGX_PAGE_SHIFT) + 1;

	unmap(en->va, max_va(size) * SGX_PAGE_SIZE);
	unmap(en->va_epcm, table(max_va(size), sizeof(*en->va_epcm)));
	unmap(en->slot, table(entries, sizeof(*en->slot)));
	unmap(en->pcmd, table(entries, sizeof(*en->pcmd)));
	en->va = NULL;
	en->va_epcm = NULL;
	en->slot = NULL;
	en->pcmd = NULL;
}

bool emul_paging_map(struct emul_encl *en)
{
	uint64_t size = en->sh->size, entries = (size >> SGX_PAGE_SHIFT) + 1;

	if (en->pcmd)
		return true;
	en->va = emul_map_file(en->own_fd, max_va(size) * SGX_PAGE_SIZE, EMUL_OFF_VA);
	en->va_epcm = emul_map_file(en->own_fd, table(max_va(size), sizeof(*en->va_epcm)), EMUL_OFF_VA_EPCM);
	en->slot = emul_map_file(en->own_fd, table(entries, sizeof(*en->slot)), EMUL_OFF_SLOTS);
	en->pcmd = emul_map_file(en->own_fd, table(entries, sizeof(*en->pcmd)), EMUL_OFF_PCMD);
	if (en->va && en->va_epcm && en->slot && en->pcmd)
		return true;
	emul_paging_unmap(en, size);
	return false;
}

static uint64_t slot_epa(uint64_t slot)
{
	return EMUL_EPA_VA + slot * sizeof(uint64_t);
}

/* A free version slot.  The pages it is in are enough for all the enclave has: sgx_encl_grow() sees to it. */
static bool take_slot(struct emul_encl *en, uint64_t *ret_slot)
{
	struct emul_shared *sh = en->sh;
	uint64_t pages = sh->va_pages < max_va(sh->size) ? sh->va_pages : max_va(sh->size);
	uint64_t n = pages * EMUL_VA_SLOTS;

	for (uint64_t k = 0; k < n; k++) {
		uint64_t slot = (sh->va_hint + k) % n, page = slot / EMUL_VA_SLOTS;

		if (!(en->va_epcm[page].word & SGXM_E_VALID) &&
		    sgxm_epa(&en->machine, SGX_PT_VA, EMUL_EPA_VA + page * SGX_PAGE_SIZE).kind != SGXM_DONE)
			return false;
		if (en->va[slot])
			continue;
		sh->va_hint = slot + 1;
		*ret_slot = slot;
		return true;
	}
	return false;
}

/* ---- the file ------------------------------------------------------------------------------------------- */

static uint64_t backing_off(uint64_t index)
{
	return EMUL_OFF_BACKING + (index << SGX_PAGE_SHIFT);
}

static bool punch(const struct emul_encl *en, uint64_t off)
{
	return raw4(SYS_fallocate, en->own_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off, SGX_PAGE_SIZE) == 0;
}

/* The contents of an EPC page that is no longer valid go, and their memory with them. */
static void wipe(struct emul_encl *en, uint64_t index)
{
	uint64_t off = index << SGX_PAGE_SHIFT;

	if (index == secs_index(en)) {
		__builtin_memset(en->secs, 0, SGX_PAGE_SIZE);
		return;
	}
	if (!punch(en, off))
		__builtin_memset(en->alias + off, 0, SGX_PAGE_SIZE);
	else if (!emul_elsewhere_has_others(en))        /* they may still write there, from outside, until they hear of it */
		atomic_fetch_and(&en->rec[index].word, (uint16_t)~EMUL_REC_DIRTY);
}

/* ---- in -------------------------------------------------------------------------------------------------- */

static struct sgxm_out eldu(struct emul_encl *en, uint64_t index, uint64_t slot, struct evicted *ev)
{
	bool secs = index == secs_index(en);
	_Alignas(32) struct sgx_pageinfo info = {
		.linaddr = secs ? 0 : en->sh->base + (index << SGX_PAGE_SHIFT), .srcpge = (uintptr_t)ev->cipher,
		.secinfo = (uintptr_t)&ev->pcmd, .secs = secs ? 0 : EMUL_EPA_SECS,
	};

	return sgxm_eldu(&en->machine, (uintptr_t)&info, epa_of(en, index), slot_epa(slot));
}

/* A page that is out, into an EPC page that was taken for it. */
static int bring_in(struct emul_encl *en, uint64_t index)
{
	struct emul_shared *sh = en->sh;
	struct evicted ev;
	uint64_t slot;

	if (!emul_paging_map(en) || !en->slot[index])
		return -EFAULT;
	slot = en->slot[index] - 1;
	if (slot >= max_va(sh->size) * EMUL_VA_SLOTS)
		return -EFAULT;
	/* what cannot be read, or is not there any more, does not authenticate */
	__builtin_memset(ev.cipher, 0, sizeof(ev.cipher));
	raw4(SYS_pread64, en->own_fd, ev.cipher, SGX_PAGE_SIZE, backing_off(index));
	ev.pcmd = en->pcmd[index];
	if (emul_note(en, eldu(en, index, slot, &ev), index << SGX_PAGE_SHIFT).kind != SGXM_DONE) {
		wipe(en, index);
		return -EFAULT;
	}
	en->slot[index] = 0;
	punch(en, backing_off(index));
	atomic_fetch_add_explicit(&sh->eldus, 1, memory_order_relaxed);
	return 0;
}

int emul_load_secs(struct emul_encl *en)
{
	struct emul_shared *sh = en->sh;
	int r;

	if (!sh->secs_out)
		return 0;
	if (!emul_epc_take(sh, 1))
		return -EMUL_NO_EPC;
	r = bring_in(en, secs_index(en));
	if (r)
		emul_epc_give(sh, 1);
	else
		sh->secs_out = 0;
	return r;
}

int emul_load_page(struct emul_encl *en, uint64_t page)
{
	struct emul_record *rec = &en->rec[page];
	uint16_t was = emul_rec_load(rec);
	int r;

	if (!(was & EMUL_REC_OUT))
		return 0;
	if (!(was & EMUL_REC_SWAPPED)) {
		/* whoever was about to evict it died: before EBLOCK nothing has happened yet */
		if ((en->epcm[page].word & (SGXM_E_VALID | SGXM_E_BLOCKED)) != SGXM_E_VALID)
			return -EFAULT;
		atomic_fetch_and(&rec->word, (uint16_t)~EMUL_REC_LEAVING);
		return 0;
	}
	r = emul_load_secs(en);
	if (r)
		return r;
	if (!emul_epc_take(en->sh, 1))
		return -EMUL_NO_EPC;
	atomic_fetch_or(&rec->word, EMUL_REC_DIRTY | EMUL_REC_FRESH);
	r = bring_in(en, page);
	if (r)
		emul_epc_give(en->sh, 1);
	else
		atomic_fetch_and(&rec->word, (uint16_t)~EMUL_REC_OUT);
	return r;
}

/* ---- out --------------------------------------------------------------------------------------------------- */

/* sgx_encl_ewb(): when threads may know the page from before, a tracking cycle and an IPI, and again. */
static struct sgxm_out ewb(struct emul_encl *en, uint64_t index, uint64_t slot, struct evicted *ev)
{
	struct sgxm_out out = { 0 };
	unsigned tries = 0;

	for (int round = 0; round < 2; round++) {
		_Alignas(32) struct sgx_pageinfo info = {
			.srcpge = (uintptr_t)ev->cipher, .secinfo = (uintptr_t)&ev->pcmd,
		};

		do
			out = sgxm_ewb(&en->machine, (uintptr_t)&info, epa_of(en, index), slot_epa(slot));
		while (emul_conflict(en, &out, &tries));
		if (out.kind != SGXM_CODE || out.code != SGXC_NOT_TRACKED || emul_etrack(en))
			break;
	}
	return out;
}

/* EWB into the backing store.  False: the page is in the EPC as before. */
static bool write_out(struct emul_encl *en, uint64_t index)
{
	struct emul_shared *sh = en->sh;
	struct evicted ev;
	uint64_t slot;

	if (!take_slot(en, &slot))
		return false;
	if (emul_note(en, ewb(en, index, slot, &ev), index << SGX_PAGE_SHIFT).kind != SGXM_DONE)
		return false;
	if (raw4(SYS_pwrite64, en->own_fd, ev.cipher, SGX_PAGE_SIZE, backing_off(index)) != (long)SGX_PAGE_SIZE) {
		/* no memory for it: the page comes back from where it is now */
		punch(en, backing_off(index));
		eldu(en, index, slot, &ev);
		return false;
	}
	en->pcmd[index] = ev.pcmd;
	en->slot[index] = (uint32_t)slot + 1;
	if (index == secs_index(en))
		sh->secs_out = 1;
	else
		atomic_fetch_or(&en->rec[index].word, EMUL_REC_SWAPPED);
	wipe(en, index);
	emul_epc_give(sh, 1);
	atomic_fetch_add_explicit(&sh->ewbs, 1, memory_order_relaxed);
	return true;
}

unsigned emul_evict_pages(struct emul_encl *en, const uint64_t *pages, unsigned n)
{
	const struct sgxm_secs *secs = (const struct sgxm_secs *)en->secs;
	unsigned freed = 0;
	bool ready = emul_paging_map(en);

	for (unsigned k = 0; ready && k < n; k++)
		emul_note(en, sgxm_eblock(&en->machine, epa_of(en, pages[k])), pages[k] << SGX_PAGE_SHIFT);
	for (unsigned k = 0; k < n; k++) {
		freed += ready && write_out(en, pages[k]);
		atomic_fetch_and(&en->rec[pages[k]].word, (uint16_t)~EMUL_REC_LEAVING);
	}
	/* the SECS follows its last child, but not before INIT */
	if (ready && !en->sh->secs_out && atomic_load(&en->sh->initialized) &&
	    !__atomic_load_n(&secs->children, __ATOMIC_ACQUIRE))
		freed += write_out(en, secs_index(en));
	return freed;
}
