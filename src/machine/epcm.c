/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EPCM entries: locks that never block, commits that are one store, decoded views. */
#include "machine/epcm.h"

static bool try_lock(struct epcm_hold *h, struct sgxm_epcm *e, uint64_t conflicts, uint64_t unit)
{
	uint64_t w = __atomic_load_n(&e->word, __ATOMIC_RELAXED);

	do {
		if (w & conflicts)
			return false;
	} while (!__atomic_compare_exchange_n(&e->word, &w, w + unit, true, __ATOMIC_ACQUIRE,
					      __ATOMIC_RELAXED));
	h->e = e;
	h->unit = unit;
	return true;
}

bool epcm_try_shared(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return try_lock(h, e, EPCM_EXCLUSIVE, EPCM_SHARE_ONE);
}

bool epcm_try_exclusive(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return try_lock(h, e, EPCM_EXCLUSIVE | EPCM_SHARE_MASK | EPCM_SGX2, EPCM_EXCLUSIVE);
}

/* For EMODT, whose conflict over the SGX2 resource is a later check */
bool epcm_try_exclusive_base(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return try_lock(h, e, EPCM_EXCLUSIVE | EPCM_SHARE_MASK, EPCM_EXCLUSIVE);
}

bool epcm_try_sgx2(struct epcm_hold *h, struct sgxm_epcm *e, bool own_exclusive)
{
	return try_lock(h, e, own_exclusive ? EPCM_SGX2 : EPCM_SGX2 | EPCM_EXCLUSIVE, EPCM_SGX2);
}

void epcm_drop(struct epcm_hold *h)
{
	if (!h->e)
		return;
	__atomic_fetch_sub(&h->e->word, h->unit, __ATOMIC_RELEASE);
	h->e = NULL;
}

bool epcm_change(struct sgxm_epcm *e, uint32_t from, uint32_t to)
{
	uint64_t w = __atomic_load_n(&e->word, __ATOMIC_RELAXED);

	do {
		if ((uint32_t)w != from)
			return false;
	} while (!__atomic_compare_exchange_n(&e->word, &w, (w & ~EPCM_STATE_MASK) | to, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void epcm_publish(struct epcm_hold *h, uint32_t state, uint64_t la, uint64_t secs_epa)
{
	struct sgxm_epcm *e = h->e;

	__atomic_store_n(&e->la, la, __ATOMIC_RELAXED);
	__atomic_store_n(&e->secs_pn, (uint32_t)(secs_epa >> SGX_PAGE_SHIFT), __ATOMIC_RELAXED);
	__atomic_store_n(&e->epoch, 0, __ATOMIC_RELAXED);
	/* nobody else may touch a word that is held exclusively, so a store both commits and unlocks */
	__atomic_store_n(&e->word, state, __ATOMIC_RELEASE);
	h->e = NULL;
}

void epcm_free(struct epcm_hold *h)
{
	struct sgxm_epcm *e = h->e;

	__atomic_store_n(&e->word, EPCM_EXCLUSIVE, __ATOMIC_RELEASE);
	epcm_publish(h, 0, 0, 0);
}

struct sgxm_epcm_view sgxm_epcm_get(const struct sgxm_epcm *e)
{
	uint32_t s = epcm_state(e);

	return (struct sgxm_epcm_view){
		.valid = s & SGXM_E_VALID,
		.pending = s & SGXM_E_PENDING,
		.modified = s & SGXM_E_MODIFIED,
		.pr = s & SGXM_E_PR,
		.blocked = s & SGXM_E_BLOCKED,
		.rwx = epcm_rwx(s),
		.pt = epcm_pt(s),
		.la = epcm_la(e),
		.secs_epa = epcm_secs_epa(e),
		.epoch = __atomic_load_n(&e->epoch, __ATOMIC_RELAXED),
	};
}

unsigned sgxm_epcm_usable(const struct sgxm_epcm *e)
{
	uint32_t s = epcm_state(e);

	if ((s & (SGXM_E_VALID | SGXM_E_PENDING | SGXM_E_MODIFIED | SGXM_E_BLOCKED)) != SGXM_E_VALID ||
	    epcm_pt(s) != SGX_PT_REG)
		return 0;
	return epcm_rwx(s);
}
