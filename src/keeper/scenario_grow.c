/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios of programs that grow: heap upwards, stack downwards, beyond the EPC. */
#include <string.h>

#include "keeper/scenario.h"

#define CHUNKS 4u
#define VA_SLOTS 512u           /* pages to an EPC page of the driver's, which is never swapped out */
#define EPC_WORKING_PAGES 32u
#define BEYOND_PAGES 256u       /* read from start to end, so many too many make every page come back once */

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

/* More than there is: the driver swaps pages out, so all is added and keeps its contents, and can be given back. */
static void epc_exhausted(struct scenario_run *s)
{
	struct grow_request q = { .strategy = s->strategy, .accept = true, .rwx = PERM_RW };
	uint64_t reserve = s->en->plan.n_dynamic ? s->en->plan.dynamic[0].pages : 0;
	uint64_t epc = s->env->k->dev_config.epc_bytes / SGX_PAGE_SIZE;
	struct encl_op op;
	struct encl_exit x;
	struct grow_result r;
	struct err e = { 0 };

	if (strcmp(sgx_dev_name(s->env->k->dev), "emulated")) {
		scenario_skip(s, "this driver swaps enclave pages out: its EPC does not run out");
		return;
	}
	if (!epc || epc + 2 > reserve) {
		scenario_skip(s, "the EPC is larger than what the enclave can grow by: see --epc");
		return;
	}
	if (epc < reserve / VA_SLOTS + EPC_WORKING_PAGES) {
		scenario_skip(s, "the EPC holds little more than the version arrays of so many pages");
		return;
	}
	q.pages = epc + BEYOND_PAGES + 2 < reserve ? epc + BEYOND_PAGES : reserve - 2;
	if (!scenario_room(s, q.pages, &q.off))
		return;
	s->pages = q.pages;
	if (!check_done(s, "grow beyond the EPC", encl_grow(s->en, &q, &r, &e), &e))
		return;
	check_u64(s, "pages added", q.pages, r.augmented_pages);
	check_u64(s, "pages accepted", q.pages, r.accepted_pages);
	s->counters = r.counters;
	s->has_counters = true;
	if (!scenario_fill(s, "use all of them", q.off, q.pages, 77))
		return;
	op = op_at(s, ENCL_OP_CHECKSUM, q.off, q.pages);
	scenario_op(s, &op, &x);
	check_ok(s, "read all of them again", &op, &x);
	check_hex(s, "their checksum", q.pages * 512 * 77, op.value);
	if (q.pages >= 32 && give_back(s, q.off, 32))
		scenario_grow(s, q.off, 16, &r);
}

const struct scenario scenarios_grow[] = {
	{ "heap-growth", "a heap that grows upwards, chunk by chunk", ON_ALL, NEEDS_SGX2, "grow", 16,
	  heap_growth, false },
	{ "stack-growth", "a stack that grows downwards", ON_ALL, NEEDS_SGX2, "grow", 16, stack_growth,
	  false },
	{ "epc-exhausted", "more pages than the EPC holds", ON_ALL, NEEDS_SGX2 | NEEDS_FRESH, "grow", 0,
	  epc_exhausted, false },
	{ 0 }
};
