/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plans: appending runs, the checks that hold for every format, reading pages back.
 *
 * Authority: Intel SDM Vol. 3D, EADD (SECINFO) and ECREATE (SIZE); Linux 6.1
 *            arch/x86/kernel/cpu/sgx/ioctl.c for what the driver refuses before the CPU does.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fmt.h"
#include "image/internal.h"

void plan_release(struct plan *p)
{
	if (!p)
		return;
	free(p->runs);
	free(p->dynamic);
	free(p->tcs);
	free(p->sigstruct_from);
	free(p->blocks);
	for (size_t i = 0; i < p->n_facts; i++)
		free(p->facts[i].text);
	free(p->facts);
	image_mem_free(p->priv);
	memset(p, 0, sizeof(*p));
}

void plan_build_release(struct plan_build *b)
{
	b->p.priv = NULL;       /* the caller's until plan_build_finish */
	plan_release(&b->p);
}

/* Makes room for one more element; the array stays usable when it cannot. */
static int make_room(void **array, size_t n, size_t *room, size_t element, struct err *e)
{
	size_t want = *room ? 2 * *room : 16;
	void *bigger;

	if (n < *room)
		return 0;
	bigger = reallocarray(*array, want, element);
	if (!bigger)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the plan of the enclave");
	*array = bigger;
	*room = want;
	return 0;
}

static int check_secinfo(const struct plan_run *run, struct err *e)
{
	unsigned int pt = (unsigned int)(run->secinfo >> SGX_SECINFO_PT_SHIFT & 0xff);
	unsigned int perm = (unsigned int)run->secinfo & SGX_SECINFO_RWX;
	char text[4];

	if (run->secinfo & ~(uint64_t)(SGX_SECINFO_PT_MASK | SGX_SECINFO_RWX))
		err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx: SECINFO.FLAGS 0x%llx has bits that EADD refuses",
			run->what, (unsigned long long)run->off, (unsigned long long)run->secinfo);
	else if (pt != SGX_PT_REG && pt != SGX_PT_TCS)
		err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx: pages of type %u cannot be added", run->what,
			(unsigned long long)run->off, pt);
	else if (pt == SGX_PT_TCS && perm)
		err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx: a TCS page has no rights", run->what,
			(unsigned long long)run->off);
	else if ((perm & PERM_W) && !(perm & PERM_R)) {
		err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx: rights %s: what can be written must be readable",
			run->what, (unsigned long long)run->off, perm_str(perm, text));
		err_hint(e, "EADD refuses W without R: give the segment the flags RW or RWX");
	} else {
		return 0;
	}
	return err_offset(e, run->off);
}

static int add_tcs_pages(struct plan_build *b, const struct plan_run *run, struct err *e)
{
	size_t before = b->p.n_tcs;

	if (run->pages > PLAN_MAX_TCS - before) {
		err_set(e, ERR_TOO_BIG, 0, "more than %u TCS pages", PLAN_MAX_TCS);
		return err_offset(e, run->off);
	}
	for (uint64_t i = 0; i < run->pages; i++) {
		if (make_room((void **)&b->p.tcs, b->p.n_tcs, &b->room_tcs, sizeof(*b->p.tcs), e) < 0) {
			b->p.n_tcs = before;
			return -1;
		}
		b->p.tcs[b->p.n_tcs++] = run->off + i * SGX_PAGE_SIZE;
	}
	return 0;
}

int plan_build_run(struct plan_build *b, const struct plan_run *run, struct err *e)
{
	if (!run->pages)
		return 0;
	if (check_secinfo(run, e) < 0)
		return -1;
	if (b->p.n_runs >= PLAN_MAX_RUNS || run->pages > PLAN_MAX_PAGES - b->p.pages_added) {
		err_set(e, ERR_TOO_BIG, 0, "%s at 0x%llx: the image has more than %llu pages or %u runs",
			run->what, (unsigned long long)run->off, (unsigned long long)PLAN_MAX_PAGES,
			PLAN_MAX_RUNS);
		return err_offset(e, run->off);
	}
	if (make_room((void **)&b->p.runs, b->p.n_runs, &b->room_runs, sizeof(*b->p.runs), e) < 0)
		return -1;
	if ((run->secinfo & SGX_SECINFO_PT_MASK) == SGX_SECINFO_TCS && add_tcs_pages(b, run, e) < 0)
		return -1;

	b->p.runs[b->p.n_runs++] = *run;
	b->p.pages_added += run->pages;
	if (plan_run_measured(run))
		b->p.pages_measured += run->pages;
	return 0;
}

