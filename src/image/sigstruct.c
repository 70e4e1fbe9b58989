/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGSTRUCT: making and reading.  The RSA operations are libcrypto's; Q1 and Q2, which spare the processor a
 * division, are made here.
 *
 * Authority: Intel SDM Vol. 3D, SIGSTRUCT.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "image/sign_internal.h"

#define DEFAULT_DATE 0x20220304u
#define HEADER_WITHOUT_TYPE 12u /* of the 16 bytes */

DEFINE_CLEANUP_PTR(bn_freep, BIGNUM, BN_free)
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

void sign_params_from(struct sign_params *sp, const struct sgx_arch_sigstruct *sig)
{
	*sp = (struct sign_params){
		.date = sig->date, .vendor = sig->vendor, .swdefined = sig->swdefined,
		.miscselect = sig->miscselect, .miscmask = sig->miscmask,
		.cet_attributes = sig->cet_attributes, .cet_attributes_mask = sig->cet_attributes_mask,
		.attributes = sig->attributes, .attributemask = sig->attributemask,
		.isvprodid = sig->isvprodid, .isvsvn = sig->isvsvn,
	};
	memcpy(sp->isvfamilyid, sig->isvfamilyid, sizeof(sp->isvfamilyid));
	memcpy(sp->isvextprodid, sig->isvextprodid, sizeof(sp->isvextprodid));
}

void sigstruct_prepare(const struct sign_params *sp, const uint8_t mrenclave[32], struct sgx_arch_sigstruct *ret_sig)
{
	struct sgx_arch_sigstruct s = {
		.vendor = sp->vendor, .date = sp->date, .swdefined = sp->swdefined,
		.exponent = SIGN_KEY_EXPONENT, .miscselect = sp->miscselect, .miscmask = sp->miscmask,
		.cet_attributes = sp->cet_attributes, .cet_attributes_mask = sp->cet_attributes_mask,
		.attributes = sp->attributes, .attributemask = sp->attributemask,
		.isvprodid = sp->isvprodid, .isvsvn = sp->isvsvn,
	};

	memcpy(s.header, sgx_sigstruct_header, sizeof(s.header));
	memcpy(s.header2, sgx_sigstruct_header2, sizeof(s.header2));
	memcpy(s.enclavehash, mrenclave, sizeof(s.enclavehash));
	memcpy(s.isvfamilyid, sp->isvfamilyid, sizeof(s.isvfamilyid));
	memcpy(s.isvextprodid, sp->isvextprodid, sizeof(s.isvextprodid));
	*ret_sig = s;
}

/* ---- what is signed ------------------------------------------------------------------------ */

void sigstruct_signed_bytes(const struct sgx_arch_sigstruct *s, uint8_t ret[SIGSTRUCT_SIGNED_BYTES])
{
	const uint8_t *bytes = (const uint8_t *)s;

	memcpy(ret, bytes, SGX_SIGSTRUCT_SIGNED1_LEN);
	memcpy(ret + SGX_SIGSTRUCT_SIGNED1_LEN, bytes + SGX_SIGSTRUCT_SIGNED2_OFF, SGX_SIGSTRUCT_SIGNED2_LEN);
}

int sigstruct_from_signed_bytes(const uint8_t bytes[SIGSTRUCT_SIGNED_BYTES],
				struct sgx_arch_sigstruct *ret_sig, struct err *e)
{
	struct sgx_arch_sigstruct s = { .exponent = SIGN_KEY_EXPONENT };
	uint8_t *to = (uint8_t *)&s;

	memcpy(to, bytes, SGX_SIGSTRUCT_SIGNED1_LEN);
	memcpy(to + SGX_SIGSTRUCT_SIGNED2_OFF, bytes + SGX_SIGSTRUCT_SIGNED1_LEN, SGX_SIGSTRUCT_SIGNED2_LEN);
	if (sigstruct_check(&s, e) < 0)
		return -1;
	*ret_sig = s;
	return 0;
}

/* ---- the signature ------------------------------------------------------------------------- */

