/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EACCEPT, EMODPE, EACCEPTCOPY. */
#include "machine_rows.h"

#include <string.h>

#include "machine/epcm.h"

#define R (&host.r)
#define E(epa) (*host_epcm(epa))
#define O(epa) (*host_owner(epa))
#define INFO_EPA EPC_OF(OFF_DATA)
#define INFO ((struct sgx_arch_secinfo *)host_page(INFO_EPA))
#define INFO_LA (BASE + OFF_DATA)
#define PAGE EPA(FREE)
#define PAGE_LA (BASE + OFF_FREE)
#define SRC_LA (BASE + OFF_RO)
#define SRC EPC_OF(OFF_RO)
#define TCS ((struct sgx_arch_tcs *)host_page(PAGE))
#define SECS host_secs(SECS_EPA)
#define REG_WORD (SGX_PT_REG << SGXM_E_PT_SHIFT)

static void set_type(uint64_t epa, unsigned pt)
{
	E(epa).word = (E(epa).word & ~(uint64_t)SGXM_E_PT_MASK) | (uint64_t)pt << SGXM_E_PT_SHIFT;
}

/* A thread inside, a page that EAUG added, SECINFO at INFO_LA */
static void start(unsigned leaf, uint64_t secinfo_flags, uint64_t rdx)
{
	host_start(ATTR_TEST);
	host_start_other();
	host_eaug(OFF_FREE, PAGE);
	host_enter(&host.cpu, OFF_TCS);
	host_user_secinfo(secinfo_flags);
	*R = (struct sgxm_regs){ .rax = leaf, .rbx = INFO_LA, .rcx = PAGE_LA, .rdx = rdx,
				 .rip = BASE + OENTRY, .rflags = 0xad7 };
}

/* A page operand that the page walk, or what it finds, refuses; w: 2 for a write */
#define WALK(id, la, w) do { \
	PF(id, la, 0x4u | (w), host_unmap(la)); \
	PF(id, la, 0x5u | (w), host_pte(la)->rwx = 0); \
	PF(id, la, 0x8005u | (w), host_pte(la)->epa = 0); \
} while (0)

/* An operand page that the EPCM refuses in every way */
#define OWNED(id, where, at, permission, pfec) do { \
	PF(id, where, pfec, E(at).word &= ~(uint64_t)SGXM_E_VALID); \
	PF(id, where, pfec, E(at).word |= SGXM_E_BLOCKED); \
	PF(id, where, pfec, E(at).word |= SGXM_E_PENDING); \
	PF(id, where, pfec, E(at).word |= SGXM_E_MODIFIED); \
	PF(id, where, pfec, set_type(at, SGX_PT_TCS)); \
	PF(id, where, pfec, O(at).secs_epa = EPA(OTHER)); \
	PF(id, where, pfec, O(at).la += 0x1000); \
	PF(id, where, pfec, E(at).word &= ~(uint64_t)(permission)); \
} while (0)

static void block_while_locked(struct host *h, uint64_t epa)
{
	(void)epa;
	if (h->epcm[FREE].word & EPCM_SGX2)
		h->epcm[FREE].word |= SGXM_E_BLOCKED;
}

static void eaccept_target(void)
{
	PF("EACCEPT.8", PAGE_LA, FEC_R, E(PAGE).word &= ~(uint64_t)SGXM_E_VALID);
	PF("EACCEPT.8", PAGE_LA, FEC_R, E(PAGE).word |= SGXM_E_BLOCKED);
	PF("EACCEPT.8", PAGE_LA, FEC_R, set_type(PAGE, SGX_PT_VA));
	PF("EACCEPT.8", PAGE_LA, FEC_R, set_type(PAGE, SGX_PT_SECS));
	PF("EACCEPT.8", PAGE_LA, FEC_R, O(PAGE).secs_epa = EPA(OTHER));
	GP("EACCEPT.9", host_lock_exclusive(PAGE));
	GP("EACCEPT.9", host_lock_sgx2(PAGE));
	CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH, O(PAGE).la += 0x1000);
	CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH, INFO->flags |= SGX_SECINFO_X);
	CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH, INFO->flags &= ~(uint64_t)SGX_SECINFO_W);
	CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH, INFO->flags = SGX_SECINFO_REG | 3 | SGX_SECINFO_PR);
	CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH,
	     INFO->flags = SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED);
	CODE("EACCEPT.11", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word &= ~(uint64_t)SGXM_E_PENDING);
	CODE("EACCEPT.12", SGXC_NOT_TRACKED, E(PAGE).epoch = 1);
	ACCEPTED(NULL, E(PAGE).epoch = 1; sgxm_etrack(&host.m, SECS_EPA); sgxm_ipi(&host.m, SECS_EPA));
	ACCEPTED(NULL, host_lock_shared(PAGE));
	/* PR is not compared: a request with it fits a page without */
	ACCEPTED(NULL, E(PAGE).word &= ~(uint64_t)SGXM_E_PENDING;
		 INFO->flags = SGX_SECINFO_REG | 3 | SGX_SECINFO_PR);

	rows_restore();
	host.on_page = block_while_locked;
	ok(!strcmp(sgxm_enclu(&host.m, &host.cpu, R, 3, NULL, 0).check, "EACCEPT.10"),
	   "EACCEPT: EACCEPT.10 refuses a page that is blocked while it is locked");
	ok(E(PAGE).word & SGXM_E_PENDING && E(PAGE).word >> 16 == 0, "EACCEPT: ... still pending, unlocked");
	rows_saw("EACCEPT.10");
}

