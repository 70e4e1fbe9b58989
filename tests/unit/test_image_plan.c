/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Measuring plans against published-by-hand vectors, and reading pages of runs back.
 *
 * Authority: Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND ("Operation").
 */
#include <openssl/sha.h>
#include <string.h>

#include "base/text.h"
#include "image/internal.h"
#include "tap.h"

#define ALL PLAN_CHUNKS_ALL

static bool measures(const struct plan *p, const char *want)
{
	uint8_t hash[32];
	char text[65];

	if (plan_measure(p, hash, NULL, NULL, NULL) < 0)
		return false;
	hex_encode(text, hash, 32);
	return !strcmp(text, want);
}

static void test_vector_1(void)
{
	struct plan_run run = { .pages = 1, .secinfo = 0x203, .chunks = ALL, .what = "data" };
	struct plan p = { .size = 0x2000, .ssaframesize = 1, .runs = &run };

	ok(measures(&p, "9e197c8837c6d65632dbdd59cd7df4f1a25b68d8e4e5eb6ca3b20b05311fecb8"), "ECREATE alone");
	p.n_runs = 1;
	run.chunks = 0;
	ok(measures(&p, "995c454650d39811c9c53e1af534aa6c34a496ce9302c34e0ced2c7a7e2c4103"), "one EADD");
	run.chunks = ALL;
	ok(measures(&p, "1f2cf80bd03ffd8bfac33f7cba128aff511c3af666b93bb66e7ef718418bdade"),
	   "one zero RW page, measured");
}

/* What hardware and signing tools make of ECREATE alone, for enclaves of the wild. */
static void test_ecreate(void)
{
	struct plan p = { .size = 0x400000, .ssaframesize = 1 };

	ok(measures(&p, "6942a219b9a4d745a4d90b9933ad98656456ab0cd96c6a9995a75880a1f9a5a3"), "of 4 MiB");
	p.size = 0x1000000;
	ok(measures(&p, "a61f64a4b7bded6366b07259092ac5638b32f20ab402444e1d661a411240f95a"), "of 16 MiB");
}

static void test_vector_2(void)
{
	static const uint8_t leave[] = { 0x48, 0x89, 0xcb, 0xb8, 4, 0, 0, 0, 0x0f, 0x01, 0xd7 };
	struct sgx_arch_tcs tcs = { .ossa = 0x2000, .nssa = 1, .oentry = 0x1000, .fslimit = UINT32_MAX,
				    .gslimit = UINT32_MAX };
	static uint8_t text[4096];
	struct plan_run runs[] = {
		{ .off = 0, .pages = 1, .secinfo = 0x100, .chunks = ALL, .data = (uint8_t *)&tcs,
		  .data_bytes = 72, .what = "tcs" },
		{ .off = 0x1000, .pages = 1, .secinfo = 0x205, .chunks = ALL, .data = text,
		  .data_bytes = 4096, .what = "text" },
		{ .off = 0x2000, .pages = 1, .secinfo = 0x203, .chunks = ALL, .what = "ssa" },
	};
	struct plan p = { .size = 0x4000, .ssaframesize = 1, .runs = runs, .n_runs = 3 };
	static const char want[] = "7edf3e64341b6c224828ea151036130ba5965f77c669cf28335f9ef5e8c916da";

	memset(text, 0xcc, sizeof(text));
	memcpy(text, leave, sizeof(leave));
	ok(measures(&p, want), "TCS, code, SSA");
	tcs.state = 1;
	tcs.cssa = 1;
	tcs.aep = 0x1234;
	tcs.flags = SGX_TCS_DBGOPTIN;
	ok(measures(&p, want), "fields that EADD clears are measured as zero");
	tcs.flags = SGX_TCS_AEXNOTIFY;
	ok(!measures(&p, want), "AEXNOTIFY is measured");
	tcs.flags = 0;
	runs[1].what = runs[2].what = "other";
	ok(measures(&p, want), "names of runs are not measured");
	runs[1].off = 0x2000;
	runs[2].off = 0x1000;
	ok(!measures(&p, want), "places are");
}

