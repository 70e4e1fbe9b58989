/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whole reads and writes, files that are never half there. */
#include "base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

static char dir[] = "/tmp/sgxctl-test-fd-XXXXXX";
static int dirfd_;

static int entries(void)
{
	DIR *d = opendir(dir);
	int n = -2;     /* . and .. */

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void on_alarm(int sig)
{
	(void)sig;
}

/* A slow writer and interrupting signals: short reads and EINTR both happen. */
static void test_pipe(void)
{
	struct sigaction sa = { .sa_handler = on_alarm };       /* no SA_RESTART */
	struct itimerval every = { { 0, 2000 }, { 0, 2000 } }, off = { { 0, 0 }, { 0, 0 } };
	static char buf[300000], got[300000];
	int p[2];
	pid_t child;

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (char)(i * 7);
	sigaction(SIGALRM, &sa, NULL);
	if (pipe(p) < 0 || (child = fork()) < 0) {
		ok(false, "pipe and fork");
		return;
	}
	if (!child) {
		setitimer(ITIMER_REAL, &every, NULL);
		_exit(write_full(p[1], buf, sizeof(buf)) < 0);
	}
	close(p[1]);
	setitimer(ITIMER_REAL, &every, NULL);
	for (size_t at = 0; at < sizeof(got); at += 100000) {
		usleep(10000);
		if (read_full(p[0], got + at, 100000) != 100000)
			break;
	}
	ok(!memcmp(got, buf, sizeof(buf)), "interrupted reads and writes lose nothing");
	is_u64(read_full(p[0], got, 10), 0, "the end of the file is not an error");
	setitimer(ITIMER_REAL, &off, NULL);
	close(p[0]);
	waitpid(child, NULL, 0);
	ok(read_full(-1, got, 1) == -1 && errno == EBADF, "errors are");
}

static void test_read_file(void)
{
	char *buf = NULL, path[64];
	size_t n = 0;

	ok(read_file(dirfd_, "none", 10, &buf, &n) == -1 && errno == ENOENT, "no file");
	ok(read_file(AT_FDCWD, dir, 10, &buf, &n) == -1 && errno == EISDIR, "a directory");
	snprintf(path, sizeof(path), "%s/fifo", dir);
	mkfifo(path, 0600);
	ok(read_file(AT_FDCWD, path, 10, &buf, &n) == -1 && errno == EINVAL, "a FIFO does not hang");
	unlink(path);
	ok(write_file_atomic(dirfd_, "ten", "0123456789", 10, 0600, 0) == 0, "a file of ten bytes");
	ok(read_file(dirfd_, "ten", 9, &buf, &n) == -1 && errno == EFBIG && !buf, "is too long for nine");
	ok(read_file(dirfd_, "ten", 10, &buf, &n) == 0 && n == 10 && !strcmp(buf, "0123456789"),
	   "and fits ten");
	free(buf);
}

static void test_write_file(void)
{
	struct stat st;
	char *buf;
	size_t n;
	int before = entries();

	ok(write_file_atomic(dirfd_, "f", "old", 3, 0640, 0) == 0, "written");
	umask(0077);
	ok(write_file_atomic(dirfd_, "f", "newer", 5, 0644, 0) == 0 && fstatat(dirfd_, "f", &st, 0) == 0 &&
	   (st.st_mode & 0777) == 0644, "replaced, with exactly the mode asked for");
	ok(write_file_atomic(dirfd_, "f", "x", 1, 0600, WRITE_FILE_NOREPLACE) == -1 && errno == EEXIST,
	   "not replaced when that was asked for");
	ok(read_file(dirfd_, "f", 100, &buf, &n) == 0 && n == 5 && !memcmp(buf, "newer", 5),
	   "the contents stay");
	free(buf);
	ok(write_file_atomic(dirfd_, "no/f", "x", 1, 0600, 0) == -1 && errno == ENOENT, "no directory");
	is_u64(entries(), before + 1, "no temporary file is left behind");
}

static void test_stdout_full(void)
{
	int saved = dup(STDOUT_FILENO), full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct err e = { 0 };
	int ret, sys;

	fflush(stdout);
	dup2(full, STDOUT_FILENO);
	ret = write_stdout("x", 1, &e);
	sys = e.sys;
	dup2(saved, STDOUT_FILENO);
	close(saved);
	close(full);
	ok(ret == -1 && e.code == ERR_OUTPUT && sys == ENOSPC, "a full standard output is an error");
}

int main(void)
{
	uint64_t t = now_ns();

	if (!mkdtemp(dir) || (dirfd_ = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC)) < 0)
		return 99;
	test_pipe();
	test_read_file();
	test_write_file();
	test_stdout_full();
	ok(now_ns() > t, "the clock goes forward");
	unlinkat(dirfd_, "ten", 0);
	unlinkat(dirfd_, "f", 0);
	is_u64(entries(), 0, "the test leaves nothing");
	rmdir(dir);
	return tap_done();
}
