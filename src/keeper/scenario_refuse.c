/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios in which the enclave asks for what it must not get: the CPU refuses, and nothing has changed. */
#include <sys/mman.h>

#include "keeper/scenario.h"

#define COPY_RX (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X)

static void try_accept(struct scenario_run *s, const char *what, uint64_t off, uint64_t flags)
{
	struct encl_op op = op_at(s, ENCL_OP_ACCEPT, off, 1);
	struct encl_exit x;

	op.flags = flags;
	scenario_op(s, &op, &x);
	check_refused(s, what, SGXC_PAGE_ATTRIBUTES_MISMATCH, 0, &op, &x);
}

static void accept_twice(struct scenario_run *s)
{
	struct grow_result r;
	struct encl_op op;
	struct encl_exit x;
	uint64_t off;

	if (!scenario_room(s, 2, &off) || !scenario_grow(s, off, 2, &r))
		return;
	try_accept(s, "EACCEPT of an accepted page", off, FRESH_FLAGS);
	op = op_at(s, ENCL_OP_ACCEPTCOPY, off + SGX_PAGE_SIZE, 1);
	op.flags = COPY_RX;
	scenario_op(s, &op, &x);
	check_refused(s, "EACCEPTCOPY onto an accepted page", SGXC_PAGE_ATTRIBUTES_MISMATCH, 0, &op, &x);
	scenario_word(s, "the pages are as before", off, 7);
}

static void accept_wrong(struct scenario_run *s)
{
	uint64_t off;

	if (!scenario_room(s, 1, &off) || !scenario_bring(s, off, 1))
		return;
	try_accept(s, "EACCEPT naming r--", off, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_PENDING);
	try_accept(s, "EACCEPT naming rwx", off, FRESH_FLAGS | SGX_SECINFO_X);
	try_accept(s, "EACCEPT naming PR, not PENDING", off, PERM_RW | SGX_SECINFO_REG | SGX_SECINFO_PR);
	try_accept(s, "EACCEPT naming a TCS", off, SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED);
	try_accept(s, "EACCEPT naming a trimmed page", off, SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED);
	if (scenario_accept(s, "EACCEPT naming what it is", off, 1, FRESH_FLAGS))
		scenario_word(s, "use the page", off, 9);
}

/* Where nothing is mapped no page can come; with a mapping the same instruction succeeds. */
static void accept_outside(struct scenario_run *s)
{
	struct stopped st;
	struct encl_op op;
	struct err e = { 0 };
	uint64_t off;

	if (!scenario_room(s, 1, &off))
		return;
	op = op_at(s, ENCL_OP_ACCEPT, off, 1);
	op.flags = FRESH_FLAGS;
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "EACCEPT of an address that is not mapped", 0x4, off, &st.x);
	check_done(s, "map it", encl_map(s->en, off, 1, PROT_READ | PROT_WRITE, &e), &e);
	scenario_resume(s, &st);
	check_ok(s, "the same EACCEPT", &st.op, &st.x);
	scenario_finish(s, &st);
	encl_note_accepted(s->en, off, 1, PERM_RW);
	scenario_word(s, "use the page", off, 11);
}

/* EACCEPTCOPY writes: below a read-only mapping it faults as a write, and no page is added. */
static void acceptcopy_readonly(struct scenario_run *s)
{
	struct stopped st;
	struct encl_op op;
	struct err e = { 0 };
	uint64_t off;

	if (!scenario_room(s, 1, &off) ||
	    !check_done(s, "map it read-only", encl_map(s->en, off, 1, PROT_READ, &e), &e))
		return;
	op = op_at(s, ENCL_OP_ACCEPTCOPY, off, 1);
	op.flags = COPY_RX;
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "EACCEPTCOPY below a read-only mapping", 0x6, off, &st.x);
	check_done(s, "map it writable", encl_mprotect(s->en, off, 1, PROT_READ | PROT_WRITE, &e), &e);
	scenario_resume(s, &st);
	check_ok(s, "the same EACCEPTCOPY", &st.op, &st.x);
	scenario_finish(s, &st);
	encl_note_accepted(s->en, off, 1, SGX_SECINFO_R | SGX_SECINFO_X);
}

const struct scenario scenarios_refuse[] = {
	{ "accept-twice", "a second EACCEPT or EACCEPTCOPY of a page is refused", ON_ALL, NEEDS_SGX2, "grow",
	  2, accept_twice, false },
	{ "accept-wrong", "EACCEPT that names other rights or another type is refused",
	  ON_IOCTL | ON_TOUCH | ON_ACCEPT, NEEDS_SGX2, "grow", 1, accept_wrong, false },
	{ "accept-outside", "EACCEPT where no page is and none can come", 0, NEEDS_SGX2, "grow", 1,
	  accept_outside, false },
	{ "acceptcopy-readonly", "EACCEPTCOPY needs a writable mapping", 0, NEEDS_SGX2, "grow", 1,
	  acceptcopy_readonly, false },
	{ 0 }
};
