/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl remove: removes trimmed pages. */
#include "cli/cli.h"

struct remove_args {
	const char *name;
	struct range range;
};

static const struct argp_option options[] = {
	RANGE_OPTIONS,
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct remove_args *a = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		return range_complete(&a->range, RANGE_WHOLE, state);
	default:
		return range_option(&a->range, key, arg, state);
	}
}

const struct argp cmd_remove_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.children = output_children,
	.doc = "Removes pages that were trimmed ('modify-type --type trim') and whose trimming the "
	       "enclave accepted."
	       "\vSee sgxctl-remove(1).",
};

int cmd_remove(int argc, char **argv)
{
	struct remove_args a = { 0 };
	struct err e = { 0 };
	struct json *request;

	if (cli_parse(&cmd_remove_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new("remove");
	if (range_request(&a.range, a.name, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	return request_run(a.name, request);
}
