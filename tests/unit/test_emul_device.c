/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The device around the ioctls: nodes and fds, who holds an enclave, and the busy flag. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "emul_fixture.h"

#define A64 SGX_ATTR_MODE64BIT
#define RW  (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W)
#define EPC 1024u

/* ---- nodes and fds ------------------------------------------------------------------------------------- */

static void test_open(void)
{
	int fd, ro, token;

	is_u64(emul_open("/dev/null", O_RDWR), -ENOENT, "another path is not ours");
	is_u64(emul_open("/dev/sgx_vepc", O_RDWR), -ENOENT, "nor is the virtual EPC");
	is_u64(emul_open("/dev/sgx_enclave", O_RDWR | O_CREAT | O_EXCL), -EEXIST, "O_CREAT|O_EXCL");
	is_u64(emul_open("/dev/sgx_enclave", O_RDONLY | O_DIRECTORY), -ENOTDIR, "O_DIRECTORY");
	fd = emul_open("/dev/sgx_enclave", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	ok(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC, "O_CLOEXEC is kept");
	ok((fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK)) == (O_RDWR | O_NONBLOCK), "mode and flags are kept");
	ok(emul_is_enclave_fd(fd), "it is an enclave");
	ro = emul_open("/dev/sgx_enclave", O_RDONLY);
	ok(!(fcntl(ro, F_GETFD) & FD_CLOEXEC) && (fcntl(ro, F_GETFL) & O_ACCMODE) == O_RDONLY, "O_RDONLY is kept");
	is_u64(emul_ioctl(ro, SGX_IOC_ENCLAVE_CREATE, NULL), -EFAULT, "ioctls work on an O_RDONLY fd");
	token = emul_open("/dev/sgx_provision", O_RDWR);
	ok(token >= 0 && !emul_is_enclave_fd(token), "a token is no enclave");
	is_u64(emul_ioctl(token, SGX_IOC_ENCLAVE_CREATE, NULL), -ENOTTY, "and has no ioctls");
	is_u64(emul_ioctl(fd, SGX_IOC_VEPC_REMOVE_ALL, NULL), -ENOTTY, "a command of another device");
	is_u64(emul_ioctl(fd, 0xffffffff12345678ul, NULL), -ENOTTY, "an unknown command");
	is_u64(emul_ioctl(fd, FIONCLEX, NULL), 0, "a command of every file");
	ok(!(fcntl(fd, F_GETFD) & FD_CLOEXEC), "... is done");
	emul_close(fd);
	is_u64(emul_ioctl(fd, SGX_IOC_ENCLAVE_CREATE, NULL), -EBADF, "a closed fd");
	is_u64(emul_close(fd), -EBADF, "closed again");
	fd = emul_open("/dev/sgx_enclave", O_PATH);
	is_u64(emul_ioctl(fd, SGX_IOC_ENCLAVE_CREATE, NULL), -EBADF, "an O_PATH fd");
	emul_close(fd);
	emul_close(ro);
	emul_close(token);
	fd = open("/dev/null", O_RDWR);
	ok(!emul_is_enclave_fd(fd) && emul_ioctl(fd, SGX_IOC_ENCLAVE_CREATE, NULL) == -ENOTTY, "another file");
	close(fd);
}

