/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Documents out and in again: printing, parsing, reading.  Building is in json_build.c. */
#include "base/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "base/json_node.h"
#include "base/json_scan.h"

/* ---- printing ------------------------------------------------------------------------------ */

static int lost_bits(const cJSON *n)
{
	int bits = n->type & LOST_ANY;

	for (const cJSON *c = n->child; c; c = c->next)
		bits |= lost_bits(c);
	return bits;
}

int json_error(const struct json *j)
{
	int bits = j ? lost_bits(cnode(j)) : LOST_MEMORY;

	if (bits & LOST_MEMORY)
		return ENOMEM;
	if (bits & LOST_KIND)
		return EINVAL;
	if (bits & LOST_KEY)
		return EEXIST;
	return bits & LOST_RANGE ? ERANGE : 0;
}

/*
 * The library's text made ours: DEL and the C1 controls, which it leaves raw, become escapes, and its
 * tabs (outside strings it prints no others) become the indentation people expect.
 */
static size_t polish(char *dst, const char *src)
{
	bool in_string = false;
	size_t used = 0;

	for (const char *p = src; *p; p++) {
		unsigned char c = (unsigned char)*p;

		if (in_string && c == '\\' && p[1]) {
			dst[used++] = *p++;
			dst[used++] = *p;
		} else if (c == 0x7f) {
			used += (size_t)sprintf(dst + used, "\\u007f");
		} else if (c == 0xc2 && (unsigned char)p[1] < 0xa0) {
			used += (size_t)sprintf(dst + used, "\\u00%02x", (unsigned int)(unsigned char)*++p);
		} else if (!in_string && c == '\t') {
			dst[used++] = ' ';
			if (p[-1] != ':')
				dst[used++] = ' ';
		} else {
			if (c == '"')
				in_string = !in_string;
			dst[used++] = *p;
		}
	}
	dst[used] = '\0';
	return used;
}

char *json_print(const struct json *j, bool indented)
{
	int lost = json_error(j);
	char *raw, *text, *exact;
	size_t used;

	if (lost) {
		errno = lost;
		return NULL;
	}
	raw = indented ? cJSON_Print(cnode(j)) : cJSON_PrintUnformatted(cnode(j));
	/* one byte becomes at most six */
	text = raw ? malloc(6 * strlen(raw) + 1) : NULL;
	if (!text) {
		cJSON_free(raw);
		errno = ENOMEM;
		return NULL;
	}
	used = polish(text, raw);
	cJSON_free(raw);
	exact = realloc(text, used + 1);
	return exact ? exact : text;
}

/* ---- parsing ------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* 1: two members share a key; -1: no memory. */
static int has_duplicate_key(const cJSON *obj, const char **ret_key)
{
	size_t n = (size_t)cJSON_GetArraySize(obj), i = 0;
	CLEANUP(cleanup_free) const char **keys = NULL;

	if (n < 2)
		return 0;
	keys = calloc(n, sizeof(*keys));
	if (!keys)
		return -1;
	for (const cJSON *c = obj->child; c; c = c->next)
		keys[i++] = c->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (i = 1; i < n; i++) {
		if (!strcmp(keys[i - 1], keys[i])) {
			/* the strings belong to the document, not to the array freed here */
			*ret_key = keys[i];
			return 1;
		}
	}
	return 0;
}

/* Large integers become raw text, so that printing a parsed document gives back the integer. */
static int exact_integer(cJSON *n)
{
	double v = n->valuedouble;
	CLEANUP(node_deletep) cJSON *raw = NULL;

	if (fabs(v) <= INT32_MAX || fabs(v) >= (double)JSON_INT_LIMIT || v != trunc(v))
		return 0;
	raw = json_new_int((int64_t)v);
	if (!raw)
		return -1;
	n->type = (n->type & ~0xff) | cJSON_Raw;
	n->valuestring = STEAL_PTR(raw->valuestring);
	return 0;
}

