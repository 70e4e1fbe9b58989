/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enclaves of the Intel SGX SDK: a shared object, signed, with metadata blocks in a note that no segment
 * loads.  The order of the pages, and so MRENCLAVE: segments of the patched file in table order, then the
 * layout table.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "image/sdk.h"

#define PATCH_BYTES    32u
#define LAYOUT_BYTES   32u
#define ELRANGE_BYTES  24u
#define EXTEND_BYTES   16u

#define EXTEND_FIPS_SIGNATURE 0x1001u
#define EXTEND_SECOND_ELF     0x1002u
#define SECOND_ELF_BYTES      24u       /* file offset, offset in the enclave, size */

#define MAX_SSAFRAMESIZE 65536u         /* pages; keeps products small, the SDK takes 2 at most */

#define SIM_SYMBOL "g_global_data_sim"  /* global data of the simulation library */
#define PCL_SECTION ".pcltbl"

/* A second ELF file inside the first. */
struct second {
	bool there;
	uint64_t file_off, mem_off;
	struct elf_image elf;
};

int sdk_bad(const struct sdk *s, uint64_t at, struct err *e, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, ERR_BAD_LAYOUT, 0, "%s", text);
	return err_offset(e, s->block.off + at);
}

int sdk_check_dir(const struct sdk *s, const struct sdk_dir *dir, uint32_t dir_at, uint32_t element,
		  const char *what, struct err *e)
{
	if (dir->off > s->block.bytes || dir->bytes > s->block.bytes - dir->off)
		return sdk_bad(s, dir_at, e, "%s: 0x%x bytes at 0x%x are outside the metadata block of 0x%x",
			       what, dir->bytes, dir->off, s->block.bytes);
	if (dir->bytes % element)
		return sdk_bad(s, dir_at + 4, e, "%s: 0x%x bytes are no number of elements of %u", what,
			       dir->bytes, element);
	return 0;
}

int sdk_add_run(struct sdk *s, const struct plan_run *run, uint64_t file_off, struct err *e)
{
	struct plan_run biased = *run;

	if (!run->pages)
		return 0;
	if (run->off > s->block.size || run->pages > (s->block.size - run->off) / SGX_PAGE_SIZE) {
		err_set(e, ERR_BAD_LAYOUT, 0, "%s at 0x%llx (%llu pages) leaves the enclave of size 0x%llx",
			run->what, (unsigned long long)run->off, (unsigned long long)run->pages,
			(unsigned long long)s->block.size);
		return err_offset(e, file_off);
	}
	biased.off += s->bias;
	return plan_build_run(&s->b, &biased, e) < 0 ? err_offset(e, file_off) : 0;
}

/* ---- the block's head ---------------------------------------------------------------------- */

static int check_block(struct sdk *s, struct err *e)
{
	const struct sdk_block *b = &s->block;

	if (b->bytes > SDK_MAX_BLOCK) {
		err_set(e, ERR_TOO_BIG, 0, "a metadata block of 0x%x bytes, more than 0x%x", b->bytes,
			SDK_MAX_BLOCK);
		return err_offset(e, b->off + 16);
	}
	if (!b->ssaframesize)
		return sdk_bad(s, 24, e, "metadata: SSAFRAMESIZE must be at least 1 page");
	if (b->ssaframesize > MAX_SSAFRAMESIZE) {
		err_set(e, ERR_TOO_BIG, 0, "metadata: SSAFRAMESIZE of %u pages", b->ssaframesize);
		return err_offset(e, b->off + 24);
	}
	if (b->size > PLAN_MAX_SIZE) {
		err_set(e, ERR_TOO_BIG, 0, "metadata: an enclave of 0x%llx bytes is larger than any can be",
			(unsigned long long)b->size);
		return err_offset(e, b->off + 40);
	}
	if (b->size < PLAN_MIN_SIZE || (b->size & (b->size - 1)))
		return sdk_bad(s, 40, e,
			       "metadata: the enclave's size 0x%llx is no power of two of at least 0x%x",
			       (unsigned long long)b->size, PLAN_MIN_SIZE);
	if (sdk_check_dir(s, &b->patches, 0x750, PATCH_BYTES, "patches", e) < 0 ||
	    sdk_check_dir(s, &b->layout, 0x758, LAYOUT_BYTES, "layout", e) < 0 ||
	    sdk_check_dir(s, &b->elrange, 0x760, ELRANGE_BYTES, "ELRANGE", e) < 0)
		return -1;
	return sdk_check_dir(s, &b->extend, 0x768, EXTEND_BYTES, "extensions", e);
}

