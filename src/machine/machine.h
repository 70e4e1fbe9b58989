/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPU model: SECS, EPCM, TCS/SSA and the ENCLS/ENCLU leafs, and nothing of Linux.
 *
 * The model owns no memory: EPC pages, EPCM entries and logical processors live where the host
 * puts them (shared memory, a fuzzer's arrays, a kernel's), and it reaches them through
 * struct sgxm_ops.  It keeps no globals, allocates nothing, uses no TLS and never blocks: a
 * contended page answers as the manual's concurrency tables say.  So it may run in a signal
 * handler, and several threads (and processes, if the memory is shared) may run leafs at once.
 *
 * Vocabulary: an "EPC address" (_epa) names a byte of the EPC, as ENCLS operands do; it is
 * 4096-aligned for a page.  A "linear address" (_la) is what enclave code uses; ops->walk turns
 * one into the other as page tables would.
 *
 * Authority: Intel SDM Vol. 3D, "SGX instruction references", "Enclave operation".
 * Context:   any, including signal handlers.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/sgx_arch.h"

/* ---- what happened --------------------------------------------------------------------- */

enum sgxm_kind {
	SGXM_DONE,      /* completed; a status leaf puts 0 in RAX, ZF=CF=0 */
	SGXM_CODE,      /* status leaf refused: .code in RAX, .zf/.cf say which flag marks it */
	SGXM_GP,        /* #GP(0) */
	SGXM_PF,        /* #PF(.addr) with error code .pfec (U=0 for ENCLS, U=1 for ENCLU) */
	SGXM_UD,        /* #UD */
};

struct sgxm_out {
	enum sgxm_kind kind;
	uint32_t code;          /* enum sgx_code */
	bool zf, cf;
	uint32_t pfec;          /* SGX_PFEC_* */
	uint64_t addr;          /* faulting address as the operand gave it */
	const char *check;      /* "EACCEPT.7": the row of the leaf's check table; static */
};

/* ---- EPCM ------------------------------------------------------------------------------- */

/*
 * One EPCM entry; all-zero means invalid and free.  `word` is only changed by the model, with
 * atomics: a reader may load it at any time and see a consistent state.  It is small because a host
 * with a terabyte of EPC has one per page; whose page it is, the host keeps (struct sgxm_owner).
 */
struct sgxm_epcm {
	uint32_t word;          /* SGXM_E_* below; bits 31:16 are the model's locks */
	uint32_t epoch;         /* ETRACK stamp; 0 = none needed */
};

#define SGXM_E_VALID    0x01u
#define SGXM_E_R        0x02u
#define SGXM_E_W        0x04u
#define SGXM_E_X        0x08u
#define SGXM_E_PENDING  0x10u
#define SGXM_E_MODIFIED 0x20u
#define SGXM_E_PR       0x40u
#define SGXM_E_BLOCKED  0x80u
#define SGXM_E_PT_SHIFT 8
#define SGXM_E_PT_MASK  0xff00u
#define SGXM_E_STATE    0xffffu         /* all of these; bits 31:16 are private to the model */

/* ENCLAVEADDRESS and ENCLAVESECS of a valid page; both 0 for SECS and VA pages */
struct sgxm_owner {
	uint64_t la;
	uint64_t secs_epa;
};

/* A decoded snapshot, for documents and tests */
struct sgxm_epcm_view {
	bool valid, pending, modified, pr, blocked;
	unsigned rwx;           /* SGX_SECINFO_R|W|X */
	unsigned pt;            /* enum sgx_page_type */
	struct sgxm_owner owner;        /* zero unless valid */
	uint32_t epoch;
};

/* ---- SECS -------------------------------------------------------------------------------- */

/* Running SHA-256, kept as bytes in the SECS; its inside belongs to the host's crypto. */
struct sgxm_sha256 {
	_Alignas(16) uint8_t opaque[128];
};

/*
 * What the CPU keeps of an enclave.  It fills the EPC page of the SECS (ops->page), the
 * architectural 262 bytes first, the hidden state in the area that is reserved to software.
 */
