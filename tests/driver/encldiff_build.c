/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encldiff: an enclave with random SECS, TCSs and mappings, up to INIT. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dice.h"
#include "encldiff.h"
#include "tiny.h"

static _Alignas(4096) uint8_t page[4096];
static struct tiny_sha sha;

static void add(unsigned n, uint64_t secinfo, bool measure)
{
	_Alignas(64) struct sgx_arch_secinfo si = { .flags = secinfo };
	struct sgx_enclave_add_pages a = { .src = (uintptr_t)page, .offset = n * 4096ull, .length = 4096,
					   .secinfo = (uintptr_t)&si, .flags = measure };
	int64_t r = call_ioctl(SGX_IOC_ENCLAVE_ADD_PAGES, &a);

	tiny_measure_page(&sha, n * 4096ull, secinfo, page, measure);
	if (r)
		say("ADD page %u = %lld\n", n, (long long)r);
}

static void add_tcs(unsigned n)
{
	struct sgx_arch_tcs t = { .oentry = PAGE_CODE * 4096, .fslimit = ~0u, .gslimit = ~0u };

	t.ossa = (PAGE_SSA + n * SSA_PAGES) * 4096;
	t.nssa = en.nssa[n] = 1 + below(SSA_PAGES);
	t.ofsbase = PAGE_DATA * 4096;
	t.ogsbase = (PAGE_DATA + 1) * 4096;
	memset(page, 0, sizeof(page));
	memcpy(page, &t, sizeof(t));
	add(PAGE_TCS + n, 0x100, true);
	en.tcs[en.n_tcs++] = BASE + (PAGE_TCS + n) * 4096ull;
}

static void map(unsigned first, unsigned n, int prot)
{
	if (mmap((void *)(BASE + first * 4096ull), n * 4096ull, prot, MAP_SHARED | MAP_FIXED, en.fd, 0) == MAP_FAILED)
		say("mmap %u+%u prot %d = %d\n", first, n, prot, -errno);
}

static void map_all(void)
{
	map(PAGE_TCS, N_TCS, 3);
	map(PAGE_CODE, 1, 5);
	map(PAGE_SSA, N_TCS * SSA_PAGES, 3);
	map(PAGE_DATA, 4, 3);
	map(PAGE_RO, 1, 1);
	map(PAGE_RWX, 1, 7);
	if (!one_in(3))
		map(PAGE_FREE, PAGES - PAGE_FREE, one_in(2) ? 3 : 7);
}

static void init(void)
{
	struct sgx_arch_sigstruct sig;
	struct sgx_enclave_init a = { .sigstruct = (uintptr_t)&sig };
	uint8_t mr[32];
	int64_t r;

	tiny_measure_end(&sha, mr);
	tiny_sign(mr, &sig);
	r = call_ioctl(SGX_IOC_ENCLAVE_INIT, &a);
	if (r)
		say("INIT = %lld\n", (long long)r);
}

void build(void)
{
	struct sgx_arch_secs secs;
	struct sgx_enclave_create c = { .src = (uintptr_t)&secs };
	struct sgx_enclave_provision p;
	bool early = one_in(4);
	int64_t r;

	en.fd = open("/dev/sgx_enclave", O_RDWR);
	en.token = open("/dev/sgx_provision", O_RDONLY);
	en.debug = !one_in(6);
	en.provision = one_in(6);
	en.miscselect = below(2);
	tiny_secs(&secs, BASE, SIZE, SGX_ATTR_MODE64BIT | (en.debug ? SGX_ATTR_DEBUG : 0) |
		  (en.provision ? SGX_ATTR_PROVISIONKEY : 0));
	secs.miscselect = en.miscselect;
	if (one_in(3))
		secs.attributes.xfrm = 7;
	/* a mapping that is there before the enclave */
	if (early && one_in(2)) {
		map_all();
		early = false;
	} else {
		early = true;
	}
	r = call_ioctl(SGX_IOC_ENCLAVE_CREATE, &c);
	say("CREATE debug=%d misc=%u xfrm=%llu prov=%d = %lld\n", en.debug, en.miscselect,
	    (unsigned long long)secs.attributes.xfrm, en.provision, (long long)r);
	p.fd = (unsigned)en.token;
	if (en.provision)
		say("PROVISION = %lld\n", (long long)call_ioctl(SGX_IOC_ENCLAVE_PROVISION, &p));
	tiny_measure_begin(&sha, &secs);
	for (unsigned i = 0; i < N_TCS; i++)
		add_tcs(i);
	memset(page, 0, sizeof(page));
	memcpy(page, encldiff_code, (size_t)(encldiff_code_end - encldiff_code));
	add(PAGE_CODE, 0x205, true);
	memset(page, 0, sizeof(page));
	for (unsigned i = 0; i < N_TCS * SSA_PAGES; i++)
		add(PAGE_SSA + i, 0x203, one_in(2));
	for (unsigned i = 0; i < 4; i++) {
		memset(page, i == 1 ? 0 : 0x10 + (int)i, sizeof(page));       /* 1: TARGETINFO, KEYREQUEST */
		add(PAGE_DATA + i, 0x203, true);
	}
	memset(page, 0x31, sizeof(page));
	add(PAGE_RO, 0x201, true);
	memset(page, 0, sizeof(page));
	memcpy(page, "\x41\xff\xe4", 3);        /* jmp *%r12 */
	add(PAGE_RWX, 0x207, true);
	init();
	if (early)
		map_all();
}

void ballast(unsigned pages)
{
	uint64_t size = 4096;
	struct sgx_arch_secs secs;
	struct sgx_enclave_create c = { .src = (uintptr_t)&secs };

	while (size <= pages * 4096ull)
		size *= 2;
	tiny_secs(&secs, tiny_reserve(size), size, SGX_ATTR_MODE64BIT);
	en.fd = open("/dev/sgx_enclave", O_RDWR);
	if (call_ioctl(SGX_IOC_ENCLAVE_CREATE, &c))
		exit(1);
	for (unsigned i = 0; i < pages; i++)
		add(i, 0x203, false);
}
