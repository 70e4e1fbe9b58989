/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The ELF part of an SDK enclave: patches, and the pages of the segments. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/sdk.h"

#define PATCH_BYTES 32u
#define SLOT_BYTES  8u          /* what a relocation writes */

/* ---- patches ------------------------------------------------------------------------------- */

static int patch_one(struct sdk *s, uint32_t at, uint64_t *total, struct err *e)
{
	uint64_t dst = sdk_get64(s->copy + at);
	uint32_t src = sdk_get32(s->copy + at + 8), bytes = sdk_get32(s->copy + at + 12);

	if (src > s->block.bytes || bytes > s->block.bytes - src)
		return sdk_bad(s, at + 8, e, "patch of %u bytes at 0x%x, outside its block of 0x%x", bytes,
			       src, s->block.bytes);
	if (dst > s->mem->n_bytes || bytes > s->mem->n_bytes - dst)
		return sdk_bad(s, at, e, "patch to 0x%llx (%u bytes), outside the file of 0x%llx",
			       (unsigned long long)dst, bytes, (unsigned long long)s->mem->n_bytes);
	*total += bytes;
	if (*total > SDK_MAX_PATCH_BYTES) {
		err_set(e, ERR_TOO_BIG, 0, "the patches write more than %u bytes", SDK_MAX_PATCH_BYTES);
		return err_offset(e, s->block.off + at);
	}
	memcpy(s->mem->bytes + dst, s->copy + src, bytes);
	return 0;
}

int sdk_patch(struct sdk *s, struct err *e)
{
	const struct sdk_dir *d = &s->block.patches;
	uint64_t total = 0;

	for (uint32_t at = 0; at < d->bytes; at += PATCH_BYTES) {
		if (patch_one(s, d->off + at, &total, e) < 0)
			return -1;
	}
	return 0;
}

/* ---- text relocations ---------------------------------------------------------------------- */

struct tables {
	bool textrel;
	uint64_t rela, rela_bytes, jmprel, jmprel_bytes;        /* addresses */
};

static void read_dynamic(const struct elf_image *elf, struct tables *t)
{
	struct elf_dynamic all;
	Elf64_Dyn dyn;

	elf_dynamic_open(elf, &all);
	while (elf_dynamic_next(&all, &dyn)) {
		switch (dyn.d_tag) {
		case DT_TEXTREL:
			t->textrel = true;
			break;
		case DT_RELA:
			t->rela = dyn.d_un.d_ptr;
			break;
		case DT_RELASZ:
			t->rela_bytes = dyn.d_un.d_val;
			break;
		case DT_JMPREL:
			t->jmprel = dyn.d_un.d_ptr;
			break;
		case DT_PLTRELSZ:
			t->jmprel_bytes = dyn.d_un.d_val;
			break;
		default:
			break;
		}
	}
}

/* Where in the file the table at this address is; it must lie inside one segment's bytes. */
static int find_table(const struct elf_image *elf, uint64_t addr, uint64_t bytes, uint64_t *ret_off,
		      struct err *e)
{
	for (size_t i = 0; i < elf->n_loads; i++) {
		const struct elf_segment *l = &elf->loads[i];

		if (addr < l->vaddr || addr - l->vaddr > l->filesz || bytes > l->filesz - (addr - l->vaddr))
			continue;
		*ret_off = l->offset + (addr - l->vaddr);
		return 0;
	}
	return err_set(e, ERR_BAD_ELF, 0,
		       "the relocations at 0x%llx (0x%llx bytes) are in no segment of the file",
		       (unsigned long long)addr, (unsigned long long)bytes);
}

static void mark(struct sdk_marks *m, uint64_t page)
{
	if (!m->n || m->pages[m->n - 1] != page)
		m->pages[m->n++] = page;
}

static int mark_table(const struct elf_image *elf, struct sdk_marks *m, uint64_t addr, uint64_t bytes,
		      struct err *e)
{
	uint64_t n = bytes / sizeof(Elf64_Rela), off = 0;
	uint64_t *bigger;

	if (!n)
		return 0;
	if (find_table(elf, addr, bytes, &off, e) < 0)
		return -1;
	bigger = reallocarray(m->pages, m->n + 2 * n, sizeof(*bigger));
	if (!bigger)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for %llu relocations",
			       (unsigned long long)n);
	m->pages = bigger;
	for (uint64_t i = 0; i < n; i++) {
		Elf64_Rela r;

		memcpy(&r, elf->bytes + off + i * sizeof(r), sizeof(r));
		if (ELF64_R_TYPE(r.r_info) == R_X86_64_NONE)
			continue;
		mark(m, r.r_offset / SGX_PAGE_SIZE);
		if (r.r_offset % SGX_PAGE_SIZE > SGX_PAGE_SIZE - SLOT_BYTES)
			mark(m, r.r_offset / SGX_PAGE_SIZE + 1);
	}
	return 0;
}

static int compare_pages(const void *a, const void *b)
{
	uint64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return x < y ? -1 : x > y;
}

int sdk_read_marks(const struct elf_image *elf, struct sdk_marks *ret_marks, struct err *e)
{
	struct tables t = { 0 };
	size_t n = 0;

	read_dynamic(elf, &t);
	if (!t.textrel)
		return 0;
	if (mark_table(elf, ret_marks, t.rela, t.rela_bytes, e) < 0 ||
	    mark_table(elf, ret_marks, t.jmprel, t.jmprel_bytes, e) < 0)
		return -1;
	if (ret_marks->n)
		qsort(ret_marks->pages, ret_marks->n, sizeof(*ret_marks->pages), compare_pages);
	for (size_t i = 0; i < ret_marks->n; i++) {
		if (!n || ret_marks->pages[i] != ret_marks->pages[n - 1])
			ret_marks->pages[n++] = ret_marks->pages[i];
	}
	ret_marks->n = n;
	return 0;
}

