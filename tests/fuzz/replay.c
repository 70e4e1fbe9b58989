/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Files through a target without a fuzzer: as they are, then damaged, the same way each time.
 *
 *     replay TARGET ROUNDS FILE...    "TARGET: taken N refused N"; it aborts where a fuzzer would
 *     replay --list                   the targets
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "../unit/xorshift.h"

/* Near something that is not zero: most of an image is padding, whose damage has no consequence. */
static size_t place(const uint8_t *b, size_t n)
{
	size_t at = below(n);

	for (int tries = 0; tries < 16 && !b[at]; tries++)
		at = below(n);
	return at;
}

static size_t damage(uint8_t *b, size_t n)
{
	for (uint64_t k = 1 + below(4); k && n > 8; k--) {
		size_t at = place(b, n), width = (size_t)1 << below(4);
		uint64_t v = nasty_value();

		at -= at % width;
		switch (below(8)) {
		case 0:
			b[at] ^= (uint8_t)(1u << below(8));
			break;
		case 1:
			n = 1 + below(n);
			break;
		case 2:
			width = (n - at) / 2;
			memmove(b + at, b + below(n - width + 1), width);
			break;
		default:
			if (at + width <= n)
				memcpy(b + at, &v, width);
		}
	}
	return n;
}

static uint8_t *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "rb");
	uint8_t *b = NULL;
	size_t n = 0, room = 0, got = 1;

	if (!f) {
		perror(path);
		exit(99);
	}
	while (got) {
		room += (size_t)1 << 20;
		b = realloc(b, room);
		if (!b)
			exit(99);
		got = fread(b + n, 1, room - n, f);
		n += got;
	}
	fclose(f);
	*ret_n = n;
	return b;
}

/* A block of exactly that length, so that reading past it is seen. */
static void feed(const struct fuzz_target *t, const uint8_t *b, size_t n)
{
	uint8_t *exact = malloc(n ? n : 1);

	if (!exact)
		exit(99);
	memcpy(exact, b, n);
	t->one(t, exact, n);
	free(exact);
}

static void replay(const struct fuzz_target *t, const char *path, unsigned long rounds)
{
	size_t n;
	uint8_t *b = read_file(path, &n), *copy = malloc(n + 1);

	if (!copy)
		exit(99);
	feed(t, b, n);
	for (unsigned long i = 0; i < rounds; i++) {
		memcpy(copy, b, n);
		feed(t, copy, damage(copy, n));
	}
	free(copy);
	free(b);
}

int main(int argc, char **argv)
{
	const struct fuzz_target *t;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (t = fuzz_targets; t->name; t++)
			puts(t->name);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: replay TARGET ROUNDS FILE...\n");
		return 64;
	}
	t = fuzz_target(argv[1]);
	if (!t) {
		fprintf(stderr, "no target '%s', or its format is not read\n", argv[1]);
		return 64;
	}
	for (int i = 3; i < argc; i++)
		replay(t, argv[i], strtoul(argv[2], NULL, 10));
	printf("%s: taken %lu refused %lu\n", t->name, fuzz_taken, fuzz_refused);
	return 0;
}
