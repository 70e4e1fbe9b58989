/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * usage: corners TOPIC [ARGUMENT]
 *
 * What few programs do to the device, each as Linux answers it; for `sgxctl run`.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../unit/emul_rig.h"
#include "../unit/tap.h"

#define ENTER "__vdso_sgx_enter_enclave"

static struct rig rig;
static const char *argument;

static void build(const char *image)
{
	emul_setup(NULL);
	rig_build(&rig, image, true);
}

static bool nop(void)
{
	struct encl_op op = { .op = ENCL_OP_NOP };

	return rig_op(&rig, 0, &op) == ENCL_OK;
}

/* ---- the vDSO by other ways than the auxiliary vector --------------------------------------------------------- */

struct found { uintptr_t base; bool enter; };

static bool has_symbol(uintptr_t base, const ElfW(Phdr) *ph, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const ElfW(Sym) *sym = NULL;
		const uint32_t *hash = NULL;
		const char *str = NULL;

		if (ph[i].p_type != PT_DYNAMIC)
			continue;
		for (const ElfW(Dyn) *d = (const void *)(base + ph[i].p_vaddr); d->d_tag != DT_NULL; d++) {
			uintptr_t at = d->d_un.d_ptr < base ? base + d->d_un.d_ptr : d->d_un.d_ptr;

			if (d->d_tag == DT_SYMTAB)
				sym = (const void *)at;
			else if (d->d_tag == DT_STRTAB)
				str = (const char *)at;
			else if (d->d_tag == DT_HASH)
				hash = (const void *)at;
		}
		for (uint32_t k = 1; sym && str && hash && k < hash[1]; k++)
			if (!strcmp(str + sym[k].st_name, ENTER))
				return true;
	}
	return false;
}

static int look(struct dl_phdr_info *o, size_t bytes, void *arg)
{
	struct found *f = arg;

	(void)bytes;
	if (strcmp(o->dlpi_name, "linux-vdso.so.1"))
		return 0;
	f->base = o->dlpi_addr;
	f->enter = has_symbol(o->dlpi_addr, o->dlpi_phdr, o->dlpi_phnum);
	return 1;
}

extern void *run_vdso_enter;

static void vdso(void)
{
	void *h = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD), *fn = h ? dlsym(h, ENTER) : NULL;
	struct found f = { 0 };

	build("grow.elf");
	ok(h != NULL, "dlopen finds the vDSO");
	ok(fn != NULL, "dlsym finds " ENTER " in it");
	ok(h && dlsym(h, "__vdso_clock_gettime"), "and what the kernel has there");
	ok(h && !dlsym(h, "__vdso_no_such_function"), "and nothing else");
	run_vdso_enter = fn;
	ok(fn && nop(), "an enclave is entered by it");
	dl_iterate_phdr(look, &f);
	ok(f.base && f.enter, "dl_iterate_phdr shows an object of that name, which has the function");
	ok(dlsym(RTLD_DEFAULT, "printf") == (void *)printf && dlsym(RTLD_NEXT, "printf"), "dlsym is as it was");
	ok(!dlopen("/no/such/library.so", RTLD_NOW) && dlerror(), "so are dlopen and its errors");
}

/* ---- a library that makes its own system calls ------------------------------------------------------------------- */

static void library(void)
{
	void *h = dlopen(argument, RTLD_NOW);
	int (*raw_open)(const char *, int) = h ? (int (*)(const char *, int))dlsym(h, "raw_open") : NULL;
	struct stat st;

	if (!raw_open) {
		ok(0, "dlopen %s: %s", argument, dlerror());
		return;
	}
	int fd = raw_open("/dev/sgx_enclave", O_RDWR);

	ok(fd >= 0 && !fstat(fd, &st) && S_ISCHR(st.st_mode), "it opens the device: %d", fd);
	is_u64((uint64_t)raw_open("/no/such/file", O_RDONLY), (uint64_t)-ENOENT, "and what is not there, it does not");
}

/* ---- reading and writing the device ----------------------------------------------------------------------------- */

#define FAILS(call, why) do { \
	int got_ = (call) < 0 ? errno : 0; \
	ok(got_ == (why), "%s: %s", #call, strerror(got_)); \
} while (0)

