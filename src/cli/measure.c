/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What measure, sign and dump-secs --image share. */
#include "cli/measure.h"

#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"

int measure_open_only(struct measured *m, struct err *e)
{
	m->path = image_find(m->word, e);
	if (!m->path)
		return -1;
	if (image_open(m->path, &m->opts, &m->plan, e) < 0) {
		free(m->path);
		m->path = NULL;
		return -1;
	}
	return 0;
}

int measure_open(struct measured *m, struct err *e)
{
	uint64_t begin;
	int r;

	if (measure_open_only(m, e) < 0)
		return -1;
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

bool image_is_sigstruct(const char *path, struct sgx_arch_sigstruct *ret_sig)
{
	return sigstruct_read(path, ret_sig, NULL) == 0 && sigstruct_is(ret_sig, sizeof(*ret_sig));
}

enum { KEY_FORMAT = 0x3000, KEY_HEAP, KEY_RESERVE, KEY_SIGSTRUCT, KEY_EXEC, KEY_LIBPAL };

static const struct argp_option image_options[] = {
	{ "format", KEY_FORMAT, "FORMAT", 0, "the image's format, when it cannot be told from the file", 0 },
	{ "heap", KEY_HEAP, "SIZE", 0, "heap, instead of what the image says", 0 },
	{ "reserve", KEY_RESERVE, "SIZE", 0, "free ELRANGE behind the image, for growth", 0 },
	{ "sigstruct", KEY_SIGSTRUCT, "FILE", 0, "the SIGSTRUCT of the image, instead of the one that it has", 0 },
	{ "exec", KEY_EXEC, "FILE", 0, "the program of an Enarx shim", 0 },
	{ "libpal", KEY_LIBPAL, "FILE", 0, "the libpal.so that a Gramine manifest was signed for", 0 },
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
	case KEY_LIBPAL:
		o->libpal = arg;
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
