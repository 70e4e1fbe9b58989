/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents: what is built is what is printed, nothing is lost silently, only JSON is parsed. */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "tap.h"

static bool prints(const struct json *j, const char *want)
{
	CLEANUP(cleanup_free) char *text = json_print(j, false);

	if (text && !strcmp(text, want))
		return true;
	printf("#  got  %s\n#  want %s\n", text ? text : "(nothing)", want);
	return false;
}

static struct json *sample(void)
{
	struct json *j = json_object(), *sub, *arr;

	json_add_str(j, "schema", "sgxctl.test/1");
	json_add_bool(j, "ok", true);
	json_add_null(j, "none");
	json_add_int(j, "neg", -5);
	json_add_size(j, "big", JSON_INT_LIMIT - 1);
	json_add_int(j, "e15", 1000000000000000);
	json_add_hex(j, "hex", 0xffffffffff600000);
	json_add_bytes(j, "bytes", "\x00\xff", 2);
	json_add_real(j, "real", 0.25);
	sub = json_add_obj(j, "sub");
	json_add_str(sub, "empty", "");
	arr = json_add_arr(j, "arr");
	json_push_size(arr, 1);
	json_push_str(arr, NULL);
	json_push_bool(arr, false);
	json_push_hex(arr, 0);
	json_push_bytes(arr, "", 0);
	json_add_str(json_push_obj(arr), "k", "v");
	json_push_int(json_push_arr(arr), -2147483649);
	return j;
}

static const char sample_text[] =
	"{\"schema\":\"sgxctl.test/1\",\"ok\":true,\"none\":null,\"neg\":-5,\"big\":9007199254740991,"
	"\"e15\":1000000000000000,\"hex\":\"0xffffffffff600000\",\"bytes\":\"00ff\",\"real\":0.25,"
	"\"sub\":{\"empty\":\"\"},\"arr\":[1,null,false,\"0x0\",\"\",{\"k\":\"v\"},[-2147483649]]}";

static void test_build(void)
{
	struct json *j = sample(), *copy = json_clone(j), *parsed, *outer = json_object();
	CLEANUP(cleanup_free) char *pretty = json_print(j, true);
	struct err e = { 0 };

	ok(prints(j, sample_text), "a document prints as it was built");
	ok(prints(copy, sample_text), "so does its copy");
	ok(pretty && strstr(pretty, "\n  \"schema\": \"sgxctl.test/1\",\n") && !strchr(pretty, '\t'),
	   "indented by two spaces");
	parsed = json_parse(pretty, strlen(pretty), &e);
	ok(prints(parsed, sample_text), "and reads back the same, large integers included");
	json_add_take(outer, "in", copy);
	json_add_take(outer, "more", parsed);
	is_u64(json_len(outer), 2, "documents can be put into documents");
	json_free(outer);
	json_free(j);
}

static void test_strings(void)
{
	static const char all[] = "\"\\/\b\n\x1b\x7f\xc2\x9b\xff\xed\xa0\x80\xf0\x9f\x98\x80";
	struct json *j = json_array();
	CLEANUP(cleanup_free) char *text = NULL;
	bool clean = true;
	char long_one[3000];

	json_push_str(j, all);
	json_push_strn(j, "a\0b", 3);
	ok(prints(j, "[\"\\\"\\\\/\\b\\n\\u001b\\u007f\\u009b\\\\xff\\\\xed\\\\xa0\\\\x80"
		     "\xf0\x9f\x98\x80\",\"a\\\\x00b\"]"),
	   "no control byte and no bad UTF-8 gets out");
	for (int i = 1; i < 256; i++) {
		char one[2] = { (char)i, 0 };

		json_push_str(j, one);
	}
	text = json_print(j, true);
	for (const char *p = text; p && *p; p++)
		clean &= ((unsigned char)*p >= 0x20 || *p == '\n') && *p != 0x7f;
	ok(text && clean, "whatever the byte");
	memset(long_one, 0xfe, sizeof(long_one));
	json_push_strn(j, long_one, sizeof(long_one));
	ok(json_error(j) == 0, "long strings of bad bytes are stored");
	json_free(j);
}

