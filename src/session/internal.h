/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of session/ share and nobody else sees. */
#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include <sys/types.h>

#include "session/session.h"

#define SESSION_LOCK "lock"
#define SESSION_SOCK "sock"
#define SESSION_INFO "info"
#define SESSION_LOG  "log"

#define SESSION_INFO_MAX   ((size_t)1 << 20)    /* bytes of an info file */
#define SESSION_GUARD_MS   5000                 /* for others who claim or clear a name */
#define SESSION_CONNECT_MS 10000
#define SESSION_SEND_MS    30000                /* a peer that does not read is given up */
#define SESSION_FRAME_MS   30000                /* from the first byte of a frame to its last */

/* ---- statedir.c */
/*
 * The guard: a lock on the state directory itself, held for moments: exclusively while a name appears or
 * goes, shared while someone looks at all of them.  -1 with ETIMEDOUT when others hold it for too long.
 */
int session_guard(int state_fd, int how, int ms);
void session_unguard(int state_fd);

/* ---- folder.c */
/* The folder of an enclave, or -1: ERR_NO_ENCLAVE, or ERR_STATE_DIR when it is something else. */
int session_folder_open(int state_fd, const char *name, struct err *e);
/* The same in the state directory, which *ret_state_fd (may be NULL) then is: for close(). */
int session_folder_find(const char *name, int *ret_state_fd, struct err *e);
/* 1 the lock is held, 0 nobody holds it (or there is no lock yet), -1 with errno. */
int session_folder_alive(int dir_fd);
/* Still the folder that `name` stands for? */
bool session_folder_is(int state_fd, const char *name, int dir_fd);
/* Removes the folder and what is in it, the lock last.  The guard is held by the caller. */
int session_folder_remove(int state_fd, const char *name, int dir_fd, struct err *e);
/* The info document, NULL when it is missing or unreadable. */
struct json *session_folder_info(int dir_fd);
/* Field 22 of /proc/PID/stat; 0 when there is no such process. */
uint64_t session_start_time(pid_t pid);

/* ---- program.c: enclaves of programs under `sgxctl run` */
bool session_is_program(int dir_fd);
/* Any of its locks held?  As session_folder_alive(). */
int session_program_alive(int dir_fd);
/*
 * What the lock cannot say: whether a process still has the enclave, while the process that listed it lives on or its
 * forked child does.  1 yes, with its pid in *ret_pid (may be NULL) - also when that cannot be seen from here, 0 no.
 */
int session_program_holder(int dir_fd, pid_t *ret_pid);
/* Removes the folder of an enclave that is gone. */
void session_program_clear(int state_fd, const char *name, int dir_fd);
/* Clears what is there under a name that is none, if it is such garbage. */
void session_program_sweep(int state_fd, const char *name);
/* session_call() for such an enclave. */
int session_program_call(const char *name, const struct json *request, const int *fds, size_t n_fds,
			 session_progress progress, void *arg, struct json **ret_reply, struct err *e);

/* ---- client.c */
struct session_wait {
	int sock;
	int pidfd;              /* -1: unknown */
	bool introduced;        /* a first frame brings the pidfd */
	const char *name;       /* for messages */
	session_progress progress;
	void *arg;
};
/* Waits for the reply of a keeper: 0; 1 = it is gone, e says so with code `gone`; -1. */
int session_await(struct session_wait *w, enum err_code gone, struct json **ret_reply, struct err *e);
/* The last line of a log, escaped, into buf; "" when there is none. */
const char *session_last_words(int log_fd, char *buf, size_t bytes);

/* ---- waiting.c: polling with a deadline that survives EINTR */
uint64_t session_deadline(int ms);                      /* ms < 0: never */
int session_poll(int fd, short events, uint64_t deadline);      /* 1 ready, 0 too late, -1 errno */
int session_poll2(int fd_a, int fd_b, uint64_t deadline, bool *ret_a, bool *ret_b);

#endif
