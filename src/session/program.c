/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enclaves of programs under `sgxctl run` (base/program_folder.h): who has one, and how to get at it.  The program is not
 * asked: /proc/PID/fd shows its files to its own user.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/program_folder.h"
#include "session/internal.h"

#define WHERE_BYTES 1024
#define TEMP_AGE_S  60          /* nobody takes that long */

bool session_is_program(int dir_fd)
{
	return faccessat(dir_fd, PROGRAM_WHERE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static int read_where(int dir_fd, struct program_where *ret)
{
	CLEANUP(cleanup_free) char *text = NULL;
	uint64_t field[PROGRAM_WHERE_FIELDS];
	size_t bytes;
	char *p, *end;

	if (read_file(dir_fd, PROGRAM_WHERE, WHERE_BYTES, &text, &bytes) < 0)
		return -1;
	p = text;
	for (size_t i = 0; i < PROGRAM_WHERE_FIELDS; i++, p = end) {
		field[i] = strtoull(p, &end, 10);
		if (end == p)
			return -1;
	}
	memcpy(ret, field, sizeof(*ret));
	return ret->pid && ret->pid <= INT32_MAX && ret->fd <= INT32_MAX ? 0 : -1;
}

/* ---- liveness ---------------------------------------------------------------------------------------- */

/* Asked, not tried: whoever else looks at the same time is not in the way. */
static int is_locked(int dir_fd, const char *name)
{
	CLEANUP(cleanup_close) int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (fcntl(fd, F_OFD_GETLK, &fl) < 0)
		return -1;
	return fl.l_type != F_UNLCK;
}

static DIR *open_list(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

int session_program_alive(int dir_fd)
{
	DIR *d = open_list(dir_fd);
	struct dirent *ent;
	int r = d ? 0 : -1;

	while (r == 0 && (ent = readdir(d)))
		if (!strncmp(ent->d_name, PROGRAM_HELD, sizeof(PROGRAM_HELD) - 1))
			r = is_locked(dir_fd, ent->d_name);
	if (d)
		closedir(d);
	return r;
}

/* ---- who has it ---------------------------------------------------------------------------------------- */

static bool is_same(int at, const char *path, const struct program_where *w)
{
	struct stat st;

	return fstatat(at, path, &st, 0) == 0 && st.st_ino == w->ino && st.st_dev == w->dev;
}

/* 1 the process has it where it said, 0 it does not, -1 it may not be looked at. */
static int check_recorded(const struct program_where *w)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/fd/%" PRIu64, w->pid, w->fd);
	if (is_same(AT_FDCWD, path, w))
		return 1;
	return errno == EACCES || errno == EPERM ? -1 : 0;
}

static bool is_number(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

/* A descriptor of that process on the file, or -1. */
static int find_fd(int proc_fd, const char *pid, const struct program_where *w)
{
	char path[32];
	struct dirent *ent;
	int dir_fd, found = -1;
	DIR *d;

	snprintf(path, sizeof(path), "%.20s/fd", pid);
	dir_fd = openat(proc_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	d = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	if (!d) {
		if (dir_fd >= 0)
			close(dir_fd);
		return -1;
	}
	while (found < 0 && (ent = readdir(d)))
		if (is_number(ent->d_name) && is_same(dir_fd, ent->d_name, w))
			found = atoi(ent->d_name);
	closedir(d);
	return found;
}

/* Someone else: a child that it forked, or who got the file through a socket. */
static bool find_other(struct program_where *w)
{
	DIR *proc = opendir("/proc");
	struct dirent *ent;
	bool found = false;
	int fd;

	while (proc && !found && (ent = readdir(proc))) {
		if (!is_number(ent->d_name) || atol(ent->d_name) == getpid())
			continue;
		fd = find_fd(dirfd(proc), ent->d_name, w);
		if (fd < 0)
			continue;
		w->pid = (uint64_t)atol(ent->d_name);
		w->fd = (uint64_t)fd;
		found = true;
	}
	if (proc)
		closedir(proc);
	return found;
}

static bool is_here(const struct program_where *w)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == w->pid_ns;
}

static void remember(int dir_fd, const struct program_where *w)
{
	uint64_t field[PROGRAM_WHERE_FIELDS];
	char text[WHERE_BYTES];
	size_t n = 0;

	memcpy(field, w, sizeof(*w));
	for (size_t i = 0; i < PROGRAM_WHERE_FIELDS; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%" PRIu64 "%c", field[i],
				      i + 1 < PROGRAM_WHERE_FIELDS ? ' ' : '\n');
	write_file_atomic(dir_fd, PROGRAM_WHERE, text, n, 0600, 0);
}

/* As session_program_holder(), with all of it. */
static int find_holder(int dir_fd, struct program_where *w)
{
	int r;

	if (session_program_alive(dir_fd) == 0 || read_where(dir_fd, w) < 0)
		return 0;
	if (!is_here(w))
		return 1;
	r = check_recorded(w);
	if (r != 0)
		return 1;
	if (!find_other(w))
		return 0;
	remember(dir_fd, w);
	return 1;
}

int session_program_holder(int dir_fd, pid_t *ret_pid)
{
	struct program_where w = { 0 };
	int r = find_holder(dir_fd, &w);

	if (r && ret_pid)
		*ret_pid = (pid_t)w.pid;
	return r;
}

void session_program_clear(int state_fd, const char *name, int dir_fd)
{
	static unsigned serial;
	char temp[64];

	if (!session_folder_is(state_fd, name, dir_fd))
		return;
	/* first out of sight: a process that would join it looks whether it is still there */
	snprintf(temp, sizeof(temp), PROGRAM_TEMP "clear-%ld-%u", (long)getpid(), serial++);
	if (syscall(SYS_renameat2, state_fd, name, state_fd, temp, RENAME_NOREPLACE) == 0)
		session_folder_remove(state_fd, temp, dir_fd, NULL);
}

/* What a program left that was killed while it made or cleared a folder. */
void session_program_sweep(int state_fd, const char *name)
{
	CLEANUP(cleanup_close) int dir = -1;
	struct stat st;

	if (strncmp(name, PROGRAM_TEMP, sizeof(PROGRAM_TEMP) - 1) != 0 ||
	    fstatat(state_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || time(NULL) - st.st_mtime < TEMP_AGE_S)
		return;
	if (S_ISREG(st.st_mode)) {
		if (is_locked(state_fd, name) == 0)
			unlinkat(state_fd, name, 0);
		return;
	}
	dir = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir >= 0 && session_program_alive(dir) == 0)
		session_folder_remove(state_fd, name, dir, NULL);
}

/* ---- the keeper of one request -------------------------------------------------------------------------- */

DEFINE_CLEANUP_PTR(json_freep, struct json, json_free)

static int not_had(const char *name, const struct program_where *w, int sys, const char *hint, struct err *e)
{
	err_set(e, ERR_OF_PROGRAM, sys, "the enclave '%s' cannot be had from its program (pid %" PRIu64 ")", name, w->pid);
	return err_hint(e, "%s", hint);
}

static int open_holder(const char *name, int dir_fd, struct program_where *w, struct err *e)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct stat st;
	char path[64];

	if (!find_holder(dir_fd, w))
		return err_set(e, ERR_NO_ENCLAVE, 0, "the program that had the enclave '%s' has closed it, or ended", name);
	if (!is_here(w))
		return not_had(name, w, 0, "it runs in another pid namespace: use sgxctl there", e);
	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/fd/%" PRIu64, w->pid, w->fd);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return not_had(name, w, errno, "the program does not let others of its user look into it (prctl(2), "
			       "PR_SET_DUMPABLE; or it has other privileges)", e);
	/* something else by now? */
	if (fd < 0 || fstat(fd, &st) || st.st_ino != w->ino || st.st_dev != w->dev)
		return err_set(e, ERR_NO_ENCLAVE, 0, "the program has just closed the enclave '%s'", name);
	return STEAL_FD(fd);
}

int session_program_open(const char *name, struct session_program *ret, int *ret_fd, struct err *e)
{
	CLEANUP(cleanup_close) int dir = -1;
	CLEANUP(json_freep) struct json *info = NULL;
	struct program_where w = { 0 };
	const char *program;
	int fd;

	dir = session_folder_find(name, NULL, e);
	if (dir < 0)
		return -1;
	fd = open_holder(name, dir, &w, e);
	if (fd < 0)
		return -1;
	info = session_folder_info(dir);
	program = json_str(json_get(info, "program"));
	*ret = (struct session_program){
		.pid = (pid_t)w.pid, .address = w.address, .since_ns = w.since_ns,
		.path = program ? strdup(program) : NULL,
	};
	*ret_fd = fd;
	return 0;
}

int session_program_call(const char *name, const struct json *request, const int *fds, size_t n_fds,
			 session_progress progress, void *arg, struct json **ret_reply, struct err *e)
{
	CLEANUP(json_freep) struct json *attend = json_object();

	json_add_str(attend, "op", "attend");
	json_add_int(attend, "protocol", SESSION_PROTOCOL);
	json_add_str(attend, "enclave", name);
	json_add_take(attend, "request", json_clone(request));
	return session_start(attend, fds, n_fds, false, progress, arg, ret_reply, e);
}
