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

static void try_all(const char *what, struct image_bytes *img)
{
	long n, wrong = 0;
	int ret = -1;

	for (n = 1; ret < 0 && n < 100; n++) {
		struct plan p = { .size = 77 };
		struct err e = { 0 };

		fail_at = n;
		allocations = 0;
		ret = image_parse(img->b, img->n, NULL, &p, &e);
		fail_at = 0;
		if (ret < 0)
			wrong += e.code != ERR_NO_MEMORY || p.size != 77;
		else
			plan_release(&p);
	}
	ok(ret == 0 && n > 5 && !wrong, "%s: each of %ld failing allocations is reported", what, n - 2);
}

/* Two images that share little: pages moved, were added, changed. */
static void try_diff(struct image_bytes *x, struct image_bytes *y)
{
	struct plan a, b;
	long n, wrong = 0;
	int ret = -1;

	if (image_parse(x->b, x->n, NULL, &a, NULL) < 0 || image_parse(y->b, y->n, NULL, &b, NULL) < 0)
		exit(99);
	for (n = 1; ret < 0 && n < 100; n++) {
		struct plan_diffs diffs = { .n = 77 };
		struct err e = { 0 };

		fail_at = n;
		allocations = 0;
		ret = plan_diff(&a, &b, SIZE_MAX, &diffs, &e);
		fail_at = 0;
		if (ret < 0)
			wrong += e.code != ERR_NO_MEMORY || diffs.n != 77;
		else
			plan_diffs_release(&diffs);
	}
	ok(ret == 0 && n > 5 && !wrong, "comparing: each of %ld failing allocations is reported", n - 2);
	plan_release(&a);
	plan_release(&b);
}

int main(void)
{
	static struct image_bytes img, other;

	img_sgxctl(&img);
	img_note(&img)->ntcs = 100;     /* arrays have to grow */
	try_all("our format", &img);
	img_kernel(&img);
	try_all("the kernel's format", &img);
	img_sgxctl(&other);
	try_diff(&other, &img);
	return tap_done();
}
