/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What compare.c and the files of diff share.  For these only. */
#ifndef IMAGE_DIFF_INTERNAL_H
#define IMAGE_DIFF_INTERNAL_H

#include "image/internal.h"

#define N_DIFF_KINDS (PLAN_DIFF_ORDER + 1)

/* compare.c: are the same chunks of each page measured, in the same order? */
bool same_chunks(const struct plan_run *a, const struct plan_run *b);
/* Behind this page, and with this fill, is all the same in both? */
static inline bool both_fill(const struct plan_run *a, uint64_t ia, const struct plan_run *b, uint64_t ib)
{
	return ia >= plan_run_data_pages(a) && ib >= plan_run_data_pages(b);
}

/* ---- diff_moved.c: what differs, and where it went --------------------------------------------- */

#define NOWHERE UINT64_MAX

struct unit {
	const struct plan_run *run;
	uint64_t index, pages;  /* in the run */
	uint64_t key[2];
	uint64_t to;            /* where the other plan has it, else NOWHERE */
	bool in_place;          /* the other plan has a page here, too */
	bool whole;             /* may be looked for elsewhere: one page, or several that are the same */
	bool same_records;      /* as the other plan's page here, for MRENCLAVE: then it has not moved */
};

struct units {
	struct unit *v;
	size_t n, room;
};

static inline uint64_t unit_off(const struct unit *u)
{
	return u->run->off + u->index * SGX_PAGE_SIZE;
}

/* Fills in `to` of the units that both plans have, at different offsets. */
int units_find_moved(struct units units[2], struct err *e);

/* ---- diff_groups.c: joins what is found page by page, in ascending order for each kind ------- */

struct groups {
	struct plan_diffs *out;
	size_t limit, room;
	struct plan_diff open[N_DIFF_KINDS];
	bool is_open[N_DIFF_KINDS];
};

/* Adds d, which owns nothing, to the group before it or begins one. */
int groups_add(struct groups *g, const struct plan_diff *d, struct err *e);
/* The same for contents: where pages a and b (4096 bytes each) differ, if they do. */
int groups_add_content(struct groups *g, const struct plan_diff *d, const uint8_t *a, const uint8_t *b,
		       struct err *e);
/* Closes what is open and sorts. */
int groups_finish(struct groups *g, struct err *e);
void groups_release(struct groups *g);

#endif