/* The enclave lives as long as an fd or a mapping, whoever closes what and how. */
static void test_lifetime(void)
{
	struct fx f, g;
	uint64_t n;
	int copy;

	fx_build(&f, A64);
	n = fx_epc_used(&f);
	copy = dup(f.fd);
	emul_close(f.fd);
	f.fd = copy;
	is_u64(fx_epc_used(&f), n, "a duplicate keeps the enclave");
	is_u64(fx_augment(&f, FX_FREE, 4096, &n), 0, "... and works");
	emul_mmap(f.base, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	emul_close(copy);
	fx_open(&g, FX_SIZE, A64);
	is_u64(fx_epc_used(&g), 10 + 1, "a mapping keeps it too");
	emul_munmap(f.base, FX_SIZE);
	is_u64(fx_epc_used(&g), 0, "the last unmapping ends it");
	fx_build(&f, A64);
	close(f.fd);
	munmap((void *)f.base, f.size);
	fx_close(&g);
	fx_open(&g, FX_SIZE, A64);
	is_u64(fx_epc_used(&g), 0, "an fd closed behind our back is noticed at the next open");
	fx_close(&g);
}

/* Children share the enclave; what they created dies with them, also when they are killed. */
static void test_fork(void)
{
	struct fx f, g;
	uint64_t n, used;
	int status;
	pid_t pid;

	fx_build(&f, A64);
	used = fx_epc_used(&f);
	pid = fork();
	if (!pid)
		_exit(fx_augment(&f, FX_FREE, 3 * 4096, &n) || n != 3 * 4096);
	waitpid(pid, &status, 0);
	is_u64((unsigned)status, 0, "a forked child can AUGMENT");
	is_u64(fx_augment(&f, FX_FREE, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "... and its parent sees the pages");
	is_u64(fx_epc_used(&f), used + 3, "... in the same EPC");
	pid = fork();
	if (!pid) {
		fx_open(&g, 0x1000000, A64);
		fx_create(&g);
		fx_add(&g, 0, 900 * 4096, RW, 1, NULL);
		raise(SIGKILL);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status), "a child that holds 900 EPC pages is killed");
	fx_open(&g, 0x1000000, A64);
	is_u64(fx_create(&g), 0, "another enclave");
	is_u64(fx_add(&g, 0, 900 * 4096, RW, 1, &n), 0, "... finds the EPC free");
	fx_close(&g);
	is_u64(fx_epc_used(&f), used + 3, "nothing is lost");
	fx_close(&f);
}

/* ---- the busy flag ---------------------------------------------------------------------------------------- */

static void *nap(void *arg)
{
	atomic_store((_Atomic uint32_t *)arg, (uint32_t)gettid());
	pause();
	return NULL;
}

static void test_busy(void)
{
	static const unsigned long cmds[] = {
		SGX_IOC_ENCLAVE_CREATE, SGX_IOC_ENCLAVE_ADD_PAGES, SGX_IOC_ENCLAVE_INIT, SGX_IOC_ENCLAVE_PROVISION,
		SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, SGX_IOC_ENCLAVE_MODIFY_TYPES, SGX_IOC_ENCLAVE_REMOVE_PAGES,
		SGX_IOC_ENCLAVE_AUGMENT_PAGES, 0x12345678,
	};
	static _Atomic uint32_t tid;
	struct emul_get_counters c;
	struct emul_shared *sh;
	pthread_t other;
	struct fx f;

	fx_build(&f, A64);
	sh = emul_encl_by_fd(f.fd)->sh;
	pthread_create(&other, NULL, nap, &tid);
	while (!atomic_load(&tid))
		usleep(100);
	atomic_store(&sh->busy, atomic_load(&tid));
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		is_u64(emul_ioctl(f.fd, cmds[i], NULL), -EBUSY, "busy: command 0x%lx", cmds[i]);
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_COUNTERS, &c), 0, "busy: questions to the model work");
	pthread_cancel(other);
	pthread_join(other, NULL);
	is_u64(emul_ioctl(f.fd, 0x12345678, NULL), -ENOTTY, "the holder is dead: not busy");
	fx_close(&f);
}

struct race { struct fx *f; _Atomic int stop; unsigned busy, done, odd; };

