/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: world TOPIC
 *
 * A program that uses SGX beside everything else that programs do: signals of its own, threads, fork, exec, fds sent
 * to others.  It knows nothing of `sgxctl run`; what it expects is what Linux does with a real device.
 */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "../unit/emul_rig.h"
#include "../unit/tap.h"

#define EENTER 2u
#define EEXIT  4u

static struct rig rig;
static const char *self_path;

static void build(const char *image)
{
	emul_setup(NULL);
	rig_build(&rig, image, true);
}

static bool nop(unsigned t)
{
	struct encl_op op = { .op = ENCL_OP_NOP };

	return rig_op(&rig, t, &op) == ENCL_OK;
}

/* The status of a child that runs fn. */
static int child(int (*fn)(void))
{
	fflush(stdout);
	pid_t pid = fork();
	int status = -1;

	if (!pid)
		_exit(fn());
	waitpid(pid, &status, 0);
	return status;
}

/* ---- handlers -------------------------------------------------------------------------------------------- */

static sigjmp_buf jump;
static volatile sig_atomic_t seen, seen_code;
static void *volatile seen_addr;
static uintptr_t volatile seen_stack;

static void note(int sig, siginfo_t *info, void *uc)
{
	char here;

	(void)uc;
	seen = sig;
	seen_code = info->si_code;
	seen_addr = info->si_addr;
	seen_stack = (uintptr_t)&here;
}

static void note_and_jump(int sig, siginfo_t *info, void *uc)
{
	note(sig, info, uc);
	siglongjmp(jump, 1);
}

static void install(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, &sa, NULL))
		printf("# sigaction %d: %s\n", sig, strerror(errno));
}

static bool taken(int sig)
{
	return sig != SIGKILL && sig != SIGSTOP && sig != 32 && sig != 33;
}

static void raise_all(const char *when)
{
	int wrong = 0;

	for (int sig = 1; sig <= 64; sig++) {
		struct sigaction old;

		if (!taken(sig))
			continue;
		seen = 0;
		raise(sig);
		if (seen != sig || seen_code != SI_TKILL || sigaction(sig, NULL, &old) || old.sa_sigaction != note ||
		    !(old.sa_flags & SA_SIGINFO)) {
			wrong++;
			printf("# signal %d: saw %d, code %d\n", sig, (int)seen, (int)seen_code);
		}
	}
	ok(!wrong, "%s: every signal that is sent reaches the handler, which sigaction shows", when);
}

static void *volatile bad = (void *)0x1230;

static void cause_all(const char *when)
{
	static const int caused[] = { SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP };
	char name[] = "/tmp/sgxctl-world-XXXXXX";
	int fd = mkstemp(name);
	volatile char *hole = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	unlink(name);
	for (size_t i = 0; i < sizeof(caused) / sizeof(caused[0]); i++)
		install(caused[i], note_and_jump, 0);
	if (!sigsetjmp(jump, 1))
		*(volatile char *)bad = 1;
	ok(seen == SIGSEGV && seen_code == SEGV_MAPERR && seen_addr == bad, "%s: a bad pointer", when);
	if (!sigsetjmp(jump, 1))
		__asm__ volatile("ud2");
	ok(seen == SIGILL && seen_code == ILL_ILLOPN, "%s: an illegal instruction", when);
	if (!sigsetjmp(jump, 1))
		hole[5] = 1;
	ok(seen == SIGBUS && seen_code == BUS_ADRERR && seen_addr == hole + 5, "%s: beyond the end of a file", when);
	if (!sigsetjmp(jump, 1))
		__asm__ volatile("xor %%eax, %%eax; cltd; idivl %%eax" : : : "eax", "edx");
	ok(seen == SIGFPE && seen_code == FPE_INTDIV, "%s: a division by zero", when);
	if (!sigsetjmp(jump, 1))
		__asm__ volatile("int3");
	ok(seen == SIGTRAP, "%s: a breakpoint", when);
	if (!sigsetjmp(jump, 1))
		__asm__ volatile("hlt");
	ok(seen == SIGSEGV && seen_code == SI_KERNEL, "%s: a privileged instruction", when);
	for (int sig = 1; sig <= 64; sig++)
		if (taken(sig))
			install(sig, note, 0);
	close(fd);
	munmap((void *)(uintptr_t)hole, 4096);
}

