/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pieces of the running operations that only assembly can say; bodies in run.S. */
#ifndef ENCL_RUN_H
#define ENCL_RUN_H

#define RUN_CPUSTATE_GPRS 15    /* all but RSP */
#define RUN_CPUSTATE_REGS 31    /* and XMM0-XMM15, low halves */

#ifndef __ASSEMBLER__
#include <stdint.h>

#pragma GCC visibility push(hidden)

void run_fault_de(void);
void run_fault_bp(void);
void run_fault_ud(void);
void run_fault_gp(void);
void run_fault_pf(void);
void run_fault_ac(void);
void run_fault_xm(void);
void run_fault_syscall(void);
void run_fault_cpuid(void);
void run_fault_int80(void);
void run_fault_in(void);
void run_fault_jump(void);

/*
 * run_cpustate - load every register from pattern, wait, compare
 *
 * pattern: RUN_CPUSTATE_REGS values; [0] is the address of the u32 to wait for
 * Returns how many registers did not hold their value when the wait ended.
 */
uint64_t run_cpustate(const uint64_t *pattern);

/*
 * run_stack - descend levels pages of stack, writing each; come back, checking each
 *
 * done: how deep it got, kept current
 * Returns the number of levels whose mark was found again.
 */
uint64_t run_stack(uint64_t levels, volatile uint64_t *done);

#pragma GCC visibility pop
#endif

#endif
