/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios that change pages of a running enclave: rights, types, removal. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "keeper/scenario.h"

#define BYTES(pages) ((pages) * (uint64_t)SGX_PAGE_SIZE)
#define RESTRICTED_R (SGX_SECINFO_REG | SGX_SECINFO_PR | SGX_SECINFO_R)
#define TRIMMED (SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED)

static bool trim(struct scenario_run *s, uint64_t off, uint64_t pages)
{
	struct err e = { 0 };
	uint64_t done;
	int r = encl_modify_type(s->en, off, pages, SGX_PT_TRIM, &done, &e);

	return check_done(s, "MODIFY_TYPES to trim", r, &e) && check_u64(s, "pages trimmed", pages, done);
}

static bool remove_pages(struct scenario_run *s, uint64_t off, uint64_t pages)
{
	struct err e = { 0 };
	uint64_t done;
	int r = encl_remove(s->en, off, pages, &done, &e);

	return check_done(s, "REMOVE_PAGES", r, &e) && check_u64(s, "pages removed", pages, done);
}

static void restrict_accept(struct scenario_run *s)
{
	struct grow_result r;
	struct stopped st;
	struct encl_op op;
	struct err e = { 0 };
	uint64_t off, done;

	if (!scenario_room(s, 1, &off) || !scenario_grow(s, off, 1, &r) ||
	    !scenario_word(s, "use the page", off, 41))
		return;
	if (!check_done(s, "RESTRICT to r--", encl_restrict(s->en, off, 1, SGX_SECINFO_R, &done, &e), &e) ||
	    !scenario_accept(s, "accept that", off, 1, RESTRICTED_R))
		return;
	op = op_at(s, ENCL_OP_WRITE, off, 0);
	op.value = 42;
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "write to the restricted page", 0x8007, off, &st.x);
	check_done(s, "EMODPE gives W back", encl_extend(s->en, off, 1, SGX_SECINFO_REG | PERM_RW, &done, &e),
		   &e);
	scenario_resume(s, &st);
	check_ok(s, "the write is done", &st.op, &st.x);
	scenario_finish(s, &st);
}

/* lea 2(%rdi),%rax; ret */
static const uint8_t code[] = { 0x48, 0x8d, 0x47, 0x02, 0xc3 };

static void extend(struct scenario_run *s)
{
	struct grow_result r;
	struct stopped st;
	struct encl_op op;
	struct encl_exit x;
	struct err e = { 0 };
	uint64_t off, done;

	if (!scenario_room(s, 1, &off) || !scenario_grow(s, off, 1, &r))
		return;
	op = op_at(s, ENCL_OP_COPYIN, off, 0);
	op.src = (uint64_t)(uintptr_t)code;
	op.bytes = sizeof(code);
	scenario_op(s, &op, &x);
	check_ok(s, "write code to the page", &op, &x);
	check_done(s, "map it rwx", encl_mprotect(s->en, off, 1, PROT_READ | PROT_WRITE | PROT_EXEC, &e), &e);
	op = op_at(s, ENCL_OP_EXEC, off, 0);
	op.value = 40;
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "run it without X in the EPCM", 0x8015, off, &st.x);
	check_done(s, "EMODPE adds X",
		   encl_extend(s->en, off, 1, SGX_SECINFO_REG | SGX_SECINFO_RWX, &done, &e), &e);
	scenario_resume(s, &st);
	check_ok(s, "run it", &st.op, &st.x);
	check_u64(s, "what the code returns", 42, st.op.value);
	scenario_finish(s, &st);
}

static void trim_remove(struct scenario_run *s)
{
	struct grow_result r;
	struct page_range *map = NULL;
	struct err e = { 0 };
	size_t n = 0;
	uint64_t off;

	if (!scenario_room(s, s->pages, &off) || !scenario_grow(s, off, s->pages, &r) ||
	    !scenario_fill(s, "use the pages", off, s->pages, 51))
		return;
	if (!trim(s, off, s->pages) || !scenario_accept(s, "accept the trimming", off, s->pages, TRIMMED) ||
	    !remove_pages(s, off, s->pages))
		return;
	if (check_done(s, "page map", encl_pages(s->en, off, s->pages, &map, &n, &e), &e))
		check_true(s, "no page is left", n == 0 || (n == 1 && !map[0].valid));
	free(map);
	/* the mapping is still there: the address can be used again, by a fresh page */
	if (scenario_accept(s, "accept a fresh page there", off, 1, FRESH_FLAGS)) {
		struct encl_op op = op_at(s, ENCL_OP_READ, off, 0);
		struct encl_exit x;

		scenario_op(s, &op, &x);
		check_ok(s, "read it", &op, &x);
		check_hex(s, "it is empty", 0, op.value);
	}
}

static void remove_unaccepted(struct scenario_run *s)
{
	struct grow_result r;
	struct err e = { 0 };
	uint64_t off, done;

	if (!scenario_room(s, 1, &off) || !scenario_grow(s, off, 1, &r))
		return;
	check_error(s, "REMOVE of a page in use", ERR_REMOVE, encl_remove(s->en, off, 1, &done, &e), &e);
	check_return(s, "errno", EPERM, e.sys);
	if (!trim(s, off, 1))
		return;
	check_error(s, "REMOVE before the trimming is accepted", ERR_NOT_ACCEPTED,
		    encl_remove(s->en, off, 1, &done, &e), &e);
	check_return(s, "errno", EPERM, e.sys);
	check_u64(s, "pages removed", 0, done);
	if (scenario_accept(s, "accept the trimming", off, 1, TRIMMED))
		remove_pages(s, off, 1);
}

