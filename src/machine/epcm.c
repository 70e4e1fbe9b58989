/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EPCM entries: changes of state, decoded views. */
#include "machine/operand.h"

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

void epcm_free(struct epcm_hold *h)
{
	struct sgxm_epcm *e = h->e;

	__atomic_store_n(&e->epoch, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&e->word, 0, __ATOMIC_RELEASE);
	h->e = NULL;
}

uint32_t sgxm_epcm_locked(const struct sgxm_epcm *e)
{
	uint32_t w = __atomic_load_n(&e->word, __ATOMIC_RELAXED);

	return w & ~SGXM_E_STATE ? w : 0;
}

bool sgxm_epcm_break(struct sgxm_epcm *e, uint32_t seen)
{
	return __atomic_compare_exchange_n(&e->word, &seen, seen & SGXM_E_STATE, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

void sgxm_secs_break(struct sgxm *m, uint64_t secs_epa)
{
	struct sgxm_secs *s = secs_page(m, secs_epa);

	__atomic_store_n(&s->measure_lock, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&s->track_lock, 0, __ATOMIC_RELEASE);
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
