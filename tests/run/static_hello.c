/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A static program that uses no SGX, and most of what the filter takes over: heap, files, signals, threads, fork,
 * vfork, exec.  TAP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int count, failed;

static void ok(int cond, const char *what)
{
	printf("%sok %d - %s\n", cond ? "" : "not ", ++count, what);
	fflush(stdout);
	failed |= !cond;
}

static __thread int mine;
static _Atomic int sum;

static void *thread(void *arg)
{
	mine = (int)(long)arg;
	for (int i = 0; i < 50; i++) {
		char *p = malloc((size_t)mine * 10000);

		memset(p, mine, (size_t)mine * 10000);
		sum += p[9999 * mine];
		free(p);
	}
	return (void *)(long)(mine * 2);
}

static void threads(void)
{
	int good = 1;

	for (int round = 0; round < 50; round++) {
		pthread_t t[8];

		for (long i = 0; i < 8; i++)
			good &= !pthread_create(&t[i], NULL, thread, (void *)(i + 1));
		for (long i = 0; i < 8; i++) {
			void *r = NULL;

			good &= !pthread_join(t[i], &r) && (long)r == (i + 1) * 2;
		}
	}
	ok(good && sum == 50 * 50 * 36, "8 threads, 50 times over");
}

static sigjmp_buf env;
static char alt[65536];
static volatile int on_alt;

static void on_segv(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)uc;
	on_alt = (char *)&sig >= alt && (char *)&sig < alt + sizeof(alt);
	siglongjmp(env, info->si_addr == (void *)8 ? 2 : 1);
}

static void signals(void)
{
	struct sigaction sa = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK }, old;
	stack_t ss = { .ss_sp = alt, .ss_size = sizeof(alt) }, was;
	sigset_t set, back;

	sigaltstack(&ss, NULL);
	sigaltstack(NULL, &was);
	ok(was.ss_sp == alt && was.ss_size == sizeof(alt) && !was.ss_flags, "sigaltstack reports what was set");
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGSEGV, NULL, &old);
	ok(old.sa_sigaction == on_segv, "sigaction reports the program's handler");
	int r = sigsetjmp(env, 1);

	if (!r)
		*(volatile int *)8 = 1;
	ok(r == 2 && on_alt, "its own fault reaches its handler, on its stack");
	r = sigsetjmp(env, 1);
	if (!r)
		*(volatile int *)8 = 1;
	ok(r == 2, "a second time");
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	sigprocmask(SIG_SETMASK, NULL, &back);
	ok(sigismember(&back, SIGSEGV) && sigismember(&back, SIGUSR1), "the mask is reported as it was set");
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void timers(void)
{
	struct sigaction sa = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
	struct itimerspec its = { { 0, 200000 }, { 0, 200000 } };
	timer_t t;
	int bad = 0;

	sigaction(SIGALRM, &sa, NULL);
	timer_create(CLOCK_MONOTONIC, &ev, &t);
	timer_settime(t, 0, &its, NULL);
	for (int i = 0; alarms < 200; i++) {
		void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		int fd = open("/dev/null", O_RDONLY);

		bad += p == MAP_FAILED || fd < 0 || close(fd) || munmap(p, 8192);
	}
	timer_delete(t);
	ok(!bad, "trapped calls under a 5 kHz timer");
}

static void processes(char **argv)
{
	char *again[] = { argv[0], (char *)"child", NULL }, *none[] = { NULL };
	char *echo[] = { (char *)"sh", (char *)"-c", (char *)"exit 9", NULL };
	int st = 0;
	pid_t p = fork();

	if (!p)
		_exit(getpid() == syscall(SYS_gettid) ? 7 : 1);
	ok(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 7, "fork");
	p = vfork();
	if (!p)
		_exit(8);
	ok(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 8, "vfork");
	p = fork();
	if (!p) {
		execve(argv[0], again, none);
		_exit(1);
	}
	ok(waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 42, "exec of a static program, without environment");
	ok(!posix_spawn(&p, "/proc/self/exe", NULL, NULL, again, environ) && waitpid(p, &st, 0) == p &&
	   WEXITSTATUS(st) == 42, "posix_spawn of itself");
	ok(!posix_spawnp(&p, "sh", NULL, NULL, echo, environ) && waitpid(p, &st, 0) == p && WEXITSTATUS(st) == 9,
	   "posix_spawn of a dynamic program");
	ok(posix_spawn(&p, "/nowhere", NULL, NULL, again, environ) == ENOENT, "posix_spawn of nothing");
	struct sigaction sa;

	sigaction(SIGALRM, NULL, &sa);
	ok(sa.sa_handler == on_alarm, "children did not change the handlers");
	signal(SIGSEGV, SIG_DFL);
	p = fork();
	if (!p)
		*(volatile int *)8 = 1, _exit(0);
	ok(waitpid(p, &st, 0) == p && WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV, "an unhandled fault ends it by SIGSEGV");
}

static void files(char **argv)
{
	char link[4096] = "", real[4096];
	struct stat st;
	int fd;

	ok(readlink("/proc/self/exe", link, sizeof(link) - 1) > 0 && realpath(argv[0], real) && !strcmp(link, real),
	   "/proc/self/exe is the program");
	ok(!stat("/dev/sgx_enclave", &st) && S_ISCHR(st.st_mode) && major(st.st_rdev) == 10, "stat of the device");
	ok(!access("/dev/sgx_enclave", R_OK | W_OK), "access to the device");
	fd = open("/dev/sgx_enclave", O_RDWR);
	ok(fd >= 0, "open of the device");
	ok(ioctl(fd, 0xa4ff, 0) == -1 && errno == ENOTTY, "it knows no such ioctl");
	close(fd);
	fd = open("/dev/null", O_RDWR);
	ok(syscall(SYS_ioctl, fd, 0x8000a400, 0) == -1 && errno == ENOTTY, "another file neither");
	ok(open("/nowhere", O_RDONLY) == -1 && errno == ENOENT, "other paths are the kernel's");
}

static void heap(void)
{
	/* not sbrk(): musl has none */
	uint64_t was = (uint64_t)syscall(SYS_brk, 0), more = was + (1 << 20);
	int good = (uint64_t)syscall(SYS_brk, more) == more;

	if (good)
		memset((void *)was, 1, 1 << 20);
	ok(good && (uint64_t)syscall(SYS_brk, 1) == more && (uint64_t)syscall(SYS_brk, was) == was, "brk");
	void *big = malloc(64 << 20);

	memset(big, 5, 64 << 20);
	big = realloc(big, 128 << 20);
	ok(((char *)big)[(64 << 20) - 1] == 5, "a large realloc");
	free(big);
}

int main(int argc, char **argv)
{
	struct timespec ts;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && !strcmp(argv[1], "child"))
		return 42;
	ok(getauxval(AT_SYSINFO_EHDR) && !clock_gettime(CLOCK_REALTIME, &ts) && ts.tv_sec > 1000000000, "the clock");
	heap();
	files(argv);
	signals();
	timers();
	threads();
	processes(argv);
	printf("1..%d\n", count);
	return failed;
}
