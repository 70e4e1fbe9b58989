/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Escaping and hex.  Not here: JSON quoting, which json.c leaves to its library.
 *
 * Authority: The Unicode Standard, "Well-Formed UTF-8 Byte Sequences".
 */
#include "base/text.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_len(const char *p, size_t bytes)
{
	const unsigned char *u = (const unsigned char *)p;
	unsigned char lo = 0x80, hi = 0xbf;     /* bounds of the second byte */
	size_t len;

	if (!bytes)
		return 0;
	if (u[0] < 0x80)
		return 1;
	if (u[0] < 0xc2 || u[0] > 0xf4)
		return 0;

	len = u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : 4;
	if (u[0] == 0xe0)
		lo = 0xa0;      /* no over-long forms */
	else if (u[0] == 0xed)
		hi = 0x9f;      /* no surrogates */
	else if (u[0] == 0xf0)
		lo = 0x90;
	else if (u[0] == 0xf4)
		hi = 0x8f;      /* nothing above U+10FFFF */
	if (bytes < len || u[1] < lo || u[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
	}
	return len;
}

int utf8_is_control(const char *p, size_t len)
{
	const unsigned char *u = (const unsigned char *)p;

	if (len == 1)
		return u[0] < 0x20 || u[0] == 0x7f;
	return len == 2 && u[0] == 0xc2 && u[1] < 0xa0;
}

/* One source character to at most 8 bytes of output; returns how many source bytes it took. */
static size_t escape_one(const char *src, size_t bytes, char out[9], size_t *ret_out_len)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = utf8_len(src, bytes), n = 0;

	if (len && !utf8_is_control(src, len)) {
		memcpy(out, src, len);
		*ret_out_len = len;
		return len;
	}
	if (!len)
		len = 1;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)src[i];

		out[n++] = '\\';
		if (c == '\n' || c == '\t' || c == '\r') {
			out[n++] = c == '\n' ? 'n' : c == '\t' ? 't' : 'r';
		} else {
			out[n++] = 'x';
			out[n++] = digits[c >> 4];
			out[n++] = digits[c & 0xf];
		}
	}
	*ret_out_len = n;
	return len;
}

size_t text_escape(char *dst, size_t dst_bytes, const char *src, size_t src_bytes)
{
	size_t need = 0, used = 0;
	bool full = dst_bytes == 0;

	while (src_bytes) {
		char out[9];
		size_t out_len, took = escape_one(src, src_bytes, out, &out_len);

		if (!full && used + out_len < dst_bytes) {
			memcpy(dst + used, out, out_len);
			used += out_len;
		} else {
			full = true;
		}
		need += out_len;
		src += took;
		src_bytes -= took;
	}
	if (dst_bytes)
		dst[used] = '\0';
	return need;
}

void hex_encode(char *dst, const void *src, size_t bytes)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *u = src;

	for (size_t i = 0; i < bytes; i++) {
		dst[2 * i] = digits[u[i] >> 4];
		dst[2 * i + 1] = digits[u[i] & 0xf];
	}
	dst[2 * bytes] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hex_decode(void *dst, size_t bytes, const char *s)
{
	unsigned char *u = dst;

	if (strlen(s) != 2 * bytes)
		return -1;
	for (size_t i = 0; i < 2 * bytes; i++) {
		if (hex_digit(s[i]) < 0)
			return -1;
	}
	for (size_t i = 0; i < bytes; i++)
		u[i] = (unsigned char)(hex_digit(s[2 * i]) << 4 | hex_digit(s[2 * i + 1]));
	return 0;
}
