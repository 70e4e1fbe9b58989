/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames: what is sent arrives, and whatever else arrives is refused with a reason, in time, without leaks. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/session.h"
#include "tap.h"

static int pair[2];

static void open_pair(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
}

static void close_pair(void)
{
	close(pair[0]);
	close(pair[1]);
}

static int open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* Sends raw bytes with len in front, closes, and receives. */
static int receive_raw(uint32_t len, const void *bytes, size_t n, struct err *e)
{
	unsigned char head[4] = { len & 0xff, len >> 8 & 0xff, len >> 16 & 0xff, len >> 24 };
	struct session_msg m;
	int r;

	open_pair();
	if (write(pair[0], head, 4) != 4 || write(pair[0], bytes, n) != (ssize_t)n)
		abort();
	close(pair[0]);
	err_clear(e);
	r = session_recv(pair[1], &m, 5000, e);
	if (r == 0)
		session_msg_release(&m);
	close(pair[1]);
	return r;
}

static void test_refusals(void)
{
	static const struct { const char *what, *bytes; uint32_t len; } rows[] = {
		{ "a frame cut short", "{\"op\"", 100 },
		{ "an empty frame", "", 0 },
		{ "a frame longer than allowed", "{}", SESSION_FRAME_MAX + 1 },
		{ "a frame of 4 GiB", "{}", UINT32_MAX },
		{ "a frame that is not JSON", "hello", 5 },
		{ "JSON with something behind it", "{} x", 4 },
		{ "JSON that is no object", "[1]", 3 },
		{ "a key given twice", "{\"op\":1,\"op\":2}", 15 },
	};
	struct err e;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = receive_raw(rows[i].len, rows[i].bytes, strlen(rows[i].bytes), &e);

		ok(r == -1 && e.code == ERR_PROTOCOL && *e.msg, "%s is refused as protocol: %s", rows[i].what,
		   e.msg);
	}
}

static void test_ends(void)
{
	struct session_msg m;
	struct err e = { 0 };

	open_pair();
	close(pair[0]);
	ok(session_recv(pair[1], &m, 5000, &e) == 1, "a peer that closes before a frame is no error");
	close(pair[1]);

	open_pair();
	if (write(pair[0], "\1\0", 2) != 2)
		abort();
	close(pair[0]);
	ok(session_recv(pair[1], &m, 5000, &e) == -1 && e.code == ERR_PROTOCOL,
	   "a length cut short is refused: %s", e.msg);
	close(pair[1]);

	open_pair();
	ok(session_recv(pair[1], &m, 50, &e) == -1 && e.code == ERR_IO && e.sys == ETIMEDOUT,
	   "a peer that says nothing is given up");
	if (write(pair[0], "\5\0\0\0{", 5) != 5)
		abort();
	ok(session_recv(pair[1], &m, 50, &e) == -1 && e.code == ERR_IO && e.sys == ETIMEDOUT,
	   "so is one that stops in the middle of a frame");
	close_pair();
}

