/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl explain: what a code means.  Needs neither device nor keeper. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/explain.h"

#define DEFAULT_COLUMNS 80u
#define MAX_COLUMNS 120u

struct explain_args {
	const char *codes[EXPLAIN_MAX_CODES];
	size_t n_codes;
	const char *call;
	bool list;
};

enum { KEY_IOCTL = 0x100, KEY_LIST };

static const struct argp_option options[] = {
	{ "ioctl", KEY_IOCTL, "CALL", 0, "the call that the codes come from: AUGMENT_PAGES, mmap, enter...", 0 },
	{ "list", KEY_LIST, NULL, 0, "everything that can be explained", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct explain_args *a = state->input;

	switch (key) {
	case KEY_IOCTL:
		a->call = arg;
		return 0;
	case KEY_LIST:
		a->list = true;
		return 0;
	case ARGP_KEY_ARG:
		if (a->n_codes == EXPLAIN_MAX_CODES) {
			argp_error(state, "more than %d codes", EXPLAIN_MAX_CODES);
			return EINVAL;
		}
		a->codes[a->n_codes++] = arg;
		return 0;
	case ARGP_KEY_END:
		if (a->list && (a->n_codes || a->call)) {
			argp_error(state, "--list takes no codes");
			return EINVAL;
		}
		return a->list ? 0 : need_argument(state, a->codes[0], "CODE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_explain_argp = {
	.options = options, .parser = parse, .args_doc = "CODE...\n--list", .children = output_children,
	.doc = "Says what an errno, a return value, an SGX result code, a page-fault error code, EXITINFO, a vector, "
	       "an error or a check of sgxctl means, what causes it, how to confirm that, and what to do.\v"
	       "CODE may be CALL:RESULT (INIT:EPERM, MODIFY_TYPES:EFAULT:20, EACCEPT:19), a run as "
	       "vVECTOR/ERRORCODE/FUNCTION (v14/0x8007/3), or KIND:NUMBER (sgx:2, pf:0x6).  See sgxctl-explain(1).",
};

static unsigned int columns(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || !ws.ws_col)
		return DEFAULT_COLUMNS;
	return ws.ws_col < MAX_COLUMNS ? ws.ws_col : MAX_COLUMNS;
}

/* --quiet: the names alone, one a line */
static void print_names(const struct json *doc, FILE *out)
{
	const struct json *j;

	for (j = json_first(json_get(doc, "readings")); j; j = json_next(j))
		fprintf(out, "%s %s\n", json_str(json_get(j, "kind")), json_str(json_get(j, "name")));
	for (j = json_first(json_get(doc, "entries")); j; j = json_next(j))
		fprintf(out, "%s\n", json_str(json_get(j, "code")));
}

static int reply(struct json *doc)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct err e = { 0 };
	size_t bytes = 0;
	FILE *f;
	bool bad;

	if (cli.mode == OUTPUT_JSON)
		return cli_reply(doc);
	f = open_memstream(&text, &bytes);
	if (f) {
		if (cli.mode == OUTPUT_TEXT)
			explain_print_text(doc, columns(), f);
		else
			print_names(doc, f);
		bad = ferror(f);
		if (!fclose(f) && !bad)
			return cli_reply_text(doc, text, bytes);
	}
	json_free(doc);
	err_set(&e, ERR_NO_MEMORY, ENOMEM, "no memory for the answer");
	return cli_fail(&e);
}

int cmd_explain(int argc, char **argv)
{
	struct explain_args a = { 0 };
	struct err e = { 0 };
	struct json *doc;

	if (cli_parse(&cmd_explain_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	doc = a.list ? explain_list(&e) : explain_document(a.codes, a.n_codes, a.call, &e);
	return doc ? reply(doc) : cli_fail(&e);
}
