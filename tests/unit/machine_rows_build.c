/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ECREATE, EADD, EEXTEND, and what all ENCLS leafs share. */
#include "machine_rows.h"

#include <string.h>

#include "machine/epcm.h"

#define INFO ((struct sgx_pageinfo *)host_mem(MEM_PAGEINFO))
#define SECINFO ((struct sgx_arch_secinfo *)host_mem(MEM_SECINFO))
#define SECS ((struct sgx_arch_secs *)host_mem(MEM_SRC))
#define TCS ((struct sgx_arch_tcs *)host_mem(MEM_SRC))
#define R (&host.r)

static struct sgxm_regs encls(unsigned leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx)
{
	/* every arithmetic flag set: a status leaf must clear them, a fault must not */
	return (struct sgxm_regs){ .rax = leaf, .rbx = rbx, .rcx = rcx, .rdx = rdx, .rflags = 0xad7 };
}

static void dispatch(void)
{
	host_reset();
	rows_begin("ENCLS", false);
	for (unsigned leaf = 0x10; leaf < 0x20; leaf++)
		GP("ENCLS.6", R->rax = leaf);
	GP("ENCLS.6", R->rax = 0xffffffff);
	host.platform.sgx2 = false;
	rows_begin("ENCLS without SGX2", false);
	GP("ENCLS.6", *R = encls(SGX_EAUG, MEM_PAGEINFO, EPA(1), 0));
	GP("ENCLS.6", *R = encls(SGX_EMODPR, MEM_SECINFO, EPA(1), 0));
	GP("ENCLS.6", *R = encls(SGX_EMODT, MEM_SECINFO, EPA(1), 0));
}

static void ecreate_secs(void)
{
	GP("ECREATE.8", SECS->attributes.xfrm = 1);
	GP("ECREATE.8", SECS->attributes.xfrm = 2);
	GP("ECREATE.9", SECS->attributes.xfrm = 0x403);
	GP("ECREATE.9", SECS->attributes.xfrm |= 1ull << 63);
	GP("ECREATE.9", SECS->attributes.xfrm = 0x0b; host.platform.xfrm = 0x1f);
	GP("ECREATE.9", SECS->attributes.xfrm = 0x27; host.platform.xfrm = 0xe7);
	GP("ECREATE.9", SECS->attributes.xfrm = 0xe3; host.platform.xfrm = 0xe7);
	GP("ECREATE.9", SECS->attributes.xfrm = 0x20007; host.platform.xfrm = 0x60007);
	GP("ECREATE.9", host.platform.xsave[2].bytes = 0x4000);
	GP("ECREATE.10", SECS->cet_attributes = 1);
	GP("ECREATE.10", SECS->cet_leg_bitmap_offset = 0x1000);
	GP("ECREATE.11", SECS->miscselect = SGX_MISC_CPINFO);
	GP("ECREATE.12", SECS->ssaframesize = 0);
	/* 832 bytes of AVX, 16 of EXINFO and 184 of GPRSGX fill 4096 when AVX has 3320 */
	GP("ECREATE.12", host.platform.xsave[2].bytes = 3321);
	ACCEPTED(NULL, host.platform.xsave[2].bytes = 3320);
	GP("ECREATE.13", SECS->baseaddr = 0x800000000000);
	GP("ECREATE.13",
	   SECS->baseaddr = 0x100000000; SECS->attributes.flags &= ~(uint64_t)SGX_ATTR_MODE64BIT);
	GP("ECREATE.14", SECS->size = 1ull << 36);
	GP("ECREATE.14", SECS->size = 1ull << 31; SECS->baseaddr = 0x80000000;
	   SECS->attributes.flags &= ~(uint64_t)SGX_ATTR_MODE64BIT);
	ACCEPTED(NULL, SECS->size = 1ull << 35; SECS->baseaddr = 1ull << 40);
	GP("ECREATE.15", SECS->size = 0x1000);
	GP("ECREATE.15", SECS->size = 0);
	GP("ECREATE.15", SECS->size = 0x3000);
	GP("ECREATE.16", SECS->baseaddr += 0x1000);
	GP("ECREATE.17", SECS->attributes.flags |= SGX_ATTR_INIT);
	GP("ECREATE.17", SECS->attributes.flags |= 8);
	GP("ECREATE.17", SECS->attributes.flags |= SGX_ATTR_AEXNOTIFY);
	GP("ECREATE.17", SECS->attributes.flags |= SGX_ATTR_CET; host.platform.attributes = ~0ull);
	GP("ECREATE.18", SECS->reserved1[14] = 1);
	GP("ECREATE.18", SECS->reserved2[0] = 1);
	GP("ECREATE.18", SECS->reserved3[31] = 1);
	GP("ECREATE.18", SECS->reserved4[0] = 1);
	GP("ECREATE.18", SECS->reserved4[3833] = 1);
	GP("ECREATE.19", SECS->configid[63] = 1);
	GP("ECREATE.19", SECS->configsvn = 1);
	ACCEPTED(NULL, SECS->configsvn = 1; SECS->attributes.flags |= SGX_ATTR_KSS);
}

