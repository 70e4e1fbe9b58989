/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The operation interface of the test enclaves: what the host passes at EENTER and what it gets back.
 * Included by the enclaves (freestanding) and by the tool: one definition.  Also the image note
 * by which an enclave file declares its layout.
 *
 * Entry:  EENTER with RDI = address of a struct encl_op in ordinary memory (8-byte aligned, wholly outside
 *         ELRANGE), any other argument register ignored.  RAX = CSSA: 0 runs op->op; >= 1 is the
 *         exception handler of the enclave (mmap enclave) or, in the other enclaves, runs op->op too
 *         (so one TCS can repair what another entry of its own faulted on, frames permitting).
 * Exit:   EEXIT; results in *op.  While a loop runs, op->done and the leaf counters are kept current, so a
 *         host that sees an exception knows how far it got.  Ranges are [addr, addr + pages * 4096).
 *         At EEXIT R8 holds the enum encl_status too (all there is when the op pointer itself is refused);
 *         RCX, RDX, RSI, RDI, R9-R11 are zero; RBP, RSP, R12-R15 are what they were at EENTER.
 * Every field the host writes is untrusted for the enclave and is read once.
 *
 * Threads made at run time.  The host augments, low to high, with all pages but the TCS left REG RW:
 *         [stack pages, >= 1, growing down] [TLS] [TCS] [SSA frame 0] [SSA frame 1]
 * has them accepted, calls INIT_TCS (addr = TCS page, value = offset of SSA frame 0, opt = offset of TLS),
 * changes the type of the TCS page and has that accepted (flags 0x110).  INIT_TCS also fills the struct
 * encl_tls at the TLS page: stack_top_off = that page, stack_bytes 0 (as much as there is), tcs_index
 * ENCL_TCS_DYNAMIC, NSSA 2.  An entry with CSSA 1 runs on the rest of the TLS page, where ACCEPTCOPY with
 * src does not fit (ENCL_BAD_OP); at CSSA 0 ACCEPTCOPY with src wants 4 stack pages.
 */
#ifndef ENCL_OPS_H
#define ENCL_OPS_H

#include <stdint.h>

#define ENCL_OPS_VERSION 1u

/* op numbers: number, C symbol, command-line name, arguments it uses, what it does */
#define ENCL_OP_TABLE(X) \
	X(0,  NOP,         "nop",         "",                       "enter and leave") \
	X(1,  READ,        "read",        "addr",                   "value = the u64 at addr") \
	X(2,  WRITE,       "write",       "addr value",             "the u64 at addr = value") \
	X(3,  TOUCH,       "touch",       "addr pages flags",       "read (flags 0) or write (flags 1) one byte of each page; a write keeps the byte") \
	X(4,  FILL,        "fill",        "addr pages value",       "fill the range with the u64 value") \
	X(5,  CHECKSUM,    "checksum",    "addr pages",             "value = sum of the u64 words of the range") \
	X(6,  ACCEPT,      "accept",      "addr pages flags opt",   "EACCEPT each page with SECINFO.FLAGS = flags") \
	X(7,  ACCEPTCOPY,  "acceptcopy",  "addr pages flags src opt", "EACCEPTCOPY each page with SECINFO.FLAGS = flags, contents from host memory at src (0: zeros)") \
	X(8,  EXTEND,      "extend",      "addr pages flags opt",   "EMODPE each page with SECINFO.FLAGS = flags") \
	X(9,  REPORT,      "report",      "src dst",                "EREPORT: TARGETINFO (512 bytes, 0: zeros) and REPORTDATA (64 bytes) at src, src+512; REPORT (432 bytes) to host memory at dst") \
	X(10, GETKEY,      "getkey",      "src dst",                "EGETKEY: KEYREQUEST (512 bytes) at src; key (16 bytes) to host memory at dst; sgx = result code") \
	X(11, COPYIN,      "copyin",      "addr src bytes",         "copy bytes from host memory at src to addr") \
	X(12, COPYOUT,     "copyout",     "addr dst bytes",         "copy bytes from addr to host memory at dst") \
	X(13, INIT_TCS,    "init-tcs",    "addr value opt",         "write a TCS image to the REG page at addr: OSSA = value (offset), OENTRY = the dynamic entry, OGSBASE = opt (offset)") \
	X(14, EXEC,        "exec",        "addr value",             "call the code at addr as uint64_t f(uint64_t); value in and out") \
	X(15, SPIN,        "spin",        "addr",                   "loop until the host u32 at addr becomes non-zero") \
	X(16, FAULT,       "fault",       "value",                  "raise: value 0 #DE, 3 INT3, 6 UD2, 13 HLT (#GP), 14 read of address 0, 17 #AC where enabled, 19 #XM; 256 SYSCALL, 257 CPUID, 258 INT 0x80, 259 IN, 260 jump outside ELRANGE") \
	X(17, MMAP,        "mmap",        "addr pages flags opt value", "mmap enclave: SYSCALL mmap(addr, pages*4096, rights flags) through the trapped sequence; opt 0 = by EEXIT, 1 = by doorbell; value = address or -errno") \
	X(18, CPUSTATE,    "cpustate",    "value addr",             "fill all registers with a pattern from the seed value, spin until the host u32 at addr is non-zero, check the pattern; value = number of registers that changed") \
	X(19, SELF,        "self",        "dst",                    "copy the struct encl_tls of this thread (host memory at dst)") \
	X(20, STACK,       "stack",       "value",                  "recurse value levels of one page of stack each, downwards; value = levels reached") \
	X(21, BENCH,       "bench",       "value pages",            "run the compute kernel value rounds over pages pages of private memory; value = its result")

