/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios in which pages are accepted as they should be. */
#include <string.h>
#include <sys/mman.h>

#include "keeper/scenario.h"

static void accept_empty(struct scenario_run *s)
{
	struct grow_result r;
	uint64_t off;

	if (!scenario_room(s, 1, &off) || !scenario_grow(s, off, 1, &r))
		return;
	scenario_word(s, "use the page", off, 0x1122334455667788);
}

/* What a strategy must cost for n pages; the reason there are strategies. */
static void check_costs(struct scenario_run *s, const struct encl_counters *c, uint64_t n)
{
	check_u64(s, "mmaps", 1, c->mmaps);
	check_u64(s, "EACCEPTs", n, c->eaccepts);
	check_counter(s, "page-table entries", n, c->ptes);
	switch (s->strategy) {
	case GROW_IOCTL:
		check_u64(s, "ioctls", 1, c->ioctls);
		check_u64(s, "EENTERs", 1, c->eenters);
		check_counter(s, "asynchronous exits", scenario_kernel_is_fixed(s) ? 0 : n, c->aexs);
		break;
	case GROW_TOUCH:
		check_u64(s, "ioctls", 0, c->ioctls);
		check_u64(s, "EENTERs", 1, c->eenters);
		/* a driver that is short of EPC lets the same access fault until a page is free */
		check_true(s, "one host fault per page, at least", c->host_faults >= n);
		check_counter(s, "asynchronous exits", 0, c->aexs);
		break;
	case GROW_ACCEPT:
		check_u64(s, "ioctls", 0, c->ioctls);
		check_u64(s, "EENTERs", 1, c->eenters);
		check_u64(s, "user exits", 0, c->user_exits);
		check_counter(s, "asynchronous exits", n, c->aexs);
		break;
	default:
		check_u64(s, "ioctls", 0, c->ioctls);
		check_u64(s, "EENTERs", n + 1, c->eenters);
		check_u64(s, "ERESUMEs", n, c->eresumes);
		check_u64(s, "user exits", n, c->user_exits);
		check_counter(s, "asynchronous exits", 2 * n, c->aexs);
	}
}

static void accept_many(struct scenario_run *s)
{
	struct grow_result r;
	uint64_t off;

	/* the first time also faults in code, stacks and SSA frames: that is not what is counted */
	if (!scenario_room(s, 2, &off) || !scenario_grow(s, off, 2, &r))
		return;
	if (!scenario_room(s, s->pages, &off) || !scenario_grow(s, off, s->pages, &r))
		return;
	s->counters = r.counters;
	s->has_counters = true;
	check_costs(s, &r.counters, s->pages);
	scenario_fill(s, "use the pages", off, s->pages, 0x0101010101010101);
}

/* lea 1(%rdi),%rax; ret */
static const uint8_t code[] = { 0x48, 0x8d, 0x47, 0x01, 0xc3 };

static void prove_rx(struct scenario_run *s, uint64_t off)
{
	struct encl_op op = op_at(s, ENCL_OP_WRITE, off + 64, 0);
	struct stopped st;
	struct err e = { 0 };
	uint64_t done;

	op.value = 0xdead;
	if (!scenario_start(s, &st, &op))
		return;
	check_fault(s, "write below a read-only mapping", 0x7, off, &st.x);
	check_done(s, "map it writable", encl_mprotect(s->en, off, 1, PROT_READ | PROT_WRITE, &e), &e);
	scenario_resume(s, &st);
	check_fault(s, "write to a page that is r-x in the EPCM", 0x8007, off, &st.x);
	check_done(s, "EMODPE adds W",
		   encl_extend(s->en, off, 1, SGX_SECINFO_REG | SGX_SECINFO_RWX, &done, &e), &e);
	scenario_resume(s, &st);
	check_ok(s, "now the write is done", &st.op, &st.x);
	scenario_finish(s, &st);
}

static void acceptcopy(struct scenario_run *s)
{
	struct grow_request q = { .pages = s->pages, .strategy = s->strategy, .accept = true };
	uint8_t *data = mmap(NULL, s->pages * SGX_PAGE_SIZE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct grow_result r;
	struct encl_op op;
	struct encl_exit x;
	struct err e = { 0 };
	uint64_t sum = 0, word;

	if (!check_true(s, "memory", data != MAP_FAILED))
		return;
	for (uint64_t i = 0; i < s->pages * SGX_PAGE_SIZE; i += sizeof(word)) {
		word = i < SGX_PAGE_SIZE && i < sizeof(code) ? 0 : i * 0x9e3779b97f4a7c15u;
		memcpy(data + i, &word, sizeof(word));
	}
	memcpy(data, code, sizeof(code));
	for (uint64_t i = 0; i < s->pages * SGX_PAGE_SIZE; i += sizeof(word)) {
		memcpy(&word, data + i, sizeof(word));
		sum += word;
	}
	q.copy_from = data;
	q.rwx = SGX_SECINFO_R | SGX_SECINFO_X;
	if (scenario_room(s, s->pages, &q.off) &&
	    check_done(s, "grow with contents, r-x", encl_grow(s->en, &q, &r, &e), &e)) {
		s->counters = r.counters;
		s->has_counters = true;
		check_u64(s, "EACCEPTCOPYs", s->pages, r.counters.eacceptcopies);
		op = op_at(s, ENCL_OP_CHECKSUM, q.off, s->pages);
		scenario_op(s, &op, &x);
		check_ok(s, "read the contents", &op, &x);
		check_hex(s, "checksum", sum, op.value);
		op = op_at(s, ENCL_OP_EXEC, q.off, 0);
		op.value = 41;
		scenario_op(s, &op, &x);
		check_ok(s, "run the contents", &op, &x);
		check_u64(s, "what the code returns", 42, op.value);
		prove_rx(s, q.off);
	}
	munmap(data, s->pages * SGX_PAGE_SIZE);
}

/* Nobody prepared the enclave for the page it touches. */
static void access_before_accept(struct scenario_run *s)
{
	struct stopped st;
	struct encl_op op;
	uint64_t off;

	if (!scenario_room(s, 1, &off) || !scenario_bring(s, off, 1))
		return;
	op = op_at(s, ENCL_OP_WRITE, off, 0);
	op.value = 0x5a5a5a5a;
	if (!scenario_start(s, &st, &op))
		return;
	if (check_fault(s, "write to a pending page", 0x8007, off, &st.x) &&
	    scenario_accept(s, "accept it on another TCS", off, 1, FRESH_FLAGS)) {
		scenario_resume(s, &st);
		check_ok(s, "the write is done", &st.op, &st.x);
		op.op = ENCL_OP_READ;
		op.value = 0;
		scenario_op(s, &op, &st.x);
		check_ok(s, "read it", &op, &st.x);
		check_hex(s, "it reads back", 0x5a5a5a5a, op.value);
	}
	scenario_finish(s, &st);
}

const struct scenario scenarios_accept[] = {
	{ "accept-empty", "accept one empty page", ON_ALL, NEEDS_SGX2, "grow", 1, accept_empty, false },
	{ "accept-many", "accept N pages, counting what it costs", ON_ALL, NEEDS_SGX2, "grow", 256,
	  accept_many, false },
	{ "acceptcopy-rights", "EACCEPTCOPY code as r-x, run it, be refused to write it", ON_ALL, NEEDS_SGX2,
	  "grow", 4, acceptcopy, false },
	{ "access-before-accept", "write to a page that awaits EACCEPT, accept it, resume",
	  ON_IOCTL | ON_TOUCH | ON_ACCESS, NEEDS_SGX2, "grow", 1, access_before_accept, false },
	{ 0 }
};
