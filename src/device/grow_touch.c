/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Host pre-touch: a plain load from a mapped, empty enclave page makes the kernel add the page and install
 * its entry; the load itself yields the abort page.  No enclave code runs and nothing exits.
 */
#include <signal.h>
#include <sys/resource.h>

#include "device/internal.h"

#define ABORT_BYTE 0xff

static int count_entries(void *arg, const struct model_range *r)
{
	if (r->pte)
		*(uint64_t *)arg += r->pages;
	return 0;
}

/*
 * A number that grows by one with each fault of this loop.  A model shows the page-table entries of the
 * range, which nobody else touches; the kernel counts the faults of this thread.
 */
static uint64_t faults_so_far(const struct grow_ctx *g)
{
	struct rusage u;
	uint64_t n = 0;

	if (!model_each_range(g->en, g->off, g->pages, count_entries, &n))
		return n;
	if (getrusage(RUSAGE_THREAD, &u))
		return 0;
	return (uint64_t)u.ru_minflt + (uint64_t)u.ru_majflt;
}

static int touch_page(struct grow_ctx *g, uint64_t off, struct err *e)
{
	struct encl *en = g->en;
	struct model_counters c;
	uint8_t byte = 0;
	int r = en->dev->ops->touch(en->dev, en->base + off, &byte);

	/* once more: the loser of a race for one page gets SIGBUS though the page is there */
	if (r == -SIGBUS)
		r = en->dev->ops->touch(en->dev, en->base + off, &byte);
	if (!r && byte == ABORT_BYTE)
		return 0;
	if (!r)
		err_set(e, ERR_AUGMENT, 0, "offset 0x%llx reads 0x%02x to the host: this is no enclave page",
			(unsigned long long)off, byte);
	else if (r == -SIGBUS && !model_get_counters(en, &c) && c.epc_used >= c.epc_total)
		err_set(e, ERR_NO_EPC, 0, "no EPC page for offset 0x%llx", (unsigned long long)off);
	else
		err_set(e, ERR_AUGMENT, 0, "the kernel could not add the page at offset 0x%llx (%s)",
			(unsigned long long)off, r == -SIGBUS ? "SIGBUS" : "SIGSEGV");
	err_offset(e, off);
	return encl_add_refusal(en, NULL, e);
}

int grow_by_touch(struct grow_ctx *g, struct err *e)
{
	struct encl *en = g->en;
	uint64_t faults, i;
	int r = 0;

	if (encl_map(en, g->off, g->pages, g->prot, e))
		return -1;
	faults = faults_so_far(g);
	for (i = 0; i < g->pages; i++) {
		r = touch_page(g, g->off + PAGES_TO_BYTES(g->q->down ? g->pages - 1 - i : i), e);
		if (r)
			break;
		if (!(i % 1024))
			grow_progress(g, i);
	}
	encl_count(en, host_faults, faults_so_far(g) - faults);
	g->r->augmented_pages = i;
	grow_note(en, g->q->down ? g->off + PAGES_TO_BYTES(g->pages - i) : g->off, i, false, RWX_RW);
	if (i < g->pages)
		encl_reserve_again(en, g->q->down ? g->off : g->off + PAGES_TO_BYTES(i), g->pages - i, NULL);
	return r;
}
