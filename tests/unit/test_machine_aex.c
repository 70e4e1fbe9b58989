/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads: entries, asynchronous exits and resumes; what the outside sees of an exit, and what the
 * SSA frame holds.
 */
#include <string.h>

#include "machine/ssa.h"
#include "machine_host.h"
#include "tap.h"

#define TCS ((struct sgx_arch_tcs *)host_page(EPC_OF(OFF_TCS)))
#define GPR(i) ((struct sgx_gprsgx *)(host_page(EPC_OF(OFF_SSA + (i) * 0x1000u)) + GPRSGX_OFF))
#define EXINFO(i) ((struct sgx_exinfo *)(host_page(EPC_OF(OFF_SSA + (i) * 0x1000u)) + EXINFO_OFF))

static bool is_code(struct sgxm_out out, uint32_t code)
{
	return code ? out.kind == SGXM_CODE && out.code == code : out.kind == SGXM_DONE;
}

static struct sgxm_out enter(struct sgxm_cpu *cpu, unsigned leaf)
{
	struct sgxm_regs r = { .rax = leaf, .rbx = BASE + OFF_TCS, .rcx = AEP, .rip = USER_RIP,
			      .rflags = 0x202 };

	return sgxm_enclu(&host.m, cpu, &r, 3, host.xsave, sizeof(host.xsave));
}

static void life_of_cssa(void)
{
	host_start(ATTR_TEST);
	is_u64(enter(&host.cpu, SGX_EENTER).kind, SGXM_DONE, "EENTER");
	ok(enter(&host.cpu2, SGX_EENTER).kind == SGXM_GP, "EENTER twice on one TCS is #GP");
	host_interrupt(&host.cpu);
	is_u64(TCS->cssa, 1, "after an AEX CSSA is 1");
	is_u64(enter(&host.cpu, SGX_EENTER).kind, SGXM_DONE, "EENTER for a handler");
	is_u64(TCS->cssa, 1, "which leaves CSSA alone");
	host_exit(&host.cpu);
	is_u64(TCS->cssa, 1, "as EEXIT does");
	is_u64(enter(&host.cpu, SGX_ERESUME).kind, SGXM_DONE, "ERESUME");
	is_u64(TCS->cssa, 0, "pops the frame");
	host_interrupt(&host.cpu);
	enter(&host.cpu, SGX_EENTER);
	host_interrupt(&host.cpu);
	is_u64(TCS->cssa, 2, "an AEX in the handler: CSSA is NSSA");
	ok(enter(&host.cpu, SGX_EENTER).kind == SGXM_GP, "EENTER without a frame is #GP");
	is_u64(enter(&host.cpu, SGX_ERESUME).kind, SGXM_DONE, "ERESUME still works");
	is_u64(host.cpu.cssa, 1, "in the handler's frame");
	host_exit(&host.cpu);
	is_u64(enter(&host.cpu, SGX_ERESUME).kind, SGXM_DONE, "and the first frame is left");
	host_exit(&host.cpu);
	ok(enter(&host.cpu, SGX_ERESUME).kind == SGXM_GP, "ERESUME with CSSA 0 is #GP");
}

static void put16(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }
static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }
static uint16_t get16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static uint32_t get32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static uint64_t get64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

/* An event inside, on recognisable state; *r is what the outside sees then */
static void event(const struct sgxm_event *ev, struct sgxm_regs *r)
{
	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	memset(host.xsave, 0x66, sizeof(host.xsave));
	memset(host.xsave + XSAVE_HDR_OFF, 0, 64);
	host.xsave[XSAVE_HDR_OFF] = 0x07;
	host.xsave[XSAVE_HDR_OFF + 1] = 0x02;   /* PKRU, which is not in XFRM */
	put16(host.xsave, 0x27f);
	put32(host.xsave + XSAVE_MXCSR_OFF, 0x5f80);
	*r = (struct sgxm_regs){ .rax = 1, .rcx = 2, .rdx = 3, .rbx = 4, .rsp = 5, .rbp = 6, .rsi = 7,
				 .rdi = 8, .r8 = 9, .r9 = 10, .r10 = 11, .r11 = 12, .r12 = 13, .r13 = 14,
				 .r14 = 15, .r15 = 16, .rflags = 0x44fd7, .rip = BASE + 0x1234,
				 .fsbase = 0xf, .gsbase = 0x6 };
	sgxm_aex(&host.m, &host.cpu, r, host.xsave, sizeof(host.xsave), ev);
}