static int die_of_segv(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile char *)bad = 1;
	return 0;
}

static int die_of_ill(void)
{
	signal(SIGILL, SIG_DFL);
	__asm__ volatile("ud2");
	return 0;
}

static void handlers(void)
{
	for (int sig = 1; sig <= 64; sig++)
		if (taken(sig))
			install(sig, note, 0);
	raise_all("before");
	cause_all("before");
	build("grow.elf");
	ok(nop(0), "the enclave is entered");
	raise_all("after");
	cause_all("after");
	ok(nop(0), "and entered again");
	int status = child(die_of_segv);

	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "the default action of SIGSEGV: status 0x%x", status);
	status = child(die_of_ill);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL, "the default action of SIGILL: status 0x%x", status);
}

/* ---- masks and alternate stacks -------------------------------------------------------------------------- */

/* A thread inherits the mask. */
static void *reads_mask(void *arg)
{
	sigset_t old;

	(void)arg;
	pthread_sigmask(SIG_BLOCK, NULL, &old);
	return (void *)(uintptr_t)(sigismember(&old, SIGSEGV) && sigismember(&old, SIGUSR1) && nop(0));
}

static void masks(void)
{
	pthread_t id;
	void *inherited;

	sigset_t all, old;
	static _Alignas(16) char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) }, was;

	install(SIGSEGV, note, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	build("grow.elf");
	ok(nop(0), "with every signal blocked, the device is opened and an enclave entered");
	is_u64((uint64_t)pthread_sigmask(SIG_SETMASK, &all, NULL), 0, "everything is blocked");
	sigprocmask(SIG_BLOCK, NULL, &old);
	ok(sigismember(&old, SIGSEGV) && sigismember(&old, SIGILL) && sigismember(&old, SIGUSR1), "and reported as blocked");
	ok(nop(0), "an enclave is entered all the same");
	ok(*(volatile uint8_t *)rig.base || true, "its memory is read");
	pthread_create(&id, NULL, reads_mask, NULL);
	pthread_join(id, &inherited);
	ok(inherited != NULL, "a new thread has them blocked as well, and enters");
	seen = 0;
	raise(SIGSEGV);
	ok(!seen, "a SIGSEGV that was sent waits");
	sigemptyset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok(sigismember(&old, SIGSEGV) && seen == SIGSEGV && seen_code == SI_TKILL, "until it is unblocked");

	is_u64((uint64_t)sigaltstack(&ss, NULL), 0, "one is set");
	sigaltstack(NULL, &was);
	ok(was.ss_sp == stack && was.ss_size == sizeof(stack), "it is the one that is reported");
	install(SIGUSR1, note, SA_ONSTACK);
	install(SIGUSR2, note, 0);
	raise(SIGUSR1);
	ok(seen_stack - (uintptr_t)stack < sizeof(stack), "a handler that wants it runs on it");
	raise(SIGUSR2);
	ok(seen_stack - (uintptr_t)stack >= sizeof(stack), "one that does not runs where the thread was");
	ok(nop(0), "the enclave is entered");
}

/* ---- 1000 signals a second ------------------------------------------------------------------------------- */

static volatile sig_atomic_t ticks, inside_ticks, odd_ticks;
static volatile uint32_t stop;
static greg_t aep;

static void tick(int sig, siginfo_t *info, void *ctx)
{
	const greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (++ticks == 300)
		stop = 1;
	if (g[REG_RBX] != (greg_t)(rig.base + rig.plan.tcs[0]) || g[REG_RAX] != 3)
		return;
	inside_ticks++;
	if (!aep)
		aep = g[REG_RIP];
	if (g[REG_RIP] != aep || g[REG_RCX] != aep || g[REG_R8] || g[REG_R15])
		odd_ticks++;
}