/* The slow way: records hashed one by one over pages read one by one. */
static void reference(const struct plan *p, uint8_t hash[32])
{
	SHA256_CTX c;

	SHA256_Init(&c);
	for (size_t k = 0; k <= p->n_runs; k++) {
		const struct plan_run *r = k ? &p->runs[k - 1] : NULL;
		uint8_t record[64] = "ECREATE";

		if (!r) {
			memcpy(record + 8, &p->ssaframesize, 4);
			memcpy(record + 12, &p->size, 8);
			SHA256_Update(&c, record, 64);
			continue;
		}
		for (uint64_t i = 0; i < r->pages; i++) {
			uint64_t at = r->off + i * 4096;
			uint8_t add[64] = "EADD", page[4096];

			memcpy(add + 8, &at, 8);
			memcpy(add + 16, &r->secinfo, 8);
			SHA256_Update(&c, add, 64);
			plan_run_page(r, i, page);
			for (unsigned n = 0, next = 0; n < (unsigned)__builtin_popcount(r->chunks);
			     n++, next++) {
				while (!r->chunk_order && !(r->chunks >> next & 1))
					next++;
				unsigned int chunk = 256u * (r->chunk_order ? r->chunk_order[n] : next);
				uint64_t chunk_at = at + chunk;
				uint8_t extend[64] = "EEXTEND";

				memcpy(extend + 8, &chunk_at, 8);
				SHA256_Update(&c, extend, 64);
				SHA256_Update(&c, page + chunk, 256);
			}
		}
	}
	SHA256_Final(hash, &c);
}

static void test_against_reference(void)
{
	static uint8_t data[5 * 4096];
	static const uint8_t order[] = { 9, 0, 3 };
	struct plan_run runs[] = {
		{ .off = 0x1000, .pages = 3, .secinfo = 0x205, .chunks = ALL, .data = data,
		  .data_bytes = 9000, .data_lead = 100 },
		{ .off = 0x8000, .pages = 4, .secinfo = 0x203, .chunks = ALL, .data = data + 1,
		  .data_bytes = 1, .data_lead = 4095 },
		{ .off = 0x10000, .pages = 5, .secinfo = 0x201, .chunks = ALL, .data = data,
		  .data_bytes = sizeof(data) },
		{ .off = 0x100000, .pages = 1000, .secinfo = 0x203 },
		{ .off = 0x800000, .pages = 128, .secinfo = 0x203 },
		{ .off = 0x900000, .pages = 2, .secinfo = 0x207, .data = data, .data_bytes = 50 },
		{ .off = 0xa00000, .pages = 7, .secinfo = 0x203, .chunks = ALL },
		{ .off = 0xb00000, .pages = 3, .secinfo = 0x203, .chunks = ALL, .fill = 0xcccccccc },
		{ .off = 0xb10000, .pages = 3, .secinfo = 0x203, .chunks = ALL, .fill = 0x12345678,
		  .data = data, .data_bytes = 4097, .data_lead = 3 },
		{ .off = 0xb20000, .pages = 2, .secinfo = 0x203, .chunks = 0x8421, .fill = 7, .data = data,
		  .data_bytes = 5000 },
		{ .off = 0xb30000, .pages = 2, .secinfo = 0x203, .chunks = 0x0209, .chunk_order = order,
		  .data = data, .data_bytes = 8192 },
	};
	struct plan p = { .size = 0x1000000, .ssaframesize = 3, .runs = runs,
			  .n_runs = sizeof(runs) / sizeof(runs[0]) };
	uint8_t want[32], page[4096];
	char text[65];

	plan_run_page(&runs[8], 2, page);
	ok(page[0] == 0x78 && page[1] == 0x56 && page[2] == 0x34 && page[3] == 0x12,
	   "a pattern begins with the page");
	ok(plan_run_partial(&runs[9]) && plan_run_partial(&runs[10]) && !plan_run_partial(&runs[8]) &&
	   !plan_run_partial(&runs[3]), "what a driver cannot measure is known");
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 13 + (i >> 8));
	for (p.n_runs = 1; p.n_runs <= sizeof(runs) / sizeof(runs[0]); p.n_runs++) {
		reference(&p, want);
		hex_encode(text, want, 32);
		ok(measures(&p, text), "%zu runs of all kinds, as hashed one record at a time", p.n_runs);
	}
}

/* Every page of a run, for many leads and lengths, compared with the run laid out flat. */
static void test_pages(void)
{
	enum { PAGES = 4 };
	static uint8_t data[PAGES * 4096], flat[PAGES * 4096], page[4096];
	static const uint64_t edges[] = { 0, 1, 100, 4094, 4095 };
	static const uint64_t lengths[] = { 0, 1, 2, 4095, 4096, 4097, 8192, 12287, 12288, 12289 };
	unsigned int wrong = 0, direct = 0, direct_wrong = 0;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(1 + i % 251);
	for (size_t a = 0; a < sizeof(edges) / sizeof(edges[0]); a++) {
		for (size_t b = 0; b < sizeof(lengths) / sizeof(lengths[0]); b++) {
			struct plan_run r = { .pages = PAGES, .data = data, .data_bytes = lengths[b],
					      .data_lead = edges[a] };

			memset(flat, 0, sizeof(flat));
			memcpy(flat + edges[a], data, lengths[b]);
			for (uint64_t i = 0; i < PAGES; i++) {
				const uint8_t *p = plan_run_page_direct(&r, i);

				plan_run_page(&r, i, page);
				wrong += memcmp(page, flat + i * 4096, 4096) != 0;
				direct += p != NULL;
				direct_wrong += p && memcmp(p, flat + i * 4096, 4096);
			}
		}
	}
	is_u64(wrong, 0, "pages are what the run says, whatever lead and length");
	ok(direct && !direct_wrong, "%u pages could be had without a copy, all right", direct);
}