/* Modulus, signature and quotients; raw is big-endian. */
static int put_signature(struct sgx_arch_sigstruct *s, const struct sign_key *k, const uint8_t raw[SIGN_KEY_BYTES],
			 struct err *e)
{
	CLEANUP(quotients_release) struct quotients q = { 0 };
	CLEANUP(bn_freep) BIGNUM *sig = BN_bin2bn(raw, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *n = NULL;

	if (!sig || !EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_RSA_N, &n) ||
	    BN_bn2lebinpad(n, s->modulus, SIGN_KEY_BYTES) < 0 ||
	    BN_bn2lebinpad(sig, s->signature, SIGN_KEY_BYTES) < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for signing");
	if (BN_cmp(sig, n) >= 0)
		return 0;       /* no signature, and its quotients would not fit: checking tells */
	if (!quotients_make(sig, n, &q) || BN_bn2lebinpad(q.q1, s->q1, SIGN_KEY_BYTES) < 0 ||
	    BN_bn2lebinpad(q.q2, s->q2, SIGN_KEY_BYTES) < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for signing");
	return 0;
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

int sigstruct_sign(const struct sign_params *sp, const uint8_t mrenclave[32], const struct sign_key *k,
		   struct sgx_arch_sigstruct *ret_sig, struct err *e)
{
	uint8_t data[SIGSTRUCT_SIGNED_BYTES], raw[SIGN_KEY_BYTES];
	struct sgx_arch_sigstruct s;

	sigstruct_prepare(sp, mrenclave, &s);
	sigstruct_signed_bytes(&s, data);
	if (sign_bytes(k, data, sizeof(data), raw, e) < 0 || put_signature(&s, k, raw, e) < 0)
		return -1;
	/* A key file can hold numbers that do not belong together: its signatures are worth nothing. */
	if (sigstruct_verify(&s, NULL) < 0)
		return err_set(e, ERR_BAD_KEY, 0,
			       "the key is inconsistent: its own signature does not verify");
	*ret_sig = s;
	return 0;
}

int sigstruct_attach(struct sgx_arch_sigstruct *s, const struct sign_key *k,
		     const uint8_t signature[SIGSTRUCT_RSA_BYTES], struct err *e)
{
	struct sgx_arch_sigstruct whole = *s;
	struct err why = { 0 };

	if (put_signature(&whole, k, signature, e) < 0)
		return -1;
	if (sigstruct_verify(&whole, &why) < 0) {
		if (why.code == ERR_NO_MEMORY) {
			if (e)
				*e = why;
			return -1;
		}
		return err_set(e, ERR_BAD_SIGNATURE, 0, "the signature is not one of these bytes by this key: %s", why.msg);
	}
	*s = whole;
	return 0;
}

/* ---- files --------------------------------------------------------------------------------- */

bool sigstruct_is(const void *bytes, size_t n_bytes)
{
	/* of the header, TYPE may differ */
	return n_bytes == sizeof(struct sgx_arch_sigstruct) &&
	       !memcmp(bytes, sgx_sigstruct_header, HEADER_WITHOUT_TYPE);
}

int sigstruct_read(const char *path, struct sgx_arch_sigstruct *ret_sig, struct err *e)
{
	CLEANUP(cleanup_free) char *bytes = NULL;
	size_t n;

	if (read_file(AT_FDCWD, path, sizeof(*ret_sig), &bytes, &n) < 0) {
		if (errno == EFBIG)
			return err_set(e, ERR_BAD_SIGSTRUCT, 0,
				       "'%s' is longer than a SIGSTRUCT of %zu bytes",
				       path, sizeof(*ret_sig));
		return err_set(e, ERR_BAD_SIGSTRUCT, errno, "cannot read '%s': %s", path, strerror(errno));
	}
	if (n != sizeof(*ret_sig))
		return err_set(e, ERR_BAD_SIGSTRUCT, 0, "'%s' has %zu bytes, a SIGSTRUCT has %zu", path, n,
			       sizeof(*ret_sig));
	memcpy(ret_sig, bytes, sizeof(*ret_sig));
	return 0;
}

int sigstruct_load(const char *path, struct sgx_arch_sigstruct *ret_sig, struct err *e)
{
	struct sgx_arch_sigstruct s;

	if (sigstruct_read(path, &s, e) < 0)
		return -1;
	if (sigstruct_check(&s, e) < 0)
		return err_wrap(e, "'%s'", path);
	*ret_sig = s;
	return 0;
}
