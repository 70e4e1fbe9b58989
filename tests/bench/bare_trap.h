/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The yardstick of entries: the cheapest synchronous signal round trip of this machine, in this run. */
#ifndef TESTS_BENCH_BARE_TRAP_H
#define TESTS_BENCH_BARE_TRAP_H

struct bare_traps {
	double hlt_ns, int3_ns, ud2_ns;
	double cheapest_ns;
};

/* Before anything of SGX is used: the emulator owns these signals from then on. */
struct bare_traps bare_traps_time(void);

#endif
