/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading TOML.  One pass, a path of fixed size, a fixed depth of brackets: nothing that a document says
 * makes it slow or large.
 *
 * Authority: TOML v1.0.0.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/toml_reader.h"

#define MAX_PATH_BYTES 256u     /* longer paths are nobody's */
#define MAX_DEPTH      64u      /* of arrays and inline tables */

struct path {
	char text[MAX_PATH_BYTES];
	size_t n;               /* more than fits: a path that nobody asks for */
};

static void skip_comment(struct toml_reader *r)
{
	if (toml_peek(r) != '#')
		return;
	while (r->at < r->n && !toml_starts(r, "\n") && !toml_starts(r, "\r\n"))
		r->at++;
}

/* Blanks, comments and line ends, as they may be inside of arrays and between lines. */
static void skip_space(struct toml_reader *r)
{
	do {
		toml_skip_blanks(r);
		skip_comment(r);
	} while (toml_skip_newline(r));
}

static int end_of_line(struct toml_reader *r)
{
	toml_skip_blanks(r);
	skip_comment(r);
	if (r->at == r->n || toml_skip_newline(r))
		return 0;
	return toml_bad(r, "something follows on the same line");
}

/* ---- keys ---------------------------------------------------------------------------------- */

static void path_add(struct path *p, const char *word, size_t n)
{
	if (n < sizeof(p->text) && p->n < sizeof(p->text) - n) {
		memcpy(p->text + p->n, word, n);
		p->text[p->n + n] = '\0';
		p->n += n;
	} else {
		p->n = sizeof(p->text);
		p->text[0] = '\0';
	}
}

static bool is_bare(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '-';
}

static bool all_bare(const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!is_bare((uint8_t)word[i]))
			return false;
	}
	return n;
}

static int read_key_part(struct toml_reader *r, struct path *p)
{
	size_t begin = r->at;

	if (toml_peek(r) == '"' || toml_peek(r) == '\'') {
		if (toml_starts(r, "\"\"\"") || toml_starts(r, "'''"))
			return toml_bad(r, "a key of several lines");
		if (toml_read_string(r) < 0)
			return -1;
		/* "a.b" is one key and not two: '?' keeps it from being taken for them */
		if (all_bare(r->string, r->string_n))
			path_add(p, r->string, r->string_n);
		else
			path_add(p, "?", 1);
		return 0;
	}
	while (is_bare(toml_peek(r)))
		r->at++;
	if (r->at == begin)
		return toml_bad(r, "a key is expected");
	path_add(p, (const char *)r->text + begin, r->at - begin);
	return 0;
}

/* Appends a dotted key to the path. */
static int read_key(struct toml_reader *r, struct path *p)
{
	do {
		toml_skip_blanks(r);
		if (p->n)
			path_add(p, ".", 1);
		if (read_key_part(r, p) < 0)
			return -1;
		toml_skip_blanks(r);
	} while (toml_take(r, "."));
	return 0;
}

/* ---- values -------------------------------------------------------------------------------- */

static bool digits(const char *word, size_t n, unsigned int base, uint64_t *ret)
{
	bool last_digit = false;

	*ret = 0;
	for (size_t i = 0; i < n; i++) {
		int d = toml_hex_digit((uint8_t)word[i]);

		if (word[i] == '_' && last_digit && i + 1 < n) {
			last_digit = false;
			continue;
		}
		if (d < 0 || (unsigned int)d >= base || *ret > (UINT64_MAX - (unsigned int)d) / base)
			return false;
		*ret = *ret * base + (unsigned int)d;
		last_digit = true;
	}
	return last_digit;
}

