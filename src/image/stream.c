/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A plan as the records that ECREATE, EADD and EEXTEND hash, in order: what measuring hashes, and what an SGXS file
 * holds.  A measured page is one buffer, so that the sink and not the calls costs the time; memory is constant.
 *
 * Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND ("Operation"); for UNMEASRD Fortanix, "Enhanced SGX
 *            stream format".
 */
#include "image/stream.h"

#include <string.h>

#include "base/clock.h"

#define PAGE_STREAM   (RECORD_BYTES + PLAN_CHUNKS_PER_PAGE * RECORD_CHUNK_BYTES)        /* EADD, 16 EEXTENDs */
#define BATCH_RECORDS 128u      /* EADD records without contents that go to the sink together */
#define PROGRESS_NS   (NS_PER_SEC / 4)
#define PROGRESS_MASK 1023u     /* the clock is read once in so many calls */

struct stream {
	struct plan_sink *sink;
	image_progress progress;
	void *arg;
	uint64_t done, total, puts, next_ns;
};

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));       /* little-endian, as this machine is */
}

static int put(struct stream *s, const void *data, size_t bytes, bool hashed, uint64_t pages, struct err *e)
{
	if (s->sink->put(s->sink, data, bytes, hashed, e) < 0)
		return -1;
	s->done += pages;
	if (s->progress && !(++s->puts & PROGRESS_MASK) && now_ns() >= s->next_ns) {
		s->progress(s->arg, s->done, s->total);
		s->next_ns = now_ns() + PROGRESS_NS;
	}
	return 0;
}

static int put_ecreate(struct stream *s, const struct plan *p, struct err *e)
{
	uint8_t record[RECORD_BYTES] = { 0 };

	memcpy(record, RECORD_ECREATE, RECORD_TAG_BYTES);
	memcpy(record + RECORD_SSAFRAMESIZE, &p->ssaframesize, sizeof(p->ssaframesize));
	put64(record + RECORD_SIZE, p->size);
	return put(s, record, sizeof(record), true, 0, e);
}

static bool is_tcs(const struct plan_run *r)
{
	return (r->secinfo & SGX_SECINFO_PT_MASK) == SGX_SECINFO_TCS;
}

uint64_t plan_run_measured_secinfo(const struct plan_run *r)
{
	return is_tcs(r) ? r->secinfo & ~(uint64_t)SGX_SECINFO_RWX : r->secinfo;
}

unsigned int plan_run_chunks(const struct plan_run *r, uint8_t ret_order[PLAN_CHUNKS_PER_PAGE])
{
	unsigned int n = 0;

	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++) {
		if (r->chunks >> c & 1)
			ret_order[n++] = (uint8_t)c;
	}
	if (r->chunk_order)
		memcpy(ret_order, r->chunk_order, n);
	return n;
}

/* EADD clears these fields of a TCS, whatever the source page held; EEXTEND sees the page after that. */
static void as_eadd_leaves_tcs(uint8_t page[SGX_PAGE_SIZE])
{
	struct sgx_arch_tcs tcs;

	memcpy(&tcs, page, sizeof(tcs));
	tcs.state = 0;
	tcs.cssa = 0;
	tcs.aep = 0;
	tcs.flags &= ~(uint64_t)SGX_TCS_DBGOPTIN;
	memcpy(page, &tcs, sizeof(tcs));
}

const uint8_t *plan_run_page_added(const struct plan_run *r, uint64_t i, uint8_t buf[SGX_PAGE_SIZE])
{
	const uint8_t *page = is_tcs(r) ? NULL : plan_run_page_direct(r, i);

	if (page)
		return page;
	plan_run_page(r, i, buf);
	if (is_tcs(r))
		as_eadd_leaves_tcs(buf);
	return buf;
}

static void put_eadd(uint8_t record[RECORD_BYTES], const struct plan_run *r)
{
	memcpy(record, RECORD_EADD, RECORD_TAG_BYTES);
	put64(record + RECORD_SECINFO, plan_run_measured_secinfo(r));
}

/* What one page of a run is hashed as: an EADD record, then an EEXTEND record and its bytes per chunk. */
struct page_stream {
	uint8_t bytes[PAGE_STREAM];
	unsigned int n_chunks;
	uint8_t order[PLAN_CHUNKS_PER_PAGE];
};

static uint8_t *chunk_at(struct page_stream *s, unsigned int k)
{
	return s->bytes + RECORD_BYTES + k * RECORD_CHUNK_BYTES;
}

