/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Behaviour across leafs: the life of pages and enclaves, as the manual's chapters tell it.
 * (Every single check has its row in test_machine_leafs; the measurement is test_machine_measure.)
 */
#include <string.h>

#include "machine/epcm.h"
#include "machine_host.h"
#include "tap.h"

#define RW_PENDING (SGX_SECINFO_REG | 3 | SGX_SECINFO_PENDING)
#define ACCEPT_R   (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_PR)
#define PAGE EPA(FREE)

static bool is_code(struct sgxm_out out, uint32_t code)
{
	return code ? out.kind == SGXM_CODE && out.code == code : out.kind == SGXM_DONE;
}

static uint32_t pfec_of(uint64_t la, enum sgxm_access access)
{
	const struct host_pte *pte = host_pte(la);
	struct sgxm_out out = sgxm_access(&host.m, &host.cpu, la, access,
					  pte ? SGXM_WALK_EPC : SGXM_WALK_PF, pte ? pte->epa : 0);

	return out.kind == SGXM_PF ? out.pfec : 0;
}

static struct sgxm_out enter(struct sgxm_cpu *cpu, unsigned leaf)
{
	struct sgxm_regs r = { .rax = leaf, .rbx = BASE + OFF_TCS, .rcx = AEP, .rip = USER_RIP,
			      .rflags = 0x202 };

	return sgxm_enclu(&host.m, cpu, &r, 3, host.xsave, sizeof(host.xsave));
}

/* ---- order of the build ---- */

static void build_order(void)
{
	host_build(ATTR_TEST);
	ok(host_eaug(OFF_FREE, PAGE).kind == SGXM_GP, "EAUG before EINIT is #GP");
	ok(enter(&host.cpu, SGX_EENTER).kind == SGXM_GP, "EENTER before EINIT is #GP");
	host_sigstruct(SECS_EPA, 0);
	ok(is_code(host_einit(SECS_EPA), SGXC_INVALID_EINITTOKEN), "a signer that is not trusted is 16");
	host_trust(0);
	ok(is_code(host_einit(SECS_EPA), 0), "and 0 once IA32_SGXLEPUBKEYHASH says so");
	ok(host_einit(SECS_EPA).kind == SGXM_GP, "a second EINIT is #GP");
	ok(host_eadd(OFF_FREE, 0x203, PAGE).kind == SGXM_GP, "EADD after EINIT is #GP");
}

static void failed_einit(void)
{
	host_build(ATTR_TEST);
	host_trust(0);
	host_sigstruct(SECS_EPA, 0)->enclavehash[0] ^= 1;
	host_resign(0);
	ok(is_code(host_einit(SECS_EPA), SGXC_INVALID_MEASUREMENT), "a wrong hash is 4");
	is_u64(host_eadd(OFF_FREE, 0x203, PAGE).kind, SGXM_DONE, "the enclave can still be added to");
	host_sigstruct(SECS_EPA, 0);
	ok(is_code(host_einit(SECS_EPA), 0), "and initialised with another SIGSTRUCT");
}

/* ---- pages ---- */

static void accept_page(void)
{
	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	is_u64(host_eaug(OFF_FREE, PAGE).kind, SGXM_DONE, "EAUG");
	is_u64(pfec_of(BASE + OFF_FREE, SGXM_READ), 0x8005, "a read before EACCEPT is 0x8005");
	is_u64(pfec_of(BASE + OFF_FREE, SGXM_WRITE), 0x8007, "a write is 0x8007");
	ok(host_eaccept(OFF_FREE, SGX_SECINFO_REG | 3).kind == SGXM_GP, "EACCEPT of 0x203 is #GP");
	ok(is_code(host_eaccept(OFF_FREE, RW_PENDING), 0), "EACCEPT of 0x20b");
	is_u64(pfec_of(BASE + OFF_FREE, SGXM_WRITE), 0, "the page can be written");
	ok(is_code(host_eaccept(OFF_FREE, RW_PENDING), SGXC_PAGE_ATTRIBUTES_MISMATCH), "EACCEPT again is 19");
	is_u64(pfec_of(BASE + OFF_FREE, SGXM_FETCH), 0x8015, "a fetch is 0x8015");
	is_u64(host_page(PAGE)[0], 0, "the page is zero");
}

