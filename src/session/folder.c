/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The folder of one enclave: opening it, whether its keeper lives, reading and clearing it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "session/internal.h"

int session_folder_open(int state_fd, const char *name, struct err *e)
{
	int fd;

	if (session_name_check(name, e) < 0)
		return -1;
	fd = openat(state_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return err_set(e, ERR_NO_ENCLAVE, 0, "there is no enclave '%s'", name);
	if (errno == ENOTDIR || errno == ELOOP)
		return err_set(e, ERR_STATE_DIR, errno,
			       "'%s' in the state directory is no folder of an enclave", name);
	return err_set(e, ERR_STATE_DIR, errno, "cannot open the folder of enclave '%s'", name);
}

int session_folder_find(const char *name, int *ret_state_fd, struct err *e)
{
	CLEANUP(cleanup_close) int state = -1;
	char path[4096];
	int dir;

	/* before there is a state directory to be made */
	if (session_name_check(name, e) < 0)
		return -1;
	state = session_state_dir(path, sizeof(path), e);
	dir = state < 0 ? -1 : session_folder_open(state, name, e);
	if (dir >= 0 && ret_state_fd)
		*ret_state_fd = STEAL_FD(state);
	return dir;
}

int session_folder_alive(int dir_fd)
{
	if (session_is_program(dir_fd))
		return session_program_alive(dir_fd);
	CLEANUP(cleanup_close)
	int fd = openat(dir_fd, SESSION_LOCK, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return errno == ENOENT ? 0 : -1;
	if (flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;       /* closing it lets go */
	return errno == EWOULDBLOCK ? 1 : -1;
}

bool session_folder_is(int state_fd, const char *name, int dir_fd)
{
	struct stat here, there;

	return fstat(dir_fd, &here) == 0 && fstatat(state_fd, name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
	       here.st_dev == there.st_dev && here.st_ino == there.st_ino;
}

static void cleanup_closedir(DIR **d)
{
	int saved_errno = errno;

	if (*d)
		closedir(*d);
	errno = saved_errno;
}

/* Everything but the lock: as long as that is there, a keeper that was killed here can be cleared later. */
static int empty_folder(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	CLEANUP(cleanup_closedir) DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *ent;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((errno = 0, ent = readdir(d))) {
		if (!strcmp(ent->d_name, ".") || !strcmp(ent->d_name, "..") ||
		    !strcmp(ent->d_name, SESSION_LOCK))
			continue;
		if (unlinkat(dir_fd, ent->d_name, 0) < 0 && errno != ENOENT)
			return -1;
	}
	return errno ? -1 : 0;
}

int session_folder_remove(int state_fd, const char *name, int dir_fd, struct err *e)
{
	if (empty_folder(dir_fd) < 0 || (unlinkat(dir_fd, SESSION_LOCK, 0) < 0 && errno != ENOENT) ||
	    (unlinkat(state_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT))
		return err_set(e, ERR_STATE_DIR, errno, "cannot remove the folder of enclave '%s'", name);
	return 0;
}

struct json *session_folder_info(int dir_fd)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct json *info;
	size_t bytes;

	if (read_file(dir_fd, SESSION_INFO, SESSION_INFO_MAX, &text, &bytes) < 0)
		return NULL;
	info = json_parse(text, bytes, NULL);
	if (info && !json_is_object(info)) {
		json_free(info);
		info = NULL;
	}
	return info;
}

uint64_t session_start_time(pid_t pid)
{
	CLEANUP(cleanup_close) int fd = -1;
	char path[32], stat[1024], *p;
	uint64_t ticks = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read_full(fd, stat, sizeof(stat) - 1);
	if (n <= 0)
		return 0;
	stat[n] = '\0';
	/* the name of the program may hold blanks and parentheses; what follows its last ')' is field 3 */
	p = strrchr(stat, ')');
	if (!p ||
	    sscanf(p + 1,
		   " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
		   &ticks) != 1)
		return 0;
	return ticks;
}
