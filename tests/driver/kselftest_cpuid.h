/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included by force in front of sources that ask CPUID for SGX, where CPUID cannot be made to answer: an SGX2 part
 * with KSELFTEST_EPC bytes of EPC.  Nothing else is changed.
 */
#ifndef TESTS_DRIVER_KSELFTEST_CPUID_H
#define TESTS_DRIVER_KSELFTEST_CPUID_H

#ifndef __ASSEMBLER__
#include <cpuid.h>

/* Bits 1:0 of sub-leaf 0: SGX1, SGX2; sub-leaf 2: one confidential section at 2 GiB. */
static inline void kselftest_cpuid(unsigned int leaf, unsigned int sub, unsigned int *a, unsigned int *b,
				   unsigned int *c, unsigned int *d)
{
	__cpuid_count(leaf, sub, *a, *b, *c, *d);
	if (leaf != 0x12)
		return;
	*a = sub == 0 ? 3 : sub == 2 ? 0x80000001u : 0;
	*b = sub == 0;
	*c = sub == 2 ? KSELFTEST_EPC | 1u : 0;
	*d = sub == 0 ? 0x241f : 0;
}

#undef __cpuid_count
#define __cpuid_count(leaf, sub, a, b, c, d) kselftest_cpuid(leaf, sub, &(a), &(b), &(c), &(d))
#endif

#endif
