/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl verify: would EINIT take this image with its SIGSTRUCT?  Every reason why not. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/image_doc.h"
#include "cli/measure.h"
#include "cli/verify.h"

struct verify_args {
	struct measured image;
	const char *key, *mrsigner;
};

enum { KEY_KEY = 'k', KEY_MRSIGNER = 0x100 };

static const struct argp_option options[] = {
	{ "key", KEY_KEY, "PEM", 0, "the signer must be the owner of this public key", 0 },
	{ "mrsigner", KEY_MRSIGNER, "HEX", 0, "the signer must have this MRSIGNER", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct verify_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->image.opts;
		return 0;
	case KEY_KEY:
		a->key = arg;
		return 0;
	case KEY_MRSIGNER:
		a->mrsigner = arg;
		return 0;
	case ARGP_KEY_ARG:
		return argument_image(arg, &a->image.word);
	case ARGP_KEY_END:
		if (a->key && a->mrsigner) {
			argp_error(state, "--key and --mrsigner exclude each other");
			return EINVAL;
		}
		return need_argument(state, a->image.word, "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "", 0 },
					      { &device_argp, 0, "Device:", -2 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_verify_argp = {
	.options = options, .parser = parse, .args_doc = "IMAGE", .children = children,
	.doc = "Measures IMAGE and checks its SIGSTRUCT: measurement, signature, constants, and whether the "
	       "device offers what is demanded.  IMAGE may be a SIGSTRUCT alone.\vSee sgxctl-verify(1).",
};

/* The signer that is asked for; *ret_is_asked false: any will do. */
static int get_signer(const struct verify_args *a, struct verified *v, struct err *e)
{
	struct sign_key *key;
	int r;

	v->has_signer = a->key || a->mrsigner;
	if (a->mrsigner && hex_decode(v->signer, sizeof(v->signer), a->mrsigner) < 0)
		return err_set(e, ERR_USAGE, 0, "--mrsigner: '%s' is not 64 hexadecimal digits", a->mrsigner);
	if (!a->key)
		return 0;
	if (sign_key_load_public(a->key, &key, e) < 0)
		return -1;
	r = sign_key_mrsigner(key, v->signer, e);
	sign_key_free(key);
	return r;
}

static struct json *verify_image(struct verify_args *a, struct verified *v, struct err *e)
{
	struct json *doc = NULL;

	if (measure_open(&a->image, e) < 0)
		return NULL;
	v->plan = &a->image.plan;
	v->mrenclave = a->image.mrenclave;
	v->sig = &a->image.plan.sigstruct;
	if (v->plan->has_sigstruct)
		doc = verify_doc(v, a->image.path, &a->image, e);
	else
		err_set(e, ERR_NOT_SIGNED, 0, "'%s' carries no SIGSTRUCT", a->image.path);
	measure_close(&a->image);
	return doc;
}

int cmd_verify(int argc, char **argv)
{
	struct verify_args a = { .image = { .opts = IMAGE_OPTS_DEFAULT } };
	CLEANUP(cleanup_free) char *path = NULL;
	struct sgx_arch_sigstruct alone;
	struct verified v = { 0 };
	struct err e = { 0 };
	struct json *doc;

	if (cli_parse(&cmd_verify_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	path = image_find(a.image.word, &e);
	if (!path || get_signer(&a, &v, &e) < 0 || offers_ask(&v.offers, &e) < 0)
		return cli_fail(&e);
	if (image_is_sigstruct(path, &alone)) {
		v.sig = &alone;
		doc = verify_doc(&v, path, NULL, &e);
	} else {
		doc = verify_image(&a, &v, &e);
	}
	return doc ? cli_reply(doc) : cli_fail(&e);
}
