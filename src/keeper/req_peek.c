/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* peek: read memory of a debug enclave as a debugger would. */
#include <errno.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "keeper/keeper.h"

#define DEFAULT_BYTES 256

struct json *req_peek(struct keeper *k, struct request *r, struct err *e)
{
	CLEANUP(cleanup_free) uint8_t *buf = NULL;
	uint64_t off = 0, bytes = DEFAULT_BYTES;
	struct json *doc;
	uint8_t byte;
	bool whole;
	ssize_t n;

	if (arg_u64(r->body, "offset", &off, e) || arg_u64(r->body, "length", &bytes, e))
		return NULL;
	if (!bytes || bytes > KEEPER_MAX_DATA) {
		err_set(e, ERR_BAD_RANGE, EINVAL, "1 to %llu bytes can be read at once",
			(unsigned long long)KEEPER_MAX_DATA);
		err_hint(e, "read it in pieces");
		return NULL;
	}
	buf = malloc(bytes);
	if (!buf) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for %llu bytes", (unsigned long long)bytes);
		return NULL;
	}
	n = encl_peek(k->encl, off, buf, bytes, e);
	if (n < 0)
		return NULL;
	if (r->n_fds && write_full(r->fds[0], buf, (size_t)n)) {
		err_set(e, ERR_IO, errno, "what was read cannot be written to the file");
		return NULL;
	}
	whole = (uint64_t)n == bytes;
	if (!whole && encl_peek(k->encl, off + (uint64_t)n, &byte, sizeof(byte), e) == sizeof(byte))
		err_set(e, ERR_IO, EIO, "only %zd bytes could be read", n);
	doc = doc_begin(k, "peek", whole);
	json_add_hex(doc, "offset", off);
	json_add_size(doc, "requested_bytes", bytes);
	json_add_size(doc, "bytes", (uint64_t)n);
	if (!r->n_fds)
		json_add_bytes(doc, "data", buf, (size_t)n);
	return doc_end(doc, whole ? 0 : -1, e);
}
