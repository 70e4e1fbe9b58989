/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl run: becomes the program, with libsgxemu.so loaded into it.  No process of ours stays behind, so signals,
 * job control and exit status are the program's own.
 */
#include "config.h"

#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/place.h"
#include "cli/cli.h"
#include "cli/run.h"
#include "session/session.h"

#define CONFIG_VERSION  2               /* of SGXCTL_RUN, see src/shim/config.c */
#define SUMMARY_FD_MIN  200             /* above the numbers that programs count on getting */
#define SUMMARY_BYTES   4096
#define PAGE_BYTES      4096u
#define EPC_BYTES       (128u << 20)    /* unless told: as small machines have, so that programs that fill it do so soon */

enum { KEY_TRACE = 0x100, KEY_SUMMARY, KEY_PROBE, KEY_CPUID, KEY_UNLISTED };

static struct {
	const char *trace, *cpuid;
	bool summary, probe, unlisted;
} opts;

static const struct argp_option options[] = {
	{ "trace", KEY_TRACE, "FILE", 0, "write what happens to the device and the enclaves as JSON lines", 0 },
	{ "summary", KEY_SUMMARY, NULL, 0, "count it, and show the counts at the end", 0 },
	{ "cpuid", KEY_CPUID, "MEANS", 0, "static programs: how CPUID shows SGX: auto, fault, rewrite, off", 0 },
	{ "unlisted", KEY_UNLISTED, NULL, 0, "keep the program's enclaves out of 'sgxctl list'", 0 },
	{ "probe", KEY_PROBE, NULL, 0, "only say what the program would find", 0 },
	{ 0 }
};

/* The first word that is no option is the program; the rest is its own. */
static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case KEY_TRACE:
		opts.trace = arg;
		return 0;
	case KEY_SUMMARY:
		opts.summary = true;
		return 0;
	case KEY_CPUID:
		opts.cpuid = arg;
		if (strcmp(arg, "auto") && strcmp(arg, "fault") && strcmp(arg, "rewrite") && strcmp(arg, "off")) {
			argp_error(state, "--cpuid=%s: auto, fault, rewrite or off", arg);
			return EINVAL;
		}
		return 0;
	case KEY_UNLISTED:
		opts.unlisted = true;
		return 0;
	case KEY_PROBE:
		opts.probe = true;
		return 0;
	case ARGP_KEY_ARG:
		state->next--;
		*(int *)state->input = state->next;
		state->next = state->argc;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return need_argument(state, NULL, "PROG");
	case ARGP_KEY_END:
		if (cli.device && !strcmp(cli.device, "kernel")) {
			argp_error(state, "--device=kernel: without 'sgxctl run' the program has that device already");
			return EINVAL;
		}
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_run_argp = {
	.parser = parse, .options = options, .args_doc = "PROG [ARG...]", .children = device_children,
	.doc = "Runs PROG with the emulated SGX device.\vSee sgxctl-run(1).",
};

static int fail(const struct err *e, int status)
{
	cli_fail(e);
	return status;
}

/* ---- the library ------------------------------------------------------------------------------------------ */

static char *find_library(struct err *e)
{
	CLEANUP(cleanup_free) char *place = place_find("SGXCTL_SHIM", "libsgxemu.so", PKGLIBDIR "/libsgxemu.so");
	char *path = place ? realpath(place, NULL) : NULL;

	if (!path)
		err_set(e, ERR_UNSUPPORTED, errno, "there is no library '%s'", place ? place : "");
	else if (strpbrk(path, ": \t"))
		err_set(e, ERR_UNSUPPORTED, 0, "'%s': LD_PRELOAD has no way to write such a path", path);
	else
		return path;
	free(path);
	return NULL;
}

static int set_preload(const struct run_target *t, const char *library, struct err *e)
{
	const char *before = getenv("LD_PRELOAD");
	CLEANUP(cleanup_free) char *value = NULL;

	if (asprintf(&value, "%s%s%s%s%s", t->sanitizer, t->sanitizer[0] ? ":" : "", library, before && *before ? ":" : "",
		     before ? before : "") < 0 || setenv("LD_PRELOAD", value, 1))
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the environment");
	return 0;
}

/* ---- what it is told ---------------------------------------------------------------------------------------- */

static int open_trace(char **ret_path, struct err *e)
{
	if (!opts.trace)
		return 0;
	CLEANUP(cleanup_close) int fd = open(opts.trace, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

	*ret_path = fd >= 0 ? realpath(opts.trace, NULL) : NULL;
	return *ret_path ? 0 : err_set(e, ERR_IO, errno, "'%s' cannot be written", opts.trace);
}

/* Counted by every process of the program, shown by the one that this one becomes. */
static int open_summary(int *ret_fd, struct err *e)
{
	CLEANUP(cleanup_close) int fd = -1;

	if (!opts.summary)
		return 0;
	fd = memfd_create("sgxctl-summary", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, SUMMARY_BYTES) || (*ret_fd = fcntl(fd, F_DUPFD, SUMMARY_FD_MIN)) < 0)
		return err_set(e, ERR_IO, errno, "no memory for the counts");
	return 0;
}

static int kernel_number(void)
{
	return !cli.kernel || *cli.kernel == 'r' ? 0 : *cli.kernel == 'u' ? 1 : 2;
}

static int set_config(struct err *e)
{
	char state[4096] = "";
	CLEANUP(cleanup_free) char *trace = NULL;
	CLEANUP(cleanup_free) char *value = NULL;
	int summary_fd = 0;

	if (open_trace(&trace, e) < 0 || open_summary(&summary_fd, e) < 0)
		return -1;
	/* where that is no path the program runs all the same */
	if (!opts.unlisted && session_state_path(state, sizeof(state), NULL) < 0)
		state[0] = '\0';
	if (asprintf(&value, "%d:%d:%d:%llu:%d:%d:%zu:%s:%s", CONFIG_VERSION, kernel_number(), cli.no_sgx2,
		     (unsigned long long)(cli.epc_bytes / PAGE_BYTES), summary_fd, opts.summary ? (int)getpid() : 0,
		     strlen(state), state, trace ? trace : "") < 0 || setenv("SGXCTL_RUN", value, 1))
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the environment");
	return 0;
}

