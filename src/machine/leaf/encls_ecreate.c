/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ECREATE: RBX = PAGEINFO, RCX = free EPC page.  Authority: Intel SDM Vol. 3D, "ECREATE". */
#include "machine/leaf/leaf_out.h"
#include "machine/measure.h"
#include "machine/operand.h"
#include "machine/ssa.h"
#include "machine/track.h"

#define XFRM_AVX      0x4u
#define XFRM_MPX      0x18u
#define XFRM_AVX512   0xe0u
#define XFRM_AMX      0x60000u

/* Could XCR0 hold this value?  (Bits 0 and 1 are an earlier check.) */
static bool is_legal_xfrm(const struct sgxm_platform *p, uint64_t xfrm)
{
	if (xfrm & ~p->xfrm || xfrm >> 63)
		return false;
	if ((xfrm & XFRM_MPX) && (xfrm & XFRM_MPX) != XFRM_MPX)
		return false;
	if ((xfrm & XFRM_AVX512) && (xfrm & (XFRM_AVX512 | XFRM_AVX)) != (XFRM_AVX512 | XFRM_AVX))
		return false;
	if ((xfrm & XFRM_AMX) && (xfrm & XFRM_AMX) != XFRM_AMX)
		return false;
	return sgxm_xsave_bytes(p, xfrm) <= SGXM_SSA_XSAVE_PAGES * SGX_PAGE_SIZE;
}

/* Everything behind CONFIGSVN is reserved to software, and the three holes before it */
static bool secs_reserved_set(const uint8_t *secs)
{
	const struct sgx_arch_secs *a = (const void *)secs;

	return !mem_is_zero(a->reserved1, sizeof(a->reserved1)) ||
	       !mem_is_zero(a->reserved2, sizeof(a->reserved2)) ||
	       !mem_is_zero(a->reserved3, sizeof(a->reserved3)) ||
	       !mem_is_zero(a->reserved4, sizeof(a->reserved4));
}

static void secs_start(struct sgxm *m, struct sgxm_secs *s)
{
	s->a.isvsvn = 0;
	s->a.isvprodid = 0;
	mem_zero(s->a.mrenclave, sizeof(s->a.mrenclave));
	mem_zero(s->a.mrsigner, sizeof(s->a.mrsigner));
	s->eid = m->ops->new_eid(m->host);
	track_init(s);
	m->ops->sha256_init(m->host, &s->sha);
	measure_ecreate(m, s);
}

struct sgxm_out sgxm_ecreate(struct sgxm *m, uint64_t pageinfo, uint64_t epa)
{
	const struct sgxm_platform *p = m->platform;
	struct sgx_arch_secinfo secinfo;
	struct sgx_pageinfo info;
	struct sgxm_epcm *e;
	struct sgxm_secs *s;
	uint64_t limit_log2, need;
	bool is64;
	EPCM_HOLD(hold);

	/* ECREATE.1: RBX is not 32-aligned, or RCX not 4096-aligned -> #GP(0) */
	if (!is_aligned(pageinfo, sizeof(info)) || !is_aligned(epa, SGX_PAGE_SIZE))
		OUT_GP("ECREATE.1");

	/* ECREATE.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, epa);
	if (!e)
		OUT_PF("ECREATE.2", epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, pageinfo, &info, sizeof(info));

	/* ECREATE.3: SRCPGE is not 4096-aligned, or SECINFO not 64-aligned -> #GP(0) */
	if (!is_aligned(info.srcpge, SGX_PAGE_SIZE) || !is_aligned(info.secinfo, sizeof(secinfo)))
		OUT_GP("ECREATE.3");

	/* ECREATE.4: LINADDR or SECS is not 0 -> #GP(0) */
	if (info.linaddr || info.secs)
		OUT_GP("ECREATE.4");
	OUT_PF_UNLESS_READ(m, info.secinfo, &secinfo, sizeof(secinfo));

