/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only user of cJSON.  A struct json is a cJSON node under another name; what went wrong while
 * a container was filled is kept in bits of its type that the library leaves alone.
 *
 * cJSON's numbers are doubles and print as 1e+15 where an int does not hold them: larger integers
 * are kept as raw text beside their exact value.
 */
#include "base/json.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fmt.h"
#include "base/json_scan.h"
#include "base/text.h"

enum {
	LOST_MEMORY = 1 << 16, LOST_RANGE = 1 << 17, LOST_KEY = 1 << 18, LOST_KIND = 1 << 19,
	LOST_ANY = LOST_MEMORY | LOST_RANGE | LOST_KEY | LOST_KIND,
};

/* Strings up to this long are made printable on the stack. */
#define SHORT_STRING 256

static cJSON *node(struct json *j)
{
	return (cJSON *)j;
}

static const cJSON *cnode(const struct json *j)
{
	return (const cJSON *)j;
}

static struct json *handle(cJSON *n)
{
	return (struct json *)n;
}

DEFINE_CLEANUP_PTR(node_deletep, cJSON, cJSON_Delete)

/* ---- making nodes; NULL = no memory -------------------------------------------------------- */

static cJSON *new_string(const char *s, size_t bytes)
{
	char small[SHORT_STRING];
	CLEANUP(cleanup_free) char *big = NULL;
	char *at = small;
	size_t used = 0;

	if (bytes >= sizeof(small) / 4) {
		if (bytes > (SIZE_MAX - 1) / 4)
			return NULL;
		at = big = malloc(4 * bytes + 1);
		if (!big)
			return NULL;
	}
	while (bytes) {
		size_t n = utf8_len(s, bytes);

		if (n && *s) {
			memcpy(at + used, s, n);
			used += n;
		} else {
			n = 1;
			used += text_escape(at + used, 5, s, 1);
		}
		s += n;
		bytes -= n;
	}
	at[used] = '\0';
	return cJSON_CreateString(at);
}

/* |value| < 2^53 */
static cJSON *new_int(int64_t value)
{
	char text[24];
	cJSON *n;

	if (value >= INT32_MIN && value <= INT32_MAX)
		return cJSON_CreateNumber((double)value);
	snprintf(text, sizeof(text), "%" PRId64, value);
	n = cJSON_CreateRaw(text);
	if (n)
		n->valuedouble = (double)value;
	return n;
}

static cJSON *new_hex(uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	return cJSON_CreateString(text);
}

static cJSON *new_bytes(const void *value, size_t bytes)
{
	CLEANUP(cleanup_free) char *text = malloc(2 * bytes + 1);

	if (!text)
		return NULL;
	hex_encode(text, value, bytes);
	return cJSON_CreateString(text);
}

/* ---- putting them in: key NULL = an array element ------------------------------------------ */

/* Consumes child; returns it when it is in place.  child NULL: no memory. */
static cJSON *put(struct json *parent, const char *key, cJSON *child)
{
	CLEANUP(node_deletep) cJSON *c = child;
	cJSON *p = node(parent);

	if (!p)
		return NULL;
	if ((p->type & 0xff) != (key ? cJSON_Object : cJSON_Array)) {
		p->type |= LOST_KIND;
		return NULL;
	}
	if (!c) {
		p->type |= LOST_MEMORY;
		return NULL;
	}
	if (key && cJSON_GetObjectItemCaseSensitive(p, key)) {
		p->type |= LOST_KEY;
		return NULL;
	}
	if (!(key ? cJSON_AddItemToObject(p, key, c) : cJSON_AddItemToArray(p, c))) {
		p->type |= LOST_MEMORY;
		return NULL;
	}
	return STEAL_PTR(c);
}

static void put_int(struct json *parent, const char *key, int64_t value)
{
	if (value > -(int64_t)JSON_INT_LIMIT && value < (int64_t)JSON_INT_LIMIT) {
		put(parent, key, new_int(value));
		return;
	}
	put(parent, key, cJSON_CreateNull());
	if (parent)
		node(parent)->type |= LOST_RANGE;
}

