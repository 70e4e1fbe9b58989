/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Descriptors and files: what read(2) and write(2) leave to every caller, done once. */
#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

/* Other writers of the same path may race for a temporary name; none of them loses this often. */
#define TEMP_TRIES 64

ssize_t read_full(int fd, void *buf, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = read(fd, (char *)buf + done, bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int write_full(int fd, const void *buf, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t n = write(fd, (const char *)buf + done, bytes - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return 0;
}

int write_stdout(const void *buf, size_t bytes, struct err *e)
{
	if (write_full(STDOUT_FILENO, buf, bytes) < 0)
		return err_set(e, ERR_OUTPUT, errno, "cannot write to standard output: %s",
			       strerror(errno));
	return 0;
}

int read_file(int dirfd, const char *path, size_t limit, char **ret_buf, size_t *ret_bytes)
{
	/* O_NONBLOCK: opening a FIFO must not hang; it changes nothing for a regular file. */
	CLEANUP(cleanup_close) int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	CLEANUP(cleanup_free) char *buf = NULL;
	struct stat st;
	size_t room;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		return -1;
	}
	if (st.st_size < 0 || (uintmax_t)st.st_size > limit) {
		errno = EFBIG;
		return -1;
	}

	/* One byte more than it should hold shows a file that grows under the reader. */
	room = (size_t)st.st_size + 1;
	buf = malloc(room + 1);
	if (!buf)
		return -1;
	n = read_full(fd, buf, room);
	if (n < 0)
		return -1;
	if ((size_t)n == room) {
		errno = EAGAIN;
		return -1;
	}
	buf[n] = '\0';
	*ret_buf = STEAL_PTR(buf);
	*ret_bytes = (size_t)n;
	return 0;
}

/* Tries "PATH.PID.N.tmp" for one N after the other; 0 when make() made it and *ret_name is its name. */
static int make_temp(const char *path, int (*make)(void *arg, const char *name), void *arg, char **ret_name)
{
	static atomic_uint counter;

	for (int i = 0; i < TEMP_TRIES; i++) {
		unsigned int serial = atomic_fetch_add(&counter, 1);
		CLEANUP(cleanup_free) char *name = NULL;

		if (asprintf(&name, "%s.%ld.%u.tmp", path, (long)getpid(), serial) < 0) {
			name = NULL;
			errno = ENOMEM;
			return -1;
		}
		if (make(arg, name) == 0) {
			*ret_name = STEAL_PTR(name);
			return 0;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int make_named(void *arg, const char *name)
{
	struct file_writer *w = arg;

	w->fd = openat(w->dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return w->fd < 0 ? -1 : 0;
}

/* A link to what has no name yet. */
static int make_link(void *arg, const char *name)
{
	struct file_writer *w = arg;
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", w->fd);
	return linkat(AT_FDCWD, self, w->dirfd, name, AT_SYMLINK_FOLLOW);
}

/* A file without a name: nothing is left of it when the process is killed.  -1: not on this file system. */
static int open_unnamed(int dirfd, const char *path)
{
	const char *slash = strrchr(path, '/');
	CLEANUP(cleanup_free) char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");

	if (!dir || access("/proc/self/fd", X_OK) < 0)
		return -1;
	return openat(dirfd, dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
}

int file_writer_begin(struct file_writer *w, int dirfd, const char *path)
{
	*w = (struct file_writer){ .dirfd = dirfd, .path = path, .fd = open_unnamed(dirfd, path) };
	return w->fd >= 0 ? 0 : make_temp(path, make_named, w, &w->temp);
}

static int publish(const struct file_writer *w, unsigned int flags)
{
	if (!(flags & WRITE_FILE_NOREPLACE))
		return renameat(w->dirfd, w->temp, w->dirfd, w->path);
	if (renameat2(w->dirfd, w->temp, w->dirfd, w->path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without RENAME_NOREPLACE: link(2) never replaces either. */
	if (linkat(w->dirfd, w->temp, w->dirfd, w->path, 0) < 0)
		return -1;
	unlinkat(w->dirfd, w->temp, 0);
	return 0;
}

void file_writer_abandon(struct file_writer *w)
{
	int saved_errno = errno;

	if (w->fd >= 0)
		close(w->fd);
	if (w->temp)
		unlinkat(w->dirfd, w->temp, 0);
	free(w->temp);
	*w = (struct file_writer){ .fd = -1 };
	errno = saved_errno;
}

int file_writer_commit(struct file_writer *w, mode_t mode, unsigned int flags)
{
	int fd, failed = fchmod(w->fd, mode) < 0 || fsync(w->fd) < 0 ||
			 (!w->temp && make_temp(w->path, make_link, w, &w->temp) < 0);

	if (!failed) {
		fd = STEAL_FD(w->fd);
		/* close() is checked because network file systems report a full disk only here */
		failed = close(fd) < 0 || publish(w, flags) < 0;
	}
	if (!failed) {
		free(w->temp);
		w->temp = NULL;
	}
	file_writer_abandon(w);
	return failed ? -1 : 0;
}

int write_file_atomic(int dirfd, const char *path, const void *buf, size_t bytes, mode_t mode,
		      unsigned int flags)
{
	struct file_writer w;

	if (file_writer_begin(&w, dirfd, path) < 0)
		return -1;
	if (write_full(w.fd, buf, bytes) < 0) {
		file_writer_abandon(&w);
		return -1;
	}
	return file_writer_commit(&w, mode, flags);
}