struct sgxm_secs {
	struct sgx_arch_secs_head {
		uint64_t size, baseaddr;
		uint32_t ssaframesize, miscselect;
		uint64_t cet_leg_bitmap_offset;
		uint8_t  cet_attributes, reserved1[15];
		struct sgx_attributes attributes;
		uint8_t  mrenclave[32], reserved2[32], mrsigner[32], reserved3[32], configid[64];
		uint16_t isvprodid, isvsvn, configsvn;
		uint8_t  pad[2];
	} a;
	_Alignas(64) uint64_t eid;
	uint64_t children;              /* atomic: pages whose ENCLAVESECS is this */
	uint64_t track;                 /* atomic: epoch and reference counts, see track.c */
	uint32_t measure_lock;          /* atomic try-lock: EADD EEXTEND EINIT */
	uint32_t track_lock;            /* atomic try-lock: ETRACK */
	uint32_t initialized;           /* atomic 0/1 */
	uint32_t spare;
	uint8_t  isvfamilyid[16], isvextprodid[16];
	struct sgxm_sha256 sha;
	uint64_t measured_blocks;       /* 64-byte blocks hashed so far */
	uint8_t  padding[352];          /* PKCS#1 padding that EINIT saw */
};
_Static_assert(sizeof(struct sgxm_secs) <= 4096, "the SECS must fit its EPC page");

/* ---- platform ---------------------------------------------------------------------------- */

struct sgxm_platform {
	bool sgx2;                      /* CPUID.12H.0:EAX[1] */
	bool aexnotify;                 /* CPUID.12H.1:EAX[10] and EDECCSSA */
	uint32_t miscselect;            /* CPUID.12H.0:EBX */
	uint8_t  max_size_log2_64;      /* CPUID.12H.0:EDX[15:8]; SIZE >= 2^n is refused */
	uint8_t  max_size_log2_32;
	uint64_t attributes;            /* CPUID.12H.1:EBX:EAX: flags ECREATE accepts */
	uint64_t xfrm;                  /* CPUID.12H.1:EDX:ECX: XFRM bits ECREATE accepts */
	struct { uint32_t off, bytes; } xsave[64];   /* CPUID.0DH.i: standard-format layout, i >= 2 */
	uint32_t mxcsr_mask;            /* legal MXCSR bits (FXSAVE image), for ERESUME */
	uint8_t  cpusvn[16];
	uint8_t  root_key[16];          /* stands for fuses: documented and fixed, protects nothing */
	uint8_t  owner_epoch[16];
	uint8_t  report_keyid[32];      /* per boot */
};

/* Bytes of the XSAVE area for xfrm in standard format, at least 576.  Source: "SSA frame". */
uint32_t sgxm_xsave_bytes(const struct sgxm_platform *p, uint64_t xfrm);

/* ---- the host ---------------------------------------------------------------------------- */

struct sgxm_cpu;

enum sgxm_access { SGXM_READ = 0, SGXM_WRITE = 1, SGXM_FETCH = 2 };

enum sgxm_walk {
	SGXM_WALK_EPC,          /* maps an EPC page: *ret_epa is set */
	SGXM_WALK_MEM,          /* maps ordinary memory */
	SGXM_WALK_PF,           /* ordinary #PF: *ret_pfec has P, W, U, I; never SGX */
};

