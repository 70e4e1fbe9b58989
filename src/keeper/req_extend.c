/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * extend: let the enclave add rights to its pages (EMODPE).  The mapping stays as it is: the host's business.
 */
#include "keeper/req_range.h"

static int run(struct encl *en, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret_done,
	       struct err *e)
{
	return encl_extend(en, off, pages, value | SGX_SECINFO_REG, ret_done, e);
}

struct json *req_extend(struct keeper *k, struct request *r, struct err *e)
{
	unsigned rwx = PERM_RW;

	if (arg_perm(r->body, "perm", &rwx, e))
		return NULL;
	return range_request_run(k, r, "extend", run, rwx, "extended_pages", describe_perm, e);
}