/* The image is a part of an ELRANGE at a fixed place. */
static int read_elrange(struct sdk *s, struct err *e)
{
	uint32_t at = s->block.elrange.off;
	uint64_t image = sdk_get64(s->copy + at), start = sdk_get64(s->copy + at + 8);
	uint64_t size = sdk_get64(s->copy + at + 16), end;

	if (size < PLAN_MIN_SIZE || size > PLAN_MAX_SIZE || (size & (size - 1)))
		return sdk_bad(s, at + 16, e, "ELRANGE of 0x%llx bytes", (unsigned long long)size);
	if ((start & (size - 1)) || __builtin_add_overflow(start, size, &end))
		return sdk_bad(s, at + 8, e, "ELRANGE at 0x%llx, which is no multiple of its size 0x%llx",
			       (unsigned long long)start, (unsigned long long)size);
	if (!page_aligned(image) || image < start || image > end || s->block.size > end - image)
		return sdk_bad(s, at, e, "the image of 0x%llx bytes at 0x%llx leaves ELRANGE 0x%llx-0x%llx",
			       (unsigned long long)s->block.size, (unsigned long long)image,
			       (unsigned long long)start, (unsigned long long)end);
	s->bias = image - start;
	s->b.p.has_base = true;
	s->b.p.base = start;
	s->b.p.size = size;
	return plan_build_fact(&s->b, "image_address", PLAN_FACT_HEX, image, e);
}

/* ---- extensions ---------------------------------------------------------------------------- */

static int open_second(struct sdk *s, const uint8_t *entry, uint32_t at, struct second *second, struct err *e)
{
	uint32_t bytes = sdk_get32(entry + 4), off = sdk_get32(entry + 8);
	uint64_t elf_bytes;

	if (second->there)
		return sdk_bad(s, at, e, "two entries for a second ELF file");
	if (off > s->block.bytes || bytes > s->block.bytes - off || bytes < SECOND_ELF_BYTES)
		return sdk_bad(s, at + 4, e,
			       "second ELF file: %u bytes at 0x%x of the metadata cannot describe it", bytes,
			       off);
	second->file_off = sdk_get64(s->copy + off);
	second->mem_off = sdk_get64(s->copy + off + 8);
	elf_bytes = sdk_get64(s->copy + off + 16);
	if (!elf_image_inside(s->file->elf, second->file_off, elf_bytes))
		return sdk_bad(s, off, e, "second ELF file: 0x%llx bytes at 0x%llx are outside the file",
			       (unsigned long long)elf_bytes, (unsigned long long)second->file_off);
	if (!page_aligned(second->mem_off) || second->mem_off > s->block.size)
		return sdk_bad(s, off + 8, e, "second ELF file: it cannot be placed at 0x%llx",
			       (unsigned long long)second->mem_off);
	if (elf_image_open(s->mem->bytes + second->file_off, elf_bytes, &second->elf, e) < 0) {
		if (e && e->has_offset)
			e->offset += second->file_off;
		return err_wrap(e, "second ELF file at 0x%llx", (unsigned long long)second->file_off);
	}
	second->there = true;
	return plan_build_fact(&s->b, "second_elf_offset", PLAN_FACT_HEX, second->file_off, e);
}

