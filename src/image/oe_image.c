/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An ELF file as Open Enclave's loader has it in memory before it measures.  The loader has one buffer for
 * all segments; here a segment is copied when something is written into it, so that a file which claims
 * terabytes of .bss costs nothing.
 *
 * Authority: Open Enclave SDK, host/sgx/loadelf.c, host/sgx/elf.c (the rules, release by release).
 */
#include <errno.h>
#include <string.h>

#include "image/oe_image.h"

#define MAX_WRITTEN_BSS ((uint64_t)1 << 24)     /* how far behind a segment's file bytes may be written */
#define MAX_TLS_BYTES   ((uint64_t)1 << 32)

unsigned int oe_sections(const struct elf_image *elf, const char *name, struct oe_section *ret)
{
	unsigned int found = 0;
	Elf64_Shdr sh;

	for (unsigned int i = 0; elf_image_section(elf, i, &sh); i++) {
		if (!strcmp(elf_image_section_name(elf, &sh), name) && !found++)
			*ret = (struct oe_section){ sh, elf->ehdr.e_shoff + i * sizeof(sh) };
	}
	return found;
}

const uint8_t *oe_section_bytes(const struct elf_image *elf, const struct oe_section *s)
{
	return s->sh.sh_type != SHT_NOBITS && elf_image_inside(elf, s->sh.sh_offset, s->sh.sh_size) ?
	       elf->bytes + s->sh.sh_offset : NULL;
}

static int bad_segment(const struct elf_segment *s, struct err *e, const char *what)
{
	err_set(e, ERR_BAD_LAYOUT, 0, "segment %u %s", s->index, what);
	return err_offset(e, s->header_off);
}

static int read_segments(struct oe_image *oe, struct image_mem *mem, struct err *e)
{
	const struct elf_image *elf = oe->elf;
	uint64_t end = 0;

	if (!elf->n_loads)
		return err_set(e, ERR_BAD_LAYOUT, 0, "the file has no loadable segment");
	oe->segments = image_mem_alloc(mem, elf->n_loads, sizeof(*oe->segments), e);
	if (!oe->segments)
		return -1;
	for (size_t i = 0; i < elf->n_loads; i++) {
		const struct elf_segment *s = &elf->loads[i];

		if (!i && s->vaddr)
			return bad_segment(s, e, "is the first and does not begin at address 0");
		if (page_down(s->vaddr) < end)
			return bad_segment(s, e, "begins on a page of the one before, or out of order");
		if (!s->flags)
			return bad_segment(s, e, "has no rights");
		end = page_up(s->vaddr + s->memsz);
		oe->segments[i] = (struct oe_segment){
			.elf = s, .start = page_down(s->vaddr), .end = end,
		};
	}
	oe->n_segments = elf->n_loads;
	oe->bytes = end;
	return 0;
}

static void read_tls(struct oe_image *oe)
{
	oe_sections(oe->elf, ".tdata", &oe->tdata);
	oe_sections(oe->elf, ".tbss", &oe->tbss);
	oe->tdata_segment_align = oe->tdata.sh.sh_addralign;
	for (unsigned int i = 0; i < oe->elf->ehdr.e_phnum; i++) {
		Elf64_Phdr ph = elf_image_phdr(oe->elf, i);

		if (ph.p_type == PT_TLS && oe->tdata.sh.sh_size && ph.p_vaddr == oe->tdata.sh.sh_addr)
			oe->tdata_segment_align = ph.p_align;
	}
	oe->tdata_align = oe->tdata_segment_align;
}

int oe_image_open(const struct elf_image *elf, struct image_mem *mem, struct oe_image *ret, struct err *e)
{
	*ret = (struct oe_image){ .elf = elf };
	if (read_segments(ret, mem, e) < 0)
		return -1;
	read_tls(ret);
	return 0;
}

/* ---- writing ------------------------------------------------------------------------------- */

static void reset_segment(struct oe_segment *s, const uint8_t *file)
{
	uint64_t lead = s->elf->vaddr - s->start;

	memset(s->copy, 0, s->used);
	memcpy(s->copy + lead, file + s->elf->offset, s->elf->filesz);
	s->used = lead + s->elf->filesz;
}

void oe_image_reset(struct oe_image *oe)
{
	for (size_t i = 0; i < oe->n_segments; i++) {
		if (oe->segments[i].copy)
			reset_segment(&oe->segments[i], oe->elf->bytes);
	}
}

static int copy_segment(struct oe_segment *s, const struct elf_image *elf, struct image_mem *mem,
			struct err *e)
{
	uint64_t file_end = s->elf->vaddr - s->start + s->elf->filesz, all = s->end - s->start;