struct sgxm_ops {
	/* EPCM entry of the EPC page that epa lies in (any alignment); NULL: not EPC */
	struct sgxm_epcm *(*epcm)(void *host, uint64_t epa);
	/* the 4096 content bytes of the EPC page at epa (aligned); epa is EPC */
	uint8_t *(*page)(void *host, uint64_t epa);
	/*
	 * Whose the page is that epa lies in (any alignment).  Set once for each life of a page, while
	 * the model holds its entry exclusively and before it is VALID; asked only about VALID pages.  A
	 * host whose pages have one possible owner each needs no memory for it.
	 */
	struct sgxm_owner (*owner)(void *host, uint64_t epa);
	void (*set_owner)(void *host, uint64_t epa, struct sgxm_owner owner);
	/* make the page read as zeros, as cheaply as the host can (a hole, fresh memory) */
	void (*zero)(void *host, uint64_t epa);
	/* ENCLS memory operands outside the EPC: 0, or -1 = #PF(addr) */
	int (*read)(void *host, uint64_t addr, void *dst, size_t bytes);
	int (*write)(void *host, uint64_t addr, const void *src, size_t bytes);
	/* the ordinary page walk at CPL 3 of the thread that cpu models; may be asked for addresses
	 * anywhere; must not change anything and not fault pages in */
	enum sgxm_walk (*walk)(void *host, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
			       uint64_t *ret_epa, uint32_t *ret_pfec);
	uint64_t (*new_eid)(void *host);        /* unique, never 0 */
	void (*sha256_init)(void *host, struct sgxm_sha256 *s);
	void (*sha256_update)(void *host, struct sgxm_sha256 *s, const void *data, size_t bytes);
	void (*sha256_final)(void *host, const struct sgxm_sha256 *s, uint8_t digest[32]);  /* s kept */
	/*
	 * RSA with e = 3 by the quotients, as EINIT does it: N, S, q1, q2 little-endian, 384 bytes;
	 * em big-endian.  0, or -1 when r1 or EM leaves [0, N) (wrong quotients, S >= N, N = 0).
	 */
	int (*rsa3072)(void *host, const uint8_t n[384], const uint8_t s[384], const uint8_t q1[384],
		       const uint8_t q2[384], uint8_t em[384]);
	void (*cmac)(void *host, const uint8_t key[16], const void *msg, size_t bytes, uint8_t mac[16]);
	/* AES-128-GCM, 12-byte IV; open returns -1 on a MAC mismatch */
	void (*gcm_seal)(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad,
			 size_t aad_bytes, const void *in, void *out, size_t bytes, uint8_t mac[16]);
	int (*gcm_open)(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad,
			size_t aad_bytes, const void *in, void *out, size_t bytes, const uint8_t mac[16]);
};

/*
 * One machine.  ops, host and platform outlive it.  Several struct sgxm may name the same EPC
 * (one per process).  lepubkeyhash is IA32_SGXLEPUBKEYHASH0..3; the driver model writes it.
 */
struct sgxm {
	const struct sgxm_ops *ops;
	void *host;
	const struct sgxm_platform *platform;
	uint8_t lepubkeyhash[32];
};

/* The EPCM entry and the owner of the page at epa; all zero when it is not EPC */
struct sgxm_epcm_view sgxm_epcm_get(struct sgxm *m, uint64_t epa);

/* ---- logical processors ------------------------------------------------------------------- */

/* General registers in GPRSGX order, plus the segment bases the model moves. */
struct sgxm_regs {
	uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rflags, rip, fsbase, gsbase;
};

#define SGXM_RFLAGS_CF 0x0001u
#define SGXM_RFLAGS_PF 0x0004u
#define SGXM_RFLAGS_AF 0x0010u
#define SGXM_RFLAGS_ZF 0x0040u
#define SGXM_RFLAGS_SF 0x0080u
#define SGXM_RFLAGS_TF 0x0100u
#define SGXM_RFLAGS_OF 0x0800u
#define SGXM_RFLAGS_RF 0x10000u
#define SGXM_RFLAGS_ARITH (SGXM_RFLAGS_CF | SGXM_RFLAGS_PF | SGXM_RFLAGS_AF | SGXM_RFLAGS_ZF | \
			   SGXM_RFLAGS_SF | SGXM_RFLAGS_OF)

#define SGXM_SSA_XSAVE_PAGES 4          /* an XSAVE area never needs more (AMX: 3) */

/* All-zero = outside any enclave.  One per thread; the model writes it at entries and exits. */
struct sgxm_cpu {
	uint64_t secs_epa;              /* CR_ACTIVE_SECS; 0 = outside */
	uint64_t elrange_base, elrange_size;
	uint64_t tcs_la, tcs_epa;
	uint64_t aep;
	uint32_t cssa;                  /* frame the next AEX writes */
	uint32_t epoch;                 /* of the entry, for ETRACK */
	uint64_t xsave_epa[SGXM_SSA_XSAVE_PAGES];       /* cached SSA pages of that frame */
	uint64_t gpr_epa;               /* EPC page with GPRSGX of that frame */
	uint64_t xfrm;
	uint32_t miscselect;
	bool debug_optin;
	bool tf_saved;                  /* RFLAGS.TF at an opt-out entry */
	uint64_t out_fsbase, out_gsbase;        /* outside bases, given back by EEXIT and AEX */
};

static inline bool sgxm_cpu_inside(const struct sgxm_cpu *cpu) { return cpu->secs_epa != 0; }

