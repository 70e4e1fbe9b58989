/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metadata blocks of SDK enclaves: where they are, what their heads say, which of them counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/sdk.h"

#define NOTE_SECTION ".note.sgxmeta"
#define NOTE_NAME    "sgx_metadata"
#define NOTE_HEAD    12u        /* namesz, descsz, type */

/* Block majors are 1 to 3, and ten more when the block has an ELRANGE. */
#define MAJOR_GAP 10u
#define MAJOR_MAX 3u
#define MAJOR_OF_PLAIN_LOADERS 1u       /* 2 and 3 are for run-times that add pages later */

static uint64_t magic_at(const struct elf_image *elf, uint64_t off)
{
	return elf_image_inside(elf, off, sizeof(uint64_t)) ? sdk_get64(elf->bytes + off) : 0;
}

static int bad_note(struct err *e, enum err_code code, uint64_t off, const char *what)
{
	err_set(e, code, 0, "section " NOTE_SECTION ": %s", what);
	return err_offset(e, off);
}

/* The name is 13 bytes and nothing is aligned behind it, so the blocks begin at odd places. */
static int find_by_section(const struct elf_image *elf, const Elf64_Shdr *sh, uint64_t *ret_off,
			   struct err *e)
{
	const uint8_t *note;

	if (!elf_image_inside(elf, sh->sh_offset, sh->sh_size))
		return bad_note(e, ERR_BAD_ELF, sh->sh_offset, "it is outside the file");
	if (sh->sh_size < NOTE_HEAD + sizeof(NOTE_NAME))
		return bad_note(e, ERR_BAD_LAYOUT, sh->sh_offset, "it is too short for a note");
	note = elf->bytes + sh->sh_offset;
	if (sdk_get32(note) != sizeof(NOTE_NAME) || memcmp(note + NOTE_HEAD, NOTE_NAME, sizeof(NOTE_NAME)))
		return bad_note(e, ERR_BAD_LAYOUT, sh->sh_offset, "its note is not called " NOTE_NAME);
	*ret_off = sh->sh_offset + NOTE_HEAD + sizeof(NOTE_NAME);
	if (magic_at(elf, *ret_off) != SDK_MAGIC)
		return bad_note(e, ERR_BAD_LAYOUT, *ret_off,
				"there is no metadata in it: the enclave was never signed");
	return 0;
}

/* In a file without section headers: the magic behind the note's name, wherever that is. */
static bool find_by_scan(const struct elf_image *elf, uint64_t *ret_off)
{
	uint8_t want[sizeof(NOTE_NAME) + sizeof(uint64_t)];
	const uint64_t magic = SDK_MAGIC;
	const uint8_t *found;

	memcpy(want, NOTE_NAME, sizeof(NOTE_NAME));
	memcpy(want + sizeof(NOTE_NAME), &magic, sizeof(magic));
	found = memmem(elf->bytes, elf->n_bytes, want, sizeof(want));
	if (!found)
		return false;
	*ret_off = (uint64_t)(found - elf->bytes) + sizeof(NOTE_NAME);
	return true;
}