	s->room = all - file_end < MAX_WRITTEN_BSS ? all : file_end + MAX_WRITTEN_BSS;
	s->copy = image_mem_alloc(mem, s->room, 1, e);
	if (!s->copy)
		return -1;
	reset_segment(s, elf->bytes);
	return 0;
}

static struct oe_segment *segment_at(struct oe_image *oe, uint64_t addr, uint64_t bytes)
{
	for (size_t i = 0; i < oe->n_segments; i++) {
		struct oe_segment *s = &oe->segments[i];

		if (addr >= s->start && addr < s->end && bytes <= s->end - addr)
			return s;
	}
	return NULL;
}

int oe_image_write(struct oe_image *oe, struct image_mem *mem, uint64_t addr, const void *data,
		   uint64_t bytes, const char *what, uint64_t file_off, struct err *e)
{
	struct oe_segment *s = segment_at(oe, addr, bytes);
	uint64_t at;

	if (!s) {
		err_set(e, ERR_BAD_LAYOUT, 0, "%s: 0x%llx bytes at 0x%llx are in no segment", what,
			(unsigned long long)bytes, (unsigned long long)addr);
		return err_offset(e, file_off);
	}
	if (!s->copy && copy_segment(s, oe->elf, mem, e) < 0)
		return -1;
	at = addr - s->start;
	if (at + bytes > s->room) {
		err_set(e, ERR_TOO_BIG, 0,
			"%s at 0x%llx is more than 0x%llx bytes behind what the file holds", what,
			(unsigned long long)addr, (unsigned long long)MAX_WRITTEN_BSS);
		return err_offset(e, file_off);
	}
	if (data)
		memcpy(s->copy + at, data, bytes);
	else
		memset(s->copy + at, 0, bytes);
	if (s->used < at + bytes)
		s->used = at + bytes;
	return 0;
}

int oe_image_clear_header(struct oe_image *oe, struct image_mem *mem, struct err *e)
{
	static const struct {
		size_t off, bytes;
	} fields[] = {
		{ offsetof(Elf64_Ehdr, e_shoff), sizeof(Elf64_Off) },
		{ offsetof(Elf64_Ehdr, e_shnum), sizeof(Elf64_Half) },
		{ offsetof(Elf64_Ehdr, e_shstrndx), sizeof(Elf64_Half) },
	};

	for (size_t i = 0; i < oe->n_segments; i++) {
		const struct elf_segment *s = oe->segments[i].elf;

		/* the segment that has the header of the file, which was checked, at its start */
		if (s->filesz < sizeof(Elf64_Ehdr) ||
		    memcmp(oe->elf->bytes + s->offset, oe->elf->bytes, EI_NIDENT))
			continue;
		for (size_t k = 0; k < sizeof(fields) / sizeof(fields[0]); k++) {
			if (oe_image_write(oe, mem, s->vaddr + fields[k].off, NULL, fields[k].bytes,
					   "ELF header", fields[k].off, e) < 0)
				return -1;
		}
		break;
	}
	return 0;
}

/* ---- relocations ----------------------------------------------------------------------------- */

/* 1 found (NULL bytes: empty), 0 there is none, -1. */
static int relocation_section(const struct elf_image *elf, const char *name, const uint8_t **ret_bytes,
			      uint64_t *ret_n, struct err *e)
{
	struct oe_section s;

	*ret_n = 0;
	if (!oe_sections(elf, name, &s))
		return 0;
	*ret_bytes = oe_section_bytes(elf, &s);
	if (!*ret_bytes || s.sh.sh_entsize != sizeof(Elf64_Rela)) {
		err_set(e, ERR_BAD_ELF, 0,
			"section %s is outside the file, or its entries are not of %zu bytes", name,
			sizeof(Elf64_Rela));
		return err_offset(e, s.header_off);
	}
	*ret_n = s.sh.sh_size;
	return 1;
}