static void fdio(void)
{
	char buf[16] = "", path[64];
	struct iovec v = { buf, sizeof(buf) };
	struct pollfd p;
	struct stat st;

	build("grow.elf");
	int fd = rig.fd, again, copy = dup(fd);

	FAILS(read(fd, buf, sizeof(buf)), EINVAL);
	FAILS(write(fd, buf, sizeof(buf)), EINVAL);
	FAILS(pread(fd, buf, sizeof(buf), 0), EINVAL);
	FAILS(pwrite(fd, buf, sizeof(buf), 0), EINVAL);
	FAILS(readv(fd, &v, 1), EINVAL);
	FAILS(writev(fd, &v, 1), EINVAL);
	FAILS(lseek(fd, 0, SEEK_SET), ESPIPE);
	FAILS(ftruncate(fd, 0), EINVAL);
	FAILS(fallocate(fd, 0, 0, 4096), ENODEV);
	FAILS(fsync(fd), EINVAL);
	FAILS(read(copy, buf, sizeof(buf)), EINVAL);
	FAILS(preadv(fd, &v, 1, 0), EINVAL);
	FAILS(pwritev2(fd, &v, 1, 0, 0), EINVAL);
	int file = open("/proc/self/exe", O_RDONLY), later = fcntl(fd, F_DUPFD, 50);

	FAILS(sendfile(fd, file, NULL, 16), EINVAL);
	FAILS(write(later, buf, sizeof(buf)), EINVAL);
	is_u64((uint64_t)fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND), O_RDWR, "its flags");
	/* by functions that the C library does not call by name */
	ok(dprintf(fd, "%064d", 0) < 0, "dprintf");
	ok(fcntl(fd, F_SETFL, 0) == 0 && dprintf(fd, "%064d", 0) < 0, "dprintf, after F_SETFL");
	p = (struct pollfd){ .fd = fd, .events = POLLIN | POLLOUT };
	ok(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLOUT), "poll: always ready");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR);
	ok(again >= 0 && !fstat(again, &st) && S_ISCHR(st.st_mode), "opened once more through /proc/self/fd");
	struct sgx_enclave_init init = { 0 };

	ok(ioctl(again, SGX_IOC_ENCLAVE_INIT, &init) < 0 && errno == EINVAL, "it is a device");
	close(again);
	ok(nop(), "the enclave is as it was");
}

/* ---- paths ------------------------------------------------------------------------------------------------------- */

static void with_path(const char *path)
{
	char buf[16];
	struct stat st;
	struct statx stx;

	open(path, O_RDONLY);           /* left open: what close() does depends on whether the emulator runs */
	stat(path, &st);
	statx(AT_FDCWD, path, 0, STATX_ALL, &stx);
	access(path, R_OK);
	if (readlink(path, buf, sizeof(buf)) < 0)
		return;
}

/* System calls of a child that does this so many times. */
static long count_calls(const char *path, int times)
{
	int status;
	long n = 0;
	pid_t pid = fork();

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		for (int i = 0; i < times; i++)
			with_path(path);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		n++;
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
	}
	return n / 2;           /* there and back */
}

static char *pages_with_string(const char *text, int behind)
{
	char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p + 4096, 4096, behind);
	return memcpy(p + 4096 - strlen(text), text, strlen(text));
}

static void bad_path(const char *path, const char *what)
{
	char buf[16], *none[] = { NULL };
	struct stat st;
	struct statx stx;

	printf("# %s\n", what);
	FAILS(open(path, O_RDONLY), EFAULT);
	FAILS(open(path, O_CREAT | O_WRONLY, 0600), EFAULT);
	FAILS(openat(AT_FDCWD, path, O_RDONLY), EFAULT);
	FAILS(stat(path, &st), EFAULT);
	FAILS(lstat(path, &st), EFAULT);
	FAILS(fstatat(AT_FDCWD, path, &st, 0), EFAULT);
	FAILS(statx(AT_FDCWD, path, 0, STATX_ALL, &stx), EFAULT);
	FAILS(access(path, R_OK), EFAULT);
	FAILS(faccessat(AT_FDCWD, path, R_OK, 0), EFAULT);
	FAILS(readlink(path, buf, sizeof(buf)), EFAULT);
	FAILS(getxattr(path, "user.x", buf, sizeof(buf)), EFAULT);
	FAILS(execve(path, none, none), EFAULT);
}

