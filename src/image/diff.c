/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every difference between the pages of two plans.  A sweep over both, by offset, cuts them into pieces that
 * one or both have; what is not the same becomes units, a page or a stretch of fill each.  Units that stand
 * elsewhere in the other plan have moved (diff_moved.c); the rest is missing, added, or changed.  Time goes
 * with the runs, the bytes of the files, and sorting what differs; never with pages that are fill in both.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/diff_internal.h"

#define MAX_SINGLE_UNITS ((size_t)1 << 20)      /* on each side; beyond that nothing is found to have moved */

/* A stretch of pages that both have, and when each adds it. */
struct common {
	uint64_t off, pages;
	uint64_t rank[2];
};

struct diffing {
	const struct plan *plan[2];
	uint64_t *first_rank[2];        /* of each run: pages added before it */
	struct units units[2];
	struct common *common;
	size_t n_common, room_common;
	struct groups groups;
};

static const char *const kind_names[N_DIFF_KINDS] = {
	[PLAN_DIFF_ADDED] = "added", [PLAN_DIFF_MISSING] = "missing", [PLAN_DIFF_MOVED] = "moved",
	[PLAN_DIFF_TYPE] = "type", [PLAN_DIFF_RIGHTS] = "rights", [PLAN_DIFF_MEASURED] = "measured",
	[PLAN_DIFF_CHUNK_ORDER] = "chunk-order", [PLAN_DIFF_CONTENT] = "content", [PLAN_DIFF_ORDER] = "order",
};

const char *plan_diff_name(enum plan_diff_kind kind)
{
	return kind_names[kind];
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the differences");
}

static int make_room(void **array, size_t n, size_t *room, size_t element, struct err *e)
{
	size_t want = *room ? 2 * *room : 64;
	void *bigger;

	if (n < *room)
		return 0;
	bigger = reallocarray(*array, want, element);
	if (!bigger)
		return no_memory(e);
	*array = bigger;
	*room = want;
	return 0;
}

/* ---- the sweep ----------------------------------------------------------------------------- */

struct piece {
	const struct plan_run *run;     /* NULL: this plan has no page here */
	uint64_t index;
};

static bool same_kind(const struct plan_run *a, const struct plan_run *b)
{
	return a->secinfo == b->secinfo && same_chunks(a, b);
}

/* Are these pages, of one offset, the same for MRENCLAVE? */
static bool same_records(const struct piece *a, const struct piece *b)
{
	uint8_t copy_a[SGX_PAGE_SIZE], copy_b[SGX_PAGE_SIZE];

	if (!same_kind(a->run, b->run))
		return false;
	const uint8_t *page_a = plan_run_page_added(a->run, a->index, copy_a);
	const uint8_t *page_b = plan_run_page_added(b->run, b->index, copy_b);

	for (size_t c = 0; c < PLAN_CHUNKS_PER_PAGE; c++)
		if (a->run->chunks >> c & 1 &&
		    memcmp(page_a + c * SGX_EEXTEND_BYTES, page_b + c * SGX_EEXTEND_BYTES, SGX_EEXTEND_BYTES))
			return false;
	return true;
}

/* `here`: what the other plan has here, or NULL. */
static int add_unit(struct diffing *d, int side, const struct piece *p, uint64_t pages, const struct piece *here,
		    struct err *e)
{
	struct units *u = &d->units[side];

	if (make_room((void **)&u->v, u->n, &u->room, sizeof(*u->v), e) < 0)
		return -1;
	u->v[u->n++] = (struct unit){
		.run = p->run, .index = p->index, .pages = pages, .to = NOWHERE, .in_place = here,
		.same_records = here && same_records(p, here),
		.whole = pages == 1 || p->index >= plan_run_data_pages(p->run),
	};
	return 0;
}

/* Of so many pages of a run, how many may differ from each other. */
static uint64_t data_left(const struct piece *p, uint64_t pages)
{
	uint64_t data = plan_run_data_pages(p->run);

	if (p->index >= data)
		return 0;
	return data - p->index < pages ? data - p->index : pages;
}

/* Pages that one side has. */
static int add_alone(struct diffing *d, int side, struct piece p, uint64_t pages, struct err *e)
{
	while (pages) {
		uint64_t data = data_left(&p, pages), n = data ? 1 : pages;

		if (data && d->units[side].n >= MAX_SINGLE_UNITS)
			n = data;
		if (add_unit(d, side, &p, n, NULL, e) < 0)
			return -1;
		p.index += n;
		pages -= n;
	}
	return 0;
}

static bool same_page(const struct piece *a, const struct piece *b)
{
	uint8_t copy_a[SGX_PAGE_SIZE], copy_b[SGX_PAGE_SIZE];

	return !memcmp(plan_run_page_added(a->run, a->index, copy_a), plan_run_page_added(b->run, b->index, copy_b),
		       SGX_PAGE_SIZE);
}

