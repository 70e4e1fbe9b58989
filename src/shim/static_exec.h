/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl-exec: the emulated device under a static program.  It does in user space what execve(2) does, so that the
 * program lives in one process with the emulator, and a seccomp filter hands over the system calls that concern
 * enclaves, signals, threads and mappings.
 *
 * Two C libraries are in the process.  The emulator runs on the thread's block (emul/native.h) with its own FS; every
 * thread of the program is a pthread of the emulator's, so that there is one.
 *
 * Context: functions named static_call_* run in the handler of SIGSYS, on the emulator's stack and FS, as calls.h has it.
 */
#ifndef SHIM_STATIC_EXEC_H
#define SHIM_STATIC_EXEC_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/emul.h"
#include "shim/shim.h"

/* Everything below is the program's, everything of ours is above: position-independent code and libraries. */
#define STATIC_CEILING_HIGH 0x300u              /* upper half of the first address that is not */
#define STATIC_PIE_BASE     0x10000000000u      /* static PIE: from 1 TiB on, at random within 256 GiB */

enum static_cpuid { CPUID_AUTO, CPUID_OFF, CPUID_FAULT, CPUID_REWRITE };

struct static_config {
	enum static_cpuid cpuid;
	bool probe;
	const char *run, *preload;      /* what an environment without our variables must have */
	uint64_t fd;                    /* that the program came by, to be closed; 0: none */
	uint64_t mask;                  /* signals that were blocked when the program was started */
};
extern struct static_config static_config;

/* What CPUID came to. */
struct static_cpuid_state {
	enum static_cpuid means;        /* CPUID_OFF, CPUID_FAULT or CPUID_REWRITE */
	bool can_fault;
	long sites;
	size_t functions, doubtful;
	int error;
};
/* static_probe.c: an exit status */
int static_probe(const char *path, const char *loader, const struct static_cpuid_state *s);

/* static_load.c */
struct static_image {
	uint64_t bias, entry, end;      /* end: of the highest segment */
	uint64_t phdr;
	uint16_t phnum;
	uint64_t base;                  /* of the loader; 0: none */
	char loader[256];               /* its path, or "" */
};
int static_map(int fd, struct static_image *ret);
/* Only what the file says about it; "" when it says nothing. */
int static_loader(int fd, char loader[256]);
/* Makes the stack that we were started with the program's: drops `skip` arguments.  Returns its stack pointer. */
uint64_t static_stack(char **argv, int skip, const struct static_image *im, const char *execfn);

/* static_calls.c */
void static_calls_setup(uint64_t brk_start);

/* static_start.S */
_Noreturn void static_jump(uint64_t sp, uint64_t entry);

#endif
