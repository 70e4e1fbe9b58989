/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EWB, ELDU, ELDB. */
#include "machine_rows.h"

#include <string.h>

#define INFO ((struct sgx_pageinfo *)host_mem(MEM_PAGEINFO))
#define PCMD ((struct sgx_pcmd *)host_mem(MEM_PCMD))
#define R (&host.r)
#define E(epa) (*host_epcm(epa))
#define DATA EPC_OF(OFF_DATA)
#define VA EPA(FREE)
#define SLOT (VA + 0x40)
#define TARGET EPA(FREE + 1)

static void ewb(void)
{
	host_start(ATTR_TEST);
	sgxm_epa(&host.m, SGX_PT_VA, VA);
	host_pageinfo(0, MEM_OUT, MEM_PCMD, 0);
	sgxm_eblock(&host.m, DATA);
	sgxm_etrack(&host.m, SECS_EPA);
	memset(host_page(DATA), 0x77, 4096);
	*R = (struct sgxm_regs){ .rax = SGX_EWB, .rbx = MEM_PAGEINFO, .rcx = DATA, .rdx = SLOT,
				.rflags = 0xad7 };
	rows_begin("EWB", false);

	GP("EWB.1", R->rbx += 8);
	GP("EWB.1", R->rcx += 8);
	PF("EWB.2", 0x1000, FEC_S, R->rcx = 0x1000);
	GP("EWB.3", R->rdx += 4);
	PF("EWB.4", 0x1000, FEC_S, R->rdx = 0x1000);
	GP("EWB.5", R->rdx = DATA + 8);
	GP("EWB.6", INFO->linaddr = BASE);
	GP("EWB.6", INFO->secs = SECS_EPA);
	GP("EWB.7", INFO->secinfo += 64);
	GP("EWB.7", INFO->srcpge += 64);
	GP("EWB.8", host_lock_exclusive(DATA));
	GP("EWB.8", host_lock_sgx2(DATA));
	GP("EWB.8", host_lock_exclusive(VA));
	PF("EWB.9", TARGET, FEC_S, R->rcx = TARGET);
	PF("EWB.10", TARGET, FEC_S, R->rdx = TARGET);
	PF("EWB.10", EPC_OF(OFF_RO), FEC_S, R->rdx = EPC_OF(OFF_RO));
	CODE("EWB.11", SGXC_PAGE_NOT_BLOCKED, R->rcx = EPC_OF(OFF_RO));
	CODE("EWB.12", SGXC_NOT_TRACKED, R->rcx = EPC_OF(OFF_RO); sgxm_eblock(&host.m, EPC_OF(OFF_RO)));
	CODE("EWB.13", SGXC_CHILD_PRESENT, R->rcx = SECS_EPA);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	PF("ENCLS.9", MEM_NOWHERE, 0, INFO->secinfo = MEM_NOWHERE);
	PF("ENCLS.9", MEM_NOWHERE, SGX_PFEC_W, INFO->srcpge = MEM_NOWHERE);

	rows_restore();
	memset(host_page(VA) + 0x40, 1, 1);
	is_u64(sgxm_encls(&host.m, R).code, SGXC_VA_SLOT_OCCUPIED, "EWB: a slot in use is reported");
	ok(R->rax == 12 && R->rflags == 0x203, "EWB: ... by CF alone");
	is_u64(E(DATA).word, 0, "EWB: ... although the page is gone");
	rows_saw("EWB.14");

	ACCEPTED(NULL, (void)0);
	is_u64(E(DATA).word, 0, "EWB: the page is free");
	is_u64(INFO->linaddr, BASE + OFF_DATA, "EWB: its address in PAGEINFO");
	is_u64(PCMD->secinfo.flags, SGX_SECINFO_REG | 3, "EWB: its SECINFO in PCMD");
	is_u64(PCMD->enclaveid, host_secs(SECS_EPA)->eid, "EWB: its owner in PCMD");
	is_u64(host_secs(SECS_EPA)->children, 9, "EWB: one page less");
	ok(memcmp(host_mem(MEM_OUT), host_page(DATA), 4096), "EWB: the content is not there in clear");
}

