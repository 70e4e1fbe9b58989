/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EPCM entries: locks that never block, commits that are one store, decoded views. */
#include "machine/epcm.h"

static bool try_lock(struct epcm_hold *h, struct sgxm_epcm *e, uint32_t conflicts, uint32_t unit)
{
	uint32_t w = __atomic_load_n(&e->word, __ATOMIC_RELAXED);

	do {
		if (w & conflicts || (unit & EPCM_SHARE_ONE && (w & EPCM_SHARE_MASK) == EPCM_SHARE_MASK))
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

bool epcm_try_shared_sgx2(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return try_lock(h, e, EPCM_EXCLUSIVE | EPCM_SGX2, EPCM_SHARE_ONE | EPCM_SGX2);
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

bool epcm_change(struct sgxm_epcm *e, uint32_t from, uint32_t to)
{
	uint32_t w = __atomic_load_n(&e->word, __ATOMIC_RELAXED);

	do {
		if ((w & SGXM_E_STATE) != from)
			return false;
	} while (!__atomic_compare_exchange_n(&e->word, &w, (w & ~SGXM_E_STATE) | to, true,
					      __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
	return true;
}

void epcm_publish(struct sgxm *m, struct epcm_hold *h, uint64_t epa, uint32_t state,
		  struct sgxm_owner owner)
{
	struct sgxm_epcm *e = h->e;

	m->ops->set_owner(m->host, epa, owner);
	__atomic_store_n(&e->epoch, 0, __ATOMIC_RELAXED);
	/* nobody else may touch a word that is held exclusively, so a store both commits and unlocks */
	__atomic_store_n(&e->word, state, __ATOMIC_RELEASE);
	h->e = NULL;
}

void epcm_free(struct epcm_hold *h)
{
	struct sgxm_epcm *e = h->e;

	__atomic_store_n(&e->epoch, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&e->word, 0, __ATOMIC_RELEASE);
	h->e = NULL;
}

struct sgxm_epcm_view sgxm_epcm_get(struct sgxm *m, uint64_t epa)
{
	const struct sgxm_epcm *e = m->ops->epcm(m->host, epa);
	uint32_t s = e ? epcm_state(e) : 0;

	return (struct sgxm_epcm_view){
		.valid = s & SGXM_E_VALID,
		.pending = s & SGXM_E_PENDING,
		.modified = s & SGXM_E_MODIFIED,
		.pr = s & SGXM_E_PR,
		.blocked = s & SGXM_E_BLOCKED,
		.rwx = epcm_rwx(s),
		.pt = epcm_pt(s),
		.owner = s & SGXM_E_VALID ? epcm_owner(m, epa) : (struct sgxm_owner){ 0 },
		.epoch = e ? __atomic_load_n(&e->epoch, __ATOMIC_RELAXED) : 0,
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