static int add_common(struct diffing *d, const struct piece p[2], uint64_t pages, struct err *e)
{
	struct common *c;

	if (make_room((void **)&d->common, d->n_common, &d->room_common, sizeof(*d->common), e) < 0)
		return -1;
	c = &d->common[d->n_common++];
	c->off = p[0].run->off + p[0].index * SGX_PAGE_SIZE;
	c->pages = pages;
	for (int side = 0; side < 2; side++)
		c->rank[side] = d->first_rank[side][p[side].run - d->plan[side]->runs] + p[side].index;
	return 0;
}

/* Pages that both have. */
static int add_both(struct diffing *d, const struct piece both[2], uint64_t pages, struct err *e)
{
	struct piece a = both[0], b = both[1];
	bool alike = same_kind(a.run, b.run);

	if (add_common(d, both, pages, e) < 0)
		return -1;
	while (pages) {
		uint64_t data_a = data_left(&a, pages), data_b = data_left(&b, pages);
		uint64_t data = data_a > data_b ? data_a : data_b, n = data ? 1 : pages;
		bool same;

		/* too many to keep one by one: tell_content() looks again */
		if (data && (d->units[0].n >= MAX_SINGLE_UNITS || d->units[1].n >= MAX_SINGLE_UNITS))
			n = data;
		same = !data ? a.run->fill == b.run->fill : n == 1 && same_page(&a, &b);
		if (!(same && alike) &&
		    (add_unit(d, 0, &a, n, &b, e) < 0 || add_unit(d, 1, &b, n, &a, e) < 0))
			return -1;
		a.index += n;
		b.index += n;
		pages -= n;
	}
	return 0;
}

/* One side of the sweep: what of its runs lies at or behind `at`. */
struct side {
	struct plan_index index;
	size_t i;
};

/* Where the current run of a side begins from at on, and where it ends; NOWHERE at the end. */
static uint64_t begin_at(const struct side *s, uint64_t at, uint64_t *ret_end)
{
	const struct plan_run *r = s->i < s->index.n ? s->index.by_off[s->i] : NULL;

	*ret_end = r ? r->off + r->pages * SGX_PAGE_SIZE : NOWHERE;
	return !r ? NOWHERE : r->off > at ? r->off : at;
}

static struct piece piece_at(const struct side *s, uint64_t at)
{
	const struct plan_run *r = s->index.by_off[s->i];

	return (struct piece){ r, (at - r->off) / SGX_PAGE_SIZE };
}

static int sweep(struct diffing *d, struct side s[2], struct err *e)
{
	uint64_t at = 0, begin[2], end[2];
	int r = 0;

	while (!r) {
		uint64_t to;
		int only;

		for (int k = 0; k < 2; k++)
			begin[k] = begin_at(&s[k], at, &end[k]);
		if (begin[0] == NOWHERE && begin[1] == NOWHERE)
			break;
		if (begin[0] == begin[1]) {
			const struct piece both[2] = { piece_at(&s[0], begin[0]), piece_at(&s[1], begin[0]) };

			at = end[0] < end[1] ? end[0] : end[1];
			r = add_both(d, both, (at - begin[0]) / SGX_PAGE_SIZE, e);
		} else {
			only = begin[0] < begin[1] ? 0 : 1;
			to = end[only] < begin[!only] ? end[only] : begin[!only];
			r = add_alone(d, only, piece_at(&s[only], begin[only]),
				      (to - begin[only]) / SGX_PAGE_SIZE, e);
			at = to;
		}
		for (int k = 0; k < 2; k++)
			s[k].i += end[k] == at;
	}
	return r;
}

/* ---- what is told -------------------------------------------------------------------------- */

static int tell(struct diffing *d, enum plan_diff_kind kind, const struct unit *a, const struct unit *b, uint64_t to,
		struct err *e)
{
	const struct unit *u = a ? a : b;
	const struct plan_diff diff = {
		.kind = kind, .measured = true, .off = unit_off(u), .to = to, .pages = u->pages,
		.a = a ? a->run : NULL, .b = b ? b->run : NULL,
	};

	return groups_add(&d->groups, &diff, e);
}

/* Pages of both at the same place. */
static int tell_content(struct diffing *d, const struct unit *a, const struct unit *b, struct err *e)
{
	bool fill = both_fill(a->run, a->index, b->run, b->index);
	uint8_t copy_a[SGX_PAGE_SIZE], copy_b[SGX_PAGE_SIZE];

	for (uint64_t i = 0; i < a->pages; i += fill ? a->pages : 1) {
		struct plan_diff diff = {
			.kind = PLAN_DIFF_CONTENT, .off = unit_off(a) + i * SGX_PAGE_SIZE, .pages = fill ? a->pages : 1,
			.a = a->run, .b = b->run,
		};

		diff.to = diff.off;
		if (groups_add_content(&d->groups, &diff, plan_run_page_added(a->run, a->index + i, copy_a),
				       plan_run_page_added(b->run, b->index + i, copy_b), e) < 0)
			return -1;
	}
	return 0;
}

