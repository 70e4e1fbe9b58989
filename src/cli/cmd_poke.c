/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl poke: writes memory of a debug enclave. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/cli.h"

#define MAX_BYTES ((size_t)1 << 22)

struct poke_args {
	const char *name, *hex, *from;
	uint64_t offset, value;
	bool has_offset, absolute, has_value;
};

enum { KEY_HEX = 'x', KEY_VALUE = 0x100, KEY_FROM };

static const struct argp_option options[] = {
	{ "offset", KEY_OFFSET, "OFFSET", 0, "where to write, from the ELRANGE base", 0 },
	{ "absolute", KEY_ABSOLUTE, NULL, 0, "--offset is a linear address, not an offset", 0 },
	{ "hex", KEY_HEX, "BYTES", 0, "the bytes, two hexadecimal digits each", 0 },
	{ "value", KEY_VALUE, "N", 0, "eight bytes: this number, little-endian", 0 },
	{ "from", KEY_FROM, "FILE", 0, "the bytes of FILE (at most 4M)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct poke_args *a = state->input;
	unsigned char byte;

	switch (key) {
	case KEY_OFFSET:
		a->has_offset = true;
		return option_size(state, "offset", arg, UINT64_MAX, &a->offset);
	case KEY_ABSOLUTE:
		a->absolute = true;
		return 0;
	case KEY_HEX:
		a->hex = arg;
		for (size_t i = 0; arg[i]; i += 2)
			if (!arg[i + 1] || hex_decode(&byte, 1, (char[]){ arg[i], arg[i + 1], '\0' }) < 0) {
				argp_error(state, "--hex: '%s' is not made of pairs of hexadecimal digits",
					   arg);
				return EINVAL;
			}
		return 0;
	case KEY_VALUE:
		a->has_value = true;
		return option_u64(state, "value", arg, UINT64_MAX, &a->value);
	case KEY_FROM:
		a->from = arg;
		return 0;
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME") ||
		    need_argument(state, a->has_offset ? "" : NULL, "--offset"))
			return EINVAL;
		if ((a->hex != NULL) + a->has_value + (a->from != NULL) == 1)
			return 0;
		argp_error(state, "one of --hex, --value and --from is needed");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_poke_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Writes memory of a debug enclave (EDBGWR).\vSee sgxctl-poke(1).",
};

static int add_data(const struct poke_args *a, struct json *request, struct err *e)
{
	CLEANUP(cleanup_free) char *data = NULL;
	size_t n;

	if (a->hex) {
		json_add_str(request, "data", a->hex);
		return 0;
	}
	if (a->has_value) {
		json_add_bytes(request, "data", &a->value, sizeof(a->value));
		return 0;
	}
	if (read_file(AT_FDCWD, a->from, MAX_BYTES, &data, &n) < 0)
		return err_set(e, ERR_IO, errno, "cannot read '%s'", a->from);
	json_add_bytes(request, "data", data, n);
	return 0;
}

int cmd_poke(int argc, char **argv)
{
	struct poke_args a = { 0 };
	struct json *request;
	struct err e = { 0 };

	if (cli_parse(&cmd_poke_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (a.absolute && address_to_offset(a.name, a.offset, &a.offset, &e) < 0)
		return cli_fail(&e);
	request = request_new("poke");
	request_u64(request, "offset", a.offset);
	if (add_data(&a, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	return request_run(a.name, request);
}
