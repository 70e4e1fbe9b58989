/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl status: what a keeper says of its enclave. */
#include "cli/cli.h"

struct status_args {
	const char *name;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct status_args *a = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		return need_argument(state, a->name, "NAME");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_status_argp = {
	.parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Shows the state of an enclave, also while its threads run.\vSee sgxctl-status(1).",
};

int cmd_status(int argc, char **argv)
{
	struct status_args a = { 0 };

	if (cli_parse(&cmd_status_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	return request_run(a.name, request_new("status"));
}
