/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names, state directory and the conversation between the command and a keeper.
 *
 * State: one folder per enclave below the state directory, mode 0700:
 *   lock     held (flock) by the keeper as long as it lives: liveness is this lock, not a pid
 *   sock     the keeper's Unix socket (bound and connected through /proc/self/fd/DIRFD/sock)
 *   info     JSON: pid, start time, device, elrange...: what `list` shows; temp + rename
 *   log      the keeper's stderr
 * The enclave of a program under `sgxctl run` has no keeper, and other files: base/program_folder.h.  What is asked of it
 * is answered by a keeper that is started for the one request and takes the enclave's file out of the program.
 * Conversation: one request, one reply, on a fresh connection.  A frame is a little-endian u32 length and
 * that many bytes of JSON.  {"op":"status", ...} -> a document with "schema" and "ok".  Before the
 * reply a keeper may send progress frames {"progress":{"done":n,"total":m}}.  Large binary (contents for
 * --copy-from, images of raw SECS) travels as file descriptors (SCM_RIGHTS) beside the request.
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/json.h"

#define SESSION_NAME_MAX   64
#define SESSION_FRAME_MAX  (16u << 20)          /* bytes of JSON in one frame */
#define SESSION_MAX_FDS    4
#define SESSION_PROTOCOL   1

/* ERR_BAD_NAME unless [A-Za-z0-9._-]{1,64} not starting with '.' or '-'. */
int session_name_check(const char *name, struct err *e);
/* A valid name of at most room (<= SESSION_NAME_MAX) characters out of any words, such as a file's name. */
void session_name_from_stem(char out[SESSION_NAME_MAX + 1], const char *stem, size_t room);

/* Opens (creates) the state directory: $SGXCTL_STATE_DIR, $XDG_RUNTIME_DIR/sgxctl, /run/user/UID/sgxctl,
 * /tmp/sgxctl-UID.  0700, ours, no symlink; else ERR_STATE_DIR.  Returns an fd, path into buf. */
int session_state_dir(char *buf, size_t bytes, struct err *e);

/* Its path alone, absolute: nothing is created or looked at. */
int session_state_path(char *buf, size_t bytes, struct err *e);

/* ---- keeper side ------------------------------------------------------------------------------- */

struct session_slot;            /* a claimed name: its folder, its held lock */
/* Claims name (NULL: chooses "<stem>", "<stem>-2", ...) or ERR_NAME_IN_USE.  A dead keeper's folder of that
 * name is ERR_NAME_IN_USE too: `unload` clears it.  Atomic against other claimants. */
int session_claim(const char *name, const char *stem, struct session_slot **ret_slot, struct err *e);
const char *session_slot_name(const struct session_slot *s);
int session_slot_listen(struct session_slot *s, struct err *e);        /* -> listening socket fd */
int session_slot_publish(struct session_slot *s, const struct json *info, struct err *e);
/* Removes the folder and lets the lock go. */
void session_slot_release(struct session_slot *s);

struct session_msg {
	struct json *body;
	int fds[SESSION_MAX_FDS];
	size_t n_fds;
};
/* Receives one frame.  0; 1 = peer closed cleanly before a frame; -1 ERR_PROTOCOL / ERR_IO (frame cut short,
 * too long, not JSON, not an object).  ms < 0 waits for ever; timeout is ERR_IO with ETIMEDOUT. */
int session_recv(int fd, struct session_msg *m, int ms, struct err *e);
int session_send(int fd, const struct json *body, const int *fds, size_t n_fds, struct err *e);
void session_msg_release(struct session_msg *m);        /* frees body, closes fds */
/* SO_PEERCRED: same uid or root, else ERR_PEER. */
int session_check_peer(int fd, struct err *e);

/* ---- command side ------------------------------------------------------------------------------- */

struct session_entry {
	char name[SESSION_NAME_MAX + 1];
	bool alive;             /* the lock is held */
	pid_t pid;              /* of the program that has it now; 0: as info says */
	struct json *info;      /* may be NULL when unreadable */
};
int session_list(struct session_entry **ret, size_t *ret_n, struct err *e);
void session_list_free(struct session_entry *entries, size_t n);

/*
 * Starts a keeper ($SGXCTL_KEEPER, else PKGLIBEXECDIR/sgxctl-keeper) detached from us (double fork, setsid,
 * stdio to its log), sends it `request` over a socket pair and waits for its first reply document.  The
 * keeper lives on when it answered ok:true, otherwise it is gone and has cleaned up.  In the foreground it is
 * our child, keeps our standard error, and gets SIGTERM when we die.
 */
/* total is 0 when there is no news: called all the same, several times a second. */
typedef void (*session_progress)(void *arg, uint64_t done, uint64_t total);
int session_start(const struct json *request, const int *fds, size_t n_fds, bool foreground,
		  session_progress progress, void *arg, struct json **ret_reply, struct err *e);
/* One request to a running keeper.  ERR_NO_ENCLAVE, ERR_KEEPER_GONE, ERR_PROTOCOL, ...  A reply with ok:false
 * is returned as a document like any other (0). */
int session_call(const char *name, const struct json *request, const int *fds, size_t n_fds,
		 session_progress progress, void *arg, struct json **ret_reply, struct err *e);
/*
 * For the keeper of one request: the file of the enclave `name` of a program, opened; ERR_NO_ENCLAVE, or
 * ERR_OF_PROGRAM when the program does not let it be had.
 */
struct session_program {
	pid_t pid;              /* who has it */
	uint64_t address;       /* emul_where() there; 0: unknown */
	uint64_t since_ns;      /* when it was listed, CLOCK_MONOTONIC */
	char *path;             /* of the program; for free() */
};
int session_program_open(const char *name, struct session_program *ret, int *ret_fd, struct err *e);
/* Asks the keeper to end; kills it (SIGKILL by pidfd) when it does not within ms; clears a dead one's folder.
 * An enclave of a program that runs is ERR_OF_PROGRAM: it ends with the program.
 * *ret_was_dead is written on success. */
int session_unload(const char *name, int ms, bool *ret_was_dead, struct err *e);

/* {"schema":"sgxctl.error/1","ok":false,"error":{...}} from e, with code, message, hint, errno, returned, sgx,
 * check, offset; and the reverse. */
struct json *session_error_doc(const struct err *e);
void session_error_from_doc(const struct json *doc, struct err *e);
/* Adds the member "error" alone: for a document that also says what was done before the failure. */
void session_error_add(struct json *doc, const struct err *e);

#endif
