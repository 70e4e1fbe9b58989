/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What restrict, modify-type, remove, accept and extend share. */
#ifndef KEEPER_REQ_RANGE_H
#define KEEPER_REQ_RANGE_H

#include "keeper/keeper.h"

typedef int (*range_fn)(struct encl *en, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret_done,
			struct err *e);

/* done_key names the count of pages done; describe adds value to the document, may be NULL. */
struct json *range_request_run(struct keeper *k, const struct request *r, const char *command, range_fn fn,
			       uint64_t value, const char *done_key,
			       void (*describe)(struct json *doc, uint64_t value), struct err *e);
void describe_perm(struct json *doc, uint64_t rwx);
void describe_flags(struct json *doc, uint64_t flags);

#endif