enum encl_op_number {
#define ENCL_OP_ENUM(number, symbol, name, args, text) ENCL_OP_##symbol = number,
	ENCL_OP_TABLE(ENCL_OP_ENUM)
#undef ENCL_OP_ENUM
	ENCL_OP_COUNT,
};

/* opt bits of range operations */
#define ENCL_OPT_DOWN  0x1u     /* from the highest page to the lowest */
#define ENCL_OPT_KEEP  0x2u     /* go on after a page that was refused (count it in refused) */
#define ENCL_OPT_CHUNK 0x4u     /* ACCEPTCOPY: src holds one page, used for every target page */

enum encl_status {
	ENCL_OK = 0,
	ENCL_REFUSED = 1,       /* a leaf returned a code: op->sgx, at page op->done */
	ENCL_BAD_OP = 2,        /* unknown op number for this enclave */
	ENCL_BAD_ARG = 3,       /* a range that is not where it must be, or not aligned */
	ENCL_CORRUPT = 4,       /* memory did not hold what was written: page op->done */
	ENCL_UNHANDLED = 5,     /* mmap enclave: the interrupted frame is nothing its handler serves */
};

#define ENCL_DYN_NSSA    2u
#define ENCL_TCS_DYNAMIC UINT64_MAX     /* tcs_index of a thread made at run time */

struct encl_op {
	uint64_t op;            /* enum encl_op_number */
	uint64_t addr;          /* linear address (absolute) */
	uint64_t pages;
	uint64_t flags;
	uint64_t src, dst;      /* host memory */
	uint64_t bytes;
	uint64_t value;
	uint64_t opt;
	/* out */
	uint64_t status;        /* enum encl_status */
	uint64_t done;          /* pages (or levels) completed */
	uint64_t refused;       /* with ENCL_OPT_KEEP */
	uint64_t sgx;           /* RAX of the last leaf that returned a code */
	uint64_t eaccepts, eacceptcopies, emodpes;      /* leafs that completed (RAX = 0) */
	/* mmap enclave: the request block, written by the enclave, answered by the host */
	uint64_t req_op;        /* 0 none, 9 mmap */
	uint64_t req_addr, req_bytes, req_rights;
	uint64_t req_result;    /* host: 0 or -errno */
	uint64_t req_pending;   /* enclave: 1 while the host's answer is awaited */
	uint64_t spare[10];
};
_Static_assert(sizeof(struct encl_op) == 256, "struct encl_op is an ABI");

/*
 * The thread's own page: TCS.OGSBASE points here (GS:0 inside the enclave).  The loader fills it
 * from the layout, so it is measured and the same for everyone.
 */
struct encl_tls {
	uint64_t self_off;      /* offset of this page from the ELRANGE base */
	uint64_t tcs_off;
	uint64_t stack_top_off; /* first byte above the stack */
	uint64_t stack_bytes;
	uint64_t ssa_off;
	uint64_t nssa;
	uint64_t ssaframe_bytes;
	uint64_t heap_off, heap_bytes;
	uint64_t reserve_off, reserve_bytes;
	uint64_t elrange_bytes;
	uint64_t tcs_index;
	uint64_t handler_stack_top_off; /* a second stack, for entries with CSSA >= 1 */
	uint64_t scratch[18];   /* zero; the enclave's own */
};
_Static_assert(sizeof(struct encl_tls) == 256, "struct encl_tls is an ABI");

/* ---- the image note: ELF note, name "sgxctl", type 1, section .note.sgxctl ---------------- */

#define ENCL_NOTE_NAME "sgxctl"
#define ENCL_NOTE_TYPE 1u
#define ENCL_NOTE_VERSION 1u

#define ENCL_NOTE_F_OPS 0x1u    /* speaks this operation interface */

struct encl_note {
	uint32_t version;       /* ENCL_NOTE_VERSION */
	uint32_t flags;         /* ENCL_NOTE_F_* */
	uint32_t ssaframesize;  /* pages per SSA frame, >= 1 */
	uint32_t nssa;          /* frames per TCS, >= 1 */
	uint32_t ntcs;          /* >= 1 */
	uint32_t miscselect;    /* wished, e.g. 1 = EXINFO */
	uint64_t attributes;    /* wished ATTRIBUTES.FLAGS, MODE64BIT at least */
	uint64_t xfrm;          /* wished XFRM; 3 at least */
	uint64_t stack_bytes;   /* per TCS and per stack (entry stack, handler stack) */
	uint64_t heap_bytes;    /* unmeasured zero RW pages behind everything else */
	uint64_t reserve_bytes; /* free ELRANGE behind the heap */
	uint64_t size;          /* SECS.SIZE, 0 = smallest power of two that fits */
	uint64_t reserve_off;   /* where the reserve starts, 0 = right behind the heap */
	uint64_t dyn_entry;     /* p_vaddr of the entry for TCSs made at run time, 0 = none */
};
_Static_assert(sizeof(struct encl_note) == 88, "struct encl_note is an ABI");

#endif
