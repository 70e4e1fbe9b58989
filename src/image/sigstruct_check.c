/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SIGSTRUCT: its fields, and what EINIT checks of them without knowing the enclave.  Everything is looked at, so
 * that people learn of each fault and not of the first alone; the quotients are checked the way the
 * processor uses them.
 *
 * Authority: Intel SDM Vol. 3D, SIGSTRUCT and EINIT ("Operation"); RFC 8017, EMSA-PKCS1-v1_5.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/sign_internal.h"

#define VENDOR_INTEL 0x8086u
#define DIGEST_BYTES 32u

DEFINE_CLEANUP_PTR(bn_freep, BIGNUM, BN_free)
DEFINE_CLEANUP_PTR(bn_ctx_freep, BN_CTX, BN_CTX_free)

#define OFF(f)   offsetof(struct sgx_arch_sigstruct, f)
#define BYTES(f) sizeof(((struct sgx_arch_sigstruct *)NULL)->f)
#define NUMBER(f) { #f, OFF(f), BYTES(f), true }
#define OCTETS(f) { #f, OFF(f), BYTES(f), false }
const struct sigstruct_field sigstruct_fields[] = {
	OCTETS(header), NUMBER(vendor), NUMBER(date), OCTETS(header2), NUMBER(swdefined), OCTETS(reserved1),
	OCTETS(modulus), NUMBER(exponent), OCTETS(signature), NUMBER(miscselect), NUMBER(miscmask),
	NUMBER(cet_attributes), NUMBER(cet_attributes_mask), OCTETS(reserved2), OCTETS(isvfamilyid),
	NUMBER(attributes.flags), NUMBER(attributes.xfrm), NUMBER(attributemask.flags),
	NUMBER(attributemask.xfrm), OCTETS(enclavehash), OCTETS(reserved3), OCTETS(isvextprodid),
	NUMBER(isvprodid), NUMBER(isvsvn), OCTETS(reserved4), OCTETS(q1), OCTETS(q2),
	{ NULL, 0, 0, false },
};

/* ---- constants ----------------------------------------------------------------------------- */

static const uint8_t zeros[BYTES(reserved1)];
static const uint32_t exponent_three = SIGN_KEY_EXPONENT;

static const struct constant {
	const char *field;
	size_t off, bytes;
	const void *value;
	const char *wrong;
} constants[] = {
#define CONSTANT(f, value, wrong) { #f, OFF(f), BYTES(f), value, wrong }
	CONSTANT(header, sgx_sigstruct_header, "HEADER has not the constant value"),
	CONSTANT(vendor, zeros, "VENDOR is neither 0 nor 0x8086"),
	CONSTANT(header2, sgx_sigstruct_header2, "HEADER2 has not the constant value"),
	CONSTANT(reserved1, zeros, "reserved bytes are not zero"),
	CONSTANT(exponent, &exponent_three, "EXPONENT is not 3"),
	CONSTANT(reserved2, zeros, "reserved bytes are not zero"),
	CONSTANT(reserved3, zeros, "reserved bytes are not zero"),
	CONSTANT(reserved4, zeros, "reserved bytes are not zero"),
#undef CONSTANT
};

static bool is_constant(const struct sgx_arch_sigstruct *s, const struct constant *c)
{
	if (c->off == OFF(vendor) && s->vendor == VENDOR_INTEL)
		return true;
	return !memcmp((const uint8_t *)s + c->off, c->value, c->bytes);
}

static void examine_constants(const struct sgx_arch_sigstruct *s, sigstruct_visit visit, void *arg)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++) {
		const struct constant *c = &constants[i];
		struct sigstruct_finding f = {
			.field = c->field, .off = c->off, .expected = c->value,
			.actual = (const uint8_t *)s + c->off, .bytes = c->bytes,
		};

		f.wrong = is_constant(s, c) ? NULL : c->wrong;
		visit(arg, &f);
	}
}

/* ---- the signature ------------------------------------------------------------------------- */

void quotients_release(struct quotients *q)
{
	BN_free(q->q1);
	BN_free(q->q2);
	BN_free(q->r1);
	BN_free(q->em);
}

bool quotients_make(const BIGNUM *s, const BIGNUM *n, struct quotients *ret)
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

/* EMSA-PKCS1-v1_5 of the signed bytes, big-endian; its last DIGEST_BYTES are the digest. */
static bool expected_em(const struct sgx_arch_sigstruct *s, uint8_t em[SIGN_KEY_BYTES])
{
	static const uint8_t digest_info[] = {  /* DER: SHA-256, 32 bytes follow */
		0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
		0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20,
	};
	const size_t hash_at = SIGN_KEY_BYTES - DIGEST_BYTES, info_at = hash_at - sizeof(digest_info);
	uint8_t data[SIGSTRUCT_SIGNED_BYTES];

	sigstruct_signed_bytes(s, data);
	memset(em, 0xff, SIGN_KEY_BYTES);
	em[0] = 0x00;
	em[1] = 0x01;
	em[info_at - 1] = 0x00;
	memcpy(em + info_at, digest_info, sizeof(digest_info));
	return EVP_Digest(data, sizeof(data), em + hash_at, NULL, EVP_sha256(), NULL);
}

