/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading an image while the Nth allocation fails, for N = 1, 2, ... until it succeeds: each failure is
 * reported as such, and nothing is leaked (build with sanitizers to see that).  The linker's --wrap
 * puts the functions below between the library and libc.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "image/image.h"
#include "image_bytes.h"
#include "image_oe_bytes.h"
#include "tap.h"

static long fail_at, allocations;

static bool fails(void)
{
	return fail_at && ++allocations == fail_at;
}

void *__real_calloc(size_t n, size_t size);
void *__real_reallocarray(void *p, size_t n, size_t size);
void *__real_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_reallocarray(void *p, size_t n, size_t size);
void *__wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off);

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return fails() ? NULL : __real_reallocarray(p, n, size);
}

void *__wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off)
{
	return fails() ? MAP_FAILED : __real_mmap(addr, bytes, prot, flags, fd, off);
}

static void try_all(const char *what, struct image_bytes *img, const char *format)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	long n, wrong = 0;
	int ret = -1;

	opts.format = format;
	for (n = 1; ret < 0 && n < 100; n++) {
		struct plan p = { .size = 77 };
		struct err e = { 0 };

		fail_at = n;
		allocations = 0;
		ret = image_parse(img->b, img->n, &opts, &p, &e);
		fail_at = 0;
		if (ret < 0)
			wrong += e.code != ERR_NO_MEMORY || p.size != 77;
		else
			plan_release(&p);
	}
	ok(ret == 0 && n > 4 && !wrong, "%s: each of %ld failing allocations is reported", what, n - 2);
}

/* A TCS, and pages that do not make one run. */
static void sgxs(struct image_bytes *img)
{
	static const uint64_t size = 0x100000;

	memset(img, 0, sizeof(*img));
	memcpy(img->b, "ECREATE", 8);
	img->b[8] = 1;
	memcpy(img->b + 12, &size, sizeof(size));
	for (img->n = 64; img->n < 64 * 64; img->n += 64) {
		uint64_t off = img->n * 0x80, secinfo = img->n == 64 ? SGX_SECINFO_TCS : SGX_SECINFO_REG | 3;

		memcpy(img->b + img->n, "EADD", 5);
		memcpy(img->b + img->n + 8, &off, sizeof(off));
		memcpy(img->b + img->n + 16, &secinfo, sizeof(secinfo));
	}
}

int main(void)
{
	static struct image_bytes img;

	img_sgxctl(&img);
	img_note(&img)->ntcs = 100;     /* arrays have to grow */
	try_all("our format", &img, NULL);
	img_kernel(&img);
	try_all("the kernel's format", &img, NULL);
	img_sdk(&img);
	try_all("the SDK's format", &img, NULL);
	img_oe(&img);
	img_phdr(&img, 2)->p_align = 4096;      /* two guesses, and a signed MRENCLAVE */
	memcpy(img.b + OE_INFO + 144, sgx_sigstruct_header, sizeof(sgx_sigstruct_header));
	try_all("Open Enclave's format", &img, NULL);
	sgxs(&img);
	try_all("an SGXS stream", &img, NULL);
	memset(&img, 0, sizeof(img));
	img.n = IMG_BYTES;
	try_all("raw pages", &img, "raw:tcs,tcs,tcs,r,rw");
	return tap_done();
}
