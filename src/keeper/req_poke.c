/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* poke: write memory of a debug enclave: hex "data", or the client's file. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/text.h"
#include "keeper/keeper.h"

struct data {
	void *p;
	uint64_t bytes, map_bytes;      /* map_bytes 0: from malloc */
};

static int get_data(const struct request *r, struct data *d, struct err *e)
{
	const char *hex = NULL;

	if (r->n_fds)
		return request_contents(r, 0, KEEPER_MAX_DATA, &d->p, &d->bytes, &d->map_bytes, e);
	if (arg_str(r->body, "data", &hex, e))
		return -1;
	d->bytes = hex ? strlen(hex) / 2 : 0;
	if (!d->bytes)
		return err_set(e, ERR_USAGE, EINVAL, "there is nothing to write");
	d->p = malloc(d->bytes);
	if (!d->p)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the data");
	if (hex_decode(d->p, d->bytes, hex))
		return err_set(e, ERR_USAGE, EINVAL, "the data are no pairs of hex digits");
	return 0;
}

struct json *req_poke(struct keeper *k, struct request *r, struct err *e)
{
	struct data d = { 0 };
	struct json *doc = NULL;
	uint64_t off = 0;
	ssize_t n = -1;

	if (!arg_u64(r->body, "offset", &off, e) && !get_data(r, &d, e))
		n = encl_poke(k->encl, off, d.p, d.bytes, e);
	if (n >= 0) {
		bool whole = (uint64_t)n == d.bytes;

		if (!whole) {
			err_set(e, ERR_IO, EIO, "only %zd bytes could be written", n);
			err_hint(e, "'sgxctl pages NAME' shows what is there; of a TCS only FLAGS can be written");
			err_offset(e, off + (uint64_t)n);
		}
		doc = doc_begin(k, "poke", whole);
		json_add_hex(doc, "offset", off);
		json_add_size(doc, "requested_bytes", d.bytes);
		json_add_size(doc, "bytes", (uint64_t)n);
		doc_end(doc, whole ? 0 : -1, e);
	}
	if (d.map_bytes)
		munmap(d.p, d.map_bytes);
	else
		free(d.p);
	return doc;
}