static void ecreate(void)
{
	host_reset();
	host_secs_source(ATTR_TEST);
	*R = encls(SGX_ECREATE, MEM_PAGEINFO, EPA(3), 0);
	rows_begin("ECREATE", false);

	GP("ECREATE.1", R->rbx += 16);
	GP("ECREATE.1", R->rcx += 64);
	PF("ECREATE.2", 0x1000, FEC_S, R->rcx = 0x1000);
	PF("ECREATE.2", EPA(EPC_PAGES), FEC_S, R->rcx = EPA(EPC_PAGES));
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	PF("ENCLS.9", MEM_NOWHERE, 0, INFO->secinfo = MEM_NOWHERE);
	PF("ENCLS.9", MEM_NOWHERE, 0, INFO->srcpge = MEM_NOWHERE);
	GP("ECREATE.3", INFO->srcpge += 64);
	GP("ECREATE.3", INFO->secinfo += 32);
	GP("ECREATE.4", INFO->linaddr = BASE);
	GP("ECREATE.4", INFO->secs = EPA(1));
	GP("ECREATE.5", SECINFO->flags = SGX_SECINFO_REG);
	GP("ECREATE.5", SECINFO->flags = 0x40);
	GP("ECREATE.5", SECINFO->flags = 1ull << 16);
	GP("ECREATE.5", SECINFO->reserved[55] = 1);
	GP("ECREATE.6", host_lock_exclusive(EPA(3)));
	GP("ECREATE.6", host_lock_shared(EPA(3)));
	PF("ECREATE.7", EPA(3), FEC_S, host_epcm(EPA(3))->word = SGXM_E_VALID);
	ecreate_secs();

	ACCEPTED(NULL, SECS->isvprodid = 9; SECS->isvsvn = 9; SECS->mrenclave[3] = 9; SECS->mrsigner[3] = 9);
	is_u64(host_epcm(EPA(3))->word, SGXM_E_VALID, "ECREATE: a valid SECS page, unlocked");
	is_u64(host_owner(EPA(3))->la, 0, "ECREATE: a SECS has no linear address");
	ok(!host_secs(EPA(3))->a.isvprodid && !host_secs(EPA(3))->a.isvsvn &&
	   !host_secs(EPA(3))->a.mrenclave[3] && !host_secs(EPA(3))->a.mrsigner[3],
	   "ECREATE: identities of the source are not taken over");
	is_u64(host_secs(EPA(3))->eid, 1, "ECREATE: the next enclave id");
}

static void eadd_more(void)
{
	GP("EADD.10", SECINFO->flags = SGX_SECINFO_TCS; TCS->reserved[0] = 1);
	GP("EADD.10", SECINFO->flags = SGX_SECINFO_TCS; TCS->reserved[4023] = 1);
	GP("EADD.10", SECINFO->flags = SGX_SECINFO_TCS; TCS->gslimit = 0xfff;
	   host_secs(SECS_EPA)->a.attributes.flags &= ~(uint64_t)SGX_ATTR_MODE64BIT);
	GP("EADD.11", SECINFO->flags = SGX_SECINFO_REG | SGX_SECINFO_W);
	GP("EADD.11", SECINFO->flags = SGX_SECINFO_REG | SGX_SECINFO_W | SGX_SECINFO_X);
	GP("EADD.13", INFO->linaddr = BASE - 0x1000);
	GP("EADD.13", INFO->linaddr = BASE + SIZE);
	GP("EADD.14", host_secs(SECS_EPA)->measure_lock = 1);
	GP("EADD.15", host_secs(SECS_EPA)->initialized = 1);
	ACCEPTED(NULL, SECINFO->flags = SGX_SECINFO_REG);
	ACCEPTED(NULL, SECINFO->flags = SGX_SECINFO_REG | SGX_SECINFO_X);
	ACCEPTED(NULL, SECINFO->flags = SGX_SECINFO_TCS | SGX_SECINFO_W;
		 TCS->state = 1; TCS->flags = 3; TCS->cssa = 5; TCS->aep = 0x1234; TCS->nssa = 2);
	is_u64(host_epcm(EPA(FREE))->word, SGXM_E_VALID | SGX_PT_TCS << SGXM_E_PT_SHIFT,
	       "EADD: a TCS page has no permissions");
	const struct sgx_arch_tcs *t = (void *)host_page(EPA(FREE));
	ok(!t->state && t->flags == SGX_TCS_AEXNOTIFY && !t->cssa && !t->aep && t->nssa == 2,
	   "EADD: STATE, DBGOPTIN, CSSA and AEP are forced to 0, the rest stays");
}

