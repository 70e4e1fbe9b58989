/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EWB: RBX = PAGEINFO, RCX = page to evict, RDX = VA slot.  Authority: Intel SDM Vol. 3D, "EWB". */
#include "machine/leaf/leaf_out.h"
#include "machine/leaf/paging.h"
#include "machine/operand.h"
#include "machine/track.h"

/* What the page is evicted as */
static void describe(const struct sgxm_epcm *e, const struct sgxm_secs *owner, struct sgx_pcmd *pcmd)
{
	mem_zero(pcmd, sizeof(*pcmd));
	pcmd->secinfo.flags = epcm_to_secinfo(epcm_state(e));
	pcmd->enclaveid = owner ? owner->eid : 0;
}

static void seal(struct sgxm *m, uint64_t epa, uint64_t linaddr, uint64_t version, struct sgx_pcmd *pcmd,
		 uint8_t *cipher)
{
	struct paging_header aad;
	uint8_t key[16], iv[12];

	paging_key(m, key);
	paging_iv(version, iv);
	paging_header_fill(&aad, pcmd->enclaveid, linaddr, &pcmd->secinfo, pcmd->reserved);
	m->ops->gcm_seal(m->host, key, iv, &aad, sizeof(aad), page_at(m, epa), cipher, SGX_PAGE_SIZE,
			 pcmd->mac);
}

struct sgxm_out sgxm_ewb(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa)
{
	struct sgx_pageinfo info;
	struct sgx_pcmd pcmd;
	struct sgxm_secs *owner, *named;
	struct sgxm_epcm *e, *va;
	uint64_t version, old;
	uint32_t state;
	unsigned pt;
	uint8_t cipher[SGX_PAGE_SIZE];
	EPCM_HOLD(hold);
	EPCM_HOLD(va_hold);

	/* EWB.1: RBX is not 32-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(pageinfo, sizeof(info)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("EWB.1");

	/* EWB.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("EWB.2", epa, PFEC_S_SGX);

	/* EWB.3: RDX is not 8-aligned -> #GP(0) */
	if (!is_aligned(va_epa, 8))
		OUT_GP("EWB.3");

	/* EWB.4: RDX is not EPC -> #PF(RDX) */
	va = epcm_at(m, va_epa);
	if (!va)
		OUT_PF("EWB.4", va_epa, PFEC_S_SGX);

	/* EWB.5: the slot is in the page to evict -> #GP(0) */
	if (e == va)
		OUT_GP("EWB.5");
	OUT_PF_UNLESS_READ(m, pageinfo, &info, sizeof(info));

	/* EWB.6: LINADDR or SECS is not 0 -> #GP(0) */
	if (info.linaddr || info.secs)
		OUT_GP("EWB.6");

	/* EWB.7: PCMD is not 128-aligned, or SRCPGE not 4096-aligned -> #GP(0) */
	if (!is_aligned(info.secinfo, sizeof(pcmd)) || !is_aligned(info.srcpge, SGX_PAGE_SIZE))
		OUT_GP("EWB.7");
	/* only to find a bad address before anything is written */
	OUT_PF_UNLESS_READ(m, info.secinfo, &pcmd, sizeof(pcmd));

	/* EWB.8: the page or the VA page is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e) || !epcm_try_shared(&va_hold, va))
		OUT_GP("EWB.8");

	/* EWB.9: the page is not VALID -> #PF(RCX) */
	state = epcm_state(e);
	if (!(state & SGXM_E_VALID))
		OUT_PF("EWB.9", epa, PFEC_S_SGX);

	/* EWB.10: RDX is not in a VALID VA page -> #PF(RDX) */
	if (!(epcm_state(va) & SGXM_E_VALID) || epcm_pt(epcm_state(va)) != SGX_PT_VA)
		OUT_PF("EWB.10", va_epa, PFEC_S_SGX);

	pt = epcm_pt(state);
	owner = epcm_pt_is_child(pt) ? secs_page(m, epcm_owner(m, epa).secs_epa) : NULL;

	/* EWB.11: a page of an enclave that is not BLOCKED -> PAGE_NOT_BLOCKED */
	if (owner && !(state & SGXM_E_BLOCKED))
		OUT_CODE("EWB.11", SGXC_PAGE_NOT_BLOCKED);

	/* EWB.12: ... or that threads may still use -> NOT_TRACKED */
	if (owner && !track_is_complete(owner, e->epoch))
		OUT_CODE("EWB.12", SGXC_NOT_TRACKED);

	/* EWB.13: a SECS whose enclave has pages -> CHILD_PRESENT */
	if (pt == SGX_PT_SECS && secs_has_children(secs_page(m, epa)))
		OUT_CODE("EWB.13", SGXC_CHILD_PRESENT);

	named = pt == SGX_PT_SECS ? secs_page(m, epa) : owner;
	version = m->ops->new_eid(m->host);
	describe(e, named, &pcmd);
	seal(m, epa, epcm_owner(m, epa).la, version, &pcmd, cipher);

	/* the page stays until all of it is outside */
	OUT_PF_UNLESS_WRITTEN(m, info.srcpge, cipher, sizeof(cipher));
	OUT_PF_UNLESS_WRITTEN(m, info.secinfo, &pcmd, sizeof(pcmd));
	info.linaddr = epcm_owner(m, epa).la;
	OUT_PF_UNLESS_WRITTEN(m, pageinfo, &info.linaddr, sizeof(info.linaddr));

	old = __atomic_exchange_n(va_slot(m, va_epa), version, __ATOMIC_ACQ_REL);
	epcm_free(&hold);
	if (owner)
		secs_drop_children(owner, 1);

	/* EWB.14: the slot was occupied -> CF, VA_SLOT_OCCUPIED, although the page is gone */
	if (old)
		OUT_CODE_CF("EWB.14", SGXC_VA_SLOT_OCCUPIED);
	OUT_DONE();
}
