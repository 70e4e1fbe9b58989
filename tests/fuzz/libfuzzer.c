/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The targets under libFuzzer: FUZZ_TARGET names one. */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const struct fuzz_target *t;

	if (!t) {
		const char *name = getenv("FUZZ_TARGET");

		t = name ? fuzz_target(name) : NULL;
		if (!t) {
			fprintf(stderr, "FUZZ_TARGET names no target\n");
			exit(99);
		}
	}
	t->one(t, data, bytes);
	return 0;
}
