/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What EENTER and ERESUME share: the checks of the TCS up to CSSA, and the effects of an entry.
 *
 * Authority: Intel SDM Vol. 3D, "EENTER", "ERESUME".
 * Context:   any.
 */
#ifndef MACHINE_LEAF_ENTRY_H
#define MACHINE_LEAF_ENTRY_H

#include "machine/ssa.h"
#include "machine/tcs.h"

/* An entry in progress.  Leaving scope without entry_commit() gives everything back. */
struct entry {
	struct epcm_hold hold;          /* the TCS page, shared */
	bool activated;                 /* this entry turned STATE to ACTIVE */
	bool counted;                   /* ... and holds a reference of the tracking word */
	uint32_t epoch;
	uint8_t *tcs;                   /* the page */
	uint64_t tcs_la, tcs_epa;
	uint64_t secs_epa;
	struct sgxm_secs *secs;
	struct tcs_fields t;            /* copied once, while STATE was ours */
	struct ssa_stack stack;
};
void entry_release(struct entry *en);

#define ENTRY(name) __attribute__((cleanup(entry_release))) struct entry name; \
	name.hold.e = NULL; \
	name.activated = name.counted = false

/*
 * Checks 2 to 12, of which ids[n] is the id of check n.  DONE, or the refusal.
 *
 * STATE is taken here, as soon as the page is known to be a TCS, although the manual tests it
 * later: otherwise another thread could enter and leave between our copy of CSSA and the test.
 * A TCS that was busy is reported by the caller at its own check (en->activated = false).
 */
struct sgxm_out entry_open(struct sgxm *m, struct sgxm_cpu *cpu, const struct sgxm_regs *regs,
			   const char *const ids[13], struct entry *en);

/*
 * The TCS was idle, and its thread is counted in the current epoch.  false: it was in use (or more
 * processors are inside than the tracking word can count).
 */
bool entry_claim(struct entry *en);

/* Enclave mode on, cannot fail: TCS, segment bases, the cached frame */
void entry_commit(struct sgxm_cpu *cpu, struct sgxm_regs *regs, struct entry *en, uint32_t cssa,
		  const struct ssa_frame *frame, uint64_t fsbase, uint64_t gsbase);

#endif
