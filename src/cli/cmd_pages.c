/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl pages: the page map of a running enclave. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/cli.h"

struct pages_args {
	const char *name, *svg;
	struct range range;
};

enum { KEY_SVG = 0x100 };

static const struct argp_option options[] = {
	RANGE_OPTIONS,
	{ "svg", KEY_SVG, "FILE", 0, "write a picture to FILE too", 2 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct pages_args *a = state->input;

	switch (key) {
	case KEY_SVG:
		a->svg = arg;
		return 0;
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		return range_complete(&a->range, RANGE_OPTIONAL, state);
	default:
		return range_option(&a->range, key, arg, state);
	}
}

const struct argp cmd_pages_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.children = output_children,
	.doc = "Shows which pages an enclave has: type, rights, state, page-table entry."
	       "\vSee sgxctl-pages(1).",
};

static int write_svg(const char *path, const struct json *doc, struct err *e)
{
	CLEANUP(cleanup_free) char *text = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&text, &bytes);

	if (f)
		render_svg(doc, f);
	if (!f || fclose(f))
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the picture");
	return write_user_file(path, text, bytes, e);
}

int cmd_pages(int argc, char **argv)
{
	struct pages_args a = { 0 };
	struct json *request, *reply = NULL;
	struct err e = { 0 };

	if (cli_parse(&cmd_pages_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new("pages");
	if (range_request(&a.range, a.name, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	if (request_send(a.name, request, NULL, 0, &reply, &e) < 0)
		return cli_fail(&e);
	if (a.svg && cli_status(reply) == EXIT_DONE && write_svg(a.svg, reply, &e) < 0) {
		json_free(reply);
		return cli_fail(&e);
	}
	return cli_reply(reply);
}
