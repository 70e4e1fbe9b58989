/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images of the Linux kernel's SGX selftests: an ELF whose first loadable segment is nothing but TCS pages.
 * Segments are placed by their offset in the file, not by their address; a heap that the loader chooses
 * follows them, unmeasured.
 *
 * Authority: Linux 6.1 tools/testing/selftests/sgx (load.c, sigstruct.c).
 */
#include <string.h>

#include "base/cleanup.h"
#include "image/internal.h"

#define HEAP_DEFAULT  SGX_PAGE_SIZE
#define SSAFRAMESIZE  1u
#define DYN_ENTRY_SYMBOL "encl_dyn_entry"

/* A page that EADD takes as a TCS and that can be entered: *ret_why says what is wrong with it. */
static bool tcs_shaped(const uint8_t page[SGX_PAGE_SIZE], const char **ret_why)
{
	struct sgx_arch_tcs tcs;

	memcpy(&tcs, page, sizeof(tcs));
	for (size_t i = 0; i < sizeof(tcs.reserved); i++) {
		if (tcs.reserved[i]) {
			*ret_why = "its reserved bytes are not zero";
			return false;
		}
	}
	if (!tcs.nssa)
		*ret_why = "it has no SSA frames";
	else if (!page_aligned(tcs.ossa) || !page_aligned(tcs.ofsbase) || !page_aligned(tcs.ogsbase))
		*ret_why = "its OSSA, OFSBASE or OGSBASE is not page aligned";
	else
		return true;
	return false;
}

/* The run of one segment, first being the file offset of the page that becomes offset 0. */
static struct plan_run segment_run(const struct elf_image *img, const struct elf_segment *s, uint64_t first)
{
	uint64_t start = page_down(s->offset), bytes = page_up(s->filesz);
	uint64_t in_file = img->n_bytes - start;

	return (struct plan_run){
		.off = start - first, .pages = bytes / SGX_PAGE_SIZE, .chunks = PLAN_CHUNKS_ALL,
		/* whole pages straight from the file, as the kernel's loader maps them */
		.data = img->bytes + start, .data_bytes = bytes < in_file ? bytes : in_file,
	};
}

static bool kernel_detect(const struct image_file *file)
{
	const struct elf_image *img = file->elf;
	const struct elf_segment *s = img->loads;
	struct sgx_arch_tcs tcs;
	uint8_t page[SGX_PAGE_SIZE];
	struct plan_run run;
	const char *why;

	if (!img->n_loads || s->flags != (PF_R | PF_W) || !s->filesz)
		return false;
	run = segment_run(img, s, page_down(s->offset));
	plan_run_page(&run, 0, page);
	memcpy(&tcs, page, sizeof(tcs));
	/* a TCS enters code that the file holds */
	return tcs_shaped(page, &why) && tcs.oentry < img->n_bytes;
}

static int check_tcs_pages(const struct plan_run *run, const struct elf_segment *s, uint32_t *ret_nssa,
			   struct err *e)
{
	for (uint64_t i = 0; i < run->pages; i++) {
		struct sgx_arch_tcs tcs;
		uint8_t page[SGX_PAGE_SIZE];
		const char *why;

		plan_run_page(run, i, page);
		if (!tcs_shaped(page, &why)) {
			err_set(e, ERR_BAD_LAYOUT, 0, "page %llu of the first segment is no TCS: %s",
				(unsigned long long)i, why);
			err_hint(e, "in this format the first segment is TCS pages and nothing else");
			return err_offset(e, page_down(s->offset) + i * SGX_PAGE_SIZE);
		}
		memcpy(&tcs, page, sizeof(tcs));
		if (!i || tcs.nssa < *ret_nssa)
			*ret_nssa = tcs.nssa;
	}
	return 0;
}

static int add_tcs_segment(struct plan_build *b, const struct elf_image *img, uint64_t first, struct err *e)
{
	const struct elf_segment *s = img->loads;
	struct plan_run run = segment_run(img, s, first);

	if (s->flags != (PF_R | PF_W) || !s->filesz) {
		err_set(e, ERR_NO_TCS, 0, "the first loadable segment, where the TCS pages are, is not RW");
		return err_offset(e, s->header_off);
	}
	run.secinfo = SGX_SECINFO_TCS;
	run.what = "tcs";
	if (check_tcs_pages(&run, s, &b->p.nssa, e) < 0)
		return -1;
	return plan_build_run(b, &run, e);
}

