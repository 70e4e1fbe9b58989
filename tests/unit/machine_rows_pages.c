/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ENCLS leafs on single pages: EREMOVE, EDBGRD, EDBGWR, EBLOCK, ETRACK, EPA, EAUG, EMODPR, EMODT. */
#include "machine_rows.h"

#include <string.h>

#include "machine/epcm.h"

#define INFO ((struct sgx_pageinfo *)host_mem(MEM_PAGEINFO))
#define SECINFO ((struct sgx_arch_secinfo *)host_mem(MEM_SECINFO))
#define R (&host.r)
#define E(epa) (*host_epcm(epa))
#define O(epa) (*host_owner(epa))
#define DATA EPC_OF(OFF_DATA)
#define TCS EPC_OF(OFF_TCS)
#define EAUG_WORD (SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGXM_E_PENDING | SGX_PT_REG << SGXM_E_PT_SHIFT)

static void start(unsigned leaf, uint64_t rbx, uint64_t rcx)
{
	*R = (struct sgxm_regs){ .rax = leaf, .rbx = rbx, .rcx = rcx, .rflags = 0xad7 };
}

static void set_type(uint64_t epa, unsigned pt)
{
	E(epa).word = (E(epa).word & ~(uint64_t)SGXM_E_PT_MASK) | (uint64_t)pt << SGXM_E_PT_SHIFT;
}

/* All that point at the operand page of a leaf: RCX misaligned, outside the EPC, not VALID */
#define SAME_FOR_RCX(n1, n2) do { \
	GP(n1, R->rcx += 8); \
	PF(n2, 0x1000, FEC_S, R->rcx = 0x1000); \
} while (0)

static void eremove(void)
{
	host_start(ATTR_TEST);
	start(SGX_EREMOVE, 0, DATA);
	rows_begin("EREMOVE", false);
	SAME_FOR_RCX("EREMOVE.1", "EREMOVE.2");
	GP("EREMOVE.3", host_lock_exclusive(DATA));
	GP("EREMOVE.3", host_lock_shared(DATA));
	CODE("EREMOVE.6", SGXC_CHILD_PRESENT, R->rcx = SECS_EPA);
	CODE("EREMOVE.8", SGXC_ENCLAVE_ACT, host_enter(&host.cpu, OFF_TCS));
	CODE("EREMOVE.8", SGXC_ENCLAVE_ACT, host_enter(&host.cpu, OFF_TCS); set_type(DATA, SGX_PT_TRIM);
	     E(DATA).word |= SGXM_E_MODIFIED);
	ACCEPTED("EREMOVE.4", R->rcx = EPA(FREE));
	ACCEPTED("EREMOVE.5", sgxm_epa(&host.m, SGX_PT_VA, EPA(FREE)); R->rcx = EPA(FREE));
	ACCEPTED("EREMOVE.5", host_enter(&host.cpu, OFF_TCS); set_type(DATA, SGX_PT_TRIM));
	is_u64(E(DATA).word, 0, "EREMOVE: a trimmed page is free although a thread is inside");
	is_u64(host_secs(SECS_EPA)->children, 9, "EREMOVE: one page less");
	ACCEPTED("EREMOVE.9", (void)0);
	is_u64(E(DATA).word, 0, "EREMOVE: the page is free");
	rows_restore();
	for (unsigned i = 1; i < FREE; i++)
		sgxm_eremove(&host.m, EPA(i));
	rows_begin("EREMOVE", false);
	ACCEPTED("EREMOVE.7", R->rcx = SECS_EPA);
	is_u64(E(SECS_EPA).word, 0, "EREMOVE: the SECS is free");
}

