/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl extend and restrict: rights of pages, added by the enclave or taken away from outside. */
#include "cli/cli.h"

struct rights_args {
	const char *name, *perm;
	struct range range;
};

enum { KEY_PERM = 0x100 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct rights_args *a = state->input;
	unsigned int perm;

	switch (key) {
	case KEY_PERM:
		a->perm = arg;
		return option_perm(state, "perm", arg, &perm);
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		if (need_argument(state, a->perm, "--perm"))
			return EINVAL;
		return range_complete(&a->range, RANGE_WHOLE, state);
	default:
		return range_option(&a->range, key, arg, state);
	}
}

static const struct argp_option extend_options[] = {
	RANGE_OPTIONS,
	{ "perm", KEY_PERM, "RWX", 0, "the rights to add, such as rwx", 2 },
	{ 0 }
};

static const struct argp_option restrict_options[] = {
	RANGE_OPTIONS,
	{ "perm", KEY_PERM, "RWX", 0, "the rights that remain, such as r--", 2 },
	{ 0 }
};

const struct argp cmd_extend_argp = {
	.options = extend_options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Lets the enclave add rights to its pages (EMODPE)."
	       "\vSee sgxctl-extend(1).",
};

const struct argp cmd_restrict_argp = {
	.options = restrict_options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Takes rights from pages of a running enclave (EMODPR); the enclave has to accept it."
	       "\vSee sgxctl-restrict(1).",
};

static int change_rights(const struct argp *argp, const char *op, int argc, char **argv)
{
	struct rights_args a = { 0 };
	struct err e = { 0 };
	struct json *request;

	if (cli_parse(argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new(op);
	if (range_request(&a.range, a.name, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	request_str(request, "perm", a.perm);
	return request_run(a.name, request);
}

int cmd_extend(int argc, char **argv)
{
	return change_rights(&cmd_extend_argp, "extend", argc, argv);
}

int cmd_restrict(int argc, char **argv)
{
	return change_rights(&cmd_restrict_argp, "restrict", argc, argv);
}
