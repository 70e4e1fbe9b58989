/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command's side of a conversation: one connection, one request, progress, one reply. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "session/client.h"
#include "session/internal.h"

#define TICK_MS 250             /* between calls of progress when there is no news */

const char *session_last_words(int log_fd, char *buf, size_t bytes)
{
	char tail[512];
	struct stat st;
	off_t from;
	ssize_t n;
	char *line;

	*buf = '\0';
	if (log_fd < 0 || fstat(log_fd, &st) < 0)
		return buf;
	from = st.st_size > (off_t)sizeof(tail) ? st.st_size - (off_t)sizeof(tail) : 0;
	n = pread(log_fd, tail, sizeof(tail), from);
	while (n > 0 && (tail[n - 1] == '\n' || tail[n - 1] == ' '))
		n--;
	if (n <= 0)
		return buf;
	line = memrchr(tail, '\n', (size_t)n);
	line = line ? line + 1 : tail;
	text_escape(buf, bytes, line, (size_t)(tail + n - line));
	return buf;
}

/* Is one frame's reply there?  0 reply, 1 gone, 2 go on, -1. */
static int take_frame(struct session_wait *w, struct json **ret_reply, struct err *e)
{
	struct session_msg m;
	const struct json *p;
	int r = session_recv(w->sock, &m, SESSION_FRAME_MS, e);

	if (r > 0)
		return 1;
	if (r < 0) {
		bool dead = false, unused;

		/* killed while it wrote: that is a death, not a disagreement */
		if (e->sys == ECONNRESET || e->sys == EPIPE)
			return 1;
		if (w->pidfd >= 0)
			session_poll2(-1, w->pidfd, session_deadline(0), &unused, &dead);
		return dead ? 1 : -1;
	}
	if (w->introduced && w->pidfd < 0 && json_get(m.body, "keeper") && m.n_fds == 1) {
		w->pidfd = m.fds[0];
		m.n_fds = 0;
		session_msg_release(&m);
		return 2;
	}
	p = json_get(m.body, "progress");
	if (p) {
		uint64_t done = 0, total = 0;

		if (json_u64(json_get(p, "done"), &done) == 0 &&
		    json_u64(json_get(p, "total"), &total) == 0 && w->progress)
			w->progress(w->arg, done, total);
		session_msg_release(&m);
		return 2;
	}
	if (!json_is_string(json_get(m.body, "schema"))) {
		session_msg_release(&m);
		return err_set(e, ERR_PROTOCOL, 0, "the keeper of '%s' sent something that is no document",
			       w->name);
	}
	*ret_reply = STEAL_PTR(m.body);
	session_msg_release(&m);
	return 0;
}

int session_await(struct session_wait *w, enum err_code gone, struct json **ret_reply, struct err *e)
{
	for (;;) {
		bool frame, dead;
		int r = session_poll2(w->sock, w->pidfd, session_deadline(w->progress ? TICK_MS : -1), &frame,
				      &dead);

		if (r < 0)
			return err_set(e, ERR_IO, errno, "waiting for the keeper of '%s'", w->name);
		if (r == 0) {
			w->progress(w->arg, 0, 0);
			continue;
		}
		/* what it wrote before it died counts; children it left may hold the socket open */
		if (!frame && dead)
			session_poll2(w->sock, -1, session_deadline(0), &frame, &dead);
		r = frame ? take_frame(w, ret_reply, e) : 1;
		if (r == 1) {
			err_set(e, gone, 0, "the keeper of '%s' ended before it answered", w->name);
			return 1;
		}
		if (r != 2)
			return r;
	}
}

/* A connection to the socket in dir_fd, -1 with errno. */
static int connect_folder(int dir_fd)
{
	CLEANUP(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval limit = { .tv_sec = SESSION_CONNECT_MS / 1000 };
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (fd < 0)
		return -1;
	/* a stopped keeper with a full backlog would keep us for ever */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -1;
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" SESSION_SOCK, dir_fd);
	while (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		if (errno != EINTR)
			return -1;
	return STEAL_FD(fd);
}

int session_connect(const char *name, int dir_fd, struct err *e)
{
	int fd = connect_folder(dir_fd);
	int sys = errno;

	if (fd >= 0)
		return fd;
	if (session_folder_alive(dir_fd) == 0)
		return err_set(e, ERR_KEEPER_GONE, 0, "the keeper of '%s' is dead", name);
	if (sys == EAGAIN)
		return err_set(e, ERR_BUSY, ETIMEDOUT, "the keeper of '%s' does not answer", name);
	if (sys == ENOENT || sys == ECONNREFUSED) {
		err_set(e, ERR_BUSY, sys, "the enclave '%s' is still being loaded", name);
		return err_hint(e, "try again when 'sgxctl load' has ended");
	}
	return err_set(e, ERR_IO, sys, "cannot connect to the keeper of '%s'", name);
}

int session_peer_pidfd(int sock)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0 || c.pid <= 0)
		return -1;
	return (int)syscall(SYS_pidfd_open, c.pid, 0);
}

int session_call(const char *name, const struct json *request, const int *fds, size_t n_fds,
		 session_progress progress, void *arg, struct json **ret_reply, struct err *e)
{
	CLEANUP(cleanup_close) int dir = -1;
	CLEANUP(cleanup_close) int sock = -1;
	CLEANUP(cleanup_close) int pidfd = -1;
	struct session_wait w = { .name = name, .progress = progress, .arg = arg };
	char words[256];
	struct err sending = { 0 };
	int r, log;

	dir = session_folder_find(name, NULL, e);
	if (dir < 0)
		return -1;
	if (session_is_program(dir))
		return session_program_call(name, request, fds, n_fds, progress, arg, ret_reply, e);
	sock = session_connect(name, dir, e);
	if (sock < 0)
		return -1;
	if (session_check_peer(sock, e) < 0)
		return err_wrap(e, "the keeper of '%s'", name);
	pidfd = session_peer_pidfd(sock);
	w.sock = sock;
	w.pidfd = pidfd;
	/* a keeper that refuses a request may answer and close before it has read all of it */
	if (session_send(sock, request, fds, n_fds, &sending) < 0 && sending.sys != EPIPE &&
	    sending.sys != ECONNRESET) {
		*e = sending;
		return -1;
	}
	r = session_await(&w, ERR_KEEPER_GONE, ret_reply, e);
	if (r <= 0)
		return r;
	log = openat(dir, SESSION_LOG, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (*session_last_words(log, words, sizeof(words)))
		err_set(e, ERR_KEEPER_GONE, 0,
			"the keeper of '%s' ended before it answered; its last words: %s", name, words);
	if (log >= 0)
		close(log);
	return -1;
}
