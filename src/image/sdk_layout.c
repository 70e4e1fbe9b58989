/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The layout table of an SDK enclave: heap, stacks, threads, reserved memory, and what is to be added at run
 * time.  What is done follows from attributes, flags and contents; the ids, whose numbers have changed once,
 * only give names.
 */
#include <string.h>

#include "image/sdk.h"

#define ELEMENT_BYTES 32u
#define GROUP_BIT     0x1000u

#define ATTR_EADD       0x01u
#define ATTR_EEXTEND    0x02u
#define ATTR_POST_ADD   0x08u
#define ATTR_DYN_THREAD 0x20u

#define STACK_FILL 0xccccccccu

/* Old ids, of SDKs before 2.0, that tell them from the new. */
#define OLD_ID_TCS 2u

struct element {
	uint32_t at;            /* in the block */
	uint16_t id;
	uint16_t attributes;
	uint32_t pages;
	uint64_t rva;
	uint32_t content_bytes; /* or the pattern of the pages, when there is no content */
	uint32_t content;       /* offset in the block, 0 = none */
	uint64_t flags;         /* SECINFO.FLAGS, 0 = guard */
};

struct group {
	uint16_t entries;       /* so many elements before it */
	uint32_t times;
	uint64_t step;
};

static bool read_element(const struct sdk *s, uint32_t i, struct element *x)
{
	const uint8_t *p;

	x->at = s->block.layout.off + i * ELEMENT_BYTES;
	p = s->copy + x->at;
	x->id = sdk_get16(p);
	x->attributes = sdk_get16(p + 2);
	x->pages = sdk_get32(p + 4);
	x->rva = sdk_get64(p + 8);
	x->content_bytes = sdk_get32(p + 16);
	x->content = sdk_get32(p + 20);
	x->flags = sdk_get64(p + 24);
	return !(x->id & GROUP_BIT);
}

/* ---- names --------------------------------------------------------------------------------- */

#define N_NAMES(table) (sizeof(table) / sizeof((table)[0]))

static const char *const new_names[] = {
	[1] = "heap", [2] = "heap", [3] = "heap", [4] = "tcs", [5] = "td", [6] = "ssa", [7] = "stack",
	[8] = "stack", [11] = "heap", [12] = "heap", [13] = "heap", [14] = "tcs", [15] = "td", [16] = "ssa",
	[17] = "stack",
	[18] = "stack", [20] = "reserved", [21] = "reserved", [22] = "reserved", [23] = "user",
};
static const char *const old_names[] = {
	[1] = "heap", [2] = "tcs", [3] = "td", [4] = "ssa", [5] = "stack",
};

static const char *name_of(const struct sdk *s, const struct element *x)
{
	const char *const *names = s->old_ids ? old_names : new_names;
	size_t n = s->old_ids ? N_NAMES(old_names) : N_NAMES(new_names);

	if (x->flags == SGX_SECINFO_TCS)
		return "tcs";
	return x->id < n && names[x->id] ? names[x->id] : x->content_bytes == STACK_FILL ? "stack" : "other";
}

/* ---- elements ------------------------------------------------------------------------------ */

static int check_place(const struct sdk *s, const struct element *x, uint64_t rva, struct err *e)
{
	if (!page_aligned(rva))
		return sdk_bad(s, x->at + 8, e, "its place 0x%llx is no multiple of 4096",
			       (unsigned long long)rva);
	if (rva > s->block.size || x->pages > (s->block.size - rva) / SGX_PAGE_SIZE)
		return sdk_bad(s, x->at + 4, e, "its %u pages at 0x%llx leave the enclave of size 0x%llx",
			       x->pages, (unsigned long long)rva, (unsigned long long)s->block.size);
	return 0;
}

static int check_content(const struct sdk *s, const struct element *x, uint64_t most, struct err *e)
{
	if (x->content > s->block.bytes || x->content_bytes > s->block.bytes - x->content)
		return sdk_bad(s, x->at + 20, e, "contents of %u bytes at 0x%x, outside their block of 0x%x",
			       x->content_bytes, x->content, s->block.bytes);
	if (x->content_bytes > most)
		return sdk_bad(s, x->at + 16, e, "contents of %u bytes, of which %llu fit", x->content_bytes,
			       (unsigned long long)most);
	return 0;
}

/* The template's OSSA, OFSBASE and OGSBASE count from the TCS itself. */
static int add_tcs(struct sdk *s, const struct element *x, struct plan_run *run, struct err *e)
{
	struct sgx_arch_tcs tcs = { 0 };
	uint64_t rva = run->off;
	uint8_t *page;

	if (check_content(s, x, SGX_PAGE_SIZE, e) < 0)
		return -1;
	if (x->pages > PLAN_MAX_TCS) {
		err_set(e, ERR_TOO_BIG, 0, "%u TCS pages, more than %u", x->pages, PLAN_MAX_TCS);
		return err_offset(e, s->block.off + x->at + 4);
	}
	run->data_bytes = x->content_bytes > SGX_TCS_FIELDS ? x->content_bytes : SGX_TCS_FIELDS;
	page = image_mem_alloc(s->mem, 1, run->data_bytes, e);
	if (!page)
		return -1;
	memcpy(page, s->copy + x->content, x->content_bytes);
	memcpy(&tcs, page, SGX_TCS_FIELDS);
	tcs.ossa += rva;
	tcs.ofsbase += rva;
	tcs.ogsbase += rva;
	memcpy(page, &tcs, SGX_TCS_FIELDS);
	if (!s->b.p.n_tcs || tcs.nssa < s->b.p.nssa)
		s->b.p.nssa = tcs.nssa;

	run->data = page;
	run->pages = 1;
	for (uint32_t i = 0; i < x->pages; i++) { /* one in all files known; more are the same page again */
		run->off = rva + (uint64_t)i * SGX_PAGE_SIZE;
		if (sdk_add_run(s, run, s->block.off + x->at, e) < 0)
			return -1;
	}
	s->threads += x->pages;
	return 0;
}

