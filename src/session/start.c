/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starting a keeper: forked twice, in a session of its own, with nothing of ours open but one socket,
 * whose first reply says that it is ready.  A death at any point is seen: the process that forks it
 * sends its pidfd up the same socket first.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/place.h"
#include "session/internal.h"

#define KEEPER_FD 3
#define FD_SAFE   10            /* above what is about to be replaced */

struct start {
	const char *program;
	const char *state_path;
	int sock;               /* the keeper's end */
	int log;                /* -1: the keeper keeps our standard error */
	bool foreground;
	pid_t parent;
};

/* Absolute, because the keeper changes to the root directory before it is run. */
static char *keeper_program(struct err *e)
{
	CLEANUP(cleanup_free) char *place = place_find("SGXCTL_KEEPER", "sgxctl-keeper", PKGLIBEXECDIR "/sgxctl-keeper");
	char *path = place ? realpath(place, NULL) : NULL;

	if (!path)
		err_set(e, ERR_KEEPER_START, errno, "there is no keeper '%s'", place ? place : "");
	return path;
}

/* A file without a name that session_claim() will put into the enclave's folder. */
static int open_log(int state_fd)
{
	int fd = openat(state_fd, ".", O_TMPFILE | O_RDWR | O_APPEND | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : memfd_create("sgxctl-keeper-log", MFD_CLOEXEC);
}

/* Does not return unless something failed; errno says what. */
static void become_keeper(const struct start *s)
{
	char *const argv[] = { (char *)(uintptr_t)s->program, (char *)(uintptr_t) "--fd",
			       (char *)(uintptr_t) "3",
			       s->foreground ? (char *)(uintptr_t) "--foreground" : NULL, NULL };
	int sock = fcntl(s->sock, F_DUPFD_CLOEXEC, FD_SAFE);
	int log = s->log < 0 ? STDERR_FILENO : fcntl(s->log, F_DUPFD_CLOEXEC, FD_SAFE);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	if (sock < 0 || log < 0 || null < 0)
		return;
	if (s->foreground) {
		/* attached: whatever ends the command ends the enclave */
		if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0)
			return;
		if (getppid() != s->parent)
			_exit(1);
	}
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(077);
	if (setenv("SGXCTL_STATE_DIR", s->state_path, 1) < 0 || chdir("/") < 0)
		return;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
	    (log != STDERR_FILENO && dup2(log, STDERR_FILENO) < 0) || dup2(sock, KEEPER_FD) < 0)
		return;
	/* sock and what else is open carries CLOEXEC or not: close it all, but let exec failures be told */
	if (syscall(SYS_close_range, KEEPER_FD + 1, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */) < 0)
		return;
	execv(s->program, argv);
}

static void keeper_process(const struct start *s)
{
	struct err e = { 0 };
	struct json *doc;

	become_keeper(s);
	err_set(&e, ERR_KEEPER_START, errno, "cannot run the keeper '%s'", s->program);
	doc = session_error_doc(&e);
	session_send(s->sock, doc, NULL, 0, NULL);
	json_free(doc);
	_exit(127);
}

/* The process between: has the keeper as its child long enough to name it without a race. */
static void middle_process(struct start *s)
{
	struct json *hello = json_object();
	pid_t pid;
	int pidfd, r = -1;

	if (!s->foreground)
		setsid();
	s->parent = getpid();
	pid = fork();
	if (pid == 0)
		keeper_process(s);
	pidfd = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
	json_add_int(hello, "keeper", pid);
	if (pidfd >= 0)
		r = session_send(s->sock, hello, &pidfd, 1, NULL);
	_exit(r < 0 ? 1 : 0);
}

/* Foreground: our own child, in a session of its own so that Ctrl-C reaches the command alone. */
static void attached_process(struct start *s)
{
	setsid();
	keeper_process(s);
}

static int spawn(struct start *s, int *ret_pidfd, struct err *e)
{
	pid_t pid;
	int status;

	s->parent = getpid();
	pid = fork();
	if (pid < 0)
		return err_set(e, ERR_KEEPER_START, errno, "cannot start a process for the keeper");
	if (pid == 0) {
		if (s->foreground)
			attached_process(s);
		else
			middle_process(s);
	}
	if (s->foreground) {
		*ret_pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		return *ret_pidfd < 0 ? err_set(e, ERR_KEEPER_START, errno, "cannot watch the keeper") : 0;
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;       /* someone ignores SIGCHLD: the socket tells the rest */
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		return err_set(e, ERR_KEEPER_START, 0, "cannot start a process for the keeper");
	return 0;
}

static int converse(struct session_wait *w, const struct json *request, const int *fds, size_t n_fds, int log,
		    struct json **ret_reply, struct err *e)
{
	struct err sending = { 0 };
	char words[256];
	int r;

	if (session_send(w->sock, request, fds, n_fds, &sending) < 0 && sending.sys != EPIPE &&
	    sending.sys != ECONNRESET) {
		*e = sending;
		return -1;
	}
	r = session_await(w, ERR_KEEPER_START, ret_reply, e);
	if (r <= 0)
		return r;
	err_set(e, ERR_KEEPER_START, 0, "the keeper ended before it answered");
	if (*session_last_words(log, words, sizeof(words)))
		err_set(e, ERR_KEEPER_START, 0, "the keeper ended before it answered; its last words: %s",
			words);
	return err_hint(e, "'sgxctl list' shows whether it left something, 'sgxctl unload' clears it");
}

int session_start(const struct json *request, const int *fds, size_t n_fds, bool foreground,
		  session_progress progress, void *arg, struct json **ret_reply, struct err *e)
{
	CLEANUP(cleanup_close) int state = -1;
	CLEANUP(cleanup_close) int ours = -1;
	CLEANUP(cleanup_close) int theirs = -1;
	CLEANUP(cleanup_close) int log = -1;
	CLEANUP(cleanup_free) char *program = NULL;
	struct session_wait w = { .pidfd = -1,
				  .introduced = !foreground,
				  .name = "the new enclave",
				  .progress = progress,
				  .arg = arg };
	struct start s = { .foreground = foreground, .log = -1 };
	char path[4096];
	int pair[2], r;

	program = keeper_program(e);
	if (!program)
		return -1;
	state = session_state_dir(path, sizeof(path), e);
	if (state < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(e, ERR_KEEPER_START, errno, "cannot make a socket for the keeper");
	ours = pair[0];
	theirs = pair[1];
	if (!foreground) {
		log = open_log(state);
		if (log < 0)
			return err_set(e, ERR_KEEPER_START, errno, "cannot make a log for the keeper");
	}
	s.program = program;
	s.state_path = path;
	s.sock = theirs;
	s.log = log;
	w.sock = ours;
	if (spawn(&s, &w.pidfd, e) < 0)
		return -1;
	close(STEAL_FD(theirs));
	r = converse(&w, request, fds, n_fds, log, ret_reply, e);
	if (w.pidfd >= 0)
		close(w.pidfd);
	return r;
}
