/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thousands of damaged images: parsing never crashes (build with sanitizers to see more), a failure
 * always says why, success never leaves an error and always is a plan that a device could take.
 * The seed is fixed, so every run is the same; IMAGE_MUTATIONS makes it longer.
 */
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"
#include "fuzz/plan_check.h"
#include "image_bytes.h"
#include "tap.h"
#include "xorshift.h"

#define DEFAULT_ROUNDS 20000u

/* Mostly headers and notes: mistakes in contents have no consequence. */
static void damage(struct image_bytes *i)
{
	size_t at = below(8) ? below(0x280) : below(IMG_BYTES - 8);
	uint64_t v = nasty_value();

	if (i->hot && below(3))
		at = i->hot + below(i->hot_bytes);

	switch (below(5)) {
	case 0:
		i->b[at] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		i->b[at] = (uint8_t)v;
		break;
	case 2:
		memcpy(i->b + (i->hot ? at : at & ~(size_t)3), &v, 4);
		break;
	case 3:
		memcpy(i->b + (i->hot ? at : at & ~(size_t)7), &v, 8);
		break;
	default:
		if (below(8) == 0)
			i->n = below(IMG_BYTES + 1);
		else
			memcpy(i->b + (at & ~(size_t)7), i->b + (below(0x280) & ~(size_t)7), 8);
	}
}

int main(void)
{
	const char *env = getenv("IMAGE_MUTATIONS");
	unsigned long rounds = env ? strtoul(env, NULL, 10) : DEFAULT_ROUNDS;
	unsigned long good = 0, bad = 0, silent = 0, unsound = 0, by_code[ERR_N_CODES] = { 0 };
	static const char *const formats[] = { NULL, "sgxctl", "kernel", "sdk", "sdk:2" };
	static void (*const makers[])(struct image_bytes *) = { img_sgxctl, img_kernel, img_sdk, img_sdk };
	static struct image_bytes img;
	unsigned int sum = 0;

	for (unsigned long n = 0; n < rounds; n++) {
		struct image_opts opts = IMAGE_OPTS_DEFAULT;
		struct err e = { 0 };
		uint8_t *exact;
		struct plan p;
		int ret;

		makers[below(sizeof(makers) / sizeof(makers[0]))](&img);
		for (uint64_t k = 1 + below(4); k; k--)
			damage(&img);
		opts.format = formats[below(2) ? 0 : below(sizeof(formats) / sizeof(formats[0]))];
		if (!below(8) && !img.hot)
			opts.heap_bytes = nasty_value();
		if (!below(8) && !img.hot)
			opts.reserve_bytes = nasty_value();

		/* a block of exactly the file's length, so that reading past it is seen */
		exact = malloc(img.n ? img.n : 1);
		if (!exact)
			return 99;
		memcpy(exact, img.b, img.n);
		ret = image_parse(exact, img.n, &opts, &p, &e);
		free(exact);
		if (ret < 0) {
			bad++;
			silent += e.code == ERR_NONE || e.code == ERR_BUG || !e.msg[0];
			by_code[e.code]++;
			continue;
		}
		good++;
		silent += e.code != ERR_NONE || e.msg[0];
		unsound += !!plan_unsound(&p);
		sum += plan_read(&p);
		plan_release(&p);
	}
	for (int c = 0; c < ERR_N_CODES; c++) {
		if (by_code[c])
			printf("# %s: %lu\n", err_name((enum err_code)c), by_code[c]);
	}
	printf("# contents read: %u\n", sum);
	is_u64(silent, 0, "a failure always says why, success leaves no error");
	is_u64(unsound, 0, "every plan is one that a device could take");
	ok(good > rounds / 50 && bad > rounds / 10, "%lu images taken, %lu refused", good, bad);
	ok(by_code[ERR_BAD_ELF] && by_code[ERR_BAD_LAYOUT] && by_code[ERR_TOO_BIG] && by_code[ERR_NO_TCS] &&
	   by_code[ERR_UNKNOWN_FORMAT], "every kind of refusal was seen");
	return tap_done();
}
