/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* modify-type: REG to TCS, REG or TCS to TRIM (EMODT); the enclave must accept that. */
#include <string.h>

#include "arch/sgx_names.h"
#include "keeper/req_range.h"

static int run(struct encl *en, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret_done,
	       struct err *e)
{
	return encl_modify_type(en, off, pages, (unsigned)value, ret_done, e);
}

static void describe(struct json *doc, uint64_t pt)
{
	json_add_str(doc, "type", sgx_page_type_name((unsigned)pt));
}

struct json *req_modify_type(struct keeper *k, struct request *r, struct err *e)
{
	const char *type = NULL;
	uint64_t pt;

	if (arg_str(r->body, "type", &type, e))
		return NULL;
	if (!type || sgx_name_value(sgx_page_type_names, type, &pt)) {
		err_set(e, ERR_USAGE, 0, "'%.20s' is no page type", type ? type : "");
		return NULL;
	}
	return range_request_run(k, r, "modify-type", run, pt, "done_pages", describe, e);
}
