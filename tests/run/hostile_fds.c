/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enclaves as file descriptors: duplicated, closed, sent, inherited. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch/sgx_uapi.h"
#include "hostile.h"

const char *init_of(int fd)
{
	struct sgx_enclave_init init = { 0 };

	return result_of(ioctl(fd, SGX_IOC_ENCLAVE_INIT, &init));
}

/* As a file, which it is not. */
void topic_fdio(void)
{
	struct pollfd pfd = { .events = POLLIN | POLLOUT };
	char buf[16] = "";
	int a, n = 0;

	build("grow.elf");
	a = rig.fd;
	say("ftruncate %s, fallocate %s", result_of(ftruncate(a, 0)), result_of(fallocate(a, 0, 0, 1)));
	say("fsync %s, fdatasync %s, flock %s", result_of(fsync(a)), result_of(fdatasync(a)), result_of(flock(a, LOCK_EX)));
	pfd.fd = a;
	say("poll: %d, 0x%x", poll(&pfd, 1, 0), (unsigned)pfd.revents);
	say("entered: %s", enter_nop(0));
	say("FIONREAD: %s", result_of(ioctl(a, FIONREAD, &n)));
	say("read %s, pread %s, lseek %s", result_of(read(a, buf, 1)), result_of(pread(a, buf, 1, 0)),
	    result_of(lseek(a, 0, SEEK_SET)));
	say("write %s, pwrite %s", result_of(write(a, buf, 1)), result_of(pwrite(a, buf, 1, 0)));
}