static int add_pages(struct sdk *s, const struct element *x, uint64_t rva, struct err *e)
{
	struct plan_run run = {
		.off = rva, .pages = x->pages, .secinfo = x->flags, .what = name_of(s, x),
		.chunks = x->attributes & ATTR_EEXTEND ? PLAN_CHUNKS_ALL : 0,
	};

	if (!x->content) {
		run.fill = x->content_bytes;
		if (x->flags == SGX_SECINFO_TCS)
			s->threads += x->pages;
		return sdk_add_run(s, &run, s->block.off + x->at, e);
	}
	if (x->flags == SGX_SECINFO_TCS)
		return add_tcs(s, x, &run, e);
	if (check_content(s, x, run.pages * SGX_PAGE_SIZE, e) < 0)
		return -1;
	run.chunks = PLAN_CHUNKS_ALL;
	run.data = s->copy + x->content;
	run.data_bytes = x->content_bytes;
	return sdk_add_run(s, &run, s->block.off + x->at, e);
}

/* Has the element pages, now or later? */
static bool is_something(const struct element *x)
{
	if (x->attributes & ATTR_EADD)
		return x->flags || x->content;
	return x->attributes & ATTR_POST_ADD;
}

static int add_element(struct sdk *s, const struct element *x, uint64_t delta, struct err *e)
{
	uint64_t rva;

	if (__builtin_add_overflow(x->rva, delta, &rva))
		return sdk_bad(s, x->at + 8, e, "its place 0x%llx + 0x%llx wraps",
			       (unsigned long long)x->rva, (unsigned long long)delta);
	if (check_place(s, x, rva, e) < 0)
		return -1;
	if (!is_something(x))
		return 0;
	if (x->attributes & ATTR_EADD)
		return add_pages(s, x, rva, e);
	if (x->flags == SGX_SECINFO_TCS || (x->attributes & ATTR_DYN_THREAD && !strcmp(name_of(s, x), "tcs")))
		s->dynamic_threads += x->pages;
	if (plan_build_dynamic(&s->b, rva + s->bias, x->pages,
			       x->attributes & ATTR_DYN_THREAD ? "threads" : name_of(s, x), e) < 0)
		return err_offset(e, s->block.off + x->at);
	return 0;
}

/* ---- groups -------------------------------------------------------------------------------- */

/* How many of the elements that the group repeats have pages. */
static int count_group(const struct sdk *s, uint32_t i, const struct group *g, uint32_t at, uint64_t *ret_n,
		       struct err *e)
{
	*ret_n = 0;
	if (g->entries > i)
		return sdk_bad(s, at + 2, e, "a group of the %u elements before it, where there are %u",
			       g->entries, i);
	for (uint32_t k = i - g->entries; k < i; k++) {
		struct element x;

		if (!read_element(s, k, &x))
			return sdk_bad(s, x.at, e, "a group inside a group");
		*ret_n += is_something(&x) && x.pages;
	}
	return 0;
}

static int add_group(struct sdk *s, uint32_t i, uint32_t at, struct err *e)
{
	const uint8_t *p = s->copy + at;
	struct group g = { sdk_get16(p + 2), sdk_get32(p + 4), sdk_get64(p + 8) };
	uint64_t each, last;

	if (count_group(s, i, &g, at, &each, e) < 0)
		return -1;
	if (__builtin_mul_overflow((uint64_t)g.times, g.step, &last) || last > s->block.size)
		return sdk_bad(s, at + 8, e, "a group repeated %u times by 0x%llx leaves the enclave",
			       g.times, (unsigned long long)g.step);
	if (!each)
		return 0;
	if (g.times && !g.step)
		return sdk_bad(s, at + 8, e, "a group repeated %u times in one place", g.times);
	if (each * g.times > PLAN_MAX_RUNS) {
		err_set(e, ERR_TOO_BIG, 0, "a group of %llu areas repeated %u times, more than %u runs",
			(unsigned long long)each, g.times, PLAN_MAX_RUNS);
		return err_offset(e, s->block.off + at + 4);
	}
	for (uint32_t j = 1; j <= g.times; j++) {
		for (uint32_t k = i - g.entries; k < i; k++) {
			struct element x;

			read_element(s, k, &x);
			if (add_element(s, &x, j * g.step, e) < 0)
				return err_wrap(e, "repetition %u of %u", j, g.times);
		}
	}
	return 0;
}

int sdk_add_layout(struct sdk *s, struct err *e)
{
	uint32_t n = s->block.layout.bytes / ELEMENT_BYTES;
	struct element x;

	for (uint32_t i = 0; i < n; i++) {
		if (read_element(s, i, &x) && x.id == OLD_ID_TCS && x.flags == SGX_SECINFO_TCS)
			s->old_ids = true;
	}
	for (uint32_t i = 0; i < n; i++) {
		if ((read_element(s, i, &x) ? add_element(s, &x, 0, e) : add_group(s, i, x.at, e)) < 0)
			return err_wrap(e, "layout element %u", i);
	}
	return 0;
}