/* ---- ENCLS --------------------------------------------------------------------------------- */

struct sgxm_out sgxm_ecreate(struct sgxm *m, uint64_t pageinfo, uint64_t epa);
struct sgxm_out sgxm_eadd(struct sgxm *m, uint64_t pageinfo, uint64_t epa);
struct sgxm_out sgxm_eextend(struct sgxm *m, uint64_t secs_epa, uint64_t chunk_epa);
struct sgxm_out sgxm_einit(struct sgxm *m, uint64_t sigstruct, uint64_t secs_epa, uint64_t token);
struct sgxm_out sgxm_eremove(struct sgxm *m, uint64_t epa);
struct sgxm_out sgxm_edbgrd(struct sgxm *m, uint64_t epa, uint64_t *ret_data);
struct sgxm_out sgxm_edbgwr(struct sgxm *m, uint64_t epa, uint64_t data);
struct sgxm_out sgxm_eblock(struct sgxm *m, uint64_t epa);
struct sgxm_out sgxm_etrack(struct sgxm *m, uint64_t secs_epa);
struct sgxm_out sgxm_epa(struct sgxm *m, uint64_t pt, uint64_t epa);
struct sgxm_out sgxm_ewb(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa);
struct sgxm_out sgxm_eldu(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa);
struct sgxm_out sgxm_eldb(struct sgxm *m, uint64_t pageinfo, uint64_t epa, uint64_t va_epa);
struct sgxm_out sgxm_eaug(struct sgxm *m, uint64_t pageinfo, uint64_t epa);
struct sgxm_out sgxm_emodpr(struct sgxm *m, uint64_t secinfo, uint64_t epa);
struct sgxm_out sgxm_emodt(struct sgxm *m, uint64_t secinfo, uint64_t epa);

/* ENCLS by number, operands and results in regs (RAX, RBX, RCX, RDX, RFLAGS); hole: #GP(0). */
struct sgxm_out sgxm_encls(struct sgxm *m, struct sgxm_regs *regs);

/*
 * EADD + 16 EEXTEND of one page in ascending order, the same checks and the same hash as the
 * seventeen leafs one by one, without the per-chunk overhead.  measure=false: EADD alone.
 */
struct sgxm_out sgxm_eadd_measured(struct sgxm *m, uint64_t pageinfo, uint64_t epa, bool measure);

/*
 * EAUG of `pages` neighbours: linear addresses from la, EPC pages from epa.  The SECS is checked
 * once, each page as EAUG would.  Stops at the first refusal; *ret_done pages were added before it.
 */
struct sgxm_out sgxm_eaug_run(struct sgxm *m, uint64_t secs_epa, uint64_t la, uint64_t epa,
			      uint64_t pages, uint64_t *ret_done);

/* ---- ENCLU --------------------------------------------------------------------------------- */

/*
 * ENCLU by number in EAX.  regs is the register file at the instruction; on SGXM_DONE and
 * SGXM_CODE it is the register file after it, RIP included (regs->rip must point AT the ENCLU,
 * insn_bytes is its length: 3, or what stands in its place).  On a fault regs are untouched.
 * xsave: the thread's live XSAVE image in standard format (xsave_bytes long), for ERESUME; may
 * be NULL for the other leafs.
 */
struct sgxm_out sgxm_enclu(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs,
			   unsigned insn_bytes, uint8_t *xsave, size_t xsave_bytes);

/*
 * The leafs themselves, as sgxm_enclu calls them, for hosts that enter without a trap:
 * regs->rip is the instruction AFTER the ENCLU, and RAX and flags of a status leaf are left to the
 * caller (.code, .zf, .cf).
 */