int plan_build_dynamic(struct plan_build *b, uint64_t off, uint64_t pages, const char *what, struct err *e)
{
	if (!pages)
		return 0;
	if (b->p.n_dynamic >= PLAN_MAX_RUNS)
		return err_set(e, ERR_TOO_BIG, 0, "more than %u ranges for pages added at run time",
			       PLAN_MAX_RUNS);
	if (make_room((void **)&b->p.dynamic, b->p.n_dynamic, &b->room_dynamic, sizeof(*b->p.dynamic), e) < 0)
		return -1;
	b->p.dynamic[b->p.n_dynamic++] = (struct plan_dynamic){ off, pages, what };
	return 0;
}

static int add_fact(struct plan_build *b, const struct plan_fact *fact, struct err *e)
{
	if (make_room((void **)&b->p.facts, b->p.n_facts, &b->room_facts, sizeof(*b->p.facts), e) < 0)
		return -1;
	b->p.facts[b->p.n_facts++] = *fact;
	return 0;
}

int plan_build_fact(struct plan_build *b, const char *key, enum plan_fact_kind kind, uint64_t value,
		    struct err *e)
{
	return add_fact(b, &(struct plan_fact){ .key = key, .kind = kind, .value = value }, e);
}

int plan_build_fact_text(struct plan_build *b, const char *key, const char *text, struct err *e)
{
	struct plan_fact fact = { .key = key, .kind = PLAN_FACT_TEXT, .text = strdup(text) };

	if (!fact.text)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the plan of the enclave");
	if (add_fact(b, &fact, e) < 0) {
		free(fact.text);
		return -1;
	}
	return 0;
}

int plan_build_block(struct plan_build *b, const struct plan_block *block, struct err *e)
{
	if (make_room((void **)&b->p.blocks, b->p.n_blocks, &b->room_blocks, sizeof(*b->p.blocks), e) < 0)
		return -1;
	b->p.blocks[b->p.n_blocks++] = *block;
	return 0;
}

int plan_set_sigstruct(struct plan *p, const struct sgx_arch_sigstruct *sig, uint64_t file_off, struct err *e,
		       const char *from, ...)
{
	char *words;
	va_list ap;
	int n;

	va_start(ap, from);
	n = vasprintf(&words, from, ap);
	va_end(ap);
	if (n < 0)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the plan of the enclave");
	free(p->sigstruct_from);
	p->sigstruct_from = words;
	p->sigstruct = *sig;
	p->sigstruct_off = file_off;
	p->has_sigstruct = true;
	return 0;
}

void plan_build_nssa(struct plan_build *b)
{
	bool none = true;

	for (size_t i = 0; i < b->p.n_runs; i++) {
		const struct plan_run *r = &b->p.runs[i];

		for (uint64_t k = 0; (r->secinfo & SGX_SECINFO_PT_MASK) == SGX_SECINFO_TCS && k < r->pages; k++) {
			uint8_t page[SGX_PAGE_SIZE];
			struct sgx_arch_tcs tcs;

			plan_run_page(r, k, page);
			memcpy(&tcs, page, sizeof(tcs));
			if (none || tcs.nssa < b->p.nssa)
				b->p.nssa = tcs.nssa;
			none = false;
		}
	}
}

struct extent {
	uint64_t off, end;
	const char *what;
};

static int compare_extents(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

/* Everything inside ELRANGE and nothing twice: EADD would refuse the second page with EBUSY, late. */
static int check_extents(const struct plan *p, struct err *e)
{
	size_t n = p->n_runs + p->n_dynamic, i;
	struct extent *x = calloc(n + 1, sizeof(*x));
	int ret = 0;

	if (!x)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the plan of the enclave");
	for (i = 0; i < p->n_runs; i++)
		x[i] = (struct extent){ p->runs[i].off, p->runs[i].off + p->runs[i].pages * SGX_PAGE_SIZE,
					p->runs[i].what };
	for (size_t j = 0; j < p->n_dynamic; j++, i++)
		x[i] = (struct extent){ p->dynamic[j].off,
					p->dynamic[j].off + p->dynamic[j].pages * SGX_PAGE_SIZE,
					p->dynamic[j].what };
	qsort(x, n, sizeof(*x), compare_extents);

	for (i = 0; i < n && !ret; i++) {
		if (x[i].end > p->size || x[i].end < x[i].off)
			ret = err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx leaves the enclave of size 0x%llx",
				      x[i].what, (unsigned long long)x[i].off, (unsigned long long)p->size);
		else if (i && x[i].off < x[i - 1].end)
			ret = err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx overlaps %s at 0x%llx", x[i].what,
				      (unsigned long long)x[i].off, x[i - 1].what,
				      (unsigned long long)x[i - 1].off);
		if (ret)
			err_offset(e, x[i].off);
	}
	free(x);
	return ret;
}

