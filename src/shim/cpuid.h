/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID as a program sees it under the emulated device: leaf 7 says SGX, leaf 12H what the emulated processor can, all
 * else is this CPU's.  Where the CPU can be told to fault CPUID that is exact; else CPUID instructions in the program
 * are replaced by one that traps, where a decoder proves them to be instructions.
 */
#ifndef SHIM_CPUID_H
#define SHIM_CPUID_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#include "emul/emul.h"

struct cpuid_regs { uint32_t eax, ebx, ecx, edx; };

/* cpuid_answer.c.  After emul_setup. */
void cpuid_answer_setup(const struct emul_config *cfg);
/* eax and ecx in, everything out; any context */
void cpuid_answer(struct cpuid_regs *r);

/* cpuid_find.c: addresses (as in the file) of CPUID instructions of an ELF file in memory. */
struct cpuid_sites {
	uint64_t *addr;                 /* ascending */
	size_t n;
	size_t functions;               /* that hold the bytes of a CPUID */
	size_t doubtful;                /* of these: not decoded to the end, or contradicted */
};
/* 0, -ENOSYS (built without a decoder), -ENOEXEC, -ENOMEM */
int cpuid_find(const uint8_t *file, size_t bytes, struct cpuid_sites *ret);
void cpuid_sites_free(struct cpuid_sites *s);

/* cpuid_trap.c */
/* This thread's CPUID faults from now on, and that of threads it makes: 0 or -errno (-ENODEV: the CPU cannot). */
int cpuid_fault_on(void);
/* Replaces the instructions at bias + sites, which are mapped: the number replaced, or -errno. */
long cpuid_rewrite(const struct cpuid_sites *s, uint64_t bias);
/* A general-protection fault of a CPUID: done, and the context is behind it.  Signal context. */
bool cpuid_trap(const siginfo_t *info, ucontext_t *uc);

#endif
