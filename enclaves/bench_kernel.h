/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The compute kernel of the BENCH operation.  Included by the enclave and by the host program that runs the
 * same work outside, to compare their speed and to check that they get the same result.
 */
#ifndef ENCL_BENCH_KERNEL_H
#define ENCL_BENCH_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* Each step depends on the one before, so no compiler can vectorise one side and not the other. */
static inline uint64_t bench_kernel(uint64_t *mem, size_t words, uint64_t rounds)
{
	uint64_t h = 0x9e3779b97f4a7c15u;

	for (size_t i = 0; i < words; i++) {
		h = (h ^ (h >> 29)) * 0xbf58476d1ce4e5b9u + i;
		mem[i] = h;
	}
	for (uint64_t r = 0; r < rounds; r++) {
		for (size_t i = 0; i < words; i++) {
			h ^= mem[i];
			h = (h ^ (h >> 31)) * 0x94d049bb133111ebu;
			mem[i] = h + r;
		}
	}
	return h;
}

#endif
