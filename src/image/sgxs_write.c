/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Any plan as an SGXS stream.  What is written is hashed on its way: the hash is MRENCLAVE, and where nothing is
 * loaded unmeasured it is SHA-256 of the file.
 *
 * Authority: Fortanix, "SGX stream format" ("Canonicality").
 */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "image/stream.h"

#define BUFFER_BYTES ((size_t)1 << 20)

struct file_sink {
	struct plan_sink sink;
	EVP_MD_CTX *md;
	int fd;
	uint8_t *buf;
	size_t used;
	uint64_t written;       /* without what is in buf */
};

DEFINE_CLEANUP_PTR(md_freep, EVP_MD_CTX, EVP_MD_CTX_free)

bool plan_ascends(const struct plan *p, uint64_t *ret_off)
{
	uint64_t end = 0;

	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		if (r->off < end) {
			*ret_off = r->off;
			return false;
		}
		end = r->off + r->pages * SGX_PAGE_SIZE;
	}
	return true;
}

static int file_flush(struct file_sink *f, struct err *e)
{
	if (write_full(f->fd, f->buf, f->used) < 0)
		return err_set(e, ERR_IO, errno, "cannot write the stream: %s", strerror(errno));
	f->written += f->used;
	f->used = 0;
	return 0;
}

static int file_put(struct plan_sink *sink, const void *data, size_t bytes, bool hashed, struct err *e)
{
	struct file_sink *f = (struct file_sink *)sink;

	if (hashed && !EVP_DigestUpdate(f->md, data, bytes))
		return err_set(e, ERR_BUG, 0, "SHA-256 failed");
	if (bytes > BUFFER_BYTES - f->used && file_flush(f, e) < 0)
		return -1;
	memcpy(f->buf + f->used, data, bytes);
	f->used += bytes;
	return 0;
}

int plan_write_sgxs(const struct plan *p, int fd, uint64_t *ret_bytes, uint8_t ret_mrenclave[32],
		    image_progress progress, void *arg, struct err *e)
{
	CLEANUP(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	CLEANUP(cleanup_free) uint8_t *buf = malloc(BUFFER_BYTES);
	struct file_sink f = {
		.sink = { .put = file_put, .unmeasured = true }, .md = md, .fd = fd, .buf = buf,
	};

	if (!md || !buf)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for writing a stream");
	if (!EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		return err_set(e, ERR_BUG, 0, "libcrypto has no SHA-256");
	if (plan_stream(p, &f.sink, progress, arg, e) < 0 || file_flush(&f, e) < 0)
		return -1;
	if (!EVP_DigestFinal_ex(md, ret_mrenclave, NULL))
		return err_set(e, ERR_BUG, 0, "SHA-256 failed");
	*ret_bytes = f.written;
	return 0;
}
