/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Targets for fuzzers: each takes any bytes as one kind of file.  A target aborts when something is wrong that a
 * sanitizer would not see.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

struct fuzz_target {
	const char *name;
	void (*one)(const struct fuzz_target *t, const uint8_t *data, size_t bytes);
	const char *format;     /* of images; NULL: found by looking */
	/*
	 * Formats of two files: the other one is FUZZ_DIR/companion, and the bytes are the main file, or when
	 * main is set the companion of FUZZ_DIR/main.
	 */
	const char *companion, *main;
};
extern const struct fuzz_target fuzz_targets[];

/* NULL: there is none of that name, or this build does not read its format. */
const struct fuzz_target *fuzz_target(const char *name);

/* What was taken and what refused since the start: a target that only ever refuses tests little. */
extern unsigned long fuzz_taken, fuzz_refused;

#endif
