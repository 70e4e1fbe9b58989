/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enclaves for tests that never enter them: SECS, pages of one byte, measurement and signature.
 *
 * Written from the manual, apart from src/image, so that the two check each other.
 */
#ifndef TESTS_DRIVER_TINY_H
#define TESTS_DRIVER_TINY_H

#include <stdbool.h>
#include <stdint.h>

#include "arch/sgx_arch.h"

struct tiny_sha { _Alignas(16) unsigned char ctx[256]; };

void tiny_secs(struct sgx_arch_secs *s, uint64_t base, uint64_t size, uint64_t attributes);

void tiny_measure_begin(struct tiny_sha *m, const struct sgx_arch_secs *s);
void tiny_measure_page(struct tiny_sha *m, uint64_t off, uint64_t secinfo, const void *page, bool extend);
void tiny_measure_end(const struct tiny_sha *m, uint8_t mrenclave[32]);

/* With a key made once per process; aborts when libcrypto fails. */
void tiny_sign(const uint8_t mrenclave[32], struct sgx_arch_sigstruct *ret_sig);

/* A naturally aligned stretch of address space, PROT_NONE; 0 = none. */
uint64_t tiny_reserve(uint64_t size);

#endif