/* A trimmed page is dead for the enclave, before and after EACCEPT. */
static void trimmed_access(struct scenario_run *s)
{
	struct grow_result r;
	struct stopped st;
	struct encl_op op;
	uint64_t off;

	if (!scenario_room(s, 1, &off) || !scenario_grow(s, off, 1, &r) || !trim(s, off, 1))
		return;
	op = op_at(s, ENCL_OP_READ, off, 0);
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "read the trimmed page", 0x8005, off, &st.x);
	if (scenario_accept(s, "accept the trimming", off, 1, TRIMMED)) {
		scenario_resume(s, &st);
		check_fault(s, "read it after EACCEPT", 0x8005, off, &st.x);
	}
	/* with the page gone the same read adds a fresh one; accepted, the thread comes home */
	if (remove_pages(s, off, 1)) {
		scenario_resume(s, &st);
		check_fault(s, "read it after its removal: a fresh page, pending", 0x8005, off, &st.x);
		if (scenario_accept(s, "accept the fresh page", off, 1, FRESH_FLAGS)) {
			scenario_resume(s, &st);
			check_ok(s, "the read is done", &st.op, &st.x);
		}
	}
	scenario_finish(s, &st);
}

/* ---- a thread made at run time ------------------------------------------------------------------- */

enum { STACK_PAGES = 4, TLS = STACK_PAGES, TCS = TLS + 1, SSA = TCS + 1, THREAD_PAGES = SSA + ENCL_DYN_NSSA };

static bool make_thread(struct scenario_run *s, uint64_t off)
{
	struct encl_op op = op_at(s, ENCL_OP_INIT_TCS, off + BYTES(TCS), 0);
	struct encl_exit x;
	struct err e = { 0 };
	uint64_t done;

	op.value = off + BYTES(SSA);
	op.opt = off + BYTES(TLS);
	scenario_op(s, &op, &x);
	if (!check_ok(s, "write the TCS", &op, &x) ||
	    !check_done(s, "MODIFY_TYPES to TCS",
			encl_modify_type(s->en, off + BYTES(TCS), 1, SGX_PT_TCS, &done, &e), &e))
		return false;
	return scenario_accept(s, "accept the TCS", off + BYTES(TCS), 1,
			       SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED);
}

static void enter_thread(struct scenario_run *s, uint64_t off)
{
	struct encl_tcs *t = encl_tcs_at(s->en, off + BYTES(TCS));
	struct encl_tls tls;
	struct encl_op op = op_at(s, ENCL_OP_SELF, 0, 0);
	struct encl_exit x;

	if (!check_true(s, "the new TCS is known", t))
		return;
	memset(&tls, 0, sizeof(tls));
	op.dst = (uint64_t)(uintptr_t)&tls;
	encl_enter(s->en, t, SGX_EENTER, &op, &x);
	if (check_ok(s, "enter by it", &op, &x)) {
		check_hex(s, "the thread knows its TCS", off + BYTES(TCS), tls.tcs_off);
		check_hex(s, "and that it was made at run time", ENCL_TCS_DYNAMIC, tls.tcs_index);
	}
	op = op_at(s, ENCL_OP_STACK, 0, 0);
	op.value = STACK_PAGES - 2;
	encl_enter(s->en, t, SGX_EENTER, &op, &x);
	check_ok(s, "use its stack", &op, &x);
	encl_tcs_put(s->en, t);
}

static void tcs_create(struct scenario_run *s)
{
	struct grow_result r;
	struct encl_exit x;
	struct encl_tcs *t;
	struct encl_op op;
	uint64_t off;

	if (!scenario_room(s, THREAD_PAGES, &off) || !scenario_grow(s, off, THREAD_PAGES, &r) ||
	    !make_thread(s, off))
		return;
	enter_thread(s, off);
	if (!trim(s, off, THREAD_PAGES) || !scenario_accept(s, "accept the trimming", off, THREAD_PAGES,
							    TRIMMED))
		return;
	t = encl_tcs_at(s->en, off + BYTES(TCS));
	if (t) {
		op = op_at(s, ENCL_OP_NOP, 0, 0);
		encl_enter(s->en, t, SGX_EENTER, &op, &x);
		check_true(s, "a trimmed TCS is refused", x.fault && x.function == SGX_EENTER);
		encl_tcs_put(s->en, t);
	}
	remove_pages(s, off, THREAD_PAGES);
}

const struct scenario scenarios_change[] = {
	{ "restrict-accept", "take W from a page, accept that, be refused to write", 0, NEEDS_SGX2, "grow", 1,
	  restrict_accept, false },
	{ "extend", "add X to a page and run it", 0, NEEDS_SGX2, "grow", 1, extend, false },
	{ "trim-remove", "trim, accept, remove; the address can be used again", ON_ALL, NEEDS_SGX2, "grow",
	  16, trim_remove, false },
	{ "remove-unaccepted", "pages are not removed before they are trimmed and that is accepted", 0,
	  NEEDS_SGX2, "grow", 1, remove_unaccepted, false },
	{ "trimmed-access", "a trimmed page cannot be read, a fresh one comes after its removal", 0,
	  NEEDS_SGX2, "grow", 1, trimmed_access, false },
	{ "tcs-create", "make a thread at run time, enter by it, take it away", ON_ALL, NEEDS_SGX2, "grow",
	  THREAD_PAGES, tcs_create, false },
	{ 0 }
};
