/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strict grammar in front of json.c's library, which takes more than JSON is.  For json.c only. */
#ifndef BASE_JSON_SCAN_H
#define BASE_JSON_SCAN_H

#include <stddef.h>

/* NULL when text is exactly one JSON value; else what is wrong, and *ret_at where. */
const char *json_scan(const char *text, size_t len, unsigned int max_depth, size_t *ret_at);

#endif
