/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of documents about image files: inspect, verify, diff. */
#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/render.h"

#define END { NULL, NULL, COL_TEXT }

static const char *text_of(const struct json *object, const char *path, char buf[VALUE_BYTES])
{
	return value_text(json_path(object, path), COL_TEXT, buf);
}

/* "N of M shown" under a list that was cut. */
static void cut_note(const struct json *doc, const char *list, const char *total, FILE *out)
{
	size_t shown = json_len(json_get(doc, list));
	uint64_t all = 0;

	if (json_u64(json_get(doc, total), &all) == 0 && all > shown)
		fprintf(out, "(%zu of %" PRIu64 " shown, --limit 0 shows all)\n", shown, all);
}

static void table(const struct json *rows, const char *title, const struct column *columns, FILE *out)
{
	if (!json_first(rows))
		return;
	fprintf(out, "\n%s\n", title);
	render_table(rows, columns, out);
}

/* ---- SIGSTRUCT ---------------------------------------------------------------------------------- */

static const struct column sigstruct_head[] = {
	{ "from", "SIGSTRUCT from", COL_TEXT }, { "enclavehash", "ENCLAVEHASH", COL_TEXT },
	{ "mrsigner", "MRSIGNER", COL_TEXT }, { "signature.valid", "signature valid", COL_TEXT },
	{ "debug.text", "debug policy", COL_TEXT },
	{ "isvprodid", "ISVPRODID", COL_TEXT }, { "isvsvn", "ISVSVN", COL_TEXT },
	{ "attributes.flags", "ATTRIBUTES.FLAGS", COL_TEXT }, { "attributes.names", "  names", COL_TEXT },
	{ "attributemask.flags", "  mask", COL_TEXT },
	{ "attributes.xfrm", "ATTRIBUTES.XFRM", COL_TEXT }, { "attributes.xfrm_names", "  names", COL_TEXT },
	{ "attributemask.xfrm", "  mask", COL_TEXT },
	{ "miscselect", "MISCSELECT", COL_TEXT }, { "miscmask", "  mask", COL_TEXT },
	{ "kss", "KSS demanded", COL_TEXT }, { "isvfamilyid", "ISVFAMILYID", COL_TEXT },
	{ "isvextprodid", "ISVEXTPRODID", COL_TEXT },
	{ "cet_attributes", "CET_ATTRIBUTES", COL_TEXT }, { "cet_attributes_mask", "  mask", COL_TEXT },
	{ "date.raw", "DATE", COL_TEXT }, { "date.bcd", "  as BCD", COL_TEXT },
	{ "date.binary", "  as binary", COL_TEXT },
	{ "vendor", "VENDOR", COL_TEXT }, { "vendor_name", "  is", COL_TEXT },
	{ "header_type", "type", COL_TEXT }, { "swdefined", "SWDEFINED", COL_TEXT },
	{ "exponent", "EXPONENT", COL_TEXT }, END
};
static const struct column problem_columns[] = {
	{ "field", "FIELD", COL_TEXT }, { "at", "BYTE", COL_NUMBER }, { "message", "WRONG", COL_TEXT }, END
};

static void render_sigstruct(const struct json *sig, FILE *out)
{
	if (!json_is_object(sig))
		return;
	fputc('\n', out);
	render_head(sig, sigstruct_head, out);
	table(json_get(sig, "problems"), "what EINIT refuses in it:", problem_columns, out);
}

/* ---- inspect ------------------------------------------------------------------------------------ */

