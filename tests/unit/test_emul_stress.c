/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The engine of the emulated device under stress: signal storms with nested entries, rights that change under
 * writers, fork among running threads, mappings that come and go, a process with too many mappings.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../enclaves/bench_kernel.h"
#include "emul_rig.h"
#include "tap.h"

#define GROW 0x200000u          /* of the threads enclave */
#define RW 0x203
#define PENDING_RW 0x20b
#define EENTER 2
#define ERESUME 3
#define EEXIT 4
#define N 4                     /* threads; each has TCS i, its signal handler TCS N + i */

static struct rig rig;
static _Atomic bool over;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void run_threads(unsigned n, void *(*f)(void *), unsigned ms)
{
	pthread_t t[N];
	struct timespec pause = { ms / 1000, ms % 1000 * 1000000l };

	atomic_store(&over, false);
	for (unsigned i = 0; i < n; i++)
		pthread_create(&t[i], NULL, f, (void *)(uintptr_t)i);
	while (nanosleep(&pause, &pause))
		;
	atomic_store(&over, true);
	for (unsigned i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

static bool add_rw(uint64_t off, uint64_t pages, unsigned tcs)
{
	struct encl_op op = { .op = ENCL_OP_ACCEPT, .addr = rig.base + off, .pages = pages, .flags = PENDING_RW };

	return rig_map(&rig, off, pages, PROT_READ | PROT_WRITE) > 0 && rig_op(&rig, tcs, &op) == ENCL_OK;
}

/* ---- a storm of signals whose handler enters too ------------------------------------------------------- */

static _Atomic uint64_t storms, storm_bad, works, work_bad;
static __thread unsigned self;

static void on_storm(int sig, siginfo_t *info, void *ctx)
{
	uint64_t rip = (uint64_t)((ucontext_t *)ctx)->uc_mcontext.gregs[REG_RIP];
	uint64_t n = atomic_fetch_add(&storms, 1);
	struct encl_op op = { .op = n % 2 ? ENCL_OP_NOP : ENCL_OP_BENCH, .value = 1, .pages = 1 };
	uint64_t mem[512];

	(void)sig, (void)info;
	if (rig_op(&rig, N + self, &op) != ENCL_OK || (op.op == ENCL_OP_BENCH && op.value != bench_kernel(mem, 512, 1)))
		atomic_fetch_add(&storm_bad, 1);
	if (rip - rig.base < rig.size)
		atomic_fetch_add(&storm_bad, 1);
}

/* As fast as the machine can take it: where signals cost more than 30 us each, nothing but handlers would run. */
static long storm_ns = 30000;

static void storm_pace(void)
{
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct timespec t0, t1;
	enum { ROUNDS = 200 };

	rig_op(&rig, 0, &op);
	clock_gettime(CLOCK_MONOTONIC, &t0);
	for (int i = 0; i < ROUNDS; i++)
		rig_op(&rig, 0, &op);
	clock_gettime(CLOCK_MONOTONIC, &t1);
	long ns = ((t1.tv_sec - t0.tv_sec) * 1000000000l + t1.tv_nsec - t0.tv_nsec) / ROUNDS;

	/* a signal inside is four traps: itself, the handler's exit, its return, ERESUME */
	if (8 * ns > storm_ns)
		storm_ns = 8 * ns;
}

static void *storm_thread(void *arg)
{
	struct sigevent to = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1 };
	struct itimerspec every = { { 0, storm_ns }, { 0, storm_ns } };
	uint64_t mem[512], want = bench_kernel(mem, 512, 20);
	timer_t timer;

	self = (unsigned)(uintptr_t)arg;
	to._sigev_un._tid = (int)syscall(SYS_gettid);
	if (timer_create(CLOCK_MONOTONIC, &to, &timer) || timer_settime(timer, 0, &every, NULL)) {
		atomic_fetch_add(&work_bad, 1);
		return NULL;
	}
	while (!atomic_load(&over)) {
		struct encl_op op = { .op = ENCL_OP_BENCH, .value = 20, .pages = 1 };

		if (rig_op(&rig, self, &op) != ENCL_OK || op.value != want)
			atomic_fetch_add(&work_bad, 1);
		atomic_fetch_add(&works, 1);
	}
	timer_delete(timer);
	return NULL;
}

static void storm(void)
{
	struct sigaction sa = { .sa_sigaction = on_storm, .sa_flags = SA_SIGINFO | SA_RESTART };

	is_u64(emul_sigaction(SIGUSR1, &sa, NULL), 0, "a handler that enters the enclave");
	storm_pace();
	printf("# a signal every %ld us\n", storm_ns / 1000);
	run_threads(N, storm_thread, 1200);
	ok(storms > 200 && works > 100, "%llu signals met %llu entries of four threads", (unsigned long long)storms,
	   (unsigned long long)works);
	is_u64(storm_bad, 0, "every entry of a handler was right");
	is_u64(work_bad, 0, "every interrupted entry too");
}

/* ---- rights that change under writers ------------------------------------------------------------------ */

#define WRITERS 3
static _Atomic uint64_t restricts, restrict_bad, writes, faults, wrong;

static int restrict_to_r(uint64_t off)
{
	struct sgx_enclave_restrict_permissions r = { .offset = off, .length = 4096, .permissions = SGX_SECINFO_R };

	return (int)emul_ioctl(rig.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &r);
}

/* One write; a fault must be the EPCM's refusal, is repaired at CSSA 1, and the write ends after that. */
static void write_once(unsigned t)
{
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = rig.base + GROW + t * 8, .value = t };
	struct encl_op extend = { .op = ENCL_OP_EXTEND, .addr = rig.base + GROW, .pages = 1, .flags = RW };
	struct sgx_enclave_run run;
	unsigned entry = EENTER;

	for (;;) {
		int ret = rig_enter(&rig, t, entry, &op, &run);

		if (run.function == EEXIT)
			break;
		if (ret || run.function != ERESUME || run.exception_vector != 14 || run.exception_error_code != 0x8007 ||
		    run.exception_addr != rig.base + GROW) {
			atomic_fetch_add(&wrong, 1);
			printf("# function %u vector %u error 0x%x address 0x%llx\n", run.function, run.exception_vector,
			       run.exception_error_code, (unsigned long long)run.exception_addr);
			return;
		}
		atomic_fetch_add(&faults, 1);
		if (rig_op(&rig, t, &extend) != ENCL_OK)
			atomic_fetch_add(&wrong, 1);
		entry = ERESUME;
	}
	atomic_fetch_add(&writes, 1);
	atomic_fetch_add(&wrong, op.status != ENCL_OK);
}

