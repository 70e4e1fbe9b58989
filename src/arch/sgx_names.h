/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names of everything that has a number: result codes, page types, flag bits, leafs, ioctls.
 * Names are the manual's and the kernel header's own spelling; one table each, looked up both ways.
 *
 * Context: freestanding, any.  Tables are constant; the strings live for ever.
 */
#ifndef ARCH_SGX_NAMES_H
#define ARCH_SGX_NAMES_H

#include <stddef.h>
#include <stdint.h>

/* In tables of bits, value is the mask of one bit.  Tables end with name NULL. */
struct sgx_name {
	uint64_t value;
	const char *name;
};

extern const struct sgx_name sgx_code_names[];          /* 19 PAGE_ATTRIBUTES_MISMATCH */
extern const struct sgx_name sgx_page_type_names[];     /* 2 reg */
extern const struct sgx_name sgx_secinfo_bit_names[];   /* 8 pending */
extern const struct sgx_name sgx_attr_bit_names[];      /* 2 DEBUG */
extern const struct sgx_name sgx_xfrm_bit_names[];      /* 4 AVX */
extern const struct sgx_name sgx_misc_bit_names[];      /* 1 EXINFO */
extern const struct sgx_name sgx_vector_names[];        /* 14 #PF */
extern const struct sgx_name sgx_pfec_bit_names[];      /* 0x8000 SGX */
extern const struct sgx_name sgx_exit_type_names[];     /* 3 hardware */
extern const struct sgx_name sgx_encls_names[];         /* 0x0d EAUG */
extern const struct sgx_name sgx_enclu_names[];         /* 5 EACCEPT */
extern const struct sgx_name sgx_ioctl_names[];         /* 0xc018a409 SGX_IOC_ENCLAVE_AUGMENT_PAGES */

/* The name of value, NULL when the table has none. */
const char *sgx_name_of(const struct sgx_name *table, uint64_t value);
/* The value of name (exact spelling); 0, or -1 when the table has none. */
int sgx_name_value(const struct sgx_name *table, const char *name, uint64_t *ret_value);

const char *sgx_code_name(uint64_t code);
const char *sgx_page_type_name(unsigned int pt);
const char *sgx_vector_name(unsigned int vector);
const char *sgx_encls_name(unsigned int leaf);
const char *sgx_enclu_name(unsigned int leaf);
const char *sgx_ioctl_name(unsigned long cmd);

#define SGX_MAX_BITS 64
/*
 * The names of the bits that are set, lowest first, into names[]; returns how many.  A bit without a
 * name is never left out: it comes as "bit11".
 */
size_t sgx_bit_names(const struct sgx_name *table, uint64_t bits, const char *names[SGX_MAX_BITS]);

#define SGX_BITS_TEXT 128       /* enough for what one finds; more is cut */
/* The same as words with a space between, "none" for no bit, into buf; bytes > 0. */
void sgx_bits_text(const struct sgx_name *table, uint64_t bits, char *buf, size_t bytes);

#endif