void topic_fds(void)
{
	struct sgx_enclave_create create = { .src = 8 };
	struct sgx_enclave_provision prov = { .fd = 0 };
	struct stat st;
	char link[64] = "", path[64];
	int a, b, c, n = 0;

	build("grow.elf");
	a = dup(rig.fd);
	b = fcntl(rig.fd, F_DUPFD_CLOEXEC, 100);
	c = dup3(rig.fd, 200, O_CLOEXEC);
	say("duplicates: %s %s %s", init_of(a), init_of(b), init_of(c));
	say("cloexec: %d %d %d", fcntl(a, F_GETFD), fcntl(b, F_GETFD), fcntl(c, F_GETFD));
	say("flags: 0%o", (unsigned)fcntl(a, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK));
	say("O_NONBLOCK: %s, shared: %d", result_of(fcntl(a, F_SETFL, O_NONBLOCK)), (fcntl(b, F_GETFL) & O_NONBLOCK) != 0);
	say("dup2 on itself: %d; dup3: %s", dup2(a, a) == a, result_of(dup3(a, a, 0)));
	say("dup2 over a file: %s", result_of(dup2(a, 0)));
	say("  that is: %s", init_of(0));
	close(rig.fd);
	say("the first closed: %s, the others %s", init_of(rig.fd), init_of(a));
	say("unknown %s, a null argument %s", result_of(ioctl(a, 0xa4ff, &n)), result_of(ioctl(a, SGX_IOC_ENCLAVE_INIT, NULL)));
	say("CREATE again: %s", result_of(ioctl(a, SGX_IOC_ENCLAVE_CREATE, &create)));
	say("PROVISION by standard input: %s", result_of(ioctl(a, SGX_IOC_ENCLAVE_PROVISION, &prov)));
	say("fstat: %s", result_of(fstat(a, &st)));
	say("  is a %s, major %u", S_ISCHR(st.st_mode) ? "character device" : "other",
	    major(st.st_rdev));
	say("rights: 0%o, size %lld", st.st_mode & 0111, (long long)st.st_size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", a);
	say("its name: %zd %s", readlink(path, link, sizeof(link) - 1), link);
	say("unknown fd: %s", init_of(999));
	say("close twice: %s, %s", result_of(close(b)), result_of(close(b)));
	close(c);
	close(0);
	say("the last closed: %s; entered: %s", result_of(close(a)), enter_nop(0));
	munmap((void *)rig.base, rig.size);
	a = open("/dev/sgx_enclave", O_RDWR);
	say("a new one: number %s, %s", a == 0 ? "0" : "other", init_of(a));
	close(a);
	say("O_DIRECTORY %s, O_TRUNC %s", result_of(open("/dev/sgx_enclave", O_RDWR | O_DIRECTORY)),
	    result_of(a = open("/dev/sgx_enclave", O_RDWR | O_TRUNC)));
	close(a);
	say("by a slash behind: %s", result_of(open("/dev/sgx_enclave/", O_RDWR)));
	say("by a folder's fd: %s", result_of(a = openat(open("/dev", O_RDONLY | O_DIRECTORY), "./sgx_enclave", O_RDWR)));
	say("  is: %s", init_of(a));
	a = open("/dev/sgx_enclave", O_PATH);
	say("O_PATH: %s, ioctl %s", result_of(a), init_of(a));
	close(a);
	a = open("/dev/sgx_enclave", O_RDONLY);
	say("O_RDONLY: %s, ioctl %s", result_of(a), result_of(ioctl(a, SGX_IOC_ENCLAVE_CREATE, &create)));
	close(a);
	a = open("/dev/sgx_provision", O_RDWR);
	say("provision: %s, ioctl %s", result_of(a), init_of(a));
	rig.base = 0;
}

/* ---- in another process --------------------------------------------------------------------------------------- */

static int sockets[2];

static void send_fd(int to, int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = { .h = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec v = { &rig.base, sizeof(rig.base) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	if (sendmsg(to, &m, 0) < 0)
		say("sendmsg: %s", strerrorname_np(errno));
}

static int receive_fd(int from)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec v = { &rig.base, sizeof(rig.base) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int fd = -1;

	if (recvmsg(from, &m, 0) > 0)
		memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	return fd;
}

bool use_foreign(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	char path[4200];

	snprintf(path, sizeof(path), "%s/grow.elf", getenv("SGXCTL_ENCLAVES"));
	if (rig.fd < 0 || image_open(path, &opts, &rig.plan, &e))
		return false;
	emul_setup(NULL);
	rig.size = rig.plan.size;
	for (size_t i = 0; i < rig.plan.n_runs; i++) {
		const struct plan_run *run = &rig.plan.runs[i];
		int prot = run->secinfo & SGX_SECINFO_RWX ? (int)(run->secinfo & SGX_SECINFO_RWX) : PROT_READ | PROT_WRITE;

		if (rig_map(&rig, run->off, run->pages, prot) < 0)
			return false;
	}
	return true;
}

static int receiver(void)
{
	memset(&rig, 0, sizeof(rig));
	rig.fd = receive_fd(sockets[1]);
	say("received: %s", use_foreign() ? "mapped" : "no");
	say("  entered: %s", enter_nop(0));
	say("  INIT: %s", init_of(rig.fd));
	close(rig.fd);
	say("  entered when closed: %s", enter_nop(0));
	return 0;
}

/* The sender dies; the enclave lives in the receiver. */
static int heir(void)
{
	memset(&rig, 0, sizeof(rig));
	rig.fd = receive_fd(sockets[1]);
	char go;

	if (read(sockets[1], &go, 1) != 1)
		return 1;
	say("inherited: %s", use_foreign() ? "mapped" : "no");
	say("  entered: %s", enter_nop(0));
	return 0;
}

static int dying_sender(void)
{
	build("grow.elf");
	send_fd(sockets[0], rig.fd);
	return 0;
}

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

void topic_pass(void)
{
	pid_t pid;
	int fd, pidfd;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets))
		return;
	pid = fork();           /* it has never opened the device */
	if (!pid)
		_exit(receiver());
	build("grow.elf");
	send_fd(sockets[0], rig.fd);
	say("SCM_RIGHTS to a child: %s", ended(pid));
	say("the owner: %s", enter_nop(0));
	send_fd(sockets[0], rig.fd);
	fd = receive_fd(sockets[1]);
	say("to itself: another number %d, INIT %s", fd != rig.fd, init_of(fd));
	close(rig.fd);
	say("  the first closed: %s", init_of(fd));
	close(fd);
	say("  both closed: %s", enter_nop(0));
	pid = fork();
	if (!pid)
		_exit(heir());
	say("a sender that ends: %s", child(dying_sender));
	if (write(sockets[0], "g", 1) != 1)
		return;
	say("its heir: %s", ended(pid));

	/* taken out of another process */
	int *shared = shared_page();

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	pid = fork();
	if (!pid) {
		build("grow.elf");
		shared[2] = rig.fd;
		memcpy(shared + 4, &rig.base, sizeof(rig.base));
		__atomic_store_n(shared, 1, __ATOMIC_RELEASE);
		while (!__atomic_load_n(shared + 1, __ATOMIC_ACQUIRE))
			nap_ms(1);
		_exit(0);
	}
	while (!__atomic_load_n(shared, __ATOMIC_ACQUIRE))
		nap_ms(1);
	pidfd = pidfd_of(pid);
	fd = (int)syscall(SYS_pidfd_getfd, pidfd, shared[2], 0);
	say("pidfd_getfd: %s", result_of(fd));
	munmap((void *)rig.base, rig.size);
	memset(&rig, 0, sizeof(rig));
	memcpy(&rig.base, shared + 4, sizeof(rig.base));
	rig.fd = fd;
	say("  %s", use_foreign() ? "mapped" : "no");
	say("  entered: %s", enter_nop(0));
	__atomic_store_n(shared + 1, 1, __ATOMIC_RELEASE);
	say("  its owner: %s", ended(pid));
	say("  entered without him: %s", enter_nop(0));
}

/* ---- fork and exec ---------------------------------------------------------------------------------------------- */

static volatile uint32_t *flag;

static void *spin(void *arg)
{
	struct encl_op op = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)flag };

	(void)arg;
	return (void *)(uintptr_t)enter(0, &op);
}

