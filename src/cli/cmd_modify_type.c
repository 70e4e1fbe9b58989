/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl modify-type: changes the type of pages. */
#include "cli/cli.h"

#define TYPES "tcs|trim"

struct modify_type_args {
	const char *name, *type;
	struct range range;
};

enum { KEY_TYPE = 't' };

static const struct argp_option options[] = {
	RANGE_OPTIONS,
	{ "type", KEY_TYPE, TYPES, 0, "what the pages become", 2 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct modify_type_args *a = state->input;

	switch (key) {
	case KEY_TYPE:
		a->type = arg;
		return option_word(state, "type", arg, TYPES);
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		if (need_argument(state, a->type, "--type"))
			return EINVAL;
		return range_complete(&a->range, RANGE_WHOLE, state);
	default:
		return range_option(&a->range, key, arg, state);
	}
}

const struct argp cmd_modify_type_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Changes the type of pages of a running enclave (EMODT); the enclave has to accept it."
	       "\vSee sgxctl-modify-type(1).",
};

int cmd_modify_type(int argc, char **argv)
{
	struct modify_type_args a = { 0 };
	struct err e = { 0 };
	struct json *request;

	if (cli_parse(&cmd_modify_type_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new("modify-type");
	if (range_request(&a.range, a.name, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	request_str(request, "type", a.type);
	return request_run(a.name, request);
}
