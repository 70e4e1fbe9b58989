/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One entry that a client asked for, and what the enclave may use of the host while it lasts: it lives as long as
 * the entry does, which an exception can stop until another request resumes it.
 */
#ifndef KEEPER_CALL_H
#define KEEPER_CALL_H

#include "keeper/keeper.h"

enum call_register { REG_RDI, REG_RSI, REG_RDX, REG_R8, REG_R9, N_CALL_REGISTERS };
extern const char *const call_registers[N_CALL_REGISTERS];

struct call {
	struct encl_op op;
	const char *name;               /* of the operation: static */
	void *src;
	uint64_t src_map_bytes;
	uint8_t *dst;
	uint64_t dst_bytes;
	_Alignas(8) uint32_t flag;      /* SPIN and CPUSTATE wait for it */

	bool raw;                       /* entered with registers instead of an operation */
	uint64_t reg[N_CALL_REGISTERS];
	uint8_t *mem;
	uint64_t mem_bytes;

	struct encl_tcs *t;             /* while it is entered; NULL: the operation chose by itself */
	bool resumed;

	/* of a stopped one (call_stopped.c) */
	uint64_t tcs_off;
	unsigned depth;
	struct call *next;
};

struct call *call_new(struct err *e);
void call_free(struct call *c);

/* ---- call_stopped.c ------------------------------------------------------------------------------- */

/* The TCS at number (below 4096 its index, else its offset), for an EENTER; ERR_BAD_TCS: none there, or in use. */
struct encl_tcs *call_tcs_named(struct encl *en, uint64_t number, struct err *e);
/* The same for an ERESUME; without a number the only TCS that is stopped. */
struct encl_tcs *call_tcs_stopped(struct encl *en, bool named, uint64_t number, struct err *e);
/* Keeps c, whose entry was stopped on its TCS, until call_take(). */
void call_keep(struct keeper *k, struct call *c);
/* What was kept of the innermost entry stopped on t; NULL: it was none of a call. */
struct call *call_take(struct keeper *k, const struct encl_tcs *t);

/* ---- call_raw.c ------------------------------------------------------------------------------------- */

int call_raw_parse(const struct request *r, struct call *c, struct err *e);
int call_raw_enter(struct encl *en, struct call *c, struct encl_exit *x, struct err *e);
/* The memory, as it is now, into the client's second file, where there is one. */
int call_raw_memory(const struct request *r, const struct call *c, struct err *e);
/* "raw" of the document. */
void call_raw_answer(const struct call *c, const struct encl_exit *x, struct json *doc);

#endif
