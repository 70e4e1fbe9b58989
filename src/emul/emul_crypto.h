/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The cryptography of struct sgxm_ops, by libcrypto.  `host` is ignored.
 *
 * SHA-256, which every page passes through, uses no lock and no memory.  The others are rare
 * (EINIT, EREPORT, EGETKEY, paging) and allocate; when libcrypto cannot, there is no result that
 * could be taken for one, and the process is aborted.
 *
 * Context: any thread, and signal handlers that did not interrupt libcrypto or malloc.
 */
#ifndef EMUL_EMUL_CRYPTO_H
#define EMUL_EMUL_CRYPTO_H

#include "machine/machine.h"

void emul_sha256_init(void *host, struct sgxm_sha256 *s);
void emul_sha256_update(void *host, struct sgxm_sha256 *s, const void *data, size_t bytes);
void emul_sha256_final(void *host, const struct sgxm_sha256 *s, uint8_t digest[32]);

int emul_rsa3072(void *host, const uint8_t n[384], const uint8_t s[384], const uint8_t q1[384],
		 const uint8_t q2[384], uint8_t em[384]);

void emul_cmac(void *host, const uint8_t key[16], const void *msg, size_t bytes, uint8_t mac[16]);

void emul_gcm_seal(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad,
		   size_t aad_bytes, const void *in, void *out, size_t bytes, uint8_t mac[16]);
int emul_gcm_open(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad,
		  size_t aad_bytes, const void *in, void *out, size_t bytes, const uint8_t mac[16]);

#endif
