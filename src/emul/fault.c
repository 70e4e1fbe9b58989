/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Page faults on enclave memory: the page walk of the CPU model, and what the driver's fault handler
 * does when an entry is missing (EAUG on demand included).
 *
 * Authority: Linux 6.1 arch/x86/mm/fault.c (access_error), arch/x86/kernel/cpu/sgx/encl.c
 *            (sgx_vma_fault, sgx_encl_eaug_page).
 * Context:   signal context, or normal context with all signals blocked.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "emul/internal.h"
#include "emul/raw.h"

static uint32_t pfec_bits(enum sgxm_access access)
{
	return SGX_PFEC_U | (access == SGXM_WRITE ? SGX_PFEC_W : 0) | (access == SGXM_FETCH ? SGX_PFEC_I : 0);
}

/*
 * The model's page-table entry; 0 when it is not there.  A record that another process removed, or whose page leaves
 * the EPC, takes it along.
 */
static uint8_t pte_of(const struct emul_encl *en, uint64_t page)
{
	uint8_t pte = __atomic_load_n(&en->pte[page], __ATOMIC_RELAXED);

	unsigned rec = atomic_load_explicit(&en->rec[page].word, memory_order_relaxed);

	if (!(pte & EMUL_PTE_PRESENT) || (rec & (EMUL_REC_EXISTS | EMUL_REC_OUT)) != EMUL_REC_EXISTS)
		return 0;
	return pte;
}

static unsigned access_right(enum sgxm_access access)
{
	return access == SGXM_WRITE ? SGX_SECINFO_W : access == SGXM_FETCH ? SGX_SECINFO_X : SGX_SECINFO_R;
}

/* x86 writes an entry without any right as one that is not present. */
static bool pte_is_walked(uint8_t pte)
{
	return pte & EMUL_PTE_RIGHTS_MASK;
}

static bool pte_allows(uint8_t pte, enum sgxm_access access)
{
	return (pte & EMUL_PTE_RIGHTS_MASK) >> EMUL_PTE_RIGHTS_SHIFT & access_right(access);
}

/* An atomic OR with 0 by the kernel: a write that changes nothing, and no fault here. */
static bool is_writable(uint64_t la)
{
	uint32_t own = 0;

	return raw6(SYS_futex, &own, FUTEX_WAKE_OP, 0, 0, la & SGX_PAGE_MASK,
		    FUTEX_OP(FUTEX_OP_OR, 0, FUTEX_OP_CMP_EQ, 0)) >= 0;
}

enum emul_fault emul_fault_elsewhere(uint64_t la, enum sgxm_access access, uint32_t *ret_pfec)
{
	uint8_t byte;
	const struct iovec own = { &byte, 1 }, there = { (void *)(uintptr_t)la, 1 };
	bool writable;

	*ret_pfec = pfec_bits(access);
	/* the kernel under us knows */
	if (raw3(SYS_msync, la & SGX_PAGE_MASK, SGX_PAGE_SIZE, MS_ASYNC) == -ENOMEM)
		return EMUL_FAULT_SEGV_MAPERR;
	/* present, and not EPC; or the page tables refuse first */
	writable = is_writable(la);
	if (writable || raw6(SYS_process_vm_readv, raw_getpid(), &own, 1, &there, 1, 0) == 1)
		*ret_pfec |= SGX_PFEC_P | (access == SGXM_WRITE && !writable ? 0 : SGX_PFEC_SGX);
	return EMUL_FAULT_SEGV_ACCERR;
}

static bool in_elrange(const struct emul_encl *en, uint64_t la)
{
	return atomic_load(&en->mapped) && la >= en->sh->base && la - en->sh->base < en->sh->size;
}

enum sgxm_walk emul_walk(void *host, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
			 uint64_t *ret_epa, uint32_t *ret_pfec)
{
	struct emul_encl *en = host;

	(void)cpu;
	if (!in_elrange(en, la))
		return SGXM_WALK_MEM;
	*ret_pfec = pfec_bits(access);
	uint8_t pte = pte_of(en, emul_page_index(en, la));

	if (pte_allows(pte, access)) {
		*ret_epa = emul_epa(en, la);
		return SGXM_WALK_EPC;
	}
	if (pte_is_walked(pte))
		*ret_pfec |= SGX_PFEC_P;
	return SGXM_WALK_PF;
}

/*
 * The entry is there and its rights suffice: does the EPCM refuse (enclave only), or did only the real
 * mapping lag behind?  mm_lock held.
 */
static enum emul_fault present_fault(struct emul_encl *en, struct emul_vma *v, uint64_t la, enum sgxm_access access,
				     enum emul_origin by, uint32_t *pfec)
{
	uint64_t page = emul_page_index(en, la);

	if (by == EMUL_BY_ENCLAVE && !(sgxm_epcm_usable(&en->epcm[page]) & access_right(access))) {
		*pfec |= SGX_PFEC_P | SGX_PFEC_SGX;
		return EMUL_FAULT_SEGV_ACCERR;
	}
	return emul_native_widen(en, v, page) ? EMUL_FAULT_STALE : EMUL_FAULT_SIGBUS;
}