static void *restrict_thread(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;

	while (!atomic_load(&over)) {
		if (t < WRITERS) {
			write_once(t);
		} else {
			int r = restrict_to_r(GROW);

			if (r && !atomic_fetch_add(&restrict_bad, 1)) {
				struct emul_last_refusal why = { 0 };

				emul_ioctl(rig.fd, EMUL_IOC_LAST_REFUSAL, &why);
				printf("# restrict: %d, refused by %s\n", r, why.check);
			}
			atomic_fetch_add(&restricts, 1);
		}
	}
	return NULL;
}

static void rights(void)
{
	uint64_t lost = 0;

	ok(add_rw(GROW, 1, 0), "a page to write to");
	run_threads(WRITERS + 1, restrict_thread, 1000);
	is_u64(wrong, 0, "a write succeeds or faults with v14/0x8007, never else");
	is_u64(restrict_bad, 0, "restricting never fails");
	ok(restricts > 100 && writes > 100, "%llu restrictions, %llu writes, %llu faults", (unsigned long long)restricts,
	   (unsigned long long)writes, (unsigned long long)faults);
	ok(faults > 0 && faults <= restricts * WRITERS, "no fault without a restriction of its own");
	/* alone: each restriction is felt, once */
	for (int i = 0; i < 500; i++) {
		uint64_t before = faults;

		restrict_to_r(GROW);
		write_once(0);
		write_once(0);
		lost += faults != before + 1;
	}
	is_u64(lost, 0, "each of 500 restrictions is felt by the next write, and by no other");
}

/* ---- fork ----------------------------------------------------------------------------------------------- */

#define FORKS 40
#define FORK_OFF (GROW + 0x100000)

