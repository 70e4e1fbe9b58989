/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small host for tests of the CPU model: an EPC and "ordinary memory" in arrays, page tables in
 * a list, libcrypto behind the crypto callbacks; and an enclave of a few pages to work on.
 * The whole machine is one struct without pointers to itself, so a test can copy and compare it.
 */
#ifndef TESTS_UNIT_MACHINE_HOST_H
#define TESTS_UNIT_MACHINE_HOST_H

#include "machine/machine.h"

#define EPC_BASE  0x80000000ull
#define EPC_PAGES 64u
#define MEM_BASE  0x100000ull
#define MEM_BYTES 0x10000ull

/* where operands of ENCLS lie in ordinary memory */
#define MEM_PAGEINFO  MEM_BASE
#define MEM_SECINFO   (MEM_BASE + 0x40)
#define MEM_PCMD      (MEM_BASE + 0x80)
#define MEM_SRC       (MEM_BASE + 0x1000)
#define MEM_SIGSTRUCT (MEM_BASE + 0x2000)
#define MEM_TOKEN     (MEM_BASE + 0x3000)
#define MEM_OUT       (MEM_BASE + 0x4000)
#define MEM_NOWHERE   0x7000000ull      /* not mapped */

/* the test enclave */
#define BASE       0x400000000ull
#define SIZE       0x20000ull
#define OFF_TCS    0x0000u      /* NSSA 2 */
#define OFF_CODE   0x1000u      /* r-x */
#define OFF_SSA    0x2000u      /* two frames of a page, rw- */
#define OFF_DATA   0x4000u      /* rw-: operands of ENCLU */
#define OFF_TCS2   0x5000u      /* NSSA 2 */
#define OFF_SSA2   0x6000u
#define OFF_RO     0x8000u      /* r-- */
#define OFF_XO     0x9000u      /* --x */
#define OFF_FREE   0x10000u     /* nothing there; EPC page FREE is what tests add */
#define OENTRY     0x1010u
#define AEP        0x401000ull
#define USER_RIP   0x402000ull

#define EPA(page) (EPC_BASE + (uint64_t)(page) * 4096)
#define SECS_EPA  EPA(0)
#define EPC_OF(off) EPA(1 + (off) / 4096)       /* where host_build puts the page at an offset */
#define FREE      40u           /* first EPC page that no test enclave uses */
#define OTHER     30u           /* SECS of a second enclave, see host_build_other */

struct host_pte {
	uint64_t la;
	uint64_t epa;           /* 0: ordinary memory */
	unsigned rwx;           /* SGX_SECINFO_R ... */
};

struct host {
	_Alignas(4096) uint8_t epc[EPC_PAGES][4096];
	uint8_t mem[MEM_BYTES];
	struct sgxm_epcm epcm[EPC_PAGES];
	struct sgxm_owner owner[EPC_PAGES];
	struct host_pte pte[EPC_PAGES];
	unsigned n_pte;
	uint64_t next_eid;
	struct sgxm_platform platform;
	struct sgxm m;
	struct sgxm_cpu cpu, cpu2;
	struct sgxm_regs r;             /* operands of the leaf under test */
	uint8_t xsave[8192];
	/* called before the content of an EPC page is touched: another process at work */
	void (*on_page)(struct host *h, uint64_t epa);
};

extern struct host host;        /* the one under test */

void host_reset(void);

/* Memory by its address */
void *host_mem(uint64_t addr);
uint8_t *host_page(uint64_t epa);
struct sgxm_epcm *host_epcm(uint64_t epa);
struct sgxm_owner *host_owner(uint64_t epa);
struct sgxm_secs *host_secs(uint64_t epa);
void host_pageinfo(uint64_t linaddr, uint64_t srcpge, uint64_t secinfo, uint64_t secs);
void host_secinfo(uint64_t flags);              /* at MEM_SECINFO */
void host_map(uint64_t la, uint64_t epa, unsigned rwx);
void host_unmap(uint64_t la);
struct host_pte *host_pte(uint64_t la);

/* Lock bits of EPCM words, as another thread would hold them */
void host_lock_exclusive(uint64_t epa);
void host_lock_sgx2(uint64_t epa);
void host_lock_shared(uint64_t epa);

/* A valid ECREATE source at MEM_SRC, and its PAGEINFO */
struct sgx_arch_secs *host_secs_source(uint64_t attributes);

struct sgxm_out host_eadd(uint64_t off, uint64_t flags, uint64_t epa);         /* content: MEM_SRC */
struct sgxm_out host_eaug(uint64_t off, uint64_t epa);                        /* maps it too */
struct sgxm_out host_emodpr(uint64_t epa, uint64_t flags);
struct sgxm_out host_emodt(uint64_t epa, unsigned pt);

/*
 * SIGSTRUCT at MEM_SIGSTRUCT for what SECS_EPA measures now, signed by test key 0 or 1, and a zero
 * token.  host_resign() signs again what a test changed.  host_trust() sets IA32_SGXLEPUBKEYHASH.
 */
struct sgx_arch_sigstruct *host_sigstruct(uint64_t secs_epa, unsigned key);
void host_resign(unsigned key);
void host_trust(unsigned key);
struct sgxm_out host_einit(uint64_t secs_epa);

/* The test enclave: created; with its pages; initialised.  Each stage aborts when refused. */
void host_create(uint64_t attributes);
void host_build(uint64_t attributes);
void host_start(uint64_t attributes);
/* ... and a second one, initialised, with one REG page, at EPC page OTHER and BASE + SIZE */
void host_start_other(void);

#define ATTR_TEST (SGX_ATTR_MODE64BIT | SGX_ATTR_DEBUG)

/* EENTER of a TCS on `cpu`; aborts when refused */
void host_enter(struct sgxm_cpu *cpu, uint32_t tcs_off);
void host_exit(struct sgxm_cpu *cpu);
/* An interrupt on `cpu`; registers are discarded */
void host_interrupt(struct sgxm_cpu *cpu);

/* ENCLU of `leaf` on host.cpu with RBX, RCX, RDX */
struct sgxm_out host_enclu(unsigned leaf, uint64_t rbx, uint64_t rcx, uint64_t rdx);
/* SECINFO for ENCLU at BASE + OFF_DATA */
void host_user_secinfo(uint64_t flags);
/* EACCEPT of the page at off */
struct sgxm_out host_eaccept(uint64_t off, uint64_t flags);

#endif
