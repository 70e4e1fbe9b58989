/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MRENCLAVE: the stream of 64-byte blocks that ECREATE, EADD and EEXTEND append.
 *
 * Authority: Intel SDM Vol. 3D, "ECREATE", "EADD", "EEXTEND", operation sections.
 * Context:   the measurement resource of the SECS is held, or nobody else knows the SECS yet.
 */
#ifndef MACHINE_MEASURE_H
#define MACHINE_MEASURE_H

#include "machine/machine.h"

void measure_ecreate(struct sgxm *m, struct sgxm_secs *s);
void measure_eadd(struct sgxm *m, struct sgxm_secs *s, uint64_t page_off, uint64_t secinfo_flags);

/* off: offset of the chunk from BASEADDR; data: its 256 bytes */
void measure_eextend(struct sgxm *m, struct sgxm_secs *s, uint64_t off, const uint8_t *data);

/* The sixteen chunks of a page in ascending order, in few calls of the hash */
void measure_page(struct sgxm *m, struct sgxm_secs *s, uint64_t page_off, const uint8_t *page);

#endif