static void *busy_thread(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;

	for (uint64_t i = 0; !atomic_load(&over); i++) {
		uint64_t off = FORK_OFF + ((t * 1024 + i % 1024) << 12);
		struct encl_op op = { .op = ENCL_OP_WRITE, .addr = rig.base + off, .value = i };

		if (i < 1024 && !add_rw(off, 1, t))
			atomic_fetch_add(&work_bad, 1);
		if (rig_op(&rig, t, &op) != ENCL_OK)
			atomic_fetch_add(&work_bad, 1);
	}
	return NULL;
}

/* What a child does with the enclave it shares: enter, grow, fault. */
static int child(unsigned i)
{
	uint64_t off = FORK_OFF + 0x1000000 + (uint64_t)i * 4096;
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = rig.base + off, .value = i };
	struct encl_op sys = { .op = ENCL_OP_FAULT, .value = 256 };
	struct sgx_enclave_run run;

	alarm(20);
	if (!add_rw(off, 1, 7))
		return 1;
	if (rig_op(&rig, 7, &op) != ENCL_OK)
		return 2;
	if (i)
		return 0;
	rig_enter(&rig, 7, EENTER, &sys, &run);
	return run.function == ERESUME && run.exception_vector == 6 ? 0 : 3;
}

static void *fork_thread(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;

	if (t < N - 1)
		return busy_thread(arg);
	for (unsigned i = FORKS; i-- > 0;) {
		pid_t pid = fork();
		int st = -1;

		if (!pid)
			_exit(child(i));
		waitpid(pid, &st, 0);
		if (st) {
			printf("# child %u: status 0x%x\n", i, (unsigned)st);
			atomic_fetch_add(&storm_bad, 1);
		}
	}
	return NULL;
}

static void forks(void)
{
	uint64_t lost = 0, start = now_ms();

	run_threads(N, fork_thread, 500);
	is_u64(storm_bad, 0, "%d children, forked while threads run, enter and grow the enclave, in %llu ms", FORKS,
	       (unsigned long long)(now_ms() - start));
	is_u64(work_bad, 0, "and the threads of the parent hear nothing of it");
	rig_map(&rig, FORK_OFF + 0x1000000, FORKS, PROT_READ | PROT_WRITE);
	for (unsigned i = 0; i < FORKS; i++) {
		struct encl_op op = { .op = ENCL_OP_READ, .addr = rig.base + FORK_OFF + 0x1000000 + i * 4096 };

		lost += rig_op(&rig, 0, &op) != ENCL_OK || op.value != i;
	}
	is_u64(lost, 0, "what the children wrote is there");
}

/* ---- processes that are killed anywhere ------------------------------------------------------------------- */

#define KILL_ROUNDS 3
#define KILL_TCS    7           /* of the threads enclave, one for each victim; the parent has the eighth */
#define KILL_PAGES  4

static _Noreturn void victim(struct rig *one, unsigned tcs)
{
	for (;;) {
		struct encl_op extend = { .op = ENCL_OP_EXTEND, .addr = one->base + GROW, .pages = KILL_PAGES, .flags = RW };
		struct encl_op accept = { .op = ENCL_OP_ACCEPT, .addr = one->base + GROW, .pages = KILL_PAGES,
					  .flags = PENDING_RW, .opt = ENCL_OPT_KEEP };

		rig_op(one, tcs, &extend);
		rig_op(one, tcs, &accept);
	}
}

/* Everything that can be done with a page, by who is left. */
static bool all_works(struct rig *one)
{
	struct sgx_enclave_restrict_permissions to_r = { .offset = GROW, .length = KILL_PAGES * 4096, .permissions = 1 };
	struct encl_op accept = { .op = ENCL_OP_ACCEPT, .addr = one->base + GROW, .pages = KILL_PAGES, .flags = 0x221 };
	struct encl_op extend = { .op = ENCL_OP_EXTEND, .addr = one->base + GROW, .pages = KILL_PAGES, .flags = RW };
	struct encl_op fill = { .op = ENCL_OP_FILL, .addr = one->base + GROW, .pages = KILL_PAGES, .value = 3 };

	return emul_ioctl(one->fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &to_r) == 0 && rig_op(one, 0, &accept) == ENCL_OK &&
	       rig_op(one, 0, &extend) == ENCL_OK && rig_op(one, 0, &fill) == ENCL_OK;
}

