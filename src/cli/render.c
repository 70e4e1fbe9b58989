/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Text from documents: what people see is made from the JSON that scripts see, by tables of columns, so the
 * two cannot say different things.  Text of documents is never trusted to be fit for a terminal.
 */
#include "cli/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "base/text.h"
#include "cli/cli.h"

#define MAX_COLUMNS 24
#define MAX_DEPTH   8

const struct json *json_path(const struct json *doc, const char *path)
{
	char key[64];

	while (doc && *path) {
		size_t n = strcspn(path, ".");

		if (n >= sizeof(key))
			return NULL;
		memcpy(key, path, n);
		key[n] = '\0';
		doc = json_get(doc, key);
		path += n + (path[n] == '.');
	}
	return doc;
}

static const char *time_text(uint64_t ns, char *buf)
{
	static const struct { double unit; const char *name; } units[] = {
		{ 1e9, "s" }, { 1e6, "ms" }, { 1e3, "us" }, { 1, "ns" },
	};
	size_t i = 0;

	while (i < 3 && (double)ns < units[i].unit)
		i++;
	snprintf(buf, VALUE_BYTES, i == 3 ? "%.0f %s" : "%.2f %s", (double)ns / units[i].unit, units[i].name);
	return buf;
}

const char *range_bits(const struct json *range, char buf[8])
{
	static const struct { const char *key; char letter; } bits[] = {
		{ "pending", 'P' }, { "modified", 'M' }, { "pr", 'R' }, { "blocked", 'B' },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
		bool set = false;

		if (json_bool(json_get(range, bits[i].key), &set) == 0 && set)
			buf[n++] = bits[i].letter;
	}
	if (!n)
		buf[n++] = '-';
	buf[n] = '\0';
	return buf;
}

/* An array as its elements with commas, cut when it is long. */
static void join(const struct json *arr, char buf[VALUE_BYTES])
{
	char element[VALUE_BYTES];
	size_t n = 0;

	buf[0] = '\0';
	for (const struct json *c = json_first(arr); c; c = json_next(c)) {
		value_text(c, COL_TEXT, element);
		if (n + strlen(element) + 8 > 160) {
			snprintf(buf + n, VALUE_BYTES - n, " ...");
			return;
		}
		n += (size_t)snprintf(buf + n, VALUE_BYTES - n, "%s%s", n ? " " : "", element);
	}
	if (!n)
		strcpy(buf, "-");
}

const char *value_text(const struct json *v, enum column_kind kind, char buf[VALUE_BYTES])
{
	const char *s = json_str(v);
	uint64_t u;
	int64_t i;
	double d;
	bool b;

	if (kind == COL_BITS)
		return range_bits(v, buf);
	if (!v)
		return strcpy(buf, "");
	if ((kind == COL_SIZE || kind == COL_TIME) && json_u64(v, &u) == 0)
		return kind == COL_SIZE ? fmt_size(buf, u) : time_text(u, buf);
	if (s) {
		text_escape(buf, VALUE_BYTES, s, strlen(s));
	} else if (json_int(v, &i) == 0) {
		snprintf(buf, VALUE_BYTES, "%" PRId64, i);
	} else if (json_real(v, &d) == 0) {
		snprintf(buf, VALUE_BYTES, "%.4g", d);
	} else if (json_bool(v, &b) == 0) {
		strcpy(buf, b ? "yes" : "no");
	} else if (json_is_null(v)) {
		strcpy(buf, "unknown");
	} else if (json_is_array(v)) {
		join(v, buf);
	} else {
		strcpy(buf, "...");
	}
	return buf;
}

