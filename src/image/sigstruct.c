/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGSTRUCT: making, reading, checking.  The RSA operations are libcrypto's; Q1 and Q2, which spare the
 * processor a division, are made here and checked the way the processor uses them.
 *
 * Authority: Intel SDM Vol. 3D, SIGSTRUCT and EINIT ("Operation").
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "image/sign_internal.h"

#define SIGNED_BYTES (SGX_SIGSTRUCT_SIGNED1_LEN + SGX_SIGSTRUCT_SIGNED2_LEN)
#define DEFAULT_DATE 0x20220304u
#define VENDOR_INTEL 0x8086u

DEFINE_CLEANUP_PTR(bn_freep, BIGNUM, BN_free)
DEFINE_CLEANUP_PTR(bn_ctx_freep, BN_CTX, BN_CTX_free)
DEFINE_CLEANUP_PTR(md_freep, EVP_MD_CTX, EVP_MD_CTX_free)

void sign_params_default(struct sign_params *sp, const struct plan *p)
{
	*sp = p->sign_params;           /* all zero when it has none */
	sp->date = DEFAULT_DATE;
	if (p->has_sign_params)
		return;
	sp->miscselect = p->miscselect;
	/* EXINFO, and what the image wishes, may be given or not: the loader asks the device. */
	sp->miscmask = ~(p->miscselect | SGX_MISC_EXINFO);
	sp->attributes.flags = p->attributes.flags & ~(uint64_t)(SGX_ATTR_DEBUG | SGX_ATTR_INIT);
	sp->attributemask.flags = ~(uint64_t)SGX_ATTR_DEBUG;
	sp->attributes.xfrm = p->attributes.xfrm;
	sp->attributemask.xfrm = SGX_XFRM_LEGACY;       /* the rest depends on the machine */
}

/* ---- the signature ------------------------------------------------------------------------- */

static void signed_bytes(const struct sgx_arch_sigstruct *s, uint8_t ret[SIGNED_BYTES])
{
	const uint8_t *bytes = (const uint8_t *)s;

	memcpy(ret, bytes, SGX_SIGSTRUCT_SIGNED1_LEN);
	memcpy(ret + SGX_SIGSTRUCT_SIGNED1_LEN, bytes + SGX_SIGSTRUCT_SIGNED2_OFF, SGX_SIGSTRUCT_SIGNED2_LEN);
}

struct quotients {
	BIGNUM *q1, *q2, *r1, *em;      /* r1 = S^2 mod N, em = S^3 mod N */
};

static void quotients_release(struct quotients *q)
{
	BN_free(q->q1);
	BN_free(q->q2);
	BN_free(q->r1);
	BN_free(q->em);
}

/* All four by division; false: no memory, or a modulus of 0. */
static bool divide(const BIGNUM *s, const BIGNUM *n, struct quotients *ret)
{
	CLEANUP(bn_ctx_freep) BN_CTX *ctx = BN_CTX_new();
	CLEANUP(bn_freep) BIGNUM *t = BN_new();

	ret->q1 = BN_new();
	ret->q2 = BN_new();
	ret->r1 = BN_new();
	ret->em = BN_new();
	return ctx && t && ret->q1 && ret->q2 && ret->r1 && ret->em && BN_sqr(t, s, ctx) &&
	       BN_div(ret->q1, ret->r1, t, n, ctx) && BN_mul(t, ret->r1, s, ctx) &&
	       BN_div(ret->q2, ret->em, t, n, ctx);
}

static int sign_bytes(const struct sign_key *k, const uint8_t *data, size_t bytes,
		      uint8_t ret_sig[SIGN_KEY_BYTES], struct err *e)
{
	CLEANUP(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t len = SIGN_KEY_BYTES;

	if (!md)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for signing");
	/* PKCS#1 v1.5 is what libcrypto does with an RSA key unless told otherwise. */
	if (EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, k->pkey) <= 0 ||
	    EVP_DigestSign(md, ret_sig, &len, data, bytes) <= 0 || len != SIGN_KEY_BYTES) {
		ERR_clear_error();
		return err_set(e, ERR_BAD_KEY, 0, "the key cannot sign");
	}
	return 0;
}

