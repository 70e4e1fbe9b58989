/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: chain open [ARG...]          opens the device, shows its arguments
 *        chain HOW PROGRAM [ARG...]   executes PROGRAM, its first argument being its name, with an empty environment
 *
 * Built dynamically and statically: every link of a chain of programs has the device.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static int opens(int argc, char **argv)
{
	int fd = open("/dev/sgx_enclave", O_RDWR);
	char exe[4096] = "";
	struct stat st;

	if (fd < 0 || fstat(fd, &st) || !S_ISCHR(st.st_mode) || major(st.st_rdev) != 10) {
		printf("no device: %s\n", strerror(errno));
		return 1;
	}
	if (readlink("/proc/self/exe", exe, sizeof(exe) - 1) < 0)
		return 2;
	for (int i = 1; i < argc; i++)
		printf("%s ", argv[i]);
	printf("by %s\n", strrchr(exe, '/') + 1);
	return 0;
}

/* The program's bytes in a file without a name, whose fd closes on exec. */
static int in_memory(const char *path)
{
	int from = open(path, O_RDONLY), to = memfd_create("program", MFD_CLOEXEC);
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return -1;
	close(from);
	return to;
}

static int wait_for(pid_t pid)
{
	int status = -1;

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	static char *const none[] = { NULL };
	const char *how = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";
	char **rest = argv + 2;
	pid_t pid = -1;

	if (!strcmp(how, "open"))
		return opens(argc, argv);
	if (!strcmp(how, "execve")) {
		execve(path, rest, none);
	} else if (!strcmp(how, "execv")) {
		execv(path, rest);
	} else if (!strcmp(how, "execvp")) {
		char *slash = strrchr(path, '/');

		*slash = '\0';
		setenv("PATH", path, 1);
		execvp(slash + 1, rest);
	} else if (!strcmp(how, "execl")) {
		execl(path, path, rest[1], rest[2], (char *)NULL);
	} else if (!strcmp(how, "fexecve")) {
		fexecve(open(path, O_RDONLY | O_CLOEXEC), rest, none);
	} else if (!strcmp(how, "memory")) {
		fexecve(in_memory(path), rest, none);
	} else if (!strcmp(how, "execveat")) {
		char *slash = strrchr(path, '/');

		*slash = '\0';
		syscall(SYS_execveat, open(path, O_PATH | O_CLOEXEC), slash + 1, rest, none, 0);
	} else if (!strcmp(how, "spawn")) {
		return posix_spawn(&pid, path, NULL, NULL, rest, none) ? 98 : wait_for(pid);
	} else if (!strcmp(how, "vfork")) {
		pid = vfork();
		if (!pid) {
			execve(path, rest, none);
			_exit(97);
		}
		return wait_for(pid);
	} else if (!strcmp(how, "fork")) {
		pid = fork();
		if (!pid) {
			execve(path, rest, none);
			_exit(97);
		}
		return wait_for(pid);
	} else if (!strcmp(how, "raw")) {
		syscall(SYS_execve, path, rest, none);
	} else {
		return 64;
	}
	perror(path);
	return 96;
}
