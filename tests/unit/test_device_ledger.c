/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ledger against an array of pages: random changes, every question compared. */
#include <stdlib.h>
#include <string.h>

#include "device_rig.h"
#include "tap.h"

#define N 64u           /* pages */
#define ROUNDS 20000

struct page {
	bool known;
	unsigned rwx;
};

static uint64_t state = 88172645463325252u;

static unsigned pick(unsigned below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state % below);
}

static void take(struct page_note *n, const void *arg)
{
	n->rwx &= *(const unsigned *)arg;
}

static void change(struct encl *en, struct page *model)
{
	unsigned at = pick(N), n = 1 + pick(N - at), rwx = pick(8), i;
	struct page_note note = { .off = PAGES_TO_BYTES(at), .pages = n, .origin = PAGE_EAUG,
				  .pt = SGX_PT_REG, .rwx = rwx };

	if (ledger_reserve(en, NULL))
		abort();
	switch (pick(3)) {
	case 0:
		ledger_set(en, &note);
		for (i = at; i < at + n; i++)
			model[i] = (struct page){ true, rwx };
		break;
	case 1:
		ledger_clear(en, note.off, n);
		memset(model + at, 0, n * sizeof(*model));
		break;
	default:
		ledger_apply(en, note.off, n, take, &rwx);
		for (i = at; i < at + n; i++)
			model[i].rwx &= rwx;
	}
}

static bool answers(struct encl *en, const struct page *model)
{
	unsigned at = pick(N), n = 1 + pick(N - at), up = 0, down = 0, known = 0;
	struct page_note note;
	bool got = ledger_get(en, PAGES_TO_BYTES(at), &note);

	while (up < n && !model[at + up].known)
		up++;
	while (down < n && !model[at + n - 1 - down].known)
		down++;
	for (unsigned i = at; i < at + n; i++)
		known += model[i].known;
	return got == model[at].known && (!got || note.rwx == model[at].rwx) &&
	       ledger_free_up(en, PAGES_TO_BYTES(at), n) == up && ledger_free_down(en, PAGES_TO_BYTES(at),
										   n) == down &&
	       ledger_known(en, PAGES_TO_BYTES(at), n) == known;
}

/* Sorted, apart from each other, and merged. */
static bool sound(const struct encl *en)
{
	for (size_t i = 1; i < en->n_notes; i++) {
		const struct page_note *a = &en->notes[i - 1], *b = &en->notes[i];
		uint64_t end = a->off + PAGES_TO_BYTES(a->pages);

		if (!a->pages || !b->pages || end > b->off || (end == b->off && a->rwx == b->rwx))
			return false;
	}
	return true;
}

int main(void)
{
	struct page model[N] = { 0 };
	struct encl en = { .size = PAGES_TO_BYTES(N) };
	unsigned wrong = 0, unsound = 0;
	uint64_t off;

	pthread_mutex_init(&en.lock, NULL);
	for (unsigned i = 0; i < ROUNDS; i++) {
		change(&en, model);
		unsound += !sound(&en);
		wrong += !answers(&en, model);
	}
	is_u64(wrong, 0, "after %u random changes every answer was that of the array", ROUNDS);
	is_u64(unsound, 0, "and the notes were sorted, apart and merged");

	ledger_clear(&en, 0, N);
	is_u64(en.n_notes, 0, "clearing everything leaves no note");
	ok(!encl_find_free(&en, 0, N, &off, NULL) && off == 0, "then all of ELRANGE is free");
	ok(encl_find_free(&en, 0, N + 1, &off, NULL) == -1, "and no more than that");
	ledger_reserve(&en, NULL);
	ledger_set(&en, &(struct page_note){ .off = PAGES_TO_BYTES(3), .pages = 2 });
	ok(!encl_find_free(&en, 0, 4, &off, NULL) && off == PAGES_TO_BYTES(5),
	   "a range that does not fit before fits behind");
	ok(!encl_find_free(&en, 0, 3, &off, NULL) && off == 0, "a range that fits before is before");
	free(en.notes);
	return tap_done();
}
