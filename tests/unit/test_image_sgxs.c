/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SGXS streams: what runs become of them, and what writing them reports. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "sgxs_bytes.h"
#include "tap.h"

static int parse(struct plan *p, struct err *e)
{
	return image_parse(stream, used, NULL, p, e);
}

static uint8_t byte_at(const struct plan *p, uint64_t off)
{
	uint8_t buf[SGX_PAGE_SIZE];

	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		if (off < r->off || off - r->off >= r->pages * SGX_PAGE_SIZE)
			continue;
		plan_run_page(r, (off - r->off) / SGX_PAGE_SIZE, buf);
		return buf[off % SGX_PAGE_SIZE];
	}
	return 0xee;
}

/* ---- runs ---------------------------------------------------------------------------------- */

static void test_heap(void)
{
	struct err e = { 0 };
	struct plan p;

	ecreate((uint64_t)1 << 32);
	page(0, 0x100, 0);
	for (uint64_t i = 1; i <= 60000; i++)
		record(RECORD_EADD, i * SGX_PAGE_SIZE, RW);
	ok(parse(&p, &e) == 0 && p.n_runs == 2 && p.runs[1].pages == 60000 && !p.runs[1].data,
	   "60000 EADD records are one run without contents");
	ok(!strcmp(p.runs[1].what, "heap") && p.pages_added == 60001 && p.pages_measured == 1, "a heap");
	plan_release(&p);
}

static void test_merge(void)
{
	struct err e = { 0 };
	struct plan p;

	ecreate(0x1000000);
	page(0, RX, 1);
	page(0x1000, RX, 2);
	page(0x2000, RW, 3);
	page(0x3000, 0x100, 0);
	page(0x5000, RW, 4);
	for (uint64_t i = 0; i < 100; i++)
		page(0x6000 + i * SGX_PAGE_SIZE, RW, 0);
	page(0x6a000, RW, 5);
	for (uint64_t i = 0; i < 63; i++)
		page(0x6b000 + i * SGX_PAGE_SIZE, RW, 0);
	page(0xaa000, RW, 6);
	ok(parse(&p, &e) == 0 && p.n_runs == 6, "pages of a kind are one run, but for long zeros");
	ok(p.runs[0].pages == 2 && p.runs[0].data && plan_run_page_direct(&p.runs[0], 1) == p.runs[0].data + 4096,
	   "contents of a run lie together");
	ok(!p.runs[4].data && p.runs[4].off == 0x6000 && p.runs[4].pages == 100, "100 pages of zeros have no contents");
	ok(p.runs[5].pages == 65 && byte_at(&p, 0x6a000) == 5 && byte_at(&p, 0x6b000) == 0 &&
	   byte_at(&p, 0xaa000) == 6, "63 stay where they are");
	ok(byte_at(&p, 0x1fff) == 2 && byte_at(&p, 0x2000) == 3 && byte_at(&p, 0x5000) == 4 &&
	   byte_at(&p, 0x4000) == 0xee, "everything in its place");
	plan_release(&p);
}

