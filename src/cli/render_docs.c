/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The documents that need more than a table: SECS fields, scenarios (and KTAP), memory. */
#include "cli/render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"

/* ---- dump-secs ------------------------------------------------------------------------------------ */

static const char *source_of(const struct json *sources, const char *key)
{
	const char *s = json_str(json_get(sources, key));

	return s ? s : "";
}

static void secs_line(const char *name, const struct json *v, const char *source, FILE *out)
{
	char buf[VALUE_BYTES], src[64];

	text_escape(src, sizeof(src), source, strlen(source));
	fprintf(out, "%-18s %-64s  %s\n", name, value_text(v, COL_TEXT, buf), src);
}

void render_secs(const struct json *doc, FILE *out)
{
	const struct json *sources = json_get(doc, "sources");

	for (const struct json *m = json_first(json_get(doc, "secs")); m; m = json_next(m)) {
		const char *key = json_key(m);

		if (!json_is_object(m)) {
			secs_line(key, m, source_of(sources, key), out);
			continue;
		}
		for (const struct json *part = json_first(m); part; part = json_next(part)) {
			const char *own = source_of(sources, json_key(part));
			char name[128];

			snprintf(name, sizeof(name), "%s.%s", key, json_key(part));
			secs_line(name, part, *own ? own : source_of(sources, key), out);
		}
	}
}

/* ---- accept-test ---------------------------------------------------------------------------------- */

static bool check_passed(const struct json *check)
{
	bool pass = false;

	if (json_bool(json_get(check, "ok"), &pass) < 0 && json_bool(json_get(check, "pass"), &pass) < 0)
		return false;
	return pass;
}

/* The members of a check that failed, in one line. */
static void check_line(const struct json *check, const char *begin, FILE *out)
{
	char buf[VALUE_BYTES];

	fputs(begin, out);
	for (const struct json *m = json_first(check); m; m = json_next(m))
		if (!json_is_bool(m))
			fprintf(out, " %s: %s%s", json_key(m), value_text(m, COL_TEXT, buf),
				json_next(m) ? "," : "");
	fputc('\n', out);
}

static void failed_checks(const struct json *scenario, const char *begin, FILE *out)
{
	const struct json *c;

	for (c = json_first(json_get(scenario, "checks")); c; c = json_next(c))
		if (!check_passed(c))
			check_line(c, begin, out);
}

static const char *text_of(const struct json *object, const char *key, char buf[VALUE_BYTES])
{
	return value_text(json_get(object, key), COL_TEXT, buf);
}

void render_scenarios(const struct json *doc, FILE *out)
{
	char passed[VALUE_BYTES], failed[VALUE_BYTES], skipped[VALUE_BYTES], device[VALUE_BYTES];
	const struct json *scenarios = json_get(doc, "scenarios"), *s;
	bool ran = json_get(doc, "passed") != NULL;

	render_table(scenarios, ran ? scenario_columns : scenario_list_columns, out);
	if (!ran)
		return;
	for (s = json_first(scenarios); s; s = json_next(s)) {
		const char *result = json_str(json_get(s, "result"));

		if (!result || strcmp(result, "fail"))
			continue;
		fprintf(out, "\n%s (%s) failed:\n", text_of(s, "name", passed),
			text_of(s, "strategy", failed));
		failed_checks(s, " ", out);
	}
	fprintf(out, "\n%s passed, %s failed, %s skipped on the %s device\n", text_of(doc, "passed", passed),
		text_of(doc, "failed", failed), text_of(doc, "skipped", skipped),
		text_of(doc, "device", device));
}

void render_ktap(const struct json *doc, FILE *out)
{
	const struct json *scenarios = json_get(doc, "scenarios");
	char name[VALUE_BYTES], strategy[VALUE_BYTES], pages[VALUE_BYTES], buf[VALUE_BYTES];
	unsigned int i = 0;

	fprintf(out, "KTAP version 1\n1..%zu\n", json_len(scenarios));
	if (json_get(doc, "device"))
		fprintf(out, "# device: %s\n", text_of(doc, "device", buf));
	for (const struct json *s = json_first(scenarios); s; s = json_next(s)) {
		const char *result = json_str(json_get(s, "result"));
		bool skip = result && !strcmp(result, "skip");
		bool pass = result && !strcmp(result, "pass");

		text_of(s, "name", name);
		text_of(s, "strategy", strategy);
		text_of(s, "pages", pages);
		fprintf(out, "%sok %u %s", pass || skip ? "" : "not ", ++i, name);
		if (*strategy)
			fprintf(out, " strategy=%s", strategy);
		if (*pages)
			fprintf(out, " pages=%s", pages);
		if (skip)
			fprintf(out, " # SKIP %s", text_of(s, "reason", buf));
		fputc('\n', out);
		if (!pass && !skip)
			failed_checks(s, "#", out);
	}
	fprintf(out, "# Totals: pass:%s fail:%s xfail:0 xpass:0 skip:%s error:0\n",
		text_of(doc, "passed", name), text_of(doc, "failed", strategy),
		text_of(doc, "skipped", pages));
}

/* ---- peek ------------------------------------------------------------------------------------------- */

static void memory_line(uint64_t at, const unsigned char *p, size_t n, FILE *out)
{
	fprintf(out, "%010" PRIx64 " ", at);
	for (size_t i = 0; i < 16; i++)
		if (i < n)
			fprintf(out, "%s%02x", i == 8 ? "  " : " ", p[i]);
		else
			fputs(i == 8 ? "    " : "   ", out);
	fputs("  |", out);
	for (size_t i = 0; i < n; i++)
		fputc(p[i] >= 0x20 && p[i] < 0x7f ? p[i] : '.', out);
	fputs("|\n", out);
}

void render_memory(const struct json *doc, FILE *out)
{
	const char *hex = json_str(json_get(doc, "data"));
	size_t n = hex ? strlen(hex) / 2 : 0;
	CLEANUP(cleanup_free) unsigned char *data = malloc(n ? n : 1);
	uint64_t offset = 0;

	if (!data || !n || hex_decode(data, n, hex) < 0)
		return;
	json_u64(json_get(doc, "offset"), &offset);
	for (size_t i = 0; i < n; i += 16)
		memory_line(offset + i, data + i, n - i < 16 ? n - i : 16, out);
}