/* The vectors of an exec, and what is in them. */
static void bad_vectors(void)
{
	char *good[] = { (char *)"A=1", NULL }, *bad[] = { (char *)"A=1", (char *)1, NULL }, *argv[] = { (char *)"true", NULL };
	char **torn = (char **)(void *)pages_with_string("12345678", PROT_NONE), **volatile nowhere = (char **)1;
	pid_t pid;

	torn[0] = good[0];      /* and its end cannot be read */
	FAILS(execve("/bin/true", argv, nowhere), EFAULT);
	FAILS(execve("/bin/true", argv, bad), EFAULT);
	FAILS(execve("/bin/true", argv, torn), EFAULT);
	FAILS(execve("/bin/true", nowhere, good), EFAULT);
	FAILS(execve("/bin/true", bad, good), EFAULT);
	FAILS(execvpe("true", argv, torn), EFAULT);
	is_u64((uint64_t)posix_spawn(&pid, "/bin/true", NULL, NULL, argv, bad), EFAULT, "posix_spawn with a bad environment");
}

/* Whatever a pointer is, and at no cost for a path that is nothing to us. */
static void paths(void)
{
	const char *cross = pages_with_string("/dev/sgx_enclave", PROT_READ);
	long none = count_calls("/etc/passwd", 0), ten = count_calls("/etc/passwd", 10);
	struct stat st;
	char *lengthy = malloc(8192);
	int before = open("/dev/null", O_RDONLY), fd;

	is_u64((uint64_t)(ten - none), 50, "a call with a path is one system call");
	bad_path(NULL, "NULL");
	bad_path((const char *)1, "unmapped");
	bad_path((const char *)0x8000000000000000, "no address");
	bad_path(pages_with_string("", PROT_NONE), "not readable");
	bad_path(pages_with_string("/dev/sgx_enclave", PROT_NONE), "ends in front of what is not readable");
	bad_vectors();
	fd = open(cross, O_RDWR);
	ok(fd == before + 1, "the device gets the first free number: %d", fd);
	ok(!fstat(fd, &st) && S_ISCHR(st.st_mode) && !stat(cross, &st) && S_ISCHR(st.st_mode),
	   "a string over two pages is the device");
	FAILS(stat(cross, (struct stat *)1), EFAULT);
	memset(lengthy, '/', 8191);
	lengthy[8191] = '\0';
	FAILS(open(lengthy, O_RDONLY), ENAMETOOLONG);
	FAILS(open("/dev/sgx_enclave", O_RDONLY | O_DIRECTORY), ENOTDIR);
	free(lengthy);
}

/* ---- other ways to memory ------------------------------------------------------------------------------------------ */

static void memory(void)
{
	char text[] = "ordinary", buf[64] = "", first[8];
	struct iovec here = { buf, sizeof(buf) };
	FILE *f;
	char line[8192];
	int named = 0, foreign = 0;

	build("grow.elf");
	struct iovec enclave = { (void *)rig.base, 8 }, both[] = { { text, sizeof(text) }, { (void *)rig.base, 8 } };

	ok(process_vm_readv(getpid(), &here, 1, &enclave, 1, 0) < 0 && errno == EFAULT, "process_vm_readv of an enclave page");
	is_u64((uint64_t)process_vm_readv(getpid(), &here, 1, both, 2, 0), sizeof(text), "up to it, it reads");
	ok(process_vm_writev(getpid(), &here, 1, &enclave, 1, 0) < 0 && errno == EFAULT, "process_vm_writev");
	int mem = open("/proc/self/mem", O_RDWR);

	ok(pread(mem, first, sizeof(first), (off_t)rig.base) == 8, "/proc/self/mem by pread");
	lseek(mem, (off_t)rig.base, SEEK_SET);
	ok(read(mem, buf, 8) == 8 && !memcmp(buf, first, 8), "by lseek and read, the same");
	is_u64((uint64_t)lseek(mem, 0, SEEK_CUR), rig.base + 8, "which moves the position");
	lseek(mem, (off_t)(uintptr_t)text, SEEK_SET);
	ok(read(mem, buf, sizeof(text)) == sizeof(text) && !strcmp(buf, "ordinary"), "ordinary memory as ever");
	f = fopen("/proc/self/smaps", "r");
	while (f && fgets(line, sizeof(line), f)) {
		foreign += !!strstr(line, "memfd:sgx");
		named += !!strstr(line, "/dev/sgx_enclave");
	}
	if (f)
		fclose(f);
	ok(named > 0 && !foreign, "smaps names the device %d times", named);
}