static int in_child(void)
{
	say("child: other TCS %s", enter_nop(1));
	say("child: TCS in use %s", enter_nop(0));
	return 0;
}

static int grandchild(void)
{
	say("grandchild: %s", enter_nop(1));
	return 0;
}

static int nests(void)
{
	say("its child: %s", child(grandchild));
	return 0;
}

static int unmaps(void)
{
	say("child unmaps: %s, then %s", result_of(munmap((void *)rig.base, rig.size)), enter_nop(1));
	return 0;
}

static int closes(void)
{
	say("child closes: %s, then %s", result_of(close(rig.fd)), enter_nop(1));
	return 0;
}

void topic_fork(void)
{
	pthread_t id;
	void *how;
	pid_t pid;

	flag = shared_page();
	build("threads.elf");
	pthread_create(&id, NULL, spin, NULL);
	nap_ms(300);
	say("while a thread is inside: %s", child(in_child));
	*flag = 1;
	pthread_join(id, &how);
	say("the thread: %s", (char *)how);
	say("a child: %s", child(nests));
	say("%s; here %s", child(unmaps), enter_nop(1));
	say("%s; here %s, %s", child(closes), enter_nop(1), init_of(rig.fd));
	pid = vfork();
	if (!pid) {
		close(rig.fd);
		_exit(7);
	}
	say("vfork and close: %s; here %s", ended(pid), init_of(rig.fd));
	say("system(): %d", system("exit 3") >> 8);
	madvise((void *)rig.base, rig.size, MADV_DONTFORK);
	say("MADV_DONTFORK: %s", child(grandchild));
	say("here: %s", enter_nop(0));
}

int exec_child(char **argv)
{
	rig.fd = atoi(argv[0]);
	rig.base = strtoull(argv[1], NULL, 16);
	say("after exec: INIT %s", init_of(rig.fd));
	say("  %s", use_foreign() ? "mapped" : "no");
	say("  entered: %s", enter_nop(0));
	build("grow.elf");
	say("  one of its own: %s", enter_nop(0));
	return 0;
}

void build_to_pass(char *fd, char *base)
{
	build("grow.elf");
	fcntl(rig.fd, F_SETFD, 0);
	snprintf(fd, PASSED_ROOM, "%d", rig.fd);
	snprintf(base, PASSED_ROOM, "%llx", (unsigned long long)rig.base);
	fflush(stdout);
}

void topic_exec(void)
{
	char fd[PASSED_ROOM], base[PASSED_ROOM];
	pid_t pid;

	build_to_pass(fd, base);
	for (int i = 0; i < 2; i++) {
		pid = i ? vfork() : fork();
		if (!pid) {
			execl(self_path, self_path, "exec-child", fd, base, "x", (char *)NULL);
			_exit(99);
		}
		say("%s and exec: %s", i ? "vfork" : "fork", ended(pid));
	}
	fcntl(rig.fd, F_SETFD, FD_CLOEXEC);
	pid = fork();
	if (!pid) {
		execl(self_path, self_path, "exec-child", fd, base, "x", (char *)NULL);
		_exit(99);
	}
	say("close-on-exec: %s", ended(pid));
	say("a failing exec: %s", result_of(execl("/nonexistent", "x", (char *)NULL)));
	say("here: %s", enter_nop(0));
	execl(self_path, self_path, "exec-child", fd, base, "x", (char *)NULL);
}