static void eaccept(void)
{
	start(SGX_EACCEPT, SGX_SECINFO_REG | 3 | SGX_SECINFO_PENDING, 0);
	rows_begin("EACCEPT", true);
	GP("EACCEPT.1", R->rbx += 32);
	GP("EACCEPT.1", R->rbx = BASE + SIZE);
	WALK("EACCEPT.2", INFO_LA, 0);
	OWNED("EACCEPT.3", INFO_LA, INFO_EPA, SGXM_E_R, FEC_R);
	GP("EACCEPT.4", INFO->flags |= 0x40);
	GP("EACCEPT.4", INFO->flags |= 1ull << 32);
	GP("EACCEPT.4", INFO->reserved[20] = 1);
	GP("EACCEPT.5", R->rcx += 64);
	GP("EACCEPT.5", R->rcx = BASE - 0x1000);
	GP("EACCEPT.5", R->rcx = BASE + SIZE);
	WALK("EACCEPT.6", PAGE_LA, 0);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_REG | 3);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_REG | 3 | SGX_SECINFO_PENDING | SGX_SECINFO_MODIFIED);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED | SGX_SECINFO_PENDING);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED | SGX_SECINFO_PR);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_TRIM);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_PT(SGX_PT_VA) | SGX_SECINFO_MODIFIED);
	GP("EACCEPT.7", INFO->flags = SGX_SECINFO_PT(SGX_PT_SS_REST) | 3 | SGX_SECINFO_PENDING);
	eaccept_target();
	ACCEPTED(NULL, (void)0);
	is_u64(E(PAGE).word, SGXM_E_VALID | SGXM_E_R | SGXM_E_W | REG_WORD, "EACCEPT: the page is usable");
	ok(R->rax == 0 && R->rflags == 0x202 && R->rip == BASE + OENTRY + 3, "EACCEPT: RAX, flags, RIP");
}

static void eaccept_tcs(void)
{
	start(SGX_EACCEPT, SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED, 0);
	host_user_secinfo(SGX_SECINFO_REG | 3 | SGX_SECINFO_PENDING);
	host_enclu(SGX_EACCEPT, INFO_LA, PAGE_LA, 0);
	TCS->nssa = 1;
	host_emodt(PAGE, SGX_PT_TCS);
	sgxm_etrack(&host.m, SECS_EPA);
	sgxm_ipi(&host.m, SECS_EPA);
	host_user_secinfo(SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED);
	rows_begin("EACCEPT of a TCS", true);
	GP("EACCEPT.13", TCS->reserved[0] = 1);
	GP("EACCEPT.13", TCS->reserved[4023] = 1);
	GP("EACCEPT.13", TCS->flags = SGX_TCS_DBGOPTIN);
	GP("EACCEPT.13", TCS->nssa = 0);
	GP("EACCEPT.13", TCS->cssa = 1);
	GP("EACCEPT.13", TCS->aep = 1);
	GP("EACCEPT.13", TCS->state = 1);
	GP("EACCEPT.13", SECS->a.attributes.flags &= ~(uint64_t)SGX_ATTR_MODE64BIT);
	ACCEPTED(NULL, (void)0);
	is_u64(E(PAGE).word, SGXM_E_VALID | SGX_PT_TCS << SGXM_E_PT_SHIFT, "EACCEPT: a TCS");
}

static void extend_to_wx(void)
{
	E(PAGE).word &= ~(uint64_t)(SGXM_E_R | SGXM_E_W);
	INFO->flags = SGX_SECINFO_W | SGX_SECINFO_X;
}

