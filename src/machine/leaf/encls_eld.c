/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ELDU and ELDB: RBX = PAGEINFO, RCX = free EPC page, RDX = VA slot.  They differ in BLOCKED alone.
 * Authority: Intel SDM Vol. 3D, "ELDB/ELDU".
 */
#include "machine/leaf/leaf_out.h"
#include "machine/leaf/paging.h"
#include "machine/operand.h"

/* Check n of either leaf */
#define ID(n) (blocked ? "ELDB." n : "ELDU." n)

/* Into the target page, which shows nothing before it is VALID */
static bool unseal(struct sgxm *m, const struct sgx_pageinfo *info, const struct sgx_pcmd *pcmd,
		   uint64_t eid, uint64_t version, uint8_t *page)
{
	struct paging_header aad;
	uint8_t key[16], iv[12];

	paging_key(m, key);
	paging_iv(version, iv);
	paging_header_fill(&aad, eid, info->linaddr, &pcmd->secinfo, pcmd->reserved);
	return m->ops->gcm_open(m->host, key, iv, &aad, sizeof(aad), page, page, SGX_PAGE_SIZE,
				pcmd->mac) == 0;
}

static struct sgxm_out load(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa, bool blocked)
{
	struct sgx_pageinfo info;
	struct sgx_pcmd pcmd;
	struct sgxm_secs *owner = NULL;
	struct sgxm_epcm *e, *va, *secs_e;
	uint64_t version, *slot;
	uint32_t state;
	unsigned pt;
	EPCM_HOLD(hold);
	EPCM_HOLD(va_hold);
	EPCM_HOLD(secs_hold);

	/* .1: RBX is not 32-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(pageinfo, sizeof(info)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP(ID("1"));

	/* .2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF(ID("2"), epa, PFEC_S_SGX);

	/* .3: RDX is not 8-aligned -> #GP(0); not EPC -> #PF(RDX) */
	if (!is_aligned(va_epa, 8))
		OUT_GP(ID("3"));
	va = epcm_at(m, va_epa);
	if (!va)
		OUT_PF(ID("3"), va_epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, pageinfo, &info, sizeof(info));

	/* .4: PCMD is not 128-aligned, or SRCPGE not 4096-aligned -> #GP(0) */
	if (!is_aligned(info.secinfo, sizeof(pcmd)) || !is_aligned(info.srcpge, SGX_PAGE_SIZE))
		OUT_GP(ID("4"));
	OUT_PF_UNLESS_READ(m, info.secinfo, &pcmd, sizeof(pcmd));

	/* .5: the target or the VA page is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e) || !epcm_try_shared(&va_hold, va))
		OUT_GP(ID("5"));

	/* .6: the target is VALID -> #PF(RCX) */
	if (epcm_state(e) & SGXM_E_VALID)
		OUT_PF(ID("6"), epa, PFEC_S_SGX);

	/* .7: RDX is not in a VALID VA page -> #PF(RDX) */
	if (!(epcm_state(va) & SGXM_E_VALID) || epcm_pt(epcm_state(va)) != SGX_PT_VA)
		OUT_PF(ID("7"), va_epa, PFEC_S_SGX);

	/* .8: a page of an enclave: SECS not aligned, or in use -> #GP(0); no SECS -> #PF(SECS) */
	pt = secinfo_pt(&pcmd.secinfo);
	if (epcm_pt_is_child(pt)) {
		if (!is_aligned(info.secs, SGX_PAGE_SIZE))
			OUT_GP(ID("8"));
		secs_e = epcm_at(m, info.secs);
		if (!secs_e)
			OUT_PF(ID("8"), info.secs, PFEC_S_SGX);
		if (!epcm_try_shared(&secs_hold, secs_e))
			OUT_GP(ID("8"));
		if (!epcm_is_secs(secs_e))
			OUT_PF(ID("8"), info.secs, PFEC_S_SGX);
		owner = secs_page(m, info.secs);
	}

	/* .9: any other page: SECS is not 0 -> #GP(0) */
	if (!owner && info.secs)
		OUT_GP(ID("9"));

	/* .10: MAC, version, owner or header do not belong together -> MAC_COMPARE_FAIL */
	slot = va_slot(m, va_epa);
	version = __atomic_load_n(slot, __ATOMIC_ACQUIRE);
	OUT_PF_UNLESS_READ(m, info.srcpge, page_at(m, epa), SGX_PAGE_SIZE);
	if (!version ||
	    !unseal(m, &info, &pcmd, owner ? owner->eid : pcmd.enclaveid, version, page_at(m, epa)))
		OUT_CODE(ID("10"), SGXC_MAC_COMPARE_FAIL);

	/* .5 again: another load of the same slot was faster -> #GP(0) */
	if (!__atomic_compare_exchange_n(slot, &version, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		OUT_GP(ID("5"));

	state = epcm_from_secinfo(pcmd.secinfo.flags) | (blocked && owner ? SGXM_E_BLOCKED : 0);
	if (owner)
		secs_add_children(owner, 1);
	epcm_publish(m, &hold, epa, state, (struct sgxm_owner){ info.linaddr, info.secs });
	OUT_DONE();
}

struct sgxm_out sgxm_eldu(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa)
{
	return load(m, pageinfo, epa, va_epa, false);
}

struct sgxm_out sgxm_eldb(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa)
{
	return load(m, pageinfo, epa, va_epa, true);
}
