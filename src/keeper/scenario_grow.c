/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios of programs that grow: heap upwards, stack downwards, until the EPC is empty. */
#include <string.h>

#include "keeper/scenario.h"

#define CHUNKS 4u

/* Chunk after chunk above what is there, each used at once, the older ones kept. */
static void heap_growth(struct scenario_run *s)
{
	struct grow_result r;
	uint64_t off, chunk = s->pages * SGX_PAGE_SIZE;

	if (!scenario_room(s, CHUNKS * s->pages, &off))
		return;
	for (uint64_t i = 0; i < CHUNKS; i++)
		if (!scenario_grow(s, off + i * chunk, s->pages, &r) ||
		    !scenario_fill(s, "use the chunk", off + i * chunk, s->pages, i + 1))
			return;
	for (uint64_t i = 0; i < CHUNKS; i++) {
		struct encl_op op = op_at(s, ENCL_OP_CHECKSUM, off + i * chunk, s->pages);
		struct encl_exit x;

		scenario_op(s, &op, &x);
		check_ok(s, "read a chunk again", &op, &x);
		check_hex(s, "its checksum", (i + 1) * s->pages * 512, op.value);
	}
}

/* The same from the top down, highest page first, as a stack is used. */
static void stack_growth(struct scenario_run *s)
{
	struct grow_request q = {
		.pages = s->pages, .strategy = s->strategy, .accept = true, .rwx = PERM_RW, .down = true,
	};
	struct grow_result r;
	struct err e = { 0 };
	uint64_t off;

	if (!scenario_room(s, CHUNKS * s->pages, &off))
		return;
	for (uint64_t i = CHUNKS; i-- > 0;) {
		q.off = off + i * s->pages * SGX_PAGE_SIZE;
		if (!check_done(s, "grow downwards", encl_grow(s->en, &q, &r, &e), &e))
			return;
		check_u64(s, "pages accepted", s->pages, r.accepted_pages);
		scenario_word(s, "use the top of it", q.off + s->pages * SGX_PAGE_SIZE - sizeof(uint64_t), i);
	}
	scenario_fill(s, "use the whole of it", off, CHUNKS * s->pages, 5);
}

/* Takes pages back: trimmed, accepted, removed. */
static bool give_back(struct scenario_run *s, uint64_t off, uint64_t pages)
{
	struct err e = { 0 };
	uint64_t done;

	return check_done(s, "trim", encl_modify_type(s->en, off, pages, SGX_PT_TRIM, &done, &e), &e) &&
	       scenario_accept(s, "accept the trimming", off, pages,
			       SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED) &&
	       check_done(s, "remove", encl_remove(s->en, off, pages, &done, &e), &e);
}

/* More than there is: what fits is added and usable, the rest refused, and room made is room again. */
static void epc_exhausted(struct scenario_run *s)
{
	struct grow_request q = { .strategy = s->strategy, .accept = true, .rwx = PERM_RW };
	uint64_t reserve = s->en->plan.n_dynamic ? s->en->plan.dynamic[0].pages : 0;
	uint64_t epc = s->env->k->dev_config.epc_bytes / SGX_PAGE_SIZE;
	struct grow_result r;
	struct err e = { 0 };
	int result;

	if (strcmp(sgx_dev_name(s->env->k->dev), "emulated")) {
		scenario_skip(s, "this driver swaps enclave pages out: its EPC does not run out");
		return;
	}
	if (!epc || epc + 2 > reserve) {
		scenario_skip(s, "the EPC is larger than what the enclave can grow by: see --epc");
		return;
	}
	q.pages = reserve - 2;
	if (!scenario_room(s, q.pages, &q.off))
		return;
	s->pages = q.pages;
	result = encl_grow(s->en, &q, &r, &e);
	check_error(s, "grow beyond the EPC", ERR_NO_EPC, result, &e);
	check_true(s, "some pages were added", r.augmented_pages && r.augmented_pages < q.pages);
	check_hex(s, "the first page that did not fit", q.off + r.augmented_pages * SGX_PAGE_SIZE, e.offset);
	check_u64(s, "all that were added are accepted", r.augmented_pages, r.accepted_pages);
	s->counters = r.counters;
	s->has_counters = true;
	if (r.accepted_pages < 64)
		return;
	scenario_fill(s, "use the last ones", q.off + (r.accepted_pages - 16) * SGX_PAGE_SIZE, 16, 77);
	if (give_back(s, q.off, 32))
		scenario_grow(s, q.off, 16, &r);
}

const struct scenario scenarios_grow[] = {
	{ "heap-growth", "a heap that grows upwards, chunk by chunk", ON_ALL, NEEDS_SGX2, "grow", 16,
	  heap_growth, false },
	{ "stack-growth", "a stack that grows downwards", ON_ALL, NEEDS_SGX2, "grow", 16, stack_growth,
	  false },
	{ "epc-exhausted", "the EPC runs out half way", ON_ALL, NEEDS_SGX2 | NEEDS_FRESH, "grow", 0,
	  epc_exhausted, false },
	{ 0 }
};