static int check_tree(cJSON *n, struct err *e)
{
	const char *key;
	int dup = 0;

	if (cJSON_IsNumber(n)) {
		if (!isfinite(n->valuedouble))
			return err_set(e, ERR_PROTOCOL, ERANGE, "number out of range in JSON text");
		if (exact_integer(n) < 0)
			return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for JSON text");
	}
	if (cJSON_IsObject(n))
		dup = has_duplicate_key(n, &key);
	if (dup < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for JSON text");
	if (dup)
		return err_set(e, ERR_PROTOCOL, EEXIST, "key '%.64s' given twice in JSON text", key);
	for (cJSON *c = n->child; c; c = c->next) {
		if (check_tree(c, e) < 0)
			return -1;
	}
	return 0;
}

struct json *json_parse(const char *text, size_t len, struct err *e)
{
	CLEANUP(node_deletep) cJSON *root = NULL;
	const char *why;
	size_t at = 0;

	if (len > JSON_MAX_BYTES) {
		err_set(e, ERR_PROTOCOL, EFBIG, "JSON text of %zu bytes is longer than %zu", len,
			JSON_MAX_BYTES);
		return NULL;
	}
	why = json_scan(text, len, JSON_MAX_DEPTH, &at);
	if (why) {
		err_set(e, ERR_PROTOCOL, 0, "bad JSON text at byte %zu: %s", at, why);
		err_offset(e, at);
		return NULL;
	}
	root = cJSON_ParseWithLength(text, len);
	if (!root) {
		/* The grammar was checked: only memory is left. */
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for JSON text");
		return NULL;
	}
	if (check_tree(root, e) < 0)
		return NULL;
	return handle(STEAL_PTR(root));
}

/* ---- reading ------------------------------------------------------------------------------- */

const struct json *json_get(const struct json *obj, const char *key)
{
	if (!json_is_object(obj))
		return NULL;
	return (const struct json *)cJSON_GetObjectItemCaseSensitive(cnode(obj), key);
}

const char *json_str(const struct json *j)
{
	return json_is_string(j) ? cnode(j)->valuestring : NULL;
}

int json_int(const struct json *j, int64_t *ret)
{
	double v;

	if (json_real(j, &v) < 0 || fabs(v) >= (double)JSON_INT_LIMIT || v != trunc(v))
		return -1;
	*ret = (int64_t)v;
	return 0;
}

int json_u64(const struct json *j, uint64_t *ret)
{
	const char *s = json_str(j);
	int64_t v;

	if (s)
		return s[0] == '0' && s[1] == 'x' ? parse_u64(s, UINT64_MAX, ret) : -1;
	if (json_int(j, &v) < 0 || v < 0)
		return -1;
	*ret = (uint64_t)v;
	return 0;
}

int json_real(const struct json *j, double *ret)
{
	if (!json_is_number(j))
		return -1;
	*ret = cnode(j)->valuedouble;
	return 0;
}

int json_bool(const struct json *j, bool *ret)
{
	if (!json_is_bool(j))
		return -1;
	*ret = cJSON_IsTrue(cnode(j));
	return 0;
}

bool json_is_object(const struct json *j)
{
	return cJSON_IsObject(cnode(j));
}

bool json_is_array(const struct json *j)
{
	return cJSON_IsArray(cnode(j));
}

bool json_is_string(const struct json *j)
{
	return cJSON_IsString(cnode(j));
}

bool json_is_number(const struct json *j)
{
	return cJSON_IsNumber(cnode(j)) || cJSON_IsRaw(cnode(j));
}

bool json_is_bool(const struct json *j)
{
	return cJSON_IsBool(cnode(j));
}

bool json_is_null(const struct json *j)
{
	return cJSON_IsNull(cnode(j));
}

size_t json_len(const struct json *j)
{
	size_t n = 0;

	for (const struct json *c = json_first(j); c; c = json_next(c))
		n++;
	return n;
}

const struct json *json_first(const struct json *j)
{
	return json_is_object(j) || json_is_array(j) ? (const struct json *)cnode(j)->child : NULL;
}

const struct json *json_next(const struct json *child)
{
	return child ? (const struct json *)cnode(child)->next : NULL;
}

const char *json_key(const struct json *child)
{
	return child ? cnode(child)->string : NULL;
}
