/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A JSON recogniser: builds nothing, allocates nothing, recurses at most max_depth deep.
 *
 * Authority: RFC 8259; stricter where it leaves freedom (U+0000 in strings is refused, because
 *            strings end there in C).
 */
#include "base/json_scan.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

/* What the library behind this converts; longer ones it would cut in two. */
#define NUMBER_MAX_CHARS 63

struct scan {
	const char *p, *end;
	const char *why;        /* set once, at the failing place */
	unsigned int depth;     /* levels that may still be opened */
};

static bool fail(struct scan *s, const char *why)
{
	s->why = why;
	return false;
}

static bool at_digit(const struct scan *s)
{
	return s->p < s->end && *s->p >= '0' && *s->p <= '9';
}

static bool take(struct scan *s, char c)
{
	if (s->p == s->end || *s->p != c)
		return false;
	s->p++;
	return true;
}

static void skip_blank(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool scan_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n))
		return fail(s, "unknown word");
	s->p += n;
	return true;
}

static bool scan_digits(struct scan *s)
{
	if (!at_digit(s))
		return fail(s, "digit expected");
	while (at_digit(s))
		s->p++;
	return true;
}

static bool scan_number_grammar(struct scan *s)
{
	take(s, '-');
	if (take(s, '0')) {
		if (at_digit(s))
			return fail(s, "number with a leading zero");
	} else if (!scan_digits(s)) {
		return false;
	}
	if (take(s, '.') && !scan_digits(s))
		return false;
	if (take(s, 'e') || take(s, 'E')) {
		if (!take(s, '+'))
			take(s, '-');
		return scan_digits(s);
	}
	return true;
}

static bool scan_number(struct scan *s)
{
	const char *start = s->p;

	if (!scan_number_grammar(s))
		return false;
	return s->p - start <= NUMBER_MAX_CHARS || fail(s, "number too long");
}

/* Four hex digits; *ret is their value. */
static bool scan_hex4(struct scan *s, unsigned int *ret)
{
	unsigned char v[2];
	char digits[5];

	if (s->end - s->p < 4)
		return fail(s, "escape cut short");
	memcpy(digits, s->p, 4);
	digits[4] = '\0';
	if (hex_decode(v, 2, digits) < 0)
		return fail(s, "bad \\u escape");
	s->p += 4;
	*ret = (unsigned int)v[0] << 8 | v[1];
	return true;
}

static bool scan_escape(struct scan *s)
{
	unsigned int u, low;

	if (s->p == s->end)
		return fail(s, "escape cut short");
	if (*s->p != 'u') {
		if (!*s->p || !strchr("\"\\/bfnrt", *s->p))
			return fail(s, "unknown escape");
		s->p++;
		return true;
	}
	s->p++;
	if (!scan_hex4(s, &u))
		return false;
	if (u == 0)
		return fail(s, "NUL in a string");
	if (u >= 0xdc00 && u <= 0xdfff)
		return fail(s, "lone surrogate");
	if (u < 0xd800 || u > 0xdbff)
		return true;
	if (!take(s, '\\') || !take(s, 'u'))
		return fail(s, "lone surrogate");
	if (!scan_hex4(s, &low))
		return false;
	return (low >= 0xdc00 && low <= 0xdfff) || fail(s, "lone surrogate");
}

static bool scan_string(struct scan *s)
{
	s->p++;
	while (s->p < s->end) {
		size_t n;

		if (take(s, '"'))
			return true;
		if (take(s, '\\')) {
			if (!scan_escape(s))
				return false;
			continue;
		}
		n = utf8_len(s->p, (size_t)(s->end - s->p));
		if (!n)
			return fail(s, "string is not UTF-8");
		if ((unsigned char)*s->p < 0x20)
			return fail(s, "control character in a string");
		s->p += n;
	}
	return fail(s, "string without an end");
}

static bool scan_value(struct scan *s);

/* The inside of [] and {}, after the opening bracket. */
static bool scan_members(struct scan *s, char close, bool keyed)
{
	skip_blank(s);
	if (take(s, close))
		return true;
	for (;;) {
		skip_blank(s);
		if (keyed) {
			if (s->p == s->end || *s->p != '"')
				return fail(s, "key expected");
			if (!scan_string(s))
				return false;
			skip_blank(s);
			if (!take(s, ':'))
				return fail(s, "':' expected");
		}
		if (!scan_value(s))
			return false;
		skip_blank(s);
		if (take(s, close))
			return true;
		if (!take(s, ','))
			return fail(s, keyed ? "',' or '}' expected" : "',' or ']' expected");
	}
}

static bool scan_container(struct scan *s, char close, bool keyed)
{
	bool good;

	if (!s->depth)
		return fail(s, "nested too deep");
	s->depth--;
	s->p++;
	good = scan_members(s, close, keyed);
	s->depth++;
	return good;
}

static bool scan_value(struct scan *s)
{
	skip_blank(s);
	if (s->p == s->end)
		return fail(s, "value expected");
	switch (*s->p) {
	case '{':
		return scan_container(s, '}', true);
	case '[':
		return scan_container(s, ']', false);
	case '"':
		return scan_string(s);
	case 't':
		return scan_word(s, "true");
	case 'f':
		return scan_word(s, "false");
	case 'n':
		return scan_word(s, "null");
	default:
		if (*s->p != '-' && !at_digit(s))
			return fail(s, "value expected");
		return scan_number(s);
	}
}

const char *json_scan(const char *text, size_t len, unsigned int max_depth, size_t *ret_at)
{
	struct scan s = { .p = text, .end = text + len, .depth = max_depth };

	if (scan_value(&s)) {
		skip_blank(&s);
		if (s.p == s.end)
			return NULL;
		s.why = "text after the value";
	}
	*ret_at = (size_t)(s.p - text);
	return s.why;
}
