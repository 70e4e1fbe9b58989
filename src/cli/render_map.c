/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures of the page map: a bar of characters for terminals, an SVG for documents. */
#include "cli/render.h"

#include <inttypes.h>
#include <string.h>

#include "base/fmt.h"
#include "cli/cli.h"

#define CELLS     64u
#define MAX_ROWS  4u            /* of cells */
#define PAGE      4096u
#define SVG_RANGES 2000u        /* more would be no picture */

struct range_view {
	uint64_t first, pages;          /* in pages from the ELRANGE base */
	char letter;
};

/* What a range is at a glance; what waits for the enclave first. */
static char letter_of(const struct json *r)
{
	const char *type = json_str(json_get(r, "type"));
	const char *perm = json_str(json_get(r, "perm"));
	bool pending = false, modified = false, pr = false;

	json_bool(json_get(r, "pending"), &pending);
	json_bool(json_get(r, "modified"), &modified);
	json_bool(json_get(r, "pr"), &pr);
	if (pending)
		return 'p';
	if (modified || pr)
		return 'm';
	if (type && !strcmp(type, "tcs"))
		return 'T';
	if (type && !strcmp(type, "trim"))
		return 't';
	if (type && !strcmp(type, "dynamic"))
		return 'd';
	if (perm && strchr(perm, 'x'))
		return 'x';
	if (perm && strchr(perm, 'w'))
		return 'w';
	return perm && strchr(perm, 'r') ? 'r' : '-';
}

static bool view_range(const struct json *r, struct range_view *v)
{
	const char *type = json_str(json_get(r, "type"));
	uint64_t offset;

	if (json_u64(json_get(r, "offset"), &offset) < 0 || json_u64(json_get(r, "pages"), &v->pages) < 0)
		return false;
	v->first = offset / PAGE;
	v->letter = letter_of(r);
	/* ELRANGE without a page */
	if (type && !strcmp(type, "none"))
		return false;
	return v->pages > 0 && v->first + v->pages > v->first;
}

static uint64_t end_of(const struct json *ranges)
{
	struct range_view v;
	uint64_t end = 0;

	for (const struct json *r = json_first(ranges); r; r = json_next(r))
		if (view_range(r, &v) && v.first + v.pages > end)
			end = v.first + v.pages;
	return end;
}

/* Each cell shows the range that covers most of it, if any does. */
static void fill_cells(const struct json *ranges, uint64_t per_cell, uint64_t n, char *cells, uint64_t *cover)
{
	struct range_view v;

	memset(cells, '.', n);
	memset(cover, 0, n * sizeof(*cover));
	for (const struct json *r = json_first(ranges); r; r = json_next(r)) {
		if (!view_range(r, &v))
			continue;
		for (uint64_t c = v.first / per_cell; c < n && c * per_cell < v.first + v.pages; c++) {
			uint64_t from = v.first > c * per_cell ? v.first : c * per_cell;
			uint64_t to = v.first + v.pages < (c + 1) * per_cell ? v.first + v.pages
									     : (c + 1) * per_cell;

			if (to - from > cover[c]) {
				cover[c] = to - from;
				cells[c] = v.letter;
			}
		}
	}
}

void render_map(const struct json *doc, FILE *out)
{
	const struct json *ranges = json_get(doc, "ranges");
	uint64_t end = end_of(ranges), per_cell = 1, n, cover[CELLS * MAX_ROWS];
	char cells[CELLS * MAX_ROWS], size[FMT_SIZE_BYTES];

	if (!end)
		return;
	while ((end + per_cell - 1) / per_cell > CELLS * MAX_ROWS)
		per_cell *= 2;
	n = (end + per_cell - 1) / per_cell;
	fill_cells(ranges, per_cell, n, cells, cover);
	fprintf(out,
		"\none character is %s: x code, w writable, r read-only, T TCS, p pending, m modified, "
		"t trimmed, d for pages at run time, . none\n",
		fmt_size(size, per_cell * PAGE));
	for (uint64_t c = 0; c < n; c += CELLS)
		fprintf(out, "%12" PRIx64 " |%.*s|\n", c * per_cell * PAGE,
			(int)(n - c < CELLS ? n - c : CELLS), cells + c);
}

