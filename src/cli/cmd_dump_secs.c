/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl dump-secs: the SECS of a running enclave, or the one that an image will have. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/sgx_arch.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/image_doc.h"
#include "cli/measure.h"

struct secs_args {
	const char *name, *image, *raw;
	struct image_opts opts;
	bool debug, production;
};

enum { KEY_IMAGE = 'i', KEY_RAW = 0x100, KEY_DEBUG, KEY_PRODUCTION };

static const struct argp_option options[] = {
	{ "image", KEY_IMAGE, "FILE", 0,
	  "the SECS that this image will have, instead of a running enclave's", 0 },
	{ "debug", KEY_DEBUG, NULL, 0, "with --image: loaded with --debug", 0 },
	{ "production", KEY_PRODUCTION, NULL, 0, "with --image: loaded with --production", 0 },
	{ "raw", KEY_RAW, "FILE", 0, "write its 4096 bytes to FILE too", 0 },
	{ 0 }
};

/* Of a running enclave all is decided. */
static bool says_how_to_load(const struct secs_args *a)
{
	return a->opts.format || a->opts.sigstruct || a->opts.heap_bytes != UINT64_MAX ||
	       a->opts.reserve_bytes != UINT64_MAX || a->opts.exec || a->opts.libpal || a->debug || a->production;
}

static error_t check_args(struct argp_state *state, const struct secs_args *a)
{
	if (a->image && a->name)
		argp_error(state, "NAME and --image exclude each other");
	else if (!a->image && !a->name)
		argp_error(state, "NAME or --image is missing");
	else if (says_how_to_load(a) && !a->image)
		argp_error(state, "options that say how an image is loaded go with --image");
	else if (a->debug && a->production)
		argp_error(state, "--debug and --production exclude each other");
	else
		return 0;
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct secs_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->opts;
		return 0;
	case KEY_IMAGE:
		a->image = arg;
		return 0;
	case KEY_RAW:
		a->raw = arg;
		return 0;
	case KEY_DEBUG:
		a->debug = true;
		return 0;
	case KEY_PRODUCTION:
		a->production = true;
		return 0;
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		return check_args(state, a);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "With --image:", -3 },
					      { &device_argp, 0, "Device:", -2 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_dump_secs_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME\n--image FILE",
	.children = children,
	.doc = "Shows the SECS, field by field, each with where the value came from."
	       "\vSee sgxctl-dump-secs(1).",
};

/* The keeper writes the page into a file of ours; the user's file appears when it is complete. */
static int dump_running(const struct secs_args *a)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct json *request = request_new("dump-secs"), *reply = NULL;
	struct err e = { 0 };
	uint8_t page[SGX_PAGE_SIZE];

	if (a->raw) {
		fd = memfd_create("sgxctl-secs", MFD_CLOEXEC);
		if (fd < 0) {
			json_free(request);
			err_set(&e, ERR_IO, errno, "cannot make a file for the SECS");
			return cli_fail(&e);
		}
		json_add_bool(request, "raw", true);
	}
	if (request_send(a->name, request, &fd, fd >= 0, &reply, &e) < 0)
		return cli_fail(&e);
	if (fd >= 0 && cli_status(reply) == EXIT_DONE) {
		if (pread(fd, page, sizeof(page), 0) != (ssize_t)sizeof(page)) {
			json_free(reply);
			err_set(&e, ERR_PROTOCOL, 0, "the keeper did not write the SECS");
			return cli_fail(&e);
		}
		if (write_user_file(a->raw, page, sizeof(page), &e) < 0) {
			json_free(reply);
			return cli_fail(&e);
		}
	}
	return cli_reply(reply);
}

/* As load would make it; the base address is known when the image demands one. */
static int predict(const struct secs_args *a, const struct measured *m, const struct offers *o,
		   struct sgx_arch_secs *ret, struct err *e)
{
	const struct plan *p = &m->plan;
	const struct sgx_arch_sigstruct *sig = p->has_sigstruct ? &p->sigstruct : NULL;

