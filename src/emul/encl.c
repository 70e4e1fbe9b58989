/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The enclaves this process knows: slots, found by inode, by linear address or by mapping, attached when an
 * inherited or received fd turns up, released when the last fd and mapping are gone.
 *
 * Context: the two look-ups by address run in signal handlers; the rest is normal context with all signals
 *          blocked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/mm.h"
#include "emul/raw.h"

struct emul_encl emul_encls[EMUL_MAX_ENCLAVES];
_Atomic uint32_t emul_n_encls;

/* Guards the claiming and releasing of slots; of this process, like mm_lock. */
static struct emul_mutex slots_lock;

#define SMALL_BYTES (EMUL_OFF_PATCHES + SGX_PAGE_SIZE - EMUL_OFF_SHARED)

/* ---- look-ups --------------------------------------------------------------------------------- */

struct emul_encl *emul_encl_by_la(uint64_t la)
{
	uint32_t n = atomic_load(&emul_n_encls);

	for (uint32_t i = 0; i < n; i++) {
		struct emul_encl *en = &emul_encls[i];

		/* not from the enclave's file, which another thread may be letting go of */
		if (la - atomic_load(&en->base) < atomic_load(&en->size))
			return en;
	}
	return NULL;
}

struct emul_encl *emul_encl_by_vma(uint64_t la)
{
	uint32_t n = atomic_load(&emul_n_encls);
	struct emul_encl *found = NULL;
	sigset_t old;

	for (uint32_t i = 0; i < n && !found; i++) {
		struct emul_encl *en = &emul_encls[i];

		if (!atomic_load(&en->live) || !en->n_vma)
			continue;
		emul_sig_block(&old);
		emul_lock(&en->mm_lock);
		if (emul_vma_find(en, la))
			found = en;
		emul_unlock(&en->mm_lock);
		emul_sig_restore(&old);
	}
	return found;
}

static struct emul_encl *find(const struct stat *st)
{
	uint32_t n = atomic_load(&emul_n_encls);

	for (uint32_t i = 0; i < n; i++) {
		struct emul_encl *en = &emul_encls[i];

		if (atomic_load(&en->live) && en->ino == st->st_ino && en->dev == st->st_dev)
			return en;
	}
	return NULL;
}

/* ---- mapping ------------------------------------------------------------------------------------ */

void *emul_map_file(int fd, uint64_t bytes, uint64_t off)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, (off_t)off);

	if (p == MAP_FAILED)
		return NULL;
	madvise(p, bytes, MADV_DONTDUMP);
	return p;
}

static void unmap(void *p, uint64_t bytes)
{
	if (p)
		munmap(p, bytes);
}

