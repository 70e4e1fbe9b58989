/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pool of EPC pages, and who shares one.
 *
 * A pool is memory that a process shares with the children it forks.  Under `sgxctl run` it is a memfd besides, which
 * the first program makes and all that are executed from there inherit: so one EPC serves the whole tree of programs.  It
 * stays open over exec, under one of a few high numbers, and is known by its size and by what it begins with.  A program
 * that got rid of it, or was asked to play another device, has a pool of its own.
 *
 * Context: normal; prepare() before any thread.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

#define POOL_FD_FIRST 210       /* above the numbers that programs count on getting */
#define POOL_FDS      6

static int pool_fd = -1;

bool emul_is_pool_fd(int fd)
{
	return fd >= 0 && fd == pool_fd;
}

/* The program wants the number.  Without another one in reach, the next program has a pool of its own. */
void emul_pool_move_fd(int fd)
{
	long to = raw3(SYS_fcntl, fd, F_DUPFD, POOL_FD_FIRST);

	if (to >= POOL_FD_FIRST + POOL_FDS) {
		raw1(SYS_close, to);
		to = -1;
	}
	pool_fd = to < 0 ? -1 : (int)to;
}

static uint64_t pages_of(const struct emul_config *cfg)
{
	return cfg->epc_pages ? cfg->epc_pages : EMUL_EPC_PAGES_DEFAULT;
}

/* The same device?  (What a process promises about its signals is its own.) */
static bool is_alike(const struct emul_config *a, const struct emul_config *b)
{
	return a->kernel == b->kernel && a->no_sgx2 == b->no_sgx2 && pages_of(a) == pages_of(b);
}

static void fill(struct emul_pool *p, const struct emul_config *cfg)
{
	if (raw3(SYS_getrandom, &p->id, sizeof(p->id), 0) != (long)sizeof(p->id) || !p->id)
		p->id = (uint64_t)(uintptr_t)p ^ raw_getpid();
	p->bytes = sizeof(*p);
	p->total = pages_of(cfg);
	p->config = *cfg;
	p->config.epc_pages = p->total;
	p->magic = EMUL_POOL_MAGIC;
}

static bool is_pool(int fd, const struct emul_config *cfg)
{
	struct emul_pool head;
	struct stat st;
	size_t bytes = offsetof(struct emul_pool, charges);

	return !raw2(SYS_fstat, fd, &st) && S_ISREG(st.st_mode) && st.st_size == (off_t)sizeof(head) &&
	       raw4(SYS_pread64, fd, &head, bytes, 0) == (long)bytes && head.magic == EMUL_POOL_MAGIC &&
	       head.bytes == sizeof(head) && is_alike(&head.config, cfg);
}

static struct emul_pool *map_pool(int fd)
{
	void *p = mmap(NULL, sizeof(struct emul_pool), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	return p == MAP_FAILED ? NULL : p;
}

static void make(const struct emul_config *cfg)
{
	long fd = raw2(SYS_memfd_create, "sgx_epc", 0), high;
	struct emul_pool *p;

	if (fd < 0)
		return;
	/* without a high number to have, the program keeps its low ones */
	high = raw3(SYS_fcntl, fd, F_DUPFD, POOL_FD_FIRST);
	raw1(SYS_close, fd);
	if (high < 0)
		return;
	if (high < POOL_FD_FIRST + POOL_FDS && !raw2(SYS_ftruncate, high, sizeof(*p)) && (p = map_pool((int)high))) {
		fill(p, cfg);
		raw2(SYS_munmap, p, sizeof(*p));
		pool_fd = (int)high;
		return;
	}
	raw1(SYS_close, high);
}

void emul_pool_prepare(const struct emul_config *cfg)
{
	for (int fd = POOL_FD_FIRST; pool_fd < 0 && fd < POOL_FD_FIRST + POOL_FDS; fd++)
		if (is_pool(fd, cfg))
			pool_fd = fd;
	if (pool_fd < 0)
		make(cfg);
}

int emul_pool_open(const struct emul_config *cfg)
{
	struct emul_pool *p = pool_fd >= 0 && is_pool(pool_fd, cfg) ? map_pool(pool_fd) : NULL;

	if (!p) {
		p = mmap(NULL, sizeof(*p), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			return -ENOMEM;
		fill(p, cfg);
	}
	emul_pool = p;
	return 0;
}
