/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the TOML reader. */
#ifndef IMAGE_TOML_READER_H
#define IMAGE_TOML_READER_H

#include "image/toml.h"

struct toml_reader {
	const uint8_t *text;
	size_t n, at;
	char *string;           /* of the last string; as large as the document */
	size_t string_n;
	toml_fn fn;
	void *arg;
	struct err *e;
};

/* 0 at the end: a document has no NUL elsewhere. */
static inline uint8_t toml_peek(const struct toml_reader *r)
{
	return r->at < r->n ? r->text[r->at] : 0;
}

/* ERR_BAD_LAYOUT at the place that was reached. */
int toml_bad(struct toml_reader *r, const char *what);
bool toml_starts(const struct toml_reader *r, const char *word);
bool toml_take(struct toml_reader *r, const char *word);        /* false: it is not there */
void toml_skip_blanks(struct toml_reader *r);
bool toml_skip_newline(struct toml_reader *r);
int toml_hex_digit(uint8_t c);  /* -1 when it is none */
/* Reads any of the four kinds of string, which begins here, into r->string. */
int toml_read_string(struct toml_reader *r);

#endif