static int read_extensions(struct sdk *s, struct second *second, struct err *e)
{
	bool fips = false;

	for (uint32_t i = 0; i < s->block.extend.bytes; i += EXTEND_BYTES) {
		uint32_t at = s->block.extend.off + i;
		uint32_t id = sdk_get32(s->copy + at);

		if (id == EXTEND_SECOND_ELF && open_second(s, s->copy + at, at, second, e) < 0)
			return -1;
		fips = fips || id == EXTEND_FIPS_SIGNATURE;
	}
	return fips ? plan_build_fact(&s->b, "second_signature", PLAN_FACT_BOOL, true, e) : 0;
}

/* ---- what kind of enclave it is ------------------------------------------------------------ */

static bool is_simulation(const struct elf_image *elf)
{
	Elf64_Shdr sh;
	Elf64_Sym sym;

	if (elf_image_section(elf, 0, &sh))
		return elf_image_symbol(elf, SHT_DYNSYM, SIM_SYMBOL, &sym);
	/* without section headers there is no telling where the symbols end: the name will do */
	return memmem(elf->bytes, elf->n_bytes, "\0" SIM_SYMBOL, sizeof("\0" SIM_SYMBOL));
}

static int note_kind(struct sdk *s, struct err *e)
{
	const struct elf_image *elf = s->file->elf;
	bool simulation = is_simulation(elf), encrypted = elf_image_has_section(elf, PCL_SECTION);

	if (simulation)
		s->b.p.no_run = "it is built for simulation mode and has no ENCLU instructions";
	else if (encrypted)
		s->b.p.no_run = "its code is encrypted (section .pcltbl), and the key is sealed elsewhere";
	if (plan_build_fact(&s->b, "simulation", PLAN_FACT_BOOL, simulation, e) < 0)
		return -1;
	return plan_build_fact(&s->b, "encrypted", PLAN_FACT_BOOL, encrypted, e);
}

static int note_head(struct sdk *s, struct err *e)
{
	static const char *const policies[] = { "bind", "unbind", "unknown" };
	const struct sdk_block *b = &s->block;
	Elf64_Sym sym;
	char version[24];

	snprintf(version, sizeof(version), "%u.%u", b->major, b->minor);
	/* a position-independent executable has no name for it */
	if (!elf_image_symbol(s->file->elf, SHT_DYNSYM, "enclave_entry", &sym))
		sym.st_value = s->file->elf->ehdr.e_entry;
	if (plan_build_fact_text(&s->b, "metadata_version", version, e) < 0 ||
	    plan_build_fact_text(&s->b, "tcs_policy", policies[b->tcs_policy < 2 ? b->tcs_policy : 2],
				 e) < 0 ||
	    plan_build_fact(&s->b, "tcs_min_pool", PLAN_FACT_SIZE, b->tcs_min_pool, e) < 0 ||
	    plan_build_fact(&s->b, "max_xsave_bytes", PLAN_FACT_SIZE, b->xsave_bytes, e) < 0 ||
	    plan_build_fact(&s->b, "desired_miscselect", PLAN_FACT_HEX, b->miscselect, e) < 0)
		return -1;
	return plan_build_fact(&s->b, "enclave_entry", PLAN_FACT_HEX, sym.st_value, e);
}

static int note_pages(struct sdk *s, struct err *e)
{
	if (plan_build_fact(&s->b, "patches", PLAN_FACT_SIZE, s->block.patches.bytes / PATCH_BYTES, e) < 0 ||
	    plan_build_fact(&s->b, "text_relocation_pages", PLAN_FACT_SIZE, s->text_relocations, e) < 0 ||
	    plan_build_fact(&s->b, "threads", PLAN_FACT_SIZE, s->threads, e) < 0)
		return -1;
	return plan_build_fact(&s->b, "dynamic_threads", PLAN_FACT_SIZE, s->dynamic_threads, e);
}