int sdk_find_metadata(const struct elf_image *elf, uint64_t *ret_off, struct err *e)
{
	Elf64_Shdr sh;

	if (elf_image_find_section(elf, NOTE_SECTION, &sh))
		return find_by_section(elf, &sh, ret_off, e) < 0 ? -1 : 1;
	return !elf_image_section(elf, 0, &sh) && find_by_scan(elf, ret_off);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static int bad_block(struct err *e, enum err_code code, uint64_t off, const char *what, uint32_t value)
{
	err_set(e, code, 0, "metadata block: %s (it says 0x%x)", what, value);
	return err_offset(e, off);
}

static struct sdk_dir get_dir(const uint8_t *p)
{
	return (struct sdk_dir){ sdk_get32(p), sdk_get32(p + 4) };
}

/* Directories that SDKs before 2.24 do not have: an ELRANGE they kept in the same place. */
static void read_later_dirs(struct sdk_block *b, const uint8_t *p)
{
	unsigned int major = b->major % MAJOR_GAP;
	bool four = (major == 1 && b->minor >= 5) || (major == 3 && b->minor >= 2);

	if ((four || b->major > MAJOR_GAP) && b->bytes >= SDK_BLOCK_MIN + 8)
		b->elrange = get_dir(p + 0x760);
	if (four && b->bytes >= SDK_BLOCK_MIN + 16)
		b->extend = get_dir(p + 0x768);
}

/* 1: a block, 0: there is none at off. */
static int read_block(const struct elf_image *elf, uint64_t off, struct sdk_block *b, struct err *e)
{
	const uint8_t *p = elf->bytes + off;

	if (magic_at(elf, off) != SDK_MAGIC || !elf_image_inside(elf, off, 20))
		return 0;
	memset(b, 0, sizeof(*b));
	b->off = off;
	b->bytes = sdk_get32(p + 16);
	if (!b->bytes)
		return 0;
	if (b->bytes < SDK_BLOCK_MIN)
		return bad_block(e, ERR_BAD_LAYOUT, off + 16, "its size is less than that of its head",
				 b->bytes);
	if (!elf_image_inside(elf, off, b->bytes))
		return bad_block(e, ERR_BAD_LAYOUT, off + 16, "its size leaves the file", b->bytes);
	b->minor = sdk_get32(p + 8);
	b->major = sdk_get32(p + 12);
	b->tcs_policy = sdk_get32(p + 20);
	b->ssaframesize = sdk_get32(p + 24);
	b->xsave_bytes = sdk_get32(p + 28);
	b->miscselect = sdk_get32(p + 32);
	b->tcs_min_pool = sdk_get32(p + 36);
	b->size = sdk_get64(p + 40);
	memcpy(&b->attributes, p + 48, sizeof(b->attributes));
	memcpy(&b->sigstruct, p + 64, sizeof(b->sigstruct));
	b->patches = get_dir(p + 0x750);
	b->layout = get_dir(p + 0x758);
	read_later_dirs(b, p);
	return 1;
}

/* ---- choosing ------------------------------------------------------------------------------ */

/* What is asked for: a generation (0 = the default), or one version alone. */
struct wish {
	unsigned long major, minor;
	bool exact;
};

static int read_wish(const char *args, struct wish *w, struct err *e)
{
	char *end;

	*w = (struct wish){ 0 };
	if (!args)
		return 0;
	w->major = strtoul(args, &end, 10);
	if (end != args && *end == '.') {
		const char *minor = end + 1;

		w->exact = true;
		w->minor = strtoul(minor, &end, 10);
		if (end == minor)
			end = (char *)(uintptr_t)args;
	}
	if (end != args && !*end && *args >= '1' && *args <= '9' && (w->exact || w->major <= MAJOR_MAX))
		return 0;
	err_set(e, ERR_UNKNOWN_FORMAT, 0, "'%s' is no version of metadata", args);
	return err_hint(e, "--format sdk:2 takes the newest block up to generation 2 (1, 2 or 3), sdk:2.4 "
			   "that block");
}

/* Is a better than b, for one who knows blocks up to generation most? */
static bool is_better(const struct sdk_block *a, const struct sdk_block *b, unsigned long most)
{
	unsigned int ga = a->major % MAJOR_GAP, gb = b->major % MAJOR_GAP;

	if (!ga || ga > MAJOR_MAX)
		return false;
	if (!b->bytes)
		return true;
	if ((ga <= most) != (gb <= most))
		return ga <= most;
	if (ga != gb)           /* of those that ask too much, the one that asks least */
		return ga <= most ? ga > gb : ga < gb;
	return a->major != b->major ? a->major > b->major : a->minor > b->minor;
}

static bool is_wanted(const struct sdk_block *a, const struct sdk_block *best, const struct wish *w)
{
	if (w->exact)
		return a->major == w->major && a->minor == w->minor && !best->bytes;
	return is_better(a, best, w->major ? w->major : MAJOR_OF_PLAIN_LOADERS);
}

static int note_block(struct plan_build *b, const struct sdk_block *x, struct err *e)
{
	struct plan_block block = {
		.file_off = x->off, .bytes = x->bytes, .secs_size = x->size, .sigstruct = x->sigstruct,
	};

	snprintf(block.version, sizeof(block.version), "%u.%u", x->major, x->minor);
	return plan_build_block(b, &block, e);
}

int sdk_choose_block(const struct elf_image *elf, uint64_t off, const char *args, struct plan_build *b,
		     struct sdk_block *ret, struct err *e)
{
	struct sdk_block best = { 0 }, x;
	size_t best_i = 0;
	struct wish w;
	int more;

	if (read_wish(args, &w, e) < 0)
		return -1;
	for (size_t i = 0; (more = read_block(elf, off, &x, e)) > 0; i++) {
		if (i >= SDK_MAX_BLOCKS) {
			err_set(e, ERR_TOO_BIG, 0, "more than %u metadata blocks", SDK_MAX_BLOCKS);
			return err_offset(e, off);
		}
		if (note_block(b, &x, e) < 0)
			return -1;
		if (is_wanted(&x, &best, &w)) {
			best = x;
			best_i = i;
		}
		off += x.bytes;
	}
	if (more < 0)
		return -1;
	if (!b->p.n_blocks)
		return bad_block(e, ERR_BAD_LAYOUT, off + 16, "the first block has no size", 0);
	if (!best.bytes) {
		err_set(e, ERR_UNKNOWN_FORMAT, 0,
			"%s%s among the %zu metadata blocks, the first of which is %s",
			w.exact ? "there is no block of version " : "there is no block of a known version",
			w.exact ? args : "", b->p.n_blocks, b->p.blocks[0].version);
		return err_offset(e, b->p.blocks[0].file_off + 8);
	}
	b->p.blocks[best_i].chosen = true;
	*ret = best;
	return 0;
}