/* A number of the SIGSTRUCT against the one it must be; best is NULL where that cannot be told. */
static void visit_number(const struct sgx_arch_sigstruct *s, const char *field, size_t off, const char *wrong,
			 const BIGNUM *best, sigstruct_visit visit, void *arg)
{
	struct sigstruct_finding f = {
		.field = field, .off = off, .wrong = wrong, .actual = (const uint8_t *)s + off, .bytes = SIGN_KEY_BYTES,
	};
	uint8_t expected[SIGN_KEY_BYTES];

	if (best && BN_bn2lebinpad(best, expected, sizeof(expected)) >= 0)
		f.expected = expected;
	visit(arg, &f);
}
#define VISIT_NUMBER(s, f, wrong, best, visit, arg) visit_number(s, #f, OFF(f), wrong, best, visit, arg)

/* What S^3 mod N says against what it must say. */
static void visit_signature(const uint8_t want[SIGN_KEY_BYTES], const uint8_t got[SIGN_KEY_BYTES],
			    sigstruct_visit visit, void *arg)
{
	const size_t hash_at = SIGN_KEY_BYTES - DIGEST_BYTES;
	struct sigstruct_finding f = {
		.field = "signature", .off = OFF(signature), .expected = want + hash_at, .bytes = DIGEST_BYTES,
	};

	if (memcmp(got, want, hash_at)) {
		f.wrong = "SIGNATURE is none that the key of this MODULUS made";
	} else {
		f.actual = got + hash_at;
		f.wrong = memcmp(got + hash_at, want + hash_at, DIGEST_BYTES) ?
			  "SIGNATURE is of other contents of these fields" : NULL;
	}
	visit(arg, &f);
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for checking a signature");
}

/* The quotients are unique: any other makes a remainder that the processor refuses. */
static void visit_quotients(const struct sgx_arch_sigstruct *s, const struct quotients *q, const BIGNUM *q1,
			    const BIGNUM *q2, sigstruct_visit visit, void *arg)
{
	VISIT_NUMBER(s, q1, BN_cmp(q1, q->q1) ? "Q1 is not SIGNATURE^2 / MODULUS" : NULL, q->q1, visit, arg);
	VISIT_NUMBER(s, q2, BN_cmp(q2, q->q2) ? "Q2 is not (SIGNATURE^3 - Q1 * SIGNATURE * MODULUS) / MODULUS" :
		     NULL, q->q2, visit, arg);
}

static int examine_signature(const struct sgx_arch_sigstruct *s, sigstruct_visit visit, void *arg, struct err *e)
{
	CLEANUP(quotients_release) struct quotients q = { 0 };
	CLEANUP(bn_freep) BIGNUM *n = BN_lebin2bn(s->modulus, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *sig = BN_lebin2bn(s->signature, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *q1 = BN_lebin2bn(s->q1, SIGN_KEY_BYTES, NULL);
	CLEANUP(bn_freep) BIGNUM *q2 = BN_lebin2bn(s->q2, SIGN_KEY_BYTES, NULL);
	uint8_t want[SIGN_KEY_BYTES], got[SIGN_KEY_BYTES];

	if (!n || !sig || !q1 || !q2 || !expected_em(s, want))
		return no_memory(e);
	VISIT_NUMBER(s, modulus, BN_is_zero(n) ? "MODULUS is zero" : NULL, NULL, visit, arg);
	if (BN_is_zero(n))
		return 0;
	if (BN_cmp(sig, n) >= 0) {
		VISIT_NUMBER(s, signature, "SIGNATURE is not smaller than MODULUS", NULL, visit, arg);
		return 0;
	}
	if (!quotients_make(sig, n, &q) || BN_bn2binpad(q.em, got, sizeof(got)) < 0)
		return no_memory(e);
	visit_signature(want, got, visit, arg);
	visit_quotients(s, &q, q1, q2, visit, arg);
	return 0;
}

int sigstruct_examine(const struct sgx_arch_sigstruct *s, sigstruct_visit visit, void *arg, struct err *e)
{
	examine_constants(s, visit, arg);
	return examine_signature(s, visit, arg, e);
}

/* ---- the first fault ----------------------------------------------------------------------- */

struct first_fault {
	struct err *e;
	bool found;
};

static void keep_first(void *arg, const struct sigstruct_finding *f)
{
	struct first_fault *first = arg;

	if (!f->wrong || first->found)
		return;
	first->found = true;
	err_set(first->e, ERR_BAD_SIGSTRUCT, 0, "SIGSTRUCT: %s (byte %zu)", f->wrong, f->off);
	err_offset(first->e, f->off);
}

int sigstruct_check(const struct sgx_arch_sigstruct *s, struct err *e)
{
	struct first_fault first = { .e = e };

	examine_constants(s, keep_first, &first);
	return first.found ? -1 : 0;
}

int sigstruct_verify(const struct sgx_arch_sigstruct *s, struct err *e)
{
	struct first_fault first = { .e = e };

	if (examine_signature(s, keep_first, &first, e) < 0)
		return -1;
	return first.found ? -1 : 0;
}

void sigstruct_digest(const struct sgx_arch_sigstruct *s, uint8_t sha256[32])
{
	uint8_t bytes[SIGSTRUCT_SIGNED_BYTES];

	sigstruct_signed_bytes(s, bytes);
	if (!EVP_Digest(bytes, sizeof(bytes), sha256, NULL, EVP_sha256(), NULL))
		abort();        /* see below */
}

void sigstruct_mrsigner(const struct sgx_arch_sigstruct *s, uint8_t mrsigner[32])
{
	/* A digest of fixed-size memory fails only when libcrypto itself is unusable. */
	if (!EVP_Digest(s->modulus, sizeof(s->modulus), mrsigner, NULL, EVP_sha256(), NULL))
		abort();
}
