/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl accept: lets the enclave accept changes. */
#include <errno.h>
#include <string.h>

#include "arch/sgx_arch.h"
#include "cli/cli.h"

#define TYPES "reg|tcs|trim"

struct accept_args {
	const char *name, *perm, *type;
	struct range range;
	unsigned int rights, state;
	uint64_t flags;
	bool has_flags;
};

enum { KEY_TYPE = 't', KEY_PERM = 0x100, KEY_FLAGS, KEY_PENDING, KEY_MODIFIED, KEY_PR };

static const struct argp_option options[] = {
	RANGE_OPTIONS,
	{ "perm", KEY_PERM, "RWX", 0,
	  "the rights the enclave expects (rw-; --- for TCS and trimmed pages)", 2 },
	{ "type", KEY_TYPE, TYPES, 0, "the type the enclave expects (reg)", 2 },
	{ "pending", KEY_PENDING, NULL, 0, "pages that were added (the default)", 2 },
	{ "modified", KEY_MODIFIED, NULL, 0, "pages whose type was changed (the default with --type)", 2 },
	{ "pr", KEY_PR, NULL, 0, "pages whose rights were restricted", 2 },
	{ "flags", KEY_FLAGS, "FLAGS", 0, "exactly these SECINFO.FLAGS", 2 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct accept_args *a = state->input;

	switch (key) {
	case KEY_PERM:
		a->perm = arg;
		return option_perm(state, "perm", arg, &a->rights);
	case KEY_TYPE:
		a->type = arg;
		return option_word(state, "type", arg, TYPES);
	case KEY_PENDING:
		a->state |= SGX_SECINFO_PENDING;
		return 0;
	case KEY_MODIFIED:
		a->state |= SGX_SECINFO_MODIFIED;
		return 0;
	case KEY_PR:
		a->state |= SGX_SECINFO_PR;
		return 0;
	case KEY_FLAGS:
		a->has_flags = true;
		return option_u64(state, "flags", arg, UINT64_MAX, &a->flags);
	case ARGP_KEY_ARG:
		return argument_name(state, arg, &a->name);
	case ARGP_KEY_END:
		if (need_argument(state, a->name, "NAME"))
			return EINVAL;
		if (a->has_flags && (a->perm || a->type || a->state)) {
			argp_error(state, "--flags excludes the options it is made of");
			return EINVAL;
		}
		return range_complete(&a->range, RANGE_WHOLE, state);
	default:
		return range_option(&a->range, key, arg, state);
	}
}

const struct argp cmd_accept_argp = {
	.options = options, .parser = parse, .args_doc = "NAME", .children = output_children,
	.doc = "Lets the enclave accept what was done to its pages (EACCEPT)."
	       "\vSee sgxctl-accept(1).",
};

/* SECINFO.FLAGS as the enclave has to name them. */
static uint64_t secinfo_flags(const struct accept_args *a)
{
	bool tcs = a->type && !strcmp(a->type, "tcs"), trim = a->type && !strcmp(a->type, "trim");
	uint64_t state = a->state ? a->state : tcs || trim ? SGX_SECINFO_MODIFIED : SGX_SECINFO_PENDING;
	uint64_t rights = a->perm ? a->rights : tcs || trim ? 0 : SGX_SECINFO_R | SGX_SECINFO_W;

	if (a->has_flags)
		return a->flags;
	return (tcs ? SGX_SECINFO_TCS : trim ? SGX_SECINFO_TRIM : SGX_SECINFO_REG) | state | rights;
}

int cmd_accept(int argc, char **argv)
{
	struct accept_args a = { 0 };
	struct err e = { 0 };
	struct json *request;

	if (cli_parse(&cmd_accept_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	request = request_new("accept");
	if (range_request(&a.range, a.name, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	json_add_hex(request, "flags", secinfo_flags(&a));
	return request_run(a.name, request);
}
