/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger of the reserve: which of its pages are taken.  One bit per page, changed atomically, no lock:
 * a thread that the host never resumes can hold pages, but cannot hold up another thread.
 */
#ifndef ENCL_MMAP_LEDGER_H
#define ENCL_MMAP_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "encl_ops.h"

#define LEDGER_PAGES 131072u    /* 512 MiB; of a larger reserve the rest is not used */

#pragma GCC visibility push(hidden)

/* Takes the lowest free run of `pages` pages; its first page, or -1 when there is none. */
int64_t ledger_take(const struct encl_tls *tls, uint64_t pages);
/* Takes exactly these pages; false, with nothing taken, when one is taken already or beyond the end. */
bool ledger_take_at(const struct encl_tls *tls, uint64_t first, uint64_t pages);
void ledger_give(uint64_t first, uint64_t pages);

#pragma GCC visibility pop

#endif
