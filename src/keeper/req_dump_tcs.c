/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dump-tcs: the TCS pages of a debug enclave, read as a debugger does. */
#include <errno.h>
#include <string.h>

#include "keeper/debug_view.h"

int view_tcs(struct encl *en, uint64_t off, struct sgx_arch_tcs *ret, struct err *e)
{
	ssize_t n;

	memset(ret, 0, sizeof(*ret));
	/* no more than the fields: EDBGRD refuses what lies behind them */
	n = encl_peek(en, off, ret, SGX_TCS_FIELDS, e);
	if (n < 0)
		return -1;
	return n == SGX_TCS_FIELDS ? 0 : err_set(e, ERR_IO, EIO,
						 "the TCS at offset 0x%llx cannot be read whole",
						 (unsigned long long)off);
}

int view_each_tcs(struct keeper *k, const struct request *r,
		  int (*fn)(void *arg, uint64_t off, struct err *e), void *arg, struct err *e)
{
	uint64_t off;

	if (json_get(r->body, "tcs"))
		return arg_u64(r->body, "tcs", &off, e) || fn(arg, off, e) ? -1 : 0;
	for (size_t i = 0; i < k->encl->n_tcs; i++)
		if (fn(arg, k->encl->tcs[i].off, e))
			return -1;
	return 0;
}

struct out {
	struct keeper *k;
	struct json *list;
};

static int add(void *arg, uint64_t off, struct err *e)
{
	struct out *out = arg;
	struct sgx_arch_tcs t;
	struct json *o;

	if (view_tcs(out->k->encl, off, &t, e))
		return -1;
	o = json_push_obj(out->list);
	json_add_hex(o, "offset", off);
	json_add_hex(o, "state", t.state);
	json_add_hex(o, "flags", t.flags);
	json_add_hex(o, "ossa", t.ossa);
	json_add_size(o, "cssa", t.cssa);
	json_add_size(o, "nssa", t.nssa);
	json_add_hex(o, "oentry", t.oentry);
	json_add_hex(o, "aep", t.aep);
	json_add_hex(o, "ofsbase", t.ofsbase);
	json_add_hex(o, "ogsbase", t.ogsbase);
	json_add_hex(o, "fslimit", t.fslimit);
	json_add_hex(o, "gslimit", t.gslimit);
	return 0;
}

struct json *req_dump_tcs(struct keeper *k, struct request *r, struct err *e)
{
	struct json *doc = doc_begin(k, "dump-tcs", true);
	struct out out = { k, json_add_arr(doc, "tcs") };

	if (view_each_tcs(k, r, add, &out, e)) {
		json_free(doc);
		return NULL;
	}
	return doc;
}
