/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The dice of the random comparisons: the same seed rolls the same numbers everywhere. */
#ifndef TESTS_DRIVER_DICE_H
#define TESTS_DRIVER_DICE_H

#include <stdbool.h>
#include <stdint.h>

extern uint64_t dice;            /* defined by the program */

static inline void dice_seed(uint64_t seed)
{
	dice = seed * 0x9e3779b97f4a7c15ull + 1;
}

static inline uint64_t roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice * 0x2545f4914f6cdd1dull;
}

static inline unsigned below(unsigned n) { return (unsigned)(roll() >> 32) % n; }
static inline bool one_in(unsigned n) { return below(n) == 0; }
#define PICK(array) ((array)[below(sizeof(array) / sizeof((array)[0]))])

#endif
