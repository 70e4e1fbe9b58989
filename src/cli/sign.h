/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between cmd_sign.c, the options for fields, and passphrases. */
#ifndef CLI_SIGN_H
#define CLI_SIGN_H

#include <argp.h>

#include "image/image.h"

/* The fields that options name, and where the others come from. */
struct sign_fields {
	uint32_t set;           /* bit i: row i of the table in sign_fields.c */
	struct sign_params values;
	bool keep, debug, production;
};
/* Input: struct sign_fields. */
extern const struct argp sign_fields_argp;
/* Did an option say anything about the fields? */
bool sign_fields_said(const struct sign_fields *f);
/* What to sign: ERR_NOT_SIGNED when the image's own SIGSTRUCT is asked for and there is none. */
int sign_fields_apply(const struct sign_fields *f, const struct plan *p, struct sign_params *ret, struct err *e);

#define PASSPHRASE_BYTES 1025   /* OpenSSL takes 1024 and a NUL */
/* "pass:WORD", "env:VAR", "file:PATH", "fd:N" or "stdin", as openssl(1) has them: the first line, without its end. */
int passphrase_read(const char *source, char buf[PASSPHRASE_BYTES], struct err *e);

#endif
