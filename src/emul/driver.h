/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the driver model share among themselves: user memory, argument checks, EPC by the
 * batch, and one function per ioctl.
 */
#ifndef EMUL_DRIVER_H
#define EMUL_DRIVER_H

#include "emul/internal.h"

/* ---- user memory: whole or -EFAULT, never a fault here ------------------------------------- */

int emul_user_read(void *dst, uint64_t addr, size_t bytes);
int emul_user_write(uint64_t addr, const void *src, size_t bytes);
/* Leading pages of [addr, addr + pages*4096) that could be read into dst. */
size_t emul_user_read_pages(void *dst, uint64_t addr, size_t pages);

/* ---- signals and threads ------------------------------------------------------------------- */

struct emul_kernel_sigaction { uint64_t handler, flags, restorer, mask; };
bool emul_signal_pending(const sigset_t *old, bool *ret_restart);
bool emul_thread_dead(uint32_t tid, bool this_process);

/* Inside the driver only, as in Linux: becomes -EINTR or a silent restart. */
#define EMUL_ERESTARTSYS 512

/* One ioctl in flight. */
struct emul_call {
	struct emul_encl *en;
	uint64_t arg;           /* user address of the command's structure */
	sigset_t old_mask;      /* the caller's, for emul_signal_pending */
};

/* ---- EPC ------------------------------------------------------------------------------------ */

/* EPC pages already taken from the pool for the pages to come: one atomic operation per batch. */
struct emul_stash { uint64_t pages; };
bool emul_stash_take(struct emul_encl *en, struct emul_stash *st);
void emul_stash_fill(struct emul_encl *en, struct emul_stash *st, uint64_t pages);
void emul_stash_drop(struct emul_encl *en, struct emul_stash *st);

/* sgx_encl_grow() and sgx_encl_shrink(): every 512th page (the SECS is the first) costs a VA page. */
#define EMUL_VA_SLOTS 512
int emul_va_grow(struct emul_encl *en, struct emul_stash *st, bool *ret_new);
void emul_va_shrink(struct emul_encl *en, bool was_new);

int emul_add_dynamic(struct emul_encl *en, uint64_t la, struct emul_stash *st);

/* ---- records -------------------------------------------------------------------------------- */

static inline uint16_t emul_rec_load(const struct emul_record *r)
{
	return atomic_load_explicit(&r->word, memory_order_acquire);
}
static inline unsigned emul_rec_pt(uint16_t w) { return (unsigned)(w & EMUL_REC_PT_MASK) >> EMUL_REC_PT_SHIFT; }
static inline uint16_t emul_rec_make(unsigned pt, unsigned max_prot)
{
	return (uint16_t)(EMUL_REC_EXISTS | EMUL_REC_DIRTY | EMUL_REC_FRESH | (pt << EMUL_REC_PT_SHIFT & EMUL_REC_PT_MASK) |
			  (max_prot & EMUL_REC_MAX_MASK));
}

/* ---- arguments ------------------------------------------------------------------------------ */

int emul_check_range(const struct emul_shared *sh, uint64_t off, uint64_t length);
/* sgx_ioc_sgx2_ready() */
int emul_check_sgx2(const struct emul_shared *sh);
/* The beginning of an SGX2 ioctl: state, structure, range.  0 or -errno. */
int emul_sgx2_args(struct emul_call *c, void *arg, size_t bytes);
/*
 * The work of an SGX2 ioctl on its range, in order, under sh->mutex, which is dropped between stretches where pages
 * have to leave the EPC.  work: 0 or -errno, and in *ret_done the bytes that were done of a stretch of at most `bytes`.
 */
struct emul_stretches {
	int (*work)(struct emul_encl *en, uint64_t off, uint64_t bytes, void *arg, uint64_t *ret_done);
	void *arg;
	uint64_t bytes;
	bool narrows;           /* EPCM rights: the real mapping follows at the end */
};
int emul_for_stretches(struct emul_encl *en, uint64_t offset, uint64_t length, const struct emul_stretches *s,
		       __u64 *ret_count);
/* ETRACK, and the IPI that makes it complete */
int emul_etrack(struct emul_encl *en);

/* ---- the commands ---------------------------------------------------------------------------- */

long emul_ioc_create(struct emul_call *c);
long emul_ioc_add_pages(struct emul_call *c);
long emul_ioc_init(struct emul_call *c);
long emul_ioc_provision(struct emul_call *c);
long emul_ioc_restrict(struct emul_call *c);
long emul_ioc_modify(struct emul_call *c);
long emul_ioc_remove(struct emul_call *c);
long emul_ioc_augment(struct emul_call *c);

long emul_ioc_get_secs(struct emul_call *c);
long emul_ioc_get_pages(struct emul_call *c);
long emul_ioc_get_counters(struct emul_call *c);
long emul_ioc_last_refusal(struct emul_call *c);

bool emul_is_provision_fd(int fd);

/* ---- reclaiming ------------------------------------------------------------------------------- */

/*
 * Waits until the pages may leave; those that may not become EMUL_NO_PAGE; *busy is set when one of them might later.
 * False: none may now.  sh->mutex is dropped meanwhile.
 */
bool emul_quiesce(struct emul_encl *en, uint64_t *pages, unsigned n, bool *busy);
/* A batch from one enclave; *ret_end: the hand has passed its last page.  emul_reclaim_lock held. */
enum emul_picky { EMUL_UNUSED_ONLY, EMUL_USED_TOO };
unsigned emul_shrink(struct emul_encl *en, enum emul_picky picky, bool *ret_end);
/* From enclaves of other processes of the pool; *busy as above.  emul_reclaim_lock held. */
unsigned emul_reclaim_others(bool *busy);

/* ---- waiting for EPC: no lock held ------------------------------------------------------------ */

/* An allocation of an ioctl met an empty EPC: 0 = some was reclaimed, else -EMUL_ERESTARTSYS or -ENOMEM. */
int emul_wait_epc(struct emul_call *c);
/*
 * Between the pages of an SGX2 ioctl, under sh->mutex, which is dropped for it: a batch leaves when few EPC pages are
 * free.
 */
void emul_reclaim_direct(struct emul_encl *en);

#endif
