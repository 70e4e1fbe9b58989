/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl call: one entry into an enclave, with one operation of the operation interface. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "encl_ops.h"

#define MAX_DATA ((uint64_t)1 << 30)

enum value_index { V_ADDR, V_PAGES, V_FLAGS, V_VALUE, V_OPT, V_BYTES, V_MS, N_VALUES };
static const char *const value_names[N_VALUES] = { "addr", "pages", "flags", "value", "opt", "bytes", "ms" };

struct call_args {
	const char *name, *op, *src, *dst;
	bool list, absolute;
	bool has[N_VALUES];
	uint64_t value[N_VALUES];
};

enum { KEY_VALUES = 0x100, KEY_LIST = 'l', KEY_SRC = 0x200, KEY_DST };

static const struct argp_option options[] = {
	{ "list", KEY_LIST, NULL, 0, "list the operations", 0 },
	{ "addr", KEY_VALUES + V_ADDR, "OFFSET", 0, "address argument, from the ELRANGE base", 1 },
	{ "absolute", KEY_ABSOLUTE, NULL, 0, "--addr is a linear address, not an offset", 1 },
	{ "pages", KEY_VALUES + V_PAGES, "N", 0, "pages of 4096 bytes", 1 },
	{ "bytes", KEY_VALUES + V_BYTES, "SIZE", 0, "bytes to copy", 1 },
	{ "flags", KEY_VALUES + V_FLAGS, "N", 0, "SECINFO.FLAGS or rights, as the operation wants", 1 },
	{ "value", KEY_VALUES + V_VALUE, "N", 0, "value argument", 1 },
	{ "opt", KEY_VALUES + V_OPT, "N", 0, "option bits: 1 downwards, 2 go on, 4 one source page", 1 },
	{ "src", KEY_SRC, "FILE", 0, "host memory that the operation reads", 1 },
	{ "dst", KEY_DST, "FILE", 0, "host memory that the operation writes", 1 },
	{ "ms", KEY_VALUES + V_MS, "N", 0,
	  "milliseconds after which a waiting operation is let go (never)", 1 },
	{ 0 }
};