static void timer(void)
{
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	struct encl_op op = { .op = ENCL_OP_CPUSTATE, .value = 12345, .addr = (uintptr_t)&stop };

	build("grow.elf");
	install(SIGALRM, tick, SA_RESTART);
	setitimer(ITIMER_REAL, &every, NULL);
	is_u64(rig_op(&rig, 0, &op), ENCL_OK, "the enclave comes back");
	setitimer(ITIMER_REAL, &never, NULL);
	is_u64(op.value, 0, "no register changed");
	ok(ticks >= 300, "%d signals came", (int)ticks);
	ok(inside_ticks > 200, "%d of them met the enclave", (int)inside_ticks);
	is_u64((uint64_t)odd_ticks, 0, "all of these saw the registers after an asynchronous exit");
}

/* ---- threads --------------------------------------------------------------------------------------------- */

#define THREADS 8
#define ROUNDS  300

static void *many_entries(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;
	uintptr_t failed = 0;

	for (int i = 0; i < ROUNDS; i++)
		failed += !nop(t);
	return (void *)failed;
}

static void threads(void)
{
	pthread_t id[THREADS];
	uintptr_t failed = 0;

	build("threads.elf");
	ok(rig.plan.n_tcs >= THREADS, "the enclave has %zu TCSs", rig.plan.n_tcs);
	for (unsigned round = 0; round < 3; round++) {
		for (uintptr_t t = 0; t < THREADS; t++)
			pthread_create(&id[t], NULL, many_entries, (void *)t);
		for (unsigned t = 0; t < THREADS; t++) {
			void *r;

			pthread_join(id[t], &r);
			failed += (uintptr_t)r;
		}
	}
	is_u64(failed, 0, "3 times 8 threads entered 300 times each");
}

/* ---- fork and exec --------------------------------------------------------------------------------------- */

static uint32_t *flag;

static void *spin(void *arg)
{
	struct encl_op op = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)flag };

	(void)arg;
	return (void *)(uintptr_t)rig_op(&rig, 0, &op);
}

static int enter_second(void)
{
	return nop(1) ? 0 : 1;
}

static int enter_busy(void)
{
	struct sgx_enclave_run run;
	struct encl_op op = { .op = ENCL_OP_NOP };

	rig_enter(&rig, 0, EENTER, &op, &run);
	return run.function == EENTER && run.exception_vector == 13 ? 0 : 1;
}

static void fork_inside(void)
{
	pthread_t id;
	void *r;

	flag = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	build("threads.elf");
	pthread_create(&id, NULL, spin, NULL);
	usleep(50000);
	is_u64((uint64_t)child(enter_second), 0, "a child enters while a thread of its parent is inside");
	is_u64((uint64_t)child(enter_busy), 0, "but not on the same TCS");
	*flag = 1;
	pthread_join(id, &r);
	is_u64((uintptr_t)r, ENCL_OK, "the thread of the parent leaves");
	ok(nop(0), "and enters again");
}

static int wait_for(pid_t pid)
{
	int status = -1;

	if (pid > 0)
		waitpid(pid, &status, 0);
	return status;
}

static void exec_chain(void)
{
	char *const argv[] = { (char *)(uintptr_t)self_path, (char *)(uintptr_t)"once", NULL };
	char dir[4200];
	char *const bare[] = { dir, NULL };
	pid_t pid;

	snprintf(dir, sizeof(dir), "SGXCTL_ENCLAVES=%s", getenv("SGXCTL_ENCLAVES"));
	build("grow.elf");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execve(self_path, argv, bare);
		_exit(99);
	}
	is_u64((uint64_t)wait_for(pid), 0, "fork and execve with an environment of one variable");
	pid = vfork();
	if (!pid) {
		close(rig.fd);
		execv(self_path, argv);
		_exit(99);
	}
	is_u64((uint64_t)wait_for(pid), 0, "vfork and execv");
	is_u64((uint64_t)(posix_spawn(&pid, self_path, NULL, NULL, argv, bare) ? -1 : wait_for(pid)), 0,
	       "posix_spawn with an environment of one variable");
	pid = fork();
	if (!pid) {
		execle(self_path, self_path, "once", (char *)NULL, bare);
		_exit(99);
	}
	is_u64((uint64_t)wait_for(pid), 0, "execle");
	ok(nop(0), "the parent's enclave is as it was");
}

