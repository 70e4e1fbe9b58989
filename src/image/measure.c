/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MRENCLAVE of a plan: one SHA-256 over what ECREATE, EADD and EEXTEND would hash.  A measured page is
 * one buffer and one update, so that the hash and not the calls costs the time; memory is constant.
 *
 * Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND ("Operation"), EINIT (finalisation).
 */
#include <openssl/evp.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "image/internal.h"

#define RECORD_BYTES  64u
#define CHUNK_BYTES   (RECORD_BYTES + SGX_EEXTEND_BYTES)
#define PAGE_STREAM   (RECORD_BYTES + PLAN_CHUNKS_PER_PAGE * CHUNK_BYTES)       /* EADD and 16 EEXTENDs */
#define SECINFO_OFF   16u       /* of SECINFO.FLAGS in the EADD record */
#define BATCH_RECORDS 128u      /* unmeasured pages per update */
#define PROGRESS_NS   (NS_PER_SEC / 4)
#define PROGRESS_MASK 1023u     /* the clock is read once in so many updates */

static const char tag_ecreate[8] = "ECREATE", tag_eadd[8] = "EADD", tag_eextend[8] = "EEXTEND";

struct measure {
	EVP_MD_CTX *md;
	image_progress progress;
	void *arg;
	uint64_t done, total, updates, next_ns;
};

DEFINE_CLEANUP_PTR(md_freep, EVP_MD_CTX, EVP_MD_CTX_free)

static void put64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));       /* little-endian, as this machine is */
}

static int update(struct measure *m, const void *data, size_t bytes, uint64_t pages, struct err *e)
{
	if (!EVP_DigestUpdate(m->md, data, bytes))
		return err_set(e, ERR_BUG, 0, "SHA-256 failed");
	m->done += pages;
	if (m->progress && !(++m->updates & PROGRESS_MASK) && now_ns() >= m->next_ns) {
		m->progress(m->arg, m->done, m->total);
		m->next_ns = now_ns() + PROGRESS_NS;
	}
	return 0;
}

static int measure_ecreate(struct measure *m, const struct plan *p, struct err *e)
{
	uint8_t record[RECORD_BYTES] = { 0 };

	memcpy(record, tag_ecreate, sizeof(tag_ecreate));
	memcpy(record + 8, &p->ssaframesize, sizeof(p->ssaframesize));
	put64(record + 12, p->size);
	return update(m, record, sizeof(record), 0, e);
}

static bool is_tcs(const struct plan_run *r)
{
	return (r->secinfo & SGX_SECINFO_PT_MASK) == SGX_SECINFO_TCS;
}

/* EADD takes the rights of a TCS page away before it measures them. */
static uint64_t measured_secinfo(const struct plan_run *r)
{
	return is_tcs(r) ? r->secinfo & ~(uint64_t)SGX_SECINFO_RWX : r->secinfo;
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

/* What the hash gets of one page of a run: an EADD record, then an EEXTEND record and its bytes per chunk. */
struct page_stream {
	uint8_t bytes[PAGE_STREAM];
	unsigned int n_chunks;
	uint8_t order[PLAN_CHUNKS_PER_PAGE];
};

static uint8_t *chunk_at(struct page_stream *s, unsigned int k)
{
	return s->bytes + RECORD_BYTES + k * CHUNK_BYTES;
}

static void stream_init(struct page_stream *s, const struct plan_run *r)
{
	memset(s, 0, sizeof(*s));
	memcpy(s->bytes, tag_eadd, sizeof(tag_eadd));
	put64(s->bytes + SECINFO_OFF, measured_secinfo(r));
	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++) {
		if (!(r->chunks >> c & 1))
			continue;
		memcpy(chunk_at(s, s->n_chunks), tag_eextend, sizeof(tag_eextend));
		s->order[s->n_chunks] = (uint8_t)c;
		s->n_chunks++;
	}
	if (r->chunk_order)
		memcpy(s->order, r->chunk_order, s->n_chunks);
}

static void stream_place(struct page_stream *s, uint64_t off)
{
	put64(s->bytes + 8, off);
	for (unsigned int k = 0; k < s->n_chunks; k++)
		put64(chunk_at(s, k) + 8, off + s->order[k] * SGX_EEXTEND_BYTES);
}

static void stream_fill(struct page_stream *s, const uint8_t page[SGX_PAGE_SIZE])
{
	for (unsigned int k = 0; k < s->n_chunks; k++)
		memcpy(chunk_at(s, k) + RECORD_BYTES, page + s->order[k] * SGX_EEXTEND_BYTES,
		       SGX_EEXTEND_BYTES);
}

/* Up to where pages differ from each other; behind that they are all fill. */
static uint64_t pages_with_data(const struct plan_run *r)
{
	uint64_t n = r->data ? (r->data_lead + r->data_bytes + SGX_PAGE_SIZE - 1) / SGX_PAGE_SIZE : 0;

	return n < r->pages ? n : r->pages;
}

static int measure_pages(struct measure *m, const struct plan_run *r, struct err *e)
{
	uint64_t own = pages_with_data(r);
	uint8_t copy[SGX_PAGE_SIZE];
	struct page_stream s;

	stream_init(&s, r);
	for (uint64_t i = 0; i < r->pages; i++) {
		const uint8_t *page = is_tcs(r) ? NULL : plan_run_page_direct(r, i);

		stream_place(&s, r->off + i * SGX_PAGE_SIZE);
		if (i <= own) {
			if (!page) {
				plan_run_page(r, i, copy);
				if (is_tcs(r))
					as_eadd_leaves_tcs(copy);
				page = copy;
			}
			stream_fill(&s, page);
		}
		if (update(m, s.bytes, RECORD_BYTES + s.n_chunks * CHUNK_BYTES, 1, e) < 0)
			return -1;
	}
	return 0;
}

static int measure_added_only(struct measure *m, const struct plan_run *r, struct err *e)
{
	uint8_t records[BATCH_RECORDS][RECORD_BYTES] = { 0 };

	for (unsigned int n = 0; n < BATCH_RECORDS; n++) {
		memcpy(records[n], tag_eadd, sizeof(tag_eadd));
		put64(records[n] + SECINFO_OFF, measured_secinfo(r));
	}
	for (uint64_t i = 0; i < r->pages;) {
		uint64_t left = r->pages - i, n = left < BATCH_RECORDS ? left : BATCH_RECORDS;

		for (uint64_t k = 0; k < n; k++)
			put64(records[k] + 8, r->off + (i + k) * SGX_PAGE_SIZE);
		if (update(m, records, n * RECORD_BYTES, n, e) < 0)
			return -1;
		i += n;
	}
	return 0;
}

int plan_measure(const struct plan *p, uint8_t mrenclave[32], image_progress progress, void *arg,
		 struct err *e)
{
	CLEANUP(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct measure m = {
		.md = md, .progress = progress, .arg = arg, .total = p->pages_added,
		.next_ns = now_ns() + PROGRESS_NS,
	};

	if (!md)
		return err_set(e, ERR_NO_MEMORY, 0, "no memory for SHA-256");
	if (!EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		return err_set(e, ERR_BUG, 0, "libcrypto has no SHA-256");
	if (measure_ecreate(&m, p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		if ((plan_run_measured(r) ? measure_pages(&m, r, e) : measure_added_only(&m, r, e)) < 0)
			return -1;
	}
	if (!EVP_DigestFinal_ex(md, mrenclave, NULL))
		return err_set(e, ERR_BUG, 0, "SHA-256 failed");
	return 0;
}
