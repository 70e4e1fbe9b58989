/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl dump-tcs and dump-ssa: the threads of a debug enclave, and what exceptions left in their save areas. */
#include "cli/cli.h"

struct dump_args {
	const char *name;
	uint64_t tcs;
	bool has_tcs;
};

enum { KEY_TCS = 't' };

static const struct argp_option options[] = {
	{ "tcs", KEY_TCS, "OFFSET", 0, "the TCS at this offset alone (all)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct dump_args *a = state->input;

	switch (key) {
	case KEY_TCS:
		a->has_tcs = true;
		return option_size(state, "tcs", arg, UINT64_MAX, &a->tcs);
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		return need_argument(state, a->name, "NAME");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_dump_tcs_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Shows the TCS pages of a debug enclave.\vSee sgxctl-dump-tcs(1).",
};

const struct argp cmd_dump_ssa_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Shows what exceptions left in the save areas of a debug enclave.\vSee sgxctl-dump-ssa(1).",
};

static int dump(const struct argp *argp, const char *op, int argc, char **argv)
{
	struct dump_args a = { 0 };
	struct json *request;

	if (cli_parse(argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new(op);
	if (a.has_tcs)
		request_u64(request, "tcs", a.tcs);
	return request_run(a.name, request);
}

int cmd_dump_tcs(int argc, char **argv)
{
	return dump(&cmd_dump_tcs_argp, "dump-tcs", argc, argv);
}

int cmd_dump_ssa(int argc, char **argv)
{
	return dump(&cmd_dump_ssa_argp, "dump-ssa", argc, argv);
}