static void once(void)
{
	build("grow.elf");
	exit(nop(0) ? 0 : 1);
}

/* ---- fds ------------------------------------------------------------------------------------------------- */

static int sockets[2];

static void send_fd(int fd)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c = { .h = {
		.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec v = { &rig.base, sizeof(rig.base) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };

	memcpy(CMSG_DATA(&c.h), &fd, sizeof(fd));
	if (sendmsg(sockets[0], &m, 0) < 0)
		perror("# sendmsg");
}

static int receive_fd(void)
{
	union { struct cmsghdr h; char room[CMSG_SPACE(sizeof(int))]; } c;
	struct iovec v = { &rig.base, sizeof(rig.base) };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c) };
	int fd = -1;

	if (recvmsg(sockets[1], &m, 0) > 0)
		memcpy(&fd, CMSG_DATA(&c.h), sizeof(fd));
	return fd;
}

/* The receiver has never opened the device. */
static int receiver(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	char path[4200];

	emul_setup(NULL);
	rig.fd = receive_fd();
	snprintf(path, sizeof(path), "%s/grow.elf", getenv("SGXCTL_ENCLAVES"));
	if (rig.fd < 0 || image_open(path, &opts, &rig.plan, &e))
		return 2;
	for (size_t i = 0; i < rig.plan.n_runs; i++) {
		const struct plan_run *run = &rig.plan.runs[i];
		int prot = run->secinfo & SGX_SECINFO_RWX ? (int)(run->secinfo & SGX_SECINFO_RWX) : PROT_READ | PROT_WRITE;

		if (rig_map(&rig, run->off, run->pages, prot) < 0)
			return 3;
	}
	return nop(0) ? 0 : 4;
}

static void pass(void)
{
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets))
		exit(1);
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(receiver());
	build("grow.elf");
	send_fd(rig.fd);
	is_u64((uint64_t)wait_for(pid), 0, "another process maps the enclave it was sent, and enters");
	ok(nop(0), "so does its owner");
}

static void fds(void)
{
	struct sgx_enclave_init init = { 0 };
	struct stat st;
	char link[64] = "", path[64];
	int a, b, c;

	build("grow.elf");
	a = dup(rig.fd);
	b = fcntl(rig.fd, F_DUPFD_CLOEXEC, 50);
	ok(fcntl(b, F_GETFD) == FD_CLOEXEC && b >= 50, "F_DUPFD_CLOEXEC");
	c = dup2(rig.fd, 77);
	ok(!fstat(c, &st) && S_ISCHR(st.st_mode) && major(st.st_rdev) == 10, "fstat sees a misc device");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", c);
	ok(readlink(path, link, sizeof(link) - 1) > 0 && !strcmp(link, "/dev/sgx_enclave"), "/proc names it: %s", link);
	close(rig.fd);
	ok(ioctl(a, SGX_IOC_ENCLAVE_INIT, &init) < 0 && errno == EINVAL, "a duplicate works when the original is closed");
	close(a);
	close(b);
	ok(ioctl(c, SGX_IOC_ENCLAVE_INIT, &init) < 0 && errno == EINVAL, "so does the last of them");
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
	ok(ioctl(c, SGX_IOC_ENCLAVE_INIT, &init) < 0 && errno == EBADF, "all are closed");
	ok(nop(0), "the enclave runs while it is mapped");
	munmap((void *)rig.base, rig.size);
	rig_build(&rig, "grow.elf", true);
	ok(nop(0), "another one is built and entered");
	closefrom(3);
	ok(nop(0), "after closefrom, too");
}

static unsigned count_nodes(DIR *dir)
{
	unsigned n = 0;

	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		n += e->d_type == DT_CHR && (!strcmp(e->d_name, "sgx_enclave") || !strcmp(e->d_name, "sgx_provision"));
	return n;
}

static int is_sgx(const struct dirent *e)
{
	return !strncmp(e->d_name, "sgx", 3);
}

