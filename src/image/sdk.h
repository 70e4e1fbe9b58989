/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the SDK format share: sdk_blocks.c finds the metadata, format_sdk.c takes it apart,
 * sdk_segments.c makes the pages of the ELF file, sdk_layout.c those of heap and threads.
 *
 * Authority: Intel SGX SDK for Linux: common/inc/internal/metadata.h, psw/urts/loader.cpp, elfparser.cpp;
 *            the numbers in comments are offsets into a metadata block.
 */
#ifndef IMAGE_SDK_H
#define IMAGE_SDK_H

#include "image/internal.h"

#define SDK_MAGIC           0x86a80294635d0e4cull
#define SDK_BLOCK_MIN       0x760u              /* up to the directories */
#define SDK_MAX_BLOCK       (1u << 20)          /* bytes of one block; the SDK's own have 24 KiB at most */
#define SDK_MAX_BLOCKS      64u
#define SDK_MAX_PATCH_BYTES (64u << 20)         /* of all patches together */

/* A part of a block: {u32 offset, u32 bytes}. */
struct sdk_dir {
	uint32_t off, bytes;
};

struct sdk_block {
	uint64_t off;           /* in the file */
	uint32_t bytes;         /* 16 */
	uint32_t major, minor;  /* 12, 8 */
	uint32_t tcs_policy;    /* 20 */
	uint32_t ssaframesize;  /* 24 */
	uint32_t xsave_bytes;   /* 28 */
	uint32_t miscselect;    /* 32: desired */
	uint32_t tcs_min_pool;  /* 36 */
	uint64_t size;          /* 40: of the enclave */
	struct sgx_attributes attributes;       /* 48 */
	struct sgx_arch_sigstruct sigstruct;    /* 64 */
	struct sdk_dir patches, layout;         /* 0x750, 0x758 */
	struct sdk_dir elrange, extend;         /* 0x760, 0x768; no bytes in blocks that have none */
};

/* A file on its way to a plan. */
struct sdk {
	const struct image_file *file;
	struct image_mem *mem;
	struct sdk_block block;         /* the chosen one */
	const uint8_t *copy;            /* of its bytes: patches may go anywhere in the file */
	uint64_t bias;                  /* of every page: from the start of ELRANGE to the image */
	struct plan_build b;
	uint64_t text_relocations;      /* pages made writable for them */
	uint64_t threads, dynamic_threads;
	bool old_ids;                   /* of layout elements: an SDK before 2.0 */
};

/* Fields of files lie anywhere. */
static inline uint16_t sdk_get16(const uint8_t *p)
{
	uint16_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t sdk_get32(const uint8_t *p)
{
	uint32_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t sdk_get64(const uint8_t *p)
{
	uint64_t v;

	__builtin_memcpy(&v, p, sizeof(v));
	return v;
}

/* ---- sdk_blocks.c -------------------------------------------------------------------------- */

/* Where the first block is.  1 found, 0 the file is of another kind, -1 it is of this kind and damaged. */
int sdk_find_metadata(const struct elf_image *elf, uint64_t *ret_off, struct err *e);
/* Notes all blocks from off on in the plan; args: of --format sdk:ARGS, or NULL.  The bytes of *ret are
 * inside the file, what its fields say is not checked. */
int sdk_choose_block(const struct elf_image *elf, uint64_t off, const char *args, struct plan_build *b,
		     struct sdk_block *ret, struct err *e);

/* ---- format_sdk.c -------------------------------------------------------------------------- */

/* ERR_BAD_LAYOUT with an offset into the file: at from the start of the chosen block. */
int sdk_bad(const struct sdk *s, uint64_t at, struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* A part that is inside the block, in elements of this many bytes; what names it. */
int sdk_check_dir(const struct sdk *s, const struct sdk_dir *dir, uint32_t dir_at, uint32_t element,
		  const char *what, struct err *e);
/* Appends a run, biased; pages outside the enclave are refused.  file_off: of what asks for it. */
int sdk_add_run(struct sdk *s, const struct plan_run *run, uint64_t file_off, struct err *e);

/* ---- sdk_segments.c ------------------------------------------------------------------------ */

/* The pages that are written to while text is relocated, as the file is before it is patched. */
struct sdk_marks {
	uint64_t *pages;        /* page numbers, ascending, each once */
	size_t n;
};
int sdk_read_marks(const struct elf_image *elf, struct sdk_marks *ret_marks, struct err *e);
void sdk_marks_release(struct sdk_marks *m);

int sdk_patch(struct sdk *s, struct err *e);
/* marks: NULL for the second file, which is placed at mem_off and begins at file_off of the first. */
int sdk_add_segments(struct sdk *s, const struct elf_image *elf, const struct sdk_marks *marks,
		     uint64_t mem_off, uint64_t file_off, struct err *e);

/* ---- sdk_layout.c -------------------------------------------------------------------------- */

int sdk_add_layout(struct sdk *s, struct err *e);

#endif