int plan_build_finish(struct plan_build *b, struct image_mem *mem, struct plan *ret_plan, struct err *e)
{
	struct plan *p = &b->p;

	if (!p->n_tcs && !p->no_run)
		return err_set(e, ERR_NO_TCS, 0, "the image has no TCS page");
	if (p->size < PLAN_MIN_SIZE || (p->size & (p->size - 1)))
		return err_set(e, ERR_BAD_LAYOUT, 0, "SECS.SIZE 0x%llx is no power of two of at least 0x%x",
			       (unsigned long long)p->size, PLAN_MIN_SIZE);
	if (check_extents(p, e) < 0)
		return -1;
	p->priv = mem;
	*ret_plan = *p;
	memset(b, 0, sizeof(*b));
	return 0;
}

uint64_t plan_size_for(uint64_t bytes)
{
	uint64_t size = PLAN_MIN_SIZE;

	if (bytes > PLAN_MAX_SIZE)
		return 0;
	while (size < bytes)
		size <<= 1;
	return size;
}

int plan_advance(uint64_t *at, uint64_t bytes, const char *what, struct err *e)
{
	if (*at > PLAN_MAX_SIZE || bytes > PLAN_MAX_SIZE - *at)
		return err_set(e, ERR_TOO_BIG, 0,
			       "%s: 0x%llx bytes at 0x%llx do not fit, an enclave ends at 0x%llx at most",
			       what,
			       (unsigned long long)bytes, (unsigned long long)*at,
			       (unsigned long long)PLAN_MAX_SIZE);
	*at += bytes;
	return 0;
}

/* ---- reading pages back -------------------------------------------------------------------- */

const uint8_t *plan_run_page_direct(const struct plan_run *r, uint64_t i)
{
	uint64_t start = i * SGX_PAGE_SIZE;     /* of the page, in the run */

	if (!r->data || r->present || start < r->data_lead)
		return NULL;
	start -= r->data_lead;
	if (start > r->data_bytes || r->data_bytes - start < SGX_PAGE_SIZE)
		return NULL;
	return r->data + start;
}

uint64_t plan_run_data_pages(const struct plan_run *r)
{
	uint64_t n;

	if (!r->data || r->present)
		return r->data ? r->pages : 0;
	n = (r->data_lead + r->data_bytes + SGX_PAGE_SIZE - 1) / SGX_PAGE_SIZE;
	return n < r->pages ? n : r->pages;
}

static void fill_bytes(uint8_t *buf, uint64_t from, uint64_t to, uint32_t fill)
{
	uint8_t pattern[sizeof(fill)];

	memcpy(pattern, &fill, sizeof(fill));
	if (pattern[0] == pattern[1] && !memcmp(pattern, pattern + 2, 2)) {
		memset(buf + from, pattern[0], to - from);
		return;
	}
	for (uint64_t at = from; at < to; at++)
		buf[at] = pattern[at % sizeof(fill)];
}

static void present_page(const struct plan_run *r, uint64_t i, uint8_t buf[SGX_PAGE_SIZE])
{
	const uint8_t *from = r->data + i * (uint64_t)__builtin_popcount(r->present) * SGX_EEXTEND_BYTES;

	fill_bytes(buf, 0, SGX_PAGE_SIZE, r->fill);
	for (unsigned int c = 0; c < PLAN_CHUNKS_PER_PAGE; c++) {
		if (!(r->present >> c & 1))
			continue;
		memcpy(buf + c * SGX_EEXTEND_BYTES, from, SGX_EEXTEND_BYTES);
		from += SGX_EEXTEND_BYTES;
	}
}

void plan_run_page(const struct plan_run *r, uint64_t i, uint8_t buf[4096])
{
	uint64_t start = i * SGX_PAGE_SIZE, end = start + SGX_PAGE_SIZE;
	uint64_t from = r->data_lead, to = r->data_lead + r->data_bytes;

	if (r->data && r->present) {
		present_page(r, i, buf);
		return;
	}
	if (from < start)
		from = start;
	if (to > end)
		to = end;
	if (!r->data || from >= to) {
		fill_bytes(buf, 0, SGX_PAGE_SIZE, r->fill);
		return;
	}
	fill_bytes(buf, 0, from - start, r->fill);
	memcpy(buf + (from - start), r->data + (from - r->data_lead), to - from);
	fill_bytes(buf, to - start, SGX_PAGE_SIZE, r->fill);
}