static void test_round_trip(void)
{
	struct json *body = json_object();
	struct session_msg m;
	struct err e = { 0 };
	int fds[SESSION_MAX_FDS + 1], before, i;

	json_add_str(body, "op", "test");
	open_pair();
	for (i = 0; i <= SESSION_MAX_FDS; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	before = open_descriptors();
	ok(session_send(pair[0], body, fds, SESSION_MAX_FDS, &e) == 0, "a frame with %d descriptors is sent",
	   SESSION_MAX_FDS);
	ok(session_recv(pair[1], &m, 5000, &e) == 0, "and received");
	ok(!strcmp(json_str(json_get(m.body, "op")), "test"), "the document is the same");
	is_u64(m.n_fds, SESSION_MAX_FDS, "all descriptors came");
	ok(m.n_fds && fcntl(m.fds[0], F_GETFD) & FD_CLOEXEC, "they do not survive an exec");
	session_msg_release(&m);
	is_u64(open_descriptors(), before, "releasing a message closes them");
	ok(session_send(pair[0], body, fds, SESSION_MAX_FDS + 1, &e) == -1 && e.code == ERR_BUG,
	   "more are not sent");
	for (i = 0; i <= SESSION_MAX_FDS; i++)
		close(fds[i]);
	close_pair();
	json_free(body);
}

/* More descriptors than a frame may bring, from a peer that does not play by the rules. */
static void test_descriptor_flood(void)
{
	union { struct cmsghdr align; char bytes[CMSG_SPACE(6 * sizeof(int))]; } ctl = { 0 };
	char frame[] = "\2\0\0\0{}";
	struct iovec iov = { frame, 6 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = ctl.bytes,
			    .msg_controllen = sizeof(ctl.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&h);
	struct session_msg m;
	struct err e = { 0 };
	int before;

	open_pair();
	before = open_descriptors();
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(6 * sizeof(int));
	for (size_t i = 0; i < 6; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &pair[0], sizeof(int));
	if (sendmsg(pair[0], &h, 0) != 6)
		abort();
	ok(session_recv(pair[1], &m, 5000, &e) == -1 && e.code == ERR_PROTOCOL,
	   "six descriptors are refused: %s", e.msg);
	is_u64(open_descriptors(), before, "and none of them stays open");
	close_pair();
}

/* A document larger than the socket buffer, so that both sides see partial counts. */
static void test_large(void)
{
	size_t n = 3u << 20;
	char *text = malloc(n + 1);
	struct json *body = json_object();
	struct session_msg m;
	struct err e = { 0 };
	pid_t pid;
	int status;

	memset(text, 'x', n);
	text[n] = '\0';
	json_add_str(body, "data", text);
	open_pair();
	pid = fork();
	if (pid == 0)
		_exit(session_send(pair[0], body, NULL, 0, NULL) ? 1 : 0);
	ok(session_recv(pair[1], &m, 30000, &e) == 0 && strlen(json_str(json_get(m.body, "data"))) == n,
	   "three mebibytes arrive whole");
	session_msg_release(&m);
	ok(waitpid(pid, &status, 0) == pid && status == 0, "and were sent without complaint");
	json_free(body);

	body = json_object();
	for (int i = 0; i < 6; i++) {
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		json_add_str(body, key, text);
	}
	ok(session_send(pair[0], body, NULL, 0, &e) == -1 && e.code == ERR_TOO_BIG,
	   "a frame of 18 MiB is not sent: %s", e.msg);
	close(pair[1]);
	json_free(body);
	body = json_object();
	ok(session_send(pair[0], body, NULL, 0, &e) == -1 && e.code == ERR_IO && e.sys == EPIPE,
	   "a peer that is gone is an error, not a signal");
	close(pair[0]);
	json_free(body);
	free(text);
}

static void test_errors(void)
{
	static const char newer[] = "{\"error\":{\"code\":\"from-the-future\",\"message\":\"x\"}}";
	struct err e = { 0 }, back = { 0 };
	struct json *doc;

	err_set(&e, ERR_PAGE_EXISTS, EBUSY, "a page is there");
	e.returned = 2;
	e.sgx = 19;
	strcpy(e.check, "EAUG.6");
	err_offset(&e, 0x5000);
	doc = session_error_doc(&e);
	ok(!strcmp(json_str(json_get(doc, "schema")), "sgxctl.error/1"), "an error is a document");
	session_error_from_doc(doc, &back);
	ok(back.code == e.code && back.sys == e.sys && back.returned == 2 && back.sgx == 19 &&
		   back.has_offset && back.offset == 0x5000 && !strcmp(back.check, e.check) &&
		   !strcmp(back.msg, e.msg),
	   "and comes back the same");
	json_free(doc);
	doc = json_parse(newer, strlen(newer), NULL);
	session_error_from_doc(doc, &back);
	ok(back.code == ERR_PROTOCOL && strstr(back.msg, "from-the-future"),
	   "an unknown code is kept in the message");
	json_free(doc);
}

int main(void)
{
	test_refusals();
	test_ends();
	test_round_trip();
	test_descriptor_flood();
	test_large();
	test_errors();
	return tap_done();
}