/* ---- waiting for signals --------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t came;
static void count(int sig) { came += sig; }

static void waiting(void)
{
	struct timespec none = { 0, 0 }, some = { 5, 0 };
	siginfo_t info = { 0 };
	sigset_t set, empty;
	int sig = 0;

	signal(SIGTRAP, count);
	build("grow.elf");
	sigemptyset(&empty);
	sigemptyset(&set);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ok(sigtimedwait(&set, &info, &none) < 0 && errno == EAGAIN, "nothing is there");
	kill(getpid(), SIGTRAP);
	ok(sigwaitinfo(&set, &info) == SIGTRAP && info.si_signo == SIGTRAP && info.si_pid == getpid(),
	   "sigwaitinfo takes a SIGTRAP that was sent before");
	raise(SIGUSR1);
	ok(!sigwait(&set, &sig) && sig == SIGUSR1, "sigwait takes another signal");
	fflush(stdout);
	pid_t pid = fork();

	if (!pid) {
		usleep(50000);
		kill(getppid(), SIGTRAP);
		_exit(0);
	}
	ok(sigtimedwait(&set, &info, &some) == SIGTRAP && info.si_pid == pid, "sigtimedwait takes one that comes later");
	waitpid(pid, NULL, 0);
	ok(!came, "no handler has run");
	kill(getpid(), SIGTRAP);
	ok(sigsuspend(&empty) < 0 && errno == EINTR && came == SIGTRAP, "sigsuspend lets it in");
	sigprocmask(SIG_BLOCK, NULL, &set);
	ok(sigismember(&set, SIGTRAP), "and blocks it again");
	ok(nop(), "an enclave is entered");
}

/* ---- fds of the emulator's own ------------------------------------------------------------------------------------------ */

static void numbers(void)
{
	struct rlimit low = { 64, 64 };
	int zero = open("/dev/zero", O_RDONLY), wrong = 0;

	build("grow.elf");
	/* every number that could be one of the emulator's */
	for (int to = 300; to < 400; to++)
		wrong += dup2(zero, to) != to || fcntl(to, F_GETFD) < 0;
	is_u64((uint64_t)wrong, 0, "every number can be had by dup2");
	ok(nop(), "the enclave is not hurt");
	struct encl_op op = { .op = ENCL_OP_NOP };

	wrong = 0;
	for (int fd = 300; fd < 400; fd++)
		wrong += close(fd) != 0;
	is_u64((uint64_t)wrong, 0, "and all are the program's to close");
	for (int fd = 3; fd < 1024; fd++)
		if (fd != rig.fd)
			close(fd);
	ok(!setrlimit(RLIMIT_NOFILE, &low), "64 fds at most");
	struct rig second = { 0 };

	rig_build(&second, "grow.elf", true);
	is_u64(rig_op(&second, 0, &op), ENCL_OK, "another enclave is built and entered");
}

/* ---- threads and processes of one's own making --------------------------------------------------------------------------- */

static volatile uint32_t tid_word, thread_result;
static char thread_stack[65536] __attribute__((aligned(64)));
static char thread_tls[4096] __attribute__((aligned(64)));

long bare_thread(unsigned long flags, void *stack, volatile uint32_t *tid, void *tls, void (*fn)(void));
/* clone(flags, stack, tid, tid, tls); the child calls fn and exits */
__asm__(".text; .globl bare_thread; .type bare_thread, @function; bare_thread:"
	"mov %r8, %r9; mov %rcx, %r8; mov %rdx, %r10; mov $56, %eax; syscall; test %rax, %rax; jz 1f; ret;"
	"1: xor %ebp, %ebp; call *%r9; mov $60, %eax; xor %edi, %edi; syscall; ud2;"
	".size bare_thread, . - bare_thread");

