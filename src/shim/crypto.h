/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libsgxemu-crypto.so offers: the functions of emul_crypto.h. */
#ifndef SHIM_CRYPTO_H
#define SHIM_CRYPTO_H

#define SHIM_CRYPTO_FUNCTIONS \
	SHIM_CRYPTO(emul_sha256_init) SHIM_CRYPTO(emul_sha256_update) SHIM_CRYPTO(emul_sha256_final) \
	SHIM_CRYPTO(emul_rsa3072) SHIM_CRYPTO(emul_cmac) SHIM_CRYPTO(emul_gcm_seal) SHIM_CRYPTO(emul_gcm_open)

int shim_crypto_load(void);     /* 0, or -1: it is not there; dlerror() says why */

#endif
