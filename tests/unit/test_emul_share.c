/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One EPC for several processes, each with enclaves of its own: whoever needs pages takes them from the others, idle,
 * running, stopped or killed, and all keep what they wrote.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "emul_fixture.h"
#include "emul_rig.h"

#define DBG   (SGX_ATTR_MODE64BIT | SGX_ATTR_DEBUG)
#define RW    (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W)
#define SMALL 256u              /* EPC pages */
#define MANY  200u              /* of an enclave: most of the EPC */
#define THREADS 3u

static struct { _Atomic uint32_t ready, go, over, bad, rounds[2]; } *share;
static struct rig rig;

static void pause_ms(unsigned ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000l };

	while (nanosleep(&left, &left))
		;
}

static void wait_until(const _Atomic uint32_t *flag)
{
	while (!atomic_load(flag))
		usleep(500);
}

static pid_t start(int (*f)(void))
{
	pid_t pid;

	atomic_store(&share->ready, 0);
	atomic_store(&share->go, 0);
	atomic_store(&share->over, 0);
	pid = fork();
	if (!pid)
		_exit(f());
	return pid;
}

static void expect_end(pid_t pid, const char *what)
{
	int status = -1;

	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && !WEXITSTATUS(status), "%s (status 0x%x)", what, (unsigned)status);
}

static void build_many(struct fx *f, uint8_t fill)
{
	uint64_t n;

	fx_open(f, 0x1000000, DBG);
	is_u64((uint64_t)fx_create(f), 0, "CREATE");
	is_u64((uint64_t)fx_add(f, 0, MANY * 4096, RW, fill, &n), 0, "... ADD_PAGES of most of the EPC");
}

/* EPC pages that are not of this enclave */
static uint64_t of_others(const struct fx *f)
{
	return atomic_load(&emul_pool->used) - atomic_load(&emul_encl_by_fd(f->fd)->sh->epc_used);
}

static bool has_all(struct fx *f, uint8_t fill)
{
	uint8_t b[16];

	for (uint64_t i = 0; i < MANY; i++) {
		if (emul_peek(f->base + i * 4096, b, sizeof(b)) != (long)sizeof(b))
			return false;
		for (size_t k = 0; k < sizeof(b); k++)
			if (b[k] != fill)
				return false;
	}
	return true;
}

static bool map_all(struct fx *f)
{
	return emul_mmap(f->base, f->size, PROT_READ, MAP_SHARED | MAP_FIXED, f->fd, 0) > 0;
}

/* ---- a process that does nothing ------------------------------------------------------------------------------ */

static int idle(void)
{
	struct emul_get_counters c = { 0 };
	struct fx f;
	bool good;

	fx_open(&f, 0x1000000, DBG);
	good = !fx_create(&f) && !fx_add(&f, 0, MANY * 4096, RW, 0x41, NULL) && !fx_init(&f) && map_all(&f);
	atomic_store(&share->ready, 1);
	wait_until(&share->go);
	good = good && has_all(&f, 0x41);
	emul_ioctl(f.fd, EMUL_IOC_GET_COUNTERS, &c);
	return good && c.ewbs && c.eldus ? 0 : 1;
}

static void test_idle(bool stop)
{
	const char *how = stop ? "stopped" : "idle";
	pid_t pid = start(idle);
	int status;
	struct fx f;

	wait_until(&share->ready);
	if (stop) {
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
	}
	build_many(&f, 0x52);
	is_u64((uint64_t)fx_init(&f), 0, "... INIT, so what came was measured (the other is %s)", how);
	ok(atomic_load(&emul_pool->used) <= SMALL, "... and the EPC is no larger than it was");
	ok(map_all(&f) && has_all(&f, 0x52), "... all pages are there");
	kill(pid, SIGCONT);
	atomic_store(&share->go, 1);
	expect_end(pid, "the other had pages taken, and gets them back as they were");
	ok(has_all(&f, 0x52), "... which takes pages from here");
	fx_close(&f);
	is_u64(atomic_load(&emul_pool->used), 0, "nothing is left of either");
}

/* ---- processes whose threads run in their enclaves --------------------------------------------------------------- */

static uint64_t grow_off(void)
{
	return rig.plan.dynamic[0].off;
}

static uint64_t run_op(unsigned tcs, unsigned op, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret)
{
	struct encl_op o = { .op = op, .addr = rig.base + off, .pages = pages, .value = value, .flags = 0x20b };
	uint64_t status = rig_op(&rig, tcs, &o);

	if (ret)
		*ret = o.value;
	return status;
}

static bool build_running(uint64_t pages)
{
	rig_build_reserve(&rig, "threads.elf", true, 4 * SMALL * 4096);
	return rig_map(&rig, grow_off(), pages, PROT_READ | PROT_WRITE) > 0 &&
	       run_op(0, ENCL_OP_ACCEPT, grow_off(), pages, 0, NULL) == ENCL_OK;
}