uint64_t bare_enter(uint64_t tcs, struct encl_op *op);
__asm__(".text; .globl bare_enter; .type bare_enter, @function; bare_enter:"
	"push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; sub $8, %rsp;"
	"mov %rdi, %rbx; mov %rsi, %rdi; lea 1f(%rip), %rcx; mov $2, %eax;"
	"1: .byte 0x0f, 0x01, 0xd7; add $8, %rsp;"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret;"
	".size bare_enter, . - bare_enter");

/* Has no libc: its FS is a block of zeroes with its own address. */
static __attribute__((no_stack_protector)) void in_bare_thread(void)
{
	static struct encl_op op = { .op = ENCL_OP_NOP };
	uint64_t fs, got;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(fs));
	bare_enter(rig.base + rig.plan.tcs[1], &op);
	__asm__ volatile("mov %%fs:0, %0" : "=r"(got));
	thread_result = fs == (uintptr_t)thread_tls && got == fs && op.status == ENCL_OK ? 1 : 2;
}

static int in_clone(void *arg)
{
	(void)arg;
	return nop() ? 0 : 1;
}

static void bare(void)
{
	uint64_t flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
			 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	int status = -1;

	build("threads.elf");
	*(uint64_t *)(void *)thread_tls = (uintptr_t)thread_tls;
	tid_word = 1;
	long tid = bare_thread(flags, thread_stack + sizeof(thread_stack), &tid_word, thread_tls, in_bare_thread);

	ok(tid > 0, "a thread by clone, with its own stack and FS: %ld", tid);
	for (int i = 0; i < 2000 && (tid_word || !thread_result); i++)
		usleep(5000);
	is_u64(thread_result, 1, "it enters an enclave and keeps its FS");
	is_u64(tid_word, 0, "its end is announced");
	ok(nop(), "the first thread enters");
	fflush(stdout);
	pid_t pid = clone(in_clone, thread_stack + sizeof(thread_stack), SIGCHLD, NULL);

	waitpid(pid, &status, 0);
	is_u64((uint64_t)status, 0, "a process by clone(2) enters the enclave it inherited");
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
	if (!pid)
		_exit(nop() ? 0 : 1);
	waitpid(pid, &status, 0);
	is_u64((uint64_t)status, 0, "so does one by syscall(SYS_clone)");
}

/* ---- cancellation ----------------------------------------------------------------------------------------------------------- */

static uint32_t *flag;
static volatile int cleaned;

static void clean(void *arg) { (void)arg; cleaned = 1; }

static void *spins(void *arg)
{
	struct encl_op op = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)flag };
	int old;

	(void)arg;
	pthread_cleanup_push(clean, NULL);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	rig_op(&rig, 0, &op);
	pthread_cleanup_pop(0);
	return NULL;
}

static void cancel(void)
{
	pthread_t id;
	void *r = NULL;

	flag = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	build("threads.elf");
	pthread_create(&id, NULL, spins, NULL);
	usleep(100000);
	pthread_cancel(id);
	pthread_join(id, &r);
	ok(r == PTHREAD_CANCELED && cleaned, "a thread inside an enclave is cancelled, and cleans up");
	struct encl_op op = { .op = ENCL_OP_NOP };

	is_u64(rig_op(&rig, 1, &op), ENCL_OK, "another TCS is entered");
}

/* ---- threads that end between AEX and ERESUME ------------------------------------------------------------------------ */

static struct encl_op left_op;
static volatile unsigned left_function, left_vector;
static volatile pid_t inside;
static uint8_t left_stack[256 << 10] __attribute__((aligned(4096)));

/* The end is by the system call: nothing of ours or of the C library's is called. */
static void *enter_and_leave(void *arg)
{
	struct sgx_enclave_run run;

	inside = (pid_t)syscall(SYS_gettid);
	rig_enter(&rig, 0, (unsigned)(uintptr_t)arg, &left_op, &run);
	left_function = run.function;
	left_vector = run.exception_vector;
	syscall(SYS_exit, 0);
	return NULL;
}