/* What a shell does with /dev/sgx*, and others do with the folder. */
static void listings(void)
{
	struct dirent **list = NULL;
	unsigned long ino = 0;
	struct stat st;
	glob_t g = { 0 };
	DIR *dir = opendir("/dev");
	int n;

	if (!dir || stat("/dev/sgx_enclave", &st)) {
		ok(false, "/dev can be listed");
		return;
	}
	errno = 77;
	is_u64(count_nodes(dir), 2, "a listing of /dev has both nodes once");
	is_u64((uint64_t)errno, 77, "... and ends without an error");
	is_u64(readdir(dir) == NULL, 1, "... for good");
	rewinddir(dir);
	is_u64(count_nodes(dir), 2, "... from the beginning again");
	closedir(dir);
	n = scandir("/dev", &list, is_sgx, alphasort);
	ok(n == 2 && !strcmp(list[0]->d_name, "sgx_enclave") && !strcmp(list[1]->d_name, "sgx_provision"),
	   "scandir finds them, in order");
	if (n > 0)
		ino = list[0]->d_ino;
	is_u64(ino, st.st_ino, "... with the number that stat gives");
	while (n > 0)
		free(list[--n]);
	free(list);
	ok(!glob("/dev/sgx_*", 0, NULL, &g) && g.gl_pathc == 2 && !strcmp(g.gl_pathv[0], "/dev/sgx_enclave") &&
	   !(g.gl_flags & GLOB_ALTDIRFUNC), "glob finds them");
	globfree(&g);
	dir = opendir("/proc/self");
	is_u64(dir ? count_nodes(dir) : 9, 0, "other listings have none");
	if (dir)
		closedir(dir);
}

