/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing plans: where two measurements part, each kind of difference alone, and what must cost nothing. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image/image.h"
#include "tap.h"

#define PAGE 4096u
#define RW   0x203u
#define RX   0x205u
#define HUGE_PAGES ((uint64_t)31 << 20) /* 124 GiB */

static uint8_t bytes_a[16 * PAGE], bytes_b[16 * PAGE];

/* Data of a page, all pages different. */
static void fill(uint8_t *p, size_t pages, unsigned int seed)
{
	uint32_t x = seed * 2654435761u + 1;

	for (size_t i = 0; i < pages * PAGE; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
}

struct pair {
	struct plan_run run_a[8], run_b[8];
	struct plan a, b;
};

static struct plan_run run(uint64_t off, uint64_t pages, uint64_t secinfo, const uint8_t *data)
{
	return (struct plan_run){
		.off = off, .pages = pages, .secinfo = secinfo, .chunks = PLAN_CHUNKS_ALL, .data = data,
		.data_bytes = data ? pages * PAGE : 0, .what = "data",
	};
}

/* Two equal plans: code, data, fill, an unmeasured heap. */
static void begin(struct pair *p)
{
	fill(bytes_a, 16, 1);
	memcpy(bytes_b, bytes_a, sizeof(bytes_b));
	*p = (struct pair){
		.run_a = { run(0, 4, RX, bytes_a), run(0x4000, 4, RW, bytes_a + 4 * PAGE),
			   run(0x8000, 8, RW, NULL), run(0x10000, 4, RW, NULL) },
	};
	p->run_a[3].chunks = 0;
	memcpy(p->run_b, p->run_a, sizeof(p->run_b));
	p->run_b[0].data = bytes_b;
	p->run_b[1].data = bytes_b + 4 * PAGE;
	p->a = (struct plan){ .size = 0x100000, .ssaframesize = 1, .runs = p->run_a, .n_runs = 4 };
	p->b = p->a;
	p->b.runs = p->run_b;
}

static bool hashes_equal(struct pair *p)
{
	uint8_t x[32], y[32];

	p->a.pages_added = p->b.pages_added = 1;
	if (plan_measure(&p->a, x, NULL, NULL, NULL) < 0 || plan_measure(&p->b, y, NULL, NULL, NULL) < 0)
		exit(99);
	return !memcmp(x, y, sizeof(x));
}

static struct plan_diffs diffs;

/* Compares, and that both comparisons and the hash agree on whether there is anything. */
static struct plan_parting compare(struct pair *p, const char *what)
{
	struct plan_parting at;
	struct err e = { 0 };
	bool measured = false;

	plan_diffs_release(&diffs);
	if (plan_diff(&p->a, &p->b, SIZE_MAX, &diffs, &e) < 0) {
		ok(false, "%s: %s", what, e.msg);
		exit(1);
	}
	plan_compare(&p->a, &p->b, &at);
	for (size_t i = 0; i < diffs.n; i++)
		measured |= diffs.v[i].measured;
	measured |= p->a.size != p->b.size || p->a.ssaframesize != p->b.ssaframesize;
	ok(hashes_equal(p) == (at.record == UINT64_MAX), "%s: parting tells what the hash tells", what);
	ok(measured == (at.record != UINT64_MAX), "%s: so do the differences", what);
	return at;
}

static bool only(enum plan_diff_kind kind, uint64_t off, uint64_t pages)
{
	if (diffs.n == 1 && diffs.all == 1 && diffs.v[0].kind == kind && diffs.v[0].off == off && diffs.v[0].pages == pages)
		return true;
	for (size_t i = 0; i < diffs.n; i++)
		printf("#  %s 0x%llx, %llu pages, to 0x%llx\n", plan_diff_name(diffs.v[i].kind),
		       (unsigned long long)diffs.v[i].off, (unsigned long long)diffs.v[i].pages,
		       (unsigned long long)diffs.v[i].to);
	return false;
}

static void test_equal(void)
{
	struct pair p;

	begin(&p);
	compare(&p, "equal");
	is_u64(diffs.all, 0, "equal plans have no difference");
	/* the same pages, cut in another way */
	p.run_b[4] = p.run_b[3];
	p.run_b[3] = p.run_b[2];
	p.run_b[3].off += 2 * PAGE;
	p.run_b[3].pages -= 2;
	p.run_b[2].pages = 2;
	p.b.n_runs = 5;
	compare(&p, "cut");
	is_u64(diffs.all, 0, "how runs are cut is no difference");
}

static void test_create(void)
{
	struct pair p;
	struct plan_parting at;

	begin(&p);
	p.b.size *= 2;
	at = compare(&p, "size");
	ok(at.record == 0 && !strcmp(at.what, "size") && !strcmp(at.a.leaf, "ECREATE"), "SIZE parts at ECREATE");
	begin(&p);
	p.b.ssaframesize = 2;
	at = compare(&p, "ssaframesize");
	ok(at.record == 0 && !strcmp(at.what, "ssaframesize"), "and SSAFRAMESIZE");
}

static void test_content(void)
{
	struct pair p;
	struct plan_parting at;

	begin(&p);
	bytes_b[5 * PAGE + 0x123] ^= 1;
	bytes_b[5 * PAGE + 0x125] ^= 1;
	bytes_b[5 * PAGE + 0x800] ^= 1;
	bytes_b[6 * PAGE - 1] ^= 1;
	bytes_b[6 * PAGE] ^= 1;
	at = compare(&p, "content");
	ok(only(PLAN_DIFF_CONTENT, 0x5000, 2), "changed bytes: one group of two pages");
	ok(!strcmp(at.what, "data") && at.byte == 0x5123 && !strcmp(at.a.leaf, "EEXTEND") && at.a.off == 0x5100,
	   "the first byte that differs");
	/* ECREATE, 5 pages of 17 records, EADD, chunk 0 */
	is_u64(at.record, 1 + 5 * 17 + 1 + 1, "and its record");
	ok(diffs.v[0].bytes == 5 && diffs.v[0].n_ranges == 3 && diffs.v[0].all_ranges == 3, "five bytes in three places");
	ok(diffs.v[0].ranges[0].off == 0x5123 && diffs.v[0].ranges[0].bytes == 3, "near ones are one place");
	ok(diffs.v[0].ranges[2].off == 0x5fff && diffs.v[0].ranges[2].bytes == 2, "places cross pages");

	begin(&p);
	p.run_b[3].fill = 0xcccccccc;
	compare(&p, "unmeasured fill");
	ok(only(PLAN_DIFF_CONTENT, 0x10000, 4) && !diffs.v[0].measured && diffs.v[0].bytes == 4 * PAGE,
	   "what is not measured differs, and MRENCLAVE does not show it");
	begin(&p);
	p.run_b[2].fill = 0xcc;
	compare(&p, "fill");
	ok(only(PLAN_DIFF_CONTENT, 0x8000, 8) && diffs.v[0].bytes == 8 * PAGE / 4 && diffs.v[0].n_ranges == 1,
	   "a byte in each word of a fill");
	begin(&p);
	p.run_a[2].chunks = p.run_b[2].chunks = 0x00ff;
	p.run_b[2].data = bytes_b + 8 * PAGE;
	p.run_b[2].data_bytes = 8 * PAGE;
	memset(bytes_b + 8 * PAGE, 0, 8 * PAGE);
	bytes_b[8 * PAGE + 0x900] = 1;
	bytes_b[9 * PAGE + 0x100] = 1;
	compare(&p, "measured in part");
	ok(diffs.n == 2 && !diffs.v[0].measured && diffs.v[1].measured && diffs.v[1].off == 0x9000,
	   "whether a chunk is measured counts");
}

/* What is not measured has not moved for MRENCLAVE, wherever equal contents stand. */
static void test_unmeasured_shift(void)
{
	struct pair p;

	begin(&p);
	p.run_a[1].chunks = p.run_b[1].chunks = 0;
	p.run_b[1].data += PAGE;
	compare(&p, "unmeasured contents one page on");
	ok(only(PLAN_DIFF_CONTENT, 0x4000, 4) && !diffs.v[0].measured, "are changed contents, and nothing else");
}

static void test_kinds(void)
{
	static const uint8_t order[16] = { 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct pair p;
	struct plan_parting at;

	begin(&p);
	p.run_b[1].secinfo = RX;
	at = compare(&p, "rights");
	ok(only(PLAN_DIFF_RIGHTS, 0x4000, 4), "other rights");
	ok(!strcmp(at.what, "secinfo") && at.a.secinfo == RW && at.b.secinfo == RX && at.a.off == 0x4000, "are told by EADD");
	begin(&p);
	p.run_b[2].secinfo = 0x100;
	compare(&p, "type");
	ok(diffs.n == 2 && diffs.v[0].kind == PLAN_DIFF_TYPE && diffs.v[1].kind == PLAN_DIFF_RIGHTS, "another type");
	begin(&p);
	p.run_b[3].chunks = PLAN_CHUNKS_ALL;
	at = compare(&p, "measured");
	ok(only(PLAN_DIFF_MEASURED, 0x10000, 4), "measured, or not");
	ok(!strcmp(at.what, "leaf") && !strcmp(at.a.leaf, "EADD") && !strcmp(at.b.leaf, "EEXTEND") && at.a.off == 0x11000,
	   "the next record is another leaf");
	begin(&p);
	p.run_b[1].chunk_order = order;
	at = compare(&p, "chunk order");
	ok(only(PLAN_DIFF_CHUNK_ORDER, 0x4000, 4) && !strcmp(at.what, "offset"), "another order of chunks");
	begin(&p);
	p.b.n_runs = 3;
	at = compare(&p, "missing");
	ok(only(PLAN_DIFF_MISSING, 0x10000, 4) && !strcmp(at.b.leaf, "EINIT"), "pages that are not there");
	begin(&p);
	p.a.n_runs = 3;
	compare(&p, "added");
	ok(only(PLAN_DIFF_ADDED, 0x10000, 4), "pages that were not there");
	begin(&p);
	p.run_b[0] = p.run_a[1];
	p.run_b[1] = p.run_a[0];
	at = compare(&p, "order");
	ok(only(PLAN_DIFF_ORDER, 0, 8) && diffs.v[0].to == 0x4000, "another order of EADD");
	ok(!strcmp(at.what, "offset") && at.record == 1, "parts at the first page");
}

static void test_moved(void)
{
	struct pair p;

	begin(&p);
	p.run_b[1].off = 0x20000;
	compare(&p, "moved");
	ok(only(PLAN_DIFF_MOVED, 0x4000, 4) && diffs.v[0].to == 0x20000, "data that moved");
	begin(&p);
	p.run_b[3].off = 0x40000;
	compare(&p, "fill moved");
	ok(only(PLAN_DIFF_MOVED, 0x10000, 4) && diffs.v[0].to == 0x40000, "fill that moved as a whole");
	/* four pages in the place of others, by one page */
	begin(&p);
	p.a.n_runs = p.b.n_runs = 2;
	p.run_b[1].off = 0x5000;
	compare(&p, "shifted");
	ok(only(PLAN_DIFF_MOVED, 0x4000, 4) && diffs.v[0].to == 0x5000, "a shift by one page is a move of all");
	/* one of them changed on the way */
	begin(&p);
	p.a.n_runs = p.b.n_runs = 2;
	p.run_b[1].off = 0x20000;
	bytes_b[5 * PAGE] ^= 1;
	compare(&p, "moved and changed");
	ok(diffs.n == 4 && diffs.v[0].kind == PLAN_DIFF_MOVED && diffs.v[0].pages == 1 &&
	   diffs.v[1].kind == PLAN_DIFF_MISSING && diffs.v[1].off == 0x5000 && diffs.v[2].kind == PLAN_DIFF_MOVED &&
	   diffs.v[2].pages == 2 && diffs.v[3].kind == PLAN_DIFF_ADDED && diffs.v[3].off == 0x21000,
	   "what changed did not move");
	/* zeros for one purpose did not become zeros for another */
	begin(&p);
	p.run_b[3].off = 0x40000;
	p.run_b[3].what = "stack";
	compare(&p, "another purpose");
	ok(diffs.n == 2 && diffs.v[0].kind == PLAN_DIFF_MISSING && diffs.v[1].kind == PLAN_DIFF_ADDED,
	   "fill that is something else now did not move");
	/* a page that became zero did not come from the heap */
	begin(&p);
	memset(bytes_b + 4 * PAGE, 0, PAGE);
	p.b.n_runs = 3;
	p.run_b[2].pages = 7;
	compare(&p, "plain");
	ok(diffs.n == 3 && diffs.v[0].kind == PLAN_DIFF_CONTENT && diffs.v[1].kind == PLAN_DIFF_MISSING,
	   "zero pages are not looked for elsewhere when they are in place");
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Fill is compared by what it is said to be. */
static void test_huge(void)
{
	struct plan_parting at;
	struct pair p;
	double t0;

	begin(&p);
	p.run_a[3].pages = HUGE_PAGES;
	p.run_b[3].pages = HUGE_PAGES + 1;
	p.run_a[2].pages = p.run_b[2].pages = 8;
	p.a.size = p.b.size = (uint64_t)1 << 40;
	t0 = seconds();
	plan_compare(&p.a, &p.b, &at);
	plan_diffs_release(&diffs);
	ok(plan_diff(&p.a, &p.b, 10, &diffs, NULL) == 0, "two heaps of 124 GiB");
	ok(only(PLAN_DIFF_ADDED, 0x10000 + HUGE_PAGES * PAGE, 1), "one page more");
	ok(at.record == 1 + 8 * 17 + 8 * 17 + HUGE_PAGES && !strcmp(at.a.leaf, "EINIT"), "is seen where the stream ends");
	p.run_b[3].pages--;
	p.run_b[3].fill = 1;
	plan_diffs_release(&diffs);
	ok(plan_diff(&p.a, &p.b, 10, &diffs, NULL) == 0 && diffs.v[0].bytes == HUGE_PAGES * (PAGE / 4), "another fill");
	ok(seconds() - t0 < 1, "at once");
}

/* Groups beyond the limit are counted. */
static void test_limit(void)
{
	struct pair p;

	begin(&p);
	for (unsigned int i = 0; i < 8; i += 2)
		bytes_b[i * PAGE] ^= 1;
	plan_diffs_release(&diffs);
	ok(plan_diff(&p.a, &p.b, 2, &diffs, NULL) == 0 && diffs.n == 2 && diffs.all == 4, "two of four groups");
	begin(&p);
	for (unsigned int i = 0; i < PAGE; i += 32)
		bytes_b[i] ^= 1;
	plan_diffs_release(&diffs);
	ok(plan_diff(&p.a, &p.b, 2, &diffs, NULL) == 0 && diffs.v[0].n_ranges == PLAN_DIFF_MAX_RANGES &&
	   diffs.v[0].all_ranges == 128 && diffs.v[0].bytes == 128, "64 of 128 ranges");
}

static void test_index(void)
{
	struct plan_index x;
	struct pair p;

	begin(&p);
	p.run_a[1].off = 0x80000;       /* runs are in the order of EADD */
	if (plan_index_init(&x, &p.a, NULL) < 0)
		exit(99);
	ok(plan_index_find(&x, 0x3fff) == &p.run_a[0] && plan_index_find(&x, 0x83000) == &p.run_a[1], "runs by offset");
	ok(!plan_index_find(&x, 0x4000) && !plan_index_find(&x, 0x84000) && plan_index_find(&x, 0x8000) == &p.run_a[2],
	   "and what is between them");
	plan_index_release(&x);
}

/* ---- any pair of plans ------------------------------------------------------------------------- */

static uint32_t random_state;

static uint32_t pick(uint32_t n)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (random_state >> 8) % n;
}

/* Up to six runs in some order, of few kinds and contents, so that pairs often have something in common. */
static void make_random(struct plan *p, struct plan_run *runs)
{
	static const uint8_t order[2] = { 9, 2 };
	uint64_t at = 0;

	p->n_runs = 1 + pick(6);
	for (size_t i = 0; i < p->n_runs; i++) {
		struct plan_run *r = &runs[i];

		/* one after the other: compilers differ in the order of arguments */
		uint64_t pages = 1 + pick(3), secinfo = pick(4) ? RW : RX;
		const uint8_t *data = pick(2) ? bytes_a + pick(4) * PAGE : NULL;

		at += pick(3) ? 0 : PAGE;
		*r = run(at, pages, secinfo, data);
		r->fill = pick(3) ? 0 : 0xcc;
		r->data_lead = r->data && !pick(4) ? 16 : 0;
		if (r->data && !pick(3))
			r->data_bytes = 1 + pick((uint32_t)(r->pages * PAGE - r->data_lead));
		else if (r->data)
			r->data_bytes -= r->data_lead;
		r->chunks = pick(4) ? PLAN_CHUNKS_ALL : pick(2) ? 0 : 0x0204;
		r->chunk_order = r->chunks == 0x0204 && pick(2) ? order : NULL;
		at += r->pages * PAGE;
	}
	for (size_t i = 0; i < p->n_runs && !pick(4); i++) {
		struct plan_run swap = runs[i];
		size_t j = pick((uint32_t)p->n_runs);

		runs[i] = runs[j];
		runs[j] = swap;
	}
}

/* Three ways to say whether MRENCLAVE is the same: hashing, walking both streams, looking at every page. */
static void test_random(void)
{
	unsigned int disagree = 0, equal = 0, silent = 0;

	for (uint32_t seed = 0; seed < 4000; seed++) {
		struct plan_parting at;
		struct pair p;
		bool measured = false;

		begin(&p);
		random_state = seed;
		make_random(&p.a, p.run_a);
		random_state = seed % 5 ? seed + 77 : seed;     /* a fifth is equal but for what follows */
		make_random(&p.b, p.run_b);
		random_state = ~seed;
		if (seed % 5 == 0 && pick(2))
			p.run_b[pick((uint32_t)p.b.n_runs)].fill ^= pick(2) ? 0xff : 0;
		plan_diffs_release(&diffs);
		if (plan_diff(&p.a, &p.b, SIZE_MAX, &diffs, NULL) < 0)
			exit(99);
		plan_compare(&p.a, &p.b, &at);
		for (size_t i = 0; i < diffs.n; i++)
			measured |= diffs.v[i].measured;
		equal += at.record == UINT64_MAX;
		disagree += hashes_equal(&p) != (at.record == UINT64_MAX);
		silent += measured != (at.record != UINT64_MAX);
	}
	is_u64(disagree, 0, "of 4000 random pairs none parts where the hash does not");
	is_u64(silent, 0, "and all differences of MRENCLAVE are told");
	ok(equal > 400 && equal < 1000, "some were equal (%u)", equal);
}

int main(void)
{
	test_equal();
	test_create();
	test_content();
	test_unmeasured_shift();
	test_kinds();
	test_moved();
	test_huge();
	test_limit();
	test_index();
	test_random();
	plan_diffs_release(&diffs);
	return tap_done();
}
