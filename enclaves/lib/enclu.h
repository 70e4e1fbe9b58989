/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ENCLU leafs an enclave executes.  Each is `mov $leaf, %eax` followed at once by the bytes of ENCLU.
 * A leaf that faults leaves the enclave and is executed again after ERESUME: none of these needs to know.
 *
 * Authority: Intel SDM Vol. 3D, SGX instruction references.
 */
#ifndef ENCL_ENCLU_H
#define ENCL_ENCLU_H

#include "arch/sgx_arch.h"

#define ENCLU_BYTES ".byte 0x0f, 0x01, 0xd7"

static inline uint64_t enclu_eaccept(const struct sgx_arch_secinfo *si, uint64_t la)
{
	uint64_t rax;

	__asm__ volatile("mov $5, %%eax\n\t" ENCLU_BYTES
			 : "=a"(rax) : "b"(si), "c"(la) : "memory", "cc");
	return rax;
}

static inline uint64_t enclu_eacceptcopy(const struct sgx_arch_secinfo *si, uint64_t la, const void *source)
{
	uint64_t rax;

	__asm__ volatile("mov $7, %%eax\n\t" ENCLU_BYTES
			 : "=a"(rax) : "b"(si), "c"(la), "d"(source) : "memory", "cc");
	return rax;
}

static inline void enclu_emodpe(const struct sgx_arch_secinfo *si, uint64_t la)
{
	uint64_t rax;

	__asm__ volatile("mov $6, %%eax\n\t" ENCLU_BYTES
			 : "=a"(rax) : "b"(si), "c"(la) : "memory", "cc");
}

static inline void enclu_ereport(const struct sgx_targetinfo *ti, const uint8_t *reportdata, void *report)
{
	uint64_t rax;

	__asm__ volatile("mov $0, %%eax\n\t" ENCLU_BYTES
			 : "=a"(rax) : "b"(ti), "c"(reportdata), "d"(report) : "memory", "cc");
}

static inline uint64_t enclu_egetkey(const struct sgx_keyrequest *kr, uint8_t *key)
{
	uint64_t rax;

	__asm__ volatile("mov $1, %%eax\n\t" ENCLU_BYTES
			 : "=a"(rax) : "b"(kr), "c"(key) : "memory", "cc");
	return rax;
}

#endif
