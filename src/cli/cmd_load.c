/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl load: starts a keeper, which builds the enclave. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "session/session.h"

#define UNLOAD_MS 10000
#define SIZE_MAX_ARG ((uint64_t)1 << 52)

struct load_args {
	const char *image, *name, *format, *sigstruct, *key, *exec, *libpal;
	bool debug, production, foreground, has_heap, has_reserve;
	uint64_t heap, reserve;
};

enum {
	KEY_NAME = 'n',
	KEY_FORMAT = 0x100,
	KEY_SIGSTRUCT,
	KEY_KEY,
	KEY_DEBUG,
	KEY_PRODUCTION,
	KEY_HEAP,
	KEY_RESERVE,
	KEY_FOREGROUND,
	KEY_EXEC,
	KEY_LIBPAL
};

static const struct argp_option options[] = {
	{ "name", KEY_NAME, "NAME", 0, "what to call the enclave (the image's name)", 0 },
	{ "format", KEY_FORMAT, "FORMAT", 0, "the image's format, when it cannot be told from the file", 0 },
	{ "sigstruct", KEY_SIGSTRUCT, "FILE", 0,
	  "the SIGSTRUCT to initialise with (default: sign with --key)", 0 },
	{ "key", KEY_KEY, "PEM", 0,
	  "the RSA-3072 key to sign with (default: the user's, made on first use)", 0 },
	{ "debug", KEY_DEBUG, NULL, 0, "a debug enclave (the default where the SIGSTRUCT lets it)", 0 },
	{ "production", KEY_PRODUCTION, NULL, 0, "no debug enclave", 0 },
	{ "heap", KEY_HEAP, "SIZE", 0, "heap, instead of what the image says", 0 },
	{ "reserve", KEY_RESERVE, "SIZE", 0, "free ELRANGE behind the image, for growth", 0 },
	{ "exec", KEY_EXEC, "FILE", 0, "the program of an Enarx shim", 0 },
	{ "libpal", KEY_LIBPAL, "FILE", 0, "the libpal.so that a Gramine manifest was signed for", 0 },
	{ "foreground", KEY_FOREGROUND, NULL, 0, "stay until interrupted, then unload", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct load_args *a = state->input;

	switch (key) {
	case KEY_NAME:
		a->name = NULL;         /* the last --name counts */
		return argument_name(state, arg, &a->name);
	case KEY_FORMAT:
		a->format = arg;
		return 0;
	case KEY_SIGSTRUCT:
		a->sigstruct = arg;
		return 0;
	case KEY_KEY:
		a->key = arg;
		return 0;
	case KEY_DEBUG:
		a->debug = true;
		return 0;
	case KEY_PRODUCTION:
		a->production = true;
		return 0;
	case KEY_HEAP:
		a->has_heap = true;
		return option_size(state, "heap", arg, SIZE_MAX_ARG, &a->heap);
	case KEY_RESERVE:
		a->has_reserve = true;
		return option_size(state, "reserve", arg, SIZE_MAX_ARG, &a->reserve);
	case KEY_EXEC:
		a->exec = arg;
		return 0;
	case KEY_LIBPAL:
		a->libpal = arg;
		return 0;
	case KEY_FOREGROUND:
		a->foreground = true;
		return 0;
	case ARGP_KEY_ARG:
		return argument_image(arg, &a->image);
	case ARGP_KEY_END:
		if (a->debug && a->production) {
			argp_error(state, "--debug and --production exclude each other");
			return EINVAL;
		}
		if (a->sigstruct && a->key) {
			argp_error(state, "--sigstruct and --key exclude each other");
			return EINVAL;
		}
		return need_argument(state, a->image, "IMAGE");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp cmd_load_argp = {
	.options = options,
	.parser = parse,
	.args_doc = "IMAGE",
	.children = device_children,
	.doc = "Builds an enclave from IMAGE (a path, or the name of an installed one such as "
	       "grow) and leaves it "
	       "running under a keeper.\vSee sgxctl-load(1).",
};

static int make_request(const struct load_args *a, const char *image, struct json *request, struct err *e)
{
	char stem[256];

	image_stem(stem, sizeof(stem), image);
	request_str(request, "name", a->name);
	json_add_str(request, "stem", stem);
	request_str(request, "format", a->format);
	if (a->debug || a->production)
		json_add_bool(request, "debug", a->debug);
	if (a->has_heap)
		request_u64(request, "heap", a->heap);
	if (a->has_reserve)
		request_u64(request, "reserve", a->reserve);
	request_device(request);
	if (request_path(request, "image", image, e) < 0 || request_path(request, "exec", a->exec, e) < 0 ||
	    request_path(request, "libpal", a->libpal, e) < 0 ||
	    request_path(request, "sigstruct", a->sigstruct, e) < 0)
		return -1;
	return request_path(request, "key", a->key, e);
}

/* The keeper ended by itself: with 0 when someone unloaded the enclave. */
static int keeper_ended(pid_t pid, const char *name)
{
	struct err e = { 0 };
	int status = 0;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return EXIT_DONE;
	err_set(&e, ERR_KEEPER_GONE, 0, "the keeper of '%s' ended", name);
	return cli_fail(&e);
}

/* Stays with the keeper, our child, until a signal asks to end. */
static int attend(const char *name, pid_t pid)
{
	CLEANUP(cleanup_close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CLEANUP(cleanup_close) int sigfd = -1;
	struct err e = { 0 };
	bool was_dead;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (pidfd < 0 || sigfd < 0) {
		err_set(&e, ERR_IO, errno, "cannot wait for the keeper of '%s'", name);
		session_unload(name, UNLOAD_MS, &was_dead, NULL);
		return cli_fail(&e);
	}
	for (;;) {
		struct pollfd p[2] = { { .fd = sigfd, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			return keeper_ended(pid, name);
		if (p[0].revents)
			break;
	}
	if (session_unload(name, UNLOAD_MS, &was_dead, &e) < 0)
		return cli_fail(&e);
	return EXIT_DONE;
}

/* Nobody was told the name of the enclave: whoever asked takes it for not loaded. */
static int take_back(const char *name, int status)
{
	struct err e = { 0 };
	bool was_dead;

	if (session_unload(name, UNLOAD_MS, &was_dead, &e) < 0)
		fprintf(stderr, "%s: the enclave '%s' is still loaded: %s\n", cli.who, name, e.msg);
	else
		fprintf(stderr, "%s: the enclave was unloaded again\n", cli.who);
	return status;
}

int cmd_load(int argc, char **argv)
{
	struct load_args a = { 0 };
	struct err e = { 0 };
	struct json *request, *reply = NULL;
	CLEANUP(cleanup_free) char *image = NULL;
	char name[SESSION_NAME_MAX + 1] = "";
	int64_t pid = -1;
	bool loaded;
	int status;

	if (cli_parse(&cmd_load_argp, argc, argv, NULL, &a) < 0)
		return EXIT_USAGE;
	signal(SIGPIPE, SIG_IGN);       /* to live on when nobody hears of the enclave */
	image = image_find(a.image, &e);
	if (!image)
		return cli_fail(&e);
	request = request_new("load");
	if (make_request(&a, image, request, &e) < 0) {
		json_free(request);
		return cli_fail(&e);
	}
	status = session_start(request, NULL, 0, a.foreground, progress_show, NULL, &reply, &e);
	progress_end();
	json_free(request);
	if (status < 0)
		return cli_fail(&e);
	if (json_str(json_get(reply, "enclave")))
		snprintf(name, sizeof(name), "%s", json_str(json_get(reply, "enclave")));
	json_int(json_get(reply, "pid"), &pid);
	loaded = cli_status(reply) == EXIT_DONE;
	status = cli_reply(reply);
	if (loaded && status != EXIT_DONE)
		return take_back(name, status);
	if (!a.foreground || !loaded)
		return status;
	if (!*name || pid <= 0) {
		err_set(&e, ERR_PROTOCOL, 0, "the keeper did not say which enclave it loaded");
		return cli_fail(&e);
	}
	return attend(name, (pid_t)pid);
}
