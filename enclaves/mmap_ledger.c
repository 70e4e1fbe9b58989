/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bitmap behind mmap_ledger.h. */
#include "mmap_ledger.h"

#include "arch/sgx_arch.h"

#define BITS 64u

static uint64_t taken[LEDGER_PAGES / BITS];

static uint64_t ledger_end(const struct encl_tls *tls)
{
	uint64_t pages = tls->reserve_bytes / SGX_PAGE_SIZE;

	return pages < LEDGER_PAGES ? pages : LEDGER_PAGES;
}

static bool page_take(uint64_t page)
{
	uint64_t bit = (uint64_t)1 << page % BITS;

	return !(__atomic_fetch_or(&taken[page / BITS], bit, __ATOMIC_ACQ_REL) & bit);
}

void ledger_give(uint64_t first, uint64_t pages)
{
	for (uint64_t page = first; page < first + pages; page++)
		__atomic_fetch_and(&taken[page / BITS], ~((uint64_t)1 << page % BITS), __ATOMIC_ACQ_REL);
}

/* Takes up to `pages` pages from first on; how many it got before one was taken already. */
static uint64_t run_take(uint64_t first, uint64_t pages)
{
	for (uint64_t i = 0; i < pages; i++)
		if (!page_take(first + i))
			return i;
	return pages;
}

bool ledger_take_at(const struct encl_tls *tls, uint64_t first, uint64_t pages)
{
	uint64_t end = ledger_end(tls), got;

	if (first > end || pages > end - first)
		return false;
	got = run_take(first, pages);
	if (got == pages)
		return true;
	ledger_give(first, got);
	return false;
}

int64_t ledger_take(const struct encl_tls *tls, uint64_t pages)
{
	uint64_t end = ledger_end(tls), first = 0;

	while (first <= end && pages <= end - first) {
		uint64_t got = run_take(first, pages);

		if (got == pages)
			return (int64_t)first;
		ledger_give(first, got);
		first += got + 1;       /* behind the page that was taken */
	}
	return -1;
}
