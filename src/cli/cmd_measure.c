/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl measure: MRENCLAVE of an image, computed here. */
#include "cli/cli.h"
#include "cli/measure.h"

struct measure_args {
	struct measured image;
	struct sgxs_out sgxs;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct measure_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->image.opts;
		state->child_inputs[1] = &a->sgxs;
		return 0;
	case ARGP_KEY_ARG:
		return argument_image(arg, &a->image.word);
	case ARGP_KEY_END:
		return need_argument(state, a->image.word, "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "", 0 },
					      { &sgxs_argp, 0, "", 0 },
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
	struct measure_args a = { .image = { .opts = IMAGE_OPTS_DEFAULT } };
	const struct plan *p = &a.image.plan;
	struct err e = { 0 };
	struct json *doc;
	int r;

	if (cli_parse(&cmd_measure_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (measure_open(&a.image, &e) < 0)
		return cli_fail(&e);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.measure/1");
	json_add_bool(doc, "ok", true);
	measure_doc(&a.image, doc);
	r = sgxs_out(&a.sgxs, &a.image, p->has_sigstruct ? &p->sigstruct : NULL, doc, &e);
	measure_close(&a.image);
	if (r == 0)
		return cli_reply(doc);
	json_free(doc);
	return cli_fail(&e);
}
