/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The mmap sequence of the RFC, both ways: a trapped SYSCALL in the enclave becomes memory of the enclave. */
#include "keeper/scenario.h"

enum { BY_EEXIT = 0, BY_DOORBELL = 1 };

static void mmap_once(struct scenario_run *s, const char *what, uint64_t opt, unsigned rwx, uint64_t *ret_off)
{
	struct encl_op op = { .op = ENCL_OP_MMAP, .pages = s->pages, .flags = rwx, .opt = opt };
	struct encl_exit x = { 0 };
	struct err e = { 0 };
	int r = mmap_serve(s->en, s->strategy == GROW_IOCTL, &op, &x, &e);

	*ret_off = 0;
	if (!check_done(s, what, r, &e) || !check_ok(s, "the payload goes on", &op, &x))
		return;
	*ret_off = op.value - s->en->base;
	check_true(s, "the address is in the reserve",
		   s->en->plan.n_dynamic && *ret_off >= s->en->plan.dynamic[0].off && *ret_off < s->en->size);
	check_u64(s, "EACCEPTCOPYs", s->pages, op.eacceptcopies);
}

static void sequence(struct scenario_run *s, uint64_t opt)
{
	struct encl_counters before, after;
	struct stopped st;
	struct encl_op op;
	uint64_t rw, ro;

	/* the first time also faults in code, stacks and SSA frames: that is not what is counted */
	mmap_once(s, "mmap rw-, the first", opt, PERM_RW, &rw);
	encl_counters_get(s->en, &before);
	mmap_once(s, "mmap rw-", opt, PERM_RW, &rw);
	encl_counters_get(s->en, &after);
	encl_counters_sub(&after, &before, &s->counters);
	s->has_counters = true;
	check_u64(s, "EENTERs", 3, s->counters.eenters);
	check_u64(s, "ERESUMEs", opt == BY_DOORBELL ? 2 : 1, s->counters.eresumes);
	check_u64(s, "user exits", opt == BY_DOORBELL ? 2 : 1, s->counters.user_exits);
	check_counter(s, "asynchronous exits",
		      s->counters.user_exits + (s->strategy == GROW_IOCTL && scenario_kernel_is_fixed(s) ? 0 :
						s->pages),
		      s->counters.aexs);

	mmap_once(s, "mmap r--", opt, SGX_SECINFO_R, &ro);
	if (!rw || !ro)
		return;
	check_true(s, "the two ranges are apart", ro >= rw + s->pages * SGX_PAGE_SIZE ||
		   rw >= ro + s->pages * SGX_PAGE_SIZE);
	op = op_at(s, ENCL_OP_WRITE, ro, 0);
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "write to what was mapped r--", 0x7, ro, &st.x);
	scenario_finish(s, &st);
}

static void mmap_eexit(struct scenario_run *s)
{
	sequence(s, BY_EEXIT);
}

static void mmap_doorbell(struct scenario_run *s)
{
	sequence(s, BY_DOORBELL);
}

const struct scenario scenarios_mmap[] = {
	{ "mmap-eexit", "mmap by a trapped SYSCALL, the request leaves by EEXIT", ON_IOCTL | ON_ACCEPT,
	  NEEDS_SGX2 | NEEDS_FRESH, "mmap", 8, mmap_eexit, false },
	{ "mmap-doorbell", "the same, the request leaves by a second trap", ON_IOCTL | ON_ACCEPT,
	  NEEDS_SGX2 | NEEDS_FRESH, "mmap", 8, mmap_doorbell, false },
	{ 0 }
};
