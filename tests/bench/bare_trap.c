/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See bare_trap.h. */
#include "bare_trap.h"

#include <signal.h>
#include <ucontext.h>

#include "bench.h"

#define ROUNDS 25

static int skip_bytes;

static void skip(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	(void)info;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP] += skip_bytes;
}

static double time_trap(int sig, int bytes, int which)
{
	struct sigaction sa = { .sa_sigaction = skip, .sa_flags = SA_SIGINFO }, old;
	double v[ROUNDS];

	skip_bytes = bytes;
	sigaction(sig, &sa, &old);
	for (int r = 0; r < ROUNDS; r++) {
		uint64_t t0 = bench_now_ns();

		for (int i = 0; i < 1000; i++) {
			if (which == 0)
				__asm__ volatile("hlt" : : : "memory");
			else if (which == 1)
				__asm__ volatile("int3" : : : "memory");
			else
				__asm__ volatile("ud2" : : : "memory");
		}
		v[r] = (double)(bench_now_ns() - t0) / 1000;
	}
	sigaction(sig, &old, NULL);
	return bench_fastest(v, ROUNDS);
}

struct bare_traps bare_traps_time(void)
{
	struct bare_traps t = {
		.hlt_ns = time_trap(SIGSEGV, 1, 0), .int3_ns = time_trap(SIGTRAP, 0, 1),
		.ud2_ns = time_trap(SIGILL, 2, 2),
	};

	t.cheapest_ns = t.hlt_ns < t.int3_ns ? t.hlt_ns : t.int3_ns;
	if (t.ud2_ns < t.cheapest_ns)
		t.cheapest_ns = t.ud2_ns;
	return t;
}
