/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How a leaf ends.  These macros return from the leaf: they are the only hidden control flow of
 * the tree and are used in machine/ alone.  The id names the row of the leaf's check table.
 */
#ifndef MACHINE_LEAF_LEAF_OUT_H
#define MACHINE_LEAF_LEAF_OUT_H

#include "machine/machine.h"

/* Field by field: an initialiser may become a call of memset, which this room must not need */
static inline struct sgxm_out leaf_out(enum sgxm_kind kind, uint32_t code, bool zf, bool cf,
				       uint32_t pfec, uint64_t addr, const char *check)
{
	struct sgxm_out out;

	out.kind = kind;
	out.code = code;
	out.zf = zf;
	out.cf = cf;
	out.pfec = pfec;
	out.addr = addr;
	out.check = check;
	return out;
}

#define OUT_DONE() return leaf_out(SGXM_DONE, 0, false, false, 0, 0, NULL)

/* A success that has a row of its own, such as EREMOVE of a free page */
#define OUT_DONE_AT(id) return leaf_out(SGXM_DONE, 0, false, false, 0, 0, (id))

#define OUT_GP(id) return leaf_out(SGXM_GP, 0, false, false, 0, 0, (id))

#define OUT_PF(id, at, pfec) return leaf_out(SGXM_PF, 0, false, false, (pfec), (at), (id))

/* A status leaf refuses; ZF marks it */
#define OUT_CODE(id, rax) return leaf_out(SGXM_CODE, (rax), true, false, 0, 0, (id))

/* ... or CF does */
#define OUT_CODE_CF(id, rax) return leaf_out(SGXM_CODE, (rax), false, true, 0, 0, (id))

/* A helper that ran several checks has the answer already */
#define OUT_AS(id, out) do { \
	struct sgxm_out out_ = (out); \
	out_.check = (id); \
	return out_; \
} while (0)

/* The page-fault error codes of a refusal by the EPCM: ring 0 reads, ring 3 reads and writes */
#define PFEC_S_SGX (SGX_PFEC_P | SGX_PFEC_SGX)
#define PFEC_U_SGX_R (SGX_PFEC_P | SGX_PFEC_U | SGX_PFEC_SGX)
#define PFEC_U_SGX_W (PFEC_U_SGX_R | SGX_PFEC_W)

/* ENCLS.9: the page walk of a memory operand in ordinary memory refuses -> #PF(operand) */
#define OUT_PF_UNLESS_READ(m, at, to, bytes) do { \
	if ((m)->ops->read((m)->host, (at), (to), (bytes))) \
		OUT_PF("ENCLS.9", at, 0); \
} while (0)
#define OUT_PF_UNLESS_WRITTEN(m, at, from, bytes) do { \
	if ((m)->ops->write((m)->host, (at), (from), (bytes))) \
		OUT_PF("ENCLS.9", at, SGX_PFEC_W); \
} while (0)

/* ENCLS.6, ENCLU.7: a leaf of SGX2 on a CPU without it -> #GP(0) */
#define OUT_GP_UNLESS_SGX2(m, id) do { if (!(m)->platform->sgx2) OUT_GP(id); } while (0)

/* ENCLU.10: EENTER or ERESUME inside an enclave -> #GP(0) */
#define OUT_GP_IF_INSIDE(cpu) do { if (sgxm_cpu_inside(cpu)) OUT_GP("ENCLU.10"); } while (0)

/* ENCLU.11: a leaf for enclaves outside any -> #GP(0) */
#define OUT_GP_IF_OUTSIDE(cpu) do { if (!sgxm_cpu_inside(cpu)) OUT_GP("ENCLU.11"); } while (0)

#endif
