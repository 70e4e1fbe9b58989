/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EPC accounting: how many pages the device has, and which enclave holds how many.
 *
 * The pool is memory that a process shares with its children.  An enclave is charged to the pool of the
 * process that opened it; its pages come back when the last process that uses it lets go, or is found dead.
 * A process with another pool (it got the fd through a socket) only sees the enclave's own count.
 *
 * Context: any, including signal handlers: no libc that allocates.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/proc.h"
#include "emul/raw.h"

struct emul_pool *emul_pool;

/* ---- who holds a file --------------------------------------------------------------------------- */

static int to_fd(const char *name)
{
	int n = 0;

	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		n = n * 10 + (*name - '0');
	}
	return n;
}

static bool is_same_file(long dir, const char *name, dev_t dev, ino_t ino)
{
	struct stat st;

	return raw4(SYS_newfstatat, dir, name, &st, 0) == 0 && st.st_ino == ino && st.st_dev == dev;
}

/* The folder of the descriptors of process pid, or -errno. */
static long open_fd_dir(uint32_t pid)
{
	char path[32] = "/proc/", *end = proc_put_number(path + 6, pid);

	__builtin_memcpy(end, "/fd", 4);
	return raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
}

/* A number in the folder, other than except_fd, that names the file; -1: there is none. */
static int find_fd(long dir, dev_t dev, ino_t ino, int except_fd)
{
	_Alignas(8) char buf[2048];
	long n;

	while ((n = raw3(SYS_getdents64, dir, buf, sizeof(buf))) > 0) {
		for (long at = 0; at < n;) {
			const struct proc_dirent *e = (const void *)(buf + at);
			int fd = to_fd(e->name);

			at += e->reclen;
			if (fd >= 0 && fd != except_fd && is_same_file(dir, e->name, dev, ino))
				return fd;
		}
	}
	return -1;
}

bool emul_process_has_file(uint32_t pid, dev_t dev, ino_t ino, int except_fd)
{
	long dir = open_fd_dir(pid);
	bool found;

	if (dir < 0)            /* another user's process: assume the worst */
		return dir != -ENOENT;
	found = find_fd(dir, dev, ino, except_fd) >= 0;
	raw1(SYS_close, dir);
	return found;
}

int emul_process_open_file(uint32_t pid, dev_t dev, ino_t ino)
{
	long dir = open_fd_dir(pid), own = -1;
	struct stat st;
	char name[12];
	int fd;

	if (dir < 0)
		return -1;
	fd = find_fd(dir, dev, ino, -1);
	if (fd >= 0) {
		*proc_put_number(name, (uint32_t)fd) = '\0';
		own = raw4(SYS_openat, dir, name, O_RDWR | O_CLOEXEC, 0);
	}
	raw1(SYS_close, dir);
	/* it was closed, and the number is another file's by now */
	if (own >= 0 && (raw2(SYS_fstat, own, &st) || st.st_ino != ino || st.st_dev != dev)) {
		raw1(SYS_close, own);
		own = -1;
	}
	return own < 0 ? -1 : (int)own;
}

/* ---- charges --------------------------------------------------------------------------------------- */

static bool is_home(const struct emul_shared *sh)
{
	return sh->pool_id == emul_pool->id && sh->charge < EMUL_MAX_CHARGES;
}

bool emul_epc_is_home(const struct emul_shared *sh) { return is_home(sh); }

/* Subtract, but never below zero: a process with another pool may have taken what we give back. */
static uint64_t take_off(_Atomic uint64_t *counter, uint64_t pages)
{
	uint64_t have = atomic_load(counter), n;

	do
		n = pages < have ? pages : have;
	while (!atomic_compare_exchange_weak(counter, &have, have - n));
	return n;
}

/* Forgets holders that are gone.  How many are left, this process apart. */
static unsigned count_others(struct emul_charge *c)
{
	uint32_t self = raw_getpid();
	unsigned n = 0;

	for (unsigned i = 0; i < EMUL_CHARGE_PIDS; i++) {
		if (!c->pids[i] || c->pids[i] == self)
			continue;
		if (!emul_thread_dead(c->pids[i], false) && emul_process_has_file(c->pids[i], c->dev, c->ino, -1)) {
			n++;
			continue;
		}
		c->pids[i] = 0;
		c->lost = 1;
	}
	return n;
}

static bool is_visited(const struct emul_charge *c)
{
	return c->visitor && (c->visitor == raw_getpid() || !emul_thread_dead(c->visitor, false));
}

static bool is_own(const struct emul_charge *c)
{
	uint32_t self = raw_getpid();

	for (unsigned i = 0; i < EMUL_CHARGE_PIDS; i++)
		if (c->pids[i] == self)
			return true;
	return false;
}

static bool has_live_holder(struct emul_charge *c)
{
	return is_own(c) || is_visited(c) || count_others(c) > 0;
}

