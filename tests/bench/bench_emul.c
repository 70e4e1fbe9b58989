/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the emulated device costs, as ratios within one run: bare traps, entries, growth, computing.
 * One JSON object per row.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../unit/emul_rig.h"
#include "bare_trap.h"
#include "bench.h"
#include "bench_kernel.h"
#include "entries.h"

#define ROUNDS 25
#define GROW_OFF 0x100000u

/* ---- growth ------------------------------------------------------------------------------------------------ */

struct growth { double augment, accept; };

/* N pages on a fresh enclave: one AUGMENT, one entry that accepts them all */
static struct growth time_growth_once(uint64_t pages)
{
	struct rig r = { 0 };
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct growth g;

	rig_build_reserve(&r, "grow.elf", true, pages * 4096);
	rig_op(&r, 0, &op);
	struct sgx_enclave_augment_pages a = { .offset = GROW_OFF, .length = pages * 4096 };
	uint64_t t0 = bench_now_ns();
	long ret = emul_ioctl(r.fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a);
	uint64_t t1 = bench_now_ns();

	rig_map(&r, GROW_OFF, pages, PROT_READ | PROT_WRITE);
	op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = r.base + GROW_OFF, .pages = pages, .flags = 0x20b };
	uint64_t t2 = bench_now_ns();
	uint64_t st = rig_op(&r, 0, &op);
	uint64_t t3 = bench_now_ns();

	if (ret || st || op.done != pages) {
		fprintf(stderr, "bench: growth by %llu pages failed: %ld %llu\n", (unsigned long long)pages, ret,
			(unsigned long long)st);
		exit(1);
	}
	g.augment = (double)(t1 - t0) / (double)pages;
	g.accept = (double)(t3 - t2) / (double)pages;
	rig_free(&r);
	return g;
}

static struct growth time_growth(uint64_t pages, int rounds)
{
	double a[ROUNDS], c[ROUNDS];

	for (int i = 0; i < rounds; i++) {
		struct growth g = time_growth_once(pages);

		a[i] = g.augment;
		c[i] = g.accept;
	}
	return (struct growth){ bench_fastest(a, (size_t)rounds), bench_fastest(c, (size_t)rounds) };
}

/* ---- computing ----------------------------------------------------------------------------------------------- */

#define BENCH_KERNEL_PAGES 4
#define BENCH_KERNEL_WORDS (BENCH_KERNEL_PAGES * 512)

static void compute_row(struct rig *r)
{
	static uint64_t outside[BENCH_KERNEL_WORDS] __attribute__((aligned(4096)));
	double in[ROUNDS], out[ROUNDS];
	uint64_t rounds = 2000, check = 0;

	for (int k = 0; k < ROUNDS; k++) {
		struct encl_op op = { .op = ENCL_OP_BENCH, .value = rounds, .pages = BENCH_KERNEL_PAGES };
		uint64_t t0 = bench_now_ns();

		if (rig_op(r, 0, &op))
			exit(1);
		uint64_t t1 = bench_now_ns();

		check = bench_kernel(outside, BENCH_KERNEL_WORDS, rounds);
		uint64_t t2 = bench_now_ns();

		if (check != op.value) {
			fprintf(stderr, "bench: the compute kernel differs inside and outside\n");
			exit(1);
		}
		in[k] = (double)(t1 - t0);
		out[k] = (double)(t2 - t1);
	}
	double a = bench_fastest(in, ROUNDS), b = bench_fastest(out, ROUNDS);

	bench_row("compute", "the same function outside", a, b, b / a, ">=", 0.98);
}

int main(void)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC, .epc_pages = (uint64_t)3 << 18,
				   .trap_signals_open = true };
	struct bare_traps trap = bare_traps_time();
	double bare = trap.cheapest_ns;
	struct rig r = { 0 };

	/* what stands in for ENCLU may be another; the yardstick is the cheapest trap there is */
	printf("{\"row\":\"bare-trap\",\"hlt_ns\":%.1f,\"int3_ns\":%.1f,\"ud2_ns\":%.1f,\"bare_ns\":%.1f}\n",
	       trap.hlt_ns, trap.int3_ns, trap.ud2_ns, bare);
	int s = emul_setup(&cfg);

	if (s) {
		fprintf(stderr, "bench: no emulated device here (%d)\n", s);
		return 4;
	}
	rig_build(&r, "grow.elf", true);
	double e = bench_entries(&r, ROUNDS);

	bench_row("eenter-eexit", "bare trap", e, bare, e / bare, "<=", 1.3);
	compute_row(&r);
	rig_free(&r);

	static const uint64_t sizes[] = { 256, 1024, 4096, 16384, 65536, 262144 };
	double lo = 1e9, hi = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct growth g = time_growth(sizes[i], sizes[i] <= 4096 ? ROUNDS : 3);
		char name[64];

		snprintf(name, sizeof(name), "eaccept-per-page N=%llu", (unsigned long long)sizes[i]);
		bench_row(name, "bare trap", g.accept, bare, g.accept / bare, "<=", 1.3);
		if (sizes[i] >= 4096) {
			snprintf(name, sizeof(name), "augment-per-page N=%llu", (unsigned long long)sizes[i]);
			bench_row(name, "bare trap", g.augment, bare, g.augment / bare, "<=", 0.01);
		}
		double t = g.augment + g.accept;

		lo = t < lo ? t : lo;
		hi = t > hi ? t : hi;
	}
	bench_row("growth-flat N=256..262144", "slowest / fastest", hi, lo, hi / lo, "<=", 1.10);
	return 0;
}