/* Columns of a terminal, as far as one can know: characters. */
static int text_width(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void pad(int n, FILE *out)
{
	while (n-- > 0)
		fputc(' ', out);
}

void render_head(const struct json *doc, const struct column *head, FILE *out)
{
	char buf[VALUE_BYTES];
	int width = 0;

	for (const struct column *c = head; c->path; c++)
		if (json_path(doc, c->path) && text_width(c->title) > width)
			width = text_width(c->title);
	for (const struct column *c = head; c->path; c++) {
		const struct json *v = json_path(doc, c->path);

		if (!v)
			continue;
		fputs(c->title, out);
		pad(width - text_width(c->title) + 2, out);
		fprintf(out, "%s\n", value_text(v, c->kind, buf));
	}
}

static const struct json *cell(const struct json *row, const struct column *c)
{
	return *c->path ? json_path(row, c->path) : row;
}

/* One line: titles when row is NULL.  Columns of width 0 are those that no row has. */
static void render_line(const struct json *row, const struct column *columns, const int *width, size_t n,
			FILE *out)
{
	char buf[VALUE_BYTES];
	int gap = 0;

	for (size_t i = 0; i < n; i++) {
		const char *s =
			row ? value_text(cell(row, &columns[i]), columns[i].kind, buf) : columns[i].title;
		bool right = columns[i].kind != COL_TEXT && columns[i].kind != COL_BITS;
		int room = width[i] - text_width(s);

		if (!width[i])
			continue;
		/* blanks are written before the next column: none at the end of a line */
		if (!*s) {
			gap += room + 2;
			continue;
		}
		pad(gap + (right ? room : 0), out);
		fputs(s, out);
		gap = 2 + (right ? 0 : room);
	}
	fputc('\n', out);
}

void render_table(const struct json *rows, const struct column *columns, FILE *out)
{
	int width[MAX_COLUMNS] = { 0 };
	char buf[VALUE_BYTES];
	size_t n = 0;

	if (!json_first(rows))
		return;
	while (n < MAX_COLUMNS && columns[n].path)
		n++;
	for (const struct json *r = json_first(rows); r; r = json_next(r))
		for (size_t i = 0; i < n; i++) {
			int w = text_width(value_text(cell(r, &columns[i]), columns[i].kind, buf));

			if (w > width[i])
				width[i] = w;
		}
	for (size_t i = 0; i < n; i++)
		if (width[i] && text_width(columns[i].title) > width[i])
			width[i] = text_width(columns[i].title);
	render_line(NULL, columns, width, n, out);
	for (const struct json *r = json_first(rows); r; r = json_next(r))
		render_line(r, columns, width, n, out);
}

static bool left_out(const char *key, const char *const *list)
{
	for (; list && *list; list++)
		if (!strcmp(*list, key))
			return true;
	return false;
}

static void members(const struct json *object, const char *prefix, const char *const *leave_out, int depth,
		    FILE *out)
{
	char path[256], buf[VALUE_BYTES];

	for (const struct json *m = json_first(object); m; m = json_next(m)) {
		const char *key = json_key(m);
		const struct json *first = json_first(m);
		unsigned int index = 0;

		if (left_out(key, leave_out))
			continue;
		snprintf(path, sizeof(path), "%s%s%s", prefix, *prefix ? "." : "", key);
		if (json_is_object(m) && depth < MAX_DEPTH) {
			members(m, path, NULL, depth + 1, out);
		} else if (json_is_array(m) && json_is_object(first) && depth < MAX_DEPTH) {
			for (const struct json *c = first; c; c = json_next(c)) {
				char element[300];

				snprintf(element, sizeof(element), "%s[%u]", path, index++);
				members(c, element, NULL, depth + 1, out);
			}
		} else {
			fprintf(out, "%-24s %s\n", path, value_text(m, COL_TEXT, buf));
		}
	}
}

void render_members(const struct json *object, const char *const *leave_out, FILE *out)
{
	members(object, "", leave_out, 0, out);
}

static const struct view *find_view(const struct json *doc)
{
	const char *schema = json_str(json_get(doc, "schema"));
	size_t n;

	if (!schema || strncmp(schema, "sgxctl.", 7))
		return NULL;
	schema += 7;
	n = strcspn(schema, "/");
	for (size_t i = 0; i < n_views; i++)
		if (strlen(views[i].kind) == n && !strncmp(views[i].kind, schema, n))
			return &views[i];
	return NULL;
}

void render_text(const struct json *doc, FILE *out)
{
	static const char *const envelope[] = { "schema", "ok", "error", NULL };
	const struct view *v = find_view(doc);

	if (!v) {
		render_members(doc, envelope, out);
		return;
	}
	if (v->head)
		render_head(doc, v->head, out);
	if (v->head && v->rows && json_first(json_path(doc, v->rows)))
		fputc('\n', out);
	if (v->rows)
		render_table(json_path(doc, v->rows), v->columns, out);
	if (v->more)
		v->more(doc, out);
}

/* Of things that were tried only those that failed are named. */
static bool worth_naming(const struct json *element)
{
	const char *result = json_str(json_get(element, "result"));

	return !result || !strcmp(result, "fail");
}

static void quiet_line(const struct json *v, FILE *out)
{
	char buf[VALUE_BYTES];

	if (v)
		fprintf(out, "%s\n", value_text(v, COL_TEXT, buf));
}

void render_quiet(const struct json *doc, FILE *out)
{
	const struct view *v = find_view(doc);
	const char *path = v && v->quiet ? v->quiet : "enclave";
	const char *each = strstr(path, "[].");
	char array[64];

	if (!each) {
		quiet_line(json_path(doc, path), out);
		return;
	}
	snprintf(array, sizeof(array), "%.*s", (int)(each - path), path);
	for (const struct json *c = json_first(json_path(doc, array)); c; c = json_next(c))
		if (worth_naming(c))
			quiet_line(json_path(c, each + 3), out);
}
