/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers for random tests: the same in every run.  One program, one sequence; XORSHIFT_SEED begins another. */
#ifndef TESTS_XORSHIFT_H
#define TESTS_XORSHIFT_H

#include <stdint.h>

#ifndef XORSHIFT_SEED
#define XORSHIFT_SEED 0x9e3779b97f4a7c15
#endif

static inline uint64_t next_random(void)
{
	static uint64_t state = XORSHIFT_SEED;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545f4914f6cdd1d;
}

static inline uint64_t below(uint64_t n)
{
	return next_random() % n;
}

/* Mostly the borders at which sizes, offsets and counts go wrong. */
static inline uint64_t nasty_value(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 7, 0xff, 0xfff, 0x1000, 0x1001, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff,
		(uint64_t)1 << 32, (uint64_t)1 << 46, ((uint64_t)1 << 46) + 1, (uint64_t)1 << 47,
		INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 0xfff, UINT64_MAX,
	};

	return below(4) ? values[below(sizeof(values) / sizeof(values[0]))] : next_random();
}

#endif
