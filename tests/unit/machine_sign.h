/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGSTRUCTs for tests of the CPU model, signed with RSA keys that are made at first use. */
#ifndef TESTS_UNIT_MACHINE_SIGN_H
#define TESTS_UNIT_MACHINE_SIGN_H

#include <stdint.h>

#include "arch/sgx_arch.h"

#define SIGN_KEYS 2u

/* Headers, vendor and measurement; all else 0 */
void sign_prepare(struct sgx_arch_sigstruct *sig, const uint8_t enclavehash[32]);

/* MODULUS, EXPONENT, SIGNATURE, Q1, Q2 over what the structure holds */
void sign_sigstruct(struct sgx_arch_sigstruct *sig, unsigned key);

void sign_mrsigner(unsigned key, uint8_t mrsigner[32]);

#endif
