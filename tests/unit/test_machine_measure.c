/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * MRENCLAVE: three streams whose digests were computed by other programs (hashlib, Digest::SHA)
 * from the definition of the blocks, with the digests after intermediate blocks.
 */
#include <string.h>

#include "emul/emul_crypto.h"
#include "machine_host.h"
#include "tap.h"

/* The digest if the stream ended here */
static void is_digest(const char *want, const char *what)
{
	uint8_t digest[32];
	char hex[65];

	emul_sha256_final(NULL, &host_secs(SECS_EPA)->sha, digest);
	for (unsigned i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	if (!ok(!strcmp(hex, want), "%s", what))
		printf("#  got  %s\n#  want %s\n", hex, want);
}

static void create(uint32_t ssaframesize, uint64_t size)
{
	struct sgx_arch_secs *s;

	host_reset();
	s = host_secs_source(ATTR_TEST);
	s->ssaframesize = ssaframesize;
	s->size = size;
	is_u64(sgxm_ecreate(&host.m, MEM_PAGEINFO, SECS_EPA).kind, SGXM_DONE, "ECREATE");
	memset(host_mem(MEM_SRC), 0, 4096);
}

static void add(uint64_t off, uint64_t flags)
{
	host_secinfo(flags);
	host_pageinfo(BASE + off, MEM_SRC, MEM_SECINFO, SECS_EPA);
	is_u64(sgxm_eadd(&host.m, MEM_PAGEINFO, EPC_OF(off)).kind, SGXM_DONE, "EADD %#llx",
	       (unsigned long long)off);
}

static void extend(uint64_t off)
{
	if (sgxm_eextend(&host.m, SECS_EPA, EPC_OF(off) + off % 4096).kind != SGXM_DONE)
		ok(false, "EEXTEND %#llx", (unsigned long long)off);
}

static void extend_page(uint64_t off)
{
	for (unsigned i = 0; i < 4096; i += 256)
		extend(off + i);
}

static void vector1(void)
{
	create(1, 0x2000);
	is_digest("9e197c8837c6d65632dbdd59cd7df4f1a25b68d8e4e5eb6ca3b20b05311fecb8", "vector 1: ECREATE");
	add(0, 0x203);
	is_digest("995c454650d39811c9c53e1af534aa6c34a496ce9302c34e0ced2c7a7e2c4103", "vector 1: EADD");
	extend(0);
	is_digest("d174221692551bb587fe4857c4c5bbf0f73a38e80c84ed7afef89bce973aaa3b", "vector 1: one chunk");
	for (unsigned i = 256; i < 4096; i += 256)
		extend(i);
	is_digest("1f2cf80bd03ffd8bfac33f7cba128aff511c3af666b93bb66e7ef718418bdade", "vector 1: MRENCLAVE");
	is_u64(host_secs(SECS_EPA)->measured_blocks, 82, "vector 1: 82 blocks");
}

static void tcs_of_vector2(void)
{
	struct sgx_arch_tcs *t = host_mem(MEM_SRC);

	t->ossa = 0x2000;
	t->nssa = 1;
	t->oentry = 0x1000;
	t->fslimit = t->gslimit = 0xffffffff;
}

/* together: by EADD with measurement instead of seventeen leafs */
static void vector2(bool together)
{
	static const uint8_t code[] = { 0x48, 0x89, 0xcb, 0xb8, 4, 0, 0, 0, 0x0f, 0x01, 0xd7 };

	create(1, 0x4000);
	is_digest("1ae08d565db91bba3113eb03c476049ee802c1df05465ddf7cbebfd256e60114", "vector 2: ECREATE");
	tcs_of_vector2();
	if (together) {
		host_eadd(0, 0x100, EPC_OF(0));
	} else {
		add(0, 0x100);
		is_digest("d3e8f27e36764f4d42a82f773913ba782e51d6ca840678e027e7bdc614e6b003",
			  "vector 2: EADD of the TCS");
		extend_page(0);
	}
	memset(host_mem(MEM_SRC), 0xcc, 4096);
	memcpy(host_mem(MEM_SRC), code, sizeof(code));
	if (together) {
		host_eadd(0x1000, 0x205, EPC_OF(0x1000));
	} else {
		add(0x1000, 0x205);
		is_digest("14d0617db6932955b133611172f859390c69aa68569afe7eb5194a5d8eaf12e7",
			  "vector 2: EADD of the code");
		extend_page(0x1000);
	}
	memset(host_mem(MEM_SRC), 0, 4096);
	if (together) {
		host_eadd(0x2000, 0x203, EPC_OF(0x2000));
	} else {
		add(0x2000, 0x203);
		is_digest("d4d7e380340d15a17f235cdf45f52dd559e9ada8e7bcb2a9bd0c3991c391026a",
			  "vector 2: EADD of the SSA");
		extend_page(0x2000);
	}
	is_digest("7edf3e64341b6c224828ea151036130ba5965f77c669cf28335f9ef5e8c916da",
		  together ? "vector 2: MRENCLAVE, page by page" : "vector 2: MRENCLAVE");
	is_u64(host_secs(SECS_EPA)->measured_blocks, 244, "vector 2: 244 blocks");
}

static void vector3(void)
{
	uint8_t *page;

	create(2, 0x10000);
	page = host_mem(MEM_SRC);
	is_digest("6c7c8d90e750cc81787890ab9b574ee315ec6d56112aae9b9721f8ae83a2cb3c", "vector 3: ECREATE");
	for (unsigned i = 0; i < 4096; i++)
		page[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + 3);
	add(0x3000, 0x207);
	is_digest("3234aac88ec9a8a8a4b758fbfbaab032b5fb366df3a941997350eec076759408", "vector 3: EADD");
	extend(0x3f00);
	extend(0x3000);
	add(0x8000, 0x201);
	is_digest("bceb6ab7c52e044642e10be34d7d944da24ac159d2f8e862ef222f244a727896", "vector 3: MRENCLAVE");
	is_u64(host_secs(SECS_EPA)->measured_blocks, 13, "vector 3: 13 blocks");
}

/* What the source of a TCS holds in fields that the CPU forces is not measured */
static void forced_tcs(void)
{
	struct sgx_arch_tcs *t;
	uint8_t clean[32], dirty[32];

	create(1, 0x4000);
	tcs_of_vector2();
	host_eadd(0, 0x100, EPC_OF(0));
	emul_sha256_final(NULL, &host_secs(SECS_EPA)->sha, clean);
	create(1, 0x4000);
	tcs_of_vector2();
	t = host_mem(MEM_SRC);
	t->flags = SGX_TCS_DBGOPTIN;
	t->cssa = 5;
	t->state = 1;
	t->aep = 0x1000;
	host_eadd(0, 0x107, EPC_OF(0));
	emul_sha256_final(NULL, &host_secs(SECS_EPA)->sha, dirty);
	ok(!memcmp(clean, dirty, 32), "a TCS is measured as if DBGOPTIN, CSSA, STATE, AEP and RWX were 0");
	/* again the same chunk: legal, and another hash */
	extend(0);
	emul_sha256_final(NULL, &host_secs(SECS_EPA)->sha, dirty);
	ok(memcmp(clean, dirty, 32), "EEXTEND of a chunk that was measured before counts");
}

int main(void)
{
	vector1();
	vector2(false);
	vector2(true);
	vector3();
	forced_tcs();
	return tap_done();
}
