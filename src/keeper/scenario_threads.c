/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Scenarios with several threads in one enclave. */
#include <pthread.h>
#include <sys/mman.h>

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
	struct grow_request q = { .pages = s->pages, .strategy = s->strategy, .accept = true, .rwx = PERM_RW };
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
		g[i] = (struct grower){ .s = s, .off = off + (uint64_t)i * each * SGX_PAGE_SIZE, .seed = (uint64_t)i + 1 };
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

struct toucher {
	struct scenario_run *s;
	struct encl_op op;
	struct encl_exit x;
	int result;
	struct err e;
};

static void *accept_main(void *arg)
{
	struct toucher *t = arg;

	t->result = encl_call(t->s->en, &t->op, &t->x, &t->e);
	return NULL;
}

/*
 * Both accept the same pages: each page is added once and accepted once; the loser of a page is told so by
 * EACCEPT's code 19.
 */
static void same_pages(struct scenario_run *s)
{
	struct toucher w[THREADS] = { 0 };
	pthread_t t[THREADS];
	struct err e = { 0 };
	uint64_t off, won = 0, lost = 0;
	int started = 0;

	if (!scenario_room(s, s->pages, &off) ||
	    !check_done(s, "map", encl_map(s->en, off, s->pages, PROT_READ | PROT_WRITE, &e), &e))
		return;
	for (int i = 0; i < THREADS; i++) {
		w[i].s = s;
		w[i].op = op_at(s, ENCL_OP_ACCEPT, off, s->pages);
		w[i].op.flags = FRESH_FLAGS;
		w[i].op.opt = ENCL_OPT_KEEP;
		if (pthread_create(&t[i], NULL, accept_main, &w[i]))
			break;
		started++;
	}
	check_u64(s, "threads started", THREADS, (uint64_t)started);
	for (int i = 0; i < started; i++) {
		pthread_join(t[i], NULL);
		check_done(s, "the thread came back", w[i].result, &w[i].e);
		won += w[i].op.eaccepts;
		lost += w[i].op.refused;
	}
	check_u64(s, "pages accepted by one of them", s->pages, won);
	check_u64(s, "pages refused to the other", s->pages, lost);
	encl_note_accepted(s->en, off, s->pages, PERM_RW);
	scenario_fill(s, "use the pages", off, s->pages, 61);
}

const struct scenario scenarios_threads[] = {
	{ "two-threads", "two threads grow the enclave at once", ON_ALL, NEEDS_SGX2 | NEEDS_FRESH, "threads", 16,
	  two_threads, false },
	{ "same-pages", "two threads accept the same pages at once", 0, NEEDS_SGX2 | NEEDS_FRESH, "threads", 64, same_pages,
	  false },
	{ 0 }
};
