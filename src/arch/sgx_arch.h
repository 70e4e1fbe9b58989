/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The architectural structures of SGX: SECS, TCS, SECINFO, PAGEINFO, SSA, SIGSTRUCT, REPORT...
 * Layouts and constants only; no behaviour.  Everything is little-endian and packed; where the
 * bytes come from outside (files, enclave memory) read them into a local with memcpy first.
 *
 * Authority: Intel SDM Vol. 3D, chapters "Enclave access control and data structures" and
 *            "SGX instruction references" (error codes); field by field.
 * Context:   freestanding: includes no libc header beyond the compiler's own.
 */
#ifndef ARCH_SGX_ARCH_H
#define ARCH_SGX_ARCH_H

#include <stddef.h>
#include <stdint.h>

#define SGX_PAGE_SIZE  4096u
#define SGX_PAGE_SHIFT 12
#define SGX_PAGE_MASK  (~(uint64_t)0xfff)
#define SGX_EEXTEND_BYTES 256u

/* Whole pages for so many bytes; 0 when that is more than there are addresses. */
static inline uint64_t sgx_page_up(uint64_t bytes)
{
	return (bytes + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
}

/* ENCLS leafs */
enum sgx_encls {
	SGX_ECREATE = 0x00, SGX_EADD = 0x01, SGX_EINIT = 0x02, SGX_EREMOVE = 0x03,
	SGX_EDBGRD = 0x04, SGX_EDBGWR = 0x05, SGX_EEXTEND = 0x06, SGX_ELDB = 0x07,
	SGX_ELDU = 0x08, SGX_EBLOCK = 0x09, SGX_EPA = 0x0a, SGX_EWB = 0x0b,
	SGX_ETRACK = 0x0c, SGX_EAUG = 0x0d, SGX_EMODPR = 0x0e, SGX_EMODT = 0x0f,
};

/* ENCLU leafs */
enum sgx_enclu {
	SGX_EREPORT = 0, SGX_EGETKEY = 1, SGX_EENTER = 2, SGX_ERESUME = 3, SGX_EEXIT = 4,
	SGX_EACCEPT = 5, SGX_EMODPE = 6, SGX_EACCEPTCOPY = 7, SGX_EDECCSSA = 9,
};

/* Page types, SECINFO.FLAGS[15:8] and EPCM.PT */
enum sgx_page_type {
	SGX_PT_SECS = 0, SGX_PT_TCS = 1, SGX_PT_REG = 2, SGX_PT_VA = 3, SGX_PT_TRIM = 4,
	SGX_PT_SS_FIRST = 5, SGX_PT_SS_REST = 6,
};

/* SECINFO.FLAGS */
#define SGX_SECINFO_R        0x01u
#define SGX_SECINFO_W        0x02u
#define SGX_SECINFO_X        0x04u
#define SGX_SECINFO_RWX      0x07u
#define SGX_SECINFO_PENDING  0x08u
#define SGX_SECINFO_MODIFIED 0x10u
#define SGX_SECINFO_PR       0x20u
#define SGX_SECINFO_PT_SHIFT 8
#define SGX_SECINFO_PT_MASK  0xff00u
#define SGX_SECINFO_PT(pt)   ((uint64_t)(pt) << SGX_SECINFO_PT_SHIFT)
#define SGX_SECINFO_TCS      SGX_SECINFO_PT(SGX_PT_TCS)
#define SGX_SECINFO_REG      SGX_SECINFO_PT(SGX_PT_REG)
#define SGX_SECINFO_TRIM     SGX_SECINFO_PT(SGX_PT_TRIM)

struct sgx_arch_secinfo {
	uint64_t flags;
	uint8_t  reserved[56];
} __attribute__((packed, aligned(64)));

struct sgx_pageinfo {
	uint64_t linaddr;
	uint64_t srcpge;
	uint64_t secinfo;       /* or PCMD, for EWB and ELDx */
	uint64_t secs;
} __attribute__((packed, aligned(32)));

struct sgx_pcmd {
	struct sgx_arch_secinfo secinfo;
	uint64_t enclaveid;
	uint8_t  reserved[40];
	uint8_t  mac[16];
} __attribute__((packed, aligned(128)));

/* ATTRIBUTES.FLAGS */
#define SGX_ATTR_INIT          0x0001u
#define SGX_ATTR_DEBUG         0x0002u
#define SGX_ATTR_MODE64BIT     0x0004u
#define SGX_ATTR_PROVISIONKEY  0x0010u
#define SGX_ATTR_EINITTOKENKEY 0x0020u
#define SGX_ATTR_CET           0x0040u
#define SGX_ATTR_KSS           0x0080u
#define SGX_ATTR_AEXNOTIFY     0x0400u

/* XFRM: what ECREATE insists on */
#define SGX_XFRM_LEGACY 0x3u    /* x87 and SSE */

/* MISCSELECT */
#define SGX_MISC_EXINFO 0x1u
#define SGX_MISC_CPINFO 0x2u

struct sgx_attributes {
	uint64_t flags;
	uint64_t xfrm;
} __attribute__((packed));

struct sgx_arch_secs {
	uint64_t size;
	uint64_t baseaddr;
	uint32_t ssaframesize;          /* pages */
	uint32_t miscselect;
	uint64_t cet_leg_bitmap_offset;
	uint8_t  cet_attributes;
	uint8_t  reserved1[15];
	struct sgx_attributes attributes;
	uint8_t  mrenclave[32];
	uint8_t  reserved2[32];
	uint8_t  mrsigner[32];
	uint8_t  reserved3[32];
	uint8_t  configid[64];
	uint16_t isvprodid;
	uint16_t isvsvn;
	uint16_t configsvn;
	uint8_t  reserved4[3834];
} __attribute__((packed));

/* TCS.FLAGS */
#define SGX_TCS_DBGOPTIN  0x1u
#define SGX_TCS_AEXNOTIFY 0x2u
#define SGX_TCS_INACTIVE  0u
#define SGX_TCS_ACTIVE    1u
#define SGX_TCS_FIELDS    72u   /* bytes before the reserved area on a CPU without CET */

struct sgx_arch_tcs {
	uint64_t state;
	uint64_t flags;
	uint64_t ossa;
	uint32_t cssa;
	uint32_t nssa;
	uint64_t oentry;
	uint64_t aep;
	uint64_t ofsbase;
	uint64_t ogsbase;
	uint32_t fslimit;
	uint32_t gslimit;
	uint8_t  reserved[4024];
} __attribute__((packed));

/* SSA frame: XSAVE area at 0, ..., [EXINFO], GPRSGX at the end */
struct sgx_gprsgx {
	uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rflags, rip, ursp, urbp;
	uint32_t exitinfo;
	uint8_t  reserved[3];
	uint8_t  aexnotify;
	uint64_t fsbase, gsbase;
} __attribute__((packed));

struct sgx_exinfo {
	uint64_t maddr;
	uint32_t errcd;
	uint32_t reserved;
} __attribute__((packed));

#define SGX_EXITINFO_VALID     0x80000000u
#define SGX_EXITINFO_TYPE_HW   (3u << 8)
#define SGX_EXITINFO_TYPE_SW   (6u << 8)
#define SGX_XSAVE_MIN          576u

/* Exception vectors */
enum sgx_vector {
	SGX_VEC_DE = 0, SGX_VEC_DB = 1, SGX_VEC_BP = 3, SGX_VEC_BR = 5, SGX_VEC_UD = 6,
	SGX_VEC_NM = 7, SGX_VEC_GP = 13, SGX_VEC_PF = 14, SGX_VEC_MF = 16, SGX_VEC_AC = 17,
	SGX_VEC_XM = 19, SGX_VEC_CP = 21,
};

/* Page-fault error code */
#define SGX_PFEC_P    0x0001u
#define SGX_PFEC_W    0x0002u
#define SGX_PFEC_U    0x0004u
#define SGX_PFEC_RSVD 0x0008u
#define SGX_PFEC_I    0x0010u
#define SGX_PFEC_PK   0x0020u
#define SGX_PFEC_SS   0x0040u
#define SGX_PFEC_SGX  0x8000u

struct sgx_arch_sigstruct {
	uint8_t  header[16];
	uint32_t vendor;
	uint32_t date;
	uint8_t  header2[16];
	uint32_t swdefined;
	uint8_t  reserved1[84];
	uint8_t  modulus[384];
	uint32_t exponent;
	uint8_t  signature[384];
	uint32_t miscselect;
	uint32_t miscmask;
	uint8_t  cet_attributes;
	uint8_t  cet_attributes_mask;
	uint8_t  reserved2[2];
	uint8_t  isvfamilyid[16];
	struct sgx_attributes attributes;
	struct sgx_attributes attributemask;
	uint8_t  enclavehash[32];
	uint8_t  reserved3[16];
	uint8_t  isvextprodid[16];
	uint16_t isvprodid;
	uint16_t isvsvn;
	uint8_t  reserved4[12];
	uint8_t  q1[384];
	uint8_t  q2[384];
} __attribute__((packed));

#define SGX_SIGSTRUCT_SIGNED1_LEN 128u          /* bytes [0,128) ... */
#define SGX_SIGSTRUCT_SIGNED2_OFF 900u          /* ... and [900,1028) are signed */
#define SGX_SIGSTRUCT_SIGNED2_LEN 128u
extern const uint8_t sgx_sigstruct_header[16];
extern const uint8_t sgx_sigstruct_header2[16];

struct sgx_einittoken {
	uint32_t valid;
	uint8_t  reserved1[44];
	struct sgx_attributes attributes;
	uint8_t  mrenclave[32];
	uint8_t  reserved2[32];
	uint8_t  mrsigner[32];
	uint8_t  reserved3[32];
	uint8_t  cpusvnle[16];
	uint16_t isvprodidle;
	uint16_t isvsvnle;
	uint8_t  reserved4[24];
	uint32_t maskedmiscselectle;
	struct sgx_attributes maskedattributesle;
	uint8_t  keyid[32];
	uint8_t  mac[16];
} __attribute__((packed));

struct sgx_report {
	uint8_t  cpusvn[16];
	uint32_t miscselect;
	uint8_t  cet_attributes;
	uint8_t  reserved1[11];
	uint8_t  isvextprodid[16];
	struct sgx_attributes attributes;
	uint8_t  mrenclave[32];
	uint8_t  reserved2[32];
	uint8_t  mrsigner[32];
	uint8_t  reserved3[32];
	uint8_t  configid[64];
	uint16_t isvprodid;
	uint16_t isvsvn;
	uint16_t configsvn;
	uint8_t  reserved4[42];
	uint8_t  isvfamilyid[16];
	uint8_t  reportdata[64];
	uint8_t  keyid[32];
	uint8_t  mac[16];
} __attribute__((packed));

struct sgx_targetinfo {
	uint8_t  measurement[32];
	struct sgx_attributes attributes;
	uint8_t  cet_attributes;
	uint8_t  reserved1;
	uint16_t configsvn;
	uint32_t miscselect;
	uint8_t  reserved2[8];
	uint8_t  configid[64];
	uint8_t  reserved3[384];
} __attribute__((packed));

enum sgx_keyname {
	SGX_KEY_EINITTOKEN = 0, SGX_KEY_PROVISION = 1, SGX_KEY_PROVISION_SEAL = 2,
	SGX_KEY_REPORT = 3, SGX_KEY_SEAL = 4,
};
#define SGX_KEYPOLICY_MRENCLAVE    0x01u
#define SGX_KEYPOLICY_MRSIGNER     0x02u
#define SGX_KEYPOLICY_NOISVPRODID  0x04u
#define SGX_KEYPOLICY_CONFIGID     0x08u
#define SGX_KEYPOLICY_ISVFAMILYID  0x10u
#define SGX_KEYPOLICY_ISVEXTPRODID 0x20u

struct sgx_keyrequest {
	uint16_t keyname;
	uint16_t keypolicy;
	uint16_t isvsvn;
	uint8_t  cet_attributes_mask;
	uint8_t  reserved1;
	uint8_t  cpusvn[16];
	struct sgx_attributes attributemask;
	uint8_t  keyid[32];
	uint32_t miscmask;
	uint16_t configsvn;
	uint8_t  reserved2[434];
} __attribute__((packed));

/* Result codes in RAX.  The names are in sgx_names.c, one table. */
enum sgx_code {
	SGXC_SUCCESS = 0, SGXC_INVALID_SIG_STRUCT = 1, SGXC_INVALID_ATTRIBUTE = 2,
	SGXC_BLKSTATE = 3, SGXC_INVALID_MEASUREMENT = 4, SGXC_NOTBLOCKABLE = 5,
	SGXC_PG_INVLD = 6, SGXC_EPC_PAGE_CONFLICT = 7, SGXC_INVALID_SIGNATURE = 8,
	SGXC_MAC_COMPARE_FAIL = 9, SGXC_PAGE_NOT_BLOCKED = 10, SGXC_NOT_TRACKED = 11,
	SGXC_VA_SLOT_OCCUPIED = 12, SGXC_CHILD_PRESENT = 13, SGXC_ENCLAVE_ACT = 14,
	SGXC_ENTRYEPOCH_LOCKED = 15, SGXC_INVALID_EINITTOKEN = 16, SGXC_PREV_TRK_INCMPL = 17,
	SGXC_PG_IS_SECS = 18, SGXC_PAGE_ATTRIBUTES_MISMATCH = 19, SGXC_PAGE_NOT_MODIFIABLE = 20,
	SGXC_PAGE_NOT_DEBUGGABLE = 21, SGXC_INVALID_CPUSVN = 32, SGXC_INVALID_ISVSVN = 64,
	SGXC_UNMASKED_EVENT = 128, SGXC_INVALID_KEYNAME = 256,
};

#define SGX_ASSERT_OFF(type, field, off) \
	_Static_assert(offsetof(struct type, field) == (off), #type "." #field)
_Static_assert(sizeof(struct sgx_arch_secs) == 4096, "SECS");
_Static_assert(sizeof(struct sgx_arch_tcs) == 4096, "TCS");
_Static_assert(sizeof(struct sgx_arch_secinfo) == 64, "SECINFO");
_Static_assert(sizeof(struct sgx_pageinfo) == 32, "PAGEINFO");
_Static_assert(sizeof(struct sgx_pcmd) == 128, "PCMD");
_Static_assert(sizeof(struct sgx_gprsgx) == 184, "GPRSGX");
_Static_assert(sizeof(struct sgx_exinfo) == 16, "EXINFO");
_Static_assert(sizeof(struct sgx_arch_sigstruct) == 1808, "SIGSTRUCT");
_Static_assert(sizeof(struct sgx_einittoken) == 304, "EINITTOKEN");
_Static_assert(sizeof(struct sgx_report) == 432, "REPORT");
_Static_assert(sizeof(struct sgx_targetinfo) == 512, "TARGETINFO");
_Static_assert(sizeof(struct sgx_keyrequest) == 512, "KEYREQUEST");
SGX_ASSERT_OFF(sgx_arch_secs, attributes, 48);
SGX_ASSERT_OFF(sgx_arch_secs, mrsigner, 128);
SGX_ASSERT_OFF(sgx_arch_secs, configid, 192);
SGX_ASSERT_OFF(sgx_arch_secs, isvprodid, 256);
SGX_ASSERT_OFF(sgx_arch_tcs, reserved, SGX_TCS_FIELDS);
SGX_ASSERT_OFF(sgx_arch_sigstruct, modulus, 128);
SGX_ASSERT_OFF(sgx_arch_sigstruct, exponent, 512);
SGX_ASSERT_OFF(sgx_arch_sigstruct, signature, 516);
SGX_ASSERT_OFF(sgx_arch_sigstruct, miscselect, 900);
SGX_ASSERT_OFF(sgx_arch_sigstruct, attributes, 928);
SGX_ASSERT_OFF(sgx_arch_sigstruct, enclavehash, 960);
SGX_ASSERT_OFF(sgx_arch_sigstruct, isvprodid, 1024);
SGX_ASSERT_OFF(sgx_arch_sigstruct, q1, 1040);
SGX_ASSERT_OFF(sgx_arch_sigstruct, q2, 1424);
SGX_ASSERT_OFF(sgx_gprsgx, rip, 136);
SGX_ASSERT_OFF(sgx_gprsgx, ursp, 144);
SGX_ASSERT_OFF(sgx_gprsgx, exitinfo, 160);
SGX_ASSERT_OFF(sgx_gprsgx, aexnotify, 167);
SGX_ASSERT_OFF(sgx_gprsgx, fsbase, 168);
SGX_ASSERT_OFF(sgx_report, mac, 416);
SGX_ASSERT_OFF(sgx_report, isvfamilyid, 304);
SGX_ASSERT_OFF(sgx_keyrequest, miscmask, 72);

#endif
