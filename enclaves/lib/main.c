/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The main of the enclaves without an exception handler: an entry at any CSSA runs an operation, so a thread
 * can repair what an earlier entry of its own faulted on.
 */
#include "encl.h"

uint64_t encl_main(uint64_t op_la, struct encl_tls *tls, uint64_t base, uint64_t cssa)
{
	struct encl_ctx c;

	if (!encl_begin(&c, op_la, tls, base, cssa))
		return ENCL_BAD_ARG;
	return encl_run(&c);
}
