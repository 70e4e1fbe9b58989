/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The page map.  A model answers from its EPCM and records; on the kernel's device the ledger says what was added and
 * changed, and /proc/self/maps what is mapped.  Either way cut at the borders of the plan, so that every
 * range is one thing of the image.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "device/internal.h"

struct map_out {
	struct encl *en;
	struct page_range *v;
	size_t n, cap;
};

static int out_add(struct map_out *o, const struct page_range *r)
{
	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 32;
		struct page_range *p = realloc(o->v, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		o->v = p;
		o->cap = cap;
	}
	o->v[o->n++] = *r;
	return 0;
}

static uint64_t end_of(uint64_t off, uint64_t pages)
{
	return off + PAGES_TO_BYTES(pages);
}

/* The plan's word for the page at off, and up to where it holds. */
static const char *plan_word(const struct plan *p, uint64_t off, uint64_t *ret_end)
{
	uint64_t next = p->size;

	for (size_t i = 0; i < p->n_runs + p->n_dynamic; i++) {
		bool run = i < p->n_runs;
		uint64_t at = run ? p->runs[i].off : p->dynamic[i - p->n_runs].off;
		uint64_t pages = run ? p->runs[i].pages : p->dynamic[i - p->n_runs].pages;
		const char *what = run ? p->runs[i].what : p->dynamic[i - p->n_runs].what;

		if (off >= at && off < end_of(at, pages)) {
			*ret_end = end_of(at, pages);
			return what ? what : "";
		}
		if (at > off && at < next)
			next = at;
	}
	*ret_end = next;
	return "";
}

/* Adds r, cut at the borders of the plan. */
static int out_cut(struct map_out *o, struct page_range r)
{
	uint64_t end = end_of(r.off, r.pages);

	while (r.off < end) {
		uint64_t stop;

		r.what = plan_word(&o->en->plan, r.off, &stop);
		stop = stop < end ? stop : end;
		r.pages = BYTES_TO_PAGES(stop - r.off);
		if (out_add(o, &r))
			return -ENOMEM;
		r.off = stop;
	}
	return 0;
}

/* ---- from a model -------------------------------------------------------------------------------- */

static int add_model(void *arg, const struct model_range *m)
{
	const struct page_range r = {
		.off = m->off, .pages = m->pages, .pt = m->pt, .rwx = m->rwx, .valid = m->valid,
		.pending = m->pending, .modified = m->modified, .pr = m->pr, .blocked = m->blocked,
		.pte = m->pte, .vma = m->vma, .source = "epcm",
		.origin = m->augmented ? PAGE_EAUG : PAGE_EADD,
	};

	return m->valid || m->vma >= 0 ? out_cut(arg, r) : 0;
}

/* ---- from the ledger and /proc/self/maps --------------------------------------------------------- */

static int add_inferred(struct map_out *o, uint64_t off, uint64_t end)
{
	CLEANUP(cleanup_free) struct device_vma *v = NULL;
	size_t n_v = 0;
	int r = device_maps(o->en->base, o->en->size, &v, &n_v);
	bool blind = r < 0;

	while (off < end) {
		struct page_note n = { 0 };
		struct page_range p = { .off = off, .pte = -1, .source = "inferred", .origin = PAGE_EAUG };
		bool known = ledger_get(o->en, off, &n);
		uint64_t stop, note_stop;

		p.vma = device_maps_at(v, n_v, o->en->base + off, o->en->base + o->en->size, &stop);
		stop -= o->en->base;
		if (blind)
			p.vma = -2;
		note_stop = known ? end_of(n.off, n.pages) :
			    off + PAGES_TO_BYTES(ledger_free_up(o->en, off, BYTES_TO_PAGES(end - off)));
		stop = note_stop < stop ? note_stop : stop;
		stop = stop < end ? stop : end;
		p.pages = BYTES_TO_PAGES(stop - off);
		p.valid = known;
		if (known) {
			p.pt = n.pt;
			p.rwx = n.rwx;
			p.pending = n.pending;
			p.modified = n.modified;
			p.pr = n.pr;
			p.origin = n.origin;
		}
		off = stop;
		if ((known || p.vma >= 0) && out_cut(o, p))
			return -ENOMEM;
	}
	return 0;
}

int encl_pages(struct encl *en, uint64_t off, uint64_t pages, struct page_range **ret, size_t *ret_n,
	       struct err *e)
{
	struct map_out o = { .en = en };
	int r;

	if (encl_check_range(en, off, pages, e))
		return -1;
	r = model_each_range(en, off, pages, add_model, &o);
	if (r == -ENOTTY)
		r = add_inferred(&o, off, end_of(off, pages));
	if (r < 0) {
		free(o.v);
		return err_set(e, r == -ENOMEM ? ERR_NO_MEMORY : ERR_IO, -r, "the page map cannot be read");
	}
	*ret = o.v;
	*ret_n = o.n;
	return 0;
}
