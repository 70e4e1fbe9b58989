/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scenarios about ranges: over pages that exist, before INIT, beyond ELRANGE, unaligned.  Where the ioctl is
 * under test it is called raw, since its return value and count are what callers get wrong.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "keeper/scenario.h"

#define BYTES(pages) ((pages) * (uint64_t)SGX_PAGE_SIZE)

/*
 * How this device refuses a page that is there: the RFC by 2, later branches of it by an errno.  The emulated
 * device knows what it plays; of a kernel the first answer decides, and all others must be like it.
 */
static long refused(struct scenario_run *s, long first)
{
	if (scenario_kernel_is_fixed(s))
		return -EEXIST;
	if (!strcmp(sgx_dev_name(s->env->k->dev), "kernel") && (first == -EEXIST || first == -EBUSY))
		return first;
	return SGX_AUGMENT_RFC_REFUSED;
}

/* One raw AUGMENT; *ret_count is all ones when the device never wrote it. */
static long augment(struct scenario_run *s, uint64_t off, uint64_t bytes, uint64_t *ret_count)
{
	struct sgx_enclave_augment_pages a = { .offset = off, .length = bytes, .count = UINT64_MAX };
	long r = encl_ioctl(s->en, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a);

	if (a.count != UINT64_MAX && a.count)
		encl_note_pending(s->en, off, a.count / SGX_PAGE_SIZE);
	*ret_count = a.count;
	return r;
}

static void check_augment(struct scenario_run *s, const char *what, uint64_t off, uint64_t pages,
			  long expected, uint64_t expected_pages)
{
	uint64_t count;

	check_return(s, what, expected, augment(s, off, BYTES(pages), &count));
	check_u64(s, "bytes it says were added", BYTES(expected_pages), count);
}

/* Returns what the device answers for a page that is there. */
static long existing_raw(struct scenario_run *s)
{
	uint64_t off, count;
	long first;

	if (!scenario_room(s, 32, &off))
		return SGX_AUGMENT_RFC_REFUSED;
	check_augment(s, "pages 0 to 15", off, 16, 0, 16);
	first = augment(s, off, BYTES(16), &count);
	check_return(s, "the same again", refused(s, first), first);
	check_u64(s, "bytes it says were added", 0, count);
	check_augment(s, "pages 8 to 23", off + BYTES(8), 16, refused(s, first), 0);
	check_augment(s, "pages 16 to 23", off + BYTES(16), 8, 0, 8);
	return refused(s, first);
}

/* Augmenting over a page that exists: the pages before it are added, the page is as it was. */
static void augment_existing(struct scenario_run *s)
{
	struct grow_request q = { .pages = 16, .strategy = s->strategy, .accept = true, .rwx = PERM_RW };
	struct grow_result r;
	struct err e = { 0 };
	long answer = 0;
	int result;

	if (s->strategy == GROW_IOCTL)
		answer = existing_raw(s);
	if (!scenario_room(s, 32, &q.off) || !scenario_grow(s, q.off, 16, &r))
		return;
	scenario_word(s, "write to the first page", q.off, 21);
	result = encl_grow(s->en, &q, &r, &e);
	check_error(s, "the same range again", ERR_PAGE_EXISTS, result, &e);
	check_hex(s, "at offset", q.off, e.offset);
	check_u64(s, "pages augmented", 0, r.augmented_pages);
	if (s->strategy == GROW_IOCTL)
		check_return(s, "what the ioctl returned", answer, e.sys ? -e.sys : e.returned);
	scenario_word(s, "the pages are still there", q.off, 22);
}

static void partial_range(struct scenario_run *s)
{
	struct grow_request q = { .pages = 8, .strategy = s->strategy, .accept = true, .rwx = PERM_RW };
	struct grow_result r;
	struct err e = { 0 };
	uint64_t off;
	int result;

	if (!scenario_room(s, 16, &off) || !scenario_grow(s, off + BYTES(8), 8, &r))
		return;
	q.off = off + BYTES(4);
	result = encl_grow(s->en, &q, &r, &e);
	check_error(s, "pages 4 to 11, 8 to 15 being there", ERR_PAGE_EXISTS, result, &e);
	check_hex(s, "the page in the way", off + BYTES(8), e.offset);
	check_u64(s, "pages augmented", 4, r.augmented_pages);
	check_u64(s, "pages accepted", 4, r.accepted_pages);
	scenario_fill(s, "use all twelve", off + BYTES(4), 12, 23);
}

