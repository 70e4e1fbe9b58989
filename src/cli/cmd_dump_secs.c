/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl dump-secs: the SECS of a running enclave, or the one that an image will have. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/sgx_arch.h"
#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/measure.h"

struct secs_args {
	const char *name, *image, *raw, *format;
};

enum { KEY_IMAGE = 'i', KEY_RAW = 0x100, KEY_FORMAT };

static const struct argp_option options[] = {
	{ "image", KEY_IMAGE, "FILE", 0,
	  "the SECS that this image will have, instead of a running enclave's", 0 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "the image's format, when it cannot be told from the file", 0 },
	{ "raw", KEY_RAW, "FILE", 0, "write its 4096 bytes to FILE too", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct secs_args *a = state->input;

	switch (key) {
	case KEY_IMAGE:
		a->image = arg;
		return 0;
	case KEY_RAW:
		a->raw = arg;
		return 0;
	case KEY_FORMAT:
		a->format = arg;
		return 0;
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (a->image && a->name)
			argp_error(state, "NAME and --image exclude each other");
		else if (!a->image && !a->name)
			argp_error(state, "NAME or --image is missing");
		else if (a->format && !a->image)
			argp_error(state, "--format goes with --image");
		else
			return 0;
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_dump_secs_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "NAME\n--image FILE",
	.children = output_children,
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

static int dump_image(const struct secs_args *a)
{
	struct measured m = { .word = a->image, .opts = IMAGE_OPTS_DEFAULT };
	struct sgx_arch_secs secs;
	struct err e = { 0 };
	struct json *doc;

	m.opts.format = a->format;
	if (measure_open(&m, &e) < 0)
		return cli_fail(&e);
	measure_secs(&m, &secs);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.dump-secs/1");
	json_add_bool(doc, "ok", true);
	json_add_str(doc, "image", m.path);
	json_add_null(doc, "device");
	measure_secs_doc(&secs, doc);
	measure_close(&m);
	if (a->raw && write_user_file(a->raw, &secs, sizeof(secs), &e) < 0) {
		json_free(doc);
		return cli_fail(&e);
	}
	return cli_reply(doc);
}

int cmd_dump_secs(int argc, char **argv)
{
	struct secs_args a = { 0 };

	if (cli_parse(&cmd_dump_secs_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	return a.image ? dump_image(&a) : dump_running(&a);
}