/* Programs that are static, below one that is not: where the library finds what runs them. */
static int set_helper(struct err *e)
{
	CLEANUP(cleanup_free) char *place = place_find("SGXCTL_EXEC", "sgxctl-exec", PKGLIBEXECDIR "/sgxctl-exec");
	CLEANUP(cleanup_free) char *path = place ? realpath(place, NULL) : NULL;

	if (path && strcmp(path, PKGLIBEXECDIR "/sgxctl-exec") && setenv("SGXCTL_EXEC", path, 1))
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the environment");
	return 0;
}

/* ---- can it work ----------------------------------------------------------------------------------------------- */

static const struct {
	const char *word, *why;
} linkings[] = {
	[RUN_DYNAMIC] = { "dynamic", NULL },
	[RUN_STATIC] = { "static", NULL },
	[RUN_MUSL] = { "musl", NULL },
	[RUN_OTHER_LIBC] = { "other-libc", "it is linked with another libc than glibc and musl" },
	[RUN_OTHER_MACHINE] = { "other-machine", "it is no x86-64 program" },
	[RUN_NOT_ELF] = { "unknown", "it is neither an ELF program nor a script that names its interpreter" },
	[RUN_PRIVILEGED] = { "privileged", "it is set-user-ID or set-group-ID, and its loader ignores LD_PRELOAD" },
};

static int check_target(const struct run_target *t, struct err *e)
{
	if (!linkings[t->linking].why)
		return 0;
	err_set(e, ERR_UNSUPPORTED, 0, "'%s' cannot get the emulated device: %s", t->path, linkings[t->linking].why);
	return err_hint(e, "link it dynamically with glibc; see sgxctl-run(1) for what is not emulated");
}

static bool cpuid_faults(void)
{
	/* asks whether it is enabled, and succeeds only where it could be disabled */
	return syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1UL) == 0;
}

/* The library loads it into programs that use CPUID. */
static bool has_decoder(const char *library)
{
	CLEANUP(cleanup_free) char *path = NULL;
	int dir = (int)(strrchr(library, '/') - library);

	return asprintf(&path, "%.*s/libsgxemu-cpuid.so", dir, library) >= 0 && !access(path, R_OK);
}

static int probe(const struct run_target *t, const char *library)
{
	struct json *doc = json_object(), *cpuid;

	json_add_str(doc, "schema", "sgxctl.run/1");
	json_add_bool(doc, "ok", !linkings[t->linking].why);
	json_add_str(doc, "program", t->path);
	if (t->interpreter[0])
		json_add_str(doc, "interpreter", t->interpreter);
	json_add_str(doc, "loader", t->loader[0] ? t->loader : NULL);
	json_add_str(doc, "linking", linkings[t->linking].word);
	json_add_str(doc, "loaded_first", t->sanitizer[0] ? t->sanitizer : NULL);
	json_add_str(doc, "library", library);
	cpuid = json_add_obj(doc, "cpuid");
	json_add_bool(cpuid, "can_fault", cpuid_faults());
	json_add_str(cpuid, "means", has_decoder(library) ? "rewrite" : "none");
	json_add_str(cpuid, "leaf_12h", has_decoder(library) ? "emulated" : "native");
	if (linkings[t->linking].why) {
		struct json *error = json_add_obj(doc, "error");

		json_add_str(error, "code", err_name(ERR_UNSUPPORTED));
		json_add_str(error, "message", linkings[t->linking].why);
	}
	return cli_reply(doc);
}

static int become_static(const struct run_target *t, char **argv)
{
	const struct run_static_opts o = { .cpuid = opts.cpuid, .probe = opts.probe };
	struct err e = { 0 };
	int status = run_static(t, argv, &o, &e);

	return fail(&e, status);
}

int cmd_run(int argc, char **argv)
{
	CLEANUP(cleanup_free) char *library = NULL;
	struct run_target t;
	struct err e = { 0 };
	int first = argc, status;
	bool by_helper;

	if (cli_parse(&cmd_run_argp, argc, argv, &first, NULL) < 0)
		return RUN_FAILED;
	if (!cli.epc_bytes)
		cli.epc_bytes = EPC_BYTES;
	status = run_target_find(argv[first], &t, &e);
	if (status)
		return fail(&e, status);
	library = find_library(&e);
	if (!library)
		return fail(&e, RUN_FAILED);
	by_helper = t.linking == RUN_STATIC || t.linking == RUN_MUSL;
	if (by_helper && opts.probe)
		return set_config(&e) < 0 ? fail(&e, RUN_FAILED) : become_static(&t, argv + first);
	if (opts.probe)
		return probe(&t, library);
	if (opts.cpuid && !by_helper) {
		err_set(&e, ERR_UNSUPPORTED, 0, "--cpuid is for static programs and those of musl: '%s' is neither", t.path);
		return fail(&e, RUN_FAILED);
	}
	if (check_target(&t, &e) < 0 || set_config(&e) < 0 || set_helper(&e) < 0 ||
	    set_preload(&t, library, &e) < 0)
		return fail(&e, RUN_FAILED);
	if (by_helper)
		return become_static(&t, argv + first);
	execv(t.path, argv + first);
	err_set(&e, ERR_IO, errno, "'%s' cannot be run", t.path);
	return fail(&e, errno == ENOENT ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE);
}
