/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EENTER, ERESUME, EEXIT, EDECCSSA, and what all ENCLU leafs share. */
#include "machine_rows.h"

#include <string.h>

#include "machine/ssa.h"
#include "machine/track.h"

#define R (&host.r)
#define E(epa) (*host_epcm(epa))
#define O(epa) (*host_owner(epa))
#define TCS_EPA EPC_OF(OFF_TCS)
#define TCS ((struct sgx_arch_tcs *)host_page(TCS_EPA))
#define SECS host_secs(SECS_EPA)
#define FRAME(i) host_page(EPC_OF(OFF_SSA + (i) * 0x1000u))
#define GPR(i) ((struct sgx_gprsgx *)(FRAME(i) + GPRSGX_OFF))
#define NONCANONICAL 0x800000000000ull

static void start(unsigned leaf)
{
	*R = (struct sgxm_regs){
		.rax = 0xdead00000000ull | leaf, .rbx = BASE + OFF_TCS, .rcx = AEP, .rdx = 3, .rsp = 0x7ff000,
		.rbp = 0x7ff100, .rsi = 6, .rdi = 7, .r8 = 8, .r15 = 15, .rip = USER_RIP, .rflags = 0x302,
		.fsbase = 0xf5000, .gsbase = 0x65000,
	};
}

