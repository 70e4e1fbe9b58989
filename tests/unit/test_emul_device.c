/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device around the ioctls: nodes and fds, who holds an enclave, the busy flag, an EPC that is full,
 * signals, and what the model tells about itself.
 */
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

/* ---- a full EPC ---------------------------------------------------------------------------------------------- */

static void test_exhaustion(void)
{
	struct fx f, g;
	uint64_t n, code;

	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	/* 1 SECS, 1020 pages, 2 VA pages: one page is left */
	is_u64(fx_add(&f, 0, 0x1000000, RW, 1, &n), -ENOMEM, "ADD: all that fits");
	is_u64(n, (EPC - 3) * 4096, "... count");
	is_u64(fx_epc_used(&f), EPC, "... nothing is left");
	is_u64(fx_init(&f), 0, "... and the measurement is right");
	is_u64(fx_augment(&f, n, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: no EPC");
	is_u64(n, 0, "... count");
	is_u64(fx_augment(&f, 0, 4096, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: no EPC, page exists");
	fx_open(&g, FX_SIZE, A64);
	is_u64(fx_create(&g), -ENOMEM, "CREATE: no EPC for the VA page");
	g.secs.size = 0x3000;
	is_u64(fx_create(&g), -EINVAL, "CREATE: the size is looked at first");
	g.secs.size = FX_SIZE;
	fx_modify(&f, 0, 4096, SGX_PT_TRIM, &n, &code);
	memcpy(&(struct sgx_arch_secinfo){ 0 }, &f, 0);
	fx_close(&f);
	is_u64(fx_epc_used(&g), 0, "closing gives all back");

	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	fx_add(&f, 0, 0x1000, RW, 1, NULL);
	fx_init(&f);
	is_u64(fx_augment(&f, 0x1000, 0x1000000 - 0x1000, &n), SGX_AUGMENT_RFC_REFUSED, "AUGMENT: all that fits");
	is_u64(n, (EPC - 4) * 4096, "... count");
	is_u64(fx_epc_used(&f), EPC, "... nothing is left");
	fx_close(&f);

	/* 1023 taken: the VA page of a new enclave fits, its SECS does not */
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	fx_add(&f, 0, (EPC - 4) * 4096, RW, 1, NULL);
	is_u64(fx_epc_used(&f), EPC - 1, "all but one page");
	is_u64(fx_create(&g), -ENOMEM, "CREATE: no EPC for the SECS");
	is_u64(fx_epc_used(&f), EPC - 1, "... the VA page is given back");
	fx_close(&f);
	fx_close(&g);

	/* page 512 would fit, its VA page does not: 1023 - 511 = 512 pages are another enclave's */
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	fx_add(&f, 0, 508 * 4096, RW, 1, NULL);
	fx_open(&g, 0x1000000, A64);
	fx_create(&g);
	is_u64(fx_add(&g, 0, 511 * 4096, RW, 1, &n), 0, "511 pages: one EPC page is left");
	is_u64(fx_epc_used(&f), EPC - 1, "... indeed");
	is_u64(fx_add(&g, 511 * 4096, 4096, RW, 1, &n), -ENOMEM, "ADD: a page, but no VA page for it");
	is_u64(fx_epc_used(&f), EPC - 1, "... is undone");
	is_u64(fx_add(&f, 508 * 4096, 4096, RW, 1, &n), 0, "the last one goes to the other enclave");
	fx_close(&f);
	fx_close(&g);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

static _Atomic int storm_stop;
static pthread_t victim;

static void on_signal(int sig) { (void)sig; }

static void *storm(void *arg)
{
	(void)arg;
	while (!atomic_load(&storm_stop)) {
		pthread_kill(victim, SIGUSR1);
		usleep(30);
	}
	return NULL;
}

/* The loop the documentation of the driver recommends. */
static void add_all(struct fx *f, uint64_t bytes, unsigned *ret_short, unsigned *ret_eintr)
{
	uint64_t off = 0, n;

	while (off < bytes) {
		long r = fx_add(f, off, bytes - off, RW, 3, &n);

		if (r && r != -EINTR)
			return;
		if (n == ~0ull)
			return;
		*ret_eintr += r == -EINTR;
		*ret_short += !r && n < bytes - off;
		if (r == -EINTR && n)
			return;
		off += n;
	}
}

static void test_signals(int sa_flags, const char *name)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = sa_flags };
	unsigned shorts = 0, eintrs = 0;
	pthread_t t;
	struct fx f;

	sigaction(SIGUSR1, &sa, NULL);
	fx_open(&f, 0x1000000, A64);
	fx_create(&f);
	atomic_store(&storm_stop, 0);
	victim = pthread_self();
	pthread_create(&t, NULL, storm, NULL);
	add_all(&f, 1000 * 4096, &shorts, &eintrs);
	atomic_store(&storm_stop, 1);
	pthread_join(t, NULL);
	ok(shorts > 0, "%s: short counts were seen (%u, and EINTR %u)", name, shorts, eintrs);
	if (sa_flags & SA_RESTART)
		is_u64(eintrs, 0, "%s: restarted, never EINTR", name);
	is_u64(fx_epc_used(&f), 2 + 1000 + 1, "%s: every page is there once", name);
	is_u64(fx_init(&f), 0, "%s: and measured once", name);
	fx_close(&f);
	signal(SIGUSR1, SIG_IGN);
}

/* ---- what the model tells ------------------------------------------------------------------------------------------ */

static void test_get_pages(void)
{
	struct emul_page_range r[8];
	struct emul_get_pages a = { .length = 1ull << 40, .ranges = (uintptr_t)r, .capacity = 8 };
	struct emul_get_secs s = { 0 };
	struct sgx_arch_secs image;
	struct fx f;
	uint64_t n;

	fx_open(&f, 1ull << 40, A64);
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), -EINVAL, "GET_PAGES before CREATE");
	is_u64(fx_create(&f), 0, "an ELRANGE of a TiB");
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), 0, "GET_PAGES of an empty one");
	is_u64(a.n, 0, "... nothing");
	is_u64(a.next_off, 1ull << 40, "... to the end");
	fx_add(&f, 0x3000, 0x2000, RW, 1, NULL);
	fx_add(&f, (1ull << 39) + 0x1000, 0x1000, SGX_SECINFO_TCS, 0, NULL);
	fx_init(&f);
	fx_augment(&f, 0x5000, 0x8000, &n);
	emul_mmap(f.base + 0x4000, 1ull << 30, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), 0, "GET_PAGES");
	is_u64(a.n, 5, "... five ranges");
	ok(r[0].off == 0x3000 && r[0].pages == 1 && r[0].vma == -1, "... an EADDed page, not mapped");
	ok(r[1].off == 0x4000 && r[1].pages == 1 && r[1].vma == PROT_READ, "... one that is");
	ok(r[2].off == 0x5000 && r[2].pages == 8 && r[2].word & SGXM_E_PENDING && r[2].max_prot == 0x80000007u,
	   "... eight PENDING pages");
	ok(r[3].off == 0xd000 && r[3].pages == (1u << 18) - 9 && !r[3].word && !r[3].max_prot, "... the rest of the mapping");
	ok(r[4].off == (1ull << 39) + 0x1000 && r[4].max_prot == 0x80000003u, "... a TCS far away");
	a.capacity = 2;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), 0, "GET_PAGES with room for two");
	ok(a.n == 2 && a.next_off == 0x5000, "... says where to go on");
	a.off = 1;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), -EINVAL, "GET_PAGES unaligned");
	a = (struct emul_get_pages){ .length = 0x10000, .ranges = 8, .capacity = 8 };
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_PAGES, &a), -EFAULT, "GET_PAGES to nowhere");

	s.secs = (uintptr_t)&image;
	is_u64(emul_ioctl(f.fd, EMUL_IOC_GET_SECS, &s), 0, "GET_SECS");
	ok(image.baseaddr == f.base && image.attributes.flags == (A64 | SGX_ATTR_INIT), "... shows the SECS");
	for (n = 0; n < sizeof(image.reserved4) && !image.reserved4[n]; n++)
		;
	is_u64(n, sizeof(image.reserved4), "... without hidden state");
	is_u64(s.children, 11, "... and counts children");
	fx_close(&f);
}

