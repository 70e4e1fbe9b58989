/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SIGSTRUCTs for tests of the CPU model, by libcrypto's own RSA. */
#include "machine_sign.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

static EVP_PKEY *keys[SIGN_KEYS];

static void need(bool done)
{
	if (done)
		return;
	printf("Bail out! libcrypto cannot sign\n");
	exit(1);
}

static void free_keys(void)
{
	for (unsigned i = 0; i < SIGN_KEYS; i++)
		EVP_PKEY_free(keys[i]);
}

static EVP_PKEY *key_of(unsigned i)
{
	EVP_PKEY_CTX *ctx;
	BIGNUM *three;

	if (keys[i])
		return keys[i];
	if (!keys[0] && !keys[1])
		atexit(free_keys);
	ctx = EVP_PKEY_CTX_new_id(EVP_PKEY_RSA, NULL);
	three = BN_new();
	need(ctx && three && BN_set_word(three, 3) && EVP_PKEY_keygen_init(ctx) > 0 &&
	     EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, 3072) > 0 &&
	     EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, three) > 0 && EVP_PKEY_keygen(ctx, &keys[i]) > 0);
	BN_free(three);
	EVP_PKEY_CTX_free(ctx);
	return keys[i];
}

static void modulus_of(unsigned key, uint8_t le[384])
{
	BIGNUM *n = NULL;

	need(EVP_PKEY_get_bn_param(key_of(key), OSSL_PKEY_PARAM_RSA_N, &n) && BN_bn2lebinpad(n, le,
											     384) == 384);
	BN_free(n);
}

void sign_prepare(struct sgx_arch_sigstruct *sig, const uint8_t enclavehash[32])
{
	static const uint8_t header[16] = { 0x06, 0, 0, 0, 0xe1, 0, 0, 0, 0, 0, 0x01 };
	static const uint8_t header2[16] = { 0x01, 0x01, 0, 0, 0x60, 0, 0, 0, 0x60, 0, 0, 0, 0x01 };

	memset(sig, 0, sizeof(*sig));
	memcpy(sig->header, header, 16);
	memcpy(sig->header2, header2, 16);
	sig->date = 0x20240101;
	memcpy(sig->enclavehash, enclavehash, 32);
}

static void quotients(struct sgx_arch_sigstruct *sig)
{
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_lebin2bn(sig->modulus, 384, NULL);
	BIGNUM *s = BN_lebin2bn(sig->signature, 384, NULL);
	BIGNUM *q1 = BN_new(), *q2 = BN_new(), *r1 = BN_new(), *t = BN_new();

	need(ctx && n && s && q1 && q2 && r1 && t && BN_sqr(t, s, ctx) && BN_div(q1, r1, t, n, ctx) &&
	     BN_mul(t, r1, s, ctx) && BN_div(q2, NULL, t, n, ctx) &&
	     BN_bn2lebinpad(q1, sig->q1, 384) == 384 && BN_bn2lebinpad(q2, sig->q2, 384) == 384);
	BN_free(n);
	BN_free(s);
	BN_free(q1);
	BN_free(q2);
	BN_free(r1);
	BN_free(t);
	BN_CTX_free(ctx);
}

void sign_sigstruct(struct sgx_arch_sigstruct *sig, unsigned key)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t message[256], be[384];
	size_t len = sizeof(be);

	memcpy(message, sig, 128);
	memcpy(message + 128, (uint8_t *)sig + 900, 128);
	need(md && EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key_of(key)) > 0 &&
	     EVP_DigestSign(md, be, &len, message, sizeof(message)) > 0 && len == 384);
	EVP_MD_CTX_free(md);
	for (unsigned i = 0; i < 384; i++)
		sig->signature[i] = be[383 - i];
	modulus_of(key, sig->modulus);
	sig->exponent = 3;
	quotients(sig);
}

void sign_mrsigner(unsigned key, uint8_t mrsigner[32])
{
	uint8_t le[384];

	modulus_of(key, le);
	SHA256(le, sizeof(le), mrsigner);
}
