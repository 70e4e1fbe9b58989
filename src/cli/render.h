/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between the files that render documents. */
#ifndef CLI_RENDER_H
#define CLI_RENDER_H

#include <stdio.h>

#include "base/json.h"

enum column_kind {
	COL_TEXT,               /* strings, words */
	COL_NUMBER,             /* integers, to the right */
	COL_SIZE,               /* bytes as 4K, 1.5M */
	COL_TIME,               /* nanoseconds as 1.2 ms */
	COL_BITS,               /* of a page range: the EPCM bits that are set, as letters */
};

struct column {
	const char *path, *title;
	enum column_kind kind;
};

/* How the text of one kind of document is made; a document without a view is shown member by member. */
struct view {
	const char *kind;               /* "list" of "sgxctl.list/1" */
	const struct column *head;      /* lines "title  value" */
	const char *rows;               /* path of the array that is the table, NULL: none */
	const struct column *columns;
	void (*more)(const struct json *doc, FILE *out);
	const char *quiet;              /* path of the identifier; "a[].b": of each element */
};
extern const struct view views[];
extern const size_t n_views;
extern const struct column scenario_columns[], scenario_list_columns[];

#define VALUE_BYTES 1024
/* One value as text without control characters, in buf. */
const char *value_text(const struct json *v, enum column_kind kind, char buf[VALUE_BYTES]);
void render_head(const struct json *doc, const struct column *head, FILE *out);
void render_table(const struct json *rows, const struct column *columns, FILE *out);
/* Every member of an object as "path  value" lines; keys to leave out end with NULL. */
void render_members(const struct json *object, const char *const *leave_out, FILE *out);
/* "PMRB" without the bits that are clear, "-" for none. */
const char *range_bits(const struct json *range, char buf[8]);

/* render_docs.c */
void render_secs(const struct json *doc, FILE *out);
void render_scenarios(const struct json *doc, FILE *out);
void render_memory(const struct json *doc, FILE *out);
/* render_image.c */
extern const struct column layout_columns[];
void render_inspect(const struct json *doc, FILE *out);
void render_verify(const struct json *doc, FILE *out);
void render_diff(const struct json *doc, FILE *out);
/* render_map.c */
void render_map(const struct json *doc, FILE *out);

#endif
