/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What measuring and loading cost against the least that must be done: SHA-256 over the same bytes, and copying
 * the image into a memfd.  One JSON object per row.
 */
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/emul_rig.h"
#include "bench.h"

#define ROUNDS 5
#define PAGES  8192u            /* 32 MiB measured */
#define IMAGE_BYTES ((size_t)PAGES * SGX_PAGE_SIZE)
/* a measured page is hashed as 81 blocks of 64 bytes */
#define HASHED_BYTES ((size_t)PAGES * 81 * 64)

static uint8_t *filled(size_t bytes)
{
	uint8_t *p = aligned_alloc(SGX_PAGE_SIZE, (bytes + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK);
	uint32_t x = 1;

	for (size_t i = 0; p && i < bytes; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (uint8_t)(x >> 24);
	}
	return p;
}

static double raw_hash(const uint8_t *data, size_t bytes)
{
	double v[ROUNDS];
	uint8_t digest[32];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t0 = bench_now_ns();

		SHA256(data, bytes, digest);
		v[i] = (double)(bench_now_ns() - t0);
	}
	return bench_fastest(v, ROUNDS);
}

static struct plan plan_of(const uint8_t *image, struct plan_run *run)
{
	*run = (struct plan_run){ .off = 0, .pages = PAGES, .secinfo = SGX_SECINFO_REG | SGX_SECINFO_R,
				  .chunks = PLAN_CHUNKS_ALL, .data = image, .data_bytes = IMAGE_BYTES, .what = "bench" };
	return (struct plan){ .format = "bench", .size = IMAGE_BYTES * 2, .ssaframesize = 1, .runs = run, .n_runs = 1,
			      .attributes = { SGX_ATTR_MODE64BIT, 3 }, .pages_added = PAGES, .pages_measured = PAGES };
}

static void measure_row(const struct plan *plan, const uint8_t *hashed)
{
	double v[ROUNDS], raw = raw_hash(hashed, HASHED_BYTES);
	uint8_t mrenclave[32];
	struct err e = { 0 };

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t0 = bench_now_ns();

		if (plan_measure(plan, mrenclave, NULL, NULL, &e))
			exit(1);
		v[i] = (double)(bench_now_ns() - t0);
	}
	double ours = bench_fastest(v, ROUNDS);

	bench_row("measure", "raw SHA-256 over the same bytes", ours, raw, raw / ours, ">=", 0.90);
}

static double copy_and_hash(const uint8_t *image, const uint8_t *hashed)
{
	double v[ROUNDS];
	uint8_t digest[32];

	for (int i = 0; i < ROUNDS; i++) {
		uint64_t t0 = bench_now_ns();
		int fd = memfd_create("bench", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, (off_t)IMAGE_BYTES))
			exit(1);
		uint8_t *p = mmap(NULL, IMAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (p == MAP_FAILED)
			exit(1);
		memcpy(p, image, IMAGE_BYTES);
		SHA256(hashed, HASHED_BYTES, digest);
		v[i] = (double)(bench_now_ns() - t0);
		munmap(p, IMAGE_BYTES);
		close(fd);
	}
	return bench_fastest(v, ROUNDS);
}

/* open, CREATE, ADD_PAGES, INIT, as `load --sigstruct` does them */
static double load_once(const struct plan *plan, const struct sgx_arch_sigstruct *sig, uint8_t *image)
{
	static _Alignas(64) struct sgx_arch_secinfo si = { .flags = SGX_SECINFO_REG | SGX_SECINFO_R };
	uint8_t *area = mmap(NULL, plan->size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uint64_t base = ((uintptr_t)area + plan->size - 1) & ~(plan->size - 1);
	struct sgx_arch_secs secs = { .size = plan->size, .baseaddr = base, .ssaframesize = 1, .attributes = plan->attributes };
	struct sgx_enclave_create c = { .src = (uintptr_t)&secs };
	struct sgx_enclave_add_pages a = { .src = (uintptr_t)image, .length = IMAGE_BYTES, .secinfo = (uintptr_t)&si,
					   .flags = SGX_PAGE_MEASURE };
	struct sgx_enclave_init in = { .sigstruct = (uintptr_t)sig };
	uint64_t t0 = bench_now_ns();
	int fd = emul_open(SGX_DEV_ENCLAVE, O_RDWR | O_CLOEXEC);

	if (fd < 0 || emul_ioctl(fd, SGX_IOC_ENCLAVE_CREATE, &c) || emul_ioctl(fd, SGX_IOC_ENCLAVE_ADD_PAGES, &a) ||
	    a.count != IMAGE_BYTES || emul_ioctl(fd, SGX_IOC_ENCLAVE_INIT, &in)) {
		fprintf(stderr, "bench: the image could not be loaded\n");
		exit(1);
	}
	uint64_t t1 = bench_now_ns();

	emul_close(fd);
	munmap(area, plan->size * 2);
	return (double)(t1 - t0);
}

static void load_row(const struct plan *plan, uint8_t *image, const uint8_t *hashed)
{
	char dir[] = "/tmp/sgxctl-bench-XXXXXX", file[64];
	double v[ROUNDS], base = copy_and_hash(image, hashed);
	struct sgx_arch_sigstruct sig;
	struct sign_key *key = NULL;
	struct sign_params sp;
	uint8_t mrenclave[32];
	struct err e = { 0 };

	if (!mkdtemp(dir))
		exit(1);
	snprintf(file, sizeof(file), "%s/key.pem", dir);
	sign_params_default(&sp, plan);
	if (sign_key_user(file, &key, &(bool){ 0 }, &e) || plan_measure(plan, mrenclave, NULL, NULL, &e) ||
	    sigstruct_sign(&sp, mrenclave, key, &sig, &e))
		exit(1);
	unlink(file);
	rmdir(dir);
	for (int i = 0; i < ROUNDS; i++)
		v[i] = load_once(plan, &sig, image);
	double ours = bench_fastest(v, ROUNDS);

	bench_row("load", "copy to a memfd + SHA-256", ours, base, ours / base, "<=", 1.5);
	sign_key_free(key);
}

int main(void)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC };
	uint8_t *image = filled(IMAGE_BYTES), *hashed = filled(HASHED_BYTES);
	struct plan_run run;

	if (!image || !hashed)
		return 1;
	struct plan plan = plan_of(image, &run);

	measure_row(&plan, hashed);
	int s = emul_setup(&cfg);

	if (s) {
		fprintf(stderr, "bench: no emulated device here (%d)\n", s);
		return 4;
	}
	load_row(&plan, image, hashed);
	free(image);
	free(hashed);
	return 0;
}
