/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl sign: a SIGSTRUCT for an image, made here with the user's key or a given one; or in two steps, for keys that
 * are elsewhere: the bytes to sign, and their signature put back.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/image_doc.h"
#include "cli/measure.h"
#include "cli/sign.h"

DEFINE_CLEANUP_PTR(key_freep, struct sign_key, sign_key_free)

struct sign_args {
	struct measured image;
	struct sign_fields fields;
	const char *key, *passin, *out, *to_sign, *attach, *public;
	struct sgxs_out sgxs;
};

enum { KEY_KEY = 'k', KEY_OUT = 'o', KEY_SIGSTRUCT_OUT = 0x100, KEY_PASSIN, KEY_TO_SIGN, KEY_ATTACH, KEY_PUBLIC };

static const struct argp_option options[] = {
	{ "key", KEY_KEY, "PEM", 0,
	  "the RSA-3072 key to sign with (default: the user's, made on first use)", 0 },
	{ "passin", KEY_PASSIN, "SOURCE", 0, "its passphrase: pass:WORD, env:VAR, file:PATH, fd:N or stdin", 0 },
	{ "out", KEY_OUT, "FILE", 0,
	  "where to write the SIGSTRUCT (the image's name with .sigstruct, here)", 0 },
	{ "sigstruct-out", KEY_SIGSTRUCT_OUT, "FILE", 0, "the same as --out", 0 },
	{ "to-sign", KEY_TO_SIGN, "FILE", 0, "write the 256 bytes to sign to FILE, and sign nothing", 1 },
	{ "attach", KEY_ATTACH, "FILE", 0,
	  "make the SIGSTRUCT with this signature of those bytes; with --public", 1 },
	{ "public", KEY_PUBLIC, "PEM", 0, "with --attach: the key that the signature is checked with", 1 },
	{ 0 }
};