static void eadd(void)
{
	host_create(ATTR_TEST);
	memset(host_mem(MEM_SRC), 0, 4096);
	host_secinfo(SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W);
	host_pageinfo(BASE + OFF_FREE, MEM_SRC, MEM_SECINFO, SECS_EPA);
	*R = encls(SGX_EADD, MEM_PAGEINFO, EPA(FREE), 0);
	rows_begin("EADD", false);

	GP("EADD.1", R->rbx += 8);
	GP("EADD.1", R->rcx += 256);
	PF("EADD.2", MEM_SRC, FEC_S, R->rcx = MEM_SRC);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	PF("ENCLS.9", MEM_NOWHERE, 0, INFO->srcpge = MEM_NOWHERE);
	GP("EADD.3", INFO->srcpge += 256);
	GP("EADD.3", INFO->secs += 8);
	GP("EADD.3", INFO->linaddr += 1);
	GP("EADD.3", INFO->secinfo += 8);
	PF("EADD.4", 0x5000, FEC_S, INFO->secs = 0x5000);
	GP("EADD.5", SECINFO->flags |= SGX_SECINFO_PENDING);
	GP("EADD.5", SECINFO->flags |= SGX_SECINFO_MODIFIED);
	GP("EADD.5", SECINFO->flags |= SGX_SECINFO_PR);
	GP("EADD.5", SECINFO->flags |= 1ull << 63);
	GP("EADD.5", SECINFO->reserved[0] = 1);
	GP("EADD.5", SECINFO->flags = SGX_SECINFO_PT(SGX_PT_VA));
	GP("EADD.5", SECINFO->flags = SGX_SECINFO_PT(SGX_PT_SS_FIRST) | 3);
	GP("EADD.6", host_lock_exclusive(EPA(FREE)));
	PF("EADD.7", SECS_EPA, FEC_S, R->rcx = SECS_EPA);
	GP("EADD.8", host_lock_exclusive(SECS_EPA));
	PF("EADD.9", EPA(1), FEC_S, INFO->secs = EPA(1));
	PF("EADD.9", SECS_EPA, FEC_S, host_epcm(SECS_EPA)->word |= SGX_PT_REG << SGXM_E_PT_SHIFT);
	eadd_more();

	ACCEPTED(NULL, (void)0);
	is_u64(host_epcm(EPA(FREE))->word, SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGX_PT_REG << SGXM_E_PT_SHIFT,
	       "EADD: valid, type and permissions of SECINFO");
	is_u64(host_owner(EPA(FREE))->la, BASE + OFF_FREE, "EADD: its linear address");
	is_u64(sgxm_epcm_get(&host.m, EPA(FREE)).owner.secs_epa, SECS_EPA, "EADD: its SECS");
	is_u64(host_secs(SECS_EPA)->children, 1, "EADD: one page more");
	ok(!memcmp(host_page(EPA(FREE)), host_mem(MEM_SRC), 4096), "EADD: its content");
}

static void eextend(void)
{
	host_create(ATTR_TEST);
	host_start_other();
	host_secinfo(SGX_SECINFO_REG | SGX_SECINFO_R);
	host_pageinfo(BASE + OFF_FREE, MEM_SRC, MEM_SECINFO, SECS_EPA);
	sgxm_eadd(&host.m, MEM_PAGEINFO, EPA(FREE));
	*R = encls(SGX_EEXTEND, SECS_EPA, EPA(FREE) + 0x300, 0);
	rows_begin("EEXTEND", false);

	GP("EEXTEND.1", R->rbx += 8);
	PF("EEXTEND.2", 0x9000, FEC_S, R->rbx = 0x9000);
	GP("EEXTEND.3", R->rcx += 128);
	PF("EEXTEND.4", 0x9000, FEC_S, R->rcx = 0x9000);
	GP("EEXTEND.5", host_lock_exclusive(EPA(FREE)));
	PF("EEXTEND.6", EPA(FREE + 1) + 0x300, FEC_S, R->rcx += 0x1000);
	PF("EEXTEND.7", SECS_EPA + 0x100, FEC_S, R->rcx = SECS_EPA + 0x100);
	GP("EEXTEND.8", R->rbx = EPA(OTHER));
	GP("EEXTEND.9", host_secs(SECS_EPA)->measure_lock = 1);
	GP("EEXTEND.9", host_secs(SECS_EPA)->initialized = 1);
	ACCEPTED(NULL, (void)0);
	is_u64(host_secs(SECS_EPA)->measured_blocks, 1 + 1 + 5, "EEXTEND: five blocks more");
	is_u64(R->rax, SGX_EEXTEND, "EEXTEND: RAX is untouched");
}

void rows_build(void)
{
	dispatch();
	ecreate();
	eadd();
	eextend();
}
