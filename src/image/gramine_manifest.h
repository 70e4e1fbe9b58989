/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a Gramine manifest says about the enclave: the keys of its table [sgx] that matter here. */
#ifndef IMAGE_GRAMINE_MANIFEST_H
#define IMAGE_GRAMINE_MANIFEST_H

#include "image/internal.h"

struct gramine_manifest {
	uint64_t enclave_size;          /* a power of two that an enclave can have */
	uint64_t enclave_size_off;      /* of its value in the file */
	uint64_t threads;               /* 1 to PLAN_MAX_TCS */
	bool has_max_threads;           /* called max_threads (1.4 and later), not thread_num */
	bool edmm, debug, exinfo;
	bool base_is_size;              /* nonpie_binary = false, which releases before 1.5 have */
	uint64_t isvprodid, isvsvn;
};

/* Does it look like a manifest: text with a table or a key of "sgx"? */
bool gramine_manifest_detect(const uint8_t *text, uint64_t bytes);
int gramine_manifest_read(const uint8_t *text, uint64_t bytes, struct gramine_manifest *ret, struct err *e);

#endif
