/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A claimed name, as the keeper holds it: its folder, its lock, its socket, what `list` shows of it.
 *
 * Claiming happens under the guard of the state directory, so a folder that others see either has its
 * lock held or was left by someone who died: that is what "dead" means.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "session/internal.h"

#define MAX_SUFFIX 9999

struct session_slot {
	char name[SESSION_NAME_MAX + 1];
	int state_fd, dir_fd, lock_fd;
	pid_t owner;            /* a forked child must not clear its parent's folder */
};

static void slot_free(struct session_slot *s)
{
	if (!s)
		return;
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	if (s->dir_fd >= 0)
		close(s->dir_fd);
	if (s->state_fd >= 0)
		close(s->state_fd);
	free(s);
}
DEFINE_CLEANUP_PTR(slot_freep, struct session_slot, slot_free)

static int in_use(int state_fd, const char *name, struct err *e)
{
	CLEANUP(cleanup_close) int fd = session_folder_open(state_fd, name, NULL);

	if (fd >= 0 && session_folder_alive(fd) == 0) {
		err_set(e, ERR_NAME_IN_USE, EEXIST, "a dead enclave '%s' still has its folder", name);
		return err_hint(e, "'sgxctl unload %s' clears it, or choose another --name", name);
	}
	return err_set(e, ERR_NAME_IN_USE, EEXIST, "there is an enclave '%s' already", name);
}

/* Makes the folder; the guard is held. */
static int make_folder(struct session_slot *s, const char *name, const char *stem, struct err *e)
{
	if (name) {
		snprintf(s->name, sizeof(s->name), "%s", name);
		if (mkdirat(s->state_fd, s->name, 0700) == 0)
			return 0;
		if (errno == EEXIST)
			return in_use(s->state_fd, name, e);
		return err_set(e, ERR_STATE_DIR, errno, "cannot create the folder of enclave '%s'", name);
	}
	for (unsigned int i = 1; i <= MAX_SUFFIX; i++) {
		size_t n;

		session_name_from_stem(s->name, stem, SESSION_NAME_MAX - sizeof("-9999") + 1);
		n = strlen(s->name);
		if (i > 1)
			snprintf(s->name + n, sizeof(s->name) - n, "-%u", i);
		if (mkdirat(s->state_fd, s->name, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return err_set(e, ERR_STATE_DIR, errno, "cannot create the folder of enclave '%s'",
				       s->name);
	}
	return err_set(e, ERR_NAME_IN_USE, EEXIST, "all names '%s' to '%s' are taken", stem, s->name);
}

static int lock_folder(struct session_slot *s, struct err *e)
{
	s->dir_fd = openat(s->state_fd, s->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->dir_fd >= 0)
		s->lock_fd = openat(s->dir_fd, SESSION_LOCK,
				    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (s->lock_fd < 0 || flock(s->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, ERR_STATE_DIR, errno, "cannot lock the folder of enclave '%s'", s->name);
	return 0;
}

/* What is known before there is an enclave: enough to find and end us. */
static int publish_birth(struct session_slot *s, struct err *e)
{
	struct json *info = json_object();
	int r;

	json_add_str(info, "state", "starting");
	r = session_slot_publish(s, info, e);
	json_free(info);
	return r;
}

/*
 * A keeper that session_start() began writes its talk to a file without a name.  Now that there is a
 * folder it gets one; where the file system cannot name it, what was written is copied.
 */
static void adopt_log(const struct session_slot *s)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct stat st;
	char buf[4096];
	off_t off = 0;
	ssize_t n;

	if (fstat(STDERR_FILENO, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink != 0)
		return;
	if (linkat(AT_FDCWD, "/proc/self/fd/2", s->dir_fd, SESSION_LOG, AT_SYMLINK_FOLLOW) == 0)
		return;
	fd = openat(s->dir_fd, SESSION_LOG, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return;         /* the nameless file still takes what is written */
	while ((n = pread(STDERR_FILENO, buf, sizeof(buf), off)) > 0) {
		if (write_full(fd, buf, (size_t)n) < 0)
			return;
		off += n;
	}
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
}

int session_claim(const char *name, const char *stem, struct session_slot **ret_slot, struct err *e)
{
	CLEANUP(slot_freep) struct session_slot *s = malloc(sizeof(*s));
	char path[4096];
	int r;

	if (!s)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a claimed name");
	*s = (struct session_slot){ .state_fd = -1, .dir_fd = -1, .lock_fd = -1, .owner = getpid() };
	if (name && session_name_check(name, e) < 0)
		return -1;
	s->state_fd = session_state_dir(path, sizeof(path), e);
	if (s->state_fd < 0)
		return -1;
	if (session_guard(s->state_fd, LOCK_EX, SESSION_GUARD_MS) < 0)
		return err_set(e, ERR_BUSY, errno, "another sgxctl holds the state directory '%s'", path);
	r = make_folder(s, name, stem ? stem : "enclave", e);
	if (r == 0) {
		r = lock_folder(s, e);
		if (r == 0)
			r = publish_birth(s, e);
		if (r < 0)
			session_folder_remove(s->state_fd, s->name, s->dir_fd, NULL);
	}
	session_unguard(s->state_fd);
	if (r < 0)
		return -1;
	adopt_log(s);
	*ret_slot = STEAL_PTR(s);
	return 0;
}

const char *session_slot_name(const struct session_slot *s)
{
	return s->name;
}

int session_slot_listen(struct session_slot *s, struct err *e)
{
	CLEANUP(cleanup_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* through the descriptor: the path of the state directory may be longer than sun_path */
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" SESSION_SOCK, s->dir_fd);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0)
		return err_set(e, ERR_STATE_DIR, errno, "cannot listen in the folder of enclave '%s'",
			       s->name);
	return STEAL_FD(fd);
}

int session_slot_publish(struct session_slot *s, const struct json *info, struct err *e)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct json *doc = json_clone(info);

	if (!json_get(doc, "enclave"))
		json_add_str(doc, "enclave", s->name);
	if (!json_get(doc, "pid"))
		json_add_int(doc, "pid", s->owner);
	if (!json_get(doc, "start_time"))
		json_add_size(doc, "start_time", session_start_time(s->owner));
	text = json_print(doc, true);
	json_free(doc);
	if (!text)
		return err_set(e, errno == ENOMEM ? ERR_NO_MEMORY : ERR_BUG, errno,
			       "cannot write the info document");
	if (write_file_atomic(s->dir_fd, SESSION_INFO, text, strlen(text), 0600, 0) < 0)
		return err_set(e, ERR_STATE_DIR, errno, "cannot write the info of enclave '%s'", s->name);
	return 0;
}

void session_slot_release(struct session_slot *s)
{
	if (!s)
		return;
	if (s->owner == getpid()) {
		/* without the guard when someone sits on it: while we hold its lock the folder is ours */
		int guarded = session_guard(s->state_fd, LOCK_EX, SESSION_GUARD_MS);

		if (session_folder_is(s->state_fd, s->name, s->dir_fd))
			session_folder_remove(s->state_fd, s->name, s->dir_fd, NULL);
		if (guarded == 0)
			session_unguard(s->state_fd);
	}
	slot_free(s);
}