const struct column layout_columns[] = {
	{ "offset", "OFFSET", COL_TEXT }, { "pages", "PAGES", COL_NUMBER }, { "type", "TYPE", COL_TEXT },
	{ "perm", "PERM", COL_TEXT }, { "measured", "MEASURED", COL_TEXT }, { "chunks", "CHUNKS", COL_TEXT },
	{ "order", "EADD", COL_NUMBER }, { "what", "WHAT", COL_TEXT }, { "place.section", "SECTION", COL_TEXT },
	{ "place.symbol", "SYMBOL", COL_TEXT }, END
};
static const struct column tcs_columns[] = {
	{ "offset", "TCS", COL_TEXT }, { "oentry", "OENTRY", COL_TEXT }, { "entry.symbol", "SYMBOL", COL_TEXT },
	{ "ossa", "OSSA", COL_TEXT }, { "nssa", "NSSA", COL_NUMBER }, { "flags", "FLAGS", COL_TEXT },
	{ "ofsbase", "OFSBASE", COL_TEXT }, { "ogsbase", "OGSBASE", COL_TEXT },
	{ "fslimit", "FSLIMIT", COL_TEXT }, { "gslimit", "GSLIMIT", COL_TEXT }, END
};
static const struct column block_columns[] = {
	{ "version", "BLOCK", COL_TEXT }, { "chosen", "CHOSEN", COL_TEXT }, { "file_offset", "AT", COL_TEXT },
	{ "bytes", "BYTES", COL_NUMBER }, { "secs_size", "SECS.SIZE", COL_SIZE },
	{ "sigstruct.signature.valid", "SIGNED", COL_TEXT }, { "sigstruct.enclavehash", "ENCLAVEHASH", COL_TEXT },
	{ "sigstruct.date.raw", "DATE", COL_TEXT }, END
};
static const struct column page_columns[] = {
	{ "offset", "OFFSET", COL_TEXT }, { "type", "TYPE", COL_TEXT }, { "perm", "PERM", COL_TEXT },
	{ "measured", "MEASURED", COL_TEXT }, { "what", "WHAT", COL_TEXT }, { "sha256", "SHA-256", COL_TEXT }, END
};

void render_inspect(const struct json *doc, FILE *out)
{
	const struct json *facts = json_get(doc, "facts");

	cut_note(doc, "ranges", "ranges_total", out);
	render_map(doc, out);
	table(json_get(doc, "tcs"), "threads:", tcs_columns, out);
	cut_note(doc, "tcs", "tcs_total", out);
	if (json_first(facts)) {
		fputs("\nthe format says:\n", out);
		render_members(facts, NULL, out);
	}
	table(json_get(doc, "blocks"), "metadata blocks:", block_columns, out);
	render_sigstruct(json_get(doc, "sigstruct"), out);
	table(json_get(doc, "page_list"), "pages, in the order of EADD:", page_columns, out);
	cut_note(doc, "page_list", "page_list_total", out);
}

/* ---- verify ------------------------------------------------------------------------------------- */

/* Long values would make a table unreadable: a check that failed has lines of its own. */
static void render_check(const struct json *check, FILE *out)
{
	static const char *const values[] = { "expected", "actual" };
	char buf[VALUE_BYTES];
	bool ok = false, known = json_bool(json_get(check, "ok"), &ok) == 0;

	fprintf(out, "%-8s %s", !known ? "unknown" : ok ? "ok" : "WRONG", text_of(check, "name", buf));
	if (!ok)
		fprintf(out, ": %s", text_of(check, "message", buf));
	fputc('\n', out);
	for (size_t i = 0; i < 2; i++) {
		if (json_str(json_get(check, values[i])))
			fprintf(out, "         %-9s %s\n", values[i], text_of(check, values[i], buf));
	}
}

void render_verify(const struct json *doc, FILE *out)
{
	fputc('\n', out);
	for (const struct json *c = json_first(json_get(doc, "checks")); c; c = json_next(c))
		render_check(c, out);
}

/* ---- diff --------------------------------------------------------------------------------------- */

static const struct column diff_side_head[] = {
	{ "image", "image", COL_TEXT }, { "format", "format", COL_TEXT }, { "mrenclave", "MRENCLAVE", COL_TEXT },
	{ "mrsigner", "MRSIGNER", COL_TEXT }, { "elrange.size", "ELRANGE size", COL_SIZE },
	{ "pages.added", "pages added", COL_TEXT }, { "pages.measured", "pages measured", COL_TEXT }, END
};

/* ".data+0x20 <counter+0x4>" */
static void print_place(const struct json *place, FILE *out)
{
	char name[VALUE_BYTES], off[VALUE_BYTES];

	if (json_get(place, "section"))
		fprintf(out, " %s+%s", text_of(place, "section", name), text_of(place, "section_offset", off));
	if (json_get(place, "symbol"))
		fprintf(out, " <%s+%s>", text_of(place, "symbol", name), text_of(place, "symbol_offset", off));
}

