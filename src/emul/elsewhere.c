/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One enclave in several processes: each has page tables of its own, and an ioctl by one of them takes page-table entries
 * away in all.  What the others have to drop is written into the enclave's file; they do it
 *   when a thread of theirs enters or resumes the enclave, before it runs there,
 *   when they leave mm_lock, whatever it was taken for,
 *   at once, by a signal to threads that run, while any are inside: as the IPI of the kernel reaches just these.
 * So a process that does not run enclave code now is not interrupted, nor is a system call.  A process that is stopped
 * has the signal before it goes on.  Eviction asks for more: that nobody who may be inside has still to do it.
 *
 * The signal is one of those that the emulator owns (SIGSYS), with a code that the kernel never uses.  It can come while
 * its thread holds mm_lock: then the holder looks again after unlocking.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/encl.c (sgx_zap_enclave_ptes, sgx_encl_ewb_cpumask): all mms of the enclave.
 * Context:   any, signals blocked; in signal handlers and between EENTER and the enclave, too.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/proc.h"
#include "emul/raw.h"

#define KICK_SIGNAL SIGSYS
#define KICK_CODE   (-0x5347)           /* below 0: some process sent it */
#define WAIT_MAX_NS 1000000000u
#define PAUSE_NS    20000u
#define PAUSE_MAX_NS 1000000u
#define LOOK_YIELDS 20u

/* ---- who there is ------------------------------------------------------------------------------------------ */

static bool claim(struct emul_encl *en, uint32_t i, uint32_t was)
{
	struct emul_shared *sh = en->sh;

	if (!atomic_compare_exchange_strong(&sh->user[i].pid, &was, raw_getpid()))
		return false;
	sh->user[i].own_fd = en->own_fd;
	atomic_store(&sh->looks[i], 0); /* of somebody who was killed */
	atomic_store(&sh->user[i].done, atomic_load(&en->zap_done));
	en->user = i;
	return true;
}

void emul_elsewhere_join(struct emul_encl *en, bool forked)
{
	en->user = EMUL_USERS;
	if (emul_pool->config.observer)
		return;
	if (!forked)
		atomic_store(&en->zap_done, atomic_load(&en->sh->zap_serial));
	for (unsigned dead_too = 0; dead_too < 2; dead_too++) {
		for (uint32_t i = 0; i < EMUL_USERS; i++) {
			uint32_t pid = atomic_load(&en->sh->user[i].pid);

			if ((!pid || (dead_too && emul_thread_dead(pid, false))) && claim(en, i, pid))
				return;
		}
	}
	atomic_store(&en->sh->unlisted, 1);
}

void emul_elsewhere_leave(struct emul_encl *en)
{
	if (en->user < EMUL_USERS)
		atomic_store(&en->sh->user[en->user].pid, 0);
	en->user = EMUL_USERS;
}

bool emul_elsewhere_has_others(const struct emul_encl *en)
{
	for (uint32_t i = 0; i < EMUL_USERS; i++)
		if (i != en->user && atomic_load_explicit(&en->sh->user[i].pid, memory_order_relaxed))
			return true;
	return false;
}

/* ---- doing it ----------------------------------------------------------------------------------------------- */

static void drop_range(struct emul_encl *en, uint64_t la, uint64_t bytes, bool drop)
{
	if (drop)
		emul_pte_zap(en, la, bytes);
	else
		emul_pte_sync(en, la, bytes);
}

