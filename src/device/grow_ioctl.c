/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_AUGMENT_PAGES.  The RFC answers 2 (no errno) when a page cannot be added, writes count even
 * then, and may stop early without an error; an untouched count tells the errors that came before any work.
 *
 * The range is mapped first: where the device installs page-table entries with the pages, it needs a mapping
 * to put them in; and a mapping that is refused is refused before anything was added.
 */
#include <errno.h>

#include "device/internal.h"

static int augment_loop(struct grow_ctx *g, uint64_t pages, struct err *e)
{
	struct encl *en = g->en;
	uint64_t done = 0, bytes = PAGES_TO_BYTES(pages);
	struct retry again = { 0 };

	while (done < bytes) {
		struct sgx_enclave_augment_pages arg = {
			.offset = g->q->off + done, .length = bytes - done, .count = UINT64_MAX,
		};
		long r = encl_ioctl(en, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &arg);
		bool untouched = arg.count == UINT64_MAX;
		int sys = r < 0 ? (int)-r : 0;

		if (!untouched) {
			if (arg.count > bytes - done)
				return err_set(e, ERR_AUGMENT, 0,
					       "AUGMENT_PAGES reports more pages than asked for");
			if (arg.count)
				retry_progress(&again);
			done += arg.count;
			g->r->augmented_pages = BYTES_TO_PAGES(done);
		}
		if (r > 0 || (sys == EBUSY && !untouched))
			return encl_explain_augment(en, g->q->off + done, r > 0 ? r : 0, sys, e);
		if (!sys && !untouched && arg.count)
			continue;
		if (!retry_again(&again, sys ? sys : EAGAIN))
			return encl_explain_augment(en, g->q->off + done, 0, sys, e);
	}
	return 0;
}

int grow_by_ioctl(struct grow_ctx *g, struct err *e)
{
	struct encl *en = g->en;
	bool map = g->pages && !en->adopted && en->state == ENCL_INITIALIZED && en->augment_ioctl == 1;
	uint64_t added;
	int r;

	if (map && encl_map(en, g->q->off, g->pages, g->prot, e))
		return -1;
	r = augment_loop(g, g->q->pages, e);
	added = g->r->augmented_pages;
	grow_note(en, g->q->off, added, false, RWX_RW);
	if (map && added < g->pages)
		encl_reserve_again(en, g->q->off + PAGES_TO_BYTES(added), g->pages - added, NULL);
	grow_progress(g, added);
	return r;
}