static int fill_signature(struct sgx_arch_sigstruct *s, const struct sign_key *k, struct err *e)
{
	CLEANUP(quotients_release) struct quotients q = { 0 };
	CLEANUP(bn_freep) BIGNUM *n = NULL, *sig = NULL;
	uint8_t data[SIGNED_BYTES], raw[SIGN_KEY_BYTES];

	signed_bytes(s, data);
	if (sign_bytes(k, data, sizeof(data), raw, e) < 0)
		return -1;
	sig = BN_bin2bn(raw, sizeof(raw), NULL);
	if (!sig || !EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_N, &n) || !divide(sig, n, &q) ||
	    BN_bn2lebinpad(n, s->modulus, SIGN_KEY_BYTES) < 0 ||
	    BN_bn2lebinpad(sig, s->signature, SIGN_KEY_BYTES) < 0 ||
	    BN_bn2lebinpad(q.q1, s->q1, SIGN_KEY_BYTES) < 0 ||
	    BN_bn2lebinpad(q.q2, s->q2, SIGN_KEY_BYTES) < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for signing");
	return 0;
}

int sigstruct_sign(const struct sign_params *sp, const uint8_t mrenclave[32], const struct sign_key *k,
		   struct sgx_arch_sigstruct *ret_sig, struct err *e)
{
	struct sgx_arch_sigstruct s = {
		.vendor = sp->vendor, .date = sp->date, .swdefined = sp->swdefined,
		.exponent = SIGN_KEY_EXPONENT, .miscselect = sp->miscselect, .miscmask = sp->miscmask,
		.attributes = sp->attributes, .attributemask = sp->attributemask,
		.isvprodid = sp->isvprodid, .isvsvn = sp->isvsvn,
	};

	memcpy(s.header, sgx_sigstruct_header, sizeof(s.header));
	memcpy(s.header2, sgx_sigstruct_header2, sizeof(s.header2));
	memcpy(s.enclavehash, mrenclave, sizeof(s.enclavehash));
	memcpy(s.isvfamilyid, sp->isvfamilyid, sizeof(s.isvfamilyid));
	memcpy(s.isvextprodid, sp->isvextprodid, sizeof(s.isvextprodid));
	if (fill_signature(&s, k, e) < 0)
		return -1;
	/* A key file can hold numbers that do not belong together: its signatures are worth nothing. */
	if (sigstruct_verify(&s, NULL) < 0)
		return err_set(e, ERR_BAD_KEY, 0,
			       "the key is inconsistent: its own signature does not verify");
	*ret_sig = s;
	return 0;
}

/* ---- checking ------------------------------------------------------------------------------ */

static bool all_zero(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (p[i])
			return false;
	}
	return true;
}

static int bad_field(struct err *e, const char *what, size_t off)
{
	err_set(e, ERR_BAD_SIGSTRUCT, 0, "SIGSTRUCT: %s (byte %zu)", what, off);
	return err_offset(e, off);
}
#define BAD_FIELD(e, field, what) bad_field(e, what, offsetof(struct sgx_arch_sigstruct, field))

int sigstruct_check(const struct sgx_arch_sigstruct *s, struct err *e)
{
	if (memcmp(s->header, sgx_sigstruct_header, sizeof(s->header)))
		return BAD_FIELD(e, header, "HEADER has not the constant value");
	if (s->vendor && s->vendor != VENDOR_INTEL)
		return BAD_FIELD(e, vendor, "VENDOR is neither 0 nor 0x8086");
	if (memcmp(s->header2, sgx_sigstruct_header2, sizeof(s->header2)))
		return BAD_FIELD(e, header2, "HEADER2 has not the constant value");
	if (!all_zero(s->reserved1, sizeof(s->reserved1)))
		return BAD_FIELD(e, reserved1, "reserved bytes are not zero");
	if (s->exponent != SIGN_KEY_EXPONENT)
		return BAD_FIELD(e, exponent, "EXPONENT is not 3");
	if (!all_zero(s->reserved2, sizeof(s->reserved2)))
		return BAD_FIELD(e, reserved2, "reserved bytes are not zero");
	if (!all_zero(s->reserved3, sizeof(s->reserved3)))
		return BAD_FIELD(e, reserved3, "reserved bytes are not zero");
	if (!all_zero(s->reserved4, sizeof(s->reserved4)))
		return BAD_FIELD(e, reserved4, "reserved bytes are not zero");
	return 0;
}