static void print_record(const struct json *first, const char *side, FILE *out)
{
	static const char *const parts[] = { "offset", "secinfo", "size", "ssaframesize" };
	const struct json *record = json_get(first, side);
	char buf[VALUE_BYTES];

	fprintf(out, "  %s  %s", side, text_of(record, "leaf", buf));
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (json_get(record, parts[i]))
			fprintf(out, " %s %s", parts[i], text_of(record, parts[i], buf));
	}
	print_place(json_get(record, "place"), out);
	fputc('\n', out);
}

static void print_first(const struct json *first, FILE *out)
{
	char record[VALUE_BYTES], what[VALUE_BYTES], byte[VALUE_BYTES];

	if (!json_is_object(first)) {
		fputs("\nMRENCLAVE is the same\n", out);
		return;
	}
	fprintf(out, "\nthe measurements part at record %s (%s%s%s):\n", text_of(first, "record", record),
		text_of(first, "what", what), json_get(first, "byte") ? " at " : "", text_of(first, "byte", byte));
	print_record(first, "a", out);
	print_record(first, "b", out);
}

/* "reg r-x measured text .text+0x10 <main+0x4>" */
static void print_page(const struct json *d, const char *side, FILE *out)
{
	const struct json *page = json_get(d, side);
	char type[VALUE_BYTES], perm[VALUE_BYTES], what[VALUE_BYTES], chunks[VALUE_BYTES];
	bool measured = false;

	if (!page)
		return;
	json_bool(json_get(page, "measured"), &measured);
	fprintf(out, "    %s  %s %s%s%s%s %s", side, text_of(page, "type", type), text_of(page, "perm", perm),
		json_get(page, "type") ? measured ? " measured" : " not measured" : "",
		json_get(page, "chunks") ? " chunks " : "", text_of(page, "chunks", chunks), text_of(page, "what", what));
	print_place(json_get(page, "place"), out);
	fputc('\n', out);
}

static void print_ranges(const struct json *d, FILE *out)
{
	const struct json *ranges = json_get(d, "ranges");
	char off[VALUE_BYTES], bytes[VALUE_BYTES], total[VALUE_BYTES];
	unsigned int shown = 0;

	if (!json_first(ranges))
		return;
	fprintf(out, "    %s bytes in %s places:", text_of(d, "bytes", bytes), text_of(d, "ranges_total", total));
	for (const struct json *r = json_first(ranges); r; r = json_next(r)) {
		if (shown++ == 8) {
			fputs(" ...", out);
			break;
		}
		fprintf(out, " %s+%s", text_of(r, "offset", off), text_of(r, "bytes", bytes));
	}
	fputc('\n', out);
}

static void print_difference(const struct json *d, FILE *out)
{
	char kind[VALUE_BYTES], buf[VALUE_BYTES], value[VALUE_BYTES];
	bool measured = false;

	json_bool(json_get(d, "measured"), &measured);
	fprintf(out, "%c %s", measured ? '*' : ' ', text_of(d, "kind", kind));
	if (json_get(d, "field"))
		fprintf(out, " %s", text_of(d, "field", buf));
	if (json_get(d, "offset"))
		fprintf(out, " %s", text_of(d, "offset", buf));
	if (json_get(d, "to"))
		fprintf(out, " to %s", text_of(d, "to", buf));
	if (json_get(d, "pages"))
		fprintf(out, " (%s pages)", text_of(d, "pages", buf));
	if (json_get(d, "a_value"))
		fprintf(out, ": %s, %s", text_of(d, "a_value", buf), text_of(d, "b_value", value));
	if (json_get(d, "a_signed"))
		fprintf(out, ": %s, %s", text_of(d, "a_signed", buf), text_of(d, "b_signed", value));
	fputc('\n', out);
	print_page(d, "a", out);
	print_page(d, "b", out);
	print_ranges(d, out);
}

void render_diff(const struct json *doc, FILE *out)
{
	const struct json *list = json_get(doc, "differences");

	fputs("a\n", out);
	render_head(json_get(doc, "a"), diff_side_head, out);
	fputs("\nb\n", out);
	render_head(json_get(doc, "b"), diff_side_head, out);
	print_first(json_get(doc, "first_difference"), out);
	if (!json_first(list))
		return;
	fputs("\ndifferences (* is in MRENCLAVE):\n", out);
	for (const struct json *d = json_first(list); d; d = json_next(d))
		print_difference(d, out);
	cut_note(doc, "differences", "differences_total", out);
}
