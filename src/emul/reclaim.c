/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pages leave the EPC, and when it is safe that they do.
 *
 * The candidates are the pages of all enclaves of this process, in a circle, a batch at a time; a page that was used
 * since the last time round is passed over once.  The enclaves of other processes are their own: an enclave that
 * more than one process can reach is never touched, because their page tables cannot be.
 *
 * On a CPU the translations of a page are gone when every thread has left the enclave once (ETRACK, IPI).  Here threads
 * run natively, so the same is had in four steps.  The record says LEAVING, which sends every new access to wait for
 * sh->mutex; the entries and the real mapping are taken away, which stops native accesses; leafs in
 * progress in other threads are waited for; and TCS and SSA pages of threads inside, which the CPU model has cached and
 * writes at an AEX without looking, stay.  (Linux would evict those too, after the IPI.)
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/main.c (sgx_reclaim_pages, ksgxd).
 * Context:   no lock held, signals blocked; also in signal handlers and between EENTER and the enclave.
 */
#include "emul/driver.h"
#include "emul/encl.h"

#define BATCH       16u
#define WIDEN_SHORT 8u          /* what is mapped unasked looks used */
#define ROUNDS      4u          /* visits of each enclave: to the end, ageing, taking, taking what is used too */

struct emul_mutex emul_reclaim_lock;
static uint32_t hand;           /* the enclave looked at now; emul_reclaim_lock */

struct scan {
	struct emul_encl *en;
	bool used_too;          /* take pages whether they were used or not */
	bool at_end;
	uint64_t pages[BATCH];
	unsigned n;
};

static bool is_evictable(uint16_t rec)
{
	return (rec & (EMUL_REC_EXISTS | EMUL_REC_OUT)) == EMUL_REC_EXISTS;
}

/* Pages [i, j) were used: their second chance. */
static uint64_t age_run(struct emul_encl *en, uint64_t i, uint64_t end)
{
	uint64_t j = i;

	while (j < end && is_evictable(emul_rec_load(&en->rec[j])) &&
	       en->pte[j] & (EMUL_PTE_ACCESSED | EMUL_PTE_NATIVE_MASK))
		j++;
	emul_pte_age(en, i, j - i);
	return j;
}

/* The next victims after the hand: marked, and without page-table entries here. */
static void choose(struct scan *s)
{
	struct emul_encl *en = s->en;
	uint64_t end = en->sh->size >> SGX_PAGE_SHIFT, i = en->hand < end ? en->hand : 0;

	emul_lock(&en->mm_lock);
	while (i < end && s->n < BATCH) {
		if (!is_evictable(emul_rec_load(&en->rec[i]))) {
			i++;
			continue;
		}
		if (!s->used_too && en->pte[i] & (EMUL_PTE_ACCESSED | EMUL_PTE_NATIVE_MASK)) {
			i = age_run(en, i, end);
			continue;
		}
		atomic_fetch_or(&en->rec[i].word, EMUL_REC_LEAVING);
		emul_pte_zap(en, en->sh->base + (i << SGX_PAGE_SHIFT), SGX_PAGE_SIZE);
		s->pages[s->n++] = i++;
	}
	emul_unlock(&en->mm_lock);
	s->at_end = i >= end;
	en->hand = s->at_end ? 0 : i;
}

static void stay(struct emul_encl *en, uint64_t page)
{
	atomic_fetch_and(&en->rec[page].word, (uint16_t)~EMUL_REC_LEAVING);
}

/* sh->mutex held */
static unsigned shrink_locked(struct scan *s)
{
	uint64_t left[BATCH], chosen[BATCH];
	unsigned n = 0;

	choose(s);
	if (!s->n)
		return 0;
	__builtin_memcpy(chosen, s->pages, sizeof(chosen));
	if (!emul_native_quiesce(s->en, s->pages, s->n) || !emul_epc_sole(s->en->sh)) {
		for (unsigned k = 0; k < s->n; k++)
			stay(s->en, chosen[k]);
		return 0;
	}
	for (unsigned k = 0; k < s->n; k++) {
		if (s->pages[k] == UINT64_MAX)
			stay(s->en, chosen[k]);
		else
			left[n++] = chosen[k];
	}
	return n ? emul_evict_pages(s->en, left, n) : 0;
}

/* Up to a batch from one enclave; *ret_end: the hand has passed its last page. */
static unsigned shrink(struct emul_encl *en, bool used_too, bool *ret_end)
{
	struct scan s = { .en = en, .used_too = used_too };
	unsigned freed = 0;

	*ret_end = true;
	atomic_fetch_add(&en->users, 1);        /* keeps the slot */
	if (atomic_load(&en->live) && atomic_load(&en->mapped) && emul_epc_is_home(en->sh) && emul_epc_sole(en->sh)) {
		emul_lock(&en->sh->mutex);
		freed = shrink_locked(&s);
		emul_unlock(&en->sh->mutex);
		*ret_end = s.at_end;
	}
	emul_encl_drop(en);
	return freed;
}

unsigned emul_reclaim(void)
{
	unsigned freed = 0;

	emul_lock(&emul_reclaim_lock);
	uint32_t n = atomic_load(&emul_n_encls), visits = 0;

	emul_widen_max = WIDEN_SHORT;
	while (!freed && visits < ROUNDS * n) {
		bool at_end;

		hand = hand < n ? hand : 0;
		freed = shrink(&emul_encls[hand], visits >= (ROUNDS - 1) * n, &at_end);
		if (!at_end)
			continue;
		hand++;
		visits++;
	}
	emul_unlock(&emul_reclaim_lock);
	return freed;
}

/*
 * Reclaiming ahead of need, where nothing could be had a moment ago, would only look at everything again.  Who needs a
 * page always looks.
 */
#define REST_CALLS 64u
static _Atomic uint32_t rest;

static bool is_worth_it(const struct emul_shared *sh)
{
	uint32_t calls;

	if (!emul_epc_low(sh))
		return false;
	calls = atomic_load_explicit(&rest, memory_order_relaxed);
	if (calls)
		atomic_store_explicit(&rest, calls - 1, memory_order_relaxed);
	return !calls;
}

static bool reclaim_ahead(void)
{
	if (emul_reclaim())
		return true;
	atomic_store_explicit(&rest, REST_CALLS, memory_order_relaxed);
	return false;
}

void emul_ksgxd(const struct emul_shared *sh)
{
	if (!is_worth_it(sh))
		return;
	emul_epc_sweep();
	while (!emul_epc_high(sh) && reclaim_ahead())
		;
}

/* sgx_reclaim_direct(): sh->mutex held, and dropped for it. */
void emul_reclaim_direct(struct emul_encl *en)
{
	if (!is_worth_it(en->sh))
		return;
	emul_unlock(&en->sh->mutex);
	reclaim_ahead();
	emul_lock(&en->sh->mutex);
}
