/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Open Enclave's loader makes of an ELF file before it measures: segments with values written into them,
 * the relocations as a table of their own, the size of thread-local storage.
 */
#ifndef IMAGE_OE_IMAGE_H
#define IMAGE_OE_IMAGE_H

#include "image/internal.h"

/* A section, and where the file describes it. */
struct oe_section {
	Elf64_Shdr sh;
	uint64_t header_off;
};
/* How many sections have that name; the first of them in *ret, which stays as it was when there is none. */
unsigned int oe_sections(const struct elf_image *elf, const char *name, struct oe_section *ret);
/* Its sh_size bytes, or NULL when the file does not hold them. */
const uint8_t *oe_section_bytes(const struct elf_image *elf, const struct oe_section *s);

/* One thing that releases differ in; a file can be made by any release whose structure it has. */
struct oe_build {
	const char *release;            /* "0.16 to 0.17.0" */
	bool clears_header;             /* e_shoff, e_shnum, e_shstrndx are zero in the enclave */
	bool full_symtab;               /* symbols are looked up in .symtab, else in .dynsym */
	bool unrounded_size;            /* image_info.enclave_size is where the pages end, not SECS.SIZE */
	bool fixed_tls;                 /* one page, whatever the file has */
	bool gs_before_td;              /* OGSBASE is the page before OFSBASE */
	bool plt_relocations;           /* .rela.plt follows .rela.dyn */
};

/* A segment as it is in the enclave: bytes from page_down(vaddr) on, zeros behind them. */
struct oe_segment {
	const struct elf_segment *elf;
	uint64_t start, end;            /* page aligned */
	uint8_t *copy;                  /* own bytes, once something was written; else NULL: the file's */
	uint64_t room;                  /* bytes of copy */
	uint64_t used;                  /* those that may be other than zero */
};

struct oe_image {
	const struct elf_image *elf;
	struct oe_segment *segments;
	size_t n_segments;
	uint64_t bytes;                 /* of all segments, from 0, whole pages */
	const uint8_t *relocations;
	uint64_t relocation_bytes;      /* whole pages */
	bool relocations_with_plt;
	struct oe_section tdata, tbss; /* all zero when the file has none */
	uint64_t tdata_align;           /* the one that counts; set by the caller */
	uint64_t tdata_segment_align;   /* of PT_TLS, where that is about .tdata; else the section's */
};

/* Reads segments and TLS sections; memory is mem's. */
int oe_image_open(const struct elf_image *elf, struct image_mem *mem, struct oe_image *ret, struct err *e);
/* Takes back what was written. */
void oe_image_reset(struct oe_image *oe);
/*
 * bytes from data (NULL: zeros) at an address of the image; what names it in messages, file_off is the place
 * in the file that asked for it.
 */
int oe_image_write(struct oe_image *oe, struct image_mem *mem, uint64_t addr, const void *data,
		   uint64_t bytes, const char *what, uint64_t file_off, struct err *e);
int oe_image_clear_header(struct oe_image *oe, struct image_mem *mem, struct err *e);
/* The relocation pages of a build; made anew only when builds differ in them. */
int oe_image_relocations(struct oe_image *oe, const struct oe_build *build, struct image_mem *mem,
			 struct err *e);
/* Pages of thread-local storage of each thread, tdata_align being as it is. */
int oe_image_tls_pages(const struct oe_image *oe, const struct oe_build *build, uint64_t *ret_pages,
		       struct err *e);
struct plan_run oe_image_run(const struct oe_image *oe, const struct oe_segment *s);

/* ---- format_oe.c and oe_layout.c --------------------------------------------------------------- */

/* The structure in .oeinfo grew with the releases; 0 is the offset of what it does not have. */
struct oe_structure {
	uint32_t bytes;
	uint32_t sigstruct, attributes, flags, ids, start_address;
	const struct oe_build *builds;  /* the newest release first */
	size_t n_builds;
};

/* .oeinfo up to what all releases have the same */
struct oe_common {
	uint32_t bytes, type;
	uint64_t heap_pages, stack_pages, n_tcs;
	uint16_t isvprodid, isvsvn;
} __attribute__((packed));
_Static_assert(sizeof(struct oe_common) == 36, "start of .oeinfo");

/* An image that is being read. */
struct oe {
	const struct image_file *file;
	struct image_mem *mem;
	struct oe_image image;
	const struct oe_structure *st;
	const uint8_t *info;            /* the structure, in the file */
	uint64_t addr, file_off;
	struct oe_common common;
	uint64_t attributes, start_address;
	uint32_t flags;
	bool is_signed;
	struct sgx_arch_sigstruct sigstruct;
	uint8_t (*tcs)[SGX_TCS_FIELDS];
};

/* .oeinfo has a bad value at this offset of its own. */
int oe_bad_info(const struct oe *o, uint64_t field, enum err_code code, struct err *e, const char *what,
		uint64_t value);
/*
 * The image as this build lays it out: values are written into o->image and o->tcs (n_tcs of them), runs
 * and SECS.SIZE go into b.
 */
int oe_layout(struct oe *o, const struct oe_build *build, struct plan_build *b, struct err *e);

#endif
