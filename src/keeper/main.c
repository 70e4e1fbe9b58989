/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl-keeper, started by sgxctl: takes its first request from an inherited socket.  "load" makes it the
 * keeper of an enclave until that is unloaded; "info", "offers" and "accept-test" are answered, and the process ends.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fmt.h"
#include "keeper/keeper.h"

#define FIRST_REQUEST_MS 30000

static int usage(void)
{
	fprintf(stderr, "sgxctl-keeper: is started by sgxctl, not by hand (--fd N [--foreground])\n");
	return EXIT_USAGE;
}

/* The descriptor number, or -1.  Whether we are in the foreground makes no difference here. */
static int parse_args(int argc, char **argv)
{
	uint64_t fd = UINT64_MAX;

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--fd") && i + 1 < argc) {
			if (parse_u64(argv[++i], 65535, &fd))
				return -1;
		} else if (strcmp(argv[i], "--foreground")) {
			return -1;
		}
	}
	return fd == UINT64_MAX ? -1 : (int)fd;
}

static void setup_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);       /* EFBIG can be told; ulimit -f counts memfds, too */
	signal(SIGHUP, SIG_IGN);
	/* before any thread: SIGTERM and SIGINT are read by the loop alone */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static struct json *first(struct keeper *k, struct request *r, const char *op, struct err *e)
{
	if (!strcmp(op, "load"))
		return req_load(k, r, e);
	if (!strcmp(op, "info"))
		return req_info(k, r, e);
	if (!strcmp(op, "offers"))
		return req_offers(k, r, e);
	if (!strcmp(op, "accept-test"))
		return req_accept_test(k, r, e);
	err_set(e, ERR_PROTOCOL, 0, "a keeper cannot begin with the request '%.40s'", op);
	return NULL;
}

static bool doc_ok(const struct json *doc)
{
	bool ok = false;

	return !json_bool(json_get(doc, "ok"), &ok) && ok;
}

int main(int argc, char **argv)
{
	static struct keeper k;
	struct session_msg m;
	struct err e = { 0 };
	struct json *doc = NULL;
	const char *op;
	int conn = parse_args(argc, argv);
	bool stay;

	if (conn < 0)
		return usage();
	setup_signals();
	k.listen_fd = -1;
	k.started_ns = now_ns();
	pthread_mutex_init(&k.change, NULL);
	if (session_recv(conn, &m, FIRST_REQUEST_MS, &e)) {
		fprintf(stderr, "sgxctl-keeper: no request came: %s\n", e.msg);
		return EXIT_FAILED;
	}
	op = json_str(json_get(m.body, "op"));
	if (op) {
		struct request r = { .body = m.body, .fds = m.fds, .n_fds = m.n_fds, .conn = conn };

		doc = first(&k, &r, op, &e);
	} else {
		err_set(&e, ERR_PROTOCOL, 0, "the request names no operation");
	}
	if (!doc)
		doc = session_error_doc(&e);
	stay = k.encl && k.slot && doc_ok(doc);
	keeper_log(op ? op : "request", doc);
	if (!stay) {
		/* nothing is left behind by the time the client hears of the failure */
		session_slot_release(k.slot);
		k.slot = NULL;
	}
	if (keeper_reply(conn, doc) && stay) {
		/* nobody knows of this enclave: whoever asked for it is gone */
		keeper_exit(&k, EXIT_FAILED);
	}
	json_free(doc);
	session_msg_release(&m);
	close(conn);
	if (stay)
		keeper_loop(&k);
	_exit(EXIT_DONE);
}
