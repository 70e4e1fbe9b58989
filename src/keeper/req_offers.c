/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* offers: what an enclave may have on a device, for commands that judge image files.  No enclave is needed. */
#include "keeper/keeper.h"

struct json *req_offers(struct keeper *k, struct request *r, struct err *e)
{
	struct dev_offers o;
	struct json *doc;

	if (arg_device(r->body, &k->dev_config, e) || sgx_dev_offers(&k->dev_config, &o, e))
		return NULL;
	doc = doc_begin(k, "offers", true);
	json_add_str(doc, "device", o.device);
	json_add_bool(doc, "known", o.known);
	json_add_hex(doc, "attributes", o.attributes);
	json_add_hex(doc, "xfrm", o.xfrm);
	json_add_hex(doc, "miscselect", o.miscselect);
	json_add_size(doc, "max_size_log2", o.max_size_log2);
	return doc;
}
