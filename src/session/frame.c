/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Frames: a little-endian u32 length and that many bytes of JSON, descriptors beside the first byte.
 * Everything that arrives is bounded in size, in descriptors and in time.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "session/internal.h"

/* Room to see that a peer sent more than it may, and close those too. */
#define CONTROL_FDS (SESSION_MAX_FDS + 4)

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(CONTROL_FDS * sizeof(int))];
};

void session_msg_release(struct session_msg *m)
{
	json_free(m->body);
	m->body = NULL;
	for (size_t i = 0; i < m->n_fds; i++)
		close(m->fds[i]);
	m->n_fds = 0;
}

/* Keeps the descriptors of one message; false: there were too many (none of those is kept). */
static bool keep_fds(struct session_msg *m, struct msghdr *h)
{
	bool fits = !(h->msg_flags & MSG_CTRUNC);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (m->n_fds < SESSION_MAX_FDS) {
				m->fds[m->n_fds++] = fd;
			} else {
				close(fd);
				fits = false;
			}
		}
	}
	return fits;
}

/* Exactly bytes, or fewer when the peer closed; -1 with e. */
static ssize_t recv_bytes(int fd, struct session_msg *m, void *buf, size_t bytes, uint64_t deadline,
			  struct err *e)
{
	size_t got = 0;

	while (got < bytes) {
		union control ctl;
		struct iovec iov = { .iov_base = (char *)buf + got, .iov_len = bytes - got };
		struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.bytes,
				    .msg_controllen = sizeof(ctl.bytes) };
		ssize_t n = recvmsg(fd, &h, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			int r = session_poll(fd, POLLIN, deadline);

			if (r > 0)
				continue;
			return err_set(e, ERR_IO, r ? errno : ETIMEDOUT, "waiting for a frame");
		}
		if (n < 0)
			return err_set(e, ERR_IO, errno, "receiving a frame");
		if (!keep_fds(m, &h))
			return err_set(e, ERR_PROTOCOL, 0, "a frame came with more than %d descriptors",
				       SESSION_MAX_FDS);
		if (n == 0)
			break;
		got += (size_t)n;
	}
	return (ssize_t)got;
}

static int recv_frame(int fd, struct session_msg *m, int ms, struct err *e)
{
	uint64_t deadline = session_deadline(ms);
	CLEANUP(cleanup_free) char *text = NULL;
	unsigned char head[4];
	uint32_t len;
	ssize_t n = recv_bytes(fd, m, head, sizeof(head), deadline, e);

	if (n < 0)
		return -1;
	if (n == 0 && !m->n_fds)
		return 1;
	if (n < (ssize_t)sizeof(head))
		return err_set(e, ERR_PROTOCOL, 0,
			       "the frame was cut short after %zd of %zu bytes of its length", n,
			       sizeof(head));
	len = (uint32_t)head[0] | (uint32_t)head[1] << 8 | (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
	if (len == 0)
		return err_set(e, ERR_PROTOCOL, 0, "the frame is empty");
	if (len > SESSION_FRAME_MAX)
		return err_set(e, ERR_PROTOCOL, 0, "the frame claims %u bytes, more than the %u allowed", len,
			       SESSION_FRAME_MAX);
	text = malloc(len);
	if (!text)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a frame of %u bytes", len);
	n = recv_bytes(fd, m, text, len, deadline, e);
	if (n < 0)
		return -1;
	if ((size_t)n < len)
		return err_set(e, ERR_PROTOCOL, 0, "the frame was cut short after %zd of %u bytes", n, len);
	m->body = json_parse(text, len, e);
	if (!m->body)
		return err_wrap(e, "the frame is not JSON");
	if (!json_is_object(m->body))
		return err_set(e, ERR_PROTOCOL, 0, "the frame holds no JSON object");
	return 0;
}

int session_recv(int fd, struct session_msg *m, int ms, struct err *e)
{
	int r;

	*m = (struct session_msg){ 0 };
	r = recv_frame(fd, m, ms, e);
	if (r != 0)
		session_msg_release(m);
	return r;
}

/* One sendmsg with the descriptors, the rest without. */
static int send_all(int fd, const char *buf, size_t bytes, const int *fds, size_t n_fds, struct err *e)
{
	uint64_t deadline = session_deadline(SESSION_SEND_MS);
	size_t sent = 0;

	while (sent < bytes) {
		union control ctl = { 0 };
		struct iovec iov = { .iov_base = (void *)(uintptr_t)(buf + sent), .iov_len = bytes - sent };
		struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		if (n_fds && sent == 0) {
			h.msg_control = ctl.bytes;
			h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
			CMSG_FIRSTHDR(&h)->cmsg_level = SOL_SOCKET;
			CMSG_FIRSTHDR(&h)->cmsg_type = SCM_RIGHTS;
			CMSG_FIRSTHDR(&h)->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
			memcpy(CMSG_DATA(CMSG_FIRSTHDR(&h)), fds, n_fds * sizeof(int));
		}
		n = sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno == EAGAIN) {
			int r = session_poll(fd, POLLOUT, deadline);

			if (r > 0)
				continue;
			return err_set(e, ERR_IO, r ? errno : ETIMEDOUT, "the peer does not take the frame");
		}
		return err_set(e, ERR_IO, errno, "sending a frame");
	}
	return 0;
}

int session_send(int fd, const struct json *body, const int *fds, size_t n_fds, struct err *e)
{
	CLEANUP(cleanup_free) char *text = NULL;
	CLEANUP(cleanup_free) char *frame = NULL;
	size_t len;

	if (n_fds > SESSION_MAX_FDS)
		return err_set(e, ERR_BUG, 0, "%zu descriptors for one frame", n_fds);
	text = json_print(body, false);
	if (!text)
		return err_set(e, errno == ENOMEM ? ERR_NO_MEMORY : ERR_BUG, errno,
			       "cannot write the document of a frame");
	len = strlen(text);
	if (len > SESSION_FRAME_MAX)
		return err_set(e, ERR_TOO_BIG, 0, "the document has %zu bytes, a frame takes %u", len,
			       SESSION_FRAME_MAX);
	frame = malloc(len + 4);
	if (!frame)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a frame of %zu bytes", len);
	for (unsigned int i = 0; i < 4; i++)
		frame[i] = (char)(len >> (8 * i) & 0xff);
	memcpy(frame + 4, text, len);
	return send_all(fd, frame, len + 4, fds, n_fds, e);
}

int session_check_peer(int fd, struct err *e)
{
	struct ucred c;
	socklen_t n = sizeof(c);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &c, &n) < 0)
		return err_set(e, ERR_PEER, errno, "cannot tell who the peer is");
	if (c.uid != geteuid() && c.uid != 0)
		return err_set(e, ERR_PEER, EPERM, "the peer is uid %ld", (long)c.uid);
	return 0;
}