static void dispatch(void)
{
	static const unsigned inside[] = { SGX_EREPORT, SGX_EGETKEY, SGX_EEXIT, SGX_EACCEPT, SGX_EMODPE,
					   SGX_EACCEPTCOPY, SGX_EDECCSSA };

	host_start(ATTR_TEST);
	host.platform.aexnotify = true;
	start(0);
	rows_begin("ENCLU outside", true);
	for (unsigned i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		GP("ENCLU.11", R->rax = inside[i]);
	GP("ENCLU.7", R->rax = 8);
	GP("ENCLU.7", R->rax = 10);
	GP("ENCLU.7", R->rax = 0x7fffffff);
	host_enter(&host.cpu, OFF_TCS);
	rows_begin("ENCLU inside", true);
	GP("ENCLU.10", R->rax = SGX_EENTER);
	GP("ENCLU.10", R->rax = SGX_ERESUME);
	GP("ENCLU.7", R->rax = SGX_EDECCSSA; host.platform.aexnotify = false);
	GP("ENCLU.7", R->rax = SGX_EACCEPT; host.platform.sgx2 = false);
	GP("ENCLU.7", R->rax = SGX_EMODPE; host.platform.sgx2 = false);
	GP("ENCLU.7", R->rax = SGX_EACCEPTCOPY; host.platform.sgx2 = false);
}

/* The checks that EENTER and ERESUME share; id[n] is the row */
static void common(const char *const id[13])
{
	GP(id[2], R->rbx += 64);
	PF(id[3], BASE + OFF_TCS, 0x6, host_unmap(BASE + OFF_TCS));
	PF(id[3], BASE + OFF_TCS, 0x7, host_pte(BASE + OFF_TCS)->rwx = SGX_SECINFO_R);
	PF(id[3], BASE + OFF_TCS, FEC_W, host_pte(BASE + OFF_TCS)->epa = 0);
	GP(id[4], R->rcx = NONCANONICAL);
	GP(id[5], host_lock_exclusive(TCS_EPA));
	PF(id[6], BASE + OFF_TCS, FEC_W, E(TCS_EPA).word = 0);
	PF(id[6], BASE + OFF_TCS, FEC_W, E(TCS_EPA).word |= SGXM_E_BLOCKED);
	PF(id[6], BASE + OFF_TCS, FEC_W, E(TCS_EPA).word |= SGXM_E_PENDING);
	PF(id[6], BASE + OFF_TCS, FEC_W, E(TCS_EPA).word |= SGXM_E_MODIFIED);
	PF(id[6], BASE + OFF_DATA, FEC_W, R->rbx = BASE + OFF_DATA);
	PF(id[6], BASE + OFF_TCS2, FEC_W, R->rbx = BASE + OFF_TCS2;
	   host_pte(BASE + OFF_TCS2)->epa = TCS_EPA);
	GP(id[7], TCS->ossa += 8);
	GP(id[7], TCS->ofsbase += 8);
	GP(id[7], TCS->ogsbase += 8);
	GP(id[8], TCS->flags = 4);
	GP(id[8], TCS->flags = SGX_TCS_AEXNOTIFY);
	GP(id[9], SECS->initialized = 0);
	GP(id[10], SECS->a.attributes.flags &= ~(uint64_t)SGX_ATTR_MODE64BIT);
	GP(id[11], host.platform.xfrm = 3);
	GP(id[12], host.platform.aexnotify = true; TCS->flags = SGX_TCS_AEXNOTIFY);
	GP(id[12], host.platform.aexnotify = true; SECS->a.attributes.flags |= SGX_ATTR_AEXNOTIFY);
}

/* A page of the frame that begins at offset `off`, refused in every way */
static void frame_page(const char *id, uint32_t off)
{
	PF(id, BASE + off, 0x6, host_unmap(BASE + off));
	PF(id, BASE + off, 0x7, host_pte(BASE + off)->rwx = SGX_SECINFO_R);
	PF(id, BASE + off, FEC_W, host_pte(BASE + off)->epa = 0);
	PF(id, BASE + off, FEC_W, E(EPC_OF(off)).word &= ~1ull);
	PF(id, BASE + off, FEC_W, E(EPC_OF(off)).word |= SGXM_E_BLOCKED);
	PF(id, BASE + off, FEC_W, E(EPC_OF(off)).word |= SGXM_E_PENDING);
	PF(id, BASE + off, FEC_W, E(EPC_OF(off)).word |= SGXM_E_MODIFIED);
	PF(id, BASE + off, FEC_W, E(EPC_OF(off)).word &= ~(uint64_t)SGXM_E_W);
	PF(id, BASE + off, FEC_W, O(EPC_OF(off)).la += 0x1000);
	PF(id, BASE + off, FEC_W, O(EPC_OF(off)).secs_epa += 0x1000);
	PF(id, BASE + off, FEC_W, host_pte(BASE + off)->epa = TCS_EPA);
}

static void eenter(void)
{
	static const char *const id[] = { NULL, NULL, "EENTER.2", "EENTER.3", "EENTER.4", "EENTER.5",
		"EENTER.6", "EENTER.7", "EENTER.8", "EENTER.9", "EENTER.10", "EENTER.11", "EENTER.12" };

	host_start(ATTR_TEST);
	start(SGX_EENTER);
	rows_begin("EENTER", true);
	common(id);
	GP("EENTER.13", TCS->cssa = 2);
	GP("EENTER.13", TCS->nssa = 0);
	frame_page("EENTER.14", OFF_SSA);
	PF("EENTER.14", BASE + OFF_SSA + 0x1000, 0x6, TCS->cssa = 1; host_unmap(BASE + OFF_SSA + 0x1000));
	/* frames of two pages: XSAVE in the first, GPRSGX in the second */
	PF("EENTER.15", BASE + OFF_SSA + 0x1000, 0x6, SECS->a.ssaframesize = 2;
	   host_unmap(BASE + OFF_SSA + 0x1000));
	PF("EENTER.15", BASE + OFF_SSA + 0x1000, FEC_W, SECS->a.ssaframesize = 2;
	   E(EPC_OF(OFF_SSA + 0x1000)).word |= SGXM_E_PENDING);
	GP("EENTER.16", TCS->oentry = NONCANONICAL);
	GP("EENTER.17", TCS->ofsbase = NONCANONICAL);
	GP("EENTER.17", TCS->ogsbase = NONCANONICAL);
	GP("EENTER.18", TCS->state = SGX_TCS_ACTIVE);
	GP("EENTER.18", SECS->track |= 0x3ffff);
	ACCEPTED(NULL, host.platform.aexnotify = true; SECS->a.attributes.flags |= SGX_ATTR_AEXNOTIFY;
		 TCS->flags = SGX_TCS_AEXNOTIFY);
	ACCEPTED(NULL, host.platform.aexnotify = true; TCS->flags = SGX_TCS_AEXNOTIFY | SGX_TCS_DBGOPTIN);
	is_u64(R->rflags, 0x302, "EENTER: opt-in keeps TF");
	ACCEPTED(NULL, TCS->cssa = 1);
	is_u64(R->rax, 1, "EENTER: RAX is CSSA");
	is_u64(GPR(1)->ursp, 0x7ff000, "EENTER: URSP goes to that frame");

	ACCEPTED(NULL, (void)0);
	ok(sgxm_cpu_inside(&host.cpu) && host.cpu.tcs_la == BASE + OFF_TCS, "EENTER: inside");
	is_u64(R->rip, BASE + OENTRY, "EENTER: RIP is the entry point");
	is_u64(R->rax, 0, "EENTER: RAX is CSSA");
	is_u64(R->rbx, BASE + OFF_TCS, "EENTER: RBX stays");
	is_u64(R->rcx, USER_RIP + 3, "EENTER: RCX is behind the instruction");
	ok(R->fsbase == BASE + OFF_DATA && R->gsbase == BASE + OFF_DATA, "EENTER: segment bases");
	is_u64(R->rflags, 0x202, "EENTER: opt-out hides TF");
	ok(R->rdx == 3 && R->rsi == 6 && R->rdi == 7 && R->r8 == 8 && R->r15 == 15 && R->rsp == 0x7ff000,
	   "EENTER: everything else passes through");
	ok(GPR(0)->ursp == 0x7ff000 && GPR(0)->urbp == 0x7ff100, "EENTER: the outside stack is saved");
	ok(TCS->state == 1 && TCS->aep == AEP, "EENTER: the TCS is active");
	is_u64(E(TCS_EPA).word >> 16, 0, "EENTER: the TCS is unlocked");
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 1, "EENTER: counted");
}