/* The enclave has no symbol table to look into, so the loader puts the value where the addend is. */
static int resolve_thread_locals(const struct elf_image *elf, uint8_t *table, uint64_t bytes,
				 uint64_t file_off, struct err *e)
{
	struct elf_symbols symbols;

	elf_symbols_open(elf, SHT_DYNSYM, &symbols);
	for (uint64_t at = 0; bytes - at >= sizeof(Elf64_Rela); at += sizeof(Elf64_Rela)) {
		Elf64_Rela r;
		Elf64_Sym sym;

		memcpy(&r, table + at, sizeof(r));
		if (ELF64_R_TYPE(r.r_info) != R_X86_64_TPOFF64)
			continue;
		if (ELF64_R_SYM(r.r_info) >= symbols.n) {
			err_set(e, ERR_BAD_ELF, 0,
				"a thread-local relocation names symbol %llu, which .dynsym does not have",
				(unsigned long long)ELF64_R_SYM(r.r_info));
			return err_offset(e, file_off + at);
		}
		memcpy(&sym, symbols.table + ELF64_R_SYM(r.r_info) * sizeof(sym), sizeof(sym));
		r.r_addend = (Elf64_Sxword)sym.st_value;
		memcpy(table + at, &r, sizeof(r));
	}
	return 0;
}

static int make_relocations(struct oe_image *oe, bool with_plt, struct image_mem *mem, struct err *e)
{
	const uint8_t *dyn = NULL, *plt = NULL, *file = oe->elf->bytes;
	uint64_t n_dyn, n_plt = 0;
	uint8_t *table;
	int found;

	oe->relocations = NULL;
	oe->relocation_bytes = 0;
	found = relocation_section(oe->elf, ".rela.dyn", &dyn, &n_dyn, e);
	if (found <= 0)         /* without it, the loader does not look at .rela.plt either */
		return found;
	if (with_plt && relocation_section(oe->elf, ".rela.plt", &plt, &n_plt, e) < 0)
		return -1;
	if (!(n_dyn + n_plt))
		return 0;
	table = image_mem_alloc(mem, page_up(n_dyn + n_plt), 1, e);
	if (!table)
		return -1;
	memcpy(table, dyn, n_dyn);
	if (resolve_thread_locals(oe->elf, table, n_dyn, (uint64_t)(dyn - file), e) < 0)
		return -1;
	if (n_plt) {
		memcpy(table + n_dyn, plt, n_plt);
		if (resolve_thread_locals(oe->elf, table + n_dyn, n_plt, (uint64_t)(plt - file), e) < 0)
			return -1;
	}
	oe->relocations = table;
	oe->relocation_bytes = page_up(n_dyn + n_plt);
	return 0;
}

int oe_image_relocations(struct oe_image *oe, const struct oe_build *build, struct image_mem *mem,
			 struct err *e)
{
	if (oe->relocations && oe->relocations_with_plt == build->plt_relocations)
		return 0;
	oe->relocations_with_plt = build->plt_relocations;
	return make_relocations(oe, build->plt_relocations, mem, e);
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* Adds the bytes of a section, rounded up to a multiple of align (hostile numbers; 0 means no alignment). */
static int add_rounded(uint64_t *bytes, const struct oe_section *s, uint64_t align, struct err *e)
{
	if (s->sh.sh_size > MAX_TLS_BYTES || align > MAX_TLS_BYTES) {
		err_set(e, ERR_TOO_BIG, 0,
			"thread-local storage of 0x%llx bytes aligned to 0x%llx, at most 0x%llx is taken",
			(unsigned long long)s->sh.sh_size, (unsigned long long)align,
			(unsigned long long)MAX_TLS_BYTES);
		return err_offset(e, s->header_off);
	}
	if (!align)
		align = 1;
	*bytes += (s->sh.sh_size + align - 1) / align * align;
	return 0;
}

int oe_image_tls_pages(const struct oe_image *oe, const struct oe_build *build, uint64_t *ret_pages,
		       struct err *e)
{
	uint64_t bytes = 0;

	if (build->fixed_tls) {
		*ret_pages = 1;
		return 0;
	}
	if (add_rounded(&bytes, &oe->tdata, oe->tdata_align, e) < 0 ||
	    add_rounded(&bytes, &oe->tbss, oe->tbss.sh.sh_addralign, e) < 0)
		return -1;
	*ret_pages = page_up(bytes) / SGX_PAGE_SIZE;
	return 0;
}

struct plan_run oe_image_run(const struct oe_image *oe, const struct oe_segment *s)
{
	struct plan_run run = {
		.off = s->start, .pages = (s->end - s->start) / SGX_PAGE_SIZE, .chunks = PLAN_CHUNKS_ALL,
		.secinfo = segment_secinfo(s->elf->flags), .what = segment_what(s->elf->flags),
		.data = oe->elf->bytes + s->elf->offset, .data_bytes = s->elf->filesz,
		.data_lead = s->elf->vaddr - s->start,
	};

	if (s->copy) {
		run.data = s->copy;
		run.data_bytes = s->used;
		run.data_lead = 0;
	}
	return run;
}