static void *racer(void *arg)
{
	struct race *r = arg;

	while (!atomic_load(&r->stop)) {
		long x = emul_ioctl(r->f->fd, 0x12345678, NULL);

		if (x == -EBUSY)
			__atomic_fetch_add(&r->busy, 1, __ATOMIC_RELAXED);
		else if (x == -ENOTTY)
			__atomic_fetch_add(&r->done, 1, __ATOMIC_RELAXED);
		else
			__atomic_fetch_add(&r->odd, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void test_race(void)
{
	struct race r = { 0 };
	pthread_t t[2];
	struct fx f;
	uint64_t n, off = 0, refused = 0;

	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	r.f = &f;
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, racer, &r);
	while (off < 600 * 4096) {
		long x = fx_add(&f, off, 100 * 4096, RW, 7, &n);

		if (x == -EBUSY && n == ~0ull)
			refused++;
		else if (!x)
			off += n;
		else
			break;
	}
	while (!r.busy && !r.odd && off == 600 * 4096 && refused < 1000000)
		refused += emul_ioctl(f.fd, 0x87654321, NULL) == -EBUSY;
	atomic_store(&r.stop, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	is_u64(off, 600 * 4096, "a build gets through beside two other callers");
	ok(r.busy || refused, "EBUSY was seen");
	is_u64(r.odd, 0, "nothing but EBUSY and ENOTTY was seen");
	is_u64(fx_init(&f), 0, "the measurement is right");
	fx_close(&f);
}

/* One thread closes what another one uses: the call ends well, the enclave after it. */
static void *caller(void *arg)
{
	int fd = *(int *)arg;
	uint64_t n;
	struct fx f = { .fd = fd };

	while (fx_augment(&f, 0x10000, 64 * 4096, &n) != -EBADF)
		;
	return NULL;
}

static void test_close_race(void)
{
	struct fx f, g;
	pthread_t t;

	for (int i = 0; i < 50; i++) {
		fx_build(&f, A64);
		pthread_create(&t, NULL, caller, &f.fd);
		usleep((unsigned)i * 7);
		emul_close(f.fd);
		pthread_join(t, NULL);
		emul_munmap(f.base, f.size);
	}
	fx_open(&g, FX_SIZE, A64);
	is_u64(fx_epc_used(&g), 0, "closing under a running call: nothing is left, nobody crashed");
	fx_close(&g);
}

/* ---- passing on ------------------------------------------------------------------------------------------------------------ */

/* A process that never opened the device gets the fd through a socket. */
static int stranger(int sock)
{
	char data, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct fx f = { 0 };
	uint64_t n;

	if (emul_setup(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = EPC }) ||
	    recvmsg(sock, &msg, 0) != 1)
		return 1;
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	if (!c)
		return 1;
	memcpy(&f.fd, CMSG_DATA(c), sizeof(int));
	return fx_augment(&f, FX_FREE, 5 * 4096, &n) || n != 5 * 4096 || fx_epc_used(&f) != 10 + 5;
}

static void test_passing(void)
{
	char data = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { &data, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int socks[2], status;
	struct fx f;
	uint64_t n;
	pid_t pid;

	socketpair(AF_UNIX, SOCK_STREAM, 0, socks);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(stranger(socks[1]));
	if (emul_setup(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = EPC }))
		fx_bail("emul_setup", 0);
	fx_build(&f, A64);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &f.fd, sizeof(int));
	sendmsg(socks[0], &msg, 0);
	waitpid(pid, &status, 0);
	is_u64((unsigned)status, 0, "a stranger that got the fd can AUGMENT");
	is_u64(fx_augment(&f, FX_FREE, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "... and the owner sees the pages");
	fx_close(&f);
}

static void all(void)
{
	test_open();
	test_lifetime();
	test_fork();
	test_busy();
	test_race();
	test_close_race();
	is_u64(emul_setup(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = EPC }), 0, "set up again, alike");
	is_u64(emul_setup(&(struct emul_config){ .kernel = EMUL_KERNEL_FIXED, .epc_pages = EPC }), -EBUSY,
	       "set up again, otherwise");
}

int main(void)
{
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = EPC }, all);
	test_passing();
	return tap_done();
}
