/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The manifest of Gramine, as gramine-sgx-sign writes it (.manifest.sgx).
 *
 * Authority: Gramine, python/graminelibos/sgx_sign.py, manifest.py.
 */
#include <string.h>

#include "image/gramine_manifest.h"
#include "image/toml.h"

struct key {
	const char *path;
	enum toml_kind kind;
	size_t field;           /* in struct gramine_manifest: bool or uint64_t */
	uint64_t min, max;      /* of an integer */
};

#define FIELD(name) offsetof(struct gramine_manifest, name)
enum { KEY_SIZE, KEY_MAX_THREADS, KEY_THREAD_NUM, KEY_NONPIE = 6 };
static const struct key keys[] = {
	[KEY_SIZE] = { "sgx.enclave_size", TOML_STRING, FIELD(enclave_size), 0, 0 },
	[KEY_MAX_THREADS] = { "sgx.max_threads", TOML_INTEGER, FIELD(threads), 1, PLAN_MAX_TCS },
	[KEY_THREAD_NUM] = { "sgx.thread_num", TOML_INTEGER, FIELD(threads), 1, PLAN_MAX_TCS },
	{ "sgx.edmm_enable", TOML_BOOL, FIELD(edmm), 0, 0 },
	{ "sgx.debug", TOML_BOOL, FIELD(debug), 0, 0 },
	{ "sgx.use_exinfo", TOML_BOOL, FIELD(exinfo), 0, 0 },
	[KEY_NONPIE] = { "sgx.nonpie_binary", TOML_BOOL, FIELD(base_is_size), 0, 0 },
	{ "sgx.isvprodid", TOML_INTEGER, FIELD(isvprodid), 0, UINT16_MAX },
	{ "sgx.isvsvn", TOML_INTEGER, FIELD(isvsvn), 0, UINT16_MAX },
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct reading {
	struct gramine_manifest m;
	bool seen[N_KEYS];
};

static int bad_value(const struct key *k, const struct toml_value *v, struct err *e, const char *what)
{
	err_set(e, ERR_BAD_LAYOUT, 0, "manifest: %s %s", k->path, what);
	return err_offset(e, v->off);
}

/* "256M": digits, and K, M or G, all powers of 1024. */
static bool parse_size_text(const char *text, size_t n, uint64_t *ret)
{
	static const char units[] = "KMG";
	const char *unit = n ? memchr(units, text[n - 1], 3) : NULL;
	unsigned int base = 10, shift = unit ? 10 * (unsigned int)(unit - units + 1) : 0;
	uint64_t v = 0;

	if (unit)
		n--;
	if (n > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
		base = 16;
		text += 2;
		n -= 2;
	}
	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned int c = (uint8_t)text[i];
		unsigned int d = c - '0' < 10 ? c - '0' : (c | 0x20) - 'a' < 6 ? (c | 0x20) - 'a' + 10 : 99;

		if (d >= base || v > PLAN_MAX_SIZE)
			return false;
		v = v * base + d;
	}
	if (v > PLAN_MAX_SIZE >> shift)
		return false;
	*ret = v << shift;
	return true;
}

static int set_value(struct reading *r, const struct key *k, const struct toml_value *v, struct err *e)
{
	void *field = (uint8_t *)&r->m + k->field;
	uint64_t size;

	switch (k->kind) {
	case TOML_STRING:
		if (!parse_size_text(v->text, v->text_bytes, &size) || size < PLAN_MIN_SIZE ||
		    (size & (size - 1)))
			return bad_value(k, v, e, "is no power of two that an enclave can have as its size");
		r->m.enclave_size = size;
		r->m.enclave_size_off = v->off;
		return 0;
	case TOML_INTEGER:
		if (v->integer < (int64_t)k->min || v->integer > (int64_t)k->max)
			return bad_value(k, v, e, "is out of range");
		*(uint64_t *)field = (uint64_t)v->integer;
		return 0;
	default:
		*(bool *)field = v->boolean;
		return 0;
	}
}

static int on_value(void *arg, const char *path, const struct toml_value *v, struct err *e)
{
	static const char *const kinds[] = { "is no string", "is no integer", "is neither true nor false" };
	struct reading *r = arg;
	size_t i = 0;

	while (i < N_KEYS && strcmp(keys[i].path, path))
		i++;
	if (i == N_KEYS)
		return 0;
	if (r->seen[i])
		return bad_value(&keys[i], v, e, "is there twice");
	r->seen[i] = true;
	if (v->kind != keys[i].kind)
		return bad_value(&keys[i], v, e, kinds[keys[i].kind]);
	return set_value(r, &keys[i], v, e);
}

int gramine_manifest_read(const uint8_t *text, uint64_t bytes, struct gramine_manifest *ret, struct err *e)
{
	struct reading r = { 0 };

	if (toml_read(text, bytes, on_value, &r, e) < 0)
		return -1;
	if (!r.seen[KEY_SIZE] || r.seen[KEY_MAX_THREADS] == r.seen[KEY_THREAD_NUM]) {
		err_set(e, ERR_BAD_LAYOUT, 0,
			"manifest: sgx.enclave_size is needed, and one of sgx.max_threads and "
			"sgx.thread_num");
		return err_hint(e, "the manifest that gramine-sgx-sign wrote (.manifest.sgx) has them all");
	}
	r.m.has_max_threads = r.seen[KEY_MAX_THREADS];
	r.m.base_is_size = r.seen[KEY_NONPIE] && !r.m.base_is_size;
	*ret = r.m;
	return 0;
}

bool gramine_manifest_detect(const uint8_t *text, uint64_t bytes)
{
	static const char *const starts[] = { "[sgx]", "[sgx.", "[[sgx.", "sgx." };
	const uint8_t *line = text, *end = text + bytes;

	while (line < end) {
		const uint8_t *newline = memchr(line, '\n', (size_t)(end - line));
		uint64_t left;

		while (line < end && (*line == ' ' || *line == '\t'))
			line++;
		left = (uint64_t)(end - line);
		for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
			size_t n = strlen(starts[i]);

			/* text has no NUL */
			if (left >= n && !memcmp(line, starts[i], n))
				return !memchr(text, '\0', (size_t)(line - text));
		}
		if (!newline)
			break;
		line = newline + 1;
	}
	return false;
}
