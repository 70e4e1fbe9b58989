/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a passphrase comes from.  Authority: openssl-passphrase-options(1).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fmt.h"
#include "cli/sign.h"

static int take_word(const char *word, char buf[PASSPHRASE_BYTES], struct err *e)
{
	size_t n = strlen(word);

	if (n >= PASSPHRASE_BYTES)
		return err_set(e, ERR_BAD_KEY, 0, "the passphrase has more than %d bytes", PASSPHRASE_BYTES - 1);
	memcpy(buf, word, n + 1);
	return 0;
}

/* Byte by byte: what follows the line is somebody else's. */
static int read_line(int fd, const char *source, char buf[PASSPHRASE_BYTES], struct err *e)
{
	size_t n = 0;

	for (;;) {
		ssize_t r = read(fd, buf + n, 1);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_set(e, ERR_IO, errno, "cannot read a passphrase from '%s': %s", source, strerror(errno));
		if (!r || buf[n] == '\n')
			break;
		if (++n == PASSPHRASE_BYTES)
			return err_set(e, ERR_BAD_KEY, 0, "the passphrase from '%s' has more than %d bytes", source,
				       PASSPHRASE_BYTES - 1);
	}
	if (n && buf[n - 1] == '\r')
		n--;
	buf[n] = '\0';
	return 0;
}

static int from_env(const char *name, char buf[PASSPHRASE_BYTES], struct err *e)
{
	const char *word = getenv(name);

	if (!word)
		return err_set(e, ERR_USAGE, 0, "--passin: there is no environment variable '%s'", name);
	return take_word(word, buf, e);
}

static int from_file(const char *path, char buf[PASSPHRASE_BYTES], struct err *e)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, ERR_IO, errno, "cannot read a passphrase from '%s': %s", path, strerror(errno));
	return read_line(fd, path, buf, e);
}

int passphrase_read(const char *source, char buf[PASSPHRASE_BYTES], struct err *e)
{
	uint64_t fd;

	if (!strncmp(source, "pass:", 5))
		return take_word(source + 5, buf, e);
	if (!strncmp(source, "env:", 4))
		return from_env(source + 4, buf, e);
	if (!strncmp(source, "file:", 5))
		return from_file(source + 5, buf, e);
	if (!strncmp(source, "fd:", 3) && parse_u64(source + 3, 65535, &fd) == 0)
		return read_line((int)fd, source, buf, e);
	if (!strcmp(source, "stdin"))
		return read_line(STDIN_FILENO, source, buf, e);
	return err_set(e, ERR_USAGE, 0, "--passin: '%s' is none of pass:WORD, env:VAR, file:PATH, fd:N, stdin", source);
}
