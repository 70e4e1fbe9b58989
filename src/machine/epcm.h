/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EPCM entries: the state word, its conversion from and to SECINFO, and the locks in its upper
 * half.  A lock is only ever tried; a conflict answers as the manual's concurrency tables say.
 *
 *   bit 31       exclusive           ECREATE EADD EAUG EREMOVE EPA EWB ELDx EMODT
 *   bit 30       SGX2 resource       EMODPR EMODT EACCEPT EACCEPTCOPY EMODPE
 *   bits 29:16   number of sharers; one too many is a conflict
 *
 * An exclusive holder excludes the SGX2 resource too, although EMODPE and EACCEPTCOPY are
 * "concurrent" in the manual: a real CPU is protected by the tracking of threads there, a host
 * that resumes threads by sgxm_ipi() is not.  EMODT alone may meet a taken resource, because it
 * answers that by a check of its own.
 *
 * Authority: Intel SDM Vol. 3D, "Concurrency" tables of each leaf.
 * Context:   any, shared memory; every word is accessed atomically.
 */
#ifndef MACHINE_EPCM_H
#define MACHINE_EPCM_H

#include "machine/machine.h"

#define EPCM_EXCLUSIVE  (1u << 31)
#define EPCM_SGX2       (1u << 30)
#define EPCM_SHARE_ONE  (1u << 16)
#define EPCM_SHARE_MASK (EPCM_SGX2 - EPCM_SHARE_ONE)

/* A held lock; released when the variable leaves scope */
struct epcm_hold {
	struct sgxm_epcm *e;    /* NULL: nothing held */
	uint32_t unit;          /* what the lock added to the word */
};

static inline bool epcm_try(struct epcm_hold *h, struct sgxm_epcm *e, uint32_t conflicts, uint32_t unit)
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

static inline bool epcm_try_shared(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return epcm_try(h, e, EPCM_EXCLUSIVE, EPCM_SHARE_ONE);
}

/* EACCEPT takes both at once */
static inline bool epcm_try_shared_sgx2(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return epcm_try(h, e, EPCM_EXCLUSIVE | EPCM_SGX2, EPCM_SHARE_ONE | EPCM_SGX2);
}

static inline bool epcm_try_exclusive(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return epcm_try(h, e, EPCM_EXCLUSIVE | EPCM_SHARE_MASK | EPCM_SGX2, EPCM_EXCLUSIVE);
}

/* For EMODT, whose conflict over the SGX2 resource is a later check */
static inline bool epcm_try_exclusive_base(struct epcm_hold *h, struct sgxm_epcm *e)
{
	return epcm_try(h, e, EPCM_EXCLUSIVE | EPCM_SHARE_MASK, EPCM_EXCLUSIVE);
}

static inline bool epcm_try_sgx2(struct epcm_hold *h, struct sgxm_epcm *e, bool own_exclusive)
{
	return epcm_try(h, e, own_exclusive ? EPCM_SGX2 : EPCM_SGX2 | EPCM_EXCLUSIVE, EPCM_SGX2);
}

/* Does the word still show all that a lock added to it?  Not after sgxm_epcm_break(). */
static inline bool epcm_shows(uint32_t w, uint32_t unit)
{
	return (w & unit & (EPCM_EXCLUSIVE | EPCM_SGX2)) == (unit & (EPCM_EXCLUSIVE | EPCM_SGX2)) &&
	       (!(unit & EPCM_SHARE_ONE) || w & EPCM_SHARE_MASK);
}

static inline void epcm_drop(struct epcm_hold *h)
{
	uint32_t w;

	if (!h->e)
		return;
	w = __atomic_load_n(&h->e->word, __ATOMIC_RELAXED);
	while (epcm_shows(w, h->unit) &&
	       !__atomic_compare_exchange_n(&h->e->word, &w, w - h->unit, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
	h->e = NULL;
}

#define EPCM_HOLD(name) __attribute__((cleanup(epcm_drop))) struct epcm_hold name; name.e = NULL

/* The state bits now */
static inline uint32_t epcm_state(const struct sgxm_epcm *e)
{
	return __atomic_load_n(&e->word, __ATOMIC_ACQUIRE) & SGXM_E_STATE;
}

/* Replace the state bits if they are still `from`; lock bits are kept.  false: they changed. */
bool epcm_change(struct sgxm_epcm *e, uint32_t from, uint32_t to);

/* Fill the free entry of epa, held exclusively; the last store makes it valid and unlocks it. */
static inline void epcm_publish(struct sgxm *m, struct epcm_hold *h, uint64_t epa, uint32_t state,
				struct sgxm_owner owner)
{
	struct sgxm_epcm *e = h->e;

	m->ops->set_owner(m->host, epa, owner);
	__atomic_store_n(&e->epoch, 0, __ATOMIC_RELAXED);
	/* nobody else may touch a word that is held exclusively, so a store both commits and unlocks */
	__atomic_store_n(&e->word, state, __ATOMIC_RELEASE);
	h->e = NULL;
}

/* Invalidate an entry that is held exclusively, and unlock it. */
void epcm_free(struct epcm_hold *h);

static inline unsigned epcm_pt(uint32_t state) { return (state & SGXM_E_PT_MASK) >> SGXM_E_PT_SHIFT; }
static inline unsigned epcm_rwx(uint32_t state) { return (state >> 1) & SGX_SECINFO_RWX; }

/* SECINFO.FLAGS and the state word hold RWX, PENDING, MODIFIED, PR one bit apart */
static inline uint32_t epcm_from_secinfo(uint64_t flags)
{
	return SGXM_E_VALID | (uint32_t)((flags & 0x3f) << 1) | (uint32_t)(flags & SGX_SECINFO_PT_MASK);
}

static inline uint64_t epcm_to_secinfo(uint32_t state)
{
	return ((state >> 1) & 0x3f) | (state & SGXM_E_PT_MASK);
}

/* ENCLAVEADDRESS and ENCLAVESECS of a page that is valid */
static inline struct sgxm_owner epcm_owner(const struct sgxm *m, uint64_t epa)
{
	return m->ops->owner(m->host, epa);
}

/* Valid and a SECS? */
static inline bool epcm_is_secs(const struct sgxm_epcm *e)
{
	uint32_t s = epcm_state(e);

	return (s & SGXM_E_VALID) && epcm_pt(s) == SGX_PT_SECS;
}

/* A page type that a SECS owns (REG, TCS, TRIM and the shadow-stack types) */
static inline bool epcm_pt_is_child(unsigned pt)
{
	return pt == SGX_PT_REG || pt == SGX_PT_TCS || pt == SGX_PT_TRIM || pt == SGX_PT_SS_FIRST ||
	       pt == SGX_PT_SS_REST;
}

#endif
