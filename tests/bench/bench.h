/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the benchmarks share: a clock, the fastest of several rounds, one JSON object per row. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <time.h>

static inline uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* The fastest of n: other work on the machine only ever adds. */
static inline double bench_fastest(const double *v, size_t n)
{
	double best = v[0];

	for (size_t i = 1; i < n; i++)
		if (v[i] < best)
			best = v[i];
	return best;
}

/* sense "<=" or ">=" */
static inline void bench_row(const char *name, const char *against, double ours_ns, double theirs_ns, double ratio,
			     const char *sense, double goal)
{
	int met = sense[0] == '<' ? ratio <= goal : ratio >= goal;

	printf("{\"row\":\"%s\",\"against\":\"%s\",\"ours_ns\":%.1f,\"theirs_ns\":%.1f,\"ratio\":%.4f,\"reach\":\"%s %.4g\",\"reached\":%s}\n",
	       name, against, ours_ns, theirs_ns, ratio, sense, goal, met ? "true" : "false");
	fflush(stdout);
}

/* For what nobody set a goal: the number alone. */
static inline void bench_row_open(const char *name, const char *against, double ours_ns, double theirs_ns)
{
	printf("{\"row\":\"%s\",\"against\":\"%s\",\"ours_ns\":%.1f,\"theirs_ns\":%.1f,\"ratio\":%.4f,\"reach\":\"-\",\"reached\":null}\n",
	       name, against, ours_ns, theirs_ns, ours_ns / theirs_ns);
	fflush(stdout);
}

#endif
