/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the grammar of SGXS streams and the runs of pages that come of them.  For format_sgxs.c and sgxs_runs.c. */
#ifndef IMAGE_SGXS_H
#define IMAGE_SGXS_H

#include "image/internal.h"

struct sgxs_page {
	bool open;
	uint64_t off, file_off, secinfo;
	uint16_t present, measured;     /* a bit per chunk */
	uint8_t order[PLAN_CHUNKS_PER_PAGE];    /* the measured ones as they come */
	unsigned int n_order;
	uint8_t bytes[SGX_PAGE_SIZE];
};

struct sgxs_runs {
	struct plan_build b;
	uint8_t *out;           /* where contents go next */
	struct sgxs_page page;  /* the last one, while it gets contents */
	struct plan_run run;    /* being collected; no pages: none */
	uint64_t run_file_off;
	uint64_t zero_tail;     /* pages at the end of run whose data is zero */
	bool wants_size;
	uint64_t size_at;       /* the enclave offset of these 8 bytes, aligned */
	uint8_t *size_slot;     /* where they are in the contents; NULL: not there */
};

/*
 * Contents are put together from out on.  That may be the memory that the stream is read from: what is
 * written never passes the records that were taken.
 */
void sgxs_runs_init(struct sgxs_runs *r, uint8_t *out);
/* The page before is complete, this one begins; file_off is where its EADD is, for messages. */
int sgxs_runs_page(struct sgxs_runs *r, uint64_t off, uint64_t secinfo, uint64_t file_off, struct err *e);
/* 256 bytes of the page; false: it has them already. */
bool sgxs_runs_chunk(struct sgxs_runs *r, unsigned int chunk, bool measured, const uint8_t *data);
/* The last page is complete: the runs are all in r->b. */
int sgxs_runs_end(struct sgxs_runs *r, struct err *e);

#endif
