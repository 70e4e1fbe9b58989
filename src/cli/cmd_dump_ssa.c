/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl dump-ssa: what exceptions left in the save areas of a debug enclave. */
#include "cli/cli.h"

struct dump_ssa_args {
	const char *name;
	uint64_t tcs, frame;
	bool has_tcs, has_frame;
};

enum { KEY_TCS = 't', KEY_FRAME = 'f' };

static const struct argp_option options[] = {
	{ "tcs", KEY_TCS, "OFFSET", 0, "the TCS at this offset alone (all)", 0 },
	{ "frame", KEY_FRAME, "N", 0, "this frame of its save area (the last one used)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct dump_ssa_args *a = state->input;

	switch (key) {
	case KEY_TCS:
		a->has_tcs = true;
		return option_size(state, "tcs", arg, UINT64_MAX, &a->tcs);
	case KEY_FRAME:
		a->has_frame = true;
		return option_u64(state, "frame", arg, UINT32_MAX, &a->frame);
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		return need_argument(state, a->name, "NAME");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_dump_ssa_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Shows what exceptions left in the save areas of a debug enclave.\vSee sgxctl-dump-ssa(1).",
};

int cmd_dump_ssa(int argc, char **argv)
{
	struct dump_ssa_args a = { 0 };
	struct json *request;

	if (cli_parse(&cmd_dump_ssa_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new("dump-ssa");
	if (a.has_tcs)
		request_u64(request, "tcs", a.tcs);
	if (a.has_frame)
		request_u64(request, "frame", a.frame);
	return request_run(a.name, request);
}