void emul_elsewhere_serve(struct emul_encl *en)
{
	struct emul_shared *sh = en->sh;

	if (!sh || emul_pool->config.observer)
		return;
	for (;;) {
		uint64_t serial = atomic_load(&sh->zap_serial), done = atomic_load(&en->zap_done);

		if (serial == done)
			return;
		if (!atomic_load(&en->mapped))
			;
		else if (serial - done > EMUL_ZAPS)     /* some were overwritten */
			drop_range(en, sh->base, sh->size, true);
		else
			for (uint64_t s = done + 1; s <= serial; s++)
				drop_range(en, sh->zap[s % EMUL_ZAPS].la, sh->zap[s % EMUL_ZAPS].bytes,
					   sh->zap[s % EMUL_ZAPS].drop);
		/* overwritten meanwhile: what was read may have been two halves */
		if (atomic_load(&sh->zap_serial) - done > EMUL_ZAPS && serial - done <= EMUL_ZAPS &&
		    atomic_load(&en->mapped))
			drop_range(en, sh->base, sh->size, true);
		atomic_store(&en->zap_done, serial);
		if (en->user < EMUL_USERS)
			atomic_store(&sh->user[en->user].done, serial);
	}
}

static void serve_slot(struct emul_encl *en)
{
	if (!atomic_load(&en->live))
		return;
	atomic_store(&en->zap_wanted, 1);
	while (!emul_trylock(&en->mm_lock)) {
		/* interrupted in the middle of its own work: it looks again when it has unlocked */
		if (emul_lock_is_own(&en->mm_lock))
			return;
		raw0(SYS_sched_yield);
	}
	atomic_store(&en->zap_wanted, 0);
	emul_elsewhere_serve(en);
	emul_unlock(&en->mm_lock);
}

void emul_elsewhere_poll(void)
{
	for (uint32_t i = 0; i < atomic_load(&emul_n_encls); i++)
		serve_slot(&emul_encls[i]);
}

bool emul_elsewhere_is_kick(int sig, const siginfo_t *info)
{
	return sig == KICK_SIGNAL && info->si_code == KICK_CODE;
}

/* ---- having it done ------------------------------------------------------------------------------------------ */

static char *put(char *p, const char *s)
{
	while (*s)
		*p++ = *s++;
	return p;
}

/*
 * Its emulator lives: exec closes this fd, and the signal would end whatever runs there now.  Where we may not look (the
 * process is another user's) it has to be assumed.
 */
static bool has_emulator(const struct emul_encl *en, uint32_t pid, uint32_t tid, int own_fd)
{
	char path[80] = "/proc/", *p = put(proc_put_number(path + 6, pid), "/task/");
	struct stat st;

	p = proc_put_number(put(proc_put_number(p, tid), "/fd/"), (uint32_t)own_fd);
	*p = '\0';
	long r = raw4(SYS_newfstatat, AT_FDCWD, path, &st, 0);

	return r ? r != -ENOENT && r != -ESRCH : st.st_ino == en->ino && st.st_dev == en->dev;
}

/* The letter in /proc/PID/task/TID/stat; 0: there is no such thread. */
static char state_of(uint32_t pid, uint32_t tid)
{
	char path[64] = "/proc/", buf[512], *p = put(proc_put_number(path + 6, pid), "/task/");
	long fd, n, i;

	*put(proc_put_number(p, tid), "/stat") = '\0';
	fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	n = raw3(SYS_read, fd, buf, sizeof(buf));
	raw1(SYS_close, fd);
	for (i = n - 1; i > 0; i--)     /* the name in parentheses may hold anything */
		if (buf[i] == ')')
			break;
	return i > 0 && i + 2 < n ? buf[i + 2] : 0;
}

static bool is_gone(char state)
{
	return !state || state == 'Z' || state == 'X';
}

static bool is_stopped(char state)
{
	return state == 'T' || state == 't';
}

static void kick(uint32_t pid, uint32_t tid)
{
	siginfo_t info;

	__builtin_memset(&info, 0, sizeof(info));
	info.si_signo = KICK_SIGNAL;
	info.si_code = KICK_CODE;
	info.si_pid = (pid_t)raw_getpid();
	info.si_uid = (uid_t)raw0(SYS_getuid);
	raw4(SYS_rt_tgsigqueueinfo, pid, tid, KICK_SIGNAL, &info);
}

