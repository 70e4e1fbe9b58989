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

#define IMAGE_HEAD_BYTES 4096u  /* read before a format is chosen */

struct image_mem {
	uint8_t *bytes;         /* the file, copied: nobody can change or truncate it under the parser */
	size_t n_bytes;         /* of them here */
	size_t map_bytes;
	int fd;                 /* of what is still to be read; -1 when everything is here */
	size_t unread;          /* bytes of what the file had when it was opened; there is room for them */
	struct image_mem *more;         /* further files of the same image */
	struct image_piece *pieces;     /* made by the format: image_mem_alloc */
	struct image_names *names;      /* for plan_locate: names.c */
};

/* Opens a file and reads its first IMAGE_HEAD_BYTES. */
int image_mem_open(const char *path, struct image_mem **ret_mem, struct err *e);
/* Reads the rest behind them. */
int image_mem_load(struct image_mem *m, struct err *e);
/*
 * The next bytes of the file go to buf instead: for formats whose records need not be kept.  *ret_n is less
 * than bytes at the end only.  What was read before stays at m->bytes.
 */
int image_mem_next(struct image_mem *m, void *buf, size_t bytes, size_t *ret_n, struct err *e);
/* Gives back what is behind the first `bytes` bytes; m->n_bytes is bytes. */
void image_mem_trim(struct image_mem *m, size_t bytes);
int image_mem_copy(const void *data, size_t bytes, struct image_mem **ret_mem, struct err *e);
/* Reads a further file that m is to own; *ret_more is m's. */
int image_mem_read_more(struct image_mem *m, const char *path, const struct image_mem **ret_more,
			struct err *e);
/* n * size zero bytes that live as long as m. */
void *image_mem_alloc(struct image_mem *m, size_t n, size_t size, struct err *e);
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
Elf64_Phdr elf_image_phdr(const struct elf_image *img, unsigned int i);        /* i below e_phnum */

/* ---- elf_sections.c: sections, symbols, the dynamic table ------------------------------------ */

bool elf_image_inside(const struct elf_image *img, uint64_t off, uint64_t bytes);
/* Section header i; false from the end of the table on. */
bool elf_image_section(const struct elf_image *img, unsigned int i, Elf64_Shdr *ret_sh);
const char *elf_image_section_name(const struct elf_image *img, const Elf64_Shdr *sh);  /* "" = none */
/* The first of that name; its contents need not be inside the file. */
bool elf_image_find_section(const struct elf_image *img, const char *name, Elf64_Shdr *ret_sh);
bool elf_image_has_section(const struct elf_image *img, const char *name);

/* A walk over the first symbol table of a type (SHT_SYMTAB, SHT_DYNSYM); empty when there is none. */
struct elf_symbols {
	const uint8_t *table;
	uint64_t n, i;
	const char *strings;
	uint64_t strings_bytes;
};
void elf_symbols_open(const struct elf_image *img, uint32_t type, struct elf_symbols *ret);
bool elf_symbols_next(struct elf_symbols *s, Elf64_Sym *ret_sym, const char **ret_name);
bool elf_image_symbol(const struct elf_image *img, uint32_t type, const char *name, Elf64_Sym *ret_sym);

/* A walk over the dynamic table, up to DT_NULL; empty when there is none. */
struct elf_dynamic {
	const uint8_t *table;
	uint64_t n, i;
};
void elf_dynamic_open(const struct elf_image *img, struct elf_dynamic *ret);
bool elf_dynamic_next(struct elf_dynamic *d, Elf64_Dyn *ret_dyn);
/* Not zero when there are relocation tables that a dynamic linker would have to apply. */
uint64_t elf_image_relocations(const struct elf_image *img);

/* ---- names.c: sections and symbols ---------------------------------------------------------- */

enum names_place {
	NAMES_BY_ADDRESS,       /* enclave offset = address + bias */
	NAMES_BY_FILE_OFFSET,   /* enclave offset = offset in the file + bias */
};

/*
 * Lets plan_locate() look into this ELF file, whose bytes m owns; bias is added modulo 2^64.  Nothing is read
 * now but the header, as it is now: a format may change the bytes afterwards.
 */
int image_names_add(struct image_mem *m, const struct elf_image *img, enum names_place place, uint64_t bias,
		    struct err *e);
void image_names_free(struct image_names *n);   /* NULL is fine */

/* ---- plan.c: building plans ---------------------------------------------------------------- */

struct plan_build {
	struct plan p;
	size_t room_runs, room_dynamic, room_tcs, room_blocks, room_facts;
};

