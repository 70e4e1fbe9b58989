/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl measure: MRENCLAVE of an image, computed here. */
#include "cli/cli.h"
#include "cli/measure.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct measured *m = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &m->opts;
		return 0;
	case ARGP_KEY_ARG:
		if (m->word)
			return ARGP_ERR_UNKNOWN;
		m->word = arg;
		return 0;
	case ARGP_KEY_END:
		return need_argument(state, m->word, "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "", 0 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_measure_argp = {
	.parser = parse,
	.args_doc = "IMAGE",
	.children = children,
	.doc = "Computes MRENCLAVE of IMAGE, from the pages that 'sgxctl load' would add."
	       "\vSee sgxctl-measure(1).",
};

int cmd_measure(int argc, char **argv)
{
	struct measured m = { .opts = IMAGE_OPTS_DEFAULT };
	struct err e = { 0 };
	struct json *doc;

	if (cli_parse(&cmd_measure_argp, argc, argv, NULL, &m) < 0)
		return EXIT_USAGE;
	if (measure_open(&m, &e) < 0)
		return cli_fail(&e);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.measure/1");
	json_add_bool(doc, "ok", true);
	measure_doc(&m, doc);
	measure_close(&m);
	return cli_reply(doc);
}