static void debug_read(void)
{
	host_start(ATTR_TEST);
	sgxm_epa(&host.m, SGX_PT_VA, EPA(FREE));
	host_page(DATA)[0x128] = 0x5a;
	start(SGX_EDBGRD, 0, DATA + 0x128);
	rows_begin("EDBGRD", false);
	GP("EDBGRD.1", R->rcx += 4);
	PF("EDBGRD.2", 0x1000, FEC_S, R->rcx = 0x1000);
	GP("EDBGRD.3", host_lock_exclusive(DATA));
	PF("EDBGRD.4", EPA(FREE + 1) + 8, FEC_S, R->rcx = EPA(FREE + 1) + 8);
	PF("EDBGRD.5", SECS_EPA, FEC_S, R->rcx = SECS_EPA);
	PF("EDBGRD.5", DATA + 0x128, FEC_S, set_type(DATA, SGX_PT_TRIM));
	CODE("EDBGRD.6", SGXC_PAGE_NOT_DEBUGGABLE, E(DATA).word |= SGXM_E_PENDING);
	CODE("EDBGRD.6", SGXC_PAGE_NOT_DEBUGGABLE, E(DATA).word |= SGXM_E_MODIFIED);
	GP("EDBGRD.7", R->rcx = TCS + 72);
	GP("EDBGRD.7", R->rcx = TCS + 4088);
	GP("EDBGRD.8", host_secs(SECS_EPA)->a.attributes.flags &= ~(uint64_t)SGX_ATTR_DEBUG);
	ACCEPTED(NULL, E(DATA).word |= SGXM_E_BLOCKED);
	ACCEPTED(NULL, R->rcx = TCS + 64);
	is_u64(R->rbx, 0xfff00000fff, "EDBGRD: the last word of a TCS that may be read");
	ACCEPTED(NULL, R->rcx = EPA(FREE) + 8);
	is_u64(R->rbx, 0, "EDBGRD: an empty VA slot reads as 0");
	ACCEPTED(NULL, R->rcx = EPA(FREE) + 8; host_page(EPA(FREE))[9] = 1);
	is_u64(R->rbx, ~0ull, "EDBGRD: a VA slot in use reads as ones");
	ACCEPTED(NULL, R->rcx = EPC_OF(OFF_XO));
	ACCEPTED(NULL, (void)0);
	is_u64(R->rbx, 0x5a, "EDBGRD: the word");
}

static void debug_write(void)
{
	host_start(ATTR_TEST);
	sgxm_epa(&host.m, SGX_PT_VA, EPA(FREE));
	start(SGX_EDBGWR, 0x1122334455667788, DATA + 0x128);
	rows_begin("EDBGWR", false);
	GP("EDBGWR.1", R->rcx += 4);
	PF("EDBGWR.2", 0x1000, FEC_S, R->rcx = 0x1000);
	GP("EDBGWR.3", host_lock_exclusive(DATA));
	PF("EDBGWR.4", EPA(FREE + 1), FEC_S, R->rcx = EPA(FREE + 1));
	PF("EDBGWR.5", EPA(FREE), FEC_S, R->rcx = EPA(FREE));
	PF("EDBGWR.5", SECS_EPA, FEC_S, R->rcx = SECS_EPA);
	CODE("EDBGWR.6", SGXC_PAGE_NOT_DEBUGGABLE, E(DATA).word |= SGXM_E_PENDING);
	CODE("EDBGWR.6", SGXC_PAGE_NOT_DEBUGGABLE, E(DATA).word |= SGXM_E_MODIFIED);
	GP("EDBGWR.7", R->rcx = TCS);
	GP("EDBGWR.7", R->rcx = TCS + 16);
	GP("EDBGWR.8", host_secs(SECS_EPA)->a.attributes.flags &= ~(uint64_t)SGX_ATTR_DEBUG);
	ACCEPTED(NULL, R->rcx = TCS + 8; R->rbx = SGX_TCS_DBGOPTIN);
	is_u64(host_page(TCS)[8], 1, "EDBGWR: DBGOPTIN is set");
	ACCEPTED(NULL, R->rcx = EPC_OF(OFF_CODE));
	ACCEPTED(NULL, (void)0);
	ok(!memcmp(host_page(DATA) + 0x128, &R->rbx, 8), "EDBGWR: the word is written");
}

