/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parsing: argp, with its complaints turned into error documents, and the options that commands share.
 * argp and getopt write to the standard error stream; it is replaced by a buffer for that moment.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/fmt.h"
#include "cli/cli.h"
#include "session/session.h"

#define KEY_TEXT    0x2000
#define KEY_JSON    0x2001
#define KEY_QUIET   'q'
#define KEY_HELP    0x2003
#define KEY_USAGE   0x2004
#define KEY_VERSION 0x2005
#define KEY_DEVICE  0x2006
#define KEY_KERNEL  0x2007
#define KEY_EPC     0x2008
#define KEY_NO_SGX2 0x2009

/* Shows help and leaves; unlike argp's own, a full disk is seen. */
static void leave_with_help(struct argp_state *state, unsigned int flags)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *f = open_memstream(&text, &bytes);
	struct err e = { 0 };

	if (!f)
		exit(EXIT_FAILED);
	argp_state_help(state, f, flags & ~(unsigned int)(ARGP_HELP_EXIT_ERR | ARGP_HELP_EXIT_OK));
	fclose(f);
	if (write_stdout(text, bytes, &e) < 0)
		exit(cli_fail(&e));
	exit(EXIT_DONE);
}

static error_t parse_output(int key, char *arg, struct argp_state *state)
{
	static const char version[] = "sgxctl " PACKAGE_VERSION "\n";
	struct err e = { 0 };

	(void)arg;
	switch (key) {
	case KEY_TEXT:
		cli.mode = OUTPUT_TEXT;
		return 0;
	case KEY_JSON:
		cli.mode = OUTPUT_JSON;
		return 0;
	case KEY_QUIET:
		cli.mode = OUTPUT_QUIET;
		return 0;
	case KEY_HELP:
		leave_with_help(state, ARGP_HELP_STD_HELP);
		return 0;
	case KEY_USAGE:
		leave_with_help(state, ARGP_HELP_USAGE);
		return 0;
	case KEY_VERSION:
		exit(write_stdout(version, sizeof(version) - 1, &e) < 0 ? cli_fail(&e) : EXIT_DONE);
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option output_options[] = {
	{ "text", KEY_TEXT, NULL, 0, "tables and pictures for people", -2 },
	{ "json", KEY_JSON, NULL, 0, "one JSON document (the default)", -2 },
	{ "quiet", KEY_QUIET, NULL, 0, "only the identifier, such as the enclave's name", -2 },
	{ "help", KEY_HELP, NULL, 0, "show this help", -1 },
	{ "usage", KEY_USAGE, NULL, 0, "show the options in short", -1 },
	{ "version", KEY_VERSION, NULL, 0, "show the version", -1 },
	{ 0 }
};
const struct argp output_argp = { .options = output_options, .parser = parse_output };
const struct argp_child output_children[] = { { &output_argp, 0, "Output:", -1 }, { 0 } };

#define DEVICES "auto|kernel|emulated"
#define KERNELS "rfc|upstream|fixed"

static error_t parse_device(int key, char *arg, struct argp_state *state)
{
	error_t r;

	switch (key) {
	case KEY_DEVICE:
		cli.device = arg;
		return option_word(state, "device", arg, DEVICES);
	case KEY_KERNEL:
		cli.kernel = arg;
		return option_word(state, "kernel", arg, KERNELS);
	case KEY_EPC:
		r = option_size(state, "epc", arg, (uint64_t)1 << 52, &cli.epc_bytes);
		if (r == 0 && cli.epc_bytes < 4096) {
			argp_error(state, "--epc: '%s' is less than a page", arg);
			r = EINVAL;
		}
		return r;
	case KEY_NO_SGX2:
		cli.no_sgx2 = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option device_options[] = {
	{ "device", KEY_DEVICE, DEVICES, 0, "which SGX device to use (auto: the kernel's if it works)", -3 },
	{ "kernel", KEY_KERNEL, KERNELS, 0, "which driver the emulated device plays (rfc)", -3 },
	{ "epc", KEY_EPC, "SIZE", 0, "EPC of the emulated device", -3 },
	{ "no-sgx2", KEY_NO_SGX2, NULL, 0, "the emulated device is an SGX1 CPU", -3 },
	{ 0 }
};
const struct argp device_argp = { .options = device_options, .parser = parse_device };
const struct argp_child device_children[] = {
	{ &device_argp, 0, "Device:", -2 }, { &output_argp, 0, "Output:", -1 }, { 0 }
};

/* The list of commands, behind the options. */
static char *add_commands(int key, const char *text, void *input)
{
	const char *group = "";
	char *out = NULL;
	size_t bytes = 0;
	FILE *f;

	(void)input;
	if (key != ARGP_KEY_HELP_POST_DOC)
		return (char *)(uintptr_t)text;
	f = open_memstream(&out, &bytes);
	if (!f)
		return NULL;
	for (size_t i = 0; i < n_commands; i++) {
		if (strcmp(group, commands[i].group)) {
			group = commands[i].group;
			fprintf(f, "%s%c%s:\n", i ? "\n" : "", group[0] - 'a' + 'A', group + 1);
		}
		fprintf(f, "  %-13s %s\n", commands[i].name, commands[i].text);
	}
	fprintf(f, "\n'sgxctl COMMAND --help' and sgxctl-COMMAND(1) say more.");
	fclose(f);
	return out;
}

/* Options before the command are ours; the rest is the command's business. */
static error_t parse_global(int key, char *arg, struct argp_state *state)
{
	(void)arg;
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	state->next--;
	*(int *)state->input = state->next;
	state->next = state->argc;
	return 0;
}

const struct argp global_argp = {
	.parser = parse_global, .args_doc = "COMMAND [OPTION...] [ARGUMENT...]", .children = device_children,
	.doc = "Loads, grows and looks into SGX enclaves.\v", .help_filter = add_commands,
};

#define NOT_A_NAME ENOTUNIQ     /* what parsers return when it is a name that is wrong; no other fault gives it */

/* "sgxctl load: unrecognized option '--foo'\nTry ..." -> the message alone */
static void message_of(char *said, enum err_code code, struct err *e)
{
	size_t n = strlen(cli.who);
	char *end;

	if (!strncmp(said, cli.who, n) && said[n] == ':' && said[n + 1] == ' ')
		said += n + 2;
	end = strchr(said, '\n');
	if (end)
		*end = '\0';
	if (*said >= 'A' && *said <= 'Z' && said[1] >= 'a')
		*said = (char)(*said - 'A' + 'a');
	err_set(e, code, 0, "%s", *said ? said : "the arguments make no sense");
	if (code == ERR_USAGE)
		err_hint(e, "'%s --help' shows how it is used", cli.who);
}

int cli_parse(const struct argp *argp, int argc, char **argv, int *ret_index, void *input)
{
	CLEANUP(cleanup_free) char *said = NULL;
	unsigned int flags = ARGP_NO_EXIT | ARGP_NO_HELP | (ret_index ? ARGP_IN_ORDER : 0);
	size_t bytes = 0;
	FILE *real = stderr, *buffer = open_memstream(&said, &bytes);
	struct err e = { 0 };
	int first = argc;
	error_t r;

	if (!buffer) {
		err_set(&e, ERR_NO_MEMORY, ENOMEM, "no memory for the options");
		cli_fail(&e);
		return -1;
	}
	stderr = buffer;
	r = argp_parse(argp, argc, argv, flags, NULL, ret_index ? &first : input);
	stderr = real;
	fclose(buffer);
	if (r) {
		message_of(said, r == NOT_A_NAME ? ERR_BAD_NAME : ERR_USAGE, &e);
		cli_fail(&e);
		return -1;
	}
	if (ret_index)
		*ret_index = first;
	return 0;
}

/* ---- values ---------------------------------------------------------------------------------------- */

error_t option_u64(struct argp_state *state, const char *option, const char *arg, uint64_t max, uint64_t *ret)
{
	if (parse_u64(arg, max, ret) == 0)
		return 0;
	if (errno == ERANGE)
		argp_error(state, "--%s: '%s' is more than the %llu allowed", option, arg,
			   (unsigned long long)max);
	else
		argp_error(state, "--%s: '%s' is no number", option, arg);
	return EINVAL;
}

error_t option_size(struct argp_state *state, const char *option, const char *arg, uint64_t max,
		    uint64_t *ret)
{
	char limit[FMT_SIZE_BYTES];

	if (parse_size(arg, max, ret) == 0)
		return 0;
	if (errno == ERANGE)
		argp_error(state, "--%s: '%s' is more than the %s allowed", option, arg, fmt_size(limit, max));
	else
		argp_error(state, "--%s: '%s' is no size (digits or 0x..., then K, M, G or T)", option, arg);
	return EINVAL;
}

error_t option_limit(struct argp_state *state, const char *arg, uint64_t *ret)
{
	error_t r = option_u64(state, "limit", arg, UINT32_MAX, ret);

	if (r == 0 && !*ret)
		*ret = UINT64_MAX;
	return r;
}

error_t option_word(struct argp_state *state, const char *option, const char *arg, const char *words)
{
	size_t n = strlen(arg);

	for (const char *w = words; n && w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		if (!strncmp(w, arg, n) && (w[n] == '|' || w[n] == '\0'))
			return 0;
	argp_error(state, "--%s: '%s' is none of %s", option, arg, words);
	return EINVAL;
}

error_t option_perm(struct argp_state *state, const char *option, const char *arg, unsigned int *ret)
{
	if (perm_parse(arg, ret) == 0)
		return 0;
	argp_error(state, "--%s: '%s' is no set of rights such as rw-, r-x or rwx", option, arg);
	return EINVAL;
}

error_t argument_name(struct argp_state *state, const char *arg, const char **name)
{
	struct err e = { 0 };

	if (*name) {
		argp_error(state, "one enclave at a time: '%s' is too many", arg);
		return EINVAL;
	}
	if (session_name_check(arg, &e) < 0) {
		argp_error(state, "%s", e.msg);
		return NOT_A_NAME;
	}
	*name = arg;
	return 0;
}

error_t argument_image(const char *arg, const char **image)
{
	if (*image)
		return ARGP_ERR_UNKNOWN;
	*image = arg;
	return 0;
}

error_t need_argument(struct argp_state *state, const char *name, const char *what)
{
	if (name)
		return 0;
	argp_error(state, "%s is missing", what);
	return EINVAL;
}
