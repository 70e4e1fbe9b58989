/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * TCS pages: the fields that entries and exits change, and the end of a stay in an enclave.
 *
 * Authority: Intel SDM Vol. 3D, "Thread control structure".
 * Context:   any.
 */
#ifndef MACHINE_TCS_H
#define MACHINE_TCS_H

#include "machine/mem.h"
#include "machine/operand.h"
#include "machine/track.h"

#define TCS_STATE_OFF 0u
#define TCS_FLAGS_OFF 8u
#define TCS_CSSA_OFF  24u
#define TCS_AEP_OFF   40u

/* The defined fields of a TCS, without the reserved area */
struct tcs_fields {
	uint64_t state, flags, ossa;
	uint32_t cssa, nssa;
	uint64_t oentry, aep, ofsbase, ogsbase;
	uint32_t fslimit, gslimit;
};
_Static_assert(sizeof(struct tcs_fields) == SGX_TCS_FIELDS, "TCS fields");

static inline void tcs_get(const uint8_t *tcs, struct tcs_fields *ret)
{
	mem_copy(ret, tcs, sizeof(*ret));
}

static inline bool tcs_reserved_set(const uint8_t *tcs)
{
	return !mem_is_zero(tcs + SGX_TCS_FIELDS, SGX_PAGE_SIZE - SGX_TCS_FIELDS);
}

/* A 32-bit enclave needs segment limits that end in FFF */
static inline bool tcs_limits_bad(const struct tcs_fields *t, const struct sgxm_secs *s)
{
	return !(s->a.attributes.flags & SGX_ATTR_MODE64BIT) &&
	       ((t->fslimit & 0xfff) != 0xfff || (t->gslimit & 0xfff) != 0xfff);
}

/* STATE goes INACTIVE -> ACTIVE by whoever wins, so one TCS never runs twice */
static inline bool tcs_try_activate(uint8_t *tcs)
{
	uint64_t idle = SGX_TCS_INACTIVE;

	return __atomic_compare_exchange_n((uint64_t *)(void *)(tcs + TCS_STATE_OFF), &idle,
					   SGX_TCS_ACTIVE, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

static inline void tcs_deactivate(uint8_t *tcs)
{
	__atomic_store_n((uint64_t *)(void *)(tcs + TCS_STATE_OFF), SGX_TCS_INACTIVE, __ATOMIC_RELEASE);
}

static inline uint32_t tcs_cssa(const uint8_t *tcs) { return mem_get32(tcs + TCS_CSSA_OFF); }
static inline void tcs_put_cssa(uint8_t *tcs, uint32_t cssa) { mem_put32(tcs + TCS_CSSA_OFF, cssa); }
static inline void tcs_put_aep(uint8_t *tcs, uint64_t aep) { mem_put64(tcs + TCS_AEP_OFF, aep); }

/* Enclave mode off: the epoch reference is dropped, the TCS free, the processor outside */
static inline void cpu_leave(struct sgxm *m, struct sgxm_cpu *cpu)
{
	uint8_t *tcs = page_at(m, cpu->tcs_epa);

	track_leave(secs_page(m, cpu->secs_epa), cpu->epoch);
	tcs_deactivate(tcs);
	mem_zero(cpu, sizeof(*cpu));
}

#endif
