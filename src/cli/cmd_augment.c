/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl augment: adds pages to a running enclave. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fmt.h"
#include "cli/cli.h"

#define STRATEGIES "auto|ioctl|touch|accept|access"

struct augment_args {
	const char *name, *strategy, *copy_from, *perm;
	struct range range;
	bool accept, down;
};

enum { KEY_STRATEGY = 's', KEY_ACCEPT = 'a', KEY_COPY = 0x100, KEY_PERM, KEY_DOWN };

static const struct argp_option options[] = {
	RANGE_OPTIONS,
	{ "strategy", KEY_STRATEGY, STRATEGIES, 0,
	  "who asks for the pages (auto: the ioctl where there is one)", 2 },
	{ "accept", KEY_ACCEPT, NULL, 0, "let the enclave accept them (EACCEPT)", 2 },
	{ "copy-from", KEY_COPY, "FILE", 0, "fill them with the file, by EACCEPTCOPY", 2 },
	{ "perm", KEY_PERM, "RWX", 0, "the rights they end with, such as r-x (rw-)", 2 },
	{ "down", KEY_DOWN, NULL, 0,
	  "touch or accept from the highest page to the lowest, as a stack grows", 2 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct augment_args *a = state->input;
	unsigned int perm;

	switch (key) {
	case KEY_STRATEGY:
		a->strategy = arg;
		return option_word(state, "strategy", arg, STRATEGIES);
	case KEY_ACCEPT:
		a->accept = true;
		return 0;
	case KEY_DOWN:
		a->down = true;
		return 0;
	case KEY_COPY:
		a->copy_from = arg;
		return 0;
	case KEY_PERM:
		a->perm = arg;
		return option_perm(state, "perm", arg, &perm);
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		return range_complete(&a->range, a->copy_from ? RANGE_OFFSET : RANGE_WHOLE, state);
	default:
		return range_option(&a->range, key, arg, state);
	}
}

const struct argp cmd_augment_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME",
	.children = output_children,
	.doc = "Adds pages to a running enclave (EAUG).\vWith --copy-from and no length, as many "
	       "pages as the file "
	       "fills. See sgxctl-augment(1).",
};

/* The file to copy; gives the range its length where it has none. */
static int open_contents(struct augment_args *a, struct err *e)
{
	CLEANUP(cleanup_close) int fd = open(a->copy_from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, ERR_IO, errno, "cannot open '%s'", a->copy_from);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, EINVAL, "'%s' is no regular file", a->copy_from);
	if (!a->range.has_pages && !a->range.has_length) {
		a->range.has_pages = true;
		a->range.pages = ((uint64_t)st.st_size + 4095) / 4096;
		if (!a->range.pages)
			return err_set(e, ERR_BAD_RANGE, 0, "'%s' is empty, and no length is given",
				       a->copy_from);
	}
	return STEAL_FD(fd);
}

int cmd_augment(int argc, char **argv)
{
	struct augment_args a = { 0 };
	struct err e = { 0 };
	struct json *request, *reply = NULL;
	CLEANUP(cleanup_close) int contents = -1;

	if (cli_parse(&cmd_augment_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (a.copy_from) {
		contents = open_contents(&a, &e);
		if (contents < 0)
			return cli_fail(&e);
	}
	request = request_new("augment");
	if (range_request(&a.range, a.name, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	request_str(request, "strategy", a.strategy);
	json_add_bool(request, "accept", a.accept);
	json_add_bool(request, "down", a.down);
	request_str(request, "perm", a.perm);
	json_add_bool(request, "copy", contents >= 0);
	if (request_send(a.name, request, &contents, contents >= 0, &reply, &e) < 0)
		return cli_fail(&e);
	return cli_reply(reply);
}
