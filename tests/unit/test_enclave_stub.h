/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The C parts of the test enclaves as an ordinary program: a buffer plays ELRANGE, the leafs are the functions
 * below.  What they do not show, entry code and real leafs, the emulated device shows.
 */
#ifndef TEST_ENCLAVE_STUB_H
#define TEST_ENCLAVE_STUB_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arch/sgx_arch.h"
#include "tap.h"

#define STUB_PAGES 64u
#define STUB_BYTES (STUB_PAGES * SGX_PAGE_SIZE)
#define STUB_CODE  19u          /* what a refused page answers */

enum stub_page { PAGE_FREE, PAGE_PENDING, PAGE_ACCEPTED };

static uint8_t *stub_base;
static enum stub_page stub_pages[STUB_PAGES];
static uint64_t stub_order[STUB_PAGES];         /* pages in the order the leafs saw them */
static uint64_t stub_calls;
static uint64_t stub_flags;                     /* SECINFO.FLAGS of the last leaf */
static bool stub_secinfo_ok = true;             /* 64-byte aligned and reserved bytes zero, always */

static uint64_t stub_page_of(uint64_t la)
{
	uint64_t page = (la - (uint64_t)stub_base) / SGX_PAGE_SIZE;

	if (page >= STUB_PAGES || la % SGX_PAGE_SIZE) {
		printf("Bail out! a leaf was given address 0x%llx\n", (unsigned long long)la);
		exit(1);
	}
	return page;
}

static uint64_t stub_leaf(const struct sgx_arch_secinfo *si, uint64_t la)
{
	static const uint8_t zero[sizeof(si->reserved)];
	uint64_t page = stub_page_of(la);

	if ((uintptr_t)si % 64 || memcmp(si->reserved, zero, sizeof(zero)) != 0)
		stub_secinfo_ok = false;
	stub_flags = si->flags;
	stub_order[stub_calls++ % STUB_PAGES] = page;
	return page;
}

/* stands for lib/enclu.h */
#define ENCL_ENCLU_H

static inline uint64_t enclu_eaccept(const struct sgx_arch_secinfo *si, uint64_t la)
{
	uint64_t page = stub_leaf(si, la);

	if (stub_pages[page] != PAGE_PENDING)
		return STUB_CODE;
	stub_pages[page] = PAGE_ACCEPTED;
	return 0;
}

static inline uint64_t enclu_eacceptcopy(const struct sgx_arch_secinfo *si, uint64_t la, const void *source)
{
	uint64_t code = enclu_eaccept(si, la);

	if (!code)
		memcpy((void *)(uintptr_t)la, source, SGX_PAGE_SIZE);
	return code;
}

static inline void enclu_emodpe(const struct sgx_arch_secinfo *si, uint64_t la)
{
	stub_leaf(si, la);
}

static inline void enclu_ereport(const struct sgx_targetinfo *ti, const uint8_t *reportdata, void *report)
{
	memcpy(report, ti->measurement, 32);
	memcpy((uint8_t *)report + 32, reportdata, 64);
}

static inline uint64_t enclu_egetkey(const struct sgx_keyrequest *kr, uint8_t *key)
{
	memset(key, kr->keyid[0], 16);
	return kr->keyname == SGX_KEY_SEAL ? 0 : SGXC_INVALID_KEYNAME;
}

static void stub_reset(enum stub_page state)
{
	if (!stub_base)
		stub_base = aligned_alloc(STUB_BYTES, STUB_BYTES);
	if (!stub_base)
		exit(1);
	memset(stub_base, 0, STUB_BYTES);
	for (size_t i = 0; i < STUB_PAGES; i++)
		stub_pages[i] = state;
	stub_calls = 0;
}

#endif