static void copy_page(void)
{
	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	host_eaug(OFF_FREE, PAGE);
	host_user_secinfo(SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X);
	ok(is_code(host_enclu(SGX_EACCEPTCOPY, BASE + OFF_DATA, BASE + OFF_FREE, BASE + OFF_RO), 0),
	   "EACCEPTCOPY");
	is_u64(pfec_of(BASE + OFF_FREE, SGXM_WRITE), 0x8007, "a write to the r-x page is 0x8007");
	is_u64(pfec_of(BASE + OFF_FREE, SGXM_FETCH), 0, "a fetch is allowed");
	ok(is_code(host_enclu(SGX_EACCEPTCOPY, BASE + OFF_DATA, BASE + OFF_FREE, BASE + OFF_RO),
		   SGXC_PAGE_ATTRIBUTES_MISMATCH), "EACCEPTCOPY again is 19");
}

static void restrict_page(void)
{
	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	host_enter(&host.cpu2, OFF_TCS2);
	ok(is_code(host_emodpr(EPC_OF(OFF_DATA), SGX_SECINFO_R), 0), "EMODPR");
	is_u64(pfec_of(BASE + OFF_DATA, SGXM_READ), 0, "PR does not stop a read");
	is_u64(pfec_of(BASE + OFF_DATA, SGXM_WRITE), 0x8007, "W is gone at once");
	ok(is_code(host_eaccept(OFF_DATA, ACCEPT_R), SGXC_NOT_TRACKED), "EACCEPT without ETRACK is 11");
	ok(is_code(sgxm_etrack(&host.m, SECS_EPA), 0), "ETRACK");
	ok(is_code(host_eaccept(OFF_DATA, ACCEPT_R), SGXC_NOT_TRACKED),
	   "EACCEPT with threads from before is 11");
	ok(is_code(sgxm_etrack(&host.m, SECS_EPA), SGXC_PREV_TRK_INCMPL), "a second ETRACK is 17");
	host_interrupt(&host.cpu);
	enter(&host.cpu, SGX_ERESUME);
	ok(is_code(host_eaccept(OFF_DATA, ACCEPT_R), SGXC_NOT_TRACKED),
	   "one thread left and came back: still 11");
	host_interrupt(&host.cpu2);
	ok(is_code(host_eaccept(OFF_DATA, ACCEPT_R), 0), "the other left too: accepted");
	host_user_secinfo(SGX_SECINFO_W);
	is_u64(host_enclu(SGX_EMODPE, BASE + OFF_DATA, BASE + OFF_DATA, 0).kind, SGXM_DONE,
	       "EMODPE gives W back");
	is_u64(pfec_of(BASE + OFF_DATA, SGXM_WRITE), 0, "at once");
}

/* The IPI moves everybody to the current epoch, and the counters stay right at their exits */
static void ipi(void)
{
	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	host_emodpr(EPC_OF(OFF_RO), 0);
	sgxm_etrack(&host.m, SECS_EPA);
	host_enter(&host.cpu2, OFF_TCS2);
	is_u64(sgxm_ipi(&host.m, SECS_EPA), 2, "an IPI reaches both");
	ok(is_code(host_eaccept(OFF_RO, SGX_SECINFO_REG | SGX_SECINFO_PR), 0),
	   "after it the page is tracked");
	ok(is_code(sgxm_etrack(&host.m, SECS_EPA), 0), "a new cycle starts");
	ok(is_code(sgxm_etrack(&host.m, SECS_EPA), SGXC_PREV_TRK_INCMPL),
	   "both count as of the previous one now");
	host_exit(&host.cpu);
	ok(is_code(sgxm_etrack(&host.m, SECS_EPA), SGXC_PREV_TRK_INCMPL), "one left");
	host_exit(&host.cpu2);
	ok(is_code(sgxm_etrack(&host.m, SECS_EPA), 0), "both left");
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 0, "nobody is inside");
	is_u64(sgxm_ipi(&host.m, PAGE), 0, "an IPI to what is no enclave reaches nobody");
}

static void pending_page(void)
{
	host_start(ATTR_TEST);
	host_eaug(OFF_FREE, PAGE);
	ok(is_code(host_emodpr(PAGE, SGX_SECINFO_R), SGXC_PAGE_NOT_MODIFIABLE),
	   "EMODPR of a PENDING page is 20");
	ok(is_code(host_emodt(PAGE, SGX_PT_TRIM), SGXC_PAGE_NOT_MODIFIABLE), "EMODT of a PENDING page is 20");
	ok(is_code(sgxm_eremove(&host.m, PAGE), 0), "EREMOVE of it, with nobody inside");
}

