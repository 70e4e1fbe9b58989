/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of the pages that differ stand elsewhere in the other plan. */
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/diff_internal.h"

/* A page of one repeated word says little about where it came from: what it is for must be the same, too. */
static bool is_plain(const uint8_t page[SGX_PAGE_SIZE])
{
	return !memcmp(page, page + 4, SGX_PAGE_SIZE - 4);
}

/* False: not to be looked for elsewhere. */
static bool make_key(struct unit *u)
{
	struct {
		uint64_t secinfo, pages;
		char what[16];
		uint8_t order[PLAN_CHUNKS_PER_PAGE];
		uint8_t page[SGX_PAGE_SIZE];
	} about = { .secinfo = u->run->secinfo, .pages = u->pages };
	uint8_t copy[SGX_PAGE_SIZE], digest[32];
	const uint8_t *page = plan_run_page_added(u->run, u->index, copy);
	unsigned int n = plan_run_chunks(u->run, about.order);

	if (!u->whole || u->same_records || (u->in_place && is_plain(page)))
		return false;
	if (is_plain(page))
		memcpy(about.what, u->run->what, strnlen(u->run->what, sizeof(about.what)));
	memset(about.order + n, 0xff, sizeof(about.order) - n);
	memcpy(about.page, page, SGX_PAGE_SIZE);
	if (!EVP_Digest(&about, sizeof(about), digest, NULL, EVP_sha256(), NULL))
		return false;
	memcpy(u->key, digest, sizeof(u->key));
	return true;
}

static int compare_keys(const struct unit *a, const struct unit *b)
{
	for (int i = 0; i < 2; i++) {
		if (a->key[i] != b->key[i])
			return a->key[i] < b->key[i] ? -1 : 1;
	}
	return 0;
}

static int compare_units(const void *a, const void *b)
{
	const struct unit *x = *(const struct unit *const *)a, *y = *(const struct unit *const *)b;
	int r = compare_keys(x, y);

	return r ? r : unit_off(x) < unit_off(y) ? -1 : unit_off(x) > unit_off(y);
}

/* Those with keys, by key; for free(). */
static struct unit **by_key(struct units *u, size_t *ret_n)
{
	struct unit **list = calloc(u->n + 1, sizeof(struct unit *));

	*ret_n = 0;
	for (size_t i = 0; list && i < u->n; i++) {
		if (make_key(&u->v[i]))
			list[(*ret_n)++] = &u->v[i];
	}
	if (list)
		qsort(list, *ret_n, sizeof(struct unit *), compare_units);
	return list;
}

/* Equal units are paired in the order of their offsets, so neighbours stay neighbours. */
int units_find_moved(struct units units[2], struct err *e)
{
	CLEANUP(cleanup_free) struct unit **a = NULL;
	CLEANUP(cleanup_free) struct unit **b = NULL;
	size_t n_a, n_b;

	if (!units[0].n || !units[1].n)
		return 0;
	a = by_key(&units[0], &n_a);
	b = by_key(&units[1], &n_b);
	if (!a || !b)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the differences");
	for (size_t i = 0, j = 0; i < n_a && j < n_b;) {
		int r = compare_keys(a[i], b[j]);

		if (!r) {
			a[i]->to = unit_off(b[j]);
			b[j]->to = unit_off(a[i]);
		}
		i += r <= 0;
		j += r >= 0;
	}
	return 0;
}
