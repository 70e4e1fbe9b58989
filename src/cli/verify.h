/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Between cmd_verify.c and its checks. */
#ifndef CLI_VERIFY_H
#define CLI_VERIFY_H

#include "cli/image_doc.h"
#include "cli/measure.h"

struct verified {
	const struct sgx_arch_sigstruct *sig;
	const struct plan *plan;        /* NULL: the SIGSTRUCT is all there is */
	const uint8_t *mrenclave;       /* of the plan */
	bool has_signer;
	uint8_t signer[32];             /* MRSIGNER that is asked for */
	struct offers offers;
};

/*
 * The document: what was measured (m, NULL for a SIGSTRUCT alone), matches, signature, sigstruct, device, offers, checks;
 * ok is false when one failed.
 */
struct json *verify_doc(const struct verified *v, const char *path, const struct measured *m, struct err *e);

#endif