static void load_rows(const char *name, unsigned leaf, const char *const id[11])
{
	*R = (struct sgxm_regs){ .rax = leaf, .rbx = MEM_PAGEINFO, .rcx = TARGET, .rdx = SLOT,
				.rflags = 0xad7 };
	INFO->secs = SECS_EPA;
	rows_begin(name, false);

	GP(id[1], R->rbx += 8);
	GP(id[1], R->rcx += 8);
	PF(id[2], 0x1000, FEC_S, R->rcx = 0x1000);
	GP(id[3], R->rdx += 4);
	PF(id[3], 0x1000, FEC_S, R->rdx = 0x1000);
	GP(id[4], INFO->secinfo += 64);
	GP(id[4], INFO->srcpge += 64);
	GP(id[5], host_lock_exclusive(TARGET));
	GP(id[5], host_lock_exclusive(VA));
	PF(id[6], EPC_OF(OFF_RO), FEC_S, R->rcx = EPC_OF(OFF_RO));
	PF(id[7], TARGET + 0x1000, FEC_S, R->rdx = TARGET + 0x1000);
	PF(id[7], EPC_OF(OFF_RO), FEC_S, R->rdx = EPC_OF(OFF_RO));
	GP(id[8], INFO->secs += 8);
	PF(id[8], 0x1000, FEC_S, INFO->secs = 0x1000);
	GP(id[8], host_lock_exclusive(SECS_EPA));
	PF(id[8], EPC_OF(OFF_RO), FEC_S, INFO->secs = EPC_OF(OFF_RO));
	GP(id[9], PCMD->secinfo.flags = SGX_SECINFO_PT(SGX_PT_VA));
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, *(uint8_t *)host_mem(MEM_OUT + 999) ^= 4);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, INFO->linaddr += 0x1000);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, PCMD->secinfo.flags |= SGX_SECINFO_X);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, PCMD->reserved[39] = 1);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, PCMD->mac[0] ^= 1);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, host_page(VA)[0x40] ^= 1);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, memset(host_page(VA) + 0x40, 0, 8));
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, R->rdx += 8);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, host.platform.report_keyid[0] ^= 1);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL, PCMD->secinfo.flags = SGX_SECINFO_PT(9) | 3; INFO->secs = 0);
	CODE(id[10], SGXC_MAC_COMPARE_FAIL,
	     host_start_other(); host_pageinfo(BASE + OFF_DATA, MEM_OUT, MEM_PCMD,
									       EPA(OTHER)));
}

static void eld(void)
{
	static const char *const u[] = { NULL, "ELDU.1", "ELDU.2", "ELDU.3", "ELDU.4", "ELDU.5", "ELDU.6",
					 "ELDU.7", "ELDU.8", "ELDU.9", "ELDU.10" };
	static const char *const b[] = { NULL, "ELDB.1", "ELDB.2", "ELDB.3", "ELDB.4", "ELDB.5", "ELDB.6",
					 "ELDB.7", "ELDB.8", "ELDB.9", "ELDB.10" };

	load_rows("ELDU", SGX_ELDU, u);
	ACCEPTED(NULL, (void)0);
	is_u64(E(TARGET).word, SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGX_PT_REG << SGXM_E_PT_SHIFT,
	       "ELDU: the page is back, not BLOCKED");
	ok(host_page(TARGET)[0] == 0x77 && host_page(TARGET)[4095] == 0x77, "ELDU: its content is back");
	is_u64(*(uint64_t *)(void *)(host_page(VA) + 0x40), 0, "ELDU: the slot is empty");
	is_u64(host_secs(SECS_EPA)->children, 10, "ELDU: one page more");
	is_u64(sgxm_eldu(&host.m, MEM_PAGEINFO, TARGET + 0x1000, SLOT).code, SGXC_MAC_COMPARE_FAIL,
	       "ELDU: a second load of the same version is refused");

	rows_restore();
	load_rows("ELDB", SGX_ELDB, b);
	ACCEPTED(NULL, (void)0);
	ok(E(TARGET).word & SGXM_E_BLOCKED, "ELDB: the page is back, BLOCKED");
}

/* A SECS and a VA page have no owner and need no EBLOCK */
static void whole(void)
{
	struct sgxm_secs secs;

	host_create(ATTR_TEST);
	memcpy(&secs, host_secs(SECS_EPA), sizeof(secs));
	sgxm_epa(&host.m, SGX_PT_VA, VA);
	sgxm_epa(&host.m, SGX_PT_VA, TARGET);
	host_pageinfo(0, MEM_OUT, MEM_PCMD, 0);
	is_u64(sgxm_ewb(&host.m, MEM_PAGEINFO, SECS_EPA, SLOT).kind, SGXM_DONE, "EWB: a SECS without pages");
	is_u64(PCMD->enclaveid, secs.eid, "EWB: a SECS names itself");
	is_u64(sgxm_eldb(&host.m, MEM_PAGEINFO, EPA(7), SLOT).kind, SGXM_DONE, "ELDB: the SECS elsewhere");
	is_u64(E(EPA(7)).word, SGXM_E_VALID, "ELDB: a SECS is never BLOCKED");
	ok(!memcmp(host_secs(EPA(7)), &secs, sizeof(secs)), "ELDB: it is the same");
	is_u64(sgxm_ewb(&host.m, MEM_PAGEINFO, TARGET, SLOT).kind, SGXM_DONE, "EWB: a VA page");
	is_u64(PCMD->enclaveid, 0, "EWB: a VA page has no owner");
	is_u64(sgxm_eldu(&host.m, MEM_PAGEINFO, TARGET, SLOT).kind, SGXM_DONE, "ELDU: the VA page");
}

void rows_paging(void)
{
	ewb();
	eld();
	whole();
}