static void put_size(struct json *parent, const char *key, uint64_t value)
{
	put_int(parent, key, value < JSON_INT_LIMIT ? (int64_t)value : INT64_MAX);
}

static void put_real(struct json *parent, const char *key, double value)
{
	put(parent, key, isfinite(value) ? cJSON_CreateNumber(value) : cJSON_CreateNull());
	if (!isfinite(value) && parent)
		node(parent)->type |= LOST_RANGE;
}

static void put_strn(struct json *parent, const char *key, const char *value, size_t bytes)
{
	put(parent, key, value ? new_string(value, bytes) : cJSON_CreateNull());
}

static void put_take(struct json *parent, const char *key, struct json *child)
{
	if (!parent)
		json_free(child);
	else
		put(parent, key, node(child));
}

struct json *json_object(void)
{
	return handle(cJSON_CreateObject());
}

struct json *json_array(void)
{
	return handle(cJSON_CreateArray());
}

void json_free(struct json *j)
{
	cJSON_Delete(node(j));
}

struct json *json_clone(const struct json *j)
{
	cJSON *copy = j ? cJSON_Duplicate(cnode(j), 1) : NULL;

	if (!copy)
		errno = ENOMEM;
	return handle(copy);
}

void json_add_null(struct json *obj, const char *key)
{
	put(obj, key, cJSON_CreateNull());
}

void json_add_bool(struct json *obj, const char *key, bool value)
{
	put(obj, key, cJSON_CreateBool(value));
}

void json_add_int(struct json *obj, const char *key, int64_t value)
{
	put_int(obj, key, value);
}

void json_add_size(struct json *obj, const char *key, uint64_t value)
{
	put_size(obj, key, value);
}

void json_add_real(struct json *obj, const char *key, double value)
{
	put_real(obj, key, value);
}

void json_add_hex(struct json *obj, const char *key, uint64_t value)
{
	put(obj, key, new_hex(value));
}

void json_add_str(struct json *obj, const char *key, const char *value)
{
	put_strn(obj, key, value, value ? strlen(value) : 0);
}

void json_add_strn(struct json *obj, const char *key, const char *value, size_t bytes)
{
	put_strn(obj, key, value, bytes);
}

void json_add_bytes(struct json *obj, const char *key, const void *value, size_t bytes)
{
	put(obj, key, new_bytes(value, bytes));
}

struct json *json_add_obj(struct json *obj, const char *key)
{
	return handle(put(obj, key, cJSON_CreateObject()));
}

struct json *json_add_arr(struct json *obj, const char *key)
{
	return handle(put(obj, key, cJSON_CreateArray()));
}

void json_add_take(struct json *obj, const char *key, struct json *child)
{
	put_take(obj, key, child);
}

void json_push_null(struct json *arr)
{
	put(arr, NULL, cJSON_CreateNull());
}

void json_push_bool(struct json *arr, bool value)
{
	put(arr, NULL, cJSON_CreateBool(value));
}

void json_push_int(struct json *arr, int64_t value)
{
	put_int(arr, NULL, value);
}

void json_push_size(struct json *arr, uint64_t value)
{
	put_size(arr, NULL, value);
}

void json_push_real(struct json *arr, double value)
{
	put_real(arr, NULL, value);
}

void json_push_hex(struct json *arr, uint64_t value)
{
	put(arr, NULL, new_hex(value));
}

void json_push_str(struct json *arr, const char *value)
{
	put_strn(arr, NULL, value, value ? strlen(value) : 0);
}

void json_push_strn(struct json *arr, const char *value, size_t bytes)
{
	put_strn(arr, NULL, value, bytes);
}

void json_push_bytes(struct json *arr, const void *value, size_t bytes)
{
	put(arr, NULL, new_bytes(value, bytes));
}

struct json *json_push_obj(struct json *arr)
{
	return handle(put(arr, NULL, cJSON_CreateObject()));
}

struct json *json_push_arr(struct json *arr)
{
	return handle(put(arr, NULL, cJSON_CreateArray()));
}

void json_push_take(struct json *arr, struct json *child)
{
	put_take(arr, NULL, child);
}

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
	raw = new_int((int64_t)v);
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