static void aex_registers(void)
{
	const struct sgxm_event ev = { .exception = true, .vector = SGX_VEC_UD };
	struct sgxm_regs r;
	const struct sgx_gprsgx *g;
	const uint8_t *frame;

	event(&ev, &r);
	g = GPR(0);
	frame = host_page(EPC_OF(OFF_SSA));
	ok(r.rax == 3 && r.rbx == BASE + OFF_TCS && r.rcx == AEP && r.rip == AEP,
	   "AEX: set for ERESUME at the AEP");
	ok(r.rsp == 0x7ff000 && r.rbp == 0x7ff100, "AEX: the outside stack");
	ok(!(r.rdx | r.rsi | r.rdi | r.r8 | r.r9 | r.r10 | r.r11 | r.r12 | r.r13 | r.r14 | r.r15),
	   "AEX: every other register is 0");
	is_u64(r.rflags, 0x44602, "AEX: arithmetic flags, RF, TF are clear, DF NT AC IF stay");
	ok(r.fsbase == 0xf5000 && r.gsbase == 0x65000, "AEX: segment bases of outside");
	is_u64(get16(host.xsave), 0x37f, "AEX: FCW");
	is_u64(get16(host.xsave + 2), 0, "AEX: FSW");
	is_u64(get32(host.xsave + XSAVE_MXCSR_OFF), 0x1fb0, "AEX: MXCSR");
	is_u64(get64(host.xsave + XSAVE_HDR_OFF), 0x200, "AEX: components of XFRM are INIT, others stay");
	is_u64(host.xsave[XSAVE_XMM_OFF] | host.xsave[XSAVE_ST_OFF], 0,
	       "AEX: nothing of the enclave is left");
	is_u64(host.xsave[832], 0x66, "AEX: components outside XFRM are untouched");

	ok(g->rax == 1 && g->rcx == 2 && g->rdx == 3 && g->rbx == 4 && g->rsp == 5 && g->rbp == 6 &&
	   g->rsi == 7 && g->rdi == 8 && g->r8 == 9 && g->r9 == 10 && g->r10 == 11 && g->r11 == 12 &&
	   g->r12 == 13 && g->r13 == 14 && g->r14 == 15 && g->r15 == 16 && g->rip == BASE + 0x1234 &&
	   g->fsbase == 0xf && g->gsbase == 0x6, "AEX: registers are in GPRSGX");
	is_u64(g->rflags, 0x54ed7, "AEX: saved RFLAGS without TF, with RF");
	ok(g->ursp == 0x7ff000 && g->urbp == 0x7ff100, "AEX: URSP and URBP are those of the entry");
	is_u64(get64(frame + XSAVE_HDR_OFF), 7, "AEX: XSTATE_BV of the frame");
	is_u64(get64(frame + XSAVE_HDR_OFF + 8) | get64(frame + XSAVE_HDR_OFF + 16), 0,
	       "AEX: the header is clean");
	ok(get16(frame) == 0x27f && get32(frame + XSAVE_MXCSR_OFF) == 0x5f80 &&
	   frame[XSAVE_XMM_OFF] == 0x66 && frame[576] == 0x66 && frame[831] == 0x66,
	   "AEX: vector state is in the frame");
	is_u64(g->exitinfo, 0x80000306, "AEX: EXITINFO of a #UD");
	ok(!sgxm_cpu_inside(&host.cpu) && TCS->state == 0 && TCS->cssa == 1,
	   "AEX: outside, one frame in use");
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 0, "AEX: nobody is inside");
}

