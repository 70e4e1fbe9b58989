/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The inside of documents, for json.c and json_build.c, the only users of cJSON.  A struct json is a
 * cJSON node under another name; what went wrong while a container was filled is kept in bits of its
 * type that the library leaves alone.
 */
#ifndef BASE_JSON_NODE_H
#define BASE_JSON_NODE_H

#include <cjson/cJSON.h>

#include "base/cleanup.h"
#include "base/json.h"

enum {
	LOST_MEMORY = 1 << 16, LOST_RANGE = 1 << 17, LOST_KEY = 1 << 18, LOST_KIND = 1 << 19,
	LOST_ANY = LOST_MEMORY | LOST_RANGE | LOST_KEY | LOST_KIND,
};

static inline cJSON *node(struct json *j)
{
	return (cJSON *)j;
}

static inline const cJSON *cnode(const struct json *j)
{
	return (const cJSON *)j;
}

static inline struct json *handle(cJSON *n)
{
	return (struct json *)n;
}

DEFINE_CLEANUP_PTR(node_deletep, cJSON, cJSON_Delete)

/*
 * |value| < 2^53; NULL: no memory.  cJSON's numbers are doubles and print as 1e+15 where an int does
 * not hold them: larger integers are kept as raw text beside their exact value.
 */
cJSON *json_new_int(int64_t value);

#endif