static void page_init(struct page_stream *s, const struct plan_run *r)
{
	memset(s, 0, sizeof(*s));
	put_eadd(s->bytes, r);
	s->n_chunks = plan_run_chunks(r, s->order);
	for (unsigned int k = 0; k < s->n_chunks; k++)
		memcpy(chunk_at(s, k), RECORD_EEXTEND, RECORD_TAG_BYTES);
}

static void page_place(struct page_stream *s, uint64_t off)
{
	put64(s->bytes + RECORD_OFFSET, off);
	for (unsigned int k = 0; k < s->n_chunks; k++)
		put64(chunk_at(s, k) + RECORD_OFFSET, off + s->order[k] * SGX_EEXTEND_BYTES);
}

static void page_fill(struct page_stream *s, const uint8_t page[SGX_PAGE_SIZE])
{
	for (unsigned int k = 0; k < s->n_chunks; k++)
		memcpy(chunk_at(s, k) + RECORD_BYTES, page + s->order[k] * SGX_EEXTEND_BYTES, SGX_EEXTEND_BYTES);
}

/* The chunks that are loaded and not measured; zeros need no record. */
static int put_unmeasured(struct stream *s, const struct plan_run *r, uint64_t off,
			  const uint8_t page[SGX_PAGE_SIZE], struct err *e)
{
	static const uint8_t zeros[SGX_EEXTEND_BYTES];

	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++) {
		const uint8_t *chunk = page + c * SGX_EEXTEND_BYTES;
		uint8_t record[RECORD_CHUNK_BYTES] = { 0 };

		if (r->chunks >> c & 1 || !memcmp(chunk, zeros, sizeof(zeros)))
			continue;
		memcpy(record, RECORD_UNMEASRD, RECORD_TAG_BYTES);
		put64(record + RECORD_OFFSET, off + c * SGX_EEXTEND_BYTES);
		memcpy(record + RECORD_BYTES, chunk, SGX_EEXTEND_BYTES);
		if (put(s, record, sizeof(record), false, 0, e) < 0)
			return -1;
	}
	return 0;
}

static int put_pages(struct stream *s, const struct plan_run *r, struct err *e)
{
	bool rest = s->sink->unmeasured && r->chunks != PLAN_CHUNKS_ALL;
	uint64_t own = plan_run_data_pages(r);
	uint8_t copy[SGX_PAGE_SIZE] = { 0 };
	const uint8_t *page = copy;
	struct page_stream ps;

	page_init(&ps, r);
	for (uint64_t i = 0; i < r->pages; i++) {
		uint64_t off = r->off + i * SGX_PAGE_SIZE;

		page_place(&ps, off);
		if (i <= own) {         /* the first page without data stands for all that follow */
			page = plan_run_page_added(r, i, copy);
			page_fill(&ps, page);
		}
		if (put(s, ps.bytes, RECORD_BYTES + ps.n_chunks * RECORD_CHUNK_BYTES, true, 1, e) < 0 ||
		    (rest && put_unmeasured(s, r, off, page, e) < 0))
			return -1;
	}
	return 0;
}

static int put_added_only(struct stream *s, const struct plan_run *r, struct err *e)
{
	uint8_t records[BATCH_RECORDS][RECORD_BYTES] = { 0 };

	for (unsigned int n = 0; n < BATCH_RECORDS; n++)
		put_eadd(records[n], r);
	for (uint64_t i = 0; i < r->pages;) {
		uint64_t left = r->pages - i, n = left < BATCH_RECORDS ? left : BATCH_RECORDS;

		for (uint64_t k = 0; k < n; k++)
			put64(records[k] + RECORD_OFFSET, r->off + (i + k) * SGX_PAGE_SIZE);
		if (put(s, records, n * RECORD_BYTES, true, n, e) < 0)
			return -1;
		i += n;
	}
	return 0;
}

int plan_stream(const struct plan *p, struct plan_sink *sink, image_progress progress, void *arg, struct err *e)
{
	struct stream s = {
		.sink = sink, .progress = progress, .arg = arg, .total = p->pages_added,
		.next_ns = now_ns() + PROGRESS_NS,
	};

	if (p->no_measure) {
		err_set(e, ERR_UNSUPPORTED, 0, "MRENCLAVE is not known: %s", p->no_measure);
		return err_hint(e, "'sgxctl inspect' shows what is known");
	}
	if (put_ecreate(&s, p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];
		bool contents = plan_run_measured(r) || (sink->unmeasured && (r->data || r->fill));

		if ((contents ? put_pages(&s, r, e) : put_added_only(&s, r, e)) < 0)
			return -1;
	}
	return 0;
}
