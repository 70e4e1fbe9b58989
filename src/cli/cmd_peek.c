/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl peek: memory of a debug enclave, as the debugger sees it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"

#define DEFAULT_BYTES 64u
#define MAX_BYTES ((uint64_t)1 << 22)

struct peek_args {
	const char *name, *raw;
	uint64_t offset, length;
	bool has_offset, absolute;
};

enum { KEY_RAW = 0x100 };

static const struct argp_option options[] = {
	{ "offset", KEY_OFFSET, "OFFSET", 0, "where to read, from the ELRANGE base", 0 },
	{ "absolute", KEY_ABSOLUTE, NULL, 0, "--offset is a linear address, not an offset", 0 },
	{ "length", KEY_LENGTH, "SIZE", 0, "how many bytes (64; at most 4M)", 0 },
	{ "raw", KEY_RAW, "FILE", 0, "write the bytes to FILE too", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct peek_args *a = state->input;

	switch (key) {
	case KEY_OFFSET:
		a->has_offset = true;
		return option_size(state, "offset", arg, UINT64_MAX, &a->offset);
	case KEY_ABSOLUTE:
		a->absolute = true;
		return 0;
	case KEY_LENGTH:
		return option_size(state, "length", arg, MAX_BYTES, &a->length);
	case KEY_RAW:
		a->raw = arg;
		return 0;
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		return need_argument(state, a->has_offset ? "" : NULL, "--offset");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_peek_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Reads memory of a debug enclave (EDBGRD).\vSee sgxctl-peek(1).",
};

static int write_raw(const char *path, const struct json *reply, struct err *e)
{
	const char *hex = json_str(json_get(reply, "data"));
	size_t n = hex ? strlen(hex) / 2 : 0;
	CLEANUP(cleanup_free) char *data = malloc(n + 1);

	if (!data)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for %zu bytes", n);
	if (!hex || hex_decode(data, n, hex) < 0)
		return err_set(e, ERR_PROTOCOL, 0, "the keeper sent no data");
	return write_user_file(path, data, n, e);
}

int cmd_peek(int argc, char **argv)
{
	struct peek_args a = { .length = DEFAULT_BYTES };
	struct json *request, *reply = NULL;
	struct err e = { 0 };

	if (cli_parse(&cmd_peek_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (a.absolute && address_to_offset(a.name, a.offset, &a.offset, &e) < 0)
		return cli_fail(&e);
	request = request_new("peek");
	request_u64(request, "offset", a.offset);
	request_u64(request, "length", a.length);
	if (request_send(a.name, request, NULL, 0, &reply, &e) < 0)
		return cli_fail(&e);
	if (a.raw && cli_status(reply) == EXIT_DONE && write_raw(a.raw, reply, &e) < 0) {
		json_free(reply);
		return cli_fail(&e);
	}
	return cli_reply(reply);
}
