/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What several ioctls do alike: the argument checks, tracking, and EAUG of a page with its bookkeeping.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, encl.c; the AUGMENT RFC of 4 March 2022.
 */
#include <errno.h>

#include "emul/driver.h"

/* sgx_validate_offset_length() */
int emul_check_range(const struct emul_shared *sh, uint64_t off, uint64_t length)
{
	if (off & ~SGX_PAGE_MASK)
		return -EINVAL;
	if (!length || length & ~SGX_PAGE_MASK)
		return -EINVAL;
	if (off + length < off)
		return -EINVAL;
	if (off + length - SGX_PAGE_SIZE >= sh->size)
		return -EINVAL;
	return 0;
}

/* sgx_ioc_sgx2_ready(): the processor first, then the state */
int emul_check_sgx2(const struct emul_shared *sh)
{
	if (sh->no_sgx2)
		return -ENODEV;
	return atomic_load(&sh->initialized) ? 0 : -EINVAL;
}

int emul_etrack(struct emul_encl *en)
{
	struct sgxm_out out = emul_note(en, sgxm_etrack(&en->machine, EMUL_EPA_SECS), 0);

	if (out.kind == SGXM_GP) {
		/* sh->mutex is held: whoever has the lock was killed */
		sgxm_secs_break(&en->machine, EMUL_EPA_SECS);
		out = emul_note(en, sgxm_etrack(&en->machine, EMUL_EPA_SECS), 0);
	}
	if (out.kind != SGXM_DONE) {
		/* the cycle before is incomplete: kick everybody out, try once more */
		sgxm_ipi(&en->machine, EMUL_EPA_SECS);
		out = emul_note(en, sgxm_etrack(&en->machine, EMUL_EPA_SECS), 0);
		if (out.kind != SGXM_DONE)
			return -EFAULT;
	}
	sgxm_ipi(&en->machine, EMUL_EPA_SECS);
	return 0;
}

/* sgx_alloc_epc_page() that may reclaim */
int emul_wait_epc(struct emul_call *c)
{
	bool restart;

	/* signal pending -> EINTR or restart */
	if (emul_signal_pending(&c->old_mask, &restart))
		return -EMUL_ERESTARTSYS;
	/* nothing can be reclaimed -> ENOMEM */
	return emul_reclaim() ? 0 : -ENOMEM;
}

/*
 * A page of an SGX2 ioctl is out and the EPC is full.  The driver leaves that to ksgxd and the caller; here ksgxd's work is
 * done at once, so EAGAIN is left for when others take what it freed.
 */
static int wait_for_ksgxd(struct emul_encl *en, unsigned tries)
{
	unsigned freed;

	emul_unlock(&en->sh->mutex);
	freed = emul_reclaim();
	emul_lock(&en->sh->mutex);
	/* nothing reclaimable -> EFAULT; something, but not in time -> EAGAIN */
	return !freed ? -EFAULT : tries ? -EAGAIN : 0;
}

int emul_sgx2_args(struct emul_call *c, void *arg, size_t bytes)
{
	int r = emul_check_sgx2(c->en->sh);
	uint64_t range[2];

	/* CPU without SGX2 -> ENODEV; not initialized -> EINVAL */
	if (r)
		return r;
	/* struct unreadable -> EFAULT */
	if (emul_user_read(arg, c->arg, bytes))
		return -EFAULT;
	/* offset and length, which all of them begin with -> EINVAL */
	__builtin_memcpy(range, arg, sizeof(range));
	return emul_check_range(c->en->sh, range[0], range[1]);
}

int emul_for_stretches(struct emul_encl *en, uint64_t offset, uint64_t length, const struct emul_stretches *s, __u64 *ret_count)
{
	uint64_t done = 0;
	unsigned tries = 0;
	int r = 0;

	emul_lock(&en->sh->mutex);
	while (!r && done < length) {
		uint64_t left = length - done, n = 0;

		emul_reclaim_direct(en);
		r = s->work(en, offset + done, left < s->bytes ? left : s->bytes, s->arg, &n);
		done += n;
		tries = n ? 0 : tries;
		if (r == -EMUL_NO_EPC)
			r = wait_for_ksgxd(en, tries++);
	}
	/* the failing page too: it may have changed before tracking failed */
	if (s->narrows)
		emul_sync_rights(en, en->sh->base + offset, r ? done + SGX_PAGE_SIZE : done);
	emul_unlock(&en->sh->mutex);
	*ret_count = done;
	return r;
}

/* sgx_encl_eaug_page(): SECS, EPC page, VA page, index entry, leaf; each failure undoes what came before. */
int emul_add_dynamic(struct emul_encl *en, uint64_t la, struct emul_stash *st)
{
	struct emul_record *rec = &en->rec[emul_page_index(en, la)];
	uint64_t off = la - en->sh->base, done = 0;
	bool new_va = false;
	int r;

	/* the RFC has no such step, and dereferences a null pointer where the SECS is out */
	r = emul_load_secs(en);
	if (r)
		return r;
	if (!emul_stash_take(en, st))
		return -EMUL_NO_EPC;
	r = emul_va_grow(en, st, &new_va);
	if (r) {
		emul_epc_give(en->sh, 1);
		return r;
	}
	if (emul_rec_load(rec) & EMUL_REC_EXISTS)
		r = -EBUSY;
	else if (emul_note(en, sgxm_eaug_run(&en->machine, EMUL_EPA_SECS, la, EMUL_EPA_PAGES + off, 1, &done),
			   off).kind != SGXM_DONE)
		r = -EFAULT;
	if (r) {
		emul_va_shrink(en, new_va);
		emul_epc_give(en->sh, 1);
		return r;
	}
	atomic_store_explicit(&rec->word, emul_rec_make(SGX_PT_REG, SGX_SECINFO_RWX) | EMUL_REC_AUGMENTED,
			      memory_order_release);
	atomic_fetch_add_explicit(&en->sh->eaugs, 1, memory_order_relaxed);
	return 0;
}

int emul_add_dynamic_page(struct emul_encl *en, uint64_t la)
{
	struct emul_stash none = { 0 };

	return emul_add_dynamic(en, la, &none);
}
