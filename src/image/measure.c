/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MRENCLAVE of a plan: one SHA-256 over its records.
 *
 * Authority: Intel SDM Vol. 3D, EINIT (finalisation).
 */
#include <openssl/evp.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "image/stream.h"

struct hash_sink {
	struct plan_sink sink;
	EVP_MD_CTX *md;
};

DEFINE_CLEANUP_PTR(md_freep, EVP_MD_CTX, EVP_MD_CTX_free)

static int hash_put(struct plan_sink *sink, const void *data, size_t bytes, bool hashed, struct err *e)
{
	struct hash_sink *h = (struct hash_sink *)sink;

	if (hashed && !EVP_DigestUpdate(h->md, data, bytes))
		return err_set(e, ERR_BUG, 0, "SHA-256 failed");
	return 0;
}

int plan_measure(const struct plan *p, uint8_t mrenclave[32], image_progress progress, void *arg,
		 struct err *e)
{
	CLEANUP(md_freep) EVP_MD_CTX *md = EVP_MD_CTX_new();
	struct hash_sink h = { .sink = { .put = hash_put }, .md = md };

	if (!md)
		return err_set(e, ERR_NO_MEMORY, 0, "no memory for SHA-256");
	if (!EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		return err_set(e, ERR_BUG, 0, "libcrypto has no SHA-256");
	if (plan_stream(p, &h.sink, progress, arg, e) < 0)
		return -1;
	if (!EVP_DigestFinal_ex(md, mrenclave, NULL))
		return err_set(e, ERR_BUG, 0, "SHA-256 failed");
	return 0;
}

void plan_run_page_digest(const struct plan_run *r, uint64_t i, uint8_t digest[32])
{
	uint8_t page[SGX_PAGE_SIZE];

	plan_run_page(r, i, page);
	/* A digest of fixed-size memory fails only when libcrypto itself is unusable. */
	if (!EVP_Digest(page, sizeof(page), digest, NULL, EVP_sha256(), NULL))
		abort();
}
