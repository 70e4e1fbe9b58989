/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * attend: one request about the enclave of a program under `sgxctl run`.  This keeper takes the enclave's file out of the
 * program, which does not notice, answers, and ends; it never enters the enclave.
 */
#include <stdio.h>
#include <unistd.h>

#include "keeper/keeper.h"

struct json *req_attend(struct keeper *k, struct request *r, struct err *e)
{
	const struct json *request = json_get(r->body, "request");
	struct request inner = { .body = request, .fds = r->fds, .n_fds = r->n_fds, .conn = r->conn };
	const char *name = NULL;
	int fd;

	if (arg_str(r->body, "enclave", &name, e))
		return NULL;
	if (!name || !json_is_object(request)) {
		err_set(e, ERR_PROTOCOL, 0, "the request names no enclave, or holds no request");
		return NULL;
	}
	if (sgx_dev_emul_observe(&k->dev, e) || session_program_open(name, &k->program, &fd, e))
		return NULL;
	if (encl_adopt(k->dev, fd, k->program.pid, k->program.address, &k->encl, e))
		return NULL;
	k->dev_config.kernel_mode = k->encl->kernel_mode;
	snprintf(k->name, sizeof(k->name), "%s", name);
	return keeper_serve(k, json_str(json_get(request, "op")), &inner, e);
}