static int add_segment(struct plan_build *b, const struct elf_image *img, const struct elf_segment *s,
		       uint64_t first, struct err *e)
{
	struct plan_run run;

	if (s->offset < first) {
		err_set(e, ERR_BAD_LAYOUT, 0, "segment %u lies before the TCS pages in the file", s->index);
		return err_offset(e, s->header_off);
	}
	run = segment_run(img, s, first);
	run.secinfo = segment_secinfo(s->flags);
	run.what = segment_what(s->flags);
	if (plan_build_run(b, &run, e) < 0) {
		err_wrap(e, "segment %u", s->index);
		return err_offset(e, s->header_off);
	}
	return 0;
}

/* Adds all segments; *ret_end is where the last one ends, which is where the heap begins. */
static int add_segments(struct plan_build *b, const struct elf_image *img, uint64_t *ret_end, struct err *e)
{
	uint64_t first;

	if (!img->n_loads)
		return err_set(e, ERR_NO_TCS, 0, "the file has no loadable segment");
	first = page_down(img->loads[0].offset);
	if (add_tcs_segment(b, img, first, e) < 0)
		return -1;
	for (size_t i = 1; i < img->n_loads; i++) {
		if (add_segment(b, img, &img->loads[i], first, e) < 0)
			return -1;
	}
	const struct elf_segment *last = &img->loads[img->n_loads - 1];

	*ret_end = page_down(last->offset) - first + page_up(last->filesz);
	return 0;
}

/* Where a TCS made at run time would start; only believed when it is in code. */
static uint64_t dyn_entry(const struct plan *p, const struct elf_image *img)
{
	Elf64_Sym sym;

	if (!elf_image_symbol(img, SHT_SYMTAB, DYN_ENTRY_SYMBOL, &sym))
		return 0;
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		if ((r->secinfo & SGX_SECINFO_X) && sym.st_value >= r->off &&
		    sym.st_value - r->off < r->pages * SGX_PAGE_SIZE)
			return sym.st_value;
	}
	return 0;
}

static int kernel_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
			struct plan *ret_plan, struct err *e)
{
	const struct elf_image *img = file->elf;
	CLEANUP(plan_build_release) struct plan_build b = { 0 };
	uint64_t heap_bytes = opts->heap_bytes == UINT64_MAX ? HEAP_DEFAULT : opts->heap_bytes;
	uint64_t reserve_bytes = opts->reserve_bytes == UINT64_MAX ? 0 : opts->reserve_bytes;
	uint64_t at, reserve;
	struct plan_run heap = {
		.pages = heap_bytes / SGX_PAGE_SIZE, .what = "heap",
		.secinfo = SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W,
	};

	if (add_segments(&b, img, &at, e) < 0)
		return -1;
	heap.off = at;
	if (plan_build_run(&b, &heap, e) < 0 || plan_advance(&at, heap_bytes, "heap", e) < 0)
		return -1;
	reserve = at;
	if (plan_advance(&at, reserve_bytes, "reserve", e) < 0 ||
	    plan_build_dynamic(&b, reserve, reserve_bytes / SGX_PAGE_SIZE, "reserve", e) < 0)
		return -1;

	b.p.format = "kernel";
	b.p.size = plan_size_for(at);
	b.p.ssaframesize = SSAFRAMESIZE;
	b.p.attributes = (struct sgx_attributes){ SGX_ATTR_MODE64BIT, SGX_XFRM_LEGACY };
	b.p.dyn_entry = dyn_entry(&b.p, img);
	if (image_names_add(mem, img, NAMES_BY_FILE_OFFSET, -page_down(img->loads[0].offset), e) < 0)
		return -1;
	return plan_build_finish(&b, mem, ret_plan, e);
}

const struct image_reader image_reader_kernel = {
	.needs_elf = true, .detect = kernel_detect, .parse = kernel_parse,
};
