/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text without libc: lines of JSON, put together on the stack.  What does not fit is cut off.
 *
 * Context: any, including signal handlers and EENTER without a trap.
 */
#ifndef SHIM_LINE_H
#define SHIM_LINE_H

#include <stddef.h>
#include <stdint.h>

#define LINE_ROOM 1024

struct line {
	char buf[LINE_ROOM];
	size_t n;
};

static inline void put_char(struct line *l, char c)
{
	if (l->n < sizeof(l->buf))
		l->buf[l->n++] = c;
}

static inline void put_str(struct line *l, const char *s)
{
	while (*s)
		put_char(l, *s++);
}

static inline void put_u64(struct line *l, uint64_t v, unsigned int base)
{
	char digits[20];
	size_t n = 0;

	do
		digits[n++] = "0123456789abcdef"[v % base];
	while (v /= base);
	while (n)
		put_char(l, digits[--n]);
}

static inline void put_key(struct line *l, const char *key)
{
	put_str(l, ",\"");
	put_str(l, key);
	put_str(l, "\":");
}

static inline void put_hex(struct line *l, const char *key, uint64_t v)
{
	put_key(l, key);
	put_str(l, "\"0x");
	put_u64(l, v, 16);
	put_char(l, '"');
}

static inline void put_int(struct line *l, const char *key, int64_t v)
{
	put_key(l, key);
	if (v < 0)
		put_char(l, '-');
	put_u64(l, v < 0 ? (uint64_t)-v : (uint64_t)v, 10);
}

static inline void put_text(struct line *l, const char *key, const char *s)
{
	put_key(l, key);
	put_char(l, '"');
	put_str(l, s);
	put_char(l, '"');
}

#endif