static void emodpe(void)
{
	start(SGX_EMODPE, SGX_SECINFO_R | SGX_SECINFO_X, 0);
	E(PAGE).word &= ~(uint64_t)SGXM_E_PENDING;
	rows_begin("EMODPE", true);
	GP("EMODPE.1", R->rbx += 32);
	GP("EMODPE.1", R->rcx += 64);
	GP("EMODPE.1", R->rbx = BASE + SIZE);
	GP("EMODPE.1", R->rcx = BASE + SIZE);
	WALK("EMODPE.2", INFO_LA, 0);
	WALK("EMODPE.2", PAGE_LA, 0);
	OWNED("EMODPE.3", INFO_LA, INFO_EPA, SGXM_E_R, FEC_R);
	GP("EMODPE.4", INFO->flags |= 0x80);
	GP("EMODPE.4", INFO->reserved[0] = 1);
	PF("EMODPE.5", PAGE_LA, FEC_R, E(PAGE).word &= ~(uint64_t)SGXM_E_VALID);
	PF("EMODPE.5", PAGE_LA, FEC_R, E(PAGE).word |= SGXM_E_PENDING);
	PF("EMODPE.5", PAGE_LA, FEC_R, E(PAGE).word |= SGXM_E_MODIFIED);
	PF("EMODPE.5", PAGE_LA, FEC_R, E(PAGE).word |= SGXM_E_BLOCKED);
	PF("EMODPE.5", PAGE_LA, FEC_R, set_type(PAGE, SGX_PT_TRIM));
	PF("EMODPE.5", PAGE_LA, FEC_R, O(PAGE).secs_epa = EPA(OTHER));
	GP("EMODPE.6", host_lock_sgx2(PAGE));
	PF("EMODPE.7", PAGE_LA, FEC_R, O(PAGE).la += 0x1000);
	GP("EMODPE.8", extend_to_wx());
	ACCEPTED(NULL, extend_to_wx(); E(PAGE).word |= SGXM_E_R);
	ACCEPTED(NULL, host_lock_shared(PAGE));
	ACCEPTED(NULL, INFO->flags = 0xff00 | 0x3f);
	ACCEPTED(NULL, E(PAGE).word |= SGXM_E_PR);
	is_u64(E(PAGE).word, SGXM_E_VALID | SGXM_E_R | SGXM_E_W | SGXM_E_X | SGXM_E_PR | REG_WORD,
	       "EMODPE: adds permissions, PR stays");
	is_u64(R->rax, SGX_EMODPE, "EMODPE: RAX is untouched");
}

static void eacceptcopy(void)
{
	start(SGX_EACCEPTCOPY, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X, SRC_LA);
	memset(host_page(SRC), 0x99, 4096);
	rows_begin("EACCEPTCOPY", true);
	GP("EACCEPTCOPY.1", R->rbx += 32);
	GP("EACCEPTCOPY.1", R->rcx += 64);
	GP("EACCEPTCOPY.1", R->rdx += 64);
	GP("EACCEPTCOPY.2", R->rbx = BASE + SIZE);
	GP("EACCEPTCOPY.2", R->rcx = BASE + SIZE);
	GP("EACCEPTCOPY.2", R->rdx = BASE - 0x1000);
	WALK("EACCEPTCOPY.3", INFO_LA, 0);
	WALK("EACCEPTCOPY.3", PAGE_LA, 2);
	WALK("EACCEPTCOPY.3", SRC_LA, 0);
	OWNED("EACCEPTCOPY.4", INFO_LA, INFO_EPA, SGXM_E_R, FEC_R);
	GP("EACCEPTCOPY.5", INFO->flags |= 0x40);
	GP("EACCEPTCOPY.5", INFO->reserved[9] = 1);
	GP("EACCEPTCOPY.5", INFO->flags = SGX_SECINFO_REG | SGX_SECINFO_W);
	GP("EACCEPTCOPY.5", INFO->flags = SGX_SECINFO_TCS | SGX_SECINFO_R);
	OWNED("EACCEPTCOPY.6", SRC_LA, SRC, SGXM_E_R, FEC_R);
	CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word = 0);
	CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word &= ~(uint64_t)SGXM_E_PENDING);
	CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word |= SGXM_E_MODIFIED);
	CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word |= SGXM_E_BLOCKED);
	CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH, set_type(PAGE, SGX_PT_TCS));
	CODE("EACCEPTCOPY.7", SGXC_PAGE_ATTRIBUTES_MISMATCH,
	     O(PAGE).secs_epa = EPA(OTHER));
	GP("EACCEPTCOPY.8", host_lock_sgx2(PAGE));
	CODE("EACCEPTCOPY.9", SGXC_PAGE_ATTRIBUTES_MISMATCH, O(PAGE).la += 0x1000);
	CODE("EACCEPTCOPY.9", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word |= SGXM_E_X);
	CODE("EACCEPTCOPY.9", SGXC_PAGE_ATTRIBUTES_MISMATCH, E(PAGE).word &= ~(uint64_t)SGXM_E_W);
	ACCEPTED(NULL, host_lock_shared(PAGE));
	ACCEPTED(NULL, INFO->flags = SGX_SECINFO_REG | 0x3f);
	ACCEPTED(NULL, (void)0);
	is_u64(E(PAGE).word, SGXM_E_VALID | SGXM_E_R | SGXM_E_X | REG_WORD, "EACCEPTCOPY: RWX are replaced");
	ok(host_page(PAGE)[0] == 0x99 && host_page(PAGE)[4095] == 0x99, "EACCEPTCOPY: the content is copied");
	is_u64(R->rax, 0, "EACCEPTCOPY: RAX is 0");
}

void rows_accepting(void)
{
	eaccept();
	eaccept_tcs();
	emodpe();
	eacceptcopy();
}
