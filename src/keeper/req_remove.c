/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* remove: give trimmed and accepted pages back to the system. */
#include "keeper/req_range.h"

static int run(struct encl *en, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret_done,
	       struct err *e)
{
	(void)value;
	return encl_remove(en, off, pages, ret_done, e);
}

struct json *req_remove(struct keeper *k, struct request *r, struct err *e)
{
	return range_request_run(k, r, "remove", run, 0, "done_pages", NULL, e);
}
