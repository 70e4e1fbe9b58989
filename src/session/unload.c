/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ending an enclave: asking its keeper, ending a keeper that does not listen, clearing what a dead one left.
 * A process is only killed when its socket or its start time proves that it is the keeper.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "session/client.h"
#include "session/internal.h"

#define KILL_MS 10000

DEFINE_CLEANUP_PTR(json_freep, struct json, json_free)

/* The keeper as the info file names it, if that process is still the one that wrote it. */
static int pidfd_from_info(int dir_fd)
{
	CLEANUP(json_freep) struct json *info = session_folder_info(dir_fd);
	CLEANUP(cleanup_close) int fd = -1;
	uint64_t pid, start;

	if (json_u64(json_get(info, "pid"), &pid) < 0 || json_u64(json_get(info, "start_time"), &start) < 0 ||
	    pid == 0 || pid > INT32_MAX || start == 0)
		return -1;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	/* after the pidfd is open: it pins the process that we look at now */
	if (fd < 0 || session_start_time((pid_t)pid) != start)
		return -1;
	return STEAL_FD(fd);
}

/* Removes the folder if its keeper is dead.  1 removed (or gone already), 0 the keeper lives. */
static int clear_dead(int state_fd, const char *name, int dir_fd, struct err *e)
{
	int r;

	if (session_guard(state_fd, LOCK_EX, SESSION_GUARD_MS) < 0)
		return err_set(e, ERR_BUSY, errno, "another sgxctl holds the state directory");
	if (!session_folder_is(state_fd, name, dir_fd)) {
		r = 1;          /* it cleared its folder itself; the name may be someone else's by now */
	} else {
		r = session_folder_alive(dir_fd);
		if (r == 0)
			r = session_folder_remove(state_fd, name, dir_fd, e) < 0 ? -1 : 1;
		else if (r > 0)
			r = 0;
		else
			err_set(e, ERR_STATE_DIR, errno, "cannot examine the lock of enclave '%s'", name);
	}
	session_unguard(state_fd);
	return r;
}

/* Says "unload" and waits for the end, not for words: the folder and the process tell. */
static void ask(int sock, int pidfd, uint64_t deadline)
{
	struct json *request = json_object();
	bool frame, dead = false;

	json_add_str(request, "op", "unload");
	if (session_send(sock, request, NULL, 0, NULL) == 0) {
		while (session_poll2(sock, pidfd, deadline, &frame, &dead) > 0 && !dead) {
			struct session_msg m;

			if (session_recv(sock, &m, SESSION_FRAME_MS, NULL) != 0)
				break;  /* it hung up */
			session_msg_release(&m);
		}
		if (!dead)
			session_poll2(-1, pidfd, deadline, &frame, &dead);
	}
	json_free(request);
}

static bool ended(int pidfd, int ms)
{
	bool frame, dead = false;

	session_poll2(-1, pidfd, session_deadline(ms), &frame, &dead);
	return dead;
}

/* It belongs to the program, which would not find what it has built. */
static int unload_program(int state_fd, const char *name, int dir_fd, bool *ret_was_dead, struct err *e)
{
	pid_t pid = 0;

	if (session_program_holder(dir_fd, &pid)) {
		err_set(e, ERR_OF_PROGRAM, 0, "the enclave '%s' belongs to a program that runs (pid %ld)", name, (long)pid);
		return err_hint(e, "it goes when the program closes it or ends");
	}
	session_program_clear(state_fd, name, dir_fd);
	*ret_was_dead = true;
	return 0;
}

int session_unload(const char *name, int ms, bool *ret_was_dead, struct err *e)
{
	CLEANUP(cleanup_close) int state = -1;
	CLEANUP(cleanup_close) int dir = -1;
	CLEANUP(cleanup_close) int sock = -1;
	CLEANUP(cleanup_close) int pidfd = -1;
	uint64_t deadline = session_deadline(ms);
	int r;

	dir = session_folder_find(name, &state, e);
	if (dir < 0)
		return -1;
	if (session_is_program(dir))
		return unload_program(state, name, dir, ret_was_dead, e);
	r = clear_dead(state, name, dir, e);
	if (r != 0) {
		*ret_was_dead = true;
		return r < 0 ? -1 : 0;
	}
	*ret_was_dead = false;
	sock = session_connect(name, dir, NULL);
	if (sock >= 0 && session_check_peer(sock, e) < 0)
		return err_wrap(e, "the keeper of '%s'", name);
	pidfd = sock >= 0 ? session_peer_pidfd(sock) : pidfd_from_info(dir);
	if (pidfd < 0) {
		/* it ended while we looked, or nothing proves who holds the lock */
		r = clear_dead(state, name, dir, e);
		if (r == 0)
			err_set(e, ERR_BUSY, 0, "the keeper of '%s' lives but cannot be found", name);
		return r > 0 ? 0 : -1;
	}
	if (sock >= 0)
		ask(sock, pidfd, deadline);
	if (!ended(pidfd, 0)) {
		if (syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
			return err_set(e, ERR_BUSY, errno,
				       "the keeper of '%s' does not end and cannot be killed", name);
		if (!ended(pidfd, KILL_MS))
			return err_set(e, ERR_BUSY, ETIMEDOUT, "the keeper of '%s' does not die", name);
	}
	r = clear_dead(state, name, dir, e);
	if (r == 0)
		err_set(e, ERR_BUSY, 0, "a process that the keeper of '%s' started still holds its lock",
			name);
	return r > 0 ? 0 : -1;
}
