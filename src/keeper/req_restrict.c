/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* restrict: take rights away (EMODPR); the enclave must accept that. */
#include "keeper/req_range.h"

static int run(struct encl *en, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret_done,
	       struct err *e)
{
	return encl_restrict(en, off, pages, (unsigned)value, ret_done, e);
}

struct json *req_restrict(struct keeper *k, struct request *r, struct err *e)
{
	unsigned rwx = 0;

	if (!json_get(r->body, "perm")) {
		err_set(e, ERR_USAGE, 0, "the rights that are to remain are needed");
		return NULL;
	}
	if (arg_perm(r->body, "perm", &rwx, e))
		return NULL;
	return range_request_run(k, r, "restrict", run, rwx, "done_pages", describe_perm, e);
}