static void aex_events(void)
{
	static const struct {
		struct sgxm_event ev;
		uint32_t exitinfo;
		uint16_t fcw, fsw;
		uint32_t mxcsr;
		const char *what;
	} rows[] = {
		{ { false, 0, false, 0, 0 }, 0, 0x37f, 0, 0x1fb0, "interrupt" },
		{ { true, SGX_VEC_DE, false, 0, 0 }, 0x80000300, 0x37f, 0, 0x1fb0, "#DE" },
		{ { true, SGX_VEC_BP, true, 0, 0 }, 0x80000603, 0x37f, 0, 0x1fb0, "#BP" },
		{ { true, SGX_VEC_NM, false, 0, 0 }, 0, 0x37f, 0, 0x1fb0, "#NM, which is not reported" },
		{ { true, SGX_VEC_GP, false, 0, 0 }, 0x8000030d, 0x37f, 0, 0x1fb0, "#GP" },
		{ { true, SGX_VEC_PF, false, 0x8007, 0x1234567 }, 0x8000030e, 0x37f, 0, 0x1fb0, "#PF" },
		{ { true, SGX_VEC_PF, false, 0x3, 0x1234567 }, 0, 0x37f, 0, 0x1fb0, "supervisor #PF" },
		{ { true, SGX_VEC_MF, false, 0, 0 }, 0x80000310, 0x37e, 0x8081, 0x1fb0, "#MF" },
		{ { true, SGX_VEC_AC, false, 0, 0 }, 0x80000311, 0x37f, 0, 0x1fb0, "#AC" },
		{ { true, SGX_VEC_XM, false, 0, 0 }, 0x80000313, 0x37f, 0, 0x1f01, "#XM" },
		{ { true, SGX_VEC_CP, false, 0, 0 }, 0, 0x37f, 0, 0x1fb0, "#CP without CPINFO" },
	};
	struct sgxm_regs r;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		event(&rows[i].ev, &r);
		is_u64(GPR(0)->exitinfo, rows[i].exitinfo, "%s: EXITINFO", rows[i].what);
		ok(get16(host.xsave) == rows[i].fcw && get16(host.xsave + 2) == rows[i].fsw &&
		   get32(host.xsave + XSAVE_MXCSR_OFF) == rows[i].mxcsr, "%s: FCW, FSW, MXCSR", rows[i].what);
		is_u64(GPR(0)->rflags >> 16 & 1, rows[i].ev.exception && rows[i].ev.vector != SGX_VEC_BP,
		       "%s: RF is set for faults alone", rows[i].what);
	}
	event(&rows[5].ev, &r);
	ok(EXINFO(0)->maddr == 0x1234567 && EXINFO(0)->errcd == 0x8007 && !EXINFO(0)->reserved,
	   "#PF: EXINFO has the whole address and the error code");
	event(&rows[7].ev, &r);
	ok(host.xsave[XSAVE_HDR_OFF] & 1, "#MF: x87 is not INIT, so that XRSTOR loads its words");
}

/* Without EXINFO neither #PF nor #GP is reported, and EXITINFO is written all the same */
static void aex_without_exinfo(void)
{
	const struct sgxm_event ev = { true, SGX_VEC_PF, false, 0x7, 0x1000 };
	struct sgxm_regs r = { .rip = BASE };

	host_start(ATTR_TEST);
	host_secs(SECS_EPA)->a.miscselect = 0;
	host_enter(&host.cpu, OFF_TCS);
	GPR(0)->exitinfo = 0x80000306;
	memset(EXINFO(0), 0x11, sizeof(struct sgx_exinfo));
	sgxm_aex(&host.m, &host.cpu, &r, host.xsave, sizeof(host.xsave), &ev);
	is_u64(GPR(0)->exitinfo, 0, "EXITINFO is cleared for what is not reported");
	is_u64(EXINFO(0)->errcd, 0x11111111,
	       "and EXINFO, which the enclave did not ask for, is its own memory");
}

static void hostile_frame(void)
{
	uint8_t *frame;

	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	host_interrupt(&host.cpu);
	frame = host_page(EPC_OF(OFF_SSA));
	frame[XSAVE_HDR_OFF] |= 0x20;
	ok(enter(&host.cpu, SGX_ERESUME).kind == SGXM_GP,
	   "ERESUME of a frame with a component outside XFRM is #GP");
	ok(!TCS->state && TCS->cssa == 1, "the TCS is idle, the frame is kept");
	frame[XSAVE_HDR_OFF] &= 0xdf;
	is_u64(enter(&host.cpu, SGX_ERESUME).kind, SGXM_DONE, "repaired, it resumes");
}

