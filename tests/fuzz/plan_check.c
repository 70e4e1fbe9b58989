/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Soundness of plans, for the tests that feed parsers with damaged files. */
#include "plan_check.h"

#include <stdlib.h>
#include <string.h>

#define PAGE         4096u
#define RUN_PAGES    64u         /* read at each end of a run */
#define READ_RUNS    4096u

struct extent {
	uint64_t off, end;
};

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static const char *overlaps(const struct plan *p)
{
	struct extent *x = calloc(p->n_runs + 1, sizeof(*x));
	const char *why = NULL;

	if (!x)
		abort();
	for (size_t i = 0; i < p->n_runs; i++)
		x[i] = (struct extent){ p->runs[i].off, p->runs[i].off + p->runs[i].pages * PAGE };
	qsort(x, p->n_runs, sizeof(*x), compare_extents);
	for (size_t i = 1; i < p->n_runs && !why; i++)
		if (x[i].off < x[i - 1].end)
			why = "two runs overlap";
	free(x);
	return why;
}

static const char *run_unsound(const struct plan *p, const struct plan_run *r)
{
	uint64_t type = r->secinfo & 0xff00, perm = r->secinfo & 0xff;

	if (!r->pages || r->off % PAGE || r->off >= p->size || r->pages > (p->size - r->off) / PAGE)
		return "a run leaves the enclave";
	if (r->secinfo >> 16 || (type != 0x100 && type != 0x200) || perm > 7 || (type == 0x100 && perm) ||
	    (perm & 3) == 2)
		return "SECINFO that EADD refuses";
	if (r->data && (r->data_lead >= PAGE || r->data_bytes > r->pages * PAGE - r->data_lead))
		return "data outside its run";
	if (!r->what || !r->what[0])
		return "a run without a word for it";
	return NULL;
}

const char *plan_unsound(const struct plan *p)
{
	uint64_t added = 0, measured = 0;
	size_t tcs = 0;

	if (p->size < 2 * PAGE || (p->size & (p->size - 1)))
		return "SIZE that ECREATE refuses";
	if (!p->n_tcs && !p->no_run)
		return "no TCS";
	if (!p->ssaframesize)
		return "no SSA frame";
	if (p->has_base && (p->base & (p->size - 1)))
		return "a base that is not aligned to SIZE";
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];
		const char *why = run_unsound(p, r);

		if (why)
			return why;
		if ((r->secinfo & 0xff00) == 0x100)
			tcs += r->pages;
		added += r->pages;
		measured += plan_run_measured(r) ? r->pages : 0;
	}
	for (size_t i = 0; i < p->n_dynamic; i++)
		if (p->dynamic[i].off >= p->size || p->dynamic[i].pages > (p->size - p->dynamic[i].off) / PAGE)
			return "a dynamic range leaves the enclave";
	if (tcs != p->n_tcs || added != p->pages_added || measured != p->pages_measured)
		return "counts that are not those of the runs";
	return overlaps(p);
}

static unsigned int read_run(const struct plan *p, const struct plan_run *r)
{
	unsigned int sum = 0;
	uint8_t page[PAGE];
	struct plan_place place;

	for (uint64_t k = 0; k < r->pages; k++) {
		if (k == RUN_PAGES && r->pages > 2 * RUN_PAGES)
			k = r->pages - RUN_PAGES;
		plan_run_page(r, k, page);
		sum += page[0] + page[PAGE - 1];
		for (unsigned i = 0; i < PAGE; i += 64)
			sum += page[i];
	}
	for (unsigned bits = r->chunk_order ? r->chunks : 0, i = 0; bits; bits &= bits - 1)
		sum += r->chunk_order[i++];
	if (!plan_locate(p, r->off, &place))
		sum += (unsigned)(place.section ? strlen(place.section) : 0) +
		       (unsigned)(place.symbol ? strlen(place.symbol) : 0);
	return sum + (unsigned)strlen(r->what);
}

unsigned int plan_read(const struct plan *p)
{
	static const struct plan_host host = { .xfrm = 0xe7, .miscselect = 1 };
	struct sgx_arch_secs secs;
	struct err e = { 0 };
	uint8_t signer[32];
	unsigned int sum = 0;

	for (size_t i = 0; i < p->n_runs && i < READ_RUNS; i++)
		sum += read_run(p, &p->runs[i]);
	for (int debug = -1; debug <= 1; debug++)
		sum += (unsigned)plan_secs(p, p->has_sigstruct ? &p->sigstruct : NULL, debug, &host, &secs, &e);
	for (size_t i = 0; i < p->n_blocks; i++)
		sum += (unsigned)strlen(p->blocks[i].version) + p->blocks[i].sigstruct.isvsvn;
	for (size_t i = 0; i < p->n_facts; i++)
		sum += (unsigned)strlen(p->facts[i].key) +
		       (p->facts[i].kind == PLAN_FACT_TEXT ? (unsigned)strlen(p->facts[i].text) : 0);
	if (p->has_sigstruct) {
		sigstruct_mrsigner(&p->sigstruct, signer);
		sum += signer[0] + (unsigned)strlen(p->sigstruct_from);
	}
	return sum;
}