static void progress(void *arg, uint64_t done, uint64_t total)
{
	uint64_t *calls = arg;

	(*calls)++;
	if (done > total)
		*calls += 1000;
}

static void test_progress(void)
{
	struct plan_run run = { .pages = 400000, .secinfo = 0x203, .chunks = ALL, .what = "data" };
	struct plan p = { .size = 1u << 31, .ssaframesize = 1, .runs = &run, .n_runs = 1,
			  .pages_added = 400000 };
	uint64_t calls = 0;
	uint8_t hash[32];

	ok(plan_measure(&p, hash, progress, &calls, NULL) == 0,
	   "two gigabytes of hash input in constant memory");
	ok(calls < 200, "progress was told %llu times", (unsigned long long)calls);
}

static void test_build(void)
{
	struct plan_build b = { 0 };
	struct err e = { 0 };
	struct plan p;
	struct plan_run r = { .off = 0, .pages = 1, .secinfo = 0x202, .what = "data" };

	ok(plan_build_run(&b, &r, &e) < 0 && e.code == ERR_BAD_LAYOUT && e.hint[0], "W without R is refused");
	r.secinfo = 0x101;
	ok(plan_build_run(&b, &r, &e) < 0 && e.code == ERR_BAD_LAYOUT, "a TCS with rights is refused");
	r.secinfo = 0x300;
	ok(plan_build_run(&b, &r, &e) < 0 && e.code == ERR_BAD_LAYOUT, "a VA page is refused");
	r.secinfo = 0x208;
	ok(plan_build_run(&b, &r, &e) < 0 && e.code == ERR_BAD_LAYOUT, "PENDING is refused");
	r.secinfo = 0x200;
	r.pages = PLAN_MAX_PAGES + 1;
	ok(plan_build_run(&b, &r, &e) < 0 && e.code == ERR_TOO_BIG, "too many pages");
	r.secinfo = 0x100;
	r.pages = PLAN_MAX_TCS + 1;
	ok(plan_build_run(&b, &r, &e) < 0 && e.code == ERR_TOO_BIG, "too many TCSs");
	ok(!b.p.n_runs && !b.p.n_tcs && !b.p.pages_added, "what is refused leaves no trace");
	ok(plan_build_finish(&b, NULL, &p, &e) < 0 && e.code == ERR_NO_TCS, "a plan needs a TCS");
	r.pages = 1;
	ok(plan_build_run(&b, &r, &e) == 0, "one TCS");
	b.p.size = 0x3000;
	ok(plan_build_finish(&b, NULL, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "SIZE is a power of two");
	b.p.size = 0x1000;
	ok(plan_build_finish(&b, NULL, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "of at least two pages");
	b.p.size = 0x4000;
	r.secinfo = 0x203;
	plan_build_run(&b, &r, &e);
	ok(plan_build_finish(&b, NULL, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "two runs in one place");
	b.p.runs[1].off = 0x4000;
	ok(plan_build_finish(&b, NULL, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "a run outside");
	b.p.runs[1].off = UINT64_MAX - 0xfff;
	ok(plan_build_finish(&b, NULL, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "a run that wraps");
	b.p.runs[1].off = 0x3000;
	ok(plan_build_finish(&b, NULL, &p, &e) == 0 && p.n_tcs == 1 && p.pages_added == 2, "a plan");
	plan_release(&p);
	plan_build_release(&b);
	ok(plan_size_for(0) == 8192 && plan_size_for(8193) == 16384 &&
	   plan_size_for(PLAN_MAX_SIZE) == PLAN_MAX_SIZE && !plan_size_for(PLAN_MAX_SIZE + 1),
	   "smallest sizes");
}

int main(void)
{
	test_vector_1();
	test_ecreate();
	test_vector_2();
	test_against_reference();
	test_pages();
	test_progress();
	test_build();
	return tap_done();
}
