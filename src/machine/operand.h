/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operands of leafs: EPC pages by EPC address (ENCLS) and by linear address (ENCLU).
 *
 * Authority: Intel SDM Vol. 3D, the operation section of each leaf ("resolves within an EPC").
 * Context:   any.
 */
#ifndef MACHINE_OPERAND_H
#define MACHINE_OPERAND_H

#include "machine/epcm.h"
#include "machine/machine.h"
#include "machine/mem.h"

/* An enclave page an ENCLU operand lies on */
struct operand {
	uint64_t epa;           /* of the page */
	struct sgxm_epcm *e;
	uint8_t *bytes;         /* the operand itself, up to the end of its page */
};

/*
 * The page walk of one ENCLU operand and "resolves to EPC".  true: *ret_o is filled; else
 * *ret_fault is the #PF, without its check id.
 */
bool operand_walk(struct sgxm *m, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
		  struct operand *ret_o, struct sgxm_out *ret_fault);

/*
 * The EPCM's conditions on an operand: VALID, not BLOCKED, PENDING or MODIFIED, REG, owned by
 * secs_epa, at its own linear address, with every permission in `need` (SGX_SECINFO_R, _W).
 */
bool operand_owned(const struct sgxm *m, const struct operand *o, uint64_t secs_epa, uint64_t la,
		   unsigned need);

/* Is la inside the ELRANGE of the running enclave? */
static inline bool in_elrange(const struct sgxm_cpu *cpu, uint64_t la)
{
	return la - cpu->elrange_base < cpu->elrange_size;
}

/* SECINFO with a reserved bit or byte set */
static inline bool secinfo_reserved_set(const struct sgx_arch_secinfo *s)
{
	return (s->flags & ~(uint64_t)(SGX_SECINFO_PT_MASK | 0x3f)) != 0 ||
	       !mem_is_zero(s->reserved, sizeof(s->reserved));
}

static inline unsigned secinfo_pt(const struct sgx_arch_secinfo *s)
{
	return (unsigned)(s->flags & SGX_SECINFO_PT_MASK) >> SGX_SECINFO_PT_SHIFT;
}

/* W without R */
static inline bool rwx_is_misconfigured(uint64_t flags)
{
	return (flags & (SGX_SECINFO_R | SGX_SECINFO_W)) == SGX_SECINFO_W;
}

/* Ring-0 operands: the EPCM entry of the page, NULL when it is not EPC */
static inline struct sgxm_epcm *epcm_at(struct sgxm *m, uint64_t epa)
{
	return m->ops->epcm(m->host, epa);
}

static inline uint8_t *page_at(struct sgxm *m, uint64_t epa)
{
	return m->ops->page(m->host, epa & SGX_PAGE_MASK);
}

static inline struct sgxm_secs *secs_page(struct sgxm *m, uint64_t secs_epa)
{
	return (void *)page_at(m, secs_epa);
}

/* Set by EINIT, for good */
static inline bool secs_is_initialized(const struct sgxm_secs *s)
{
	return __atomic_load_n(&s->initialized, __ATOMIC_ACQUIRE) != 0;
}

static inline bool secs_covers(const struct sgxm_secs *s, uint64_t la)
{
	return la - s->a.baseaddr < s->a.size;
}

static inline void secs_add_children(struct sgxm_secs *s, uint64_t pages)
{
	__atomic_fetch_add(&s->children, pages, __ATOMIC_ACQ_REL);
}

static inline void secs_drop_children(struct sgxm_secs *s, uint64_t pages)
{
	__atomic_fetch_sub(&s->children, pages, __ATOMIC_ACQ_REL);
}

static inline bool secs_has_children(const struct sgxm_secs *s)
{
	return __atomic_load_n(&s->children, __ATOMIC_ACQUIRE) != 0;
}

/* A try-lock inside the SECS: the measurement or the tracking resource */
struct secs_hold {
	uint32_t *lock;
};

static inline bool secs_try(struct secs_hold *h, uint32_t *lock)
{
	uint32_t idle = 0;

	if (!__atomic_compare_exchange_n(lock, &idle, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return false;
	h->lock = lock;
	return true;
}

static inline void secs_drop(struct secs_hold *h)
{
	if (h->lock)
		__atomic_store_n(h->lock, 0, __ATOMIC_RELEASE);
	h->lock = NULL;
}

#define SECS_HOLD(name) __attribute__((cleanup(secs_drop))) struct secs_hold name; name.lock = NULL

#endif