static error_t check_args(struct argp_state *state, const struct sign_args *a)
{
	if (a->key && (a->to_sign || a->attach))
		argp_error(state, a->attach ? "--key excludes --attach: the signature is made already" :
					      "--key excludes --to-sign: nothing is signed there");
	else if (a->passin && !a->key)
		argp_error(state, "--passin goes with --key");
	else if (!!a->attach != !!a->public)
		argp_error(state, "--attach and --public go together");
	else if (!a->attach && a->to_sign && a->out)
		argp_error(state, "--out goes with --attach, not with --to-sign: there is no SIGSTRUCT yet");
	else if (a->attach && a->to_sign && sign_fields_said(&a->fields))
		argp_error(state, "--attach with --to-sign: the fields are those of the signed bytes");
	else if (a->attach && !a->image.word && !a->to_sign)
		argp_error(state, "--attach needs IMAGE, or the signed bytes with --to-sign");
	else if (a->sgxs.path && (!a->image.word || (a->to_sign && !a->attach)))
		argp_error(state, "--sgxs-out needs IMAGE and its signature");
	else if (a->attach && !a->image.word && !a->out)
		argp_error(state, "--attach without IMAGE needs --out");
	else
		return a->attach ? 0 : need_argument(state, a->image.word, "IMAGE");
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sign_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->fields;
		state->child_inputs[1] = &a->image.opts;
		state->child_inputs[2] = &a->sgxs;
		return 0;
	case KEY_KEY:
		a->key = arg;
		return 0;
	case KEY_PASSIN:
		a->passin = arg;
		return 0;
	case KEY_OUT:
	case KEY_SIGSTRUCT_OUT:
		a->out = arg;
		return 0;
	case KEY_TO_SIGN:
		a->to_sign = arg;
		return 0;
	case KEY_ATTACH:
		a->attach = arg;
		return 0;
	case KEY_PUBLIC:
		a->public = arg;
		return 0;
	case ARGP_KEY_ARG:
		return argument_image(arg, &a->image.word);
	case ARGP_KEY_END:
		return check_args(state, a);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &sign_fields_argp, 0, "Fields:", 2 },
					      { &image_argp, 0, "Image:", 3 },
					      { &sgxs_argp, 0, "", 4 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_sign_argp = {
	.options = options, .parser = parse,
	.args_doc = "IMAGE\n--attach FILE --public PEM --to-sign FILE --out FILE",
	.children = children,
	.doc = "Measures IMAGE and signs what was measured.\vSee sgxctl-sign(1).",
};

struct signature {
	struct sgx_arch_sigstruct sig;
	char key_path[4096];
	bool key_created;
};

static int open_key(const struct sign_args *a, struct signature *s, struct sign_key **ret_key, struct err *e)
{
	char passphrase[PASSPHRASE_BYTES] = "";
	int r = -1;

	if (!a->key)
		return sign_key_user_path(s->key_path, sizeof(s->key_path), e) < 0 ? -1 :
		       sign_key_user(s->key_path, ret_key, &s->key_created, e);
	snprintf(s->key_path, sizeof(s->key_path), "%s", a->key);
	if (!a->passin || passphrase_read(a->passin, passphrase, e) == 0)
		r = sign_key_load(a->key, a->passin ? passphrase : NULL, ret_key, e);
	explicit_bzero(passphrase, sizeof(passphrase));
	return r;
}

/* ---- both steps ------------------------------------------------------------------------------------ */

/* Everything but the signature, from the image and the options. */
static int prepare(const struct sign_args *a, struct signature *s, struct err *e)
{
	struct sign_params p;

	if (sign_fields_apply(&a->fields, &a->image.plan, &p, e) < 0)
		return -1;
	sigstruct_prepare(&p, a->image.mrenclave, &s->sig);
	return 0;
}

static int sign_here(const struct sign_args *a, struct signature *s, struct err *e)
{
	CLEANUP(key_freep) struct sign_key *key = NULL;
	struct sign_params p;

	if (open_key(a, s, &key, e) < 0 || sign_fields_apply(&a->fields, &a->image.plan, &p, e) < 0)
		return -1;
	return sigstruct_sign(&p, a->image.mrenclave, key, &s->sig, e);
}

/* Exactly so many bytes; what names them. */
static int read_exactly(const char *path, void *buf, size_t bytes, const char *what, struct err *e)
{
	CLEANUP(cleanup_free) char *got = NULL;
	size_t n = 0;

	if (read_file(AT_FDCWD, path, bytes + 1, &got, &n) < 0 && errno != EFBIG)
		return err_set(e, ERR_IO, errno, "cannot read '%s': %s", path, strerror(errno));
	if (n != bytes) {
		err_set(e, ERR_BAD_SIGNATURE, 0, "'%s' has not the %zu bytes of %s", path, bytes, what);
		return err_hint(e, "bytes as they are, neither hexadecimal nor base64 nor DER");
	}
	memcpy(buf, got, bytes);
	return 0;
}

/* What the first step wrote, if it is named; of this image, if one is named. */
static int prepare_again(const struct sign_args *a, struct signature *s, struct err *e)
{
	uint8_t bytes[SIGSTRUCT_SIGNED_BYTES];

	if (!a->to_sign)
		return prepare(a, s, e);
	if (read_exactly(a->to_sign, bytes, sizeof(bytes), "what is signed", e) < 0)
		return -1;
	if (sigstruct_from_signed_bytes(bytes, &s->sig, e) < 0)
		return err_wrap(e, "'%s'", a->to_sign);
	if (a->image.word && memcmp(s->sig.enclavehash, a->image.mrenclave, sizeof(s->sig.enclavehash)))
		return err_set(e, ERR_SIGSTRUCT_MISMATCH, 0, "'%s' is for another image than '%s'", a->to_sign,
			       a->image.path);
	return 0;
}

static int attach(const struct sign_args *a, struct signature *s, struct err *e)
{
	CLEANUP(key_freep) struct sign_key *key = NULL;
	uint8_t raw[SIGSTRUCT_RSA_BYTES];

	snprintf(s->key_path, sizeof(s->key_path), "%s", a->public);
	if (sign_key_load_public(a->public, &key, e) < 0 ||
	    read_exactly(a->attach, raw, sizeof(raw), "an RSA-3072 signature", e) < 0 || prepare_again(a, s, e) < 0)
		return -1;
	return sigstruct_attach(&s->sig, key, raw, e);
}

/* ---- the document ---------------------------------------------------------------------------------- */

static void add_warnings(struct json *doc, const struct sgx_arch_sigstruct *s)
{
	static const uint8_t zero[16];
	struct json *list = json_add_arr(doc, "warnings");

	if ((memcmp(s->isvfamilyid, zero, 16) || memcmp(s->isvextprodid, zero, 16)) &&
	    !(s->attributes.flags & SGX_ATTR_KSS))
		json_push_str(list, "ISVFAMILYID or ISVEXTPRODID without KSS: EINIT refuses it");
	if (s->attributes.flags & s->attributemask.flags & SGX_ATTR_INIT)
		json_push_str(list, "INIT is demanded: EINIT refuses it");
	if (s->attributemask.xfrm & ~s->attributes.xfrm & 3)
		json_push_str(list, "x87 or SSE is forbidden: no enclave can be without");
	if (s->cet_attributes & s->cet_attributes_mask)
		json_push_str(list, "CET attributes are demanded: no loader here gives them");
}

static int fill_doc(struct json *doc, const struct sign_args *a, const struct signature *s, const char *out,
		    struct err *e)
{
	uint8_t mrsigner[32];
	char date[16];

	json_add_str(doc, "sigstruct", out);
	json_add_str(doc, "key", *s->key_path ? s->key_path : NULL);
	json_add_bool(doc, "key_created", s->key_created);
	sigstruct_mrsigner(&s->sig, mrsigner);
	if (out)
		json_add_bytes(doc, "mrsigner", mrsigner, sizeof(mrsigner));
	else
		json_add_null(doc, "mrsigner");
	snprintf(date, sizeof(date), "%08x", s->sig.date);
	json_add_size(doc, "isvprodid", s->sig.isvprodid);
	json_add_size(doc, "isvsvn", s->sig.isvsvn);
	json_add_str(doc, "date", date);
	if (a->image.word)
		measure_doc(&a->image, doc);
	else
		json_add_bytes(doc, "mrenclave", s->sig.enclavehash, sizeof(s->sig.enclavehash));
	add_warnings(doc, &s->sig);
	return out ? sigstruct_doc(json_add_obj(doc, "fields"), &s->sig, e) :
		     (sigstruct_fields_doc(json_add_obj(doc, "fields"), &s->sig), 0);
}

/* What is to be signed, and its hash, which some tokens want instead. */
static int write_to_sign(const struct sign_args *a, const struct signature *s, struct json *doc, struct err *e)
{
	uint8_t bytes[SIGSTRUCT_SIGNED_BYTES], digest[32];

	sigstruct_signed_bytes(&s->sig, bytes);
	sigstruct_digest(&s->sig, digest);
	json_add_str(doc, "to_sign", a->to_sign);
	json_add_bytes(doc, "to_sign_sha256", digest, sizeof(digest));
	return write_user_file(a->to_sign, bytes, sizeof(bytes), e);
}

static void out_path(const struct sign_args *a, char *buf, size_t bytes)
{
	if (a->out) {
		snprintf(buf, bytes, "%s", a->out);
		return;
	}
	image_stem(buf, bytes - 16, a->image.path);
	strcat(buf, ".sigstruct");
}

static int make(const struct sign_args *a, struct json *doc, struct err *e)
{
	struct signature s = { .key_created = false };
	char out[4096];

	if (a->to_sign && !a->attach)
		return prepare(a, &s, e) < 0 || fill_doc(doc, a, &s, NULL, e) < 0 ? -1 : write_to_sign(a, &s, doc, e);
	if ((a->attach ? attach : sign_here)(a, &s, e) < 0)
		return -1;
	out_path(a, out, sizeof(out));
	if (fill_doc(doc, a, &s, out, e) < 0 || write_user_file(out, &s.sig, sizeof(s.sig), e) < 0)
		return -1;
	return sgxs_out(&a->sgxs, &a->image, &s.sig, doc, e);
}

int cmd_sign(int argc, char **argv)
{
	struct sign_args a = { .image = { .opts = IMAGE_OPTS_DEFAULT } };
	struct err e = { 0 };
	struct json *doc;
	int r;

	if (cli_parse(&cmd_sign_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (a.image.word && measure_open(&a.image, &e) < 0)
		return cli_fail(&e);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.sign/1");
	json_add_bool(doc, "ok", true);
	r = make(&a, doc, &e);
	measure_close(&a.image);
	if (r == 0)
		return cli_reply(doc);
	json_free(doc);
	return cli_fail(&e);
}
