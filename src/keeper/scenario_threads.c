/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios with several threads in one enclave. */
#include <pthread.h>

#include "keeper/scenario.h"

#define THREADS 2
#define ROUNDS 8

struct grower {
	struct scenario_run *s;
	uint64_t off, seed;
	uint64_t accepted;
	int result;
	struct err e;
};

/* ROUNDS chunks, each filled with the thread's own pattern. */
static void *grow_main(void *arg)
{
	struct grower *g = arg;
	struct scenario_run *s = g->s;
	struct grow_request q = { .pages = s->pages, .strategy = s->strategy, .accept = true,
				  .rwx = PERM_RW };
	struct grow_result r;

	for (uint64_t i = 0; i < ROUNDS && !g->result; i++) {
		struct encl_op op;
		struct encl_exit x;

		q.off = g->off + i * s->pages * SGX_PAGE_SIZE;
		g->result = encl_grow(s->en, &q, &r, &g->e);
		g->accepted += r.accepted_pages;
		if (g->result)
			break;
		op = op_at(s, ENCL_OP_FILL, q.off, s->pages);
		op.value = g->seed;
		g->result = encl_call(s->en, &op, &x, &g->e);
	}
	return NULL;
}

static void two_threads(struct scenario_run *s)
{
	struct grower g[THREADS] = { 0 };
	pthread_t t[THREADS];
	uint64_t off, each = ROUNDS * s->pages;
	int started = 0;

	if (!scenario_room(s, THREADS * each, &off))
		return;
	for (int i = 0; i < THREADS; i++) {
		g[i] = (struct grower){ .s = s, .off = off + (uint64_t)i * each * SGX_PAGE_SIZE,
					.seed = (uint64_t)i + 1 };
		if (pthread_create(&t[i], NULL, grow_main, &g[i]))
			break;
		started++;
	}
	check_u64(s, "threads started", THREADS, (uint64_t)started);
	for (int i = 0; i < started; i++)
		pthread_join(t[i], NULL);
	for (int i = 0; i < started; i++) {
		struct encl_op op = op_at(s, ENCL_OP_CHECKSUM, g[i].off, each);
		struct encl_exit x;

		check_done(s, "the thread's work", g[i].result, &g[i].e);
		check_u64(s, "pages it has accepted", each, g[i].accepted);
		scenario_op(s, &op, &x);
		check_ok(s, "read its pages", &op, &x);
		check_hex(s, "their checksum", g[i].seed * each * 512, op.value);
	}
}

const struct scenario scenarios_threads[] = {
	{ "two-threads", "two threads grow the enclave at once", ON_ALL, NEEDS_SGX2 | NEEDS_FRESH, "threads",
	  16, two_threads, false },
	{ 0 }
};
