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

/* insn_find.c: instructions of two bytes in an ELF file in memory */
enum insn { INSN_CPUID, INSN_SYSCALL };
#define INSN_BYTES 2
static const uint8_t insn_bytes[][INSN_BYTES] = { [INSN_CPUID] = { 0x0f, 0xa2 }, [INSN_SYSCALL] = { 0x0f, 0x05 } };
struct insn_sites {
	uint64_t *addr;                 /* of those proven, as in the file, ascending */
	size_t n;
	size_t functions;               /* that hold the bytes */
	size_t doubtful;                /* of these: not decoded to the end, or contradicted */
	size_t loose;                   /* occurrences of which nothing is proven */
};
/* 0, -ENOSYS (built without a decoder), -ENOEXEC, -ENOMEM */
int insn_find(const uint8_t *file, size_t bytes, enum insn what, struct insn_sites *ret);
void insn_sites_free(struct insn_sites *s);

/* cpuid_trap.c */
/* This thread's CPUID faults from now on, and that of threads it makes: 0 or -errno (-ENODEV: the CPU cannot). */
int cpuid_fault_on(void);
bool shim_cpuid_can_fault(void);        /* changes nothing */
/* Replaces the instructions at bias + sites, which are mapped: the number replaced, or -errno. */
long cpuid_rewrite(const struct insn_sites *s, uint64_t bias);
/* A general-protection fault of a CPUID: done, and the context is behind it.  Signal context. */
bool cpuid_trap(const siginfo_t *info, ucontext_t *uc);

#endif
