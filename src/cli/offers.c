/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a device offers to enclaves: asked of a keeper, because commands open no device. */
#include <stdio.h>

#include "cli/cli.h"
#include "cli/image_doc.h"
#include "session/session.h"

static int read_reply(const struct json *reply, struct offers *ret, struct err *e)
{
	const char *device = json_str(json_get(reply, "device"));
	uint64_t misc;

	if (!device || json_bool(json_get(reply, "known"), &ret->host.known) < 0 ||
	    json_u64(json_get(reply, "attributes"), &ret->host.attributes) < 0 ||
	    json_u64(json_get(reply, "xfrm"), &ret->host.xfrm) < 0 ||
	    json_u64(json_get(reply, "miscselect"), &misc) < 0 ||
	    json_u64(json_get(reply, "max_size_log2"), &ret->max_size_log2) < 0)
		return err_set(e, ERR_PROTOCOL, 0, "the keeper does not say what its device offers");
	ret->host.miscselect = (uint32_t)misc;
	snprintf(ret->device, sizeof(ret->device), "%s", device);
	return 0;
}

int offers_ask(struct offers *ret, struct err *e)
{
	struct json *request = request_new("offers"), *reply = NULL;
	int r;

	request_device(request);
	if (request_send(NULL, request, NULL, 0, &reply, e) < 0)
		return -1;
	if (json_get(reply, "error")) {
		session_error_from_doc(reply, e);
		r = -1;
	} else {
		r = read_reply(reply, ret, e);
	}
	json_free(reply);
	return r;
}
