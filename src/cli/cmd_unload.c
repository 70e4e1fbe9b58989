/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl unload: ends enclaves and clears what dead ones left. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "session/session.h"

#define TIMEOUT_MS 10000

struct unload_args {
	const char **names;     /* points into argv */
	size_t n;
	bool all;
	uint64_t timeout_ms;
};

enum { KEY_ALL = 'a', KEY_TIMEOUT = 0x100 };

static const struct argp_option options[] = {
	{ "all", KEY_ALL, NULL, 0, "all enclaves of this user", 0 },
	{ "timeout", KEY_TIMEOUT, "MS", 0,
	  "milliseconds before a keeper that does not end is killed (10000)", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct unload_args *a = state->input;
	const char *name = NULL;
	error_t r;

	switch (key) {
	case KEY_ALL:
		a->all = true;
		return 0;
	case KEY_TIMEOUT:
		return option_u64(state, "timeout", arg, 3600000, &a->timeout_ms);
	case ARGP_KEY_ARG:
		r = argument_name(state, arg, &name);
		if (r == 0)
			a->names[a->n++] = name;
		return r;
	case ARGP_KEY_END:
		if (a->all == (a->n > 0)) {
			argp_error(state, a->all ? "names and --all exclude each other"
						 : "NAME or --all is missing");
			return EINVAL;
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_unload_argp = {
	.options = options, .parser = parse, .args_doc = "NAME...\n--all", .children = output_children,
	.doc = "Ends enclaves. A keeper that does not listen is killed; what a dead one left is cleared."
	       "\vSee sgxctl-unload(1).",
};

struct outcome {
	struct json *unloaded, *failed;
	struct err first;       /* the error of the document */
};

static void unload_one(const char *name, uint64_t timeout_ms, bool of_all, struct outcome *out)
{
	struct err e = { 0 };
	bool was_dead = false;
	struct json *o;

	if (session_unload(name, (int)timeout_ms, &was_dead, &e) == 0) {
		o = json_push_obj(out->unloaded);
		json_add_str(o, "enclave", name);
		json_add_str(o, "was", was_dead ? "dead" : "running");
		return;
	}
	if (of_all && (e.code == ERR_NO_ENCLAVE || e.code == ERR_OF_PROGRAM))
		return;         /* it ended by itself meanwhile: as wished; or a program has it, and goes on */
	o = json_push_obj(out->failed);
	json_add_str(o, "enclave", name);
	json_add_str(o, "code", err_name(e.code));
	json_add_str(o, "message", e.msg);
	if (out->first.code == ERR_NONE)
		out->first = e;
}

static int unload_all(uint64_t timeout_ms, struct outcome *out, struct err *e)
{
	struct session_entry *entries;
	size_t n;

	if (session_list(&entries, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		unload_one(entries[i].name, timeout_ms, true, out);
	session_list_free(entries, n);
	return 0;
}

int cmd_unload(int argc, char **argv)
{
	CLEANUP(cleanup_free) const char **names = calloc((size_t)argc, sizeof(*names));
	struct unload_args a = { .names = names, .timeout_ms = TIMEOUT_MS };
	struct outcome out = { json_array(), json_array(), { 0 } };
	struct err e = { 0 };
	struct json *doc;
	int r = 0;

	if (!names) {
		err_set(&e, ERR_NO_MEMORY, ENOMEM, "no memory for the names");
		r = -1;
	} else if (cli_parse(&cmd_unload_argp, argc, argv, NULL, &a) < 0) {
		json_free(out.unloaded);
		json_free(out.failed);
		return EXIT_USAGE;
	} else if (a.all) {
		r = unload_all(a.timeout_ms, &out, &e);
	}
	if (r < 0) {
		json_free(out.unloaded);
		json_free(out.failed);
		return cli_fail(&e);
	}
	for (size_t i = 0; i < a.n; i++)
		unload_one(a.names[i], a.timeout_ms, false, &out);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.unload/1");
	json_add_bool(doc, "ok", out.first.code == ERR_NONE);
	json_add_take(doc, "unloaded", out.unloaded);
	json_add_take(doc, "failed", out.failed);
	if (out.first.code != ERR_NONE)
		session_error_add(doc, &out.first);
	return cli_reply(doc);
}
