/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What measure, sign and dump-secs --image share. */
#include "cli/measure.h"

#include <stdlib.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "base/clock.h"
#include "cli/cli.h"

int measure_open(struct measured *m, struct err *e)
{
	uint64_t begin;
	int r;

	m->path = image_find(m->word, e);
	if (!m->path)
		return -1;
	if (image_open(m->path, &m->opts, &m->plan, e) < 0) {
		free(m->path);
		m->path = NULL;
		return -1;
	}
	begin = now_ns();
	r = plan_measure(&m->plan, m->mrenclave, progress_show, NULL, e);
	progress_end();
	m->elapsed_ns = now_ns() - begin;
	if (r < 0)
		measure_close(m);
	return r;
}

void measure_close(struct measured *m)
{
	plan_release(&m->plan);
	free(m->path);
	m->path = NULL;
}

void measure_doc(const struct measured *m, struct json *doc)
{
	struct json *o;

	json_add_str(doc, "image", m->path);
	json_add_str(doc, "format", m->plan.format);
	json_add_bytes(doc, "mrenclave", m->mrenclave, sizeof(m->mrenclave));
	o = json_add_obj(doc, "pages");
	json_add_size(o, "added", m->plan.pages_added);
	json_add_size(o, "measured", m->plan.pages_measured);
	o = json_add_obj(doc, "elrange");
	json_add_size(o, "size", m->plan.size);
	o = json_add_arr(doc, "tcs");
	for (size_t i = 0; i < m->plan.n_tcs; i++)
		json_push_hex(o, m->plan.tcs[i]);
	json_add_size(doc, "elapsed_ns", m->elapsed_ns);
}

void measure_secs(const struct measured *m, struct sgx_arch_secs *ret_secs)
{
	memset(ret_secs, 0, sizeof(*ret_secs));
	ret_secs->size = m->plan.size;
	ret_secs->ssaframesize = m->plan.ssaframesize;
	ret_secs->miscselect = m->plan.miscselect;
	ret_secs->attributes = m->plan.attributes;
	memcpy(ret_secs->mrenclave, m->mrenclave, sizeof(ret_secs->mrenclave));
}

static void add_names(struct json *attributes, uint64_t flags)
{
	const char *names[SGX_MAX_BITS];
	size_t n = sgx_bit_names(sgx_attr_bit_names, flags, names);
	struct json *list = json_add_arr(attributes, "names");

	for (size_t i = 0; i < n; i++)
		json_push_str(list, names[i]);
}

void measure_secs_doc(const struct sgx_arch_secs *s, struct json *doc)
{
	static const char *const created[] = { "size", "ssaframesize", "miscselect", "attributes", "xfrm" };
	struct json *o = json_add_obj(doc, "secs");
	struct json *a;

	json_add_size(o, "size", s->size);
	json_add_null(o, "base");
	json_add_size(o, "ssaframesize", s->ssaframesize);
	json_add_hex(o, "miscselect", s->miscselect);
	a = json_add_obj(o, "attributes");
	json_add_hex(a, "flags", s->attributes.flags);
	json_add_hex(a, "xfrm", s->attributes.xfrm);
	add_names(a, s->attributes.flags);
	json_add_bytes(o, "mrenclave", s->mrenclave, sizeof(s->mrenclave));
	/* these come with the SIGSTRUCT and at CREATE */
	json_add_null(o, "mrsigner");
	json_add_null(o, "isvprodid");
	json_add_null(o, "isvsvn");
	json_add_null(o, "configid");
	json_add_null(o, "configsvn");
	o = json_add_obj(doc, "sources");
	for (size_t i = 0; i < sizeof(created) / sizeof(created[0]); i++)
		json_add_str(o, created[i], "create");
	json_add_str(o, "mrenclave", "measured");
	json_add_bool(doc, "inferred", true);
}

enum { KEY_FORMAT = 0x3000, KEY_HEAP, KEY_RESERVE, KEY_SIGSTRUCT, KEY_EXEC };

static const struct argp_option image_options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0, "the image's format, when it cannot be told from the file", 0 },
	{ "heap", KEY_HEAP, "SIZE", 0, "heap, instead of what the image says", 0 },
	{ "reserve", KEY_RESERVE, "SIZE", 0, "free ELRANGE behind the image, for growth", 0 },
	{ "sigstruct", KEY_SIGSTRUCT, "FILE", 0, "the SIGSTRUCT of the image, instead of the one that it has", 0 },
	{ "exec", KEY_EXEC, "FILE", 0, "the program of an Enarx shim", 0 },
	{ 0 }
};

static error_t parse_image(int key, char *arg, struct argp_state *state)
{
	struct image_opts *o = state->input;

	switch (key) {
	case KEY_FORMAT:
		o->format = arg;
		return 0;
	case KEY_SIGSTRUCT:
		o->sigstruct = arg;
		return 0;
	case KEY_EXEC:
		o->exec = arg;
		return 0;
	case KEY_HEAP:
		return option_size(state, "heap", arg, (uint64_t)1 << 52, &o->heap_bytes);
	case KEY_RESERVE:
		return option_size(state, "reserve", arg, (uint64_t)1 << 52, &o->reserve_bytes);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp image_argp = { .options = image_options, .parser = parse_image };
