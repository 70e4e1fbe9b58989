/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Building documents: making nodes, putting them in, remembering what could not be put in. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_node.h"
#include "base/text.h"

/* Strings up to a quarter of this are made printable on the stack. */
#define SHORT_STRING 256

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

cJSON *json_new_int(int64_t value)
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
		put(parent, key, json_new_int(value));
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
