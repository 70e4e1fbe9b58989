/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a process leaves behind that was killed in the middle of a leaf: locks in the enclave's file, which no CPU would
 * have left, and which make every later leaf on the page answer as contended.
 *
 * They carry no owner: a leaf is too short for that.  They are taken for left behind when a process that used the enclave
 * is gone, somebody has waited for about a second, and the word has not changed for a while since.
 *
 * A process that is killed inside leaves its TCS in use, which says by whom.
 *
 * Context: signal handlers; a lock of the enclave may be held.
 */
#include <time.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

#define MAX_LOCKED 64
#define WATCH_NS   100000000

struct locked {
	uint64_t page;
	uint32_t word;
};

/* The next page >= i whose EPCM entry may be in use: entries of never-used pages are holes of the file. */
static uint64_t next_entry(const struct emul_encl *en, uint64_t i, uint64_t end)
{
	return emul_next_used(en, EMUL_OFF_EPCM, sizeof(*en->epcm), i, end);
}

static unsigned find_locked(const struct emul_encl *en, struct locked *ret)
{
	uint64_t end = en->sh->size >> SGX_PAGE_SHIFT, chunk = SGX_PAGE_SIZE / sizeof(*en->epcm);
	unsigned n = 0;

	for (uint64_t i = next_entry(en, 0, end); i < end && n < MAX_LOCKED; i = i < end ? next_entry(en, i, end) : end) {
		uint64_t stop = (i / chunk + 1) * chunk;

		for (; i < end && i < stop && n < MAX_LOCKED; i++) {
			uint32_t w = sgxm_epcm_locked(&en->epcm[i]);

			if (w)
				ret[n++] = (struct locked){ i, w };
		}
	}
	return n;
}

bool emul_locks_recover(struct emul_encl *en)
{
	const struct timespec watch = { .tv_nsec = WATCH_NS };
	struct locked held[MAX_LOCKED];
	uint32_t secs_word;
	bool any = false;
	unsigned n;

	if (!emul_epc_lost_holder(en->sh) || !atomic_load(&en->mapped))
		return false;
	n = find_locked(en, held);
	secs_word = sgxm_epcm_locked(en->secs_epcm);
	raw2(SYS_nanosleep, &watch, 0);
	for (unsigned k = 0; k < n; k++)
		any |= sgxm_epcm_break(&en->epcm[held[k].page], held[k].word);
	if (secs_word)
		any |= sgxm_epcm_break(en->secs_epcm, secs_word);
	return any;
}

static bool is_tcs_in_use(const struct sgxm_out *out)
{
	static const char check[] = "EENTER.18";
	size_t i = 0;

	if (out->kind != SGXM_GP || !out->check)
		return false;
	while (check[i] && out->check[i] == check[i])
		i++;
	return !check[i] && !out->check[i];
}

bool emul_tcs_recover(struct emul_encl *en, const struct sgxm_out *out, uint64_t tcs_la)
{
	const struct timespec watch = { .tv_nsec = WATCH_NS / 10 };

	if (!is_tcs_in_use(out))
		return false;
	struct emul_inside *in = &en->inside[emul_page_index(en, tcs_la)];
	uint32_t tid = atomic_load(&in->tid), epoch = in->epoch;

	if (!tid || !emul_thread_dead(tid, false))
		return false;
	/* another one may have entered and not written its name yet */
	raw2(SYS_nanosleep, &watch, 0);
	if (!atomic_compare_exchange_strong(&in->tid, &tid, 0))
		return false;
	if (!sgxm_aex_lost(&en->machine, EMUL_EPA_PAGES + (tcs_la - en->sh->base), EMUL_EPA_SECS, epoch))
		return false;
	atomic_fetch_add_explicit(&en->sh->aexs, 1, memory_order_relaxed);
	return true;
}
