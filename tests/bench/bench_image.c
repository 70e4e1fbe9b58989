/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What measuring and loading cost against the least that must be done: SHA-256 over the same bytes, and copying
 * the image into a memfd.  One JSON object per row.
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/emul_rig.h"
#include "bench.h"
#include "image/stream.h"

#define ROUNDS 15
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

static struct plan plan_of(const uint8_t *image, struct plan_run *run)
{
	*run = (struct plan_run){ .off = 0, .pages = PAGES, .secinfo = SGX_SECINFO_REG | SGX_SECINFO_R,
				  .chunks = PLAN_CHUNKS_ALL, .data = image, .data_bytes = IMAGE_BYTES, .what = "bench" };
	return (struct plan){ .format = "bench", .size = IMAGE_BYTES * 2, .ssaframesize = 1, .runs = run, .n_runs = 1,
			      .attributes = { SGX_ATTR_MODE64BIT, 3 }, .pages_added = PAGES, .pages_measured = PAGES };
}

/* ---- measuring --------------------------------------------------------------------------------------------- */

/* All that counts for MRENCLAVE, in one piece: the yardstick hashes just that, with nothing to read or to decode. */
struct hashed_bytes {
	struct plan_sink sink;
	uint8_t *data;
	size_t bytes, room;
};

static int keep_hashed(struct plan_sink *sink, const void *data, size_t bytes, bool hashed, struct err *e)
{
	struct hashed_bytes *h = (struct hashed_bytes *)sink;

	if (!hashed)
		return 0;
	if (bytes > h->room - h->bytes) {
		h->room = (h->bytes + bytes) * 2;
		h->data = realloc(h->data, h->room);
		if (!h->data)
			return err_set(e, ERR_NO_MEMORY, 0, "no memory for what is hashed");
	}
	memcpy(h->data + h->bytes, data, bytes);
	h->bytes += bytes;
	return 0;
}

static void give_up(const char *what, const struct err *e)
{
	fprintf(stderr, "bench: %s: %s\n", what, e->msg);
	exit(1);
}

static double measure_once(const struct plan *plan, uint8_t mrenclave[32])
{
	struct err e = { 0 };
	uint64_t t0 = bench_now_ns();

	if (plan_measure(plan, mrenclave, NULL, NULL, &e))
		give_up("measuring", &e);
	return (double)(bench_now_ns() - t0);
}

static double hash_once(const struct hashed_bytes *h, uint8_t digest[32])
{
	uint64_t t0 = bench_now_ns();

	if (!EVP_Digest(h->data, h->bytes, digest, NULL, EVP_sha256(), NULL))
		exit(1);
	return (double)(bench_now_ns() - t0);
}

/* From the file to MRENCLAVE, as the command goes. */
static double measure_from_file(const char *path, uint8_t mrenclave[32])
{
	struct err e = { 0 };
	struct plan plan;
	uint64_t t0 = bench_now_ns();

	if (image_open(path, NULL, &plan, &e) || plan_measure(&plan, mrenclave, NULL, NULL, &e))
		give_up(path, &e);
	plan_release(&plan);
	return (double)(bench_now_ns() - t0);
}

/* What the commands do that hash files: read a piece, hash it. */
static double hash_from_file(int fd, uint8_t digest[32])
{
	static uint8_t piece[64 << 10];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint64_t t0 = bench_now_ns();
	ssize_t n;

	if (!md || lseek(fd, 0, SEEK_SET) || !EVP_DigestInit_ex(md, EVP_sha256(), NULL))
		exit(1);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		if (!EVP_DigestUpdate(md, piece, (size_t)n))
			exit(1);
	if (n < 0 || !EVP_DigestFinal_ex(md, digest, NULL))
		exit(1);
	EVP_MD_CTX_free(md);
	return (double)(bench_now_ns() - t0);
}

static void same_hash(const char *row, const uint8_t mrenclave[32], const uint8_t digest[32])
{
	if (!memcmp(mrenclave, digest, 32))
		return;
	fprintf(stderr, "bench: %s: the yardstick hashes something else\n", row);
	exit(1);
}

static void measure_row(const char *row, const struct plan *plan, const struct hashed_bytes *h)
{
	double ours[ROUNDS], raw[ROUNDS];
	uint8_t mrenclave[32], digest[32];

	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = measure_once(plan, mrenclave);
		raw[i] = hash_once(h, digest);
		same_hash(row, mrenclave, digest);
	}
	double a = bench_fastest(ours, ROUNDS), b = bench_fastest(raw, ROUNDS);

	bench_row(row, "raw SHA-256 over the same bytes", a, b, b / a, ">=", 0.90);
}

static void measure_file_row(const char *row, const char *path, const struct hashed_bytes *h)
{
	double ours[ROUNDS], raw[ROUNDS];
	uint8_t mrenclave[32], digest[32];
	FILE *f = tmpfile();

	if (!f || fwrite(h->data, 1, h->bytes, f) != h->bytes || fflush(f))
		exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		ours[i] = measure_from_file(path, mrenclave);
		raw[i] = hash_from_file(fileno(f), digest);
		same_hash(row, mrenclave, digest);
	}
	fclose(f);
	double a = bench_fastest(ours, ROUNDS), b = bench_fastest(raw, ROUNDS);

	bench_row(row, "read + SHA-256 of the same bytes", a, b, b / a, ">=", 0.90);
}

static struct hashed_bytes hashed_of(const char *what, const struct plan *plan)
{
	struct hashed_bytes h = { .sink = { .put = keep_hashed } };
	struct err e = { 0 };

	if (plan_stream(plan, &h.sink, NULL, NULL, &e))
		give_up(what, &e);
	return h;
}

static void measure_plan(const struct plan *plan)
{
	struct hashed_bytes h = hashed_of("measure", plan);

	measure_row("measure pages in memory", plan, &h);
	free(h.data);
}

/* Files that the caller made: the measuring alone, and with reading. */
static void measure_file(const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct err e = { 0 };
	struct plan plan;
	char row[64];

	if (image_open(path, NULL, &plan, &e))
		give_up(path, &e);
	struct hashed_bytes h = hashed_of(path, &plan);

	snprintf(row, sizeof(row), "measure %s", name);
	measure_row(row, &plan, &h);
	plan_release(&plan);
	snprintf(row, sizeof(row), "read + measure %s", name);
	measure_file_row(row, path, &h);
	free(h.data);
}

/* ---- loading ----------------------------------------------------------------------------------------------- */

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

/* bench_image [IMAGE-FILE...] */
int main(int argc, char **argv)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC };
	uint8_t *image = filled(IMAGE_BYTES), *hashed = filled(HASHED_BYTES);
	struct plan_run run;

	if (!image || !hashed)
		return 1;
	struct plan plan = plan_of(image, &run);

	measure_plan(&plan);
	for (int i = 1; i < argc; i++)
		measure_file(argv[i]);
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