static int tell_changed(struct diffing *d, const struct unit *a, const struct unit *b, struct err *e)
{
	uint64_t secinfo = a->run->secinfo ^ b->run->secinfo, off = unit_off(a);

	if (secinfo & SGX_SECINFO_PT_MASK && tell(d, PLAN_DIFF_TYPE, a, b, off, e) < 0)
		return -1;
	if (secinfo & ~(uint64_t)SGX_SECINFO_PT_MASK && tell(d, PLAN_DIFF_RIGHTS, a, b, off, e) < 0)
		return -1;
	if (!same_chunks(a->run, b->run) &&
	    tell(d, a->run->chunks == b->run->chunks ? PLAN_DIFF_CHUNK_ORDER : PLAN_DIFF_MEASURED, a, b, off, e) < 0)
		return -1;
	return tell_content(d, a, b, e);
}

/* NULL: no unit of this side here. */
static int tell_place(struct diffing *d, const struct unit *a, const struct unit *b, struct err *e)
{
	bool a_stays = a && a->to == NOWHERE, b_is_new = b && b->to == NOWHERE;

	if (a_stays && b_is_new)
		return tell_changed(d, a, b, e);
	if (a && !a_stays && tell(d, PLAN_DIFF_MOVED, a, NULL, a->to, e) < 0)
		return -1;
	if (a_stays)
		return tell(d, PLAN_DIFF_MISSING, a, NULL, unit_off(a), e);
	return b_is_new ? tell(d, PLAN_DIFF_ADDED, NULL, b, unit_off(b), e) : 0;
}

static int tell_units(struct diffing *d, struct err *e)
{
	const struct units *ua = &d->units[0], *ub = &d->units[1];

	for (size_t i = 0, j = 0; i < ua->n || j < ub->n;) {
		const struct unit *a = i < ua->n ? &ua->v[i] : NULL, *b = j < ub->n ? &ub->v[j] : NULL;

		if (a && b && unit_off(a) != unit_off(b)) {
			if (unit_off(a) < unit_off(b))
				b = NULL;
			else
				a = NULL;
		}
		if (tell_place(d, a, b, e) < 0)
			return -1;
		i += !!a;
		j += !!b;
	}
	return 0;
}

static int compare_rank_a(const void *a, const void *b)
{
	const struct common *x = a, *y = b;

	return x->rank[0] < y->rank[0] ? -1 : x->rank[0] > y->rank[0];
}

static int compare_rank_b(const void *a, const void *b)
{
	const struct common *x = *(const struct common *const *)a, *y = *(const struct common *const *)b;

	return x->rank[1] < y->rank[1] ? -1 : x->rank[1] > y->rank[1];
}

/* Is what both have added in the same order? */
static int tell_order(struct diffing *d, struct err *e)
{
	CLEANUP(cleanup_free) const struct common **in_b = calloc(d->n_common + 1, sizeof(struct common *));
	struct plan_diff diff = { .kind = PLAN_DIFF_ORDER, .measured = true };

	if (!in_b)
		return no_memory(e);
	if (d->n_common)
		qsort(d->common, d->n_common, sizeof(*d->common), compare_rank_a);
	for (size_t i = 0; i < d->n_common; i++)
		in_b[i] = &d->common[i];
	qsort(in_b, d->n_common, sizeof(struct common *), compare_rank_b);
	for (size_t i = 0; i < d->n_common; i++) {
		if (in_b[i] == &d->common[i])
			continue;
		if (!diff.pages) {
			diff.off = d->common[i].off;
			diff.to = in_b[i]->off;
		}
		diff.pages += d->common[i].pages;
	}
	return diff.pages ? groups_add(&d->groups, &diff, e) : 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int rank_runs(struct diffing *d, int side, struct err *e)
{
	const struct plan *p = d->plan[side];
	uint64_t rank = 0;

	d->first_rank[side] = calloc(p->n_runs + 1, sizeof(uint64_t));
	if (!d->first_rank[side])
		return no_memory(e);
	for (size_t i = 0; i < p->n_runs; i++) {
		d->first_rank[side][i] = rank;
		rank += p->runs[i].pages;
	}
	return 0;
}

static int find_units(struct diffing *d, struct err *e)
{
	struct side s[2] = { 0 };
	int r = -1;

	if (plan_index_init(&s[0].index, d->plan[0], e) == 0 && plan_index_init(&s[1].index, d->plan[1], e) == 0 &&
	    rank_runs(d, 0, e) == 0 && rank_runs(d, 1, e) == 0)
		r = sweep(d, s, e);
	plan_index_release(&s[0].index);
	plan_index_release(&s[1].index);
	return r;
}

static void diffing_release(struct diffing *d)
{
	for (int side = 0; side < 2; side++) {
		free(d->first_rank[side]);
		free(d->units[side].v);
	}
	free(d->common);
	groups_release(&d->groups);
}

int plan_diff(const struct plan *a, const struct plan *b, size_t limit, struct plan_diffs *ret, struct err *e)
{
	CLEANUP(diffing_release) struct diffing d = { .plan = { a, b } };
	struct plan_diffs out = { 0 };

	d.groups.out = &out;
	d.groups.limit = limit;
	if (find_units(&d, e) < 0 || units_find_moved(d.units, e) < 0 || tell_units(&d, e) < 0 || tell_order(&d, e) < 0 ||
	    groups_finish(&d.groups, e) < 0) {
		plan_diffs_release(&out);
		return -1;
	}
	*ret = out;
	return 0;
}
