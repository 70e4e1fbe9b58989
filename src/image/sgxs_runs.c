/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From pages that come one by one to runs: neighbours of one kind become one run, whose contents lie together.
 * A page that the stream describes in part has only those parts.  Long stretches of zeros cost nothing.
 */
#include <string.h>

#include "image/record.h"
#include "image/sgxs.h"

#define ZERO_TAIL   64u         /* pages of zeros that are worth a run of their own */
#define ORDER_BYTES 64u         /* room for a chunk_order: what the EADD record left */

_Static_assert(ORDER_BYTES <= RECORD_BYTES && ORDER_BYTES >= PLAN_CHUNKS_PER_PAGE, "an order fits there");

void sgxs_runs_init(struct sgxs_runs *r, uint8_t *out)
{
	memset(r, 0, sizeof(*r));
	r->out = out;
}

static const char *run_what(const struct plan_run *run)
{
	if ((run->secinfo & SGX_SECINFO_PT_MASK) == SGX_SECINFO_TCS)
		return "tcs";
	if (run->secinfo & SGX_SECINFO_X)
		return "text";
	if (!(run->secinfo & SGX_SECINFO_W))
		return "rodata";
	return run->data ? "data" : plan_run_measured(run) ? "zeros" : "heap";
}

static int put_run(struct sgxs_runs *r, struct plan_run *run, struct err *e)
{
	run->what = run_what(run);
	return plan_build_run(&r->b, run, e) < 0 ? err_offset(e, r->run_file_off) : 0;
}

/* The zeros at the end of the run are cut off and, as a run without data, become the one being collected. */
static int split_zeros(struct sgxs_runs *r, struct err *e)
{
	uint64_t before = r->run.pages - r->zero_tail;
	struct plan_run head = r->run;

	r->out -= r->zero_tail * SGX_PAGE_SIZE;
	r->run.off += before * SGX_PAGE_SIZE;
	r->run.pages = r->zero_tail;
	r->run.data = NULL;
	r->run.data_bytes = 0;
	r->zero_tail = 0;
	if (!before)
		return 0;
	head.pages = before;
	head.data_bytes = before * SGX_PAGE_SIZE;
	return put_run(r, &head, e);
}

static int flush_run(struct sgxs_runs *r, struct err *e)
{
	if (r->zero_tail && r->zero_tail == r->run.pages && split_zeros(r, e) < 0)
		return -1;
	if (r->run.pages && put_run(r, &r->run, e) < 0)
		return -1;
	r->run = (struct plan_run){ 0 };
	r->zero_tail = 0;
	return 0;
}

static bool is_ordered(const struct sgxs_page *pg)
{
	for (unsigned int i = 1; i < pg->n_order; i++) {
		if (pg->order[i] < pg->order[i - 1])
			return false;
	}
	return true;
}

static bool same_order(const struct plan_run *run, const struct sgxs_page *pg)
{
	return run->chunk_order ? !memcmp(run->chunk_order, pg->order, pg->n_order) : is_ordered(pg);
}

static bool has_size(const struct sgxs_runs *r)
{
	return r->wants_size && page_down(r->size_at) == r->page.off;
}

/* A complete page of nothing but zeros, which a run without data stands for as well. */
static bool is_zero(const struct sgxs_runs *r)
{
	const uint8_t *b = r->page.bytes;

	return r->page.present == PLAN_CHUNKS_ALL && !has_size(r) && !*b && !memcmp(b, b + 1, SGX_PAGE_SIZE - 1);
}

/* Does the page continue the run? */
static bool fits(const struct sgxs_runs *r, bool zero)
{
	const struct plan_run *run = &r->run;
	const struct sgxs_page *pg = &r->page;

	if (!run->pages || run->off + run->pages * SGX_PAGE_SIZE != pg->off || run->secinfo != pg->secinfo ||
	    run->chunks != pg->measured || !same_order(run, pg))
		return false;
	if (!run->data)
		return zero || !pg->present;
	return (run->present ? run->present : PLAN_CHUNKS_ALL) == pg->present;
}

static void begin_run(struct sgxs_runs *r)
{
	const struct sgxs_page *pg = &r->page;

	r->run = (struct plan_run){ .off = pg->off, .secinfo = pg->secinfo, .chunks = pg->measured };
	r->run_file_off = pg->file_off;
	if (!is_ordered(pg)) {
		memcpy(r->out, pg->order, pg->n_order);
		r->run.chunk_order = r->out;
		r->out += ORDER_BYTES;
	}
	if (!pg->present)
		return;
	r->run.data = r->out;
	if (pg->present != PLAN_CHUNKS_ALL)
		r->run.present = pg->present;
}

static void append_contents(struct sgxs_runs *r)
{
	const struct sgxs_page *pg = &r->page;

	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++) {
		uint64_t off = pg->off + c * SGX_EEXTEND_BYTES;

		if (!(pg->present >> c & 1))
			continue;
		memcpy(r->out, pg->bytes + c * SGX_EEXTEND_BYTES, SGX_EEXTEND_BYTES);
		if (r->wants_size && r->size_at - off < SGX_EEXTEND_BYTES)
			r->size_slot = r->out + (r->size_at - off);
		r->out += SGX_EEXTEND_BYTES;
		r->run.data_bytes += SGX_EEXTEND_BYTES;
	}
}

static int close_page(struct sgxs_runs *r, struct err *e)
{
	bool zero;

	if (!r->page.open)
		return 0;
	r->page.open = false;
	zero = is_zero(r);
	if (!fits(r, zero)) {
		if (flush_run(r, e) < 0)
			return -1;
		begin_run(r);
	}
	r->run.pages++;
	if (!r->run.data)
		return 0;
	append_contents(r);
	r->zero_tail = zero ? r->zero_tail + 1 : 0;
	return r->zero_tail == ZERO_TAIL ? split_zeros(r, e) : 0;
}

int sgxs_runs_page(struct sgxs_runs *r, uint64_t off, uint64_t secinfo, uint64_t file_off, struct err *e)
{
	if (close_page(r, e) < 0)
		return -1;
	memset(&r->page, 0, sizeof(r->page));
	r->page.open = true;
	r->page.off = off;
	r->page.secinfo = secinfo;
	r->page.file_off = file_off;
	return 0;
}

bool sgxs_runs_chunk(struct sgxs_runs *r, unsigned int chunk, bool measured, const uint8_t *data)
{
	struct sgxs_page *pg = &r->page;
	uint16_t bit = (uint16_t)(1u << chunk);

	if (pg->present & bit)
		return false;
	pg->present |= bit;
	memcpy(pg->bytes + chunk * SGX_EEXTEND_BYTES, data, SGX_EEXTEND_BYTES);
	if (measured) {
		pg->measured |= bit;
		pg->order[pg->n_order++] = (uint8_t)chunk;
	}
	return true;
}

int sgxs_runs_end(struct sgxs_runs *r, struct err *e)
{
	return close_page(r, e) < 0 ? -1 : flush_run(r, e);
}
