/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* info: every probe, and what --device=auto would take. */
#include "keeper/keeper.h"

static const char *kind_word(enum dev_kind kind)
{
	return kind == DEV_KERNEL ? "kernel" : "emulated";
}

struct json *req_info(struct keeper *k, struct request *r, struct err *e)
{
	struct dev_probe probes[DEV_MAX_PROBES];
	enum dev_kind chosen;
	char reason[256];
	size_t n = sgx_dev_probe(probes, &chosen, reason);
	struct json *doc = doc_begin(k, "info", true), *list;

	(void)r;
	(void)e;
	json_add_str(doc, "auto", kind_word(chosen));
	json_add_str(doc, "reason", reason);
	list = json_add_arr(doc, "probes");
	for (size_t i = 0; i < n; i++) {
		struct json *o = json_push_obj(list);

		json_add_str(o, "name", probes[i].name);
		if (probes[i].pass == PROBE_UNKNOWN)
			json_add_null(o, "pass");
		else
			json_add_bool(o, "pass", probes[i].pass == PROBE_YES);
		json_add_str(o, "value", probes[i].value);
		json_add_str(o, "message", probes[i].message);
	}
	return doc;
}
