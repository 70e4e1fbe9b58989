/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A program that holds enclaves and does with them what it is told, a word a line on standard input; it answers each with
 * a line.  It knows nothing of `sgxctl run`.
 *
 *   build               another enclave, of the image in $HELD_IMAGE or grow; answers with its number
 *   accept N OFF PAGES  EACCEPT of pages that were augmented, and a write to each: "0" when all went well
 *   write N OFF BYTE    by the enclave, then what the enclave reads there; or "fault VECTOR"
 *   spin N              a thread that stays inside
 *   close N             unmap and close
 *   close-all           every descriptor from 3 on, with close(2)
 *   daemon              fork; the parent ends, the child goes on
 *   child               fork a child that keeps everything until it is killed; answers with its pid
 *   helper              fork a child that waits for an fd; answers with its pid
 *   pass                it gets the last enclave's, through a socket, and maps it: "y"
 *   sibling             what wait(2) and a handler of SIGCHLD have seen of children: "ECHILD 0"
 *   hide                PR_SET_DUMPABLE 0
 *   fds                 how many descriptors are open
 *   exit, _exit, kill   the end
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../unit/emul_rig.h"

#define MAX_HELD 200
#define RW_REG (SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_REG)

static struct rig held[MAX_HELD];
static unsigned n_held;
static volatile sig_atomic_t children_seen;
static int to_helper = -1;

static void on_child(int sig)
{
	(void)sig;
	children_seen++;
}

static void build(void)
{
	const char *image = getenv("HELD_IMAGE");

	if (n_held == MAX_HELD)
		exit(1);
	rig_build(&held[n_held], image ? image : "grow.elf", true);
	printf("%u\n", n_held++);
}

static void write_and_read(struct rig *r, uint64_t off, uint64_t value)
{
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = r->base + off, .value = value };
	struct sgx_enclave_run run;

	if (rig_enter(r, 0, 2, &op, &run) || run.function != 4) {
		printf("fault %u\n", run.exception_vector);
		return;
	}
	op = (struct encl_op){ .op = ENCL_OP_READ, .addr = r->base + off };
	if (rig_op(r, 0, &op) == ENCL_OK)
		printf("%llu\n", (unsigned long long)op.value);
}

static void accept_pages(struct rig *r, uint64_t off, uint64_t pages)
{
	struct encl_op op = { .op = ENCL_OP_ACCEPT, .addr = r->base + off, .pages = pages,
			      .flags = RW_REG | SGX_SECINFO_PENDING };
	uint64_t status;

	if (rig_map(r, off, pages, PROT_READ | PROT_WRITE) < 0) {
		puts("mmap");
		return;
	}
	status = rig_op(r, 0, &op);
	printf("%llu %llu\n", (unsigned long long)status, (unsigned long long)op.done);
}

static void *spinner(void *arg)
{
	static uint32_t never;
	struct encl_op op = { .op = ENCL_OP_SPIN, .addr = (uint64_t)(uintptr_t)&never };

	rig_op(arg, 1, &op);
	return NULL;
}

/* Gets an fd, maps the enclave as its parent had it, and stays. */
static void helper(int sock)
{
	_Alignas(8) char room[CMSG_SPACE(sizeof(int))] = { 0 };
	struct rig copy;
	struct iovec iov = { &copy, sizeof(copy) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != sizeof(copy) || !CMSG_FIRSTHDR(&m))
		_exit(0);
	const struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	memcpy(&copy.fd, CMSG_DATA(c), sizeof(copy.fd));
	void *p = mmap((void *)copy.base, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, copy.fd, 0);

	if (write(sock, p == MAP_FAILED ? "n" : "y", 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static void start_helper(void)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		exit(1);
	pid_t pid = fork();

	if (!pid) {
		close(pair[0]);
		helper(pair[1]);
	}
	close(pair[1]);
	to_helper = pair[0];
	printf("%d\n", (int)pid);
}

static void pass(struct rig *r)
{
	_Alignas(8) char room[CMSG_SPACE(sizeof(int))] = { 0 };
	char answer;
	struct iovec iov = { r, sizeof(*r) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room) };
	struct cmsghdr *c = (struct cmsghdr *)(void *)room;

	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) };
	memcpy(CMSG_DATA(c), &r->fd, sizeof(int));
	if (sendmsg(to_helper, &m, 0) < 0 || read(to_helper, &answer, 1) != 1)
		answer = '?';
	printf("%c\n", answer);
}

static void count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	printf("%d\n", n);
}

static void sibling(void)
{
	int status, r = waitpid(-1, &status, WNOHANG | __WALL);

	printf("%s %d\n", r < 0 && errno == ECHILD ? "ECHILD" : "child", (int)children_seen);
}

static void fork_off(bool parent_ends)
{
	fflush(stdout);
	pid_t pid = fork();

	if (pid && parent_ends)
		_exit(0);
	if (!pid && !parent_ends) {
		pause();
		_exit(0);
	}
	printf("%d\n", parent_ends ? (int)getpid() : (int)pid);
}

static void obey(char *line)
{
	char word[32] = "";
	unsigned long long a = 0, b = 0, c = 0;
	pthread_t t;

	sscanf(line, "%31s %lli %lli %lli", word, (long long *)&a, (long long *)&b, (long long *)&c);
	struct rig *r = a < n_held ? &held[a] : &held[0];

	if (!strcmp(word, "build"))
		build();
	else if (!strcmp(word, "accept"))
		accept_pages(r, b, c);
	else if (!strcmp(word, "write"))
		write_and_read(r, b, c);
	else if (!strcmp(word, "spin"))
		puts(pthread_create(&t, NULL, spinner, r) ? "no thread" : "0");
	else if (!strcmp(word, "close")) {
		rig_free(r);
		puts("0");
	} else if (!strcmp(word, "close-all")) {
		for (int fd = 3; fd < 2000; fd++)
			close(fd);
		puts("0");
	} else if (!strcmp(word, "daemon"))
		fork_off(true);
	else if (!strcmp(word, "child"))
		fork_off(false);
	else if (!strcmp(word, "helper"))
		start_helper();
	else if (!strcmp(word, "pass"))
		pass(&held[n_held - 1]);
	else if (!strcmp(word, "sibling"))
		sibling();
	else if (!strcmp(word, "hide"))
		printf("%d\n", prctl(PR_SET_DUMPABLE, 0));
	else if (!strcmp(word, "fds"))
		count_fds();
	else if (!strcmp(word, "exit"))
		exit(0);
	else if (!strcmp(word, "_exit"))
		_exit(0);
	else
		puts("what?");
}

int main(void)
{
	char line[256];

	signal(SIGCHLD, on_child);
	emul_setup(NULL);
	/* not stdio: it may have read ahead when the process forks */
	for (;;) {
		size_t n = 0;

		while (n < sizeof(line) - 1 && read(0, line + n, 1) == 1 && line[n] != '\n')
			n++;
		if (!n)
			return 0;
		line[n] = '\0';
		obey(line);
		fflush(stdout);
	}
}
