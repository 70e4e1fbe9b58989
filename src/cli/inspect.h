/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between cmd_inspect.c and what it shows. */
#ifndef CLI_INSPECT_H
#define CLI_INSPECT_H

#include "base/json.h"
#include "image/image.h"

/* Adds ranges: what ELRANGE holds, by offset, at most limit; ranges_total. */
int inspect_ranges(struct json *doc, const struct plan *p, uint64_t limit, struct err *e);
/* Adds tcs, at most limit; tcs_total; entries. */
int inspect_threads(struct json *doc, const struct plan *p, uint64_t limit, struct err *e);
/* Adds page_list: every page in the order of EADD, at most limit; page_list_total. */
void inspect_pages(struct json *doc, const struct plan *p, uint64_t limit);

#endif
