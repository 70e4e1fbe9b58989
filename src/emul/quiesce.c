/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When pages may leave the EPC: after the page-table entries are gone everywhere, no thread of any process uses contents
 * that it found through one, and TCS and SSA pages of threads inside, which the CPU model has cached and writes at an AEX
 * without looking, are left out.  All that is asked is in the enclave's file, so it is the same for enclaves of this process
 * and of others.
 *
 * Context: sh->mutex held, signals blocked; also in signal handlers and between EENTER and the enclave.
 */
#include "emul/driver.h"
#include "emul/encl.h"
#include "machine/tcs.h"

/* Pages [first, end) are in use. */
static void keep(uint64_t *pages, unsigned n, uint64_t first, uint64_t end)
{
	for (unsigned k = 0; k < n; k++)
		if (pages[k] >= first && pages[k] < end)
			pages[k] = EMUL_NO_PAGE;
}

/* The TCS that a thread is inside by, or about to be, and all its SSA frames. */
static void keep_entry(struct emul_encl *en, uint64_t tcs_page, uint64_t *pages, unsigned n)
{
	const struct sgxm_secs *secs = (const struct sgxm_secs *)en->secs;
	struct tcs_fields t;

	/* not in the EPC: the entry will fault, and begin again when we are done */
	if (!sgxm_epcm_get(&en->machine, EMUL_EPA_PAGES + (tcs_page << SGX_PAGE_SHIFT)).valid)
		return;
	keep(pages, n, tcs_page, tcs_page + 1);
	tcs_get(en->alias + (tcs_page << SGX_PAGE_SHIFT), &t);
	t.ossa >>= SGX_PAGE_SHIFT;
	keep(pages, n, t.ossa, t.ossa + (uint64_t)t.nssa * secs->a.ssaframesize);
}

/* The next page >= i by which somebody may have entered: entries of others are holes of the file. */
static uint64_t next_entered(const struct emul_encl *en, uint64_t i, uint64_t end)
{
	return emul_next_used(en, EMUL_OFF_INSIDE, sizeof(*en->inside), i, end);
}

static void keep_entered(struct emul_encl *en, uint64_t *pages, unsigned n)
{
	const uint64_t end = en->sh->size >> SGX_PAGE_SHIFT, chunk = SGX_PAGE_SIZE / sizeof(*en->inside);

	for (uint64_t i = next_entered(en, 0, end); i < end; i = next_entered(en, i, end)) {
		uint64_t stop = (i / chunk + 1) * chunk;

		for (; i < end && i < stop; i++)
			if (atomic_load(&en->inside[i].tid) || atomic_load(&en->inside[i].entering))
				keep_entry(en, i, pages, n);
		if (i >= end)
			break;
	}
}

static bool is_free(enum emul_way way, bool *busy)
{
	*busy = *busy || way == EMUL_WAY_BUSY;
	return way == EMUL_WAY_FREE;
}

bool emul_quiesce(struct emul_encl *en, uint64_t *pages, unsigned n, bool *busy)
{
	if (!is_free(emul_elsewhere_evict(en, pages, n), busy) || !is_free(emul_elsewhere_unlooked(en), busy))
		return false;
	keep_entered(en, pages, n);
	/* whoever came while the mutex was free has taken its page back */
	for (unsigned k = 0; k < n; k++) {
		if (pages[k] == EMUL_NO_PAGE || emul_rec_load(&en->rec[pages[k]]) & EMUL_REC_LEAVING)
			continue;
		pages[k] = EMUL_NO_PAGE;
		*busy = true;
	}
	return true;
}