static void test_refusal(void)
{
	struct emul_last_refusal l = { 0 };
	uint64_t n, code;
	struct fx f;

	fx_build(&f, A64);
	emul_ioctl(f.fd, EMUL_IOC_LAST_REFUSAL, &l);
	ok(!l.check[0], "no refusal yet");
	fx_augment(&f, FX_FREE, 4096, &n);
	fx_modify(&f, FX_FREE, 4096, SGX_PT_TRIM, &n, &code);
	emul_ioctl(f.fd, EMUL_IOC_LAST_REFUSAL, &l);
	ok(!strncmp(l.check, "EMODT.", 6) && l.code == SGXC_PAGE_NOT_MODIFIABLE && l.off == FX_FREE,
	   "the last refusal: %s code %u at 0x%llx", l.check, l.code, (unsigned long long)l.off);
	fx_close(&f);
}

/* ---- the debugger's view ---------------------------------------------------------------------------------------------- */

static void test_peek(void)
{
	uint8_t buf[8192];
	struct fx f;
	uint64_t n;

	fx_build(&f, A64 | SGX_ATTR_DEBUG);
	is_u64(emul_peek(f.base, buf, 8), -EIO, "peek: not mapped");
	emul_mmap(f.base, 0x2000, PROT_NONE, MAP_SHARED | MAP_FIXED, f.fd, 0);
	emul_mmap(f.base + 0x2000, 0x6000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	emul_mmap(f.base + FX_FREE, 0x2000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(emul_peek(f.base + 0x2000, buf, 4096), 4096, "peek a page");
	ok(buf[0] == 0xa2 && buf[4095] == 0xa2, "... its bytes");
	is_u64(emul_peek(f.base + 3, buf, 10), 10, "peek: PROT_NONE works, so do odd addresses");
	is_u64(emul_peek(f.base + 0x1000, buf, 72), 72, "peek the fields of a TCS");
	is_u64(emul_peek(f.base + 0x1000, buf, 73), -EIO, "... but not beyond");
	is_u64(emul_peek(f.base + FX_FREE, buf, 8), -EIO, "peek: no page");
	is_u64(emul_peek(f.base + 0x6800, buf, 8192), 4096, "peek: the chunk that fails is lost whole");
	is_u64(emul_poke(f.base + 0x2001, "xy", 2), 2, "poke a read-only page");
	emul_peek(f.base + 0x2000, buf, 4);
	ok(!memcmp(buf, "\xa2xy\xa2", 4), "... neighbours stay");
	is_u64(emul_poke(f.base + 0x1008, "\1\0\0\0\0\0\0\0", 8), 8, "poke TCS.FLAGS");
	is_u64(emul_poke(f.base + 0x1010, "\1", 1), -EIO, "poke another TCS field");
	fx_augment(&f, FX_FREE, 4096, &n);
	is_u64(emul_peek(f.base + FX_FREE, buf, 8), 8, "peek a PENDING page: the driver loses the refusal");
	is_u64(emul_poke(f.base + FX_FREE, "abcdefgh", 8), 8, "poke a PENDING page: lost");
	is_u64(emul_encl_by_fd(f.fd)->alias[FX_FREE], 0, "... indeed");
	is_u64(emul_peek(f.base, buf, 0), 0, "peek nothing");
	fx_close(&f);

	fx_build(&f, A64);
	emul_mmap(f.base, 0x1000, PROT_READ, MAP_SHARED | MAP_FIXED, f.fd, 0);
	is_u64(emul_peek(f.base, buf, 8), -EIO, "peek: a production enclave");
	is_u64(emul_poke(f.base, buf, 8), -EIO, "poke: a production enclave");
	fx_close(&f);
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
	memcpy(&f.fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
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
	test_exhaustion();
	test_signals(0, "a handler");
	test_signals(SA_RESTART, "a handler with SA_RESTART");
	test_get_pages();
	test_refusal();
	test_peek();
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