struct sgxm_out sgxm_ereport(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_egetkey(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_eenter(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_eresume(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs,
			     uint8_t *xsave, size_t xsave_bytes);
struct sgxm_out sgxm_eexit(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_eaccept(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_eacceptcopy(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_emodpe(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);
struct sgxm_out sgxm_edeccssa(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs);

/* ---- exits and accesses ---------------------------------------------------------------------- */

struct sgxm_event {
	bool exception;         /* false: interrupt or signal, EXITINFO = 0 */
	uint8_t vector;         /* enum sgx_vector */
	bool software;          /* #BP by INT3 under opt-in */
	uint32_t errcd;         /* error code pushed */
	uint64_t maddr;         /* full linear address of a #PF, else 0 */
};

/*
 * Asynchronous exit: state of regs/xsave to the SSA frame, synthetic state into regs/xsave
 * (RIP = RCX = AEP, RAX = 3, ...), CSSA+1, thread outside.  cpu must be inside; cannot fail.
 * In xsave the components of XFRM become INIT (XSTATE_BV bits cleared, FCW and MXCSR set).
 */
void sgxm_aex(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs, uint8_t *xsave,
	      size_t xsave_bytes, const struct sgxm_event *ev);

/*
 * The processor that was inside by this TCS, since `epoch`, is gone and will never exit: what follows is the state after
 * an AEX, but for the registers in frame CSSA, which nobody has.  False: the TCS is not in use.
 */
bool sgxm_aex_lost(struct sgxm *m, uint64_t tcs_epa, uint64_t secs_epa, uint32_t epoch);

/*
 * An AEX whose cause the host has resolved, and the ERESUME of a bare ENCLU at the AEP, in one:
 * frame CSSA is written as sgxm_aex writes it, the thread counts for the current epoch, and it runs
 * on with the registers it has.  False: nothing was done, do the two one by one (AEX-notify, changed
 * debug opt-in).
 */
bool sgxm_aex_resume(struct sgxm *m, struct sgxm_cpu *cpu, const struct sgxm_regs *regs,
		     const uint8_t *xsave, size_t xsave_bytes, const struct sgxm_event *ev);

/*
 * May the enclave that runs on cpu access la, now that the page walk gave epa?  Decides steps 8-9
 * of "Access control": DONE, or SGXM_PF with P, U, W/I and the SGX bit.  walk=SGXM_WALK_MEM inside
 * ELRANGE is refused too.
 */
struct sgxm_out sgxm_access(struct sgxm *m, const struct sgxm_cpu *cpu, uint64_t la,
			    enum sgxm_access access, enum sgxm_walk walk, uint64_t epa);

/* Abort page: what an access from outside to an EPC page reads (all bytes). */
#define SGXM_ABORT_BYTE 0xffu

/* RWX (SGX_SECINFO_R...) that enclave code may use on this page: 0 unless valid REG, not PENDING,
 * MODIFIED or BLOCKED.  For hosts that mirror EPCM rights into real page tables. */
unsigned sgxm_epcm_usable(const struct sgxm_epcm *e);

/*
 * For hosts whose processors can be killed in the middle of a leaf: the entry's word when a leaf holds it, else 0; and
 * taking away the locks of a word that is still what it was.  A leaf that lives after all only loses its lock.
 */
uint32_t sgxm_epcm_locked(const struct sgxm_epcm *e);
bool sgxm_epcm_break(struct sgxm_epcm *e, uint32_t seen);
/* The locks inside a SECS, by who knows that no ETRACK, EADD, EEXTEND or EINIT of it is in progress. */
void sgxm_secs_break(struct sgxm *m, uint64_t secs_epa);

/*
 * Every logical processor inside this enclave takes an interrupt and resumes at once (the IPI of
 * a kernel after ETRACK).  Returns how many were inside.
 */
unsigned sgxm_ipi(struct sgxm *m, uint64_t secs_epa);

/* Logical processors inside the enclave now. */
unsigned sgxm_threads_inside(struct sgxm *m, uint64_t secs_epa);

/* ---- tables for documents and coverage --------------------------------------------------------- */

struct sgxm_check {
	const char *id;         /* "EADD.7" */
	const char *condition;  /* "EPCM[RCX].VALID = 0" */
	const char *refusal;    /* "#PF(RCX)" */
};

/*
 * Beside the leafs the table has the checks that belong to none, with number SGXM_NO_LEAF: "ENCLS"
 * and "ENCLU" (before any leaf body), "ACCESS" and "EPCM" (sgxm_access).
 */
#define SGXM_NO_LEAF 0xffffffffu

struct sgxm_leaf {
	const char *name;       /* "EACCEPT" */
	unsigned number;
	bool user;              /* ENCLU */
	bool sgx2;
	bool status;            /* reports in RAX with ZF/CF */
	const struct sgxm_check *checks;
	size_t n_checks;
};
extern const struct sgxm_leaf sgxm_leafs[];
extern const size_t sgxm_n_leafs;

#endif
