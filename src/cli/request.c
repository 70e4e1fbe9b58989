/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From arguments to a keeper and back: building requests, sending them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "session/session.h"

struct json *request_new(const char *op)
{
	struct json *r = json_object();

	json_add_str(r, "op", op);
	json_add_int(r, "protocol", SESSION_PROTOCOL);
	return r;
}

void request_u64(struct json *request, const char *key, uint64_t value)
{
	if (value < JSON_INT_LIMIT)
		json_add_size(request, key, value);
	else
		json_add_hex(request, key, value);
}

void request_str(struct json *request, const char *key, const char *value)
{
	if (value)
		json_add_str(request, key, value);
}

int request_path(struct json *request, const char *key, const char *path, struct err *e)
{
	CLEANUP(cleanup_free) char *cwd = NULL;
	CLEANUP(cleanup_free) char *whole = NULL;

	if (!path)
		return 0;
	if (*path == '/') {
		json_add_str(request, key, path);
		return 0;
	}
	/* not realpath(): the keeper reports about the file by the name that was given */
	cwd = getcwd(NULL, 0);
	if (!cwd || asprintf(&whole, "%s/%s", cwd, path) < 0)
		return err_set(e, ERR_IO, errno, "'%s' is relative to a directory that cannot be named",
			       path);
	json_add_str(request, key, whole);
	return 0;
}

void request_device(struct json *request)
{
	request_str(request, "device", cli.device);
	request_str(request, "kernel", cli.kernel);
	if (cli.epc_bytes)
		request_u64(request, "epc", cli.epc_bytes);
	if (cli.no_sgx2)
		json_add_bool(request, "no_sgx2", true);
}

int request_send(const char *name, struct json *request, const int *fds, size_t n_fds,
		 struct json **ret_reply, struct err *e)
{
	int r = name ? session_call(name, request, fds, n_fds, progress_show, NULL, ret_reply, e) :
		       session_start(request, fds, n_fds, false, progress_show, NULL, ret_reply, e);

	progress_end();
	json_free(request);
	return r;
}

int request_run(const char *name, struct json *request)
{
	struct json *reply = NULL;
	struct err e = { 0 };

	if (request_send(name, request, NULL, 0, &reply, &e) < 0)
		return cli_fail(&e);
	return cli_reply(reply);
}