static unsigned side;

/* Fills a part of the memory that is its own, and looks whether it is still so. */
static void *worker(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;
	uint64_t pages = SMALL / THREADS, off = grow_off() + t * pages * 4096, sum;

	for (uint64_t v = 1; !atomic_load(&share->over); v++) {
		if (run_op(t, ENCL_OP_FILL, off, pages, v * THREADS + t, NULL) != ENCL_OK ||
		    run_op(t, ENCL_OP_CHECKSUM, off, pages, 0, &sum) != ENCL_OK ||
		    sum != pages * 512 * (v * THREADS + t))
			atomic_fetch_add(&share->bad, 1);
		atomic_fetch_add(&share->rounds[side], 1);
	}
	return NULL;
}

static void run_workers(void)
{
	pthread_t t[THREADS];

	for (unsigned i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, worker, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static int running(void)
{
	side = 1;
	if (!build_running(SMALL))
		return 1;
	atomic_store(&share->ready, 1);
	run_workers();
	rig_free(&rig);
	return 0;
}

static void *stopwatch(void *arg)
{
	(void)arg;
	pause_ms(2000);
	atomic_store(&share->over, 1);
	return NULL;
}

static void test_running(void)
{
	pid_t pid = start(running);
	pthread_t t;

	wait_until(&share->ready);
	side = 0;
	ok(build_running(SMALL), "an enclave as large as the EPC, while another one like it runs");
	pthread_create(&t, NULL, stopwatch, NULL);
	run_workers();
	pthread_join(t, NULL);
	expect_end(pid, "... both run, three threads each");
	is_u64(share->bad, 0, "... nothing that they wrote was lost");
	ok(share->rounds[0] >= THREADS && share->rounds[1] >= THREADS, "... in %u and %u rounds", share->rounds[0],
	   share->rounds[1]);
	rig_free(&rig);
	is_u64(atomic_load(&emul_pool->used), 0, "... nothing is left of them");
}

/* ---- one that is stopped inside --------------------------------------------------------------------------------------- */


static int spinning(void)
{
	struct encl_op o = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)&share->go };
	uint64_t sum;

	if (!build_running(MANY) || run_op(0, ENCL_OP_FILL, grow_off(), MANY, 7, NULL) != ENCL_OK)
		return 1;
	atomic_store(&share->ready, 1);
	if (rig_op(&rig, 0, &o) != ENCL_OK || run_op(0, ENCL_OP_CHECKSUM, grow_off(), MANY, 0, &sum) != ENCL_OK)
		return 2;
	return sum == MANY * 512 * 7 ? 0 : 3;
}

static void test_stopped_inside(void)
{
	pid_t pid = start(spinning);
	struct fx f;
	int status;

	wait_until(&share->ready);
	pause_ms(50);           /* on its way in */
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	build_many(&f, 0x61);
	ok(of_others(&f) >= MANY, "... all of it from here: the other was stopped inside");
	fx_close(&f);
	kill(pid, SIGCONT);
	build_many(&f, 0x61);
	ok(of_others(&f) < MANY, "... from the other when it goes on");
	is_u64((uint64_t)fx_init(&f), 0, "... INIT, while the other goes on inside");
	atomic_store(&share->go, 1);
	expect_end(pid, "... where nothing was lost");
	ok(map_all(&f) && has_all(&f, 0x61), "... nor here");
	fx_close(&f);
}

/* ---- one that is killed ------------------------------------------------------------------------------------------------- */

static void test_killed(void)
{
	for (unsigned i = 0; i < 4; i++) {
		pid_t pid = start(running);
		bool good = true;
		struct fx f;

		wait_until(&share->ready);
		fx_open(&f, 0x1000000, DBG);
		fx_create(&f);
		for (uint64_t at = 0; at < MANY; at += 10) {
			if (at == 20 + 40 * i)
				kill(pid, SIGKILL);
			good = good && !fx_add(&f, at * 4096, 10 * 4096, RW, 0x77, NULL);
		}
		waitpid(pid, NULL, 0);
		ok(good && !fx_init(&f) && map_all(&f) && has_all(&f, 0x77), "pages are taken from one that is killed then");
		emul_epc_sweep();
		is_u64(of_others(&f), 0, "... and it has none any more");
		fx_close(&f);
	}
}

static void all(void)
{
	test_idle(false);
	test_idle(true);
	test_running();
	test_stopped_inside();
	test_killed();
}

int main(void)
{
	share = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (share == MAP_FAILED)
		return 99;
	fx_with_device(&(struct emul_config){ .kernel = EMUL_KERNEL_RFC, .epc_pages = SMALL }, all);
	return tap_done();
}
