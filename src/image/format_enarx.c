/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enarx keeps: an ELF file, the shim, that has a slot for another one, the program.  Notes of the shim say how
 * large the enclave is and how it is signed, bits of p_flags which pages are TCSs or not measured.  All segments of
 * the shim are added, then all of the program; nothing is relocated.
 *
 * Authority: Enarx, crates sallyport (elf.rs) and enarx (backend/binary.rs, backend/sgx).
 */
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "image/internal.h"

#define PT_ENARX_EXEC        0x63400000u
#define PF_ENARX_TCS         (1u << 20)
#define PF_ENARX_UNMEASURED  (1u << 21)
#define NOTE_NAME            "sallyport"
#define MAX_REQUIRES         128u       /* bytes of a version requirement that are shown */

enum note_type {
	NOTE_REQUIRES = 0, NOTE_BITS = 0x73677800, NOTE_SSAP = 0x73677801, NOTE_PID = 0x73677810,
	NOTE_SVN = 0x73677811, NOTE_MISC = 0x73677812, NOTE_MISCMASK = 0x73677813, NOTE_ATTR = 0x73677814,
	NOTE_ATTRMASK = 0x73677815, NOTE_BLOCK_SIZE = 0x73677820, NOTE_BLOCK_COUNT = 0x73677821,
};

struct keep {
	struct plan_build b;
	struct elf_image exec;          /* the program */
	Elf64_Phdr slot;
	uint64_t end;                   /* of the highest segment */
};

static void keep_release(struct keep *k)
{
	elf_image_release(&k->exec);
	plan_build_release(&k->b);
}

static int bad_elf(struct err *e, uint64_t off, const char *why)
{
	err_set(e, ERR_BAD_ELF, 0, "%s", why);
	return err_offset(e, off);
}

static uint64_t phdr_off(const struct elf_image *img, unsigned int i)
{
	return img->ehdr.e_phoff + i * sizeof(Elf64_Phdr);
}

/* ---- notes --------------------------------------------------------------------------------- */

/* The contents of a note that must be there, and be of this size. */
static int need_note(const struct elf_image *img, enum note_type type, const char *name, void *ret, size_t bytes,
		     struct err *e)
{
	struct elf_note note;
	int found = elf_image_note(img, NOTE_NAME, type, &note, e);

	if (found < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_BAD_LAYOUT, 0, "the shim has no note %s (type 0x%x of %s)", name, type,
			       NOTE_NAME);
	if (note.desc_bytes != bytes) {
		err_set(e, ERR_BAD_LAYOUT, 0, "note %s has %llu bytes, it should have %zu", name,
			(unsigned long long)note.desc_bytes, bytes);
		return err_offset(e, note.file_off);
	}
	memcpy(ret, note.desc, bytes);
	return 0;
}
#define NEED_NOTE(img, type, ret, e) need_note(img, NOTE_##type, #type, ret, sizeof(*(ret)), e)

static int read_geometry(struct keep *k, const struct elf_image *shim, struct err *e)
{
	struct plan *p = &k->b.p;
	uint8_t bits, ssap;

	if (NEED_NOTE(shim, BITS, &bits, e) < 0 || NEED_NOTE(shim, SSAP, &ssap, e) < 0)
		return -1;
	p->size = bits < 64 ? (uint64_t)1 << bits : 0;
	if (p->size < PLAN_MIN_SIZE || p->size > PLAN_MAX_SIZE)
		return err_set(e, ERR_BAD_LAYOUT, 0, "note BITS: an enclave of 2^%u bytes cannot be", bits);
	if (!ssap)
		return err_set(e, ERR_BAD_LAYOUT, 0, "note SSAP: SSAFRAMESIZE is 0");
	p->ssaframesize = ssap;
	return 0;
}

/* XFRM: the mask says which features the shim saves; those that the machine has are taken. */
static int read_identity(struct keep *k, const struct elf_image *shim, struct err *e)
{
	struct sign_params sp;
	struct plan *p = &k->b.p;

	sign_params_default(&sp, p);
	if (NEED_NOTE(shim, PID, &sp.isvprodid, e) < 0 || NEED_NOTE(shim, SVN, &sp.isvsvn, e) < 0 ||
	    NEED_NOTE(shim, MISC, &sp.miscselect, e) < 0 || NEED_NOTE(shim, MISCMASK, &sp.miscmask, e) < 0 ||
	    NEED_NOTE(shim, ATTR, &sp.attributes, e) < 0 || NEED_NOTE(shim, ATTRMASK, &sp.attributemask, e) < 0)
		return -1;
	p->attributes.flags = sp.attributes.flags;
	p->attributes.xfrm = sp.attributemask.xfrm;
	p->miscselect = sp.miscselect;
	sp.attributes.xfrm &= sp.attributemask.xfrm;
	p->sign_params = sp;
	p->has_sign_params = true;
	return 0;
}

