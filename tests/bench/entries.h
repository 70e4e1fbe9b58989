/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EENTER and EEXIT of an operation that does nothing, through whatever emul_vdso_enter is linked to. */
#ifndef TESTS_BENCH_ENTRIES_H
#define TESTS_BENCH_ENTRIES_H

#include "../unit/emul_rig.h"
#include "bench.h"

#define BENCH_MAX_ROUNDS 64

static inline double bench_entries(struct rig *r, int rounds)
{
	struct encl_op op = { .op = ENCL_OP_NOP };
	double v[BENCH_MAX_ROUNDS];

	for (int k = 0; k < rounds; k++) {
		uint64_t t0 = bench_now_ns();

		for (int i = 0; i < 1000; i++)
			rig_op(r, 0, &op);
		v[k] = (double)(bench_now_ns() - t0) / 1000;
	}
	return bench_fastest(v, (size_t)rounds);
}

#endif
