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

/* Opens a new file "PATH.PID.N.tmp"; its name goes to *ret_name. */
static int open_temp(int dirfd, const char *path, char **ret_name)
{
	static atomic_uint counter;

	for (int i = 0; i < TEMP_TRIES; i++) {
		unsigned int serial = atomic_fetch_add(&counter, 1);
		CLEANUP(cleanup_free) char *name = NULL;
		int fd;

		if (asprintf(&name, "%s.%ld.%u.tmp", path, (long)getpid(), serial) < 0) {
			name = NULL;
			errno = ENOMEM;
			return -1;
		}
		fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0) {
			*ret_name = STEAL_PTR(name);
			return fd;
		}
		if (errno != EEXIST)
			return -1;
	}
	return -1;
}

static int publish(int dirfd, const char *temp, const char *path, unsigned int flags)
{
	if (!(flags & WRITE_FILE_NOREPLACE))
		return renameat(dirfd, temp, dirfd, path);
	if (renameat2(dirfd, temp, dirfd, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	/* A file system without RENAME_NOREPLACE: link(2) never replaces either. */
	if (linkat(dirfd, temp, dirfd, path, 0) < 0)
		return -1;
	unlinkat(dirfd, temp, 0);
	return 0;
}

int write_file_atomic(int dirfd, const char *path, const void *buf, size_t bytes, mode_t mode,
		      unsigned int flags)
{
	CLEANUP(cleanup_free) char *temp = NULL;
	int saved_errno, fd, failed;

	fd = open_temp(dirfd, path, &temp);
	if (fd < 0)
		return -1;

	failed = fchmod(fd, mode) < 0 || write_full(fd, buf, bytes) < 0 || fsync(fd) < 0;
	saved_errno = errno;
	/* close() is checked because network file systems report a full disk only here */
	if (close(fd) < 0 && !failed) {
		failed = 1;
		saved_errno = errno;
	}
	if (!failed && publish(dirfd, temp, path, flags) == 0)
		return 0;
	if (!failed)
		saved_errno = errno;
	unlinkat(dirfd, temp, 0);
	errno = saved_errno;
	return -1;
}
