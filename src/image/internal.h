/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside of the image room: what the formats share.  A format reads a struct elf_image and fills a
 * plan through struct plan_build, which refuses what no device would take.
 */
#ifndef IMAGE_INTERNAL_H
#define IMAGE_INTERNAL_H

#include <elf.h>
#include <libelf.h>

#include "image/image.h"

/* Limits of the parser; the plan's are in image.h. */
#define ELF_MAX_SEGMENTS 4096u
#define PLAN_MAX_SIZE    ((uint64_t)1 << 46)    /* SECS.SIZE: half of what user space can address */
#define PLAN_MIN_SIZE    8192u                  /* ECREATE refuses less */

/* ---- image_mem.c: bytes that a plan owns --------------------------------------------------- */

struct image_mem {
	uint8_t *bytes;         /* the file, copied: nobody can change or truncate it under the parser */
	size_t n_bytes;
	size_t map_bytes;
	uint8_t *extra;         /* pages made by the format */
};

int image_mem_read(const char *path, struct image_mem **ret_mem, struct err *e);
int image_mem_copy(const void *data, size_t bytes, struct image_mem **ret_mem, struct err *e);
void image_mem_free(struct image_mem *m);       /* NULL is fine */

/* ---- elf_image.c: the checked outside of an ELF file ---------------------------------------- */

struct elf_segment {
	unsigned int index;     /* in the program header table */
	uint64_t header_off;    /* of its program header in the file */
	uint32_t flags;         /* PF_R|PF_W|PF_X only */
	uint64_t offset, filesz, vaddr, memsz;
};

struct elf_image {
	Elf *elf;
	const uint8_t *bytes;
	uint64_t n_bytes;
	Elf64_Ehdr ehdr;
	struct elf_segment *loads;      /* PT_LOAD with p_memsz > 0, in table order */
	size_t n_loads;
	bool has_interp, has_tls;
};

/*
 * Checks class, machine and the program header table; every segment's bytes are inside the file and
 * its addresses do not wrap.  The bytes must outlive ret_img.  Caller: elf_image_release.
 */
int elf_image_open(const uint8_t *bytes, size_t n_bytes, struct elf_image *ret_img, struct err *e);
void elf_image_release(struct elf_image *img);

struct elf_note {
	const uint8_t *desc;
	uint64_t desc_bytes;
	uint64_t file_off;      /* of desc */
};
/* Finds the note of that name and type.  1 found, 0 not there, -1 more than one. */
int elf_image_note(const struct elf_image *img, const char *name, uint32_t type, struct elf_note *ret_note,
		   struct err *e);
/* Not zero when there are relocation tables that a dynamic linker would have to apply. */
uint64_t elf_image_relocations(const struct elf_image *img);
/* The value of a symbol of .symtab; 0 when it is not there. */
uint64_t elf_image_symbol(const struct elf_image *img, const char *name);
bool elf_image_has_section(const struct elf_image *img, const char *name);

/* ---- plan.c: building plans ---------------------------------------------------------------- */

struct plan_build {
	struct plan p;
	size_t room_runs, room_dynamic, room_tcs;
};

void plan_build_release(struct plan_build *b);
/* Appends a run (0 pages: nothing); a TCS run adds its pages to p.tcs.  -1 leaves the plan as it was. */
int plan_build_run(struct plan_build *b, const struct plan_run *run, struct err *e);
int plan_build_dynamic(struct plan_build *b, uint64_t off, uint64_t pages, const char *what, struct err *e);
/*
 * The last step: p.size is set, everything lies inside it, nothing overlaps, there is a TCS.
 * Moves the plan and mem to *ret_plan; on failure both stay with the caller.
 */
int plan_build_finish(struct plan_build *b, struct image_mem *mem, struct plan *ret_plan, struct err *e);

/* Smallest SECS.SIZE that holds bytes; 0 when bytes is above PLAN_MAX_SIZE. */
uint64_t plan_size_for(uint64_t bytes);
/* *at += bytes, refusing to pass PLAN_MAX_SIZE; what names the thing in the message. */
int plan_advance(uint64_t *at, uint64_t bytes, const char *what, struct err *e);

/* ---- formats ------------------------------------------------------------------------------- */

struct image_reader {
	/* true: the file is of this format without doubt */
	bool (*detect)(const struct elf_image *img);
	int (*parse)(const struct elf_image *img, const struct image_opts *opts, struct image_mem *mem,
		     struct plan *ret_plan, struct err *e);
};
extern const struct image_reader image_reader_sgxctl, image_reader_kernel;

static inline uint64_t page_down(uint64_t v)
{
	return v & SGX_PAGE_MASK;
}

/* v must be at most UINT64_MAX - 4095. */
static inline uint64_t page_up(uint64_t v)
{
	return (v + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
}

static inline bool page_aligned(uint64_t v)
{
	return !(v & (SGX_PAGE_SIZE - 1));
}

#endif
