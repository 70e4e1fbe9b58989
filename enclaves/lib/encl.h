/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the parts of a test enclave share: the context of one entry, and the checks on addresses the host gives.
 * Position-independent without relocations: no pointer may stand in initialised data.
 *
 * Context: inside an enclave; freestanding, general registers only.
 */
#ifndef ENCL_ENCL_H
#define ENCL_ENCL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/sgx_arch.h"
#include "encl_ops.h"

/* -fvisibility covers definitions only; a reference to anything else would go through a GOT */
#pragma GCC visibility push(hidden)

/* OENTRY of every thread. */
void encl_entry(void);

/* What the host asked for, read once from its memory; only this copy is looked at afterwards. */
struct encl_args {
	uint64_t op, addr, pages, flags, src, dst, bytes, value, opt;
};

struct encl_ctx {
	volatile struct encl_op *out;   /* host memory, checked to lie outside ELRANGE; written, not read */
	struct encl_tls *tls;
	uint64_t base;                  /* of ELRANGE */
	uint64_t cssa;
	struct encl_args in;
};

/*
 * encl_main - what encl_entry calls; each enclave has one
 *
 * Returns the enum encl_status that R8 carries out.
 */
uint64_t encl_main(uint64_t op_la, struct encl_tls *tls, uint64_t base, uint64_t cssa);

/* Checks op_la and fills *ret_c; false when op_la is not 8-aligned memory wholly outside ELRANGE. */
bool encl_begin(struct encl_ctx *ret_c, uint64_t op_la, struct encl_tls *tls, uint64_t base, uint64_t cssa);
/* Clears the result fields, runs the operation, stores and returns its status. */
uint64_t encl_run(struct encl_ctx *c);
/* The same for an operation that not all enclaves have. */
uint64_t encl_run_with(struct encl_ctx *c, uint64_t (*operation)(struct encl_ctx *));

static inline bool encl_inside(const struct encl_ctx *c, uint64_t la, uint64_t bytes)
{
	uint64_t size = c->tls->elrange_bytes, off = la - c->base;

	return off < size && bytes <= size - off;
}

static inline bool encl_outside(const struct encl_ctx *c, uint64_t la, uint64_t bytes)
{
	uint64_t end, size = c->tls->elrange_bytes;

	if (__builtin_add_overflow(la, bytes, &end))
		return false;
	return end <= c->base || la >= c->base + size;
}

/* A page-aligned, non-wrapping range that is not partly inside: bytes may be multiplied without overflow. */
static inline bool encl_pages_ok(const struct encl_ctx *c, bool must_be_inside)
{
	uint64_t la = c->in.addr, pages = c->in.pages;

	if (la & (SGX_PAGE_SIZE - 1) || pages > UINT64_MAX / SGX_PAGE_SIZE)
		return false;
	if (encl_inside(c, la, pages * SGX_PAGE_SIZE))
		return true;
	return !must_be_inside && encl_outside(c, la, pages * SGX_PAGE_SIZE);
}

/* One per operation, by file: memory, growing, identity, running. */
uint64_t op_read(struct encl_ctx *c);
uint64_t op_write(struct encl_ctx *c);
uint64_t op_touch(struct encl_ctx *c);
uint64_t op_fill(struct encl_ctx *c);
uint64_t op_checksum(struct encl_ctx *c);
uint64_t op_copyin(struct encl_ctx *c);
uint64_t op_copyout(struct encl_ctx *c);

uint64_t op_accept(struct encl_ctx *c);
uint64_t op_acceptcopy(struct encl_ctx *c);
uint64_t op_extend(struct encl_ctx *c);
uint64_t op_init_tcs(struct encl_ctx *c);

uint64_t op_report(struct encl_ctx *c);
uint64_t op_getkey(struct encl_ctx *c);
uint64_t op_self(struct encl_ctx *c);

uint64_t op_exec(struct encl_ctx *c);
uint64_t op_spin(struct encl_ctx *c);
uint64_t op_fault(struct encl_ctx *c);
uint64_t op_cpustate(struct encl_ctx *c);
uint64_t op_stack(struct encl_ctx *c);
uint64_t op_bench(struct encl_ctx *c);

/* ntcs of the note. */
extern const uint64_t encl_ntcs;
/* A page of zeros inside the enclave, for EACCEPTCOPY. */
extern const uint8_t encl_zero_page[SGX_PAGE_SIZE];

#pragma GCC visibility pop

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);

#endif
