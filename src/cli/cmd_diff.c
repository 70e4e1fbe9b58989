/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl diff: why two images do not have the same MRENCLAVE, and what else differs. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/diff.h"

#define DEFAULT_LIMIT 1000

struct diff_args {
	struct diff d;
	struct image_opts opts;
	bool no_measure;
};

enum { KEY_LIMIT = 0x100, KEY_NO_MEASURE };

static const struct argp_option options[] = {
	{ "limit", KEY_LIMIT, "N", 0, "at most so many differences (1000; 0: all)", 0 },
	{ "no-measure", KEY_NO_MEASURE, NULL, 0, "compare without computing MRENCLAVE", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct diff_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->opts;
		return 0;
	case KEY_LIMIT:
		return option_limit(state, arg, &a->d.limit);
	case KEY_NO_MEASURE:
		a->no_measure = true;
		return 0;
	case ARGP_KEY_ARG:
		if (state->arg_num > 1)
			return ARGP_ERR_UNKNOWN;
		a->d.side[state->arg_num].word = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->opts.sigstruct) {
			argp_error(state, "--sigstruct goes with one image: sign one of the two, or name files that are signed");
			return EINVAL;
		}
		return need_argument(state, a->d.side[1].word, a->d.side[0].word ? "the second IMAGE" : "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "Both images:", 0 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_diff_argp = {
	.options = options, .parser = parse, .args_doc = "IMAGE IMAGE", .children = children,
	.doc = "Shows where the measurements of two images part, and every difference between their pages, their SECS and their "
	       "SIGSTRUCTs.  Exit status 0: none; 1: some, or it failed.\vSee sgxctl-diff(1).",
};

int cmd_diff(int argc, char **argv)
{
	struct diff_args a = { .d = { .limit = DEFAULT_LIMIT }, .opts = IMAGE_OPTS_DEFAULT };
	struct err e = { 0 };
	struct json *doc = NULL;
	bool same = false;
	int r;

	if (cli_parse(&cmd_diff_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	for (int i = 0; i < 2; i++)
		a.d.side[i].opts = a.opts;
	a.d.measured = !a.no_measure;
	if (diff_open(&a.d, &e) == 0)
		doc = diff_doc(&a.d, &same, &e);
	diff_close(&a.d);
	if (!doc)
		return cli_fail(&e);
	r = cli_reply(doc);
	return r == EXIT_DONE && !same ? EXIT_FAILED : r;
}
