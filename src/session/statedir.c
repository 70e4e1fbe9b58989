/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state directory: found or created, and trusted only when it is a directory of ours that nobody
 * else can look into.  What is below it is reached through its descriptor, never by path again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "session/internal.h"

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The path to use; the first place that applies, whether it exists or not. */
int session_state_path(char *buf, size_t bytes, struct err *e)
{
	const char *dir = getenv("SGXCTL_STATE_DIR");
	const char *run = getenv("XDG_RUNTIME_DIR");
	char user[64];
	int n;

	snprintf(user, sizeof(user), "/run/user/%ld", (long)geteuid());
	if (dir && *dir == '/') {
		n = snprintf(buf, bytes, "%s", dir);
	} else if (dir && *dir) {
		/* absolute, because keepers run in the root directory */
		CLEANUP(cleanup_free) char *cwd = getcwd(NULL, 0);

		if (!cwd)
			return err_set(e, ERR_STATE_DIR, errno,
				       "SGXCTL_STATE_DIR='%s' is relative to a directory "
				       "that is gone",
				       dir);
		n = snprintf(buf, bytes, "%s/%s", cwd, dir);
	} else if (run && *run == '/' && is_directory(run)) {
		n = snprintf(buf, bytes, "%s/sgxctl", run);
	} else if (is_directory(user)) {
		n = snprintf(buf, bytes, "%s/sgxctl", user);
	} else {
		n = snprintf(buf, bytes, "/tmp/sgxctl-%ld", (long)geteuid());
	}
	if (n < 0 || (size_t)n >= bytes)
		return err_set(e, ERR_STATE_DIR, ENAMETOOLONG, "the path of the state directory is too long");
	/* "dir/" would make the kernel follow a symlink of that name */
	while (n > 1 && buf[n - 1] == '/')
		buf[--n] = '\0';
	return 0;
}

static int check(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_STATE_DIR, errno, "cannot examine the state directory '%s'", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_STATE_DIR, EPERM,
			       "the state directory '%s' belongs to uid %ld, not to us (%ld)", path,
			       (long)st.st_uid, (long)geteuid());
	if (st.st_mode & 077)
		return err_set(e, ERR_STATE_DIR, EPERM,
			       "the state directory '%s' has mode %04o: others can enter it", path,
			       (unsigned int)st.st_mode & 07777);
	return 0;
}

int session_state_dir(char *buf, size_t bytes, struct err *e)
{
	CLEANUP(cleanup_close) int fd = -1;

	if (session_state_path(buf, bytes, e) < 0)
		return -1;
	if (mkdir(buf, 0700) < 0 && errno != EEXIST)
		return err_set(e, ERR_STATE_DIR, errno, "cannot create the state directory '%s'", buf);
	fd = open(buf, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		struct stat st;
		int sys = errno;

		if (lstat(buf, &st) == 0 && S_ISLNK(st.st_mode))
			return err_set(e, ERR_STATE_DIR, ELOOP, "the state directory '%s' is a symbolic link",
				       buf);
		return err_set(e, ERR_STATE_DIR, sys, "cannot open the state directory '%s'", buf);
	}
	if (check(fd, buf, e) < 0)
		return -1;
	return STEAL_FD(fd);
}

int session_guard(int state_fd, int how, int ms)
{
	uint64_t deadline = session_deadline(ms);
	struct timespec pause = { .tv_nsec = 200000 };

	/* There is no flock() with a timeout, and a stopped process may hold it for ever. */
	while (flock(state_fd, how | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -1;
		if (now_ns() >= deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 10000000)
			pause.tv_nsec *= 2;
	}
	return 0;
}

void session_unguard(int state_fd)
{
	flock(state_fd, LOCK_UN);
}
