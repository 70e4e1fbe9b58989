/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A strict reader of TOML documents that hands out single values.  It takes what TOML 1.0 allows and refuses
 * the rest; what it does not hand out (arrays, dates, floats) it checks no further than to find their end.
 *
 * Debian has TOML libraries for C++ only, and an enclave's parser should not bring a run-time of its own.
 */
#ifndef IMAGE_TOML_H
#define IMAGE_TOML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_BOOL, TOML_OTHER };

struct toml_value {
	enum toml_kind kind;
	const char *text;       /* STRING: decoded, as long as the call; may contain NUL */
	size_t text_bytes;
	int64_t integer;
	bool boolean;
	uint64_t off;           /* of the value in the document */
};

/*
 * Called for every value that is in no array, with its path ("sgx.enclave_size"); in an array of tables the
 * name of the array ends with "[]".  Keys that are no bare words make paths that nobody asks for.
 */
typedef int (*toml_fn)(void *arg, const char *path, const struct toml_value *v, struct err *e);

/* -1: ERR_BAD_LAYOUT with the offset, or what fn returned; it stops at the first. */
int toml_read(const uint8_t *text, size_t bytes, toml_fn fn, void *arg, struct err *e);

#endif