static void test_sticky(void)
{
	struct json *j = json_object(), *arr;

	json_add_size(j, "n", JSON_INT_LIMIT);
	ok(!json_print(j, false) && errno == ERANGE && json_error(j) == ERANGE,
	   "2^53 is not printed rounded");
	ok(json_is_null(json_get(j, "n")), "it is null in the document");
	json_free(j);

	j = json_object();
	json_add_int(j, "n", -(int64_t)JSON_INT_LIMIT);
	ok(json_error(j) == ERANGE, "nor is -2^53");
	json_free(j);

	j = json_object();
	json_add_real(json_push_obj(json_add_arr(j, "deep")), "x", (double)NAN);
	ok(json_error(j) == ERANGE && !json_print(j, true), "nor what is no number, however deep");
	json_free(j);

	j = json_object();
	json_add_str(j, "k", "1");
	json_add_str(j, "k", "2");
	ok(json_error(j) == EEXIST, "a key given twice is an error");
	json_free(j);

	j = json_array();
	json_add_str(j, "k", "1");
	ok(json_error(j) == EINVAL, "so is a key in an array");
	arr = json_clone(j);
	ok(json_error(arr) == EINVAL, "and copies inherit it");
	json_free(arr);
	json_free(j);

	json_add_str(NULL, "k", "v");
	json_add_take(NULL, "k", json_object());
	ok(!json_add_obj(NULL, "k") && !json_print(NULL, false) && errno == ENOMEM,
	   "what could not be made is not printed");
}

static long fail_at, allocations;

static void *failing_malloc(size_t n)
{
	return ++allocations == fail_at ? NULL : malloc(n);
}

/* Fails the Nth allocation for N = 1, 2, ... until the document is complete. */
static void test_no_memory(void)
{
	cJSON_Hooks hooks = { failing_malloc, free };
	bool sound = true, complete = false;
	long n;

	cJSON_InitHooks(&hooks);
	for (n = 1; n < 1000 && !complete; n++) {
		struct json *j;
		char *text;

		fail_at = n;
		allocations = 0;
		j = sample();
		text = json_print(j, false);
		complete = allocations < n;
		if (complete)
			sound &= text && !strcmp(text, sample_text);
		else
			sound &= !text && errno == ENOMEM;
		free(text);
		json_free(j);
	}
	ok(sound && complete, "each of %ld failing allocations is reported, none loses a key silently",
	   n - 2);

	for (n = 1, complete = false; n < 1000 && !complete; n++) {
		struct err e = { 0 };
		struct json *j;

		fail_at = n;
		allocations = 0;
		j = json_parse(sample_text, strlen(sample_text), &e);
		complete = allocations < n;
		sound &= complete ? j && e.code == ERR_NONE : !j && e.code == ERR_NO_MEMORY;
		json_free(j);
	}
	ok(sound && complete, "parsing too: %ld", n - 2);
	cJSON_InitHooks(NULL);
}

static const char *const good_texts[] = {
	"0", "-0", "1.5e-3", "\"\\u00e9\\ud83d\\ude00\"", "[]", " { } ", "[[],{}]", "\t\n\r null ", "true",
	"{\"a\":1,\"A\":2}", "1e15", "\"/\"",
};

static const char *const bad_texts[] = {
	"", " ", "{", "}", "[1,]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "[1 2]", "01", "+1", ".5", "1.",
	"1e", "-", "0x10", "nul", "nullx", "true false", "{} {}", "{}x", "'a'", "\"", "\"\\",
	"\"\\x41\"", "\"\\u12\"",
	"\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"a\nb\"", "\"\xff\"", "\"\xed\xa0\x80\"",
	"\xef\xbb\xbf{}", "{\"a\":1,\"a\":2}", "[{\"b\":1,\"c\":2,\"\\u0062\":3}]", "1e999", "-1e999",
	"[1]]", "/**/1", "NaN", "Infinity",
	"1234567890123456789012345678901234567890123456789012345678901234",
};

