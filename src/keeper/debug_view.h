/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading a thread of a debug enclave: its TCS, its SSA frames. */
#ifndef KEEPER_DEBUG_VIEW_H
#define KEEPER_DEBUG_VIEW_H

#include "keeper/keeper.h"

/* The architectural bytes of the TCS at off; the rest of *ret is zero. */
int view_tcs(struct encl *en, uint64_t off, struct sgx_arch_tcs *ret, struct err *e);
/* The TCSs a request is about: "tcs" alone, or all.  Calls fn until it fails. */
int view_each_tcs(struct keeper *k, const struct request *r,
		  int (*fn)(void *arg, uint64_t off, struct err *e), void *arg, struct err *e);

#endif
