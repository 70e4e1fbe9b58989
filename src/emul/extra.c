/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The extra ioctls: what only a model can tell.  On the kernel's fd they are ENOTTY.
 *
 * They change nothing that a program could see, though a SECS that is out comes back to be looked at, and do not take the
 * busy flag.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "emul/driver.h"
#include "machine/epcm.h"
#include "machine/track.h"

#define RECORD_EXISTS 0x80000000u       /* emul_page_range.max_prot */
#define MAX_RANGES    4096u             /* per call; the caller goes on from next_off */
#define PIECE_RANGES  64u               /* collected before they are written to the caller */
#define RECORDS_PER_PAGE (SGX_PAGE_SIZE / sizeof(struct emul_record))

/* The SECS in the EPC: 0 with sh->mutex held, which keeps it there. */
static int with_secs(struct emul_encl *en)
{
	int r;

	for (;;) {
		emul_lock(&en->sh->mutex);
		r = emul_load_secs(en);
		if (!r)
			return 0;
		emul_unlock(&en->sh->mutex);
		if (r != -EMUL_NO_EPC)
			return -EIO;
		if (!emul_reclaim())
			return -ENOMEM;
	}
}

long emul_ioc_get_secs(struct emul_call *c)
{
	struct emul_encl *en = c->en;
	const struct sgxm_secs *secs = (const struct sgxm_secs *)en->secs;
	struct emul_get_secs arg;
	struct { struct sgx_arch_secs_head head; uint8_t rest[4096 - sizeof(struct sgx_arch_secs_head)]; } image;
	uint8_t padding[sizeof(secs->padding)];
	int r;

	if (!atomic_load(&en->sh->created))
		return -EINVAL;
	if (emul_user_read(&arg, c->arg, sizeof(arg)))
		return -EFAULT;
	r = with_secs(en);
	if (r)
		return r;
	memset(&image, 0, sizeof(image));
	image.head = secs->a;
	arg.eid = secs->eid;
	arg.children = __atomic_load_n(&secs->children, __ATOMIC_RELAXED);
	arg.threads_inside = sgxm_threads_inside(&en->machine, EMUL_EPA_SECS);
	arg.epoch = track_stamp(secs);
	memcpy(padding, secs->padding, sizeof(padding));
	emul_unlock(&en->sh->mutex);
	if (arg.secs && emul_user_write(arg.secs, &image, sizeof(image)))
		return -EFAULT;
	if (arg.padding && emul_user_write(arg.padding, padding, sizeof(padding)))
		return -EFAULT;
	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : 0;
}

long emul_ioc_get_counters(struct emul_call *c)
{
	const struct emul_shared *sh = c->en->sh;
	bool home = sh->pool_id == emul_pool->id;       /* else only the enclave's own use can be seen */
	const struct emul_get_counters arg = {
		.eenters = atomic_load(&sh->eenters), .eexits = atomic_load(&sh->eexits),
		.eresumes = atomic_load(&sh->eresumes), .aexs = atomic_load(&sh->aexs),
		.kernel_faults = atomic_load(&sh->kernel_faults), .host_faults = atomic_load(&sh->host_faults),
		.ptes = atomic_load(&sh->ptes), .eaugs = atomic_load(&sh->eaugs),
		.eaccepts = atomic_load(&sh->eaccepts), .eacceptcopies = atomic_load(&sh->eacceptcopies),
		.ewbs = atomic_load(&sh->ewbs), .eldus = atomic_load(&sh->eldus),
		.epc_used = home ? atomic_load(&emul_pool->used) : atomic_load(&sh->epc_used),
		.epc_total = home ? emul_pool->total : sh->pool_total,
	};

	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : 0;
}

long emul_ioc_last_refusal(struct emul_call *c)
{
	return emul_user_write(c->arg, &c->en->sh->refusal, sizeof(c->en->sh->refusal)) ? -EFAULT : 0;
}

/* ---- the page map ---------------------------------------------------------------------------------- */

/*
 * Ranges are collected by the piece, under mm_lock, and written to the caller without it: looking at a
 * user address takes that lock too.
 */
struct walk {
	struct emul_encl *en;
	bool blind;                     /* mappings and page-table entries are another process's, and out of sight */
	uint64_t end;                   /* page index */
	struct emul_page_range piece[PIECE_RANGES];
	size_t n, room;
};

static bool emit(struct walk *w, const struct emul_page_range *r)
{
	if (w->n == w->room)
		return false;
	w->piece[w->n] = *r;
	if (w->blind) {
		w->piece[w->n].pte = EMUL_PTE_UNKNOWN;
		w->piece[w->n].vma = EMUL_VMA_UNKNOWN;
	}
	w->n++;
	return true;
}

/* First page >= i whose record was ever written: the others are holes of the file. */
static uint64_t next_record(const struct walk *w, uint64_t i)
{
	return emul_next_used(w->en, EMUL_OFF_RECORDS, sizeof(struct emul_record), i, w->end);
}

/* Rights of the mapping at page i, and in *ret_edge where that ends; mm_lock held. */
static int16_t vma_at(const struct walk *w, uint64_t i, uint64_t *ret_edge)
{
	uint64_t base = w->en->sh->base, la = base + (i << SGX_PAGE_SHIFT), edge;
	size_t lo = 0, hi = w->en->n_vma;
	const struct emul_vma *v = w->en->vma;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v[mid].end <= la)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ret_edge = w->end;
	if (lo == w->en->n_vma)
		return -1;
	edge = v[lo].start <= la ? v[lo].end : v[lo].start;
	if ((edge - base) >> SGX_PAGE_SHIFT < w->end)
		*ret_edge = (edge - base) >> SGX_PAGE_SHIFT;
	return v[lo].start <= la ? v[lo].prot : -1;
}

