/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where the measurements of two plans part: both streams of records side by side, without hashing them.
 * Stretches that are the same by their description are not looked into.
 */
#include <string.h>

#include "image/diff_internal.h"

struct cursor {
	const struct plan *p;
	size_t run;
	uint64_t page;
};

static const struct plan_run *run_at(const struct cursor *c)
{
	return c->run < c->p->n_runs ? &c->p->runs[c->run] : NULL;
}

static uint64_t left(const struct cursor *c)
{
	return c->p->runs[c->run].pages - c->page;
}

static uint64_t offset_of(const struct cursor *c)
{
	return c->p->runs[c->run].off + c->page * SGX_PAGE_SIZE;
}

/* n is at most what is left of the run. */
static void advance(struct cursor *c, uint64_t n)
{
	c->page += n;
	if (c->page == c->p->runs[c->run].pages) {
		c->run++;
		c->page = 0;
	}
}

/* The record that begins the page at the cursor. */
static struct plan_record record_at(const struct cursor *c)
{
	const struct plan_run *r = run_at(c);

	if (!r)
		return (struct plan_record){ .leaf = "EINIT" };
	return (struct plan_record){ "EADD", offset_of(c), plan_run_measured_secinfo(r) };
}

bool same_chunks(const struct plan_run *a, const struct plan_run *b)
{
	uint8_t x[PLAN_CHUNKS_PER_PAGE], y[PLAN_CHUNKS_PER_PAGE];

	return a->chunks == b->chunks && plan_run_chunks(a, x) == plan_run_chunks(b, y) &&
	       (!(a->chunk_order || b->chunk_order) || !memcmp(x, y, plan_run_chunks(a, x)));
}

/* Record k behind the EADD of the page at the cursor. */
static struct plan_record chunk_record(const struct cursor *c, const uint8_t *order, unsigned int n, unsigned int k)
{
	struct cursor next = *c;

	if (k < n)
		return (struct plan_record){ .leaf = "EEXTEND", .off = offset_of(c) + order[k] * SGX_EEXTEND_BYTES };
	advance(&next, 1);
	return record_at(&next);
}

/* The EEXTENDs of the page at both cursors: true when the streams part there. */
static bool part_in_page(const struct cursor *ca, const struct cursor *cb, struct plan_parting *ret)
{
	uint8_t xa[PLAN_CHUNKS_PER_PAGE], xb[PLAN_CHUNKS_PER_PAGE], copy_a[SGX_PAGE_SIZE], copy_b[SGX_PAGE_SIZE];
	const struct plan_run *a = run_at(ca), *b = run_at(cb);
	unsigned int na = plan_run_chunks(a, xa), nb = plan_run_chunks(b, xb), k;
	const uint8_t *pa = plan_run_page_added(a, ca->page, copy_a), *pb = plan_run_page_added(b, cb->page, copy_b);

	for (k = 0; k < na && k < nb && xa[k] == xb[k]; k++) {
		size_t at = (size_t)xa[k] * SGX_EEXTEND_BYTES;

		if (!memcmp(pa + at, pb + at, SGX_EEXTEND_BYTES))
			continue;
		while (pa[at] == pb[at])
			at++;
		ret->what = "data";
		ret->byte = offset_of(ca) + at;
		break;
	}
	if (k == na && k == nb)
		return false;
	ret->record += 1 + k;
	ret->a = chunk_record(ca, xa, na, k);
	ret->b = chunk_record(cb, xb, nb, k);
	if (!ret->what)
		ret->what = strcmp(ret->a.leaf, ret->b.leaf) ? "leaf" : "offset";
	return true;
}

static bool part_at_create(const struct plan *a, const struct plan *b, struct plan_parting *ret)
{
	if (a->ssaframesize != b->ssaframesize)
		ret->what = "ssaframesize";
	else if (a->size != b->size)
		ret->what = "size";
	else
		return false;
	ret->a.leaf = ret->b.leaf = "ECREATE";
	return true;
}

/* True when the streams part before the EEXTENDs of the page at both cursors. */
static bool part_at_page(const struct cursor *ca, const struct cursor *cb, struct plan_parting *ret)
{
	const struct plan_record a = record_at(ca), b = record_at(cb);

	if (strcmp(a.leaf, b.leaf))
		ret->what = "leaf";
	else if (a.off != b.off)
		ret->what = "offset";
	else if (a.secinfo != b.secinfo)
		ret->what = "secinfo";
	else
		return false;
	ret->a = a;
	ret->b = b;
	return true;
}

void plan_compare(const struct plan *a, const struct plan *b, struct plan_parting *ret)
{
	struct cursor ca = { .p = a }, cb = { .p = b };
	struct plan_parting at = { .record = 0 };

	*ret = (struct plan_parting){ .record = UINT64_MAX };
	if (part_at_create(a, b, &at)) {
		*ret = at;
		return;
	}
	at.record = 1;
	while (run_at(&ca) || run_at(&cb)) {
		const struct plan_run *ra, *rb;
		uint64_t n = 1;

		if (part_at_page(&ca, &cb, &at))
			break;
		ra = run_at(&ca);
		rb = run_at(&cb);
		if (same_chunks(ra, rb) && (!ra->chunks || (both_fill(ra, ca.page, rb, cb.page) && ra->fill == rb->fill)))
			n = left(&ca) < left(&cb) ? left(&ca) : left(&cb);
		else if (part_in_page(&ca, &cb, &at))
			break;
		at.record += n * (1 + (uint64_t)__builtin_popcount(ra->chunks));
		advance(&ca, n);
		advance(&cb, n);
	}
	if (at.what)
		*ret = at;
}
