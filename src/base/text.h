/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text from files, enclaves and peers, made safe for terminals and documents. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the well-formed UTF-8 sequence at p (1-4), 0 when there is none. */
size_t utf8_len(const char *p, size_t bytes);

/* True for C0, DEL and the C1 controls, given a well-formed sequence of len bytes. */
int utf8_is_control(const char *p, size_t len);

/*
 * Copies src to dst, writing control characters and bytes that are no UTF-8 as \n, \t, \r, \xNN.
 * Always ends with NUL when dst_bytes > 0; cuts between characters.  Returns the bytes the whole
 * result needs without the NUL, as snprintf does.
 */
size_t text_escape(char *dst, size_t dst_bytes, const char *src, size_t src_bytes);

/* Lower-case hex of bytes into dst, which holds 2 * bytes + 1. */
void hex_encode(char *dst, const void *src, size_t bytes);
/* Exactly `bytes` bytes from 2 * bytes hex digits; 0, or -1 when s is anything else. */
int hex_decode(void *dst, size_t bytes, const char *s);

#endif
