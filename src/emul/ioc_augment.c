/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_AUGMENT_PAGES, as the RFC has it and as one would wish it.
 *
 * The RFC answers 2 (VM_FAULT_SIGBUS) whenever a page cannot be added and installs no page-table
 * entries; EMUL_KERNEL_FIXED answers with the errno and installs them where the range is mapped.
 *
 * Authority: "[PATCH RFC] x86: Add SGX_IOC_ENCLAVE_AUGMENT_PAGES", J. Sakkinen, 4 March 2022.
 */
#include <errno.h>

#include "emul/driver.h"

#define BATCH_PAGES 1024u       /* between two looks at signals, under one hold of the lock */

/* Pages from index i on, at most n, that have no record. */
static uint64_t absent_run(const struct emul_encl *en, uint64_t i, uint64_t n)
{
	uint64_t run = 0;

	while (run < n && !(atomic_load_explicit(&en->rec[i + run].word, memory_order_relaxed) &
			    EMUL_REC_EXISTS))
		run++;
	return run;
}

/*
 * The pages after the first of a stretch, up to the next one that needs a VA page or is refused: the
 * steps of emul_add_dynamic for all of them at once.  Returns pages added; 0 leaves the verdict to it.
 */
static uint64_t add_run(struct emul_encl *en, uint64_t la, uint64_t n, struct emul_stash *st)
{
	uint64_t i = emul_page_index(en, la), done = 0;
	uint64_t slots = (EMUL_VA_SLOTS - en->sh->page_count % EMUL_VA_SLOTS) % EMUL_VA_SLOTS;
	uint16_t word = emul_rec_make(SGX_PT_REG, SGX_SECINFO_RWX) | EMUL_REC_AUGMENTED;

	n = n < slots ? n : slots;
	n = n < st->pages ? n : st->pages;
	n = absent_run(en, i, n);
	if (!n)
		return 0;
	sgxm_eaug_run(&en->machine, EMUL_EPA_SECS, la, emul_epa(en, la), n, &done);
	for (uint64_t k = 0; k < done; k++)
		atomic_store_explicit(&en->rec[i + k].word, word, memory_order_release);
	st->pages -= done;
	en->sh->page_count += done;
	atomic_fetch_add_explicit(&en->sh->eaugs, done, memory_order_relaxed);
	return done;
}

static int add_batch(struct emul_encl *en, uint64_t la, uint64_t n, uint64_t *ret_done)
{
	struct emul_stash st = { 0 };
	uint64_t done = 0;
	int r = 0;

	emul_lock(&en->sh->mutex);
	r = emul_load_secs(en);
	/* room for the VA pages too; when so much is not free, pages are taken one by one */
	if (!r)
		emul_stash_fill(en, &st, n + n / EMUL_VA_SLOTS + 1);
	while (!r && done < n) {
		uint64_t run = add_run(en, la + done * SGX_PAGE_SIZE, n - done, &st);

		done += run;
		if (run)
			continue;
		r = emul_add_dynamic(en, la + done * SGX_PAGE_SIZE, &st);
		done += !r;
	}
	emul_stash_drop(en, &st);
	emul_unlock(&en->sh->mutex);
	*ret_done = done;
	return r;
}

static void install_ptes(struct emul_encl *en, uint64_t la, uint64_t n)
{
	for (uint64_t k = 0; k < n; k++)
		emul_pte_install(en, la + k * SGX_PAGE_SIZE);
}

/* What the caller sees when a page could not be added. */
static long refusal(const struct emul_shared *sh, int r, uint64_t done)
{
	if (!r)
		return 0;
	if (sh->kernel != EMUL_KERNEL_FIXED)
		return SGX_AUGMENT_RFC_REFUSED;
	if (r == -EMUL_ERESTARTSYS && done)
		return 0;
	return r == -EBUSY ? -EEXIST : r == -EFAULT ? -EIO : r;
}

static long augment(struct emul_call *c, struct sgx_enclave_augment_pages *arg)
{
	struct emul_encl *en = c->en;
	uint64_t pages = arg->length / SGX_PAGE_SIZE, k = 0;
	bool restart;
	long ret = 0;
	int r = 0;

	while (!r && k < pages) {
		uint64_t la = en->sh->base + arg->offset + k * SGX_PAGE_SIZE, done;

		/* signal pending: restart before the first page, a short count after it */
		if (emul_signal_pending(&c->old_mask, &restart)) {
			ret = k ? 0 : -EMUL_ERESTARTSYS;
			break;
		}
		r = add_batch(en, la, pages - k < BATCH_PAGES ? pages - k : BATCH_PAGES, &done);
		if (en->sh->kernel == EMUL_KERNEL_FIXED)
			install_ptes(en, la, done);
		k += done;
		if (r == -EMUL_NO_EPC)
			r = emul_wait_epc(c);
		emul_ksgxd(en->sh);
		ret = refusal(en->sh, r, k);
	}
	arg->count = k * SGX_PAGE_SIZE;
	return ret;
}

long emul_ioc_augment(struct emul_call *c)
{
	struct emul_shared *sh = c->en->sh;
	struct sgx_enclave_augment_pages arg;
	long r;

	/* CPU without SGX2 -> ENODEV; the RFC has no such check and answers 2 for the first page */
	if (sh->kernel == EMUL_KERNEL_FIXED && sh->no_sgx2)
		return -ENODEV;
	/* not initialized -> EINVAL */
	if (!atomic_load(&sh->initialized))
		return -EINVAL;
	/* struct unreadable -> EFAULT */
	if (emul_user_read(&arg, c->arg, sizeof(arg)))
		return -EFAULT;
	/* offset and length -> EINVAL */
	if (emul_check_range(sh, arg.offset, arg.length))
		return -EINVAL;
	r = augment(c, &arg);
	/* struct not writable -> EFAULT, whatever happened before */
	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : r;
}