/* An AEX that the host resolves at once */
static void aex_resume(void)
{
	const struct sgxm_event ev = { true, SGX_VEC_PF, false, 0x6, BASE + OFF_FREE };
	struct sgxm_regs r = { .rax = 77, .rip = BASE + OENTRY, .rflags = 0x202 }, same = r;
	struct sgxm_cpu cpu;

	host_start(ATTR_TEST);
	host_enter(&host.cpu, OFF_TCS);
	host_enter(&host.cpu2, OFF_TCS2);
	host_emodpr(EPC_OF(OFF_RO), 0);
	sgxm_etrack(&host.m, SECS_EPA);
	cpu = host.cpu;
	ok(sgxm_aex_resume(&host.m, &host.cpu, &r, host.xsave, sizeof(host.xsave), &ev),
	   "AEX and ERESUME in one");
	ok(GPR(0)->exitinfo == 0x8000030e && GPR(0)->rax == 77 && EXINFO(0)->maddr == BASE + OFF_FREE,
	   "the frame tells of it");
	ok(!memcmp(&r, &same, sizeof(r)) && TCS->cssa == 0 && TCS->state == 1, "the thread runs on");
	cpu.epoch = host.cpu.epoch;
	ok(!memcmp(&cpu, &host.cpu, sizeof(cpu)), "as before, but for its epoch");
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 2, "both are counted");
	ok(is_code(host_eaccept(OFF_RO, SGX_SECINFO_REG | SGX_SECINFO_PR), SGXC_NOT_TRACKED),
	   "the other thread is still of the previous epoch");
	sgxm_aex_resume(&host.m, &host.cpu2, &r, host.xsave, sizeof(host.xsave), &ev);
	ok(is_code(host_eaccept(OFF_RO, SGX_SECINFO_REG | SGX_SECINFO_PR), 0), "until it exits too");
	host_exit(&host.cpu);
	host_exit(&host.cpu2);
	is_u64(sgxm_threads_inside(&host.m, SECS_EPA), 0, "nobody is inside");
	host_enter(&host.cpu, OFF_TCS);
	host.platform.aexnotify = true;
	ok(!sgxm_aex_resume(&host.m, &host.cpu, &r, host.xsave, sizeof(host.xsave), &ev),
	   "not where ERESUME might go to OENTRY");
}

/* An XSAVE area that crosses a page: what AEX puts there, ERESUME finds */
static void large_frame(void)
{
	static uint8_t before[sizeof(host.xsave)];
	struct sgxm_regs r = { .rip = BASE + OENTRY, .rflags = 0x202 };
	const struct sgxm_event ev = { .exception = false };

	host_start(ATTR_TEST);
	host.platform.xsave[2].off = 3900;
	host.platform.xsave[2].bytes = 1024;
	host_secs(SECS_EPA)->a.ssaframesize = 2;
	is_u64(sgxm_xsave_bytes(&host.platform, 7), 4924, "the area ends where the last component does");
	is_u64(sgxm_xsave_bytes(&host.platform, 3), 576, "and is never smaller than 576");
	host_enter(&host.cpu, OFF_TCS);
	host.xsave[XSAVE_HDR_OFF] = 7;
	for (unsigned i = 3900; i < 4924; i++)
		host.xsave[i] = (uint8_t)(i * 11);
	memcpy(before, host.xsave, sizeof(before));
	sgxm_aex(&host.m, &host.cpu, &r, host.xsave, sizeof(host.xsave), &ev);
	ok(!memcmp(host_page(EPC_OF(OFF_SSA)) + 3900, before + 3900, 196) &&
	   !memcmp(host_page(EPC_OF(OFF_SSA + 0x1000)), before + 4096, 828), "AEX writes both pages");
	memset(host.xsave + 3900, 0, 1024);
	is_u64(enter(&host.cpu, SGX_ERESUME).kind, SGXM_DONE, "ERESUME");
	ok(!memcmp(host.xsave + 3900, before + 3900, 1024) && host.xsave[XSAVE_HDR_OFF] == 7,
	   "reads both pages");
	r = (struct sgxm_regs){ .rip = BASE + OENTRY, .rflags = 0x202 };
	sgxm_aex(&host.m, &host.cpu, &r, host.xsave, 4096, &ev);
	is_u64(host_page(EPC_OF(OFF_SSA))[XSAVE_HDR_OFF], 3,
	       "a component that the image has no room for is INIT");
}

int main(void)
{
	life_of_cssa();
	aex_registers();
	aex_events();
	aex_without_exinfo();
	hostile_frame();
	aex_resume();
	large_frame();
	return tap_done();
}