int sigstruct_load(const char *path, struct sgx_arch_sigstruct *ret_sig, struct err *e)
{
	CLEANUP(cleanup_free) char *bytes = NULL;
	struct sgx_arch_sigstruct s;
	size_t n;

	if (read_file(AT_FDCWD, path, sizeof(s), &bytes, &n) < 0) {
		if (errno == EFBIG)
			return err_set(e, ERR_BAD_SIGSTRUCT, 0,
				       "'%s' is longer than a SIGSTRUCT of %zu bytes",
				       path, sizeof(s));
		return err_set(e, ERR_BAD_SIGSTRUCT, errno, "cannot read '%s': %s", path, strerror(errno));
	}
	if (n != sizeof(s))
		return err_set(e, ERR_BAD_SIGSTRUCT, 0, "'%s' has %zu bytes, a SIGSTRUCT has %zu", path, n,
			       sizeof(s));
	memcpy(&s, bytes, sizeof(s));
	if (sigstruct_check(&s, e) < 0)
		return err_wrap(e, "'%s'", path);
	*ret_sig = s;
	return 0;
}

/* EMSA-PKCS1-v1_5 of the signed bytes, big-endian. */
static bool expected_em(const struct sgx_arch_sigstruct *s, uint8_t em[SIGN_KEY_BYTES])
{
	static const uint8_t digest_info[] = {  /* DER: SHA-256, 32 bytes follow */
		0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
	};
	const size_t hash_at = SIGN_KEY_BYTES - 32, info_at = hash_at - sizeof(digest_info);
	uint8_t data[SIGNED_BYTES];

	signed_bytes(s, data);
	memset(em, 0xff, SIGN_KEY_BYTES);
	em[0] = 0x00;
	em[1] = 0x01;
	em[info_at - 1] = 0x00;
	memcpy(em + info_at, digest_info, sizeof(digest_info));
	return EVP_Digest(data, sizeof(data), em + hash_at, NULL, EVP_sha256(), NULL);
}

int sigstruct_verify(const struct sgx_arch_sigstruct *s, struct err *e)
{
	CLEANUP(quotients_release) struct quotients q = { 0 };
	CLEANUP(bn_freep) BIGNUM *n = BN_lebin2bn(s->modulus, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *sig = BN_lebin2bn(s->signature, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *q1 = BN_lebin2bn(s->q1, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *q2 = BN_lebin2bn(s->q2, SIGN_KEY_BYTES, NULL);
	uint8_t want[SIGN_KEY_BYTES], got[SIGN_KEY_BYTES];

	if (!n || !sig || !q1 || !q2 || !expected_em(s, want))
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for checking a signature");
	if (BN_is_zero(n))
		return BAD_FIELD(e, modulus, "MODULUS is zero");
	if (BN_cmp(sig, n) >= 0)
		return BAD_FIELD(e, signature, "SIGNATURE is not smaller than MODULUS");
	if (!divide(sig, n, &q) || BN_bn2binpad(q.em, got, sizeof(got)) < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for checking a signature");
	if (memcmp(got, want, sizeof(got)))
		return BAD_FIELD(e, signature, "SIGNATURE does not belong to these fields and this MODULUS");
	/* The quotients are unique: any other makes a remainder that the processor refuses. */
	if (BN_cmp(q1, q.q1))
		return BAD_FIELD(e, q1, "Q1 is not SIGNATURE^2 / MODULUS");
	if (BN_cmp(q2, q.q2))
		return BAD_FIELD(e, q2, "Q2 is not (SIGNATURE^3 - Q1 * SIGNATURE * MODULUS) / MODULUS");
	return 0;
}

void sigstruct_mrsigner(const struct sgx_arch_sigstruct *s, uint8_t mrsigner[32])
{
	/* A digest of fixed-size memory fails only when libcrypto itself is unusable. */
	if (!EVP_Digest(s->modulus, sizeof(s->modulus), mrsigner, NULL, EVP_sha256(), NULL))
		abort();
}