bool emul_epc_lost_holder(struct emul_shared *sh)
{
	bool lost = true;

	emul_lock(&emul_pool->lock);
	if (is_home(sh) && !atomic_load(&sh->strangers)) {
		count_others(&emul_pool->charges[sh->charge]);
		lost = emul_pool->charges[sh->charge].lost;
	}
	emul_unlock(&emul_pool->lock);
	return lost;
}

static void drop_charge(struct emul_charge *c)
{
	take_off(&emul_pool->used, atomic_exchange(&c->pages, 0));
	c->ino = 0;
}

/* EPC of enclaves whose processes were killed.  True when something came back. */
bool emul_epc_sweep(void)
{
	uint64_t before = atomic_load(&emul_pool->used);

	emul_lock(&emul_pool->lock);
	for (unsigned i = 0; i < emul_pool->n_charges; i++) {
		struct emul_charge *c = &emul_pool->charges[i];

		if (c->ino && !has_live_holder(c))
			drop_charge(c);
	}
	emul_unlock(&emul_pool->lock);
	return atomic_load(&emul_pool->used) < before;
}

static bool add_holder(struct emul_charge *c, uint32_t pid)
{
	for (unsigned i = 0; i < EMUL_CHARGE_PIDS; i++) {
		if (c->pids[i] && c->pids[i] != pid)
			continue;
		c->pids[i] = pid;
		return true;
	}
	return false;
}

/*
 * The lock orders this with emul_epc_attach: a process that attaches later sees in the records what was marked before
 * this was asked, and one that attached before is counted here.
 */
bool emul_epc_sole(struct emul_shared *sh)
{
	bool sole;

	emul_lock(&emul_pool->lock);
	sole = is_home(sh) && !atomic_load(&sh->strangers) && !atomic_load(&sh->forks) &&
	       !count_others(&emul_pool->charges[sh->charge]);
	emul_unlock(&emul_pool->lock);
	return sole;
}

void emul_epc_attach(struct emul_shared *sh, dev_t dev, ino_t ino)
{
	if (emul_pool->config.observer)
		return;
	emul_lock(&emul_pool->lock);
	for (unsigned i = 0; !sh->pool_id && i < EMUL_MAX_CHARGES; i++) {
		struct emul_charge *c = &emul_pool->charges[i];

		if (c->ino)
			continue;
		*c = (struct emul_charge){ .dev = dev, .ino = ino };
		if (emul_pool->n_charges <= i)
			emul_pool->n_charges = i + 1;
		sh->charge = i;
		sh->pool_total = emul_pool->total;
		sh->pool_id = emul_pool->id;
		/* released before, and found again through an fd that was in flight */
		atomic_store(&c->pages, atomic_load(&sh->epc_used));
		atomic_fetch_add(&emul_pool->used, atomic_load(&sh->epc_used));
	}
	if (!is_home(sh) || !add_holder(&emul_pool->charges[sh->charge], raw_getpid()))
		atomic_store(&sh->strangers, 1);
	emul_unlock(&emul_pool->lock);
}

void emul_epc_detach(struct emul_shared *sh)
{
	uint32_t pid = raw_getpid();

	if (emul_pool->config.observer)
		return;
	emul_lock(&emul_pool->lock);
	if (is_home(sh)) {
		struct emul_charge *c = &emul_pool->charges[sh->charge];

		for (unsigned i = 0; i < EMUL_CHARGE_PIDS; i++)
			if (c->pids[i] == pid)
				c->pids[i] = 0;
		if (!has_live_holder(c)) {
			drop_charge(c);
			sh->pool_id = 0;
		}
	}
	emul_unlock(&emul_pool->lock);
}

/* ---- who has how much ------------------------------------------------------------------------------- */

/* Are pages in charge i, before those of charge k? */
static bool comes_before(uint64_t pages, uint32_t i, uint64_t than, uint32_t k)
{
	return pages > than || (pages == than && i < k);
}

bool emul_epc_next_holder(struct emul_holder *h)
{
	const struct emul_holder last = *h;
	bool found = false;

	emul_lock(&emul_pool->lock);
	for (uint32_t i = 0; i < emul_pool->n_charges; i++) {
		const struct emul_charge *c = &emul_pool->charges[i];
		uint64_t pages = atomic_load(&c->pages);

		if (!c->ino || !pages || is_own(c) || !comes_before(last.pages, last.charge, pages, i) ||
		    (found && !comes_before(pages, i, h->pages, h->charge)))
			continue;
		found = true;
		*h = (struct emul_holder){ .charge = i, .pages = pages, .dev = c->dev, .ino = c->ino };
		__builtin_memcpy(h->pids, c->pids, sizeof(h->pids));
	}
	emul_unlock(&emul_pool->lock);
	return found;
}