static int set_sigstruct(struct sdk *s, struct err *e)
{
	static const struct sgx_arch_sigstruct none;
	const struct sdk_block *b = &s->block;

	if (!memcmp(&b->sigstruct, &none, sizeof(none)))
		return 0;
	return plan_set_sigstruct(&s->b.p, &b->sigstruct, b->off + 64, e, "metadata block %u.%u at 0x%llx",
				  b->major, b->minor, (unsigned long long)b->off);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool sdk_detect(const struct image_file *file)
{
	uint64_t off;

	/* -1 (a damaged note) is of this format as well: parsing says what is wrong with it */
	return sdk_find_metadata(file->elf, &off, NULL) != 0;
}

static int read_head(struct sdk *s, struct err *e)
{
	struct plan *p = &s->b.p;
	const char *args = s->file->args;
	uint8_t *copy;
	uint64_t off;
	int found = sdk_find_metadata(s->file->elf, &off, e);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_BAD_LAYOUT, 0, "the file has no SDK metadata (section .note.sgxmeta)");
	if (sdk_choose_block(s->file->elf, off, args, &s->b, &s->block, e) < 0 || check_block(s, e) < 0)
		return -1;
	copy = image_mem_alloc(s->mem, 1, s->block.bytes, e);
	if (!copy)
		return -1;
	memcpy(copy, s->file->bytes + s->block.off, s->block.bytes);
	s->copy = copy;

	p->format = "sdk";
	p->size = s->block.size;
	p->ssaframesize = s->block.ssaframesize;
	p->attributes = s->block.attributes;
	p->attributes.flags &= ~(uint64_t)(SGX_ATTR_INIT | SGX_ATTR_DEBUG);
	p->miscselect = s->block.miscselect | s->block.sigstruct.miscselect;
	return note_head(s, e);
}

static int add_pages(struct sdk *s, struct sdk_marks *marks, struct second *second, struct err *e)
{
	const struct elf_image *elf = s->file->elf;

	if (s->block.elrange.bytes && read_elrange(s, e) < 0)
		return -1;
	/* all of this is read from the file as it is before the patches, which blank parts of its headers */
	if (note_kind(s, e) < 0 || read_extensions(s, second, e) < 0 || sdk_read_marks(elf, marks, e) < 0 ||
	    image_names_add(s->mem, elf, NAMES_BY_ADDRESS, s->bias, e) < 0)
		return -1;
	if (second->there &&
	    image_names_add(s->mem, &second->elf, NAMES_BY_ADDRESS, s->bias + second->mem_off, e) < 0)
		return -1;
	if (sdk_patch(s, e) < 0 || sdk_add_segments(s, elf, marks, 0, 0, e) < 0)
		return -1;
	if (second->there &&
	    sdk_add_segments(s, &second->elf, NULL, second->mem_off, second->file_off, e) < 0)
		return err_wrap(e, "second ELF file at 0x%llx", (unsigned long long)second->file_off);
	return sdk_add_layout(s, e);
}

static int sdk_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
		     struct plan *ret_plan, struct err *e)
{
	struct sdk s = { .file = file, .mem = mem };
	struct second second = { 0 };
	struct sdk_marks marks = { 0 };
	int r = -1;

	(void)opts;             /* heap and reserve are in the metadata: fixed_size */
	if (!read_head(&s, e) && !set_sigstruct(&s, e) &&
	    !add_pages(&s, &marks, &second, e) && !note_pages(&s, e))
		r = plan_build_finish(&s.b, mem, ret_plan, e);
	sdk_marks_release(&marks);
	elf_image_release(&second.elf);
	plan_build_release(&s.b);
	return r;
}

const struct image_reader image_reader_sdk = {
	.needs_elf = true, .takes_args = true, .fixed_size = true, .detect = sdk_detect, .parse = sdk_parse,
};