static void test_partial(void)
{
	struct err e = { 0 };
	struct plan p;
	const struct plan_run *r;

	ecreate(0x100000);
	page(0, 0x100, 0);
	for (uint64_t off = 0x1000; off < 0x4000; off += SGX_PAGE_SIZE) {
		record(RECORD_EADD, off, RW);
		chunk(RECORD_EEXTEND, off + 0xf00, (uint8_t)(off >> 12));
		chunk(RECORD_UNMEASRD, off + 0x200, (uint8_t)(off >> 8));
		chunk(RECORD_EEXTEND, off, 9);
	}
	record(RECORD_EADD, 0x4000, RW);
	chunk(RECORD_EEXTEND, 0x4000, 9);
	chunk(RECORD_UNMEASRD, 0x4200, 9);
	chunk(RECORD_EEXTEND, 0x4f00, 9);
	record(RECORD_EADD, 0x5000, RW);
	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++)
		chunk(RECORD_UNMEASRD, 0x5000 + c * SGX_EEXTEND_BYTES, 7);
	ok(parse(&p, &e) == 0 && p.n_runs == 4, "the order of chunks parts runs");
	r = &p.runs[1];
	ok(r->pages == 3 && r->chunks == 0x8001 && r->present == 0x8005 && r->data_bytes == 9 * 256u,
	   "a run has the chunks that are there");
	ok(r->chunk_order && r->chunk_order[0] == 15 && r->chunk_order[1] == 0 && !p.runs[2].chunk_order,
	   "in their order");
	ok(plan_run_partial(r) && plan_run_partial(&p.runs[2]) && !plan_run_partial(&p.runs[3]), "partial or not");
	ok(byte_at(&p, 0x2f00) == 2 && byte_at(&p, 0x2200) == 0x20 && byte_at(&p, 0x3000) == 9 &&
	   byte_at(&p, 0x3100) == 0 && byte_at(&p, 0x5fff) == 7, "and the rest is zero");
	ok(!plan_run_page_direct(r, 1) && plan_run_data_pages(r) == 3, "no page of it is there as it is");
	ok(!plan_run_measured(&p.runs[3]) && p.runs[3].data, "contents that are loaded only");
	plan_release(&p);
}

static void test_size(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	struct plan p;

	ecreate(0x1308);
	memcpy(stream, RECORD_UNSIZED, RECORD_TAG_BYTES);
	page(0, 0x100, 0);
	record(RECORD_EADD, 0x1000, RW);
	chunk(RECORD_EEXTEND, 0x1100, 0xff);
	chunk(RECORD_EEXTEND, 0x1300, 0);
	page(0x11000, RW, 0);
	ok(parse(&p, &e) < 0 && e.code == ERR_BAD_LAYOUT && strstr(e.hint, "sgxs:fit"), "UNSIZED: %s", e.msg);
	opts.format = "sgxs:fit";
	ok(image_parse(stream, used, &opts, &p, &e) == 0 && p.size == 0x20000, "the size that fits");
	ok(byte_at(&p, 0x1308) == 0 && byte_at(&p, 0x130a) == 2 && byte_at(&p, 0x130b) == 0 &&
	   byte_at(&p, 0x1100) == 0xff, "is where it is wanted");
	plan_release(&p);
	opts.format = "sgxs:1M";
	ok(image_parse(stream, used, &opts, &p, &e) == 0 && p.size == 0x100000 && byte_at(&p, 0x130a) == 0x10,
	   "or the size that was said");
	plan_release(&p);
}

static void test_no_tcs(void)
{
	uint8_t hash[32];
	struct err e = { 0 };
	struct plan p;

	ecreate(0x10000);
	page(0, RW, 1);
	ok(parse(&p, &e) == 0 && p.no_run && !plan_measure(&p, hash, NULL, NULL, &e),
	   "a stream without a TCS can be measured, not run");
	plan_release(&p);
	ecreate(0x10000);
	ok(parse(&p, &e) == 0 && p.no_run && !p.n_runs, "so can one without pages");
	plan_release(&p);
}

static void test_write_errors(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	uint64_t bytes = 77;
	uint8_t hash[32];
	struct err e = { 0 };
	struct plan p;

	ecreate(0x10000);
	page(0, 0x100, 0);
	parse(&p, &e);
	ok(plan_write_sgxs(&p, fd, &bytes, hash, NULL, NULL, &e) < 0 && e.code == ERR_IO && e.sys == ENOSPC &&
	   bytes == 77, "a full disk: %s", e.msg);
	close(fd);
	ok(plan_write_sgxs(&p, -1, &bytes, hash, NULL, NULL, &e) < 0 && e.sys == EBADF, "no file: %s", e.msg);
	plan_release(&p);
}

int main(void)
{
	test_heap();
	test_merge();
	test_partial();
	test_size();
	test_no_tcs();
	test_write_errors();
	return tap_done();
}