bool emul_epc_visit(const struct emul_holder *h)
{
	struct emul_charge *c = &emul_pool->charges[h->charge];
	bool good;

	emul_lock(&emul_pool->lock);
	good = c->dev == h->dev && c->ino == h->ino && !is_visited(c);
	if (good)
		c->visitor = raw_getpid();
	emul_unlock(&emul_pool->lock);
	return good;
}

void emul_epc_leave(const struct emul_holder *h)
{
	struct emul_charge *c = &emul_pool->charges[h->charge];

	emul_lock(&emul_pool->lock);
	c->visitor = 0;
	if (!has_live_holder(c))
		drop_charge(c);
	emul_unlock(&emul_pool->lock);
}

bool emul_epc_is_modest(void)
{
	uint64_t own = 0, own_pages = 0, all = 0;

	emul_lock(&emul_pool->lock);
	for (uint32_t i = 0; i < emul_pool->n_charges; i++) {
		const struct emul_charge *c = &emul_pool->charges[i];
		bool mine = c->ino && is_own(c);

		all += c->ino && (mine || atomic_load(&c->pages));
		own += mine;
		own_pages += mine ? atomic_load(&c->pages) : 0;
	}
	emul_unlock(&emul_pool->lock);
	return all > own && own_pages * all < emul_pool->total * own;
}

/* ---- pages ------------------------------------------------------------------------------------------ */

static bool take_home(struct emul_shared *sh, uint64_t pages)
{
	uint64_t used = atomic_load(&emul_pool->used);

	do
		if (used > emul_pool->total || pages > emul_pool->total - used)
			return false;
	while (!atomic_compare_exchange_weak(&emul_pool->used, &used, used + pages));
	atomic_fetch_add(&emul_pool->charges[sh->charge].pages, pages);
	atomic_fetch_add(&sh->epc_used, pages);
	return true;
}

static bool take_foreign(struct emul_shared *sh, uint64_t pages)
{
	uint64_t used = atomic_load(&sh->epc_used);

	do
		if (used > sh->pool_total || pages > sh->pool_total - used)
			return false;
	while (!atomic_compare_exchange_weak(&sh->epc_used, &used, used + pages));
	return true;
}

uint64_t emul_epc_free(void)
{
	uint64_t used = atomic_load(&emul_pool->used);

	return used < emul_pool->total ? emul_pool->total - used : 0;
}

bool emul_epc_take(struct emul_shared *sh, uint64_t pages)
{
	if (!is_home(sh))
		return take_foreign(sh, pages);
	return take_home(sh, pages) || (emul_epc_sweep() && take_home(sh, pages));
}

void emul_epc_give(struct emul_shared *sh, uint64_t pages)
{
	take_off(&sh->epc_used, pages);
	if (is_home(sh))
		take_off(&emul_pool->used, take_off(&emul_pool->charges[sh->charge].pages, pages));
}

/*
 * The kernel's thread wakes up below 32 free pages and reclaims until there are 64.  An EPC so small that this would be
 * most of it gets a fraction instead.
 */
#define LOW_PAGES  32u
#define HIGH_PAGES 64u
#define LOW_PART   8u
#define HIGH_PART  4u

static bool has_free(const struct emul_shared *sh, uint64_t pages, unsigned part)
{
	uint64_t used = atomic_load_explicit(&emul_pool->used, memory_order_relaxed), total = emul_pool->total;

	if (!is_home(sh))
		return true;
	pages = pages < total / part ? pages : total / part;
	return used <= total && total - used >= pages;
}

bool emul_epc_low(const struct emul_shared *sh) { return !has_free(sh, LOW_PAGES, LOW_PART); }
bool emul_epc_high(const struct emul_shared *sh) { return has_free(sh, HIGH_PAGES, HIGH_PART); }

/* ---- by the batch -------------------------------------------------------------------------------------- */

void emul_stash_fill(struct emul_encl *en, struct emul_stash *st, uint64_t pages)
{
	if (emul_epc_take(en->sh, pages))
		st->pages += pages;
}

bool emul_stash_take(struct emul_encl *en, struct emul_stash *st)
{
	if (!st->pages)
		return emul_epc_take(en->sh, 1);
	st->pages--;
	return true;
}

void emul_stash_drop(struct emul_encl *en, struct emul_stash *st)
{
	if (st->pages)
		emul_epc_give(en->sh, st->pages);
	st->pages = 0;
}

int emul_va_grow(struct emul_encl *en, struct emul_stash *st, bool *ret_new)
{
	struct emul_shared *sh = en->sh;

	*ret_new = sh->page_count % EMUL_VA_SLOTS == 0;
	if (*ret_new) {
		if (!emul_stash_take(en, st))
			return -EMUL_NO_EPC;
		sh->va_pages++;
	}
	sh->page_count++;
	return 0;
}

/* The VA page goes only when this very page brought it. */
void emul_va_shrink(struct emul_encl *en, bool was_new)
{
	en->sh->page_count--;
	if (was_new) {
		en->sh->va_pages--;
		emul_epc_give(en->sh, 1);
	}
}