static void views(void)
{
	static const char *const nodes[] = { "/dev/sgx_enclave", "/dev/sgx_provision" };
	FILE *f;
	char line[8192];
	int lines = 0, foreign = 0;
	struct stat st;
	unsigned long bytes = 0;

	for (int i = 0; i < 2; i++) {
		ok(!stat(nodes[i], &st) && S_ISCHR(st.st_mode) && major(st.st_rdev) == 10, "%s is a misc device", nodes[i]);
		ok(!access(nodes[i], R_OK | W_OK) && access(nodes[i], X_OK), "that can be opened");
	}
	ok(access("/dev/sgx_other", F_OK) && errno == ENOENT, "others are not there");
	ok(open("/dev/sgx_enclave", O_RDWR | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST, "O_EXCL finds it");
	ok(readlink("/dev/sgx_enclave", line, sizeof(line)) < 0 && errno == EINVAL, "it is no link");
	ok(!chdir("/dev") && open("sgx_enclave", O_RDWR) >= 0, "it is opened by its name in /dev");
	listings();
	build("grow.elf");
	f = fopen("/proc/self/maps", "r");
	while (f && fgets(line, sizeof(line), f)) {
		foreign += !!strstr(line, "memfd:sgx");
		if (strstr(line, "/dev/sgx_enclave"))
			lines += strstr(line, "s 00000000 ") != NULL;
	}
	if (f)
		fclose(f);
	is_u64((uint64_t)lines, rig.plan.n_runs, "maps has one line per mapping");
	is_u64((uint64_t)foreign, 0, "and none that speaks of files in memory");
	f = fopen("/proc/cpuinfo", "r");
	lines = 0;
	while (f && fgets(line, sizeof(line), f))
		lines += !strncmp(line, "flags", 5) && strstr(line, " sgx ");
	if (f)
		fclose(f);
	ok(lines > 0, "cpuinfo has the flag");
	f = fopen("/sys/devices/system/node/node0/x86/sgx_total_bytes", "r");
	ok(f && fscanf(f, "%lu", &bytes) == 1 && bytes >= 4096, "sysfs says %lu bytes of EPC", bytes);
	if (f)
		fclose(f);
	ok(madvise((void *)rig.base, 4096, MADV_WILLNEED) == 0, "madvise WILLNEED");
	ok(madvise((void *)rig.base, 4096, MADV_DONTNEED) < 0 && errno == EINVAL, "madvise DONTNEED");
	ok(mremap((void *)rig.base, 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT, "mremap to another size");
	ok(mlock((void *)rig.base, 4096) == 0, "mlock");
	ok(nop(0), "the enclave is as it was");
}

/* ---- an ENCLU of one's own ------------------------------------------------------------------------------- */

uint64_t stub_enter(uint64_t tcs, struct encl_op *op);
extern char stub_aep[], stub_recover[];

__asm__(".text; .globl stub_enter, stub_aep, stub_recover; .type stub_enter, @function; stub_enter:"
	"push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15;"
	"mov %rdi, %rbx; mov %rsi, %rdi; lea stub_aep(%rip), %rcx; mov $2, %eax;"
	"stub_aep: .byte 0x0f, 0x01, 0xd7;"
	"xor %eax, %eax; jmp 1f;"
	"stub_recover: mov $1, %eax;"
	"1: pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret;"
	".size stub_enter, . - stub_enter");

static greg_t stub_regs[NGREG];

static void stub_fault(int sig, siginfo_t *info, void *ctx)
{
	greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	note(sig, info, ctx);
	memcpy(stub_regs, g, sizeof(stub_regs));
	g[REG_RIP] = (greg_t)stub_recover;
}

static void stub_case(uint64_t what, int sig, int vector, const char *name)
{
	uint64_t tcs = rig.base + rig.plan.tcs[0];
	struct encl_op op = { .op = ENCL_OP_FAULT, .value = what };

	seen = 0;
	is_u64(stub_enter(tcs, &op), 1, "%s", name);
	ok(seen == sig, "is signal %d", (int)seen);
	ok(stub_regs[REG_RIP] == (greg_t)stub_aep && stub_regs[REG_RAX] == 3 && stub_regs[REG_RBX] == (greg_t)tcs &&
	   stub_regs[REG_RCX] == (greg_t)stub_aep, "at the AEP, with the registers of an asynchronous exit");
	is_u64((uint64_t)stub_regs[REG_TRAPNO], (uint64_t)vector, "of this vector");
}

static void stub(void)
{
	static const int sigs[] = { SIGILL, SIGSEGV, SIGFPE, SIGBUS, SIGTRAP };
	struct encl_op op = { .op = ENCL_OP_NOP };

	for (size_t i = 0; i < sizeof(sigs) / sizeof(sigs[0]); i++)
		install(sigs[i], stub_fault, 0);
	build("grow.elf");
	is_u64(stub_enter(rig.base + rig.plan.tcs[0], &op), 0, "an ENCLU of the program's own enters and comes back");
	stub_case(6, SIGILL, 6, "an illegal instruction inside");
	/* each exception leaves a frame behind: the next enclave has a fresh one */
	rig_build(&rig, "grow.elf", true);
	stub_case(0, SIGFPE, 0, "a division by zero inside");
	rig_build(&rig, "grow.elf", true);
	stub_case(14, SIGSEGV, 14, "a bad pointer inside");
	ok(seen_code == SEGV_MAPERR && !((uintptr_t)seen_addr & 0xfff), "with the page in si_addr: %p", seen_addr);
	is_u64(stub_enter(rig.base + 0x1001, &op), 1, "a TCS that is none");
	ok(seen == SIGSEGV && stub_regs[REG_TRAPNO] == 13 && stub_regs[REG_RAX] == 2, "is #GP, and EAX still says EENTER");
}

static void show_status(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		fputs(line, stdout);
	exit(f ? 0 : 1);
}

/* For debuggers: enters until it is killed. */
static void stays(void)
{
	build("grow.elf");
	while (nop(0))
		;
	exit(1);
}

static const struct { const char *name; void (*fn)(void); } topics[] = {
	{ "status", show_status }, { "stays", stays },
	{ "handlers", handlers }, { "masks", masks }, { "timer", timer }, { "threads", threads },
	{ "fork", fork_inside }, { "exec", exec_chain }, { "once", once }, { "pass", pass }, { "fds", fds },
	{ "views", views }, { "stub", stub },
};

int main(int argc, char **argv)
{
	self_path = argv[0];
	for (size_t i = 0; argc == 2 && i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (strcmp(argv[1], topics[i].name))
			continue;
		topics[i].fn();
		return tap_done();
	}
	fputs("usage: world TOPIC\n", stderr);
	return 64;
}
