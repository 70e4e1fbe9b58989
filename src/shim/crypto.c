/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The callbacks of emul_crypto.h, from a library that is loaded when the emulator starts: a program that uses no SGX
 * does not get libcrypto, and one that has a libcrypto of its own keeps it to itself.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "emul/emul_crypto.h"
#include "shim/crypto.h"

static struct {
#define SHIM_CRYPTO(name) __typeof__(&name) name;
	SHIM_CRYPTO_FUNCTIONS
#undef SHIM_CRYPTO
} lib;

/* Beside this library, wherever that is. */
static void *load(void)
{
	static const char name[] = "libsgxemu-crypto.so";
	char path[4096];
	Dl_info self;

	if (!dladdr((void *)load, &self) || !self.dli_fname)
		return NULL;
	const char *slash = strrchr(self.dli_fname, '/');
	size_t dir = slash ? (size_t)(slash + 1 - self.dli_fname) : 0;

	if (dir + sizeof(name) > sizeof(path))
		return NULL;
	memcpy(path, self.dli_fname, dir);
	memcpy(path + dir, name, sizeof(name));
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

int shim_crypto_load(void)
{
	void *h = load();

	if (!h)
		return -1;
#define SHIM_CRYPTO(name) lib.name = (__typeof__(&name))dlsym(h, #name); if (!lib.name) return -1;
	SHIM_CRYPTO_FUNCTIONS
#undef SHIM_CRYPTO
	return 0;
}

void emul_sha256_init(void *host, struct sgxm_sha256 *s)
{
	lib.emul_sha256_init(host, s);
}

void emul_sha256_update(void *host, struct sgxm_sha256 *s, const void *data, size_t bytes)
{
	lib.emul_sha256_update(host, s, data, bytes);
}

void emul_sha256_final(void *host, const struct sgxm_sha256 *s, uint8_t digest[32])
{
	lib.emul_sha256_final(host, s, digest);
}

int emul_rsa3072(void *host, const uint8_t n[384], const uint8_t s[384], const uint8_t q1[384],
		 const uint8_t q2[384], uint8_t em[384])
{
	return lib.emul_rsa3072(host, n, s, q1, q2, em);
}

void emul_cmac(void *host, const uint8_t key[16], const void *msg, size_t bytes, uint8_t mac[16])
{
	lib.emul_cmac(host, key, msg, bytes, mac);
}

void emul_gcm_seal(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad, size_t aad_bytes,
		   const void *in, void *out, size_t bytes, uint8_t mac[16])
{
	lib.emul_gcm_seal(host, key, iv, aad, aad_bytes, in, out, bytes, mac);
}

int emul_gcm_open(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad, size_t aad_bytes,
		  const void *in, void *out, size_t bytes, const uint8_t mac[16])
{
	return lib.emul_gcm_open(host, key, iv, aad, aad_bytes, in, out, bytes, mac);
}