static void eblock(void)
{
	host_start(ATTR_TEST);
	sgxm_epa(&host.m, SGX_PT_VA, EPA(FREE));
	start(SGX_EBLOCK, 0, DATA);
	rows_begin("EBLOCK", false);
	SAME_FOR_RCX("EBLOCK.1", "EBLOCK.2");
	CODE("EBLOCK.3", SGXC_EPC_PAGE_CONFLICT, host_lock_exclusive(DATA));
	CODE("EBLOCK.4", SGXC_PG_INVLD, R->rcx = EPA(FREE + 1));
	CODE_CF("EBLOCK.5", SGXC_PG_IS_SECS, R->rcx = SECS_EPA);
	CODE_CF("EBLOCK.6", SGXC_NOTBLOCKABLE, R->rcx = EPA(FREE));
	CODE_CF("EBLOCK.7", SGXC_BLKSTATE, E(DATA).word |= SGXM_E_BLOCKED);
	ACCEPTED(NULL, (void)0);
	ok(E(DATA).word & SGXM_E_BLOCKED && E(DATA).epoch, "EBLOCK: BLOCKED, and stamped");
	is_u64(E(DATA).word >> 16, 0, "EBLOCK: unlocked");
}

static void etrack(void)
{
	host_start(ATTR_TEST);
	start(SGX_ETRACK, 0, SECS_EPA);
	rows_begin("ETRACK", false);
	SAME_FOR_RCX("ETRACK.1", "ETRACK.2");
	GP("ETRACK.3", host_lock_exclusive(SECS_EPA));
	GP("ETRACK.3", host_secs(SECS_EPA)->track_lock = 1);
	PF("ETRACK.4", DATA, FEC_S, R->rcx = DATA);
	PF("ETRACK.4", EPA(FREE), FEC_S, R->rcx = EPA(FREE));
	CODE("ETRACK.5", SGXC_PREV_TRK_INCMPL,
	     host_enter(&host.cpu, OFF_TCS); sgxm_etrack(&host.m, SECS_EPA));
	ACCEPTED(NULL, host_enter(&host.cpu, OFF_TCS); sgxm_etrack(&host.m, SECS_EPA);
		 sgxm_ipi(&host.m, SECS_EPA));
	ACCEPTED(NULL, host_enter(&host.cpu, OFF_TCS); sgxm_etrack(&host.m, SECS_EPA); host_exit(&host.cpu));
	ACCEPTED(NULL, (void)0);
}

static void epa(void)
{
	host_start(ATTR_TEST);
	start(SGX_EPA, SGX_PT_VA, EPA(FREE));
	rows_begin("EPA", false);
	GP("EPA.1", R->rbx = SGX_PT_REG);
	GP("EPA.1", R->rcx += 8);
	PF("EPA.2", 0x1000, FEC_S, R->rcx = 0x1000);
	GP("EPA.3", host_lock_exclusive(EPA(FREE)));
	PF("EPA.4", DATA, FEC_S, R->rcx = DATA);
	ACCEPTED(NULL, (void)0);
	is_u64(E(EPA(FREE)).word, SGXM_E_VALID | SGX_PT_VA << SGXM_E_PT_SHIFT, "EPA: a VA page");
	is_u64(host_page(EPA(FREE))[100], 0, "EPA: ... of empty slots");
}

static void eaug(void)
{
	host_start(ATTR_TEST);
	host_pageinfo(BASE + OFF_FREE, 0, 0, SECS_EPA);
	start(SGX_EAUG, MEM_PAGEINFO, EPA(FREE));
	rows_begin("EAUG", false);
	GP("EAUG.1", R->rbx += 8);
	GP("EAUG.1", R->rcx += 8);
	PF("EAUG.2", 0x1000, FEC_S, R->rcx = 0x1000);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	GP("EAUG.3", INFO->secinfo = MEM_SECINFO);
	GP("EAUG.4", INFO->secs += 8);
	GP("EAUG.4", INFO->linaddr += 8);
	GP("EAUG.5", INFO->srcpge = MEM_SRC);
	PF("EAUG.6", 0x1000, FEC_S, INFO->secs = 0x1000);
	GP("EAUG.7", host_lock_exclusive(EPA(FREE)));
	PF("EAUG.8", DATA, FEC_S, R->rcx = DATA);
	GP("EAUG.10", host_lock_exclusive(SECS_EPA));
	GP("EAUG.10", E(SECS_EPA).word |= EPCM_SHARE_MASK);     /* one sharer more would be one too many */
	PF("EAUG.11", DATA, FEC_S, INFO->secs = DATA);
	PF("EAUG.11", EPA(FREE + 1), FEC_S, INFO->secs = EPA(FREE + 1));
	GP("EAUG.12", host_secs(SECS_EPA)->initialized = 0);
	GP("EAUG.13", INFO->linaddr = BASE + SIZE);
	GP("EAUG.13", INFO->linaddr = BASE - 0x1000);
	ACCEPTED(NULL, (void)0);
	is_u64(E(EPA(FREE)).word, EAUG_WORD, "EAUG: REG rw- PENDING");
	is_u64(host_page(EPA(FREE))[4095], 0, "EAUG: the page is zero");
	is_u64(host_secs(SECS_EPA)->children, 11, "EAUG: one page more");
	/* a second page for the same address is no business of the CPU's */
	is_u64(sgxm_eaug(&host.m, MEM_PAGEINFO, EPA(FREE + 1)).kind, SGXM_DONE,
	       "EAUG: twice for one address");
}