/* What is good to know, and nothing depends on. */
static int add_facts(struct keep *k, const struct elf_image *shim, const char *exec_path, struct err *e)
{
	static const struct {
		enum note_type type;
		const char *key;
	} sizes[] = { { NOTE_BLOCK_SIZE, "sallyport_block_size" }, { NOTE_BLOCK_COUNT, "sallyport_block_count" } };
	struct elf_note note;
	uint64_t value;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (elf_image_note(shim, NOTE_NAME, sizes[i].type, &note, NULL) <= 0 ||
		    note.desc_bytes != sizeof(value))
			continue;
		memcpy(&value, note.desc, sizeof(value));
		if (plan_build_fact(&k->b, sizes[i].key, PLAN_FACT_SIZE, value, e) < 0)
			return -1;
	}
	if (elf_image_note(shim, NOTE_NAME, NOTE_REQUIRES, &note, NULL) > 0 && note.desc_bytes <= MAX_REQUIRES) {
		char text[4 * MAX_REQUIRES + 1];

		text_escape(text, sizeof(text), (const char *)note.desc, note.desc_bytes);
		if (plan_build_fact_text(&k->b, "sallyport_requires", text, e) < 0)
			return -1;
	}
	if (plan_build_fact_text(&k->b, "exec", exec_path, e) < 0 ||
	    plan_build_fact(&k->b, "exec_offset", PLAN_FACT_HEX, k->slot.p_vaddr, e) < 0)
		return -1;
	return plan_build_fact(&k->b, "exec_bytes_max", PLAN_FACT_SIZE, k->slot.p_memsz, e);
}

/* ---- segments ------------------------------------------------------------------------------ */

/* What Enarx' loader asks of both files. */
static int check_binary(const struct elf_image *img, struct err *e)
{
	uint64_t entry = img->ehdr.e_entry;

	if (img->has_interp)
		return bad_elf(e, offsetof(Elf64_Ehdr, e_phoff), "the file asks for a dynamic linker (PT_INTERP)");
	for (size_t i = 0; i < img->n_loads; i++) {
		if (entry >= img->loads[i].vaddr && entry - img->loads[i].vaddr < img->loads[i].memsz)
			return 0;
	}
	return bad_elf(e, offsetof(Elf64_Ehdr, e_entry), "the entry point is in no segment");
}

static void describe_run(struct plan_run *run, const Elf64_Phdr *ph, bool of_exec)
{
	if (ph->p_flags & PF_ENARX_TCS) {
		run->secinfo = SGX_SECINFO_TCS;
		run->what = "tcs";
	} else {
		run->secinfo = segment_secinfo(ph->p_flags);
		run->what = ph->p_flags & PF_X ? of_exec ? "exec text" : "shim text" :
			    !(ph->p_flags & PF_W) ? of_exec ? "exec rodata" : "shim rodata" :
			    !ph->p_filesz ? "zeros" : of_exec ? "exec data" : "shim data";
	}
	run->chunks = ph->p_flags & PF_ENARX_UNMEASURED ? 0 : PLAN_CHUNKS_ALL;
}

/* Pages from p_vaddr, rounded down to p_align, up to the last one that has bytes of the segment. */
static int add_segment(struct keep *k, const struct elf_image *img, const Elf64_Phdr *ph, uint64_t bias,
		       bool of_exec, struct err *e)
{
	uint64_t align = ph->p_align > SGX_PAGE_SIZE ? ph->p_align : SGX_PAGE_SIZE;
	uint64_t start = ph->p_vaddr & ~(align - 1), first = page_down(ph->p_vaddr);
	uint64_t end = page_up(ph->p_vaddr + ph->p_memsz);
	struct plan_run run = { .off = bias + start, .pages = (first - start) / SGX_PAGE_SIZE };

	describe_run(&run, ph, of_exec);
	if (plan_build_run(&k->b, &run, e) < 0)
		return -1;
	run.off = bias + first;
	run.pages = (end - first) / SGX_PAGE_SIZE;
	if (ph->p_filesz) {
		run.data = img->bytes + ph->p_offset;
		run.data_bytes = ph->p_filesz;
		run.data_lead = ph->p_vaddr - first;
	}
	if (bias + end > k->end)
		k->end = bias + end;
	return plan_build_run(&k->b, &run, e);
}

/* Segments with bytes are inside the file and below PLAN_MAX_SIZE: elf_image_open() saw to it. */
static int add_segments(struct keep *k, const struct elf_image *img, uint64_t bias, bool of_exec, struct err *e)
{
	for (unsigned int i = 0; i < img->ehdr.e_phnum; i++) {
		Elf64_Phdr ph = elf_image_phdr(img, i);

		if (ph.p_type != PT_LOAD || (!ph.p_memsz && page_aligned(ph.p_vaddr)))
			continue;
		if (ph.p_align & (ph.p_align - 1))
			return bad_elf(e, phdr_off(img, i), "p_align of a segment is no power of two");
		if (ph.p_vaddr > PLAN_MAX_SIZE || ph.p_filesz > ph.p_memsz)
			return bad_elf(e, phdr_off(img, i), "a segment without bytes is out of bounds");
		if (add_segment(k, img, &ph, bias, of_exec, e) < 0) {
			err_wrap(e, "%s, segment %u", of_exec ? "program" : "shim", i);
			return err_offset(e, phdr_off(img, i));
		}
	}
	return 0;
}