static void kills(void)
{
	unsigned bad = 0;

	for (unsigned round = 0; round < KILL_ROUNDS; round++) {
		struct rig one = { 0 };
		struct encl_op op;

		rig_build(&one, "threads.elf", true);
		op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = one.base + GROW, .pages = KILL_PAGES, .flags = PENDING_RW };
		bad += rig_map(&one, GROW, KILL_PAGES, PROT_READ | PROT_WRITE) < 0 || rig_op(&one, 0, &op) != ENCL_OK;
		for (unsigned k = 1; k <= KILL_TCS; k++) {
			struct timespec t = { .tv_nsec = 1000000 + (long)(now_ms() % 7) * 300000 };
			pid_t pid = fork();

			if (!pid)
				victim(&one, k);
			nanosleep(&t, NULL);
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			bad += !all_works(&one);
		}
		rig_free(&one);
	}
	is_u64(bad, 0, "after each of %u killed processes the pages they used can be used and changed",
	       KILL_ROUNDS * KILL_TCS);
}

/* ---- mappings that come and go -------------------------------------------------------------------------- */

static void *build_thread(void *arg)
{
	(void)arg;
	for (int i = 0; i < 12; i++) {
		struct rig one = { 0 };
		struct encl_op op = { .op = ENCL_OP_WRITE, .value = 5 };

		rig_build(&one, "grow.elf", true);
		op.addr = one.base + one.plan.dynamic[0].off;
		rig_map(&one, op.addr - one.base, 1, PROT_READ | PROT_WRITE);
		struct encl_op accept = { .op = ENCL_OP_ACCEPT, .addr = op.addr, .pages = 1, .flags = PENDING_RW };

		if (rig_op(&one, 0, &accept) != ENCL_OK || rig_op(&one, 1, &op) != ENCL_OK)
			atomic_fetch_add(&work_bad, 1);
		rig_free(&one);
	}
	return NULL;
}

static void builds(void)
{
	run_threads(N, build_thread, 1);
	is_u64(work_bad, 0, "four threads build, enter and drop 48 enclaves at the addresses of each other's");
}

/* ---- too many mappings ------------------------------------------------------------------------------------ */

#define HOG_PAGES 140000u
#define MANY 512u

/* Every other page of a large mapping gets other rights, until the kernel makes no more. */
static uint8_t *hog(void)
{
	uint8_t *p = mmap(NULL, (size_t)HOG_PAGES * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	for (size_t i = 0; i < HOG_PAGES; i += 2) {
		if (!mprotect(p + i * 4096, 4096, PROT_READ))
			continue;
		/* give back what a few mappings need: the test is about running out once there are some */
		munmap(p, 64 * 4096);
		return p;
	}
	munmap(p, (size_t)HOG_PAGES * 4096);
	return NULL;
}

static void too_many(void)
{
	uint64_t off = GROW + 0x3000000, bad = 0;
	uint8_t *p;

	ok(add_rw(off, MANY, 0), "%u pages", MANY);
	p = hog();
	if (!p) {
		tap_skip("rights hold in a process with too many mappings", "no limit of mappings was met");
		return;
	}
	/* read-only, writable, read-only ...: more real mappings than there is room for */
	for (unsigned round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < MANY; i += 2)
			bad += restrict_to_r(off + i * 4096) != 0;
		for (uint64_t i = 0; i < MANY; i++) {
			struct encl_op op = { .op = i % 2 ? ENCL_OP_WRITE : ENCL_OP_READ, .addr = rig.base + off + i * 4096 };

			bad += rig_op(&rig, 0, &op) != ENCL_OK;
		}
	}
	is_u64(bad, 0, "with too many mappings all rights that are there work");
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = rig.base + off + 100 * 4096 };
	struct sgx_enclave_run run;

	rig_enter(&rig, 0, EENTER, &op, &run);
	ok(run.function == ERESUME && run.exception_vector == 14 && run.exception_error_code == 0x8007,
	   "and those that are not do not");
	munmap(p + 64 * 4096, (size_t)(HOG_PAGES - 64) * 4096);
}

int main(void)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC };
	int s = emul_setup(&cfg);

	if (s) {
		printf("Bail out! emul_setup: %d\n", s);
		return 1;
	}
	rig_build(&rig, "threads.elf", true);
	storm();
	rights();
	forks();
	kills();
	builds();
	too_many();
	rig_free(&rig);
	return tap_done();
}
