/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is where in the ELRANGE of an image: runs of pages, what may be added at run time, gaps, threads, pages. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/image_doc.h"
#include "cli/inspect.h"

/* ---- ranges ----------------------------------------------------------------------------------- */

/* One of three: pages that are added, a range that may get some, a gap. */
struct stretch {
	uint64_t off, end;
	const struct plan_run *run;
	const struct plan_dynamic *dynamic;
};

static int compare_stretches(const void *a, const void *b)
{
	const struct stretch *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

/* All but gaps, by offset; for free(). */
static struct stretch *collect(const struct plan *p, size_t *ret_n)
{
	struct stretch *v = calloc(p->n_runs + p->n_dynamic + 1, sizeof(*v));
	size_t n = 0;

	if (!v)
		return NULL;
	for (size_t i = 0; i < p->n_runs; i++)
		v[n++] = (struct stretch){ p->runs[i].off, p->runs[i].off + p->runs[i].pages * SGX_PAGE_SIZE,
					   &p->runs[i], NULL };
	for (size_t i = 0; i < p->n_dynamic; i++)
		v[n++] = (struct stretch){ p->dynamic[i].off, p->dynamic[i].off + p->dynamic[i].pages * SGX_PAGE_SIZE,
					   NULL, &p->dynamic[i] };
	qsort(v, n, sizeof(*v), compare_stretches);
	*ret_n = n;
	return v;
}

static void add_contents(struct json *o, const struct plan_run *r)
{
	uint64_t all = r->pages * SGX_PAGE_SIZE, bytes = r->data ? r->data_bytes : 0;

	if (bytes > all - r->data_lead)
		bytes = all - r->data_lead;
	json_add_size(o, "data_bytes", bytes);
	json_add_hex(o, "fill", r->fill);
}

struct listing {
	const struct plan *p;
	struct json *list;
	uint64_t limit, n;
};

static struct json *list_next(struct listing *l)
{
	return l->n++ < l->limit ? json_push_obj(l->list) : NULL;
}

static void list_stretch(struct listing *l, const struct stretch *s)
{
	struct json *o = list_next(l);

	if (!o)
		return;
	json_add_hex(o, "offset", s->off);
	json_add_size(o, "pages", (s->end - s->off) / SGX_PAGE_SIZE);
	if (s->run) {
		run_doc(o, s->run);
		json_add_size(o, "order", (uint64_t)(s->run - l->p->runs));
		add_contents(o, s->run);
		place_doc(o, "place", l->p, s->off);
	} else if (s->dynamic) {
		json_add_str(o, "type", "dynamic");
		json_add_str(o, "what", s->dynamic->what);
	} else {
		json_add_str(o, "type", "none");
		json_add_str(o, "what", s->end == l->p->size ? "free" : "gap");
	}
}

int inspect_ranges(struct json *doc, const struct plan *p, uint64_t limit, struct err *e)
{
	CLEANUP(cleanup_free) struct stretch *v = NULL;
	struct listing l = { .p = p, .limit = limit };
	uint64_t at = 0;
	size_t n = 0;

	v = collect(p, &n);
	if (!v)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the layout");
	l.list = json_add_arr(doc, "ranges");
	for (size_t i = 0; i <= n; i++) {
		uint64_t next = i < n ? v[i].off : p->size;

		if (next > at)
			list_stretch(&l, &(struct stretch){ at, next, NULL, NULL });
		if (i < n) {
			list_stretch(&l, &v[i]);
			at = v[i].end;
		}
	}
	json_add_size(doc, "ranges_total", l.n);
	return 0;
}

/* ---- threads ---------------------------------------------------------------------------------- */

static void list_tcs(struct json *o, const struct plan *p, uint64_t off, const struct sgx_arch_tcs *t)
{
	json_add_hex(o, "offset", off);
	json_add_hex(o, "flags", t->flags);
	json_add_hex(o, "ossa", t->ossa);
	json_add_size(o, "cssa", t->cssa);
	json_add_size(o, "nssa", t->nssa);
	json_add_hex(o, "oentry", t->oentry);
	json_add_hex(o, "aep", t->aep);
	json_add_hex(o, "ofsbase", t->ofsbase);
	json_add_hex(o, "ogsbase", t->ogsbase);
	json_add_hex(o, "fslimit", t->fslimit);
	json_add_hex(o, "gslimit", t->gslimit);
	place_doc(o, "entry", p, t->oentry);
}

struct entry {
	uint64_t off, threads;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

/* Where threads begin, each place once. */
static void add_entries(struct json *doc, const struct plan *p, struct entry *v, size_t n, uint64_t limit)
{
	struct listing l = { .p = p, .list = json_add_arr(doc, "entries"), .limit = limit };
	size_t same;

	qsort(v, n, sizeof(*v), compare_entries);
	for (size_t i = 0; i < n; i += same) {
		struct json *o = list_next(&l);

		for (same = 1; i + same < n && v[i + same].off == v[i].off; same++)
			;
		if (!o)
			continue;
		json_add_hex(o, "offset", v[i].off);
		json_add_size(o, "threads", same);
		place_doc(o, "place", p, v[i].off);
	}
}

int inspect_threads(struct json *doc, const struct plan *p, uint64_t limit, struct err *e)
{
	struct plan_index index = { 0 };
	struct entry *entries = calloc(p->n_tcs + 1, sizeof(*entries));
	struct listing l = { .p = p, .limit = limit };

	if (!entries || plan_index_init(&index, p, e) < 0) {
		free(entries);
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the threads");
	}
	l.list = json_add_arr(doc, "tcs");
	for (size_t i = 0; i < p->n_tcs; i++) {
		const struct plan_run *r = plan_index_find(&index, p->tcs[i]);
		struct json *o = list_next(&l);
		uint8_t page[SGX_PAGE_SIZE];
		struct sgx_arch_tcs tcs;

		plan_run_page(r, (p->tcs[i] - r->off) / SGX_PAGE_SIZE, page);
		memcpy(&tcs, page, sizeof(tcs));
		entries[i].off = tcs.oentry;
		if (o)
			list_tcs(o, p, p->tcs[i], &tcs);
	}
	json_add_size(doc, "tcs_total", l.n);
	add_entries(doc, p, entries, p->n_tcs, limit);
	plan_index_release(&index);
	free(entries);
	return 0;
}

/* ---- every page ------------------------------------------------------------------------------- */

static void list_page(struct json *o, const struct plan *p, const struct plan_run *r, uint64_t i)
{
	uint8_t digest[32];

	plan_run_page_digest(r, i, digest);
	json_add_hex(o, "offset", r->off + i * SGX_PAGE_SIZE);
	run_doc(o, r);
	json_add_bytes(o, "sha256", digest, sizeof(digest));
	place_doc(o, "place", p, r->off + i * SGX_PAGE_SIZE);
}

void inspect_pages(struct json *doc, const struct plan *p, uint64_t limit)
{
	struct listing l = { .p = p, .list = json_add_arr(doc, "page_list"), .limit = limit };

	for (size_t i = 0; i < p->n_runs && l.n < limit; i++) {
		for (uint64_t k = 0; k < p->runs[i].pages && l.n < limit; k++)
			list_page(list_next(&l), p, &p->runs[i], k);
	}
	json_add_size(doc, "page_list_total", p->pages_added);
}