static void test_parse(void)
{
	char deep[2 * JSON_MAX_DEPTH + 8];
	struct err e = { 0 };
	struct json *j;

	for (size_t i = 0; i < sizeof(good_texts) / sizeof(good_texts[0]); i++) {
		j = json_parse(good_texts[i], strlen(good_texts[i]), &e);
		ok(j && e.code == ERR_NONE, "good text %zu", i);
		json_free(j);
	}
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(bad_texts[0]); i++) {
		err_clear(&e);
		j = json_parse(bad_texts[i], strlen(bad_texts[i]), &e);
		ok(!j && e.code == ERR_PROTOCOL && e.msg[0], "bad text %zu: %s", i, e.msg);
		json_free(j);
	}
	j = json_parse("[1]\0", 4, &e);
	ok(!j, "a NUL after the value is text after the value");
	memset(deep, '[', JSON_MAX_DEPTH + 1);
	memset(deep + JSON_MAX_DEPTH + 1, ']', JSON_MAX_DEPTH + 1);
	ok(!json_parse(deep, 2 * JSON_MAX_DEPTH + 2, &e) && strstr(e.msg, "deep"), "one level too many");
	j = json_parse(deep + 1, 2 * JSON_MAX_DEPTH, &e);
	ok(j, "as many levels as allowed");
	json_free(j);
}

static void test_getters(void)
{
	static const char text[] = "{\"n\":7,\"x\":\"0xff\",\"neg\":-1,\"frac\":1.5,\"big\":9007199254740992,"
				   "\"dec\":\"12\",\"s\":\"t\",\"b\":true,\"z\":null,\"e\":1e3,"
				   "\"l\":9007199254740991,\"h\":\"0x1g\",\"a\":[1,2]}";
	struct json *j = json_parse(text, strlen(text), NULL);
	uint64_t u = 99;
	int64_t i = 99;
	double d = 0;
	bool b = false;
	size_t n = 0;

	ok(json_u64(json_get(j, "n"), &u) == 0 && u == 7, "an integer");
	ok(json_u64(json_get(j, "x"), &u) == 0 && u == 255, "a hex string");
	ok(json_u64(json_get(j, "e"), &u) == 0 && u == 1000, "an integer however written");
	ok(json_u64(json_get(j, "l"), &u) == 0 && u == JSON_INT_LIMIT - 1, "the largest integer");
	u = 99;
	ok(json_u64(json_get(j, "neg"), &u) < 0 && json_u64(json_get(j, "frac"), &u) < 0 &&
	   json_u64(json_get(j, "big"), &u) < 0 && json_u64(json_get(j, "dec"), &u) < 0 &&
	   json_u64(json_get(j, "h"), &u) < 0 && json_u64(json_get(j, "s"), &u) < 0 &&
	   json_u64(json_get(j, "z"), &u) < 0 && json_u64(json_get(j, "none"), &u) < 0 && u == 99,
	   "negative, fractional, too large, decimal string, bad hex, no number: refused, nothing written");
	ok(json_int(json_get(j, "neg"), &i) == 0 && i == -1, "a negative integer");
	ok(json_real(json_get(j, "frac"), &d) == 0 && d > 1.4 && d < 1.6, "a real");
	ok(json_bool(json_get(j, "b"), &b) == 0 && b && json_bool(json_get(j, "n"), &b) < 0, "a boolean");
	ok(!strcmp(json_str(json_get(j, "s")), "t") && !json_str(json_get(j, "n")), "a string");
	ok(!json_get(j, "N") && !json_get(json_get(j, "a"), "n") && !json_get(NULL, "n"), "keys are exact");
	ok(json_is_object(j) && json_is_array(json_get(j, "a")) && json_is_null(json_get(j, "z")) &&
	   json_is_number(json_get(j, "l")) && json_is_bool(json_get(j, "b")) &&
	   json_is_string(json_get(j, "s")) && !json_is_object(NULL), "kinds");
	for (const struct json *c = json_first(j); c; c = json_next(c))
		n += json_key(c) && json_get(j, json_key(c)) == c;
	is_u64(n, json_len(j), "iteration meets every member once");
	ok(!json_first(json_get(j, "s")) && !json_next(NULL) && !json_key(NULL),
	   "there is nothing in a string");
	json_free(j);
}

int main(void)
{
	test_build();
	test_strings();
	test_sticky();
	test_no_memory();
	test_parse();
	test_getters();
	return tap_done();
}