static error_t complete(struct call_args *a, struct argp_state *state)
{
	if (a->list && a->name)
		argp_error(state, "--list takes no enclave");
	else if (!a->list && !a->name)
		argp_error(state, "NAME is missing");
	else if (!a->list && !a->op)
		argp_error(state, "OP is missing");
	else
		return 0;
	return EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct call_args *a = state->input;
	int i = key - KEY_VALUES;

	if (i >= 0 && i < N_VALUES) {
		a->has[i] = true;
		if (i == V_BYTES || i == V_ADDR)
			return option_size(state, value_names[i], arg, UINT64_MAX, &a->value[i]);
		return option_u64(state, value_names[i], arg, UINT64_MAX, &a->value[i]);
	}
	switch (key) {
	case KEY_LIST:
		a->list = true;
		return 0;
	case KEY_ABSOLUTE:
		a->absolute = true;
		return 0;
	case KEY_SRC:
		a->src = arg;
		return 0;
	case KEY_DST:
		a->dst = arg;
		return 0;
	case ARGP_KEY_ARG:
		if (!a->name)
			return argument_name(state, arg, &a->name);
		if (a->op)
			return ARGP_ERR_UNKNOWN;
		a->op = arg;
		return 0;
	case ARGP_KEY_END:
		return complete(a, state);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_call_argp = {
	.options = options, .parser = parse, .args_doc = "NAME OP\n--list", .children = output_children,
	.doc = "Enters an enclave with one operation of the operation interface.\vSee sgxctl-call(1).",
};

static int list_operations(void)
{
	static const struct { const char *name, *arguments, *text; } ops[] = {
#define OP(number, symbol, op_name, args, does) { op_name, args, does },
		ENCL_OP_TABLE(OP)
#undef OP
	};
	struct json *doc = json_object(), *list;

	json_add_str(doc, "schema", "sgxctl.operations/1");
	json_add_bool(doc, "ok", true);
	list = json_add_arr(doc, "operations");
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		struct json *o = json_push_obj(list);

		json_add_int(o, "op", (int64_t)i);
		json_add_str(o, "name", ops[i].name);
		json_add_str(o, "arguments", ops[i].arguments);
		json_add_str(o, "text", ops[i].text);
	}
	return cli_reply(doc);
}

static int make_request(const struct call_args *a, struct json *request, struct err *e)
{
	struct json *args = json_add_obj(request, "args");

	json_add_str(request, "call", a->op);
	for (int i = 0; i < N_VALUES; i++) {
		uint64_t v = a->value[i];

		if (!a->has[i])
			continue;
		if (i == V_ADDR && a->absolute && address_to_offset(a->name, v, &v, e) < 0)
			return -1;
		request_u64(args, value_names[i], v);
	}
	return 0;
}

/*
 * Descriptor 0 of the message is what the operation reads, 1 what it writes; without either the keeper reads
 * nothing and answers in the document.  A size that is not given is that of the file.
 */
static int open_data(struct call_args *a, int fds[2], size_t *ret_n, struct err *e)
{
	struct stat st;

	if (!a->src && !a->dst)
		return 0;
	fds[0] = a->src ? open(a->src, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
			: memfd_create("sgxctl-src", MFD_CLOEXEC);
	if (fds[0] < 0 || fstat(fds[0], &st) < 0)
		return err_set(e, ERR_IO, errno, "cannot open '%s'", a->src ? a->src : "src");
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, EINVAL, "'%s' is no regular file", a->src);
	if (a->src && !a->has[V_BYTES]) {
		a->has[V_BYTES] = true;
		a->value[V_BYTES] = (uint64_t)st.st_size;
	}
	*ret_n = 1;
	if (!a->dst)
		return 0;
	fds[1] = memfd_create("sgxctl-dst", MFD_CLOEXEC);
	if (fds[1] < 0)
		return err_set(e, ERR_IO, errno, "cannot make a file for what the enclave writes");
	*ret_n = 2;
	return 0;
}

/* What the enclave wrote, to the user's file. */
static int keep_data(const struct call_args *a, int fd, struct err *e)
{
	CLEANUP(cleanup_free) char *data = NULL;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < 0 || (uint64_t)st.st_size > MAX_DATA)
		return err_set(e, ERR_PROTOCOL, 0, "the keeper wrote more than it may");
	data = malloc((size_t)st.st_size + 1);
	if (!data)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for what the enclave wrote");
	if (lseek(fd, 0, SEEK_SET) < 0 || read_full(fd, data, (size_t)st.st_size) != (ssize_t)st.st_size)
		return err_set(e, ERR_IO, errno, "cannot read what the enclave wrote");
	return write_user_file(a->dst, data, (size_t)st.st_size, e);
}

int cmd_call(int argc, char **argv)
{
	struct call_args a = { 0 };
	struct json *request, *reply = NULL;
	struct err e = { 0 };
	int fds[2] = { -1, -1 }, r;
	size_t n_fds = 0;

	if (cli_parse(&cmd_call_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	if (a.list)
		return list_operations();
	request = request_new("call");
	r = open_data(&a, fds, &n_fds, &e);
	if (r == 0)
		r = make_request(&a, request, &e);
	if (r < 0)
		json_free(request);
	else
		r = request_send(a.name, request, fds, n_fds, &reply, &e);
	if (r == 0 && a.dst && cli_status(reply) == EXIT_DONE)
		r = keep_data(&a, fds[1], &e);
	cleanup_close(&fds[0]);
	cleanup_close(&fds[1]);
	if (r < 0) {
		json_free(reply);
		return cli_fail(&e);
	}
	return cli_reply(reply);
}
