/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The runs of a plan by offset: plans have them in the order of EADD. */
#include <errno.h>
#include <stdlib.h>

#include "image/internal.h"

static int compare_runs(const void *a, const void *b)
{
	const struct plan_run *x = *(const struct plan_run *const *)a, *y = *(const struct plan_run *const *)b;

	return x->off < y->off ? -1 : x->off > y->off;
}

int plan_index_init(struct plan_index *x, const struct plan *p, struct err *e)
{
	x->n = p->n_runs;
	x->by_off = calloc(p->n_runs + 1, sizeof(*x->by_off));
	if (!x->by_off)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the pages of an image");
	for (size_t i = 0; i < p->n_runs; i++)
		x->by_off[i] = &p->runs[i];
	qsort(x->by_off, x->n, sizeof(*x->by_off), compare_runs);
	return 0;
}

void plan_index_release(struct plan_index *x)
{
	free(x->by_off);
	x->by_off = NULL;
	x->n = 0;
}

const struct plan_run *plan_index_find(const struct plan_index *x, uint64_t off)
{
	size_t low = 0, high = x->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const struct plan_run *r = x->by_off[mid];

		if (off < r->off)
			high = mid;
		else if (off - r->off >= r->pages * SGX_PAGE_SIZE)
			low = mid + 1;
		else
			return r;
	}
	return NULL;
}