	if (plan_secs(p, sig, a->debug ? 1 : a->production ? 0 : -1, &o->host, ret, e) < 0 ||
	    (sig && plan_host_has(&o->host, sig, e) < 0))
		return -1;
	ret->attributes.flags |= SGX_ATTR_INIT;
	memcpy(ret->mrenclave, m->mrenclave, sizeof(ret->mrenclave));
	if (sig) {
		sigstruct_mrsigner(sig, ret->mrsigner);
		ret->isvprodid = sig->isvprodid;
		ret->isvsvn = sig->isvsvn;
	}
	return 0;
}

/* What is only known when it is loaded is null. */
static void secs_doc(const struct plan *p, const struct sgx_arch_secs *s, struct json *doc)
{
	struct json *o = json_add_obj(doc, "secs");

	json_add_size(o, "size", s->size);
	if (p->has_base)
		json_add_hex(o, "base", s->baseaddr);
	else
		json_add_null(o, "base");
	json_add_size(o, "ssaframesize", s->ssaframesize);
	json_add_hex(o, "miscselect", s->miscselect);
	attributes_doc(o, "attributes", &s->attributes);
	json_add_bytes(o, "mrenclave", s->mrenclave, sizeof(s->mrenclave));
	if (p->has_sigstruct) {
		json_add_bytes(o, "mrsigner", s->mrsigner, sizeof(s->mrsigner));
		json_add_size(o, "isvprodid", s->isvprodid);
		json_add_size(o, "isvsvn", s->isvsvn);
	} else {
		json_add_null(o, "mrsigner");
		json_add_null(o, "isvprodid");
		json_add_null(o, "isvsvn");
	}
	json_add_bytes(o, "configid", s->configid, sizeof(s->configid));
	json_add_size(o, "configsvn", s->configsvn);
}

static void sources_doc(const struct plan *p, struct json *doc)
{
	static const char *const created[] = {
		"size", "ssaframesize", "miscselect", "attributes", "xfrm", "configid", "configsvn",
	};
	static const char *const with_signature[] = { "mrsigner", "isvprodid", "isvsvn" };
	struct json *o = json_add_obj(doc, "sources");

	for (size_t i = 0; i < sizeof(created) / sizeof(created[0]); i++)
		json_add_str(o, created[i], "create");
	if (p->has_base)
		json_add_str(o, "base", "create");
	json_add_str(o, "mrenclave", "measured");
	for (size_t i = 0; p->has_sigstruct && i < sizeof(with_signature) / sizeof(with_signature[0]); i++)
		json_add_str(o, with_signature[i], "sigstruct");
}

static struct json *image_doc(const struct measured *m, const struct offers *o, const struct sgx_arch_secs *secs)
{
	const struct plan *p = &m->plan;
	struct json *doc = json_object();

	json_add_str(doc, "schema", "sgxctl.dump-secs/1");
	json_add_bool(doc, "ok", true);
	json_add_str(doc, "image", m->path);
	json_add_str(doc, "device", o->device);
	if (p->has_sigstruct) {
		json_add_str(doc, "sigstruct_from", p->sigstruct_from);
		json_add_bool(doc, "matches", !memcmp(m->mrenclave, p->sigstruct.enclavehash, sizeof(m->mrenclave)));
	}
	secs_doc(p, secs, doc);
	sources_doc(p, doc);
	json_add_bool(doc, "inferred", true);
	return doc;
}

static int dump_image(const struct secs_args *a)
{
	struct measured m = { .word = a->image, .opts = a->opts };
	struct json *doc = NULL;
	struct sgx_arch_secs secs;
	struct offers offers;
	struct err e = { 0 };

	if (cli_need(NEEDS_CRYPTO, &e) < 0 || offers_ask(&offers, &e) < 0 || measure_open(&m, &e) < 0)
		return cli_fail(&e);
	if (predict(a, &m, &offers, &secs, &e) == 0 &&
	    (!a->raw || write_user_file(a->raw, &secs, sizeof(secs), &e) == 0))
		doc = image_doc(&m, &offers, &secs);
	measure_close(&m);
	return doc ? cli_reply(doc) : cli_fail(&e);
}

int cmd_dump_secs(int argc, char **argv)
{
	struct secs_args a = { .opts = IMAGE_OPTS_DEFAULT };

	if (cli_parse(&cmd_dump_secs_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	return a.image ? dump_image(&a) : dump_running(&a);
}
