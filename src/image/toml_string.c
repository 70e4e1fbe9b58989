/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TOML: what the reader is made of, and strings with their escapes.
 *
 * Authority: TOML v1.0.0, "String".
 */
#include <string.h>

#include "base/text.h"
#include "image/toml_reader.h"

int toml_bad(struct toml_reader *r, const char *what)
{
	err_set(r->e, ERR_BAD_LAYOUT, 0, "TOML: %s", what);
	return err_offset(r->e, r->at);
}

bool toml_starts(const struct toml_reader *r, const char *word)
{
	size_t n = strlen(word);

	return n <= r->n - r->at && !memcmp(r->text + r->at, word, n);
}

bool toml_take(struct toml_reader *r, const char *word)
{
	if (!toml_starts(r, word))
		return false;
	r->at += strlen(word);
	return true;
}

void toml_skip_blanks(struct toml_reader *r)
{
	while (toml_peek(r) == ' ' || toml_peek(r) == '\t')
		r->at++;
}

bool toml_skip_newline(struct toml_reader *r)
{
	return toml_take(r, "\n") || toml_take(r, "\r\n");
}

/* ---- strings ------------------------------------------------------------------------------- */

static void put(struct toml_reader *r, uint8_t c)
{
	r->string[r->string_n++] = (char)c;
}

static void put_utf8(struct toml_reader *r, uint32_t c)
{
	if (c < 0x80) {
		put(r, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		put(r, (uint8_t)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			put(r, (uint8_t)(0xe0 | c >> 12));
		} else {
			put(r, (uint8_t)(0xf0 | c >> 18));
			put(r, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		}
		put(r, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	}
	put(r, (uint8_t)(0x80 | (c & 0x3f)));
}

int toml_hex_digit(uint8_t c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int read_unicode(struct toml_reader *r, unsigned int digits)
{
	uint32_t c = 0;

	for (unsigned int i = 0; i < digits; i++, r->at++) {
		int d = toml_hex_digit(toml_peek(r));

		if (d < 0)
			return toml_bad(r, "a hexadecimal digit is expected");
		c = c << 4 | (uint32_t)d;
	}
	if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return toml_bad(r, "no Unicode character has this number");
	put_utf8(r, c);
	return 0;
}

static int read_escape(struct toml_reader *r, bool multi)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	uint8_t c = toml_peek(r);
	const char *known = c ? strchr(names, c) : NULL;

	if (known) {
		r->at++;
		put(r, (uint8_t)values[known - names]);
		return 0;
	}
	if (c == 'u' || c == 'U') {
		r->at++;
		return read_unicode(r, c == 'u' ? 4 : 8);
	}
	if (multi) {    /* at the end of a line it swallows white space */
		toml_skip_blanks(r);
		if (toml_skip_newline(r)) {
			do
				toml_skip_blanks(r);
			while (toml_skip_newline(r));
			return 0;
		}
	}
	return toml_bad(r, "unknown escape");
}

/* One character of a string, not an escape. */
static int read_character(struct toml_reader *r, bool multi)
{
	size_t n = utf8_len((const char *)r->text + r->at, r->n - r->at);

	if (multi && (toml_starts(r, "\n") || toml_starts(r, "\r\n"))) {
		toml_skip_newline(r);
		put(r, '\n');
		return 0;
	}
	if (!n || (toml_peek(r) != '\t' && utf8_is_control((const char *)r->text + r->at, n) && n == 1))
		return toml_bad(r, r->at < r->n ? "a character that strings cannot have" :
				"a string without end");
	for (size_t i = 0; i < n; i++)
		put(r, r->text[r->at + i]);
	r->at += n;
	return 0;
}

/* Any of the four kinds of string; decoded it is never longer than it was. */
int toml_read_string(struct toml_reader *r)
{
	static const char *const quotes[] = { "\"\"\"", "'''", "\"", "'" };
	const char *quote;
	bool multi, literal;
	size_t k = 0;

	while (!toml_starts(r, quotes[k]))
		k++;
	quote = quotes[k];
	literal = quote[0] == '\'';
	multi = k < 2;
	r->at += strlen(quote);
	r->string_n = 0;
	if (multi)
		toml_skip_newline(r);
	while (!toml_starts(r, quote)) {
		if (!literal && toml_take(r, "\\") ? read_escape(r, multi) < 0 : read_character(r, multi) < 0)
			return -1;
	}
	r->at += strlen(quote);
	/* up to two quotes may stand before the three that end it */
	for (unsigned int i = 0; multi && i < 2 && toml_peek(r) == (uint8_t)quote[0]; i++, r->at++)
		put(r, (uint8_t)quote[0]);
	return 0;
}
