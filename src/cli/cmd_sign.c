/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl sign: a SIGSTRUCT for an image, made here with the user's key or a given one. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/measure.h"

struct sign_args {
	struct measured image;
	const char *key, *out;
	uint64_t isvprodid, isvsvn, date;
	bool has_date, has_isvprodid, has_isvsvn, debug, production;
	struct sgxs_out sgxs;
};

enum { KEY_KEY = 'k', KEY_OUT = 'o', KEY_PRODID = 0x100, KEY_SVN, KEY_DATE, KEY_DEBUG, KEY_PRODUCTION };

static const struct argp_option options[] = {
	{ "key", KEY_KEY, "PEM", 0,
	  "the RSA-3072 key to sign with (default: the user's, made on first use)", 0 },
	{ "out", KEY_OUT, "FILE", 0,
	  "where to write the SIGSTRUCT (the image's name with .sigstruct, here)", 0 },
	{ "isvprodid", KEY_PRODID, "N", 0, "ISVPRODID (the image's, or 0)", 0 },
	{ "isvsvn", KEY_SVN, "N", 0, "ISVSVN (the image's, or 0)", 0 },
	{ "date", KEY_DATE, "YYYYMMDD", 0, "DATE (a fixed one, so that signing is reproducible)", 0 },
	{ "debug", KEY_DEBUG, NULL, 0, "for debug enclaves alone", 0 },
	{ "production", KEY_PRODUCTION, NULL, 0, "for enclaves without DEBUG alone", 0 },
	{ 0 }
};

/* Eight digits; SIGSTRUCT holds them as they are written, four bits each. */
static error_t option_date(struct argp_state *state, const char *arg, struct sign_args *a)
{
	uint64_t bcd = 0;
	unsigned int month, day;

	for (const char *p = arg; *p >= '0' && *p <= '9'; p++)
		bcd = bcd << 4 | (uint64_t)(*p - '0');
	month = (unsigned int)((bcd >> 12 & 15) * 10 + (bcd >> 8 & 15));
	day = (unsigned int)((bcd >> 4 & 15) * 10 + (bcd & 15));
	if (strlen(arg) != 8 || strspn(arg, "0123456789") != 8 || month < 1 || month > 12 || day < 1 ||
	    day > 31) {
		argp_error(state, "--date: '%s' is no date of the form YYYYMMDD", arg);
		return EINVAL;
	}
	a->date = bcd;
	a->has_date = true;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sign_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->image.opts;
		state->child_inputs[1] = &a->sgxs;
		return 0;
	case KEY_KEY:
		a->key = arg;
		return 0;
	case KEY_OUT:
		a->out = arg;
		return 0;
	case KEY_PRODID:
		a->has_isvprodid = true;
		return option_u64(state, "isvprodid", arg, UINT16_MAX, &a->isvprodid);
	case KEY_SVN:
		a->has_isvsvn = true;
		return option_u64(state, "isvsvn", arg, UINT16_MAX, &a->isvsvn);
	case KEY_DATE:
		return option_date(state, arg, a);
	case KEY_DEBUG:
		a->debug = true;
		return 0;
	case KEY_PRODUCTION:
		a->production = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->image.word)
			return ARGP_ERR_UNKNOWN;
		a->image.word = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->debug && a->production) {
			argp_error(state, "--debug and --production exclude each other");
			return EINVAL;
		}
		return need_argument(state, a->image.word, "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "", 0 },
					      { &sgxs_argp, 0, "", 0 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_sign_argp = {
	.options = options, .parser = parse, .args_doc = "IMAGE", .children = children,
	.doc = "Measures IMAGE and signs what was measured.\vSee sgxctl-sign(1).",
};

struct signature {
	struct sgx_arch_sigstruct sig;
	char key_path[4096];
	bool key_created;
};

static int make_signature(const struct sign_args *a, struct signature *s, struct err *e)
{
	struct sign_key *key = NULL;
	struct sign_params p;
	int r;

	if (a->key)
		snprintf(s->key_path, sizeof(s->key_path), "%s", a->key);
	else if (sign_key_user_path(s->key_path, sizeof(s->key_path), e) < 0)
		return -1;
	r = a->key ? sign_key_load(a->key, &key, e) : sign_key_user(s->key_path, &key, &s->key_created, e);
	if (r < 0)
		return -1;
	sign_params_default(&p, &a->image.plan);
	if (a->has_isvprodid)
		p.isvprodid = (uint16_t)a->isvprodid;
	if (a->has_isvsvn)
		p.isvsvn = (uint16_t)a->isvsvn;
	if (a->has_date)
		p.date = (uint32_t)a->date;
	if (a->debug || a->production) {
		p.attributemask.flags |= SGX_ATTR_DEBUG;
		p.attributes.flags &= ~(uint64_t)SGX_ATTR_DEBUG;
		if (a->debug)
			p.attributes.flags |= SGX_ATTR_DEBUG;
	}
	r = sigstruct_sign(&p, a->image.mrenclave, key, &s->sig, e);
	sign_key_free(key);
	return r;
}

static struct json *document(const struct sign_args *a, const struct signature *s, const char *out)
{
	struct json *doc = json_object();
	uint8_t mrsigner[32];
	char date[16];

	sigstruct_mrsigner(&s->sig, mrsigner);
	snprintf(date, sizeof(date), "%08x", s->sig.date);
	json_add_str(doc, "schema", "sgxctl.sign/1");
	json_add_bool(doc, "ok", true);
	json_add_str(doc, "sigstruct", out);
	json_add_str(doc, "key", s->key_path);
	json_add_bool(doc, "key_created", s->key_created);
	json_add_bytes(doc, "mrsigner", mrsigner, sizeof(mrsigner));
	json_add_size(doc, "isvprodid", s->sig.isvprodid);
	json_add_size(doc, "isvsvn", s->sig.isvsvn);
	json_add_str(doc, "date", date);
	measure_doc(&a->image, doc);
	return doc;
}

int cmd_sign(int argc, char **argv)
{
	struct sign_args a = { .image = { .opts = IMAGE_OPTS_DEFAULT } };
	struct signature s = { .key_created = false };
	struct err e = { 0 };
	struct json *doc = NULL;
	char out[4096];

	if (cli_parse(&cmd_sign_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (measure_open(&a.image, &e) < 0)
		return cli_fail(&e);
	if (a.out) {
		snprintf(out, sizeof(out), "%s", a.out);
	} else {
		image_stem(out, sizeof(out) - 16, a.image.path);
		strcat(out, ".sigstruct");
	}
	if (make_signature(&a, &s, &e) == 0 && write_user_file(out, &s.sig, sizeof(s.sig), &e) == 0)
		doc = document(&a, &s, out);
	if (doc && sgxs_out(&a.sgxs, &a.image, &s.sig, doc, &e) < 0) {
		json_free(doc);
		doc = NULL;
	}
	measure_close(&a.image);
	return doc ? cli_reply(doc) : cli_fail(&e);
}