/* visit() for each thread, until it says true */
static bool any_thread(uint32_t pid, bool (*visit)(uint32_t pid, uint32_t tid, void *arg), void *arg)
{
	char path[32] = "/proc/";
	_Alignas(8) char buf[1024];
	bool found = false;
	long n;

	*put(proc_put_number(path + 6, pid), "/task") = '\0';
	long dir = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);

	while (dir >= 0 && !found && (n = raw3(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n && !found;) {
			const struct proc_dirent *e = (const void *)(buf + at);
			uint32_t tid = 0;

			at += e->reclen;
			for (const char *c = e->name; *c >= '0' && *c <= '9'; c++)
				tid = tid * 10 + (uint32_t)(*c - '0');
			found = tid && visit(pid, tid, arg);
		}
	}
	if (dir >= 0)
		raw1(SYS_close, dir);
	return found;
}

static bool kick_running_thread(uint32_t pid, uint32_t tid, void *arg)
{
	(void)arg;
	if (state_of(pid, tid) == 'R')
		kick(pid, tid);
	return false;
}

static bool kick_stopped_thread(uint32_t pid, uint32_t tid, void *arg)
{
	(void)arg;
	if (is_stopped(state_of(pid, tid)))
		kick(pid, tid);
	return false;
}

/*
 * Threads that run: whoever is inside the enclave is one of them, or on its way through the emulator.  Who waits in a
 * system call is left alone, for it would see EINTR.
 */
static void kick_running(uint32_t pid)
{
	any_thread(pid, kick_running_thread, NULL);
}

static bool is_living_thread(uint32_t pid, uint32_t tid, void *arg)
{
	uint32_t *ret_tid = arg;

	*ret_tid = is_gone(state_of(pid, tid)) ? 0 : tid;
	return *ret_tid;
}

/* A thread of the process, the first one if it has not ended before the others; 0: there is none. */
static uint32_t living_thread(uint32_t pid)
{
	uint32_t tid = 0;

	if (is_living_thread(pid, pid, &tid) || any_thread(pid, is_living_thread, &tid))
		return tid;
	return 0;
}

enum standing {
	THERE,                  /* has still to do it */
	STOPPED,                /* ... before it goes on */
	DONE,                   /* did it, or is no more */
};

/* The process of user i, which is not this one. */
static enum standing standing_of(const struct emul_encl *en, uint32_t i)
{
	uint32_t pid = atomic_load(&en->sh->user[i].pid), tid = pid && pid != raw_getpid() ? living_thread(pid) : 0;

	if (!tid || !has_emulator(en, pid, tid, en->sh->user[i].own_fd))
		return DONE;
	return is_stopped(state_of(pid, tid)) ? STOPPED : THERE;
}

static enum standing zap_standing(const struct emul_encl *en, uint32_t i, uint64_t serial)
{
	if (i == en->user || atomic_load(&en->sh->user[i].done) >= serial)
		return DONE;
	return standing_of(en, i);
}

static bool is_anybody_inside(struct emul_encl *en)
{
	/* while threads are inside, the SECS stays where it is */
	return !en->sh->secs_out && sgxm_threads_inside(&en->machine, EMUL_EPA_SECS);
}

/* One turn of waiting; false: it has been long enough. */
static bool take_a_pause(struct timespec *pause, uint64_t *waited_ns)
{
	/* who waits for us cannot interrupt us where all signals are blocked */
	emul_elsewhere_poll();
	raw2(SYS_nanosleep, pause, 0);
	*waited_ns += (uint64_t)pause->tv_nsec;
	if (pause->tv_nsec < (long)PAUSE_MAX_NS)
		pause->tv_nsec *= 2;
	return *waited_ns < WAIT_MAX_NS;
}

