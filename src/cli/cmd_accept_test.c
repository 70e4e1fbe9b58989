/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl accept-test: the growth scenarios, on a running enclave or on enclaves of their own. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"

#define STRATEGIES "all|auto|ioctl|touch|accept|access"
#define MAX_TEST_PAGES ((uint64_t)1 << 20)

struct test_args {
	const char *name, *strategy;
	const char **scenarios;         /* points into argv */
	size_t n_scenarios;
	uint64_t pages, repeat;
	bool list, ktap, has_pages, has_repeat;
};

enum { KEY_LIST = 'l', KEY_SCENARIO = 0x100, KEY_STRATEGY = 's', KEY_REPEAT = 0x101, KEY_FORMAT };

static const struct argp_option options[] = {
	{ "list", KEY_LIST, NULL, 0, "list the scenarios, run nothing", 0 },
	{ "scenario", KEY_SCENARIO, "SCENARIO", 0,
	  "run this one; may be given several times (default: all)", 0 },
	{ "strategy", KEY_STRATEGY, STRATEGIES, 0, "with this strategy only (all)", 0 },
	{ "pages", KEY_PAGES, "N", 0, "pages for the scenarios that grow by a number of pages", 0 },
	{ "repeat", KEY_REPEAT, "N", 0, "run everything N times", 0 },
	{ "format", KEY_FORMAT, "json|ktap", 0, "the document, or KTAP for test harnesses", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct test_args *a = state->input;

	switch (key) {
	case KEY_LIST:
		a->list = true;
		return 0;
	case KEY_SCENARIO:
		a->scenarios[a->n_scenarios++] = arg;
		return 0;
	case KEY_STRATEGY:
		a->strategy = arg;
		return option_word(state, "strategy", arg, STRATEGIES);
	case KEY_PAGES:
		a->has_pages = true;
		return option_u64(state, "pages", arg, MAX_TEST_PAGES, &a->pages);
	case KEY_REPEAT:
		a->has_repeat = true;
		return option_u64(state, "repeat", arg, 1000000, &a->repeat);
	case KEY_FORMAT:
		a->ktap = !strcmp(arg, "ktap");
		return option_word(state, "format", arg, "json|ktap");
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if ((a->has_pages && !a->pages) || (a->has_repeat && !a->repeat)) {
			argp_error(state, "--pages and --repeat are at least 1");
			return EINVAL;
		}
		if (a->list && a->ktap) {
			argp_error(state, "--list and --format=ktap exclude each other");
			return EINVAL;
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_accept_test_argp = {
	.options = options, .parser = parse, .args_doc = "[NAME]", .children = device_children,
	.doc = "Runs the growth scenarios on test enclave NAME, or on test enclaves of its own."
	       "\vSee sgxctl-accept-test(1).",
};

static struct json *make_request(const struct test_args *a)
{
	struct json *request = request_new("accept-test");

	if (a->list)
		json_add_bool(request, "list", true);
	if (a->n_scenarios) {
		struct json *list = json_add_arr(request, "scenario");

		for (size_t i = 0; i < a->n_scenarios; i++)
			json_push_str(list, a->scenarios[i]);
	}
	request_str(request, "strategy", a->strategy);
	if (a->pages)
		request_u64(request, "pages", a->pages);
	if (a->repeat)
		request_u64(request, "repeat", a->repeat);
	request_device(request);
	return request;
}

static int reply_ktap(struct json *doc)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct err e = { 0 };
	size_t bytes = 0;
	FILE *f;

	if (!json_is_array(json_get(doc, "scenarios")))
		return cli_reply(doc);
	f = open_memstream(&text, &bytes);
	if (f)
		render_ktap(doc, f);
	if (!f || fclose(f)) {
		json_free(doc);
		err_set(&e, ERR_NO_MEMORY, ENOMEM, "no memory for the answer");
		return cli_fail(&e);
	}
	return cli_reply_text(doc, text, bytes);
}

int cmd_accept_test(int argc, char **argv)
{
	CLEANUP(cleanup_free) const char **scenarios = calloc((size_t)argc, sizeof(*scenarios));
	struct test_args a = { .scenarios = scenarios };
	struct json *reply = NULL;
	struct err e = { 0 };

	if (!scenarios) {
		err_set(&e, ERR_NO_MEMORY, ENOMEM, "no memory for the scenarios");
		return cli_fail(&e);
	}
	if (cli_parse(&cmd_accept_test_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (request_send(a.name, make_request(&a), NULL, 0, &reply, &e) < 0)
		return cli_fail(&e);
	return a.ktap ? reply_ktap(reply) : cli_reply(reply);
}