static void before_init(struct scenario_run *s)
{
	struct err e = { 0 };
	uint64_t off, count;
	uint8_t byte;

	if (!scenario_room(s, 4, &off))
		return;
	if (s->strategy == GROW_IOCTL) {
		check_return(s, "AUGMENT before INIT", -EINVAL, augment(s, off, BYTES(4), &count));
		check_hex(s, "count is not written", UINT64_MAX, count);
	} else {
		check_done(s, "map before INIT", encl_map(s->en, off, 4, PROT_READ | PROT_WRITE, &e), &e);
		check_return(s, "touch before INIT", -SIGBUS,
			     s->en->dev->ops->touch(s->en->dev, s->en->base + off, &byte));
		encl_unmap(s->en, off, 4, &e);
	}
	if (!check_done(s, "INIT", encl_init(s->en, &e), &e))
		return;
	if (s->en->sgx2 != 1) {
		scenario_skip(s, "no SGX2 here");
		return;
	}
	if (s->strategy == GROW_IOCTL && s->en->augment_ioctl != 1) {
		scenario_skip(s, "this kernel has no AUGMENT_PAGES ioctl");
		return;
	}
	if (scenario_room(s, 4, &off)) {
		struct grow_result r;

		scenario_grow(s, off, 4, &r);
	}
}

static void beyond_elrange(struct scenario_run *s)
{
	uint64_t last = s->en->size - SGX_PAGE_SIZE, count;
	struct grow_request q = { .off = last, .pages = 2, .strategy = s->strategy, .accept = true,
				  .rwx = PERM_RW };
	struct grow_result r;
	struct err e = { 0 };
	uint64_t off;

	if (s->strategy == GROW_IOCTL) {
		check_return(s, "the last page and one more", -EINVAL, augment(s, last, BYTES(2), &count));
		check_return(s, "the page behind the last", -EINVAL,
			     augment(s, s->en->size, BYTES(1), &count));
		check_return(s, "a range that wraps around", -EINVAL,
			     augment(s, last, UINT64_MAX - SGX_PAGE_SIZE + 1, &count));
	}
	check_error(s, "grow beyond the end", ERR_BAD_RANGE, encl_grow(s->en, &q, &r, &e), &e);
	check_u64(s, "pages augmented", 0, r.augmented_pages);
	if (encl_find_free(s->en, last, 1, &off, &e))
		return;         /* a named enclave may use its last page */
	if (scenario_grow(s, last, 1, &r))
		scenario_word(s, "use the last page", last + SGX_PAGE_SIZE - sizeof(uint64_t), 31);
}

static void unaligned(struct scenario_run *s)
{
	uint64_t off, count;

	if (!scenario_room(s, 4, &off))
		return;
	check_return(s, "offset not on a page", -EINVAL, augment(s, off + 8, BYTES(1), &count));
	check_return(s, "length no whole pages", -EINVAL, augment(s, off, BYTES(1) + 8, &count));
	check_return(s, "length 0", -EINVAL, augment(s, off, 0, &count));
	check_hex(s, "count is not written", UINT64_MAX, count);
	check_augment(s, "the aligned range", off, 4, 0, 4);
}

const struct scenario scenarios_range[] = {
	{ "augment-existing", "augment over pages that are there", ON_ALL, NEEDS_SGX2, "grow", 16,
	  augment_existing, false },
	{ "partial-range", "augment a range whose end is there already", ON_ALL, NEEDS_SGX2, "grow", 12,
	  partial_range, false },
	{ "before-init", "augment an enclave that is not initialised", ON_IOCTL | ON_TOUCH,
	  NEEDS_SGX2 | NEEDS_FRESH, "grow", 4, before_init, true },
	{ "beyond-elrange", "augment up to the end of ELRANGE and beyond", ON_ALL, NEEDS_SGX2, "grow", 1,
	  beyond_elrange, false },
	{ "unaligned", "ranges that are no whole pages", ON_IOCTL, NEEDS_SGX2 | NEEDS_AUGMENT, "grow", 4,
	  unaligned, false },
	{ 0 }
};