static void trim_page(void)
{
	const uint64_t epa = EPC_OF(OFF_DATA);

	host_start(ATTR_TEST);
	ok(host_emodt(epa, SGX_PT_REG).kind == SGXM_GP, "EMODT to REG is #GP");
	ok(host_emodt(EPC_OF(OFF_TCS), SGX_PT_TCS).kind == SGXM_PF, "EMODT of a TCS to TCS is #PF");
	host_enter(&host.cpu, OFF_TCS);
	ok(is_code(host_emodt(EPC_OF(OFF_RO), SGX_PT_TRIM), 0), "EMODT to TRIM");
	is_u64(pfec_of(BASE + OFF_RO, SGXM_READ), 0x8005, "a trimmed page cannot be read");
	ok(is_code(host_emodpr(EPC_OF(OFF_RO), 7), SGXC_PAGE_NOT_MODIFIABLE),
	   "EMODPR of it is 20 before EACCEPT");
	ok(is_code(sgxm_eremove(&host.m, EPC_OF(OFF_RO)), SGXC_ENCLAVE_ACT), "EREMOVE of it is 14");
	sgxm_etrack(&host.m, SECS_EPA);
	sgxm_ipi(&host.m, SECS_EPA);
	ok(is_code(host_eaccept(OFF_RO, SGX_SECINFO_TRIM | SGX_SECINFO_MODIFIED), 0), "EACCEPT of 0x410");
	ok(host_emodpr(EPC_OF(OFF_RO), 7).kind == SGXM_PF, "EMODPR of it is #PF after EACCEPT");
	ok(is_code(sgxm_eremove(&host.m, epa), SGXC_ENCLAVE_ACT), "EREMOVE of a REG page is 14");
	ok(is_code(sgxm_eremove(&host.m, EPC_OF(OFF_RO)), 0), "EREMOVE of the accepted one, threads or not");
	ok(is_code(host_eaug(OFF_RO, EPC_OF(OFF_RO)), 0), "its address can be used again");
	ok(is_code(host_eaccept(OFF_RO, RW_PENDING), 0), "and accepted");
	ok(is_code(sgxm_eremove(&host.m, SECS_EPA), SGXC_CHILD_PRESENT), "EREMOVE of the SECS is 13");
}

static void make_tcs(void)
{
	struct sgx_arch_tcs *t = (void *)host_page(PAGE);
	struct sgxm_regs r = { .rax = SGX_EENTER, .rbx = BASE + OFF_FREE, .rcx = AEP };

	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	host_eaug(OFF_FREE, PAGE);
	host_eaccept(OFF_FREE, RW_PENDING);
	t->ossa = OFF_SSA2;
	t->nssa = 1;
	t->oentry = OENTRY;
	ok(is_code(host_emodt(PAGE, SGX_PT_TCS), 0), "EMODT to TCS keeps the content");
	ok(sgxm_enclu(&host.m, &host.cpu2, &r, 3, NULL, 0).kind == SGXM_PF, "EENTER before EACCEPT is #PF");
	sgxm_etrack(&host.m, SECS_EPA);
	sgxm_ipi(&host.m, SECS_EPA);
	ok(is_code(host_eaccept(OFF_FREE, SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED), 0), "EACCEPT of 0x110");
	ok(sgxm_enclu(&host.m, &host.cpu2, &r, 3, NULL, 0).kind == SGXM_DONE, "EENTER of the new TCS");
	is_u64(r.rip, BASE + OENTRY, "runs");
}

/* ---- paging ---- */

