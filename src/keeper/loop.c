/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a keeper with an enclave: accept, check the peer, read one bounded frame, serve it in a thread,
 * answer, hang up.  Whatever a client sends or an enclave does costs at most its own thread, so `status`
 * answers while enclave threads run and `unload` ends them with the process.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "keeper/keeper.h"

#define CHANGE_WAIT_S 10        /* for another request that changes pages */

struct row {
	const char *op;
	unsigned flags;
	request_fn run;
};

static const struct row requests[] = {
#define ROW(symbol, name, flags) { name, flags, req_##symbol },
	KEEPER_REQUESTS(ROW)
#undef ROW
};

static const struct row *find(const char *op)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		if (!strcmp(op, requests[i].op))
			return &requests[i];
	return NULL;
}

/* ---- talk ---------------------------------------------------------------------------------------- */

void keeper_log(const char *op, const struct json *doc)
{
	const struct json *error = json_get(doc, "error");
	const char *code = json_str(json_get(error, "code")), *message = json_str(json_get(error, "message"));
	char when[32] = "";
	time_t now = time(NULL);
	struct tm tm;

	if (!error)
		return;
	if (gmtime_r(&now, &tm))
		strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fprintf(stderr, "%s %s: %s: %s\n", when, op, code ? code : "?", message ? message : "");
}

int keeper_reply(int conn, const struct json *doc)
{
	struct err e = { 0 };
	struct json *sorry;
	int r = session_send(conn, doc, NULL, 0, &e);

	if (!r || e.code == ERR_IO)
		return r;
	sorry = session_error_doc(&e);
	keeper_log("reply", sorry);
	r = session_send(conn, sorry, NULL, 0, NULL);
	json_free(sorry);
	return r;
}

static void reply_err(int conn, const char *op, const struct err *e)
{
	struct json *doc = session_error_doc(e);

	keeper_log(op, doc);
	keeper_reply(conn, doc);
	json_free(doc);
}

/* ---- ending -------------------------------------------------------------------------------------- */

void keeper_exit(struct keeper *k, int status)
{
	if (k->listen_fd >= 0)
		close(k->listen_fd);
	/* threads may still be in the enclave; the kernel takes everything else with the process */
	session_slot_release(k->slot);
	_exit(status);
}

static void unload(struct keeper *k, int conn)
{
	struct json *doc = doc_begin(k, "unload", true);

	json_add_str(doc, "was", "running");
	/* first the name, then the word: who hears it may use the name again */
	session_slot_release(k->slot);
	k->slot = NULL;
	keeper_reply(conn, doc);
	json_free(doc);
	keeper_exit(k, EXIT_DONE);
}

/* ---- one request --------------------------------------------------------------------------------- */

static int lock_change(struct keeper *k, struct err *e)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += CHANGE_WAIT_S;
	if (pthread_mutex_timedlock(&k->change, &until))
		return err_set(e, ERR_BUSY, EBUSY, "another request changes pages of this enclave");
	return 0;
}

struct json *keeper_serve(struct keeper *k, const char *op, struct request *r, struct err *e)
{
	const struct row *row = op ? find(op) : NULL;
	struct json *doc;

	if (!row) {
		err_set(e, ERR_PROTOCOL, 0, "the keeper knows no request '%.40s'", op ? op : "");
		return NULL;
	}
	if ((row->flags & REQ_ENTERS) && encl_need_entry(k->encl, e))
		return NULL;
	atomic_fetch_add(&k->requests, 1);
	if ((row->flags & REQ_CHANGES) && lock_change(k, e))
		return NULL;
	doc = row->run(k, r, e);
	if (row->flags & REQ_CHANGES)
		pthread_mutex_unlock(&k->change);
	return doc;
}

static void answer(struct keeper *k, int conn, const struct session_msg *m)
{
	const char *op = json_str(json_get(m->body, "op"));
	struct request r = { .body = m->body, .fds = m->fds, .n_fds = m->n_fds, .conn = conn };
	struct err e = { 0 };
	struct json *doc;

	if (op && !strcmp(op, "unload"))
		unload(k, conn);
	doc = keeper_serve(k, op, &r, &e);
	if (!doc)
		doc = session_error_doc(&e);
	keeper_log(op ? op : "request", doc);
	keeper_reply(conn, doc);
	json_free(doc);
}

struct worker {
	struct keeper *k;
	int conn;
};

static void *worker_main(void *arg)
{
	struct worker w = *(struct worker *)arg;
	struct session_msg m;
	struct err e = { 0 };
	int r;

	free(arg);
	if (session_check_peer(w.conn, &e)) {
		reply_err(w.conn, "peer", &e);
	} else {
		r = session_recv(w.conn, &m, KEEPER_REQUEST_MS, &e);
		if (r < 0)
			reply_err(w.conn, "frame", &e);
		if (!r) {
			answer(w.k, w.conn, &m);
			session_msg_release(&m);
		}
	}
	close(w.conn);
	atomic_fetch_sub(&w.k->workers, 1);
	return NULL;
}

static void start_worker(struct keeper *k, int conn)
{
	struct worker *w = malloc(sizeof(*w));
	pthread_attr_t attr;
	pthread_t t;
	struct err e = { 0 };
	bool started = false;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (w && atomic_fetch_add(&k->workers, 1) < KEEPER_MAX_WORKERS) {
		*w = (struct worker){ k, conn };
		started = !pthread_create(&t, &attr, worker_main, w);
	}
	pthread_attr_destroy(&attr);
	if (started)
		return;
	if (w)
		atomic_fetch_sub(&k->workers, 1);
	free(w);
	err_set(&e, ERR_BUSY, EAGAIN, "the keeper serves %u requests already", atomic_load(&k->workers));
	reply_err(conn, "accept", &e);
	close(conn);
}

/* Requests that end threads in the enclave must get through however many are stuck there. */
static bool asks_unload(int conn)
{
	static const char word[] = "\"op\":\"unload\"";
	char buf[256];
	struct pollfd p = { .fd = conn, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 1000) <= 0)
		return false;
	n = recv(conn, buf, sizeof(buf), MSG_PEEK | MSG_DONTWAIT);
	return n > 0 && memmem(buf, (size_t)n, word, sizeof(word) - 1);
}

static void accept_one(struct keeper *k)
{
	int conn = accept4(k->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (conn < 0)
		return;
	if (atomic_load(&k->workers) >= KEEPER_MAX_WORKERS && !session_check_peer(conn, NULL) &&
	    asks_unload(conn))
		unload(k, conn);
	start_worker(k, conn);
}

void keeper_loop(struct keeper *k)
{
	CLEANUP(cleanup_close) int sigfd = -1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigfd = signalfd(-1, &set, SFD_CLOEXEC);
	for (;;) {
		struct pollfd p[2] = {
			{ .fd = k->listen_fd, .events = POLLIN },
			{ .fd = sigfd, .events = POLLIN },
		};

		if (poll(p, 2, -1) < 0) {
			if (errno != EINTR)
				keeper_exit(k, EXIT_BUG);
			continue;
		}
		if (p[1].revents)
			keeper_exit(k, EXIT_DONE);
		if (p[0].revents)
			accept_one(k);
	}
}