/* ---- the program --------------------------------------------------------------------------- */

static bool find_slot(const struct elf_image *shim, Elf64_Phdr *ret_slot, unsigned int *ret_index)
{
	for (unsigned int i = 0; i < shim->ehdr.e_phnum; i++) {
		*ret_slot = elf_image_phdr(shim, i);
		*ret_index = i;
		if (ret_slot->p_type == PT_ENARX_EXEC)
			return true;
	}
	return false;
}

static int check_slot(struct keep *k, const struct elf_image *shim, struct err *e)
{
	unsigned int index;
	uint64_t end;

	if (!find_slot(shim, &k->slot, &index))
		return err_set(e, ERR_BAD_LAYOUT, 0, "the shim has no slot for a program (program header of type "
			       "0x%x)", PT_ENARX_EXEC);
	if (page_aligned(k->slot.p_vaddr) && !__builtin_add_overflow(k->slot.p_vaddr, k->slot.p_memsz, &end) &&
	    end <= PLAN_MAX_SIZE)
		return 0;
	err_set(e, ERR_BAD_LAYOUT, 0, "the slot for the program, 0x%llx bytes at 0x%llx, cannot be in an enclave",
		(unsigned long long)k->slot.p_memsz, (unsigned long long)k->slot.p_vaddr);
	return err_offset(e, phdr_off(shim, index));
}

static int check_fit(const struct keep *k, struct err *e)
{
	uint64_t low = UINT64_MAX, high = 0;

	for (size_t i = 0; i < k->exec.n_loads; i++) {
		const struct elf_segment *s = &k->exec.loads[i];

		low = s->vaddr < low ? s->vaddr : low;
		high = s->vaddr + s->memsz > high ? s->vaddr + s->memsz : high;
	}
	if (!low && high <= k->slot.p_memsz)
		return 0;
	return err_set(e, ERR_BAD_LAYOUT, 0, "the program takes 0x%llx to 0x%llx, the slot of the shim 0 to 0x%llx",
		       (unsigned long long)low, (unsigned long long)high, (unsigned long long)k->slot.p_memsz);
}

static int open_exec(struct keep *k, struct image_mem *mem, const char *path, struct err *e)
{
	const struct image_mem *more;

	if (!path) {
		err_set(e, ERR_NO_IMAGE, 0, "an Enarx shim alone is no enclave: its program is missing");
		return err_hint(e, "--exec FILE names the ELF file of the program");
	}
	if (image_mem_read_more(mem, path, &more, e) < 0)
		return -1;
	if (elf_image_open(more->bytes, more->n_bytes, &k->exec, e) < 0 || check_binary(&k->exec, e) < 0 ||
	    check_fit(k, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int enarx_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
		       struct plan *ret_plan, struct err *e)
{
	CLEANUP(keep_release) struct keep k = { .end = 0 };
	const struct elf_image *shim = file->elf;
	struct plan *p = &k.b.p;

	if (check_binary(shim, e) < 0 || check_slot(&k, shim, e) < 0 || read_geometry(&k, shim, e) < 0 ||
	    read_identity(&k, shim, e) < 0 || open_exec(&k, mem, opts->exec, e) < 0 ||
	    add_facts(&k, shim, opts->exec, e) < 0 || add_segments(&k, shim, 0, false, e) < 0 ||
	    add_segments(&k, &k.exec, k.slot.p_vaddr, true, e) < 0)
		return -1;
	if (k.end < p->size &&
	    plan_build_dynamic(&k.b, k.end, (p->size - k.end) / SGX_PAGE_SIZE, "heap", e) < 0)
		return -1;
	if (image_names_add(mem, shim, NAMES_BY_ADDRESS, 0, e) < 0 ||
	    image_names_add(mem, &k.exec, NAMES_BY_ADDRESS, k.slot.p_vaddr, e) < 0)
		return -1;
	plan_build_nssa(&k.b);
	p->format = "enarx";
	return plan_build_finish(&k.b, mem, ret_plan, e);
}

static bool enarx_detect(const struct image_file *file)
{
	static const enum note_type types[] = { NOTE_BITS, NOTE_SSAP, NOTE_REQUIRES, NOTE_BLOCK_SIZE };
	struct elf_note note;
	unsigned int index;
	Elf64_Phdr slot;

	if (!find_slot(file->elf, &slot, &index))
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		/* two are one too many, and a reason to say so */
		if (elf_image_note(file->elf, NOTE_NAME, types[i], &note, NULL))
			return true;
	}
	return false;
}

const struct image_reader image_reader_enarx = {
	.needs_elf = true, .fixed_size = true, .detect = enarx_detect, .parse = enarx_parse,
};
