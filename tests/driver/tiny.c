/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* See tiny.h. */
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "image/image.h"
#include "tiny.h"

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct tiny_sha), "tiny_sha");

void tiny_secs(struct sgx_arch_secs *s, uint64_t base, uint64_t size, uint64_t attributes)
{
	memset(s, 0, sizeof(*s));
	s->size = size;
	s->baseaddr = base;
	s->ssaframesize = 1;
	s->attributes.flags = attributes;
	s->attributes.xfrm = 3;
}

static SHA256_CTX *ctx(struct tiny_sha *m)
{
	return (SHA256_CTX *)(void *)m->ctx;
}

void tiny_measure_begin(struct tiny_sha *m, const struct sgx_arch_secs *s)
{
	uint8_t b[64] = "ECREATE";

	memcpy(b + 8, &s->ssaframesize, 4);
	memcpy(b + 12, &s->size, 8);
	SHA256_Init(ctx(m));
	SHA256_Update(ctx(m), b, sizeof(b));
}

void tiny_measure_page(struct tiny_sha *m, uint64_t off, uint64_t secinfo, const void *page, bool extend)
{
	uint8_t b[64] = "EADD";

	memcpy(b + 8, &off, 8);
	memcpy(b + 16, &secinfo, 8);
	SHA256_Update(ctx(m), b, sizeof(b));
	for (uint64_t i = 0; extend && i < 4096; i += 256) {
		uint8_t x[64] = "EEXTEND";
		uint64_t at = off + i;

		memcpy(x + 8, &at, 8);
		SHA256_Update(ctx(m), x, sizeof(x));
		SHA256_Update(ctx(m), (const uint8_t *)page + i, 256);
	}
}

void tiny_measure_end(const struct tiny_sha *m, uint8_t mrenclave[32])
{
	struct tiny_sha copy = *m;

	SHA256_Final(mrenclave, ctx(&copy));
}

static struct sign_key *test_key(void)
{
	static struct sign_key *key;
	char dir[] = "/tmp/sgxctl-key-XXXXXX", file[64];
	struct err e = { 0 };
	bool created;

	if (key)
		return key;
	if (!mkdtemp(dir))
		abort();
	snprintf(file, sizeof(file), "%s/key.pem", dir);
	if (sign_key_user(file, &key, &created, &e))
		abort();
	unlink(file);
	rmdir(dir);
	return key;
}

void tiny_sign(const uint8_t mrenclave[32], struct sgx_arch_sigstruct *ret_sig)
{
	struct sign_params sp = {
		.date = 0x20220304,
		.attributes = { SGX_ATTR_MODE64BIT, 3 }, .attributemask = { SGX_ATTR_MODE64BIT, 3 },
	};
	struct err e = { 0 };

	if (sigstruct_sign(&sp, mrenclave, test_key(), ret_sig, &e))
		abort();
}

uint64_t tiny_reserve(uint64_t size)
{
	void *p = mmap(NULL, 2 * size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t start = (uintptr_t)p, base = (start + size - 1) & ~(size - 1);

	if (p == MAP_FAILED)
		return 0;
	if (base > start)
		munmap(p, base - start);
	munmap((void *)(uintptr_t)(base + size), start + size - base);
	return base;
}
