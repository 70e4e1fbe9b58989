/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the device costs a program that `sgxctl run` runs: it opens /dev/sgx_enclave, calls ioctl(), and enters through
 * the function that it finds in its vDSO.  One JSON object per row.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bare_trap.h"
#include "bench.h"
#include "entries.h"

#define ROUNDS 15
#define PAGES  2048u
#define BYTES  ((size_t)PAGES * SGX_PAGE_SIZE)
#define SIZE   (2 * (uint64_t)BYTES)
/* a measured page is hashed as 81 blocks of 64 bytes */
#define HASHED_BYTES ((size_t)PAGES * 81 * 64)

static void die(const char *what)
{
	fprintf(stderr, "bench: %s failed\n", what);
	exit(1);
}

static double time_add_pages(const uint8_t *image, bool measure)
{
	static _Alignas(64) struct sgx_arch_secinfo si = { .flags = SGX_SECINFO_REG | SGX_SECINFO_R };
	int64_t area = emul_mmap(0, 2 * SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t base = ((uint64_t)area + SIZE - 1) & ~(SIZE - 1);
	struct sgx_arch_secs secs = { .size = SIZE, .baseaddr = base, .ssaframesize = 1,
				      .attributes = { SGX_ATTR_MODE64BIT, SGX_XFRM_LEGACY } };
	struct sgx_enclave_create c = { .src = (uintptr_t)&secs };
	struct sgx_enclave_add_pages a = { .src = (uintptr_t)image, .length = BYTES, .secinfo = (uintptr_t)&si,
					   .flags = measure ? SGX_PAGE_MEASURE : 0 };
	int fd = emul_open(SGX_DEV_ENCLAVE, O_RDWR | O_CLOEXEC);

	if (area < 0 || fd < 0 || emul_ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &c))
		die("CREATE");
	uint64_t t0 = bench_now_ns();

	if (emul_ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a) || a.count != BYTES)
		die("ADD_PAGES");
	double ns = (double)(bench_now_ns() - t0);

	emul_close(fd);
	emul_munmap((uint64_t)area, 2 * SIZE);
	return ns / PAGES;
}

/* Page after page into memory that is there already. */
static double time_memcpy(uint8_t *to, const uint8_t *from)
{
	uint64_t t0 = bench_now_ns();

	for (size_t i = 0; i < PAGES; i++) {
		memcpy(to + i * SGX_PAGE_SIZE, from + i * SGX_PAGE_SIZE, SGX_PAGE_SIZE);
		__asm__ volatile("" : : "r"(to) : "memory");
	}
	return (double)(bench_now_ns() - t0) / PAGES;
}

/* Memory of a memfd that nobody touched: what an enclave's pages are made of. */
static double time_memcpy_new(const uint8_t *from)
{
	int fd = memfd_create("bench", MFD_CLOEXEC);
	uint8_t *to;

	if (fd < 0 || ftruncate(fd, (off_t)BYTES))
		die("memfd");
	to = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (to == MAP_FAILED)
		die("mmap");
	double ns = time_memcpy(to, from);

	munmap(to, BYTES);
	close(fd);
	return ns;
}

static double time_hash(const uint8_t *data)
{
	uint8_t digest[32];
	uint64_t t0 = bench_now_ns();

	if (!EVP_Digest(data, HASHED_BYTES, digest, NULL, EVP_sha256(), NULL))
		die("SHA-256");
	return (double)(bench_now_ns() - t0) / PAGES;
}

static void add_pages_rows(void)
{
	uint8_t *image = malloc(HASHED_BYTES), *to = malloc(BYTES);
	double plain[ROUNDS], measured[ROUNDS], copy[ROUNDS], copy_new[ROUNDS], hash[ROUNDS];

	if (!image || !to)
		die("malloc");
	for (size_t i = 0; i < HASHED_BYTES; i++)
		image[i] = (uint8_t)(i * 31 ^ i >> 8);
	memset(to, 1, BYTES);
	uint8_t *source = aligned_alloc(SGX_PAGE_SIZE, BYTES);

	if (!source)
		die("malloc");
	memcpy(source, image, BYTES);
	for (int i = 0; i < ROUNDS; i++) {
		plain[i] = time_add_pages(source, false);
		measured[i] = time_add_pages(source, true);
		copy[i] = time_memcpy(to, source);
		copy_new[i] = time_memcpy_new(source);
		hash[i] = time_hash(image);
	}
	double p = bench_fastest(plain, ROUNDS), m = bench_fastest(measured, ROUNDS), c = bench_fastest(copy, ROUNDS),
	       n = bench_fastest(copy_new, ROUNDS), h = bench_fastest(hash, ROUNDS);

	bench_row_open("run: ADD_PAGES/page", "memcpy of a page", p, c);
	bench_row_open("run: ADD_PAGES/page", "memcpy of a page to a new memfd", p, n);
	bench_row("run: ADD_PAGES/page, measured", "that memcpy + SHA-256 of the page", m, n + h, m / (n + h), "<=", 1.5);
	free(image);
	free(source);
	free(to);
}

int main(void)
{
	struct bare_traps trap = bare_traps_time();
	struct emul_config any = { 0 };
	struct rig r = { 0 };

	if (emul_setup(&any))
		die("finding the device and the vDSO's function");
	rig_build(&r, "grow.elf", true);
	double e = bench_entries(&r, ROUNDS);

	bench_row("run: eenter-eexit", "bare trap", e, trap.cheapest_ns, e / trap.cheapest_ns, "<=", 1.3);
	rig_free(&r);
	add_pages_rows();
	return 0;
}
