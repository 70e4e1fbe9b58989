/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What key.c, sigstruct.c and sigstruct_check.c share.  For these only. */
#ifndef IMAGE_SIGN_INTERNAL_H
#define IMAGE_SIGN_INTERNAL_H

#include <openssl/bn.h>
#include <openssl/types.h>

#include "image/image.h"

#define SIGN_KEY_BITS     3072
#define SIGN_KEY_BYTES    SIGSTRUCT_RSA_BYTES
#define SIGN_KEY_EXPONENT 3

struct sign_key {
	EVP_PKEY *pkey;         /* RSA, SIGN_KEY_BITS, exponent SIGN_KEY_EXPONENT */
};

/* What a signature S makes with its modulus N: Q1 and Q2 as SIGSTRUCT has them, S^2 mod N, S^3 mod N. */
struct quotients {
	BIGNUM *q1, *q2, *r1, *em;
};

/* All four by division; false: no memory, or a modulus of 0. */
bool quotients_make(const BIGNUM *s, const BIGNUM *n, struct quotients *ret);
void quotients_release(struct quotients *q);

#endif
