/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Groups of pages that differ in the same way, put together from single pages. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/diff_internal.h"

#define JOIN_BYTES 8u   /* fewer equal bytes do not part two ranges */

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the differences");
}

static void release_one(struct plan_diff *d)
{
	free(d->ranges);
	d->ranges = NULL;
}

void plan_diffs_release(struct plan_diffs *d)
{
	for (size_t i = 0; i < d->n; i++)
		release_one(&d->v[i]);
	free(d->v);
	memset(d, 0, sizeof(*d));
}

void groups_release(struct groups *g)
{
	for (unsigned int k = 0; k < N_DIFF_KINDS; k++) {
		if (g->is_open[k])
			release_one(&g->open[k]);
	}
}

/* Beyond the limit groups are counted only. */
static int close_group(struct groups *g, enum plan_diff_kind kind, struct err *e)
{
	struct plan_diffs *out = g->out;
	size_t want = g->room ? 2 * g->room : 64;
	struct plan_diff *bigger;

	if (!g->is_open[kind])
		return 0;
	if (out->n < g->limit && out->n == g->room) {
		bigger = reallocarray(out->v, want, sizeof(*out->v));
		if (!bigger)
			return no_memory(e);
		out->v = bigger;
		g->room = want;
	}
	g->is_open[kind] = false;
	out->all++;
	if (out->n < g->limit)
		out->v[out->n++] = g->open[kind];
	else
		release_one(&g->open[kind]);
	return 0;
}

static bool same_run(const struct plan_run *a, const struct plan_run *b)
{
	if (!a || !b)
		return a == b;
	return a->secinfo == b->secinfo && same_chunks(a, b) && !strcmp(a->what, b->what);
}

static bool continues(const struct plan_diff *group, const struct plan_diff *d)
{
	return d->kind != PLAN_DIFF_ORDER && d->off == group->off + group->pages * SGX_PAGE_SIZE &&
	       d->to - d->off == group->to - group->off && d->measured == group->measured &&
	       same_run(group->a, d->a) && same_run(group->b, d->b);
}

/* The group that d belongs to, with its pages added. */
static struct plan_diff *group_of(struct groups *g, const struct plan_diff *d, struct err *e)
{
	struct plan_diff *open = &g->open[d->kind];

	if (g->is_open[d->kind] && continues(open, d)) {
		open->pages += d->pages;
		return open;
	}
	if (close_group(g, d->kind, e) < 0)
		return NULL;
	*open = *d;
	g->is_open[d->kind] = true;
	return open;
}

int groups_add(struct groups *g, const struct plan_diff *d, struct err *e)
{
	return group_of(g, d, e) ? 0 : -1;
}

/* ---- contents ------------------------------------------------------------------------------ */

static int add_range(struct plan_diff *group, uint64_t off, uint64_t bytes, struct err *e)
{
	struct plan_bytes *last = group->n_ranges ? &group->ranges[group->n_ranges - 1] : NULL;

	/* a range that is not kept cannot be continued */
	if (last && group->n_ranges == group->all_ranges && off - (last->off + last->bytes) < JOIN_BYTES) {
		last->bytes = off + bytes - last->off;
		return 0;
	}
	group->all_ranges++;
	if (group->n_ranges == PLAN_DIFF_MAX_RANGES)
		return 0;
	if (!group->ranges) {
		group->ranges = calloc(PLAN_DIFF_MAX_RANGES, sizeof(*group->ranges));
		if (!group->ranges)
			return no_memory(e);
	}
	group->ranges[group->n_ranges++] = (struct plan_bytes){ off, bytes };
	return 0;
}

/* The next stretch of differing bytes from *at on, joined over short gaps; false: none. */
static bool next_stretch(const uint8_t *a, const uint8_t *b, size_t *at, size_t *ret_begin, size_t *ret_bytes,
			 uint64_t *differing)
{
	size_t i = *at, end;

	while (i < SGX_PAGE_SIZE && a[i] == b[i])
		i++;
	if (i == SGX_PAGE_SIZE)
		return false;
	*ret_begin = i;
	for (end = i; i < SGX_PAGE_SIZE && i - end < JOIN_BYTES; i++) {
		if (a[i] == b[i])
			continue;
		end = i + 1;
		++*differing;
	}
	*ret_bytes = end - *ret_begin;
	*at = end;
	return true;
}

static bool is_measured(const struct plan_diff *d, const uint8_t *a, const uint8_t *b)
{
	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++) {
		size_t at = (size_t)c * SGX_EEXTEND_BYTES;

		if ((d->a->chunks | d->b->chunks) >> c & 1 && memcmp(a + at, b + at, SGX_EEXTEND_BYTES))
			return true;
	}
	return false;
}

int groups_add_content(struct groups *g, const struct plan_diff *d, const uint8_t *a, const uint8_t *b,
		       struct err *e)
{
	struct plan_diff one = *d, *group;
	size_t at = 0, begin, bytes;
	uint64_t differing = 0;

	if (!memcmp(a, b, SGX_PAGE_SIZE))
		return 0;
	one.measured = is_measured(d, a, b);
	group = group_of(g, &one, e);
	if (!group)
		return -1;
	if (d->pages > 1) {     /* fill against fill: whatever differs does so in every word */
		while (next_stretch(a, b, &at, &begin, &bytes, &differing))
			;
		group->bytes += differing * d->pages;
		return add_range(group, d->off, d->pages * SGX_PAGE_SIZE, e);
	}
	while (next_stretch(a, b, &at, &begin, &bytes, &differing)) {
		if (add_range(group, d->off + begin, bytes, e) < 0)
			return -1;
	}
	group->bytes += differing;
	return 0;
}

/* ---- the end ------------------------------------------------------------------------------- */

static int compare_diffs(const void *a, const void *b)
{
	const struct plan_diff *x = a, *y = b;

	if (x->off != y->off)
		return x->off < y->off ? -1 : 1;
	return (int)x->kind - (int)y->kind;
}

int groups_finish(struct groups *g, struct err *e)
{
	for (unsigned int k = 0; k < N_DIFF_KINDS; k++) {
		if (close_group(g, (enum plan_diff_kind)k, e) < 0)
			return -1;
	}
	if (g->out->n)
		qsort(g->out->v, g->out->n, sizeof(*g->out->v), compare_diffs);
	return 0;
}