static void paging(void)
{
	uint8_t pcmd[128], cipher[4096];
	uint64_t *slot = (void *)(host_page(EPA(FREE + 1)) + 8);
	const uint64_t va = EPA(FREE + 1) + 8;

	host_start(ATTR_TEST);
	sgxm_epa(&host.m, SGX_PT_VA, EPA(FREE + 1));
	host_eaug(OFF_FREE, PAGE);
	host_pageinfo(0, MEM_OUT, MEM_PCMD, 0);
	ok(is_code(sgxm_ewb(&host.m, MEM_PAGEINFO, PAGE, va), SGXC_PAGE_NOT_BLOCKED),
	   "EWB without EBLOCK is 10");
	sgxm_eblock(&host.m, PAGE);
	ok(is_code(sgxm_ewb(&host.m, MEM_PAGEINFO, PAGE, va), SGXC_NOT_TRACKED), "EWB without ETRACK is 11");
	sgxm_etrack(&host.m, SECS_EPA);
	ok(is_code(sgxm_ewb(&host.m, MEM_PAGEINFO, PAGE, va), 0), "EWB of a PENDING page");
	memcpy(pcmd, host_mem(MEM_PCMD), sizeof(pcmd));
	memcpy(cipher, host_mem(MEM_OUT), sizeof(cipher));
	host_pageinfo(BASE + OFF_FREE, MEM_OUT, MEM_PCMD, SECS_EPA);
	ok(is_code(sgxm_eldu(&host.m, MEM_PAGEINFO, EPA(FREE + 2), va), 0), "ELDU elsewhere");
	ok(host_epcm(EPA(FREE + 2))->word & SGXM_E_PENDING, "PENDING is kept");
	host_map(BASE + OFF_FREE, EPA(FREE + 2), SGX_SECINFO_RWX);
	host_enter(&host.cpu, OFF_TCS);
	ok(is_code(host_eaccept(OFF_FREE, RW_PENDING), 0), "and EACCEPT still works");
	host_exit(&host.cpu);

	/* an older copy of the page does not come back */
	sgxm_eblock(&host.m, EPA(FREE + 2));
	sgxm_etrack(&host.m, SECS_EPA);
	host_pageinfo(0, MEM_OUT, MEM_PCMD, 0);
	ok(is_code(sgxm_ewb(&host.m, MEM_PAGEINFO, EPA(FREE + 2), va), 0), "EWB again");
	memcpy(host_mem(MEM_PCMD), pcmd, sizeof(pcmd));
	memcpy(host_mem(MEM_OUT), cipher, sizeof(cipher));
	host_pageinfo(BASE + OFF_FREE, MEM_OUT, MEM_PCMD, SECS_EPA);
	ok(is_code(sgxm_eldu(&host.m, MEM_PAGEINFO, PAGE, va), SGXC_MAC_COMPARE_FAIL), "a replay is 9");
	ok(*slot != 0, "and the version is still there");
}

/* ---- keys between enclaves ---- */

static void local_attestation(void)
{
	const struct sgx_report *report = (void *)(host_page(EPC_OF(OFF_SSA2)));
	struct sgx_targetinfo t = { .miscselect = 0 };
	struct sgx_keyrequest q = { .keyname = SGX_KEY_REPORT };
	const struct sgxm_secs *other;
	struct sgxm_cpu inside;
	struct sgxm_regs r;
	uint8_t mac[16];
	uint64_t page = EPA(OTHER + 1);

	host_start(ATTR_TEST);
	host_start_other();
	other = host_secs(EPA(OTHER));
	host_enter(&host.cpu, OFF_TCS);
	memcpy(t.measurement, other->a.mrenclave, 32);
	t.attributes = other->a.attributes;
	t.miscselect = other->a.miscselect;
	memcpy(host_page(EPC_OF(OFF_DATA)), &t, sizeof(t));
	is_u64(host_enclu(SGX_EREPORT, BASE + OFF_DATA, BASE + OFF_RO, BASE + OFF_SSA2).kind, SGXM_DONE,
	       "EREPORT to another enclave");

	/* the other enclave has no TCS: put a processor into it */
	inside = (struct sgxm_cpu){ .secs_epa = EPA(OTHER), .elrange_base = BASE + SIZE,
				   .elrange_size = SIZE };
	host_map(BASE + SIZE, page, SGX_SECINFO_RWX);
	memcpy(q.keyid, report->keyid, 32);
	memcpy(host_page(page), &q, sizeof(q));
	r = (struct sgxm_regs){ .rax = SGX_EGETKEY, .rbx = BASE + SIZE, .rcx = BASE + SIZE + 0x800 };
	is_u64(sgxm_enclu(&host.m, &inside, &r, 3, NULL, 0).kind, SGXM_DONE, "EGETKEY(REPORT) there");
	host.m.ops->cmac(NULL, host_page(page) + 0x800, report, 384, mac);
	ok(!memcmp(mac, report->mac, 16), "its key verifies the report");
	r = (struct sgxm_regs){ .rax = SGX_EGETKEY, .rbx = BASE + OFF_SSA2 + 0x400,
			       .rcx = BASE + OFF_SSA2 + 0x800 };
	memcpy(host_page(EPC_OF(OFF_SSA2)) + 0x400, &q, sizeof(q));
	sgxm_enclu(&host.m, &host.cpu, &r, 3, NULL, 0);
	host.m.ops->cmac(NULL, host_page(EPC_OF(OFF_SSA2)) + 0x800, report, 384, mac);
	ok(memcmp(mac, report->mac, 16), "the key of anybody else does not");
}

int main(void)
{
	build_order();
	failed_einit();
	accept_page();
	copy_page();
	restrict_page();
	ipi();
	pending_page();
	trim_page();
	make_tcs();
	paging();
	local_attestation();
	return tap_done();
}
