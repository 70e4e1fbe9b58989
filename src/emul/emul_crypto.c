/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libcrypto behind the callbacks of the CPU model. */
#include "emul/emul_crypto.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#define RSA_BYTES 384
#define TAG_BYTES 16

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sgxm_sha256), "SHA256_CTX must fit the SECS");

static void must(bool done)
{
	if (!done)
		abort();
}

void emul_sha256_init(void *host, struct sgxm_sha256 *s)
{
	(void)host;
	memset(s, 0, sizeof(*s));
	SHA256_Init((SHA256_CTX *)(void *)s->opaque);
}

void emul_sha256_update(void *host, struct sgxm_sha256 *s, const void *data, size_t bytes)
{
	(void)host;
	SHA256_Update((SHA256_CTX *)(void *)s->opaque, data, bytes);
}

void emul_sha256_final(void *host, const struct sgxm_sha256 *s, uint8_t digest[32])
{
	SHA256_CTX copy;

	(void)host;
	memcpy(&copy, s->opaque, sizeof(copy));
	SHA256_Final(digest, &copy);
}

/* ret = a * b - q * n, which must be in [0, n); -1 otherwise */
static int step(BIGNUM *ret, BIGNUM *tmp, const BIGNUM *a, const BIGNUM *b, const BIGNUM *q,
		const BIGNUM *n, BN_CTX *ctx)
{
	must(BN_mul(ret, a, b, ctx) && BN_mul(tmp, q, n, ctx) && BN_sub(ret, ret, tmp));
	return BN_is_negative(ret) || BN_cmp(ret, n) >= 0 ? -1 : 0;
}

int emul_rsa3072(void *host, const uint8_t n[384], const uint8_t s[384], const uint8_t q1[384],
		 const uint8_t q2[384], uint8_t em[384])
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *bn_n, *bn_s, *bn_q1, *bn_q2, *r1, *r2, *tmp;
	int ret;

	(void)host;
	must(ctx);
	BN_CTX_start(ctx);
	bn_n = BN_CTX_get(ctx);
	bn_s = BN_CTX_get(ctx);
	bn_q1 = BN_CTX_get(ctx);
	bn_q2 = BN_CTX_get(ctx);
	r1 = BN_CTX_get(ctx);
	r2 = BN_CTX_get(ctx);
	tmp = BN_CTX_get(ctx);
	must(tmp && BN_lebin2bn(n, RSA_BYTES, bn_n) && BN_lebin2bn(s, RSA_BYTES, bn_s) &&
	     BN_lebin2bn(q1, RSA_BYTES, bn_q1) && BN_lebin2bn(q2, RSA_BYTES, bn_q2));

	/* r1 = S^2 - q1 N, EM = r1 S - q2 N; S >= N would make other quotients fit */
	ret = BN_cmp(bn_s, bn_n) >= 0 || step(r1, tmp, bn_s, bn_s, bn_q1, bn_n, ctx) ||
	      step(r2, tmp, r1, bn_s, bn_q2, bn_n, ctx) ? -1 : 0;
	if (!ret)
		must(BN_bn2binpad(r2, em, RSA_BYTES) == RSA_BYTES);
	BN_CTX_end(ctx);
	BN_CTX_free(ctx);
	return ret;
}

void emul_cmac(void *host, const uint8_t key[16], const void *msg, size_t bytes, uint8_t mac[16])
{
	size_t len = 0;

	(void)host;
	must(EVP_Q_mac(NULL, "CMAC", NULL, "AES-128-CBC", NULL, key, 16, msg, bytes, mac, 16, &len) &&
	     len == 16);
}

void emul_gcm_seal(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad,
		   size_t aad_bytes, const void *in, void *out, size_t bytes, uint8_t mac[16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	int n = 0;

	(void)host;
	must(ctx && aad_bytes <= INT_MAX && bytes <= INT_MAX &&
	     EVP_EncryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) &&
	     EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)aad_bytes) &&
	     EVP_EncryptUpdate(ctx, out, &n, in, (int)bytes) &&
	     EVP_EncryptFinal_ex(ctx, (uint8_t *)out + bytes, &n) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, mac));
	EVP_CIPHER_CTX_free(ctx);
}

int emul_gcm_open(void *host, const uint8_t key[16], const uint8_t iv[12], const void *aad,
		  size_t aad_bytes, const void *in, void *out, size_t bytes, const uint8_t mac[16])
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t tag[TAG_BYTES];
	int n = 0, ret;

	(void)host;
	memcpy(tag, mac, sizeof(tag));
	must(ctx && aad_bytes <= INT_MAX && bytes <= INT_MAX &&
	     EVP_DecryptInit_ex(ctx, EVP_aes_128_gcm(), NULL, key, iv) &&
	     EVP_DecryptUpdate(ctx, NULL, &n, aad, (int)aad_bytes) &&
	     EVP_DecryptUpdate(ctx, out, &n, in, (int)bytes) &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag));
	ret = EVP_DecryptFinal_ex(ctx, (uint8_t *)out + bytes, &n) > 0 ? 0 : -1;
	EVP_CIPHER_CTX_free(ctx);
	return ret;
}