static void eexit(void)
{
	host_start(ATTR_TEST);
	start(SGX_EENTER);
	sgxm_enclu(&host.m, &host.cpu, R, 3, NULL, 0);
	R->rax = SGX_EEXIT;
	R->rbx = 0x403000;
	rows_begin("EEXIT", true);
	GP("EEXIT.1", R->rbx = NONCANONICAL);
	ACCEPTED(NULL, (void)0);
	is_u64(R->rip, 0x403000, "EEXIT: RIP is RBX");
	is_u64(R->rcx, AEP, "EEXIT: RCX is the AEP");
	is_u64(R->rflags, 0x302, "EEXIT: TF is back");
	ok(R->fsbase == 0xf5000 && R->gsbase == 0x65000, "EEXIT: segment bases are back");
	ok(R->rsp == 0x7ff000 && R->rdx == 3, "EEXIT: other registers are untouched");
	ok(!sgxm_cpu_inside(&host.cpu) && !TCS->state && !TCS->cssa, "EEXIT: outside, the TCS is idle");
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 0, "EEXIT: nobody is inside");
}

/* Interrupted once, with recognisable registers and vector state */
static void interrupt_inside(void)
{
	struct sgxm_regs r = { .rax = 1, .rcx = 2, .rdx = 3, .rbx = 4, .rsp = 5, .rbp = 6, .rsi = 7, .rdi = 8,
			       .r8 = 9, .r15 = 16, .rflags = 0xed7, .rip = BASE + OENTRY + 4,
			       .fsbase = BASE, .gsbase = BASE + 0x1000 };
	const struct sgxm_event ev = { .exception = false };

	host_enter(&host.cpu, OFF_TCS);
	host.xsave[512] = 7;
	host.xsave[XSAVE_MXCSR_OFF] = 0x80;
	host.xsave[XSAVE_MXCSR_OFF + 1] = 0x1f;
	memset(host.xsave + XSAVE_XMM_OFF, 0x3c, XSAVE_XMM_BYTES);
	memset(host.xsave + 576, 0x4d, 256);
	sgxm_aex(&host.m, &host.cpu, &r, host.xsave, sizeof(host.xsave), &ev);
}

static void resumed(void)
{
	ACCEPTED(NULL, (void)0);
	ok(R->rax == 1 && R->rcx == 2 && R->rbx == 4 && R->rsp == 5 && R->r8 == 9 && R->r15 == 16,
	   "ERESUME: registers of the frame");
	is_u64(R->rip, BASE + OENTRY + 4, "ERESUME: RIP of the frame");
	is_u64(R->rflags, 0xed7, "ERESUME: flags of the frame");
	ok(R->fsbase == BASE && R->gsbase == BASE + 0x1000, "ERESUME: segment bases of the frame");
	ok(host.xsave[XSAVE_XMM_OFF] == 0x3c && host.xsave[576 + 255] == 0x4d && host.xsave[512] == 7,
	   "ERESUME: vector state of the frame");
	ok(TCS->state == 1 && TCS->cssa == 0 && host.cpu.cssa == 0, "ERESUME: the frame is popped");
	ACCEPTED(NULL, TCS->flags = SGX_TCS_DBGOPTIN; R->rflags = 0x302);
	ok(R->rflags & SGXM_RFLAGS_TF, "ERESUME: opt-in keeps TF of outside");
	ACCEPTED(NULL, GPR(0)->rflags = ~0ull; R->rflags = 0x202);
	is_u64(R->rflags, 0x254ed7 | 0x202, "ERESUME: IOPL, VM and TF are not taken from the frame");
}

