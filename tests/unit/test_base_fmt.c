/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Numbers, sizes, rights, escaping and hex: accepted exactly as written, everything else refused. */
#include "base/fmt.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"
#include "tap.h"

struct row {
	const char *text;
	uint64_t max, want;
	int err;
};

static const struct row u64_rows[] = {
	{ "0", UINT64_MAX, 0, 0 }, { "42", 42, 42, 0 }, { "0x1F", UINT64_MAX, 31, 0 }, { "007", 7, 7, 0 },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, 0 },
	{ "0xffffffffffffffff", UINT64_MAX, UINT64_MAX, 0 },
	{ "18446744073709551616", UINT64_MAX, 0, ERANGE }, { "0x10000000000000000", UINT64_MAX, 0, ERANGE },
	{ "99999999999999999999999999", UINT64_MAX, 0, ERANGE }, { "43", 42, 0, ERANGE },
	{ "", 9, 0, EINVAL }, { "-1", 9, 0, EINVAL }, { "+1", 9, 0, EINVAL }, { " 1", 9, 0, EINVAL },
	{ "1 ", 9, 0, EINVAL }, { "0x", 9, 0, EINVAL }, { "1K", 9, 0, EINVAL }, { "1e3", 9, 0, EINVAL },
	{ "f", 99, 0, EINVAL }, { "1.0", 9, 0, EINVAL }, { "x1", 9, 0, EINVAL },
};

static const struct row size_rows[] = {
	{ "4096", UINT64_MAX, 4096, 0 }, { "4K", UINT64_MAX, 4096, 0 }, { "0x10k", UINT64_MAX, 16384, 0 },
	{ "3M", UINT64_MAX, 3 << 20, 0 }, { "2g", UINT64_MAX, (uint64_t)2 << 30, 0 },
	{ "16777215T", UINT64_MAX, (uint64_t)16777215 << 40, 0 }, { "0T", UINT64_MAX, 0, 0 },
	{ "16777216T", UINT64_MAX, 0, ERANGE }, { "5K", 5119, 0, ERANGE }, { "5K", 5120, 5120, 0 },
	{ "99999999999999999999K", UINT64_MAX, 0, ERANGE },
	{ "K", 9, 0, EINVAL }, { "1KB", UINT64_MAX, 0, EINVAL }, { "1Ki", UINT64_MAX, 0, EINVAL },
	{ "1P", UINT64_MAX, 0, EINVAL }, { "1.5M", UINT64_MAX, 0, EINVAL }, { "1 K", UINT64_MAX, 0, EINVAL },
	{ "", 9, 0, EINVAL }, { "-4K", 9, 0, EINVAL },
};

static void test_rows(const char *what, int (*parse)(const char *, uint64_t, uint64_t *),
		      const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t v = 12345;
		int ret = parse(rows[i].text, rows[i].max, &v);

		if (rows[i].err)
			ok(ret == -1 && errno == rows[i].err && v == 12345, "%s refuses '%s'", what,
			   rows[i].text);
		else
			ok(ret == 0 && v == rows[i].want, "%s takes '%s'", what, rows[i].text);
	}
}

static void test_fmt_size(void)
{
	static const struct {
		uint64_t v;
		const char *want;
	} rows[] = {
		{ 0, "0" }, { 1023, "1023" }, { 1024, "1K" }, { 4096, "4K" }, { 1536, "1.5K" },
		{ 1025, "1.0K" },
		{ (1 << 20) - 1, "1023.9K" }, { 1 << 20, "1M" }, { (uint64_t)5 << 40, "5T" },
		{ (uint64_t)1 << 63, "8E" }, { UINT64_MAX, "15.9E" },
	};
	char buf[FMT_SIZE_BYTES];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!strcmp(fmt_size(buf, rows[i].v), rows[i].want), "%llu is %s",
		   (unsigned long long)rows[i].v,
		   rows[i].want);
}

static void test_perm(void)
{
	static const struct {
		const char *text;
		unsigned int perm;
	} good[] = {
		{ "rwx", 7 }, { "r-x", 5 }, { "rw", 3 }, { "rw-", 3 }, { "r", 1 }, { "--x", 4 }, { "x", 4 },
		{ "---", 0 }, { "-", 0 }, { "rx", 5 }, { "-w-", 2 }, { "w", 2 },
	};
	static const char *const bad[] = { "", "xr", "rr", "rwxx", "----", "RW", "rwx ", "r--x", "5",
					   "rw-x" };
	char buf[4];

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		unsigned int perm = 99;

		ok(perm_parse(good[i].text, &perm) == 0 && perm == good[i].perm, "rights '%s'", good[i].text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		unsigned int perm = 99;

		ok(perm_parse(bad[i], &perm) == -1 && perm == 99, "no rights: '%s'", bad[i]);
	}
	ok(!strcmp(perm_str(5, buf), "r-x") && !strcmp(perm_str(0, buf), "---"), "rights as text");
}

static void test_text(void)
{
	static const char nasty[] =
		"a\0b\x7f\xc2\x85\xed\xa0\x80\xf4\x90\x80\x80\xc0\xaf\xe2\x82\xac\xe2\x82";
	char buf[128], small[6];
	uint8_t bytes[3] = { 9, 9, 9 };
	size_t n = text_escape(buf, sizeof(buf), nasty, sizeof(nasty) - 1);

	ok(!strcmp(buf, "a\\x00b\\x7f\\xc2\\x85\\xed\\xa0\\x80\\xf4\\x90\\x80\\x80\\xc0\\xaf"
			"\xe2\x82\xac\\xe2\\x82"),
	   "NUL, DEL, C1, surrogates, over-long forms, beyond Unicode and cut sequences are escaped");
	is_u64(n, strlen(buf), "the length is told");
	is_u64(text_escape(small, sizeof(small), "abc\x01", 4), 7, "the needed length is told when cut");
	ok(!strcmp(small, "abc"), "an escape is not cut in two");
	is_u64(text_escape(NULL, 0, "abc", 3), 3, "no room at all is fine");
	hex_encode(buf, "\x00\xab\xff", 3);
	ok(!strcmp(buf, "00abff"), "hex");
	ok(hex_decode(bytes, 3, "00aBfF") == 0 && bytes[1] == 0xab, "hex is read in either case");
	ok(hex_decode(bytes, 3, "00abf") == -1 && hex_decode(bytes, 3, "00abfg") == -1 &&
	   hex_decode(bytes, 3, "00abff0") == -1 && bytes[1] == 0xab, "bad hex changes nothing");
}

int main(void)
{
	test_rows("parse_u64", parse_u64, u64_rows, sizeof(u64_rows) / sizeof(u64_rows[0]));
	test_rows("parse_size", parse_size, size_rows, sizeof(size_rows) / sizeof(size_rows[0]));
	test_fmt_size();
	test_perm();
	test_text();
	return tap_done();
}