static uint64_t table_bytes(uint64_t pages, uint64_t entry)
{
	return (pages * entry + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
}

static void unmap_meta(struct emul_encl *en, uint64_t size)
{
	uint64_t pages = size >> SGX_PAGE_SHIFT;

	atomic_store(&en->size, 0);
	atomic_store(&en->mapped, 0);
	unmap(en->alias, size);
	unmap(en->epcm, table_bytes(pages, sizeof(*en->epcm)));
	unmap(en->rec, table_bytes(pages, sizeof(*en->rec)));
	unmap(en->inside, table_bytes(pages, sizeof(*en->inside)));
	unmap(en->pte, table_bytes(pages, 1));
	emul_paging_unmap(en, size);
	en->alias = NULL;
	en->epcm = NULL;
	en->rec = NULL;
	en->inside = NULL;
	en->pte = NULL;
}

int emul_encl_map_meta(struct emul_encl *en)
{
	uint64_t size = en->sh->size, pages = size >> SGX_PAGE_SHIFT;

	if (atomic_load(&en->mapped))
		return 0;
	en->alias = emul_map_file(en->own_fd, size, 0);
	en->epcm = emul_map_file(en->own_fd, table_bytes(pages, sizeof(*en->epcm)), EMUL_OFF_EPCM);
	en->rec = emul_map_file(en->own_fd, table_bytes(pages, sizeof(*en->rec)), EMUL_OFF_RECORDS);
	en->inside = emul_map_file(en->own_fd, table_bytes(pages, sizeof(*en->inside)), EMUL_OFF_INSIDE);
	/* page tables: private, copied by fork as Linux copies them */
	en->pte = mmap(NULL, table_bytes(pages, 1), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (en->pte == MAP_FAILED)
		en->pte = NULL;
	if (!en->alias || !en->epcm || !en->rec || !en->inside || !en->pte) {
		unmap_meta(en, size);
		return -ENOMEM;
	}
	atomic_store(&en->mapped, 1);
	atomic_store(&en->base, en->sh->base);
	atomic_store(&en->size, size);
	return 0;
}

uint64_t emul_next_used(const struct emul_encl *en, uint64_t table_off, uint64_t entry_bytes, uint64_t i, uint64_t end)
{
	long at = (long)(table_off + i * entry_bytes), data = raw3(SYS_lseek, en->own_fd, at, SEEK_DATA);
	uint64_t j = data < at ? end : ((uint64_t)data - table_off) / entry_bytes;

	return j < end ? j : end;
}

/* ---- slots ---------------------------------------------------------------------------------------- */

/* Also tells a new file from an attached one: the pages behind EMUL_OFF_SHARED. */
static int map_small(struct emul_encl *en)
{
	uint8_t *p = emul_map_file(en->own_fd, SMALL_BYTES, EMUL_OFF_SHARED);

	if (!p)
		return -ENOMEM;
	en->sh = (struct emul_shared *)p;
	en->secs = p + (EMUL_OFF_SECS - EMUL_OFF_SHARED);
	en->patches = (struct emul_patches *)(p + (EMUL_OFF_PATCHES - EMUL_OFF_SHARED));
	en->secs_epcm = &en->sh->secs_epcm;
	return 0;
}

static struct emul_encl *free_slot(void)
{
	uint32_t n = atomic_load(&emul_n_encls);

	for (uint32_t i = 0; i < n; i++)
		if (!atomic_load(&emul_encls[i].live))
			return &emul_encls[i];
	return n < EMUL_MAX_ENCLAVES ? &emul_encls[n] : NULL;
}

/*
 * A slot for the enclave file own_fd (which becomes the slot's on success).  is_new: nobody else has it,
 * and the file is still empty.
 */
int emul_encl_claim(int own_fd, const struct stat *st, bool is_new, struct emul_encl **ret_en)
{
	struct emul_encl *en;
	int r = 0;

	emul_lock(&slots_lock);
	en = free_slot();
	if (!en) {
		emul_unlock(&slots_lock);
		return -ENOMEM;
	}
	en->own_fd = own_fd;
	en->dev = st->st_dev;
	en->ino = st->st_ino;
	en->fds = 1;
	r = map_small(en);
	if (!r && is_new) {
		en->sh->version = EMUL_VERSION;
		en->sh->kernel = emul_pool->config.kernel;
		en->sh->no_sgx2 = emul_pool->config.no_sgx2;
		en->sh->magic = EMUL_MAGIC;
	}
	if (!r && (en->sh->magic != EMUL_MAGIC || en->sh->version != EMUL_VERSION)) {
		unmap(en->sh, SMALL_BYTES);
		r = -ENOTTY;
	}
	if (!r) {
		en->machine = (struct sgxm){ .ops = &emul_machine_ops, .host = en, .platform = emul_platform() };
		emul_epc_attach(en->sh, en->dev, en->ino);
		emul_elsewhere_join(en, false);
		atomic_store(&en->live, 1);
		if (en == &emul_encls[atomic_load(&emul_n_encls)])
			atomic_fetch_add(&emul_n_encls, 1);
		*ret_en = en;
	}
	emul_unlock(&slots_lock);
	return r;
}

bool emul_encl_visit(struct emul_encl *en, int own_fd, dev_t dev, ino_t ino)
{
	*en = (struct emul_encl){ .own_fd = own_fd, .dev = dev, .ino = ino, .user = EMUL_USERS, .is_guest = true };
	if (map_small(en))
		return false;
	en->machine = (struct sgxm){ .ops = &emul_machine_ops, .host = en, .platform = emul_platform() };
	if (en->sh->magic == EMUL_MAGIC && en->sh->version == EMUL_VERSION && atomic_load(&en->sh->created) &&
	    !emul_encl_map_meta(en)) {
		en->hand = atomic_load(&en->sh->guest_hand);
		atomic_store(&en->zap_done, atomic_load(&en->sh->zap_serial));
		return true;
	}
	unmap(en->sh, SMALL_BYTES);
	return false;
}

void emul_encl_leave(struct emul_encl *en)
{
	atomic_store(&en->sh->guest_hand, en->hand);
	unmap_meta(en, en->sh->size);
	unmap(en->sh, SMALL_BYTES);
	raw1(SYS_close, en->own_fd);
}

/* Above the numbers that programs count on getting. */
#define OWN_FD_MIN 300
int emul_fd_high(int fd)
{
	long high = raw3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, OWN_FD_MIN);

	if (high < 0)
		return fd;
	raw1(SYS_close, fd);
	return (int)high;
}

/* A description of our own: writable, so that the alias can be, whatever mode the program's fd has. */
static int own_fd_of(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int own = open(path, O_RDWR | O_CLOEXEC);

	if (own < 0)
		return -errno;
	return emul_fd_high(own);
}

struct emul_encl *emul_encl_find_held(const struct stat *st)
{
	emul_lock(&slots_lock);
	struct emul_encl *en = find(st);

	if (en)
		atomic_fetch_add(&en->users, 1);
	emul_unlock(&slots_lock);
	return en;
}

/* A slot for a file that came by inheritance or through a socket. */
static int attach(int fd, const struct stat *st)
{
	struct emul_encl *en;
	int own = own_fd_of(fd), r;

	if (own < 0)
		return own;
	r = emul_encl_claim(own, st, false, &en);
	if (r)
		close(own);
	else if (emul_on_ready && atomic_load(&en->sh->initialized))
		emul_on_ready((unsigned)(en - emul_encls), own);
	return r;
}

struct emul_encl *emul_encl_hold(int fd)
{
	struct emul_encl *en;
	struct stat st;

	if (!emul_pool || fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != (off_t)EMUL_FILE_BYTES)
		return NULL;
	while (!(en = emul_encl_find_held(&st)))
		if (attach(fd, &st))
			return NULL;
	/* another process may have done CREATE since */
	if (atomic_load(&en->sh->created) && emul_encl_map_meta(en)) {
		emul_encl_drop(en);
		return NULL;
	}
	return en;
}

static void release(struct emul_encl *en)
{
	if (emul_on_gone)
		emul_on_gone((unsigned)(en - emul_encls), emul_epc_sole(en->sh));
	struct emul_shared *sh = en->sh;

	emul_elsewhere_leave(en);
	if (atomic_load(&en->mapped))
		unmap_meta(en, sh->size);
	close(en->own_fd);
	emul_epc_detach(sh);
	unmap(en->bounce, EMUL_BOUNCE_BYTES);
	en->bounce = NULL;
	if (en->vma)
		munmap(en->vma, en->cap_vma * sizeof(*en->vma));
	en->vma = NULL;
	en->cap_vma = 0;
	emul_lock(&en->mm_lock);        /* who has it looks into the file before unlocking */
	en->sh = NULL;
	emul_unlock(&en->mm_lock);
	unmap(sh, SMALL_BYTES);
}

/* Closing and duplicating need no hooks: /proc knows. */
static bool has_other_fd(const struct emul_encl *en)
{
	return emul_process_has_file(raw_getpid(), en->dev, en->ino, en->own_fd);
}

static void put_if_idle(struct emul_encl *en)
{
	emul_lock(&slots_lock);
	if (atomic_load(&en->live) && !en->n_vma && !has_other_fd(en)) {
		/* who came before this store is counted, who comes after it sees that nobody is here */
		atomic_store(&en->live, 0);
		if (atomic_load(&en->users))
			atomic_store(&en->live, 1);     /* the last of them tries again */
		else
			release(en);
	}
	emul_unlock(&slots_lock);
}

struct emul_encl *emul_encl_by_fd(int fd)
{
	struct emul_encl *en = emul_encl_hold(fd);

	if (en)
		emul_encl_drop(en);
	return en;
}

void emul_encl_drop(struct emul_encl *en)
{
	if (atomic_fetch_sub(&en->users, 1) == 1)
		emul_encl_put(en);
}

void emul_encl_put(struct emul_encl *en)
{
	if (!en->n_vma && en->fds <= 0)
		put_if_idle(en);
}

/* Enclaves whose fds were closed behind our back. */
void emul_encl_reap(void)
{
	uint32_t n = atomic_load(&emul_n_encls);

	for (uint32_t i = 0; i < n; i++)
		if (atomic_load(&emul_encls[i].live))
			put_if_idle(&emul_encls[i]);
}

/* ---- fork -------------------------------------------------------------------------------------------- */

/* Held over the fork, so that the child finds lists that nobody was changing. */
void emul_encl_before_fork(void)
{
	emul_lock(&emul_reclaim_lock);
	emul_lock(&emul_maps_lock);
	emul_lock(&slots_lock);
	for (uint32_t i = 0; i < atomic_load(&emul_n_encls); i++) {
		if (!atomic_load(&emul_encls[i].live))
			continue;
		emul_lock(&emul_encls[i].mm_lock);
		/* taken back by the child, which has the enclave, too, from now on */
		atomic_fetch_add(&emul_encls[i].sh->forks, 1);
	}
}

void emul_encl_after_fork(bool child)
{
	for (uint32_t i = 0; i < atomic_load(&emul_n_encls); i++) {
		if (!atomic_load(&emul_encls[i].live))
			continue;
		if (child) {
			emul_encls[i].user = EMUL_USERS;        /* the parent's */
			emul_vmas_forked(&emul_encls[i]);
		}
		emul_unlock(&emul_encls[i].mm_lock);
		if (child) {
			emul_epc_attach(emul_encls[i].sh, emul_encls[i].dev, emul_encls[i].ino);
			emul_elsewhere_join(&emul_encls[i], true);
			atomic_fetch_sub(&emul_encls[i].sh->forks, 1);
		}
	}
	emul_unlock(&slots_lock);
	emul_unlock(&emul_maps_lock);
	emul_unlock(&emul_reclaim_lock);
}
