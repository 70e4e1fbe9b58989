/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A rig for tests of the emulated device: builds a test enclave straight on emul_* calls, with no
 * layer above, and enters it.
 */
#ifndef TESTS_UNIT_EMUL_RIG_H
#define TESTS_UNIT_EMUL_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "emul/emul.h"
#include "encl_ops.h"
#include "image/image.h"

struct rig {
	int fd;
	uint64_t base, size;
	struct plan plan;
	uint8_t mrenclave[32];
	uint64_t xfrm;                  /* set before rig_build: 0 = as the image wishes */
};

/* Image name below $top_builddir/enclaves; aborts the test program when the enclave cannot be built. */
void rig_build(struct rig *r, const char *image, bool init);
/* The same with another size of the reserve for growth (UINT64_MAX: the image's). */
void rig_build_reserve(struct rig *r, const char *image, bool init, uint64_t reserve_bytes);
void rig_free(struct rig *r);
int rig_init(struct rig *r);
/* mmap a range of the enclave */
int64_t rig_map(struct rig *r, uint64_t off, uint64_t pages, int prot);
/* One entry on TCS t; run is zeroed first.  Returns what the vDSO function returns. */
int rig_enter(struct rig *r, unsigned t, unsigned function, struct encl_op *op, struct sgx_enclave_run *run);
/*
 * emul_vdso_enter with *run as it is, which keeps the registers that C code expects back.  rflags may be NULL; else the
 * flags to enter with, and then those that came out (DF and AC are cleared before this returns).
 */
int rig_call(struct sgx_enclave_run *run, struct encl_op *op, unsigned function, uint64_t *rflags);
/* An op that must end in EEXIT; returns op->status, or ~0 when an exception came out. */
uint64_t rig_op(struct rig *r, unsigned t, struct encl_op *op);

#endif