static void eaug_run(void)
{
	uint64_t done = 0;
	struct sgxm_out out;

	host_start(ATTR_TEST);
	E(EPA(FREE + 3)).word = EPCM_EXCLUSIVE;
	out = sgxm_eaug_run(&host.m, SECS_EPA, BASE + OFF_FREE, EPA(FREE), 8, &done);
	ok(out.kind == SGXM_GP && !strcmp(out.check, "EAUG.7"), "EAUG run: stops at a page in use");
	is_u64(done, 3, "EAUG run: says how many were added");
	is_u64(host_secs(SECS_EPA)->children, 13, "EAUG run: counts no more");
	is_u64(E(EPA(FREE + 2)).word, EAUG_WORD, "EAUG run: the last page added");
	is_u64(O(EPA(FREE + 2)).la, BASE + OFF_FREE + 0x2000, "EAUG run: its address");
	E(EPA(FREE + 3)).word = 0;
	out = sgxm_eaug_run(&host.m, SECS_EPA, BASE + SIZE - 0x2000, EPA(FREE + 3), 4, &done);
	ok(out.kind == SGXM_GP && !strcmp(out.check, "EAUG.13") && done == 2, "EAUG run: ends with ELRANGE");
	out = sgxm_eaug_run(&host.m, SECS_EPA, BASE + OFF_FREE + 0x8000, EPA(EPC_PAGES - 1), 2, &done);
	ok(out.kind == SGXM_PF && !strcmp(out.check, "EAUG.2") && out.addr == EPA(EPC_PAGES) && done == 1,
	   "EAUG run: ends with the EPC");
	out = sgxm_eaug_run(&host.m, SECS_EPA, BASE + OFF_FREE + 0x9000, EPA(FREE), 1, &done);
	ok(out.kind == SGXM_PF && !strcmp(out.check, "EAUG.8") && !done, "EAUG run: a page that is VALID");
	is_u64(E(SECS_EPA).word >> 16, 0, "EAUG run: the SECS is unlocked");
}