static void leave_from_handler(int sig)
{
	(void)sig;
	syscall(SYS_exit, 0);
}

/* All on the same stack: by URSP the enclave and the CPU go back to where the first one came from. */
static pthread_t one_more(unsigned function)
{
	pthread_attr_t attr;
	pthread_t t;

	inside = 0;
	left_function = left_vector = 0;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, left_stack, sizeof(left_stack));
	pthread_create(&t, &attr, enter_and_leave, (void *)(uintptr_t)function);
	pthread_attr_destroy(&attr);
	while (!inside)
		sched_yield();
	return t;
}

/* The frame is the enclave's, whoever made it: another thread goes on with it. */
static void left(void)
{
	struct encl_op nop_op = { .op = ENCL_OP_NOP };
	struct sgx_enclave_run run;
	pthread_t t;

	build("grow.elf");
	left_op = (struct encl_op){ .op = ENCL_OP_FAULT, .value = 6 };
	pthread_join(one_more(2), NULL);
	ok(left_function == 3 && left_vector == 6, "a thread ends after an exception");
	is_u64((uint64_t)rig_enter(&rig, 0, 2, &nop_op, &run), 0, "another enters on the next frame");
	is_u64(run.function, 4, "and leaves by EEXIT");
	pthread_join(one_more(3), NULL);
	ok(left_function == 3 && left_vector == 6, "ERESUME by a third comes to the same exception: %u, %u", left_function,
	   left_vector);

	build("grow.elf");
	signal(SIGUSR1, leave_from_handler);
	left_op = (struct encl_op){ .op = ENCL_OP_BENCH, .value = 20000, .pages = 4 };
	t = one_more(2);
	usleep(30000);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	is_u64(left_function, 0, "a signal handler ends a thread that is inside");
	pthread_join(one_more(3), NULL);
	ok(left_function == 4 && !left_op.status, "ERESUME by another goes on to the EEXIT: %u", left_function);
	ok(nop(), "and the TCS is free");
}

/* ---- filters of one's own ------------------------------------------------------------------------------------------------------ */

static void install_filter(unsigned nr, unsigned action)
{
	struct sock_filter f[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog p = { sizeof(f) / sizeof(f[0]), f };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	ok(!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p, 0, 0), "a filter on system call %u", nr);
}

static volatile sig_atomic_t trapped_nr;

static void on_sys(int sig, siginfo_t *info, void *ctx)
{
	(void)sig;
	trapped_nr = info->si_syscall;
	((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RAX] = -EXDEV;
}

static void filters(void)
{
	struct sigaction sa = { .sa_sigaction = on_sys, .sa_flags = SA_SIGINFO };

	build("grow.elf");
	ok(prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 0, 0, 0, 0) < 0 && errno == EINVAL, "no Syscall User Dispatch");
	sigaction(SIGSYS, &sa, NULL);
	install_filter(SYS_sched_get_priority_max, SECCOMP_RET_TRAP);
	ok(sched_get_priority_max(0) < 0 && errno == EXDEV && trapped_nr == SYS_sched_get_priority_max,
	   "its signal reaches the program's handler");
	install_filter(SYS_sched_get_priority_min, SECCOMP_RET_ERRNO | EPERM);
	ok(nop(), "an enclave is entered");
	if (argument)
		install_filter(SYS_membarrier, SECCOMP_RET_ERRNO | EPERM);
}

static const struct { const char *name; void (*fn)(void); } topics[] = {
	{ "vdso", vdso }, { "library", library }, { "fdio", fdio }, { "paths", paths }, { "memory", memory }, { "waiting", waiting },
	{ "numbers", numbers }, { "bare", bare }, { "cancel", cancel }, { "filters", filters }, { "left", left },
};

int main(int argc, char **argv)
{
	argument = argc > 2 ? argv[2] : NULL;
	for (size_t i = 0; argc >= 2 && i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (strcmp(argv[1], topics[i].name))
			continue;
		topics[i].fn();
		return tap_done();
	}
	fputs("usage: corners TOPIC [ARGUMENT]\n", stderr);
	return 64;
}
