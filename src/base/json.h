/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Documents.  Building never reports: what could not be stored (no memory, a number that JSON
 * readers would round, a key given twice) stays with the document and makes json_print fail, so
 * nothing is dropped silently.  Every function accepts NULL for a document or an element:
 * builders do nothing with it, getters find nothing in it.
 *
 * Strings may hold any bytes: what is no UTF-8 is stored as the four characters \xNN.
 *
 * Ownership: a document is freed by json_free; elements handed out belong to their document.
 * Context: normal.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_MAX_BYTES ((size_t)64 << 20)       /* of a text that is parsed */
#define JSON_MAX_DEPTH 64
#define JSON_INT_LIMIT ((uint64_t)1 << 53)      /* integers are smaller than this in size */

struct json;

struct json *json_object(void);
struct json *json_array(void);
void json_free(struct json *j);
/* A deep copy, sticky errors included; NULL with errno ENOMEM. */
struct json *json_clone(const struct json *j);

/* Members of an object, in the order they are added. */
void json_add_null(struct json *obj, const char *key);
void json_add_bool(struct json *obj, const char *key, bool value);
void json_add_int(struct json *obj, const char *key, int64_t value);    /* |value| < 2^53 */
void json_add_size(struct json *obj, const char *key, uint64_t value);  /* < 2^53 */
void json_add_real(struct json *obj, const char *key, double value);    /* finite */
void json_add_hex(struct json *obj, const char *key, uint64_t value);   /* "0x1f" */
void json_add_str(struct json *obj, const char *key, const char *value);        /* NULL: null */
void json_add_strn(struct json *obj, const char *key, const char *value, size_t bytes);
void json_add_bytes(struct json *obj, const char *key, const void *value, size_t bytes); /* bare hex */
struct json *json_add_obj(struct json *obj, const char *key);
struct json *json_add_arr(struct json *obj, const char *key);
/* Attaches a document of its own; child is consumed whatever happens. */
void json_add_take(struct json *obj, const char *key, struct json *child);

/* The same for the elements of an array. */
void json_push_null(struct json *arr);
void json_push_bool(struct json *arr, bool value);
void json_push_int(struct json *arr, int64_t value);
void json_push_size(struct json *arr, uint64_t value);
void json_push_real(struct json *arr, double value);
void json_push_hex(struct json *arr, uint64_t value);
void json_push_str(struct json *arr, const char *value);
void json_push_strn(struct json *arr, const char *value, size_t bytes);
void json_push_bytes(struct json *arr, const void *value, size_t bytes);
struct json *json_push_obj(struct json *arr);
struct json *json_push_arr(struct json *arr);
void json_push_take(struct json *arr, struct json *child);

/* 0, or why json_print would fail: ENOMEM, ERANGE (a number), EEXIST (a key), EINVAL (wrong container). */
int json_error(const struct json *j);

/*
 * The text, without a final newline, for free(): one line, or indented by two spaces.  Control
 * characters (DEL and C1 too) are \u escapes.  NULL with errno as json_error says.
 */
char *json_print(const struct json *j, bool indented);

/*
 * Exactly one JSON value in text[0..len), blanks around it allowed: strict grammar, well-formed
 * UTF-8, no NUL in strings, no duplicate keys, finite numbers, at most JSON_MAX_DEPTH levels.  NULL with
 * ERR_PROTOCOL (or ERR_NO_MEMORY) and the offset in e.
 */
struct json *json_parse(const char *text, size_t len, struct err *e);

/* Reading.  Keys are compared exactly. */
const struct json *json_get(const struct json *obj, const char *key);   /* NULL: not there */
const char *json_str(const struct json *j);                             /* NULL: no string */
int json_u64(const struct json *j, uint64_t *ret);      /* an integer 0..2^53-1, or a string "0x..." */
int json_int(const struct json *j, int64_t *ret);       /* an integer, |value| < 2^53 */
int json_real(const struct json *j, double *ret);       /* any number */
int json_bool(const struct json *j, bool *ret);
bool json_is_object(const struct json *j);
bool json_is_array(const struct json *j);
bool json_is_string(const struct json *j);
bool json_is_number(const struct json *j);
bool json_is_bool(const struct json *j);
bool json_is_null(const struct json *j);
size_t json_len(const struct json *j);                  /* members or elements; O(n) */

/* for (c = json_first(j); c; c = json_next(c)): elements, or members with json_key(c) */
const struct json *json_first(const struct json *j);
const struct json *json_next(const struct json *child);
const char *json_key(const struct json *child);

#endif
