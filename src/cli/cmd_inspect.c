/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl inspect: what an image file, or a SIGSTRUCT, says. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "arch/sgx_names.h"
#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/image_doc.h"
#include "cli/inspect.h"
#include "cli/measure.h"

#define DEFAULT_LIMIT 4096

struct inspect_args {
	const char *word, *raw;
	struct image_opts opts;
	uint64_t limit;
	bool pages;
};

enum { KEY_EACH_PAGE = 0x100, KEY_RAW, KEY_LIMIT };

static const struct argp_option options[] = {
	{ "pages", KEY_EACH_PAGE, NULL, 0, "list every page, with its SHA-256", 0 },
	{ "limit", KEY_LIMIT, "N", 0, "at most so many entries of each list (4096; 0: all)", 0 },
	{ "raw-sigstruct", KEY_RAW, "FILE", 0, "write the 1808 bytes of the SIGSTRUCT to FILE too", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct inspect_args *a = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->opts;
		return 0;
	case KEY_EACH_PAGE:
		a->pages = true;
		return 0;
	case KEY_RAW:
		a->raw = arg;
		return 0;
	case KEY_LIMIT:
		return option_limit(state, arg, &a->limit);
	case ARGP_KEY_ARG:
		return argument_image(arg, &a->word);
	case ARGP_KEY_END:
		return need_argument(state, a->word, "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child children[] = { { &image_argp, 0, "", 0 },
					      { &output_argp, 0, "Output:", -1 },
					      { 0 } };
const struct argp cmd_inspect_argp = {
	.options = options, .parser = parse, .args_doc = "IMAGE", .children = children,
	.doc = "Shows the layout of IMAGE, its threads, and its SIGSTRUCT, field by field; IMAGE may be a "
	       "SIGSTRUCT alone."
	       "\vSee sgxctl-inspect(1).",
};

static void add_facts(struct json *doc, const struct plan *p)
{
	struct json *o = json_add_obj(doc, "facts");

	for (size_t i = 0; i < p->n_facts; i++) {
		const struct plan_fact *f = &p->facts[i];

		switch (f->kind) {
		case PLAN_FACT_SIZE:
			request_u64(o, f->key, f->value);
			break;
		case PLAN_FACT_HEX:
			json_add_hex(o, f->key, f->value);
			break;
		case PLAN_FACT_BOOL:
			json_add_bool(o, f->key, f->value);
			break;
		case PLAN_FACT_TEXT:
			json_add_str(o, f->key, f->text);
			break;
		}
	}
}

static int add_blocks(struct json *doc, const struct plan *p, struct err *e)
{
	struct json *list = json_add_arr(doc, "blocks");

	for (size_t i = 0; i < p->n_blocks; i++) {
		const struct plan_block *b = &p->blocks[i];
		struct json *o = json_push_obj(list);

		json_add_str(o, "version", b->version);
		json_add_bool(o, "chosen", b->chosen);
		json_add_hex(o, "file_offset", b->file_off);
		json_add_size(o, "bytes", b->bytes);
		request_u64(o, "secs_size", b->secs_size);
		if (sigstruct_doc(json_add_obj(o, "sigstruct"), &b->sigstruct, e) < 0)
			return -1;
	}
	return 0;
}

static int add_sigstruct(struct json *doc, const struct sgx_arch_sigstruct *sig, const char *from, uint64_t off,
			 struct err *e)
{
	struct json *o;

	if (!sig)
		return 0;
	o = json_add_obj(doc, "sigstruct");
	json_add_str(o, "from", from);
	if (off != UINT64_MAX)
		json_add_hex(o, "file_offset", off);
	return sigstruct_doc(o, sig, e);
}

static void add_secs(struct json *doc, const struct plan *p)
{
	struct json *o = json_add_obj(doc, "elrange");

	if (p->has_base)
		json_add_hex(o, "base", p->base);
	json_add_size(o, "size", p->size);
	json_add_size(doc, "ssaframesize", p->ssaframesize);
	attributes_doc(doc, "attributes", &p->attributes);
	json_add_hex(doc, "miscselect", p->miscselect);
	o = json_add_obj(doc, "pages");
	json_add_size(o, "added", p->pages_added);
	json_add_size(o, "measured", p->pages_measured);
	json_add_bool(doc, "op_interface", p->op_interface);
	if (p->dyn_entry)
		json_add_hex(doc, "dyn_entry", p->dyn_entry);
	if (p->no_measure)
		json_add_str(doc, "no_measure", p->no_measure);
	if (p->no_run)
		json_add_str(doc, "no_run", p->no_run);
}

static struct json *document_begin(const char *path, const char *kind)
{
	struct json *doc = json_object();

	json_add_str(doc, "schema", "sgxctl.inspect/1");
	json_add_bool(doc, "ok", true);
	json_add_str(doc, "image", path);
	json_add_str(doc, "kind", kind);
	return doc;
}

static int image_doc(struct json *doc, const struct plan *p, const struct inspect_args *a, struct err *e)
{
	json_add_str(doc, "format", p->format);
	add_secs(doc, p);
	if (inspect_ranges(doc, p, a->limit, e) < 0 || inspect_threads(doc, p, a->limit, e) < 0)
		return -1;
	if (a->pages)
		inspect_pages(doc, p, a->limit);
	add_facts(doc, p);
	if (add_blocks(doc, p, e) < 0)
		return -1;
	return add_sigstruct(doc, p->has_sigstruct ? &p->sigstruct : NULL, p->sigstruct_from, p->sigstruct_off, e);
}

/* Writes what --raw-sigstruct asks for and shows the document (consumed). */
static int finish(struct json *doc, const struct sgx_arch_sigstruct *sig, const struct inspect_args *a)
{
	struct err e = { 0 };

	if (a->raw && !sig)
		err_set(&e, ERR_NOT_SIGNED, 0, "the image carries no SIGSTRUCT to be written to '%s'", a->raw);
	else if (!a->raw || write_user_file(a->raw, sig, sizeof(*sig), &e) == 0)
		return cli_reply(doc);
	json_free(doc);
	return cli_fail(&e);
}

static int inspect_sigstruct(const char *path, const struct sgx_arch_sigstruct *sig, const struct inspect_args *a)
{
	struct json *doc = document_begin(path, "sigstruct");
	struct err e = { 0 };

	if (add_sigstruct(doc, sig, path, UINT64_MAX, &e) < 0) {
		json_free(doc);
		return cli_fail(&e);
	}
	return finish(doc, sig, a);
}

static int inspect_image(const char *path, const struct inspect_args *a)
{
	struct err e = { 0 };
	struct plan p;
	struct json *doc;
	int r;

	if (image_open(path, &a->opts, &p, &e) < 0)
		return cli_fail(&e);
	doc = document_begin(path, "image");
	r = image_doc(doc, &p, a, &e);
	if (r == 0)
		r = finish(doc, p.has_sigstruct ? &p.sigstruct : NULL, a);
	else
		json_free(doc);
	plan_release(&p);
	return r < 0 ? cli_fail(&e) : r;
}

int cmd_inspect(int argc, char **argv)
{
	struct inspect_args a = { .opts = IMAGE_OPTS_DEFAULT, .limit = DEFAULT_LIMIT };
	CLEANUP(cleanup_free) char *path = NULL;
	struct sgx_arch_sigstruct sig;
	struct err e = { 0 };

	if (cli_parse(&cmd_inspect_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	path = image_find(a.word, &e);
	if (!path)
		return cli_fail(&e);
	if (image_is_sigstruct(path, &sig))
		return inspect_sigstruct(path, &sig, &a);
	return inspect_image(path, &a);
}