static void emodpr(void)
{
	host_start(ATTR_TEST);
	host_secinfo(SGX_SECINFO_R);
	start(SGX_EMODPR, MEM_SECINFO, DATA);
	rows_begin("EMODPR", false);
	GP("EMODPR.1", R->rbx += 32);
	GP("EMODPR.1", R->rcx += 32);
	PF("EMODPR.2", 0x1000, FEC_S, R->rcx = 0x1000);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	GP("EMODPR.3", SECINFO->flags = SGX_SECINFO_W);
	GP("EMODPR.3", SECINFO->reserved[3] = 1);
	GP("EMODPR.3", SECINFO->flags |= 0x80);
	GP("EMODPR.4", host_lock_exclusive(DATA));
	PF("EMODPR.5", EPA(FREE), FEC_S, R->rcx = EPA(FREE));
	CODE("EMODPR.6", SGXC_EPC_PAGE_CONFLICT, host_lock_sgx2(DATA));
	CODE("EMODPR.7", SGXC_PAGE_NOT_MODIFIABLE, E(DATA).word |= SGXM_E_PENDING);
	CODE("EMODPR.7", SGXC_PAGE_NOT_MODIFIABLE, E(DATA).word |= SGXM_E_MODIFIED);
	CODE("EMODPR.7", SGXC_PAGE_NOT_MODIFIABLE,
	     E(DATA).word |= SGXM_E_MODIFIED; set_type(DATA, SGX_PT_TRIM));
	PF("EMODPR.8", TCS, FEC_S, R->rcx = TCS);
	PF("EMODPR.8", DATA, FEC_S, set_type(DATA, SGX_PT_TRIM));
	GP("EMODPR.9", host_secs(SECS_EPA)->initialized = 0);
	ACCEPTED(NULL, E(DATA).word |= SGXM_E_PR);
	ACCEPTED(NULL, E(DATA).word |= SGXM_E_BLOCKED);
	ACCEPTED(NULL, host_lock_shared(DATA));
	ACCEPTED(NULL, SECINFO->flags = SGX_SECINFO_RWX);
	is_u64(E(DATA).word, SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGXM_E_PR | SGX_PT_REG << SGXM_E_PT_SHIFT,
	       "EMODPR: adds no permission");
	ACCEPTED(NULL, (void)0);
	is_u64(E(DATA).word, SGXM_E_VALID | SGXM_E_R | SGXM_E_PR | SGX_PT_REG << SGXM_E_PT_SHIFT,
	       "EMODPR: takes W away, sets PR");
	ok(E(DATA).epoch, "EMODPR: stamps");
}

static void emodt(void)
{
	host_start(ATTR_TEST);
	host_secinfo(SGX_SECINFO_TRIM);
	start(SGX_EMODT, MEM_SECINFO, DATA);
	rows_begin("EMODT", false);
	GP("EMODT.1", R->rbx += 32);
	GP("EMODT.1", R->rcx += 32);
	PF("EMODT.2", 0x1000, FEC_S, R->rcx = 0x1000);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	GP("EMODT.3", SECINFO->flags = SGX_SECINFO_REG);
	GP("EMODT.3", SECINFO->reserved[0] = 1);
	CODE("EMODT.4", SGXC_EPC_PAGE_CONFLICT, host_lock_exclusive(DATA));
	CODE("EMODT.4", SGXC_EPC_PAGE_CONFLICT, host_lock_shared(DATA));
	PF("EMODT.5", EPA(FREE), FEC_S, R->rcx = EPA(FREE));
	CODE("EMODT.6", SGXC_EPC_PAGE_CONFLICT, host_lock_sgx2(DATA));
	PF("EMODT.7", SECS_EPA, FEC_S, R->rcx = SECS_EPA);
	PF("EMODT.7", TCS, FEC_S, R->rcx = TCS; SECINFO->flags = SGX_SECINFO_TCS);
	PF("EMODT.7", DATA, FEC_S, set_type(DATA, SGX_PT_TRIM));
	CODE("EMODT.8", SGXC_PAGE_NOT_MODIFIABLE, E(DATA).word |= SGXM_E_PENDING);
	CODE("EMODT.8", SGXC_PAGE_NOT_MODIFIABLE, R->rcx = TCS; E(TCS).word |= SGXM_E_MODIFIED);
	GP("EMODT.9", host_secs(SECS_EPA)->initialized = 0);
	ACCEPTED(NULL, SECINFO->flags = SGX_SECINFO_TCS | SGX_SECINFO_W);
	is_u64(E(DATA).word, SGXM_E_VALID | SGXM_E_MODIFIED | SGX_PT_TCS << SGXM_E_PT_SHIFT,
	       "EMODT: REG to TCS");
	ACCEPTED(NULL, R->rcx = TCS);
	ACCEPTED(NULL, E(DATA).word |= SGXM_E_PR);
	is_u64(E(DATA).word, SGXM_E_VALID | SGXM_E_MODIFIED | SGX_PT_TRIM << SGXM_E_PT_SHIFT,
	       "EMODT: MODIFIED, no permissions, no PR");
	ok(E(DATA).epoch, "EMODT: stamps");
}

void rows_pages(void)
{
	eremove();
	debug_read();
	debug_write();
	eblock();
	etrack();
	epa();
	eaug();
	eaug_run();
	emodpr();
	emodt();
}
