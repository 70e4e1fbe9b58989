/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * encldiff: random lives of enclaves that are entered.  What its files share, and what the code inside the enclave and
 * the code outside agree on.
 */
#ifndef TESTS_DRIVER_ENCLDIFF_H
#define TESTS_DRIVER_ENCLDIFF_H

/* struct op, in ordinary memory at a fixed address: what the enclave is to do, and what came of it */
#define OP_KIND 0
#define OP_RAX  8
#define OP_RBX  16
#define OP_RCX  24
#define OP_RDX  32
#define OP_SI   40              /* where in the enclave the 64 bytes at OP_SECINFO go first; 0 = nowhere */
#define OP_CSSA 64              /* out */
#define OP_OUT  72              /* out: RAX, or what was read */
#define OP_FLAGS 80             /* out: RFLAGS after the leaf */
#define OP_IN   88              /* out: spinning */
#define OP_GO   96              /* in: stop spinning */
#define OP_SECINFO 128

#define KIND_NOP   0
#define KIND_LEAF  1
#define KIND_READ  2
#define KIND_WRITE 3
#define KIND_EXEC  4
#define KIND_SPIN  5
#define KIND_UD    6
#define KIND_DE    7
#define KIND_SYSCALL 8
#define KIND_GP    9
#define KIND_AC    10
#define KIND_XM    11
#define KIND_MF    12
#define KIND_NULL  13
#define KIND_LAST  13

#define STACK_TOP_BYTES 0x100000020000     /* end of the memory at the fixed place */
#define STACK_BYTES     0x10000

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stdint.h>

#include "arch/sgx_arch.h"
#include "arch/sgx_uapi.h"

#define BASE  0x200000000000ull         /* where nothing else is mapped, sanitizers included */
#define PAGES 64u
#define SIZE  (PAGES * 4096ull)

/* The image: what every enclave begins with. */
#define PAGE_TCS   0u           /* and 1, 2 */
#define N_TCS      3u
#define RAW_TCS    2u           /* the one that the program's own ENCLU enters */
#define PAGE_CODE  3u
#define PAGE_SSA   4u           /* NSSA pages for each TCS */
#define SSA_PAGES  3u
#define PAGE_DATA  13u          /* RW; SECINFOs and REPORTs lie here */
#define PAGE_STEADY 16u         /* of them, what nobody changes */
#define PAGE_RO    17u
#define PAGE_RWX   18u
#define PAGE_FREE  20u          /* from here on pages come and go */

#define OPS        0x100000000000ull    /* ordinary memory at a fixed place: struct op, then a stack */
#define OPS_BYTES  0x20000ull


struct op {
	uint64_t kind, rax, rbx, rcx, rdx, si_la, unused[2];
	uint64_t cssa, out, flags, in, go, more[3];
	uint8_t secinfo[64];
};

struct encl {
	int fd, token;
	uint64_t seed;
	unsigned step;
	bool debug, provision;
	uint32_t miscselect;
	unsigned nssa[N_TCS];
	uint64_t tcs[8];                /* addresses that were a TCS once */
	unsigned n_tcs;
	bool is_over;                   /* a child hung: what follows means nothing */
	char who;                       /* in the output: p parent, c child */
	bool narrowed[PAGES];           /* PR is set */
};
extern struct encl en;
extern struct op *op;

/* encldiff_code.S */
extern const uint8_t encldiff_code[], encldiff_code_end[], encldiff_code_exit[], encldiff_code_fault[];
int encldiff_call(struct sgx_enclave_run *run, struct op *op, unsigned function, void *enter);
/* An ENCLU of the program's own; the AEP is behind it. */
uint64_t encldiff_raw(uint64_t rax, uint64_t tcs, struct op *op);
extern uint8_t encldiff_raw_enclu[], encldiff_raw_aep[];

/* Start of a line; the rest is the caller's. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

void build(void);                       /* encldiff_build.c */
void ballast(unsigned pages);           /* an enclave of that many pages, which stays */
int64_t call_ioctl(unsigned long cmd, void *arg);
extern int mem_fd;                      /* /proc/self/mem */
void step_inside(void);                 /* encldiff_inside.c */
void step_ssa(void);
unsigned some_tcs(void);                /* number of one that the vDSO enters */
void step_growth(void);                 /* encldiff_pages.c */
void step_pages(void);
void host_setup(void);                  /* encldiff_host.c */
void step_host(void);
void step_map(void);
/* Enters TCS number t (any address of en.tcs) with *op set up, and says how it ended; the exit was an EEXIT. */
bool enter(unsigned t, unsigned function, const char *what);
/* A leaf on a page with a SECINFO, through TCS t. */
void leaf(unsigned t, unsigned nr, uint64_t la, uint64_t secinfo, uint64_t src);
/* As the reader is to see an address: relative to what moves. */
const char *place(uint64_t v, char buf[40]);
/* The signal that a piece of code ended with, 0 = none. */
struct caught {
	int sig, code;
	uint64_t addr, rip, rax, rbx, rcx, rdx, rdi, err, trapno;
};
int guarded(void (*fn)(void *arg), void *arg, struct caught *ret);
extern void *vdso_enter;
extern uint64_t vdso_base;

#endif
#endif