void plan_build_release(struct plan_build *b);
/* Appends a run (0 pages: nothing); a TCS run adds its pages to p.tcs.  -1 leaves the plan as it was. */
int plan_build_run(struct plan_build *b, const struct plan_run *run, struct err *e);
int plan_build_dynamic(struct plan_build *b, uint64_t off, uint64_t pages, const char *what, struct err *e);
/* Facts, in the order they are to be shown; text is copied. */
int plan_build_fact(struct plan_build *b, const char *key, enum plan_fact_kind kind, uint64_t value,
		    struct err *e);
int plan_build_fact_text(struct plan_build *b, const char *key, const char *text, struct err *e);
int plan_build_block(struct plan_build *b, const struct plan_block *block, struct err *e);
/* p.nssa from the TCS pages: the least that one of them has. */
void plan_build_nssa(struct plan_build *b);
/* The SIGSTRUCT of the plan, replacing one that is there; the words are printf's. */
int plan_set_sigstruct(struct plan *p, const struct sgx_arch_sigstruct *sig, uint64_t file_off, struct err *e,
		       const char *from, ...) __attribute__((format(printf, 5, 6)));
/*
 * The last step: p.size is set, everything lies inside it, nothing overlaps, there is a TCS (or no_run).
 * Moves the plan and mem to *ret_plan; on failure both stay with the caller.
 */
int plan_build_finish(struct plan_build *b, struct image_mem *mem, struct plan *ret_plan, struct err *e);

/* Smallest SECS.SIZE that holds bytes; 0 when bytes is above PLAN_MAX_SIZE. */
uint64_t plan_size_for(uint64_t bytes);
/* *at += bytes, refusing to pass PLAN_MAX_SIZE; what names the thing in the message. */
int plan_advance(uint64_t *at, uint64_t bytes, const char *what, struct err *e);

/* ---- stream.c: pages as EADD leaves them ---------------------------------------------------- */

/* SECINFO.FLAGS as EADD measures them: it takes the rights of a TCS page away before. */
uint64_t plan_run_measured_secinfo(const struct plan_run *r);
/* The chunks of each page in the order in which they are measured; how many. */
unsigned int plan_run_chunks(const struct plan_run *r, uint8_t ret_order[PLAN_CHUNKS_PER_PAGE]);
/* Page i of a run as EEXTEND sees it: in buf, or where the file holds it. */
const uint8_t *plan_run_page_added(const struct plan_run *r, uint64_t i, uint8_t buf[SGX_PAGE_SIZE]);

/* ---- formats ------------------------------------------------------------------------------- */

/* What a reader gets to see. */
struct image_file {
	const char *path;               /* NULL when it never was a file */
	const uint8_t *bytes;
	uint64_t n_bytes;
	const struct elf_image *elf;    /* NULL when it is no ELF64 x86-64 that could be opened */
	const char *args;               /* of --format NAME:ARGUMENTS, NULL = none */
	const struct sgx_arch_sigstruct *sigstruct;     /* opts.sigstruct, read; NULL = none was given */
};

struct image_reader {
	bool needs_elf;         /* elf is not NULL in detect and parse */
	bool takes_args;
	bool fixed_size;        /* the image says all: a heap or reserve of one's own is refused */
	/* detect sees the first IMAGE_HEAD_BYTES only, and parse reads what follows them (image_mem_next) */
	bool streams;
	/* true: the file is of this format without doubt */
	bool (*detect)(const struct image_file *file);
	/*
	 * On success mem (which owns file->bytes and may be changed) is the plan's; on failure it is the
	 * caller's and *ret_plan untouched.  opts->sigstruct is put into the plan by the caller.
	 */
	int (*parse)(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
		     struct plan *ret_plan, struct err *e);
};
extern const struct image_reader image_reader_sgxctl, image_reader_sdk, image_reader_kernel, image_reader_sgxs,
	image_reader_raw, image_reader_enarx, image_reader_oe, image_reader_gramine;

/*
 * The SIGSTRUCT for an image that carries none: the one that was given, else the file beside the image whose
 * name ends in ext (".sig") instead of the image's own ending.  1 it is in the plan, 0 there is none, -1.
 */
int image_companion_sigstruct(const struct image_file *file, const char *ext, struct plan *p, struct err *e);
/* For formats that leave ATTRIBUTES and MISCSELECT to the SIGSTRUCT: as p's says, else the least there can be. */
void image_wish_as_signed(struct plan *p);

/* SECINFO.FLAGS of a page of a segment with these PF_* flags, and what to call it. */
uint64_t segment_secinfo(uint32_t flags);
const char *segment_what(uint32_t flags);

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