	/* ECREATE.5: a reserved part of SECINFO is not 0, or the type is not SECS -> #GP(0) */
	if (secinfo_reserved_set(&secinfo) || secinfo_pt(&secinfo) != SGX_PT_SECS)
		OUT_GP("ECREATE.5");

	/* ECREATE.6: the target is in use by another leaf -> #GP(0) */
	if (!epcm_try_exclusive(&hold, e))
		OUT_GP("ECREATE.6");

	/* ECREATE.7: the target is VALID -> #PF(RCX) */
	if (epcm_state(e) & SGXM_E_VALID)
		OUT_PF("ECREATE.7", epa, PFEC_S_SGX);

	/* the copy that is checked is the copy that is used: it goes to the page at once */
	s = secs_page(m, epa);
	OUT_PF_UNLESS_READ(m, info.srcpge, s, SGX_PAGE_SIZE);

	/* ECREATE.8: XFRM lacks x87 or SSE -> #GP(0) */
	if ((s->a.attributes.xfrm & 3) != 3)
		OUT_GP("ECREATE.8");

	/* ECREATE.9: XFRM is no legal XCR0 -> #GP(0) */
	if (!is_legal_xfrm(p, s->a.attributes.xfrm))
		OUT_GP("ECREATE.9");

	/* ECREATE.10: CET fields are not 0 on a CPU without CET -> #GP(0) */
	if (s->a.cet_attributes || s->a.cet_leg_bitmap_offset)
		OUT_GP("ECREATE.10");

	/* ECREATE.11: a MISCSELECT bit that the CPU lacks -> #GP(0) */
	if (s->a.miscselect & ~p->miscselect)
		OUT_GP("ECREATE.11");

	/* ECREATE.12: an SSA frame is too small -> #GP(0) */
	need = sgxm_xsave_bytes(p, s->a.attributes.xfrm) + sizeof(struct sgx_gprsgx) +
	       ssa_misc_bytes(s->a.miscselect);
	if ((uint64_t)s->a.ssaframesize * SGX_PAGE_SIZE < need)
		OUT_GP("ECREATE.12");

	/* ECREATE.13: BASEADDR is not canonical, or beyond 32 bits -> #GP(0) */
	is64 = s->a.attributes.flags & SGX_ATTR_MODE64BIT;
	if (is64 ? !is_canonical(s->a.baseaddr) : s->a.baseaddr >> 32 != 0)
		OUT_GP("ECREATE.13");

	/* ECREATE.14: SIZE is not below the limit of the mode -> #GP(0) */
	limit_log2 = is64 ? p->max_size_log2_64 : p->max_size_log2_32;
	if (limit_log2 < 64 && s->a.size >> limit_log2)
		OUT_GP("ECREATE.14");

	/* ECREATE.15: SIZE is below two pages, or no power of two -> #GP(0) */
	if (s->a.size < 2 * SGX_PAGE_SIZE || s->a.size & (s->a.size - 1))
		OUT_GP("ECREATE.15");

	/* ECREATE.16: BASEADDR is no multiple of SIZE -> #GP(0) */
	if (!is_aligned(s->a.baseaddr, s->a.size))
		OUT_GP("ECREATE.16");

	/* ECREATE.17: an attribute that the CPU lacks, or INIT -> #GP(0) */
	if (s->a.attributes.flags & (~p->attributes | SGX_ATTR_INIT | SGX_ATTR_CET))
		OUT_GP("ECREATE.17");

	/* ECREATE.18: a reserved byte of the SECS is not 0 -> #GP(0) */
	if (secs_reserved_set((const void *)s))
		OUT_GP("ECREATE.18");

	/* ECREATE.19: CONFIGID or CONFIGSVN without KSS -> #GP(0) */
	if (!(s->a.attributes.flags & SGX_ATTR_KSS) &&
	    (!mem_is_zero(s->a.configid, sizeof(s->a.configid)) || s->a.configsvn))
		OUT_GP("ECREATE.19");

	secs_start(m, s);
	epcm_publish(m, &hold, epa, epcm_from_secinfo(0), (struct sgxm_owner){ 0 });
	OUT_DONE();
}