void sdk_marks_release(struct sdk_marks *m)
{
	free(m->pages);
	m->pages = NULL;
	m->n = 0;
}

/* ---- segments ------------------------------------------------------------------------------ */

/* Pages [first, first + pages) of a run, as a run of its own. */
static struct plan_run slice(const struct plan_run *run, uint64_t first, uint64_t pages)
{
	struct plan_run part = *run;
	uint64_t skip = first * SGX_PAGE_SIZE, end = skip + pages * SGX_PAGE_SIZE;
	uint64_t from = run->data_lead, to = run->data_lead + run->data_bytes;

	part.off += skip;
	part.pages = pages;
	if (from < skip)
		from = skip;
	if (to > end)
		to = end;
	if (!run->data || from >= to) {
		part.data = NULL;
		part.data_bytes = part.data_lead = 0;
		return part;
	}
	part.data = run->data + (from - run->data_lead);
	part.data_bytes = to - from;
	part.data_lead = from - skip;
	return part;
}

/* The pages with data of a segment that is not writable: marked ones become so. */
static int add_marked(struct sdk *s, const struct plan_run *run, const struct sdk_marks *marks,
		      uint64_t file_off, struct err *e)
{
	uint64_t first = run->off / SGX_PAGE_SIZE, at = 0;
	uint64_t with_data = page_up(run->data_lead + run->data_bytes) / SGX_PAGE_SIZE;
	size_t low = 0, high = marks->n;
	struct plan_run part;

	while (low < high) {    /* the first mark that is not below the run */
		size_t mid = low + (high - low) / 2;

		if (marks->pages[mid] < first)
			low = mid + 1;
		else
			high = mid;
	}
	while (low < marks->n && marks->pages[low] - first < with_data) {
		uint64_t begin = marks->pages[low] - first, n = 1;

		while (low + n < marks->n && marks->pages[low + n] - first == begin + n &&
		       begin + n < with_data)
			n++;
		part = slice(run, at, begin - at);
		if (sdk_add_run(s, &part, file_off, e) < 0)
			return -1;
		part = slice(run, begin, n);
		part.secinfo |= SGX_SECINFO_W;
		part.what = "text-reloc";
		if (sdk_add_run(s, &part, file_off, e) < 0)
			return -1;
		s->text_relocations += n;
		at = begin + n;
		low += n;
	}
	part = slice(run, at, run->pages - at);
	return sdk_add_run(s, &part, file_off, e);
}

/*
 * Metadata 1.3 alone: the run-time rounded the size of a segment up before it placed it, so one that begins
 * inside a page may get a page more than it covers, if that is free.  next: NULL behind the last one.
 */
static int add_extra_page(struct sdk *s, const struct elf_segment *l, const struct elf_segment *next,
			  uint64_t file_off, struct err *e)
{
	uint64_t end = page_up(l->vaddr + l->memsz);
	struct plan_run run = {
		.off = end, .pages = 1, .secinfo = segment_secinfo(l->flags), .chunks = PLAN_CHUNKS_ALL,
		.what = segment_what(l->flags),
	};

	if (end >= page_up(page_up(l->memsz) + l->vaddr) || (next && end >= page_down(next->vaddr)))
		return 0;
	return sdk_add_run(s, &run, file_off + l->header_off, e);
}

static int add_segment(struct sdk *s, const struct elf_image *elf, const struct elf_segment *l,
		       const struct sdk_marks *marks, uint64_t mem_off, uint64_t file_off, struct err *e)
{
	uint64_t start = page_down(l->vaddr), stop = page_up(l->vaddr + l->memsz);
	struct plan_run run = {
		.off = start + mem_off, .pages = (stop - start) / SGX_PAGE_SIZE,
		.secinfo = segment_secinfo(l->flags), .chunks = PLAN_CHUNKS_ALL,
		.data = l->filesz ? elf->bytes + l->offset : NULL, .data_bytes = l->filesz,
		.data_lead = l->filesz ? l->vaddr - start : 0, .what = segment_what(l->flags),
	};

	if (marks && !(l->flags & PF_W))
		return add_marked(s, &run, marks, file_off + l->header_off, e);
	return sdk_add_run(s, &run, file_off + l->header_off, e);
}

int sdk_add_segments(struct sdk *s, const struct elf_image *elf, const struct sdk_marks *marks,
		     uint64_t mem_off, uint64_t file_off, struct err *e)
{
	bool extra = marks && s->block.major == 1 && s->block.minor == 3;
	const struct elf_segment *highest = NULL;

	for (size_t i = 0; i < elf->n_loads; i++) {
		const struct elf_segment *l = &elf->loads[i];

		if (extra && highest && add_extra_page(s, highest, l, file_off, e) < 0)
			return -1;
		/* address 0 is never the highest: the page behind a text there is not added */
		if (l->vaddr > (highest ? highest->vaddr : 0))
			highest = l;
		if (add_segment(s, elf, l, marks, mem_off, file_off, e) < 0)
			return -1;
	}
	return extra && highest ? add_extra_page(s, highest, NULL, file_off, e) : 0;
}
