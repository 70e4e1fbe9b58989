/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ETRACK: which threads may still hold translations that are older than a change.
 *
 * Authority: Intel SDM Vol. 3D, "ETRACK", "EBLOCK", "EWB", "EACCEPT"; the epoch scheme itself is
 *            inferred from their documented results.
 * Context:   any, shared memory; one 64-bit word per SECS, changed by compare-and-swap.
 */
#ifndef MACHINE_TRACK_H
#define MACHINE_TRACK_H

#include "machine/machine.h"

void track_init(struct sgxm_secs *s);

/* A logical processor enters; false when the counter is full. */
bool track_enter(struct sgxm_secs *s, uint32_t *ret_epoch);

/* ... and leaves, with the epoch of its entry */
void track_leave(struct sgxm_secs *s, uint32_t epoch);

/* ... or leaves and comes back at once: the same count, in the current epoch, never seen outside */
void track_refresh(struct sgxm_secs *s, uint32_t *epoch);

/* Start a cycle; false when threads of the previous one are still inside. */
bool track_advance(struct sgxm_secs *s);

/* The stamp a changed page gets; never 0 */
uint32_t track_stamp(const struct sgxm_secs *s);

/* Has every thread that might know the page from before `stamp` left? */
bool track_is_complete(const struct sgxm_secs *s, uint32_t stamp);

unsigned track_inside(const struct sgxm_secs *s);

#endif
