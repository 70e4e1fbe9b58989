/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a program gets that reads and writes the device by SYSCALL instructions of its own; for `sgxctl run`, dynamic and
 * static.  Values: Linux 6.1 fs/read_write.c, fs/open.c, fs/splice.c, fs/fcntl.c, for a character device without these.
 */
#include <asm/sgx.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../src/emul/raw.h"
#include "../unit/tap.h"

#define LARGE_FILE 0100000      /* the kernel sets it for every 64-bit program */

#define CALL(name, a, b, c, d) raw4(SYS_##name, a, b, c, d)
#define GIVES(want, name, ...) do { \
	long got_ = CALL(name, __VA_ARGS__); \
	ok(got_ == (want), "%s: %ld, not %ld", #name "(" #__VA_ARGS__ ")", got_, (long)(want)); \
} while (0)

static char buf[64] = "not to be seen in any enclave";
static struct iovec v = { buf, sizeof(buf) };
static int other, pipes[2];

static void reads_and_writes(long fd)
{
	int n;

	GIVES(-EINVAL, read, fd, buf, sizeof(buf), 0);
	GIVES(-EINVAL, write, fd, buf, sizeof(buf), 0);
	GIVES(-EINVAL, pread64, fd, buf, sizeof(buf), 0);
	GIVES(-EINVAL, pwrite64, fd, buf, sizeof(buf), 0);
	GIVES(-EINVAL, readv, fd, &v, 1, 0);
	GIVES(-EINVAL, writev, fd, &v, 1, 0);
	GIVES(-EINVAL, preadv, fd, &v, 1, 0);
	GIVES(-EINVAL, pwritev, fd, &v, 1, 0);
	GIVES(-ESPIPE, lseek, fd, 0, SEEK_SET, 0);
	GIVES(-EINVAL, lseek, fd, 0, 77, 0);
	GIVES(-EINVAL, ftruncate, fd, 0, 0, 0);
	GIVES(-ENODEV, fallocate, fd, 0, 0, 4096);
	GIVES(-EINVAL, fsync, fd, 0, 0, 0);
	GIVES(-EINVAL, sendfile, fd, other, 0, 64);
	GIVES(-EINVAL, sendfile, pipes[1], fd, 0, 64);
	GIVES(-EINVAL, splice, pipes[0], 0, fd, 0);
	GIVES(-EINVAL, fcntl, fd, F_GET_SEALS, 0, 0);
	GIVES(-ENOTTY, ioctl, fd, FIONREAD, &n, 0);
	GIVES(0, ioctl, fd, FIOCLEX, 0, 0);
	GIVES(FD_CLOEXEC, fcntl, fd, F_GETFD, 0, 0);
	n = 1;
	GIVES(0, ioctl, fd, FIONBIO, &n, 0);
	GIVES(O_RDWR | O_NONBLOCK | LARGE_FILE, fcntl, fd, F_GETFL, 0, 0);
	GIVES(0, fcntl, fd, F_SETFL, 0, 0);
	GIVES(O_RDWR | LARGE_FILE, fcntl, fd, F_GETFL, 0, 0);
}

/* Other letters than its own stay the file's business, and its own still get to it. */
static void is_device(long fd)
{
	struct sgx_enclave_init init = { 0 };

	GIVES(-EINVAL, ioctl, fd, SGX_IOC_ENCLAVE_INIT, &init, 0);
}

/* Signals that come about when the wait for them begins: none is lost, and none reaches the handler. */
#define WAITS 1000

static volatile int handled;

static void on_trap(int sig)
{
	(void)sig;
	handled++;
}

static void waits(void)
{
	struct timespec limit = { .tv_sec = 2 };
	uint64_t set = (uint64_t)1 << (SIGTRAP - 1), now = 0;
	int go[2], taken = 0;
	char byte = 0;

	signal(SIGTRAP, on_trap);
	CALL(rt_sigprocmask, SIG_BLOCK, &set, 0, 8);
	if (pipe(go))
		return;
	fflush(stdout);
	pid_t pid = fork();

	if (!pid) {
		close(go[1]);
		while (read(go[0], &byte, 1) == 1)
			kill(getppid(), SIGTRAP);
		_exit(0);
	}
	for (int i = 0; i < WAITS; i++) {
		CALL(write, go[1], &byte, 1, 0);
		for (volatile int turn = 0; turn < i * 1500; turn++)
			;
		if (CALL(rt_sigtimedwait, &set, 0, &limit, 8) != SIGTRAP)
			break;
		taken++;
	}
	ok(taken == WAITS && !handled, "of %d signals %d are taken, %d handled", WAITS, taken, handled);
	CALL(rt_sigprocmask, SIG_SETMASK, 0, &now, 8);
	ok(now & set, "they are blocked, as the program has it");
	close(go[1]);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	char small[8];

	other = (int)CALL(open, "/proc/self/exe", O_RDONLY, 0, 0);
	CALL(pipe2, pipes, 0, 0, 0);
	CALL(write, pipes[1], buf, 8, 0);
	long fd = CALL(open, "/dev/sgx_enclave", O_RDWR, 0, 0);

	ok(fd == pipes[1] + 1, "the device is open: %ld", fd);
	reads_and_writes(fd);
	is_device(fd);
	long copy = CALL(dup, fd, 0, 0, 0), far = CALL(fcntl, fd, F_DUPFD_CLOEXEC, 77, 0);

	ok(copy == fd + 1 && far == 77, "duplicates: %ld %ld", copy, far);
	GIVES(-EINVAL, write, copy, buf, sizeof(buf), 0);
	GIVES(-EINVAL, write, far, buf, sizeof(buf), 0);
	is_device(far);
	long reader = CALL(open, "/dev/sgx_enclave", O_RDONLY, 0, 0), token = CALL(open, "/dev/sgx_provision", O_RDWR, 0, 0);

	GIVES(-EBADF, write, reader, buf, sizeof(buf), 0);
	GIVES(-EINVAL, read, reader, buf, sizeof(buf), 0);
	GIVES(-EINVAL, write, token, buf, sizeof(buf), 0);
	GIVES(-ENOTTY, ioctl, token, FIONREAD, small, 0);
	CALL(close, fd, 0, 0, 0);
	fd = CALL(open, "/proc/self/exe", O_RDONLY, 0, 0);
	ok(fd == pipes[1] + 1 && CALL(read, fd, small, 4, 0) == 4 && !memcmp(small, "\177ELF", 4),
	   "a file that gets the number is read");
	GIVES(4, lseek, fd, 0, SEEK_CUR, 0);
	GIVES(8, read, pipes[0], small, sizeof(small), 0);
	ok(!memcmp(small, buf, 8), "and the pipe holds what was written to it");
	waits();
	return tap_done();
}
