/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole reads, whole writes, whole files.  These report through errno: the caller knows which
 * error code and which words its user needs.
 */
#ifndef BASE_FD_H
#define BASE_FD_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

/* Reads until bytes are there or the file ends; the count, or -1 with errno.  EINTR is retried. */
ssize_t read_full(int fd, void *buf, size_t bytes);
/* Writes everything; 0, or -1 with errno (an unknown part may be written then). */
int write_full(int fd, const void *buf, size_t bytes);

/* Everything to standard output, checked; -1 with ERR_OUTPUT. */
int write_stdout(const void *buf, size_t bytes, struct err *e);

/*
 * The whole regular file at path (relative to dirfd) into a new buffer, followed by a NUL that is not
 * counted.  -1 with errno; EFBIG when it holds more than limit bytes, EINVAL when it is no regular file.
 */
int read_file(int dirfd, const char *path, size_t limit, char **ret_buf, size_t *ret_bytes);

/*
 * A file in the making: write to fd, then commit it or abandon it.  Others see the old file or the whole new one.
 * path must live until then.
 */
struct file_writer {
	int dirfd, fd;
	const char *path;
	char *temp;             /* its name until then; NULL: it has none */
};
/* -1 with errno, nothing left behind. */
int file_writer_begin(struct file_writer *w, int dirfd, const char *path);
/* Syncs it, gives it this mode and its name.  flags as below.  The writer is used up; -1 with errno. */
int file_writer_commit(struct file_writer *w, mode_t mode, unsigned int flags);
/* Nothing is left of it.  After commit this does nothing. */
void file_writer_abandon(struct file_writer *w);

#define WRITE_FILE_NOREPLACE 0x1u       /* EEXIST when path exists; whoever comes first wins */
/*
 * Writes a temporary file beside path with exactly this mode, syncs it, and renames it over path:
 * others see the old file or the whole new one.  -1 with errno, nothing left behind.
 */
int write_file_atomic(int dirfd, const char *path, const void *buf, size_t bytes, mode_t mode,
		      unsigned int flags);

#endif