/* AEX-notify: the handler gets frame 1, and pops frame 0 by EDECCSSA */
static void notify(void)
{
	host_start(ATTR_TEST);
	interrupt_inside();
	host.platform.aexnotify = true;
	SECS->a.attributes.flags |= SGX_ATTR_AEXNOTIFY;
	TCS->flags = SGX_TCS_AEXNOTIFY;
	GPR(0)->aexnotify = 1;
	start(SGX_ERESUME);
	rows_begin("ERESUME with AEX-notify", true);
	GP("ERESUME.15", TCS->nssa = 1);
	PF("ERESUME.15", BASE + OFF_SSA + 0x1000, 0x6, host_unmap(BASE + OFF_SSA + 0x1000));
	GP("ERESUME.16", TCS->oentry = NONCANONICAL);
	GP("ERESUME.17", TCS->ofsbase = NONCANONICAL);
	ACCEPTED(NULL, GPR(0)->aexnotify = 0);
	is_u64(R->rip, BASE + OENTRY + 4, "ERESUME: not notified without the bit in the frame");
	ACCEPTED(NULL, (void)0);
	ok(R->rip == BASE + OENTRY && R->rax == 1 && R->rcx == USER_RIP + 3, "ERESUME: notified, at OENTRY");
	ok(TCS->cssa == 1 && host.cpu.cssa == 1 && GPR(1)->ursp == 0x7ff000,
	   "ERESUME: with a frame of its own");

	R->rax = SGX_EDECCSSA;
	rows_begin("EDECCSSA", true);
	GP("EDECCSSA.1", TCS->cssa = 0);
	PF("EDECCSSA.2", BASE + OFF_SSA, 0x6, host_unmap(BASE + OFF_SSA));
	PF("EDECCSSA.2", BASE + OFF_SSA, FEC_W, E(EPC_OF(OFF_SSA)).word |= SGXM_E_PENDING);
	PF("EDECCSSA.3", BASE + OFF_SSA + 0x1000, 0x6, SECS->a.ssaframesize = 2;
	   host_unmap(BASE + OFF_SSA + 0x1000));
	ACCEPTED(NULL, (void)0);
	ok(TCS->cssa == 0 && host.cpu.cssa == 0 && host.cpu.gpr_epa == EPC_OF(OFF_SSA),
	   "EDECCSSA: the interrupted frame is popped");
}

static void eresume(void)
{
	static const char *const id[] = { NULL, NULL, "ERESUME.2", "ERESUME.3", "ERESUME.4", "ERESUME.5",
		"ERESUME.6", "ERESUME.7", "ERESUME.8", "ERESUME.9", "ERESUME.10", "ERESUME.11",
		"ERESUME.12" };

	host_start(ATTR_TEST);
	interrupt_inside();
	start(SGX_ERESUME);
	R->rflags = 0x202;
	rows_begin("ERESUME", true);
	common(id);
	GP("ERESUME.13", TCS->cssa = 0);
	frame_page("ERESUME.14", OFF_SSA);
	PF("ERESUME.14", BASE + OFF_SSA + 0x1000, 0x6, SECS->a.ssaframesize = 2;
	   host_unmap(BASE + OFF_SSA + 0x1000));
	GP("ERESUME.16", GPR(0)->rip = NONCANONICAL);
	GP("ERESUME.17", GPR(0)->fsbase = NONCANONICAL);
	GP("ERESUME.17", GPR(0)->gsbase = NONCANONICAL);
	GP("ERESUME.18", TCS->state = SGX_TCS_ACTIVE);
	GP("ERESUME.18", SECS->track |= 0x3ffff);
	GP("ERESUME.20", FRAME(0)[XSAVE_HDR_OFF] = 0x0f);
	GP("ERESUME.20", FRAME(0)[XSAVE_HDR_OFF + 7] = 0x80);
	GP("ERESUME.20", FRAME(0)[XSAVE_HDR_OFF + 8] = 1);
	GP("ERESUME.20", FRAME(0)[XSAVE_HDR_OFF + 23] = 1);
	GP("ERESUME.20", FRAME(0)[XSAVE_MXCSR_OFF + 3] = 1);
	ACCEPTED(NULL, FRAME(0)[XSAVE_HDR_OFF + 24] = 1);
	resumed();
}

void rows_entry(void)
{
	dispatch();
	eenter();
	eexit();
	eresume();
	notify();
}
