/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The documents of explain for people: made from the document, so that both say the same. */
#include <inttypes.h>
#include <string.h>

#include "base/text.h"
#include "cli/explain.h"

#define MIN_COLUMNS 40u
#define LABEL_COLUMNS 13u

/* Words of text after a label, wrapped, continued under the first word. */
static void put_wrapped(FILE *out, const char *label, const char *text, unsigned int indent,
			unsigned int columns)
{
	unsigned int at = indent;

	fprintf(out, "%-*s", (int)indent, label);
	while (*text) {
		unsigned int word = (unsigned int)strcspn(text, " ");

		if (at > indent && at + 1 + word > columns) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)word, text);
		at += word;
		text += word;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

static const char *str(const struct json *obj, const char *key)
{
	return json_str(json_get(obj, key));
}

static void put_field(FILE *out, const char *label, const char *text, unsigned int columns)
{
	if (text && *text)
		put_wrapped(out, label, text, LABEL_COLUMNS, columns);
}

static void put_cause(FILE *out, const struct json *cause, unsigned int number, unsigned int columns)
{
	char label[16];

	snprintf(label, sizeof(label), "  %2u.", number);
	put_wrapped(out, label, str(cause, "cause"), 6, columns);
	put_field(out, "      check", str(cause, "confirm"), columns);
	put_field(out, "      do", str(cause, "remedy"), columns);
}

static void put_head(FILE *out, const struct json *r)
{
	char code[4 * EXPLAIN_MAX_BYTES + 1];
	const char *context = str(r, "context"), *name = str(r, "name"), *text = str(r, "code");

	text_escape(code, sizeof(code), text, strlen(text));
	fprintf(out, "%s: %s", code, str(r, "kind"));
	if (name && strcmp(name, text) != 0)
		fprintf(out, " %s", name);
	if (context)
		fprintf(out, " of %s", context);
	fputc('\n', out);
}

static void put_reading(FILE *out, const struct json *r, unsigned int columns)
{
	const struct json *decoded = json_get(r, "decoded"), *causes = json_get(r, "causes"), *j;
	unsigned int number = 0;

	put_head(out, r);
	/* a single case repeats itself as its only cause */
	if (strcmp(str(r, "kind"), "case") != 0)
		put_wrapped(out, "  ", str(r, "meaning"), 2, columns);
	for (j = json_first(decoded); j; j = json_next(j))
		put_wrapped(out, "    ", json_str(j), 4, columns);
	put_field(out, "  refused by", str(r, "refusal"), columns);
	put_field(out, "  hint", str(r, "hint"), columns);
	for (j = json_first(causes); j; j = json_next(j))
		put_cause(out, j, ++number, columns);
}

static void put_entry(FILE *out, const struct json *entry, unsigned int columns)
{
	char label[64];
	const char *meaning = str(entry, "meaning");

	snprintf(label, sizeof(label), "%-14s %s ", str(entry, "kind"), str(entry, "code"));
	put_wrapped(out, label, meaning ? meaning : "", 46, columns);
}

void explain_print_text(const struct json *doc, unsigned int columns, FILE *out)
{
	const struct json *readings = json_get(doc, "readings"), *j;

	if (columns < MIN_COLUMNS)
		columns = MIN_COLUMNS;
	for (j = json_first(readings); j; j = json_next(j)) {
		if (j != json_first(readings))
			fputc('\n', out);
		put_reading(out, j, columns);
	}
	for (j = json_first(json_get(doc, "entries")); j; j = json_next(j))
		put_entry(out, j, columns < 100 ? 100 : columns);
}
