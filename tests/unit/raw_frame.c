/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A peer without manners, for tests: standard input to a keeper's socket as it comes, then the end of writing;
 * the body of the frame that comes back to standard output.  Exit 0 when there was one.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fd.h"
#include "session/session.h"

static int connect_to(char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char *name = strrchr(path, '/');
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), dir;

	if (!name)
		return -1;
	*name++ = '\0';
	/* paths of test directories are longer than sun_path; open for a user who may only pass through them */
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/%.60s", dir, name);
	return connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -1 : fd;
}

int main(int argc, char **argv)
{
	struct session_msg m;
	struct err e = { 0 };
	char buf[4096], *text;
	ssize_t n;
	int fd;

	fd = argc == 2 ? connect_to(argv[1]) : -1;
	if (fd < 0) {
		perror("raw_frame");
		return 2;
	}
	/* a keeper may hang up before it has read everything: what it said still counts */
	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) < 0)
			break;
	shutdown(fd, SHUT_WR);
	if (session_recv(fd, &m, 30000, &e) != 0) {
		fprintf(stderr, "raw_frame: %s\n", *e.msg ? e.msg : "no reply");
		return 1;
	}
	text = json_print(m.body, false);
	puts(text);
	free(text);
	session_msg_release(&m);
	return 0;
}