static void describe(const struct walk *w, uint64_t i, struct emul_page_range *r)
{
	uint16_t rec = emul_rec_load(&w->en->rec[i]);
	uint32_t word = __atomic_load_n(&w->en->epcm[i].word, __ATOMIC_RELAXED) & SGXM_E_STATE;

	r->word = word & SGXM_E_VALID ? word : 0;
	r->out = (rec & EMUL_REC_SWAPPED ? EMUL_PAGE_OUT : 0) | (rec & EMUL_REC_AUGMENTED ? EMUL_PAGE_AUGMENTED : 0);
	if (r->out & EMUL_PAGE_OUT && w->en->pcmd)
		r->word = epcm_from_secinfo(w->en->pcmd[i].secinfo.flags) & SGXM_E_STATE;
	r->pte = w->en->pte[i] & EMUL_PTE_PRESENT;
	r->max_prot = rec & EMUL_REC_EXISTS ? (rec & EMUL_REC_MAX_MASK) | RECORD_EXISTS : 0;
}

static bool is_alike(const struct emul_page_range *a, const struct emul_page_range *b)
{
	return a->word == b->word && a->pte == b->pte && a->vma == b->vma && a->max_prot == b->max_prot &&
	       a->out == b->out;
}

static bool is_nothing(const struct emul_page_range *r)
{
	return !r->word && !r->pte && !r->max_prot && r->vma < 0;
}

/* Pages that look like page i, from i on: *r describes them.  mm_lock held. */
static uint64_t run_from(struct walk *w, uint64_t i, struct emul_page_range *r)
{
	uint64_t edge, data = next_record(w, i), j = i + 1;
	struct emul_page_range next;

	*r = (struct emul_page_range){ .off = i << SGX_PAGE_SHIFT };
	r->vma = vma_at(w, i, &edge);
	if (data > i)           /* nothing was ever here: up to the next page or mapping */
		return data < edge ? data : edge;
	if (emul_pool->config.observer && !w->blind)
		w->blind = !emul_observe_ptes(w->en, i / RECORDS_PER_PAGE * RECORDS_PER_PAGE, RECORDS_PER_PAGE);
	describe(w, i, r);
	next = *r;
	/* looking into a hole would fill it */
	if (edge > (i / RECORDS_PER_PAGE + 1) * RECORDS_PER_PAGE)
		edge = (i / RECORDS_PER_PAGE + 1) * RECORDS_PER_PAGE;
	for (; j < edge; j++) {
		describe(w, j, &next);
		if (!is_alike(r, &next))
			break;
	}
	return j;
}

/* Ranges from page i on; returns where the caller has to go on. */
static uint64_t walk_pages(struct walk *w, uint64_t i)
{
	struct emul_page_range open = { 0 }, r;
	bool has_open = false;

	while (i < w->end) {
		uint64_t j = run_from(w, i, &r);

		r.pages = j - i;
		if (has_open && is_alike(&open, &r)) {
			open.pages += r.pages;
		} else {
			if (has_open && !is_nothing(&open) && !emit(w, &open))
				return open.off >> SGX_PAGE_SHIFT;
			open = r;
			has_open = true;
		}
		i = j;
	}
	if (has_open && !is_nothing(&open) && !emit(w, &open))
		return open.off >> SGX_PAGE_SHIFT;
	return i;
}

/* One piece: collected, written; *i moves on.  False when the caller's array cannot be written. */
static bool one_piece(struct walk *w, struct emul_get_pages *arg, uint64_t *i)
{
	uint64_t capacity = arg->capacity < MAX_RANGES ? arg->capacity : MAX_RANGES, left = capacity - arg->n;
	size_t bytes;

	w->n = 0;
	w->room = left < PIECE_RANGES ? (size_t)left : PIECE_RANGES;
	emul_lock(&w->en->mm_lock);
	if (emul_pool->config.observer)
		w->blind = !emul_observe_vmas(w->en);
	*i = walk_pages(w, *i);
	emul_unlock(&w->en->mm_lock);
	bytes = w->n * sizeof(w->piece[0]);
	if (w->n && emul_user_write(arg->ranges + arg->n * sizeof(w->piece[0]), w->piece, bytes))
		return false;
	arg->n += w->n;
	return true;
}

long emul_ioc_get_pages(struct emul_call *c)
{
	struct emul_encl *en = c->en;
	struct walk w = { .en = en };
	struct emul_get_pages arg;
	uint64_t i;

	if (!atomic_load(&en->sh->created))
		return -EINVAL;
	if (emul_user_read(&arg, c->arg, sizeof(arg)))
		return -EFAULT;
	if (emul_check_range(en->sh, arg.off, arg.length))
		return -EINVAL;
	if (atomic_load(&en->sh->ewbs)) {
		emul_lock(&en->sh->mutex);
		emul_paging_map(en);
		emul_unlock(&en->sh->mutex);
	}
	arg.n = 0;
	i = arg.off >> SGX_PAGE_SHIFT;
	w.end = (arg.off + arg.length) >> SGX_PAGE_SHIFT;
	do
		if (!one_piece(&w, &arg, &i))
			return -EFAULT;
	while (w.n == PIECE_RANGES && arg.n < MAX_RANGES && i < w.end);
	arg.next_off = i << SGX_PAGE_SHIFT;
	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : 0;
}
