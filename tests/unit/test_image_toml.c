/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The TOML reader: what documents say, and where they are refused. */
#include <stdlib.h>
#include <string.h>

#include "image/gramine_manifest.h"
#include "image/toml.h"
#include "tap.h"

static char said[1024];

static int say(void *arg, const char *path, const struct toml_value *v, struct err *e)
{
	size_t n = strlen(said);

	(void)arg;
	(void)e;
	switch (v->kind) {
	case TOML_STRING:
		snprintf(said + n, sizeof(said) - n, "%s='%.*s' ", path, (int)v->text_bytes, v->text);
		return 0;
	case TOML_INTEGER:
		snprintf(said + n, sizeof(said) - n, "%s=%lld ", path, (long long)v->integer);
		return 0;
	case TOML_BOOL:
		snprintf(said + n, sizeof(said) - n, "%s=%s ", path, v->boolean ? "yes" : "no");
		return 0;
	default:
		snprintf(said + n, sizeof(said) - n, "%s=? ", path);
		return 0;
	}
}

/* From memory of exactly that length, so that reading past it is seen. */
static int read_text(const char *text, size_t n, struct err *e)
{
	uint8_t *exact = malloc(n ? n : 1);
	int ret;

	if (!exact)
		exit(99);
	memcpy(exact, text, n);
	said[0] = '\0';
	ret = toml_read(exact, n, say, NULL, e);
	free(exact);
	return ret;
}

static void test_good(void)
{
	static const struct {
		const char *text, *said;
	} docs[] = {
		{ "", "" },
		{ "# only a comment", "" },
		{ "a=1", "a=1 " },
		{ "a = 1 # one\r\nb=true\nc\t=\tfalse\n", "a=1 b=yes c=no " },
		{ "[t]\na.b . c = -17\n", "t.a.b.c=-17 " },
		{ "[ t . u ]\nx = 0x1f\ny = 0o17\nz = 0b101\nw = 1_000\n",
		  "t.u.x=31 t.u.y=15 t.u.z=5 t.u.w=1000 " },
		{ "x = 9223372036854775807\ny = -9223372036854775808\nz = 9223372036854775808",
		  "x=9223372036854775807 y=-9223372036854775808 z=? " },
		{ "s = \"a\\t\\\"\\u00e4\\U0001F600\"\nl = 'C:\\n'",
		  "s='a\t\"\xc3\xa4\xf0\x9f\x98\x80' l='C:\\n' " },
		{ "s = \"\"\"\nx\\\n   y\n\"q\"\"\"\"\nl = '''a\n'b'''", "s='xy\n\"q\"' l='a\n'b' " },
		{ "s = \"\"\nl = ''", "s='' l='' " },
		{ "a = [ 1, [ \"x\", 'y' ], # c\n { b = 1 } ]\nb = 2", "b=2 " },
		{ "t = { a = 1, b.c = \"x\", d = { e = true } }\n", "t.a=1 t.b.c='x' t.d.e=yes " },
		{ "[[p]]\nx=1\n[[p]]\nx=2\n[p.q]\ny=3", "p[].x=1 p[].x=2 p.q.y=3 " },
		{ "\"a\" = 1\n'b c' = 2\n\"d.e\" = 3\nf.\"g\" = 4", "a=1 ?=2 ?=3 f.g=4 " },
		{ "d = 1979-05-27T07:32:00Z\ne = 1979-05-27 07:32:00.5\nf = 07:32:00\ng = 3.14\nh = -inf\n"
		  "i = nan\nj = 1e6",
		  "d=? e=? f=? g=? h=? i=? j=? " },
	};

	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		struct err e = { 0 };

		if (!ok(read_text(docs[i].text, strlen(docs[i].text), &e) == 0 && !strcmp(said, docs[i].said),
			"document %zu", i))
			printf("#  said '%s', error '%s'\n", said, e.msg);
	}
}

