/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers, sizes and rights as people write them; strict both ways. */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include <stdint.h>

/*
 * The whole of s is one decimal or 0x-hexadecimal number, no sign, no space, at most max.
 * Returns 0; -1 with errno EINVAL (no number) or ERANGE (greater than max).
 */
int parse_u64(const char *s, uint64_t max, uint64_t *ret);

/* The same with an optional suffix K, M, G or T (powers of 1024, either case), "KiB" and "KB" refused. */
int parse_size(const char *s, uint64_t max, uint64_t *ret);

/* "4K", "1.5M", "17": the largest unit that is not above the value; buf is returned. */
#define FMT_SIZE_BYTES 16
const char *fmt_size(char buf[FMT_SIZE_BYTES], uint64_t bytes);

/* Rights as bits 1 = R, 2 = W, 4 = X: the low bits of SECINFO.FLAGS. */
#define PERM_R 1u
#define PERM_W 2u
#define PERM_X 4u
/* "rwx", "r-x", "rw", "x", "---": each letter at most once and in this order.  -1: anything else. */
int perm_parse(const char *s, unsigned int *ret);
/* "r-x" into buf, which is returned. */
const char *perm_str(unsigned int perm, char buf[4]);

#endif
