/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What key.c and sigstruct.c share.  For these two only. */
#ifndef IMAGE_SIGN_INTERNAL_H
#define IMAGE_SIGN_INTERNAL_H

#include <openssl/types.h>

#include "image/image.h"

#define SIGN_KEY_BITS     3072
#define SIGN_KEY_BYTES    384
#define SIGN_KEY_EXPONENT 3

struct sign_key {
	EVP_PKEY *pkey;         /* RSA, SIGN_KEY_BITS, exponent SIGN_KEY_EXPONENT */
};

#endif