static enum emul_way wait_for(struct emul_encl *en, uint64_t serial)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t waited_ns = 0;

	do {
		bool there = false, stopped = false;

		if (!is_anybody_inside(en))
			return EMUL_WAY_FREE;
		for (uint32_t i = 0; i < EMUL_USERS; i++) {
			enum standing s = zap_standing(en, i, serial);

			there = there || s == THERE;
			stopped = stopped || s == STOPPED;
			if (s == THERE)
				kick_running(atomic_load(&en->sh->user[i].pid));
			else if (s == STOPPED && !waited_ns)
				any_thread(atomic_load(&en->sh->user[i].pid), kick_stopped_thread, NULL);
		}
		if (!there)
			return stopped ? EMUL_WAY_STOPPED : atomic_load(&en->sh->unlisted) ? EMUL_WAY_BUSY : EMUL_WAY_FREE;
	} while (take_a_pause(&pause, &waited_ns));
	return EMUL_WAY_BUSY;
}

/* mm_lock and sh->mutex held */
static void post(struct emul_encl *en, uint64_t la, uint64_t bytes, bool drop)
{
	struct emul_shared *sh = en->sh;
	uint64_t serial = atomic_load(&sh->zap_serial) + 1;

	sh->zap[serial % EMUL_ZAPS].la = la;
	sh->zap[serial % EMUL_ZAPS].bytes = bytes;
	sh->zap[serial % EMUL_ZAPS].drop = drop;
	atomic_store(&sh->zap_serial, serial);
	atomic_store(&en->zap_done, serial);
	if (en->user < EMUL_USERS)
		atomic_store(&sh->user[en->user].done, serial);
}

/* sh->mutex is dropped for it. */
static enum emul_way wait_unlocked(struct emul_encl *en, uint64_t serial)
{
	enum emul_way way;

	emul_unlock(&en->sh->mutex);
	way = wait_for(en, serial);
	emul_lock(&en->sh->mutex);
	return way;
}

void emul_elsewhere_zap(struct emul_encl *en, uint64_t la, uint64_t bytes, bool drop)
{
	uint64_t serial;

	if (!bytes || !emul_elsewhere_has_others(en))
		return;
	emul_lock(&en->mm_lock);
	emul_elsewhere_serve(en);
	post(en, la, bytes, drop);
	serial = atomic_load(&en->zap_done);
	emul_unlock(&en->mm_lock);
	wait_unlocked(en, serial);
}

enum emul_way emul_elsewhere_evict(struct emul_encl *en, const uint64_t *pages, unsigned n)
{
	uint64_t serial;

	if (!emul_elsewhere_has_others(en))
		return EMUL_WAY_FREE;
	emul_lock(&en->mm_lock);
	emul_elsewhere_serve(en);
	for (unsigned k = 0, run; k < n; k += run) {
		for (run = 1; k + run < n && pages[k + run] == pages[k] + run; run++)
			;
		post(en, en->sh->base + (pages[k] << SGX_PAGE_SHIFT), (uint64_t)run << SGX_PAGE_SHIFT, true);
	}
	serial = atomic_load(&en->zap_done);
	emul_unlock(&en->mm_lock);
	return wait_unlocked(en, serial);
}

/*
 * Of this process' threads none stays there long; what others have is the same, unless they were stopped.  The count of
 * a user who was killed is not looked at, and begins anew with the next one.
 */
enum emul_way emul_elsewhere_unlooked(struct emul_encl *en)
{
	struct timespec pause = { .tv_nsec = PAUSE_NS };
	uint64_t waited_ns = 0;

	for (uint32_t i = 0; i <= EMUL_USERS; i++) {
		for (unsigned spins = 0; atomic_load(&en->sh->looks[i]); spins++) {
			if (spins < LOOK_YIELDS) {
				raw0(SYS_sched_yield);
				continue;
			}
			enum standing s = i < EMUL_USERS && i != en->user ? standing_of(en, i) : THERE;

			if (s == DONE)
				break;
			if (s == STOPPED)
				return EMUL_WAY_STOPPED;
			if (!take_a_pause(&pause, &waited_ns))
				return EMUL_WAY_BUSY;
		}
	}
	return EMUL_WAY_FREE;
}