static bool integer(const char *word, size_t n, int64_t *ret)
{
	bool minus = n && *word == '-', sign = n && (*word == '-' || *word == '+');
	unsigned int base = 10;
	uint64_t v;

	word += sign;
	n -= sign;
	if (n > 2 && word[0] == '0' && !sign) {
		base = word[1] == 'x' ? 16 : word[1] == 'o' ? 8 : word[1] == 'b' ? 2 : 10;
		word += base == 10 ? 0 : 2;
		n -= base == 10 ? 0 : 2;
	}
	if ((base == 10 && n > 1 && *word == '0') || !digits(word, n, base, &v) ||
	    v > (uint64_t)INT64_MAX + minus)
		return false;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static void skip_word(struct toml_reader *r)
{
	while (is_bare(toml_peek(r)) || toml_peek(r) == '+' || toml_peek(r) == '.' || toml_peek(r) == ':')
		r->at++;
}

/* Numbers, dates and words.  What is no integer and no boolean only has to look like one of the others. */
static int read_word(struct toml_reader *r, struct toml_value *v)
{
	const char *word = (const char *)r->text + r->at;
	size_t begin = r->at, n;

	skip_word(r);
	n = r->at - begin;
	/* a date may have its time behind a blank */
	if (n == 10 && word[4] == '-' && toml_peek(r) == ' ' && r->at + 1 < r->n &&
	    r->text[r->at + 1] >= '0' && r->text[r->at + 1] <= '9') {
		r->at++;
		skip_word(r);
	}
	v->kind = TOML_OTHER;
	if ((n == 4 && !memcmp(word, "true", 4)) || (n == 5 && !memcmp(word, "false", 5))) {
		v->kind = TOML_BOOL;
		v->boolean = n == 4;
	} else if (integer(word, n, &v->integer)) {
		v->kind = TOML_INTEGER;
	} else if (!n || !((*word >= '0' && *word <= '9') || *word == '+' || *word == '-' ||
			   (n == 3 && (!memcmp(word, "inf", 3) || !memcmp(word, "nan", 3))))) {
		r->at = begin;
		return toml_bad(r, "a value is expected");
	}
	return 0;
}

static int read_value(struct toml_reader *r, const struct path *p, bool wanted, unsigned int depth);

static int read_array(struct toml_reader *r, const struct path *p, unsigned int depth)
{
	skip_space(r);
	while (!toml_take(r, "]")) {
		if (read_value(r, p, false, depth) < 0)
			return -1;
		skip_space(r);
		if (toml_take(r, ","))
			skip_space(r);
		else if (toml_peek(r) != ']')
			return toml_bad(r, "',' or ']' is expected");
	}
	return 0;
}

static int read_pair(struct toml_reader *r, const struct path *table, bool wanted, unsigned int depth)
{
	struct path p = *table;

	if (read_key(r, &p) < 0)
		return -1;
	if (!toml_take(r, "="))
		return toml_bad(r, "'=' is expected");
	toml_skip_blanks(r);
	return read_value(r, &p, wanted, depth);
}

static int read_inline_table(struct toml_reader *r, const struct path *p, bool wanted, unsigned int depth)
{
	toml_skip_blanks(r);
	if (toml_take(r, "}"))
		return 0;
	do {
		if (read_pair(r, p, wanted, depth) < 0)
			return -1;
		toml_skip_blanks(r);
	} while (toml_take(r, ","));
	return toml_take(r, "}") ? 0 : toml_bad(r, "',' or '}' is expected");
}

/* wanted: no array is around it */
static int read_value(struct toml_reader *r, const struct path *p, bool wanted, unsigned int depth)
{
	struct toml_value v = { .off = r->at };

	if (depth >= MAX_DEPTH)
		return toml_bad(r, "brackets are nested too deep");
	if (toml_take(r, "["))
		return read_array(r, p, depth + 1);
	if (toml_take(r, "{"))
		return read_inline_table(r, p, wanted, depth + 1);
	if (toml_peek(r) == '"' || toml_peek(r) == '\'') {
		if (toml_read_string(r) < 0)
			return -1;
		v.kind = TOML_STRING;
		v.text = r->string;
		v.text_bytes = r->string_n;
	} else if (read_word(r, &v) < 0) {
		return -1;
	}
	return wanted ? r->fn(r->arg, p->text, &v, r->e) : 0;
}

/* [a.b] or [[a.b]] */
static int read_header(struct toml_reader *r, struct path *table)
{
	bool array = toml_take(r, "[[");

	if (!array)
		toml_take(r, "[");
	table->n = 0;
	table->text[0] = '\0';
	if (read_key(r, table) < 0)
		return -1;
	if (!toml_take(r, array ? "]]" : "]"))
		return toml_bad(r, "']' is expected");
	if (array)
		path_add(table, "[]", 2);
	return end_of_line(r);
}

int toml_read(const uint8_t *text, size_t bytes, toml_fn fn, void *arg, struct err *e)
{
	CLEANUP(cleanup_free) char *room = malloc(bytes + 1);
	struct toml_reader r = { .text = text, .n = bytes, .string = room, .fn = fn, .arg = arg, .e = e };
	struct path table = { .n = 0 };

	if (!room)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory to read %zu bytes of TOML", bytes);
	for (;;) {
		skip_space(&r);
		if (r.at == r.n)
			return 0;
		if (toml_peek(&r) == '[' ? read_header(&r, &table) < 0 :
		    read_pair(&r, &table, true, 0) < 0 || end_of_line(&r) < 0)
			return -1;
	}
}