/* ---- SVG ---------------------------------------------------------------------------------------------- */

#define ROW_HEIGHT 22
#define BAR_X      130
#define BAR_WIDTH  300

static const char *colour_of(char letter)
{
	switch (letter) {
	case 'x': return "#4e79a7";
	case 'w': return "#59a14f";
	case 'r': return "#9c9c9c";
	case 'T': return "#b07aa1";
	case 'p': return "#f28e2b";
	case 'm': return "#e15759";
	case 't': return "#76563c";
	default:  return "#d0d0d0";
	}
}

static void svg_text(const char *s, FILE *out)
{
	for (; *s; s++)
		switch (*s) {
		case '&': fputs("&amp;", out); break;
		case '<': fputs("&lt;", out); break;
		case '>': fputs("&gt;", out); break;
		default: fputc(*s, out);
		}
}

static void svg_label(int x, int y, const char *text, FILE *out)
{
	fprintf(out, "<text x=\"%d\" y=\"%d\">", x, y);
	svg_text(text, out);
	fputs("</text>\n", out);
}

/* Lengths on a scale of powers of two: one page and a gigabyte fit one picture. */
static int bar_length(uint64_t pages)
{
	int bits = 0;

	while (pages >> bits && bits < 40)
		bits++;
	return 8 + (BAR_WIDTH - 8) * bits / 40;
}

static void svg_row(const struct json *r, const struct range_view *v, int y, FILE *out)
{
	char what[VALUE_BYTES], type[VALUE_BYTES], perm[VALUE_BYTES], bits[8], label[VALUE_BYTES * 4];

	snprintf(label, sizeof(label), "0x%" PRIx64, v->first * PAGE);
	svg_label(8, y + 15, label, out);
	fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n", BAR_X, y + 2,
		bar_length(v->pages), ROW_HEIGHT - 4, colour_of(v->letter));
	snprintf(label, sizeof(label), "%" PRIu64 " x %s %s %s %s", v->pages,
		 value_text(json_get(r, "type"), COL_TEXT, type),
		 value_text(json_get(r, "perm"), COL_TEXT, perm), range_bits(r, bits),
		 value_text(json_get(r, "what"), COL_TEXT, what));
	svg_label(BAR_X + BAR_WIDTH + 12, y + 15, label, out);
}

void render_svg(const struct json *doc, FILE *out)
{
	const struct json *ranges = json_get(doc, "ranges");
	char name[VALUE_BYTES], title[VALUE_BYTES + 64];
	size_t rows = json_len(ranges);
	struct range_view v;
	uint64_t end = 0;
	int y = 34;

	if (rows > SVG_RANGES)
		rows = SVG_RANGES;
	/* a gap may stand before each range */
	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"%zu\" "
		"font-family=\"monospace\" font-size=\"13\">\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n",
		44 + 2 * rows * ROW_HEIGHT);
	snprintf(title, sizeof(title), "page map of %s",
		 value_text(json_get(doc, "enclave"), COL_TEXT, name));
	svg_label(8, 22, title, out);
	for (const struct json *r = json_first(ranges); r && rows; r = json_next(r), rows--) {
		if (!view_range(r, &v))
			continue;
		if (v.first > end) {
			snprintf(title, sizeof(title), "%" PRIu64 " pages free", v.first - end);
			svg_label(BAR_X, y + 15, title, out);
			y += ROW_HEIGHT;
		}
		svg_row(r, &v, y, out);
		y += ROW_HEIGHT;
		end = v.first + v.pages;
	}
	fputs("</svg>\n", out);
}