static void test_bad(void)
{
	static const struct {
		const char *text;
		uint64_t off;
	} docs[] = {
		{ "a", 1 },
		{ "a =", 3 },
		{ "= 1", 0 },
		{ "a = 1 b = 2", 6 },
		{ "a = \"x", 6 },
		{ "a = 'x\n'", 6 },
		{ "a = \"\\q\"", 6 },
		{ "a = \"\\ud800\"", 11 },
		{ "a = \"\\u12\"", 9 },
		{ "a = \"\x01\"", 5 },
		{ "a = \"\xff\"", 5 },
		{ "[t", 2 },
		{ "[]", 1 },
		{ "[[t]", 3 },
		{ "[t] x", 4 },
		{ "a = [1 2]", 7 },
		{ "a = [1", 6 },
		{ "a = { b = 1", 11 },
		{ "a = {\nb = 1 }", 5 },
		{ "a = {b = 1,}", 11 },
		{ "a = yes", 4 },
		{ "a..b = 1", 2 },
		{ "a = 1\nb = ", 10 },
		{ "\"\"\"a\"\"\" = 1", 0 },
		{ "a = \"\"\"x\"\"", 10 },
	};
	struct err e = { 0 };
	char deep[200];

	for (size_t i = 0; i < sizeof(docs) / sizeof(docs[0]); i++) {
		err_clear(&e);
		if (!ok(read_text(docs[i].text, strlen(docs[i].text), &e) < 0 && e.code == ERR_BAD_LAYOUT &&
			e.has_offset && e.offset == docs[i].off, "refused: %zu", i))
			printf("#  at 0x%llx: '%s'\n", (unsigned long long)e.offset, e.msg);
	}
	err_clear(&e);
	ok(read_text("a = 1\n\0b = 2", 12, &e) < 0 && e.offset == 6, "a NUL ends nothing");
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "a=", 2);
	err_clear(&e);
	ok(read_text(deep, sizeof(deep), &e) < 0 && strstr(e.msg, "deep"),
	   "brackets in brackets have an end");
}

static void test_long_paths(void)
{
	static char text[4096];
	struct err e = { 0 };

	memset(text, 'k', sizeof(text) - 4);
	memcpy(text + sizeof(text) - 4, ".a=1", 4);
	ok(read_text(text, sizeof(text), &e) == 0 && !strcmp(said, "=1 "),
	   "a path that is too long is nobody's");
}

static void test_detect(void)
{
	static const char *const yes[] = { "[sgx]", "x=1\n  [sgx]\n", "sgx.debug = true",
					   "[[sgx.trusted_files]]" };
	static const char *const no[] = { "", "[sgxx]", "x = \"[sgx]\"", "\177ELF" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		ok(gramine_manifest_detect((const uint8_t *)yes[i], strlen(yes[i])), "a manifest: %zu", i);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		ok(!gramine_manifest_detect((const uint8_t *)no[i], strlen(no[i])), "none: %zu", i);
	ok(!gramine_manifest_detect((const uint8_t *)"a\0\n[sgx]", 8), "none: a NUL before it");
}

/* Every document cut short and with a byte changed: an answer, and no access outside. */
static void test_damage(void)
{
	static const char text[] =
		"[sgx]\nenclave_size = \"256M\" # c\nmax_threads = 0x1_0\nedmm_enable = true\n"
		"a = [ { b = '''x''', c = \"\\u00e4\" }, 1979-05-27 07:00:00 ]\n[[sgx.t]]\nu.v = -1\n";
	char copy[sizeof(text)];
	unsigned int taken = 0, refused = 0, silent = 0;

	for (size_t n = 0; n < sizeof(text) - 1; n++) {
		struct err e = { 0 };

		silent += read_text(text, n, &e) < 0 && e.code != ERR_BAD_LAYOUT;
		for (unsigned int bit = 0; bit < 8; bit++) {
			memcpy(copy, text, sizeof(text));
			copy[n] ^= (char)(1 << bit);
			err_clear(&e);
			if (read_text(copy, sizeof(text) - 1, &e) == 0) {
				taken++;
			} else {
				refused++;
				silent += e.code != ERR_BAD_LAYOUT || !e.has_offset;
			}
		}
	}
	ok(!silent && taken > 100 && refused > 100, "damaged: %u taken, %u refused with a place", taken,
	   refused);
}

int main(void)
{
	test_good();
	test_bad();
	test_long_paths();
	test_detect();
	test_damage();
	return tap_done();
}
