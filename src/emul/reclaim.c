/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which pages leave the EPC, and when it is safe that they do.
 *
 * The candidates are the pages of all enclaves of this process, in a circle, a batch at a time; a page that was used
 * since the last time round is passed over once.  When they yield nothing, and first of all while they have less than
 * their part of the EPC, other processes give theirs (reclaim_others.c).  An enclave that a process with another EPC has,
 * too, is not touched.
 *
 * On a CPU the translations of a page are gone when every thread has left the enclave once (ETRACK, IPI).  Here threads
 * run natively, so the same is had in four steps.  The record says LEAVING, which sends every new access to wait for
 * sh->mutex; the entries and the real mappings are taken away in all processes, which stops native accesses; leafs in
 * progress in other threads are waited for; and TCS and SSA pages of threads inside stay (quiesce.c).  (Linux would
 * evict those too, after the IPI.)
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/main.c (sgx_reclaim_pages, ksgxd).
 * Context:   no lock held, signals blocked; also in signal handlers and between EENTER and the enclave.
 */
#include <time.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

#define BATCH       16u
#define WIDEN_SHORT 8u          /* what is mapped unasked looks used */
#define TRIES       5000u       /* with a pause, while others are in the way: some seconds */
#define PAUSE_NS    200000
#define ROUNDS      4u          /* visits of each enclave: to the end, ageing, taking, taking what is used too */

struct emul_mutex emul_reclaim_lock;
static uint32_t hand;           /* the enclave looked at now; emul_reclaim_lock */
static bool busy;               /* there was something, but others were in the way; emul_reclaim_lock */

struct scan {
	struct emul_encl *en;
	enum emul_picky picky;
	bool at_end;
	uint64_t pages[BATCH];
	unsigned n;
};

static bool is_evictable(uint16_t rec)
{
	return (rec & (EMUL_REC_EXISTS | EMUL_REC_OUT)) == EMUL_REC_EXISTS;
}

/* What pages of another process' enclave were used is in its page tables; which ones came lately is known here, too. */
static bool is_used(const struct emul_encl *en, uint64_t i)
{
	if (en->is_guest)
		return emul_rec_load(&en->rec[i]) & EMUL_REC_FRESH;
	return en->pte[i] & (EMUL_PTE_ACCESSED | EMUL_PTE_NATIVE_MASK);
}

/* Pages [i, j) were used: their second chance. */
static uint64_t age_run(struct emul_encl *en, uint64_t i, uint64_t end)
{
	uint64_t j = i;

	while (j < end && is_evictable(emul_rec_load(&en->rec[j])) && is_used(en, j)) {
		if (en->is_guest)
			atomic_fetch_and(&en->rec[j].word, (uint16_t)~EMUL_REC_FRESH);
		j++;
	}
	if (!en->is_guest)
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
		if (s->picky == EMUL_UNUSED_ONLY && is_used(en, i)) {
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
	if (!emul_quiesce(s->en, s->pages, s->n, &busy)) {
		for (unsigned k = 0; k < s->n; k++)
			stay(s->en, chosen[k]);
		return 0;
	}
	for (unsigned k = 0; k < s->n; k++) {
		if (s->pages[k] == EMUL_NO_PAGE)
			stay(s->en, chosen[k]);
		else
			left[n++] = chosen[k];
	}
	return n ? emul_evict_pages(s->en, left, n) : 0;
}

unsigned emul_shrink(struct emul_encl *en, enum emul_picky picky, bool *ret_end)
{
	struct scan s = { .en = en, .picky = picky };
	unsigned freed = 0;

	*ret_end = true;
	if (!emul_epc_is_home(en->sh) || atomic_load(&en->sh->strangers))
		return 0;
	if (!emul_trylock_shared(&en->sh->evictor)) {
		busy = true;
		return 0;
	}
	emul_lock(&en->sh->mutex);
	freed = shrink_locked(&s);
	emul_unlock(&en->sh->mutex);
	emul_unlock(&en->sh->evictor);
	*ret_end = s.at_end;
	return freed;
}

/* One of this process, which may be let go of meanwhile */
static unsigned shrink_slot(struct emul_encl *en, enum emul_picky picky, bool *ret_end)
{
	unsigned freed = 0;

	*ret_end = true;
	atomic_fetch_add(&en->users, 1);        /* keeps the slot */
	if (atomic_load(&en->live) && atomic_load(&en->mapped))
		freed = emul_shrink(en, picky, ret_end);
	emul_encl_drop(en);
	return freed;
}

static unsigned reclaim_own(void)
{
	uint32_t n = atomic_load(&emul_n_encls), visits = 0;
	unsigned freed = 0;

	emul_widen_max = WIDEN_SHORT;
	while (!freed && visits < ROUNDS * n) {
		bool at_end;

		hand = hand < n ? hand : 0;
		freed = shrink_slot(&emul_encls[hand], visits >= (ROUNDS - 1) * n ? EMUL_USED_TOO : EMUL_UNUSED_ONLY,
				    &at_end);
		if (!at_end)
			continue;
		hand++;
		visits++;
	}
	return freed;
}

static unsigned reclaim_once(bool *ret_busy)
{
	unsigned freed = 0;
	bool modest;

	emul_lock(&emul_reclaim_lock);
	busy = false;
	modest = emul_epc_is_modest();
	if (modest)
		freed = emul_reclaim_others(&busy);
	if (!freed)
		freed = reclaim_own();
	if (!freed && !modest)
		freed = emul_reclaim_others(&busy);
	*ret_busy = busy;
	emul_unlock(&emul_reclaim_lock);
	return freed;
}

unsigned emul_reclaim(void)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	unsigned freed;
	bool in_the_way;

	for (unsigned tries = 0;; tries++) {
		freed = reclaim_once(&in_the_way);
		/* what somebody else freed serves as well */
		if (freed || !in_the_way || tries == TRIES)
			return freed;
		if (emul_epc_free())
			return 1;
		emul_elsewhere_poll();
		raw2(SYS_nanosleep, &pause, 0);
	}
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
