/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that a static program shares with our C library: the break, and what belongs to its threads.  And the
 * places of its mappings.
 *
 * Authority: Linux 6.1 mm/mmap.c, kernel/rseq.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/rseq.h>

#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/exec.h"
#include "shim/static_exec.h"

#define PLACE_START ((uint64_t)0x14000000000)   /* behind the images: from 1.25 TiB on */
#define PLACE_END   ((uint64_t)STATIC_CEILING_HIGH << 32)
#define HUGE_BYTES  ((uint64_t)2 << 20)

static pthread_mutex_t brk_lock = PTHREAD_MUTEX_INITIALIZER;
static uint64_t brk_start, brk_now;


/* The real break belongs to the emulator's C library; the program's is memory behind its image. */
long static_call_brk(struct shim_call *c)
{
	uint64_t want = c->a[0];

	pthread_mutex_lock(&brk_lock);
	uint64_t was = sgx_page_up(brk_now), will = sgx_page_up(want);
	bool done = want >= brk_start && will >= want;

	if (done && will > was)
		done = raw6(SYS_mmap, was, will - was, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (long)was;
	else if (done && will < was)
		raw2(SYS_munmap, will, was - will);
	if (done)
		brk_now = want;
	long r = (long)brk_now;

	pthread_mutex_unlock(&brk_lock);
	return r;
}

long static_call_set_tid_address(struct shim_call *c)
{
	shim_self.clear_tid = c->a[0];
	return (long)raw_gettid();
}

long static_call_rseq(struct shim_call *c)
{
	long r = raw4(SYS_rseq, c->a[0], c->a[1], c->a[2], c->a[3]);

	if (r)
		return r;
	shim_self.rseq = c->a[2] & RSEQ_FLAG_UNREGISTER ? 0 : c->a[0];
	shim_self.rseq_bytes = c->a[1];
	shim_self.rseq_sig = c->a[3];
	return 0;
}

#define PATH_ROOM 4096

/* All of them: the filter stays over the exec. */
long shim_call_exec(struct shim_call *c)
{
	bool at = c->nr == SYS_execveat;
	int dirfd = at ? (int)c->a[0] : AT_FDCWD, flags = at ? (int)c->a[4] : 0, r;
	uint64_t argv = c->a[1 + at], envp = c->a[2 + at], mask = 0;
	char path[PATH_ROOM];
	struct exec_words v;

	r = shim_string(path, sizeof(path), c->a[at]);
	if (r < 0)
		return r;
	memcpy(&mask, &c->uc->uc_sigmask, sizeof(mask));
	mask |= native_held();
	r = shim_exec_prepare(dirfd, path, flags, argv, envp, &mask, &v);
	if (r <= 0)
		return r;
	if (shim_is_vfork_child()) {
		shim_self.exec_buf = v.word;
		shim_self.exec_bytes = v.bytes;
	}
	r = (int)raw3(SYS_execve, shim_config.helper, v.word, v.env);
	shim_exec_words_free(&v);
	shim_self.exec_buf = NULL;
	return r;
}

/*
 * Code that the program maps or makes must be below the ceiling for its system calls to be seen.  A hint is enough: the
 * kernel goes elsewhere when the place is taken.
 */
uint64_t shim_place(uint64_t la, uint64_t bytes, int flags)
{
	static uint64_t next = PLACE_START;
	uint64_t n = (bytes + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1), at;

	if (la || flags & (MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT) || n > (PLACE_END - PLACE_START) / 4 || !n)
		return la;
	/* small ones close together, as the kernel has them */
	if (bytes < HUGE_BYTES)
		n = sgx_page_up(bytes) + SGX_PAGE_SIZE;
	at = __atomic_fetch_add(&next, n, __ATOMIC_RELAXED);
	if (at + n <= PLACE_END)
		return at;
	__atomic_store_n(&next, PLACE_START, __ATOMIC_RELAXED);
	return 0;
}

void static_calls_setup(uint64_t start)
{
	brk_start = brk_now = start;
	native_outside_hook = shim_call_on_signal;
	native_entry_traps = 1;
}