/* What only EAUG or ELDU can resolve: decided again with sh->mutex held, which comes before mm_lock. */
#define FAULT_NEEDS_MUTEX ((enum emul_fault)-1)
/* ... and with a free EPC page. */
#define FAULT_NEEDS_EPC   ((enum emul_fault)-2)

static enum emul_fault done_or(int r)
{
	return !r ? EMUL_FAULT_RESOLVED : r == -EMUL_NO_EPC ? FAULT_NEEDS_EPC : EMUL_FAULT_SIGBUS;
}

/* sgx_vma_fault: no entry, and the kernel found nothing against the access. */
static enum emul_fault driver_fault(struct emul_encl *en, const struct emul_vma *v, uint64_t la, bool mutex_held)
{
	if (v->dead || !in_elrange(en, la))
		return EMUL_FAULT_SIGBUS;
	unsigned rec = atomic_load(&en->rec[emul_page_index(en, la)].word);

	if (!(rec & EMUL_REC_EXISTS)) {
		if (en->sh->no_sgx2 || !atomic_load(&en->sh->initialized))
			return EMUL_FAULT_SIGBUS;
		if (!mutex_held)
			return FAULT_NEEDS_MUTEX;
		return done_or(emul_add_dynamic_page(en, la & SGX_PAGE_MASK));
	}
	if (v->prot & ~rec & EMUL_REC_MAX_MASK)
		return EMUL_FAULT_SIGBUS;
	if (!(rec & EMUL_REC_OUT))
		return EMUL_FAULT_RESOLVED;
	return mutex_held ? done_or(emul_load_page(en, emul_page_index(en, la))) : FAULT_NEEDS_MUTEX;
}

/* Steps 1-4 of the kernel for a fault it has to decide; mm_lock held. */
static enum emul_fault decide(struct emul_encl *en, uint64_t la, enum sgxm_access access, enum emul_origin by,
			      bool mutex_held, uint32_t *pfec)
{
	struct emul_vma *v = emul_vma_find(en, la);

	if (!v)
		return by == EMUL_BY_LEAF ? emul_fault_elsewhere(la, access, pfec) : EMUL_FAULT_SEGV_MAPERR;
	uint8_t pte = in_elrange(en, la) ? pte_of(en, emul_page_index(en, la)) : 0;

	if (pte_allows(pte, access))
		return present_fault(en, v, la, access, by, pfec);
	if (pte) {
		*pfec |= pte_is_walked(pte) ? SGX_PFEC_P : 0;
		return EMUL_FAULT_SEGV_ACCERR;
	}
	if ((access == SGXM_WRITE && !(v->prot & PROT_WRITE)) || !v->prot)
		return EMUL_FAULT_SEGV_ACCERR;

	enum emul_fault f = driver_fault(en, v, la, mutex_held);

	if (f == EMUL_FAULT_RESOLVED) {
		emul_pte_set(en, v, emul_page_index(en, la));
		atomic_fetch_add(by == EMUL_BY_HOST ? &en->sh->host_faults : &en->sh->kernel_faults, 1);
		if (!emul_native_widen(en, v, emul_page_index(en, la)))
			return EMUL_FAULT_SIGBUS;
	}
	return f;
}

enum emul_fault emul_fault(struct emul_encl *en, uint64_t la, enum sgxm_access access, enum emul_origin by,
			   uint32_t *ret_pfec)
{
	enum emul_fault f;

	*ret_pfec = pfec_bits(access);
	emul_lock(&en->mm_lock);
	f = decide(en, la, access, by, false, ret_pfec);
	emul_unlock(&en->mm_lock);
	if (f != FAULT_NEEDS_MUTEX)
		return f;
	do {
		*ret_pfec = pfec_bits(access);
		emul_lock(&en->sh->mutex);
		emul_lock(&en->mm_lock);
		f = decide(en, la, access, by, true, ret_pfec);
		emul_unlock(&en->mm_lock);
		emul_unlock(&en->sh->mutex);
		/*
		 * A fault does not reclaim: it is retried until the kernel's thread has.  That it did in the meantime is all
		 * that the program can see of this, beside the AEX.
		 */
	} while (f == FAULT_NEEDS_EPC && emul_reclaim());
	emul_ksgxd(en->sh);
	return f == FAULT_NEEDS_EPC ? EMUL_FAULT_SIGBUS : f;
}

int emul_touch(uint64_t la, uint8_t *ret_byte)
{
	sigset_t old;
	uint32_t pfec;
	int r = 0;

	emul_sig_block(&old);
	struct emul_encl *en = emul_encl_by_vma(la);

	if (!en) {
		r = -SIGSEGV;
	} else {
		enum emul_fault f = emul_fault(en, la, SGXM_READ, EMUL_BY_HOST, &pfec);

		if (f == EMUL_FAULT_SIGBUS)
			r = -SIGBUS;
		else if (f == EMUL_FAULT_SEGV_MAPERR || f == EMUL_FAULT_SEGV_ACCERR)
			r = -SIGSEGV;
		else
			*ret_byte = SGXM_ABORT_BYTE;
	}
	emul_sig_restore(&old);
	return r;
}
