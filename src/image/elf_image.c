/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The outside of ELF files: headers, segments, and through libelf notes.  What a segment becomes
 * in an enclave is the formats' business.
 *
 * Authority: System V ABI, "Object Files"; x86-64 psABI.
 */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

static int not_elf(struct err *e, uint64_t off, const char *why)
{
	err_set(e, ERR_BAD_ELF, 0, "%s", why);
	return err_offset(e, off);
}

/* Read before libelf sees the file: its messages are for programmers. */
static int check_ident(const uint8_t *bytes, size_t n_bytes, Elf64_Ehdr *ret_ehdr, struct err *e)
{
	if (n_bytes < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG))
		return not_elf(e, 0, n_bytes ? "not an ELF file" : "the file is empty");
	if (n_bytes < sizeof(*ret_ehdr))
		return not_elf(e, n_bytes, "truncated: the file ends inside the ELF header");
	memcpy(ret_ehdr, bytes, sizeof(*ret_ehdr));
	if (ret_ehdr->e_ident[EI_CLASS] != ELFCLASS64)
		return not_elf(e, EI_CLASS, "not a 64-bit ELF file");
	if (ret_ehdr->e_ident[EI_DATA] != ELFDATA2LSB)
		return not_elf(e, EI_DATA, "not a little-endian ELF file");
	if (ret_ehdr->e_machine != EM_X86_64)
		return not_elf(e, offsetof(Elf64_Ehdr, e_machine), "not an x86-64 ELF file");
	if (ret_ehdr->e_type != ET_EXEC && ret_ehdr->e_type != ET_DYN)
		return not_elf(e, offsetof(Elf64_Ehdr, e_type), "neither an executable nor a shared object");
	if (ret_ehdr->e_phnum && ret_ehdr->e_phentsize != sizeof(Elf64_Phdr))
		return not_elf(e, offsetof(Elf64_Ehdr, e_phentsize), "program headers of an unknown size");
	return 0;
}

static int add_load(struct elf_image *img, unsigned int index, const Elf64_Phdr *ph, struct err *e)
{
	uint64_t header_off = img->ehdr.e_phoff + index * sizeof(Elf64_Phdr), end;

	if (ph->p_filesz > ph->p_memsz)
		err_set(e, ERR_BAD_ELF, 0, "segment %u: p_filesz 0x%llx is larger than p_memsz 0x%llx",
			index, (unsigned long long)ph->p_filesz, (unsigned long long)ph->p_memsz);
	else if (__builtin_add_overflow(ph->p_offset, ph->p_filesz, &end) || end > img->n_bytes)
		err_set(e, ERR_BAD_ELF, 0,
			"segment %u: 0x%llx bytes at 0x%llx are outside the file of 0x%llx",
			index, (unsigned long long)ph->p_filesz, (unsigned long long)ph->p_offset,
			(unsigned long long)img->n_bytes);
	else if (__builtin_add_overflow(ph->p_vaddr, ph->p_memsz, &end))
		err_set(e, ERR_BAD_LAYOUT, 0, "segment %u: address 0x%llx + size 0x%llx wraps", index,
			(unsigned long long)ph->p_vaddr, (unsigned long long)ph->p_memsz);
	else if (end > PLAN_MAX_SIZE)
		err_set(e, ERR_TOO_BIG, 0, "segment %u ends at 0x%llx, an enclave ends at 0x%llx at most",
			index, (unsigned long long)end, (unsigned long long)PLAN_MAX_SIZE);
	else {
		img->loads[img->n_loads++] = (struct elf_segment){
			.index = index, .header_off = header_off, .flags = ph->p_flags & (PF_R | PF_W | PF_X),
			.offset = ph->p_offset, .filesz = ph->p_filesz,
			.vaddr = ph->p_vaddr, .memsz = ph->p_memsz,
		};
		return 0;
	}
	return err_offset(e, header_off);
}

/* The table was found to be inside the file. */
Elf64_Phdr elf_image_phdr(const struct elf_image *img, unsigned int i)
{
	Elf64_Phdr ph;

	memcpy(&ph, img->bytes + img->ehdr.e_phoff + i * sizeof(ph), sizeof(ph));
	return ph;
}

static int read_segments(struct elf_image *img, struct err *e)
{
	/* Not elf_getphdrnum: it answers with what fits when the file is truncated. */
	unsigned int n = img->ehdr.e_phnum;

	if (n > ELF_MAX_SEGMENTS) {
		err_set(e, ERR_TOO_BIG, 0, "%u program headers, more than %u", n, ELF_MAX_SEGMENTS);
		return err_offset(e, offsetof(Elf64_Ehdr, e_phnum));
	}
	if (n && (img->ehdr.e_phoff > img->n_bytes ||
		  n * sizeof(Elf64_Phdr) > img->n_bytes - img->ehdr.e_phoff))
		return not_elf(e, offsetof(Elf64_Ehdr, e_phoff),
			       "truncated: the program headers lie outside the file");
	img->loads = calloc(n + 1, sizeof(*img->loads));
	if (!img->loads)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for %u program headers", n);

	for (unsigned int i = 0; i < n; i++) {
		Elf64_Phdr ph = elf_image_phdr(img, i);

		if (ph.p_type == PT_INTERP)
			img->has_interp = true;
		if (ph.p_type == PT_TLS && ph.p_memsz)
			img->has_tls = true;
		if (ph.p_type == PT_LOAD && ph.p_memsz && add_load(img, i, &ph, e) < 0)
			return -1;
	}
	return 0;
}

int elf_image_open(const uint8_t *bytes, size_t n_bytes, struct elf_image *ret_img, struct err *e)
{
	struct elf_image img = { .bytes = bytes, .n_bytes = n_bytes };

	if (check_ident(bytes, n_bytes, &img.ehdr, e) < 0)
		return -1;
	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_set(e, ERR_BUG, 0, "libelf does not know this version of ELF");
	/* libelf takes char *, and leaves the bytes alone as long as nothing asks it to write */
	img.elf = elf_memory((char *)(uintptr_t)bytes, n_bytes);
	if (!img.elf)
		return not_elf(e, 0, elf_errmsg(-1));
	if (read_segments(&img, e) < 0) {
		elf_image_release(&img);
		return -1;
	}
	*ret_img = img;
	return 0;
}

void elf_image_release(struct elf_image *img)
{
	if (img->elf)
		elf_end(img->elf);
	free(img->loads);
	img->elf = NULL;
	img->loads = NULL;
}

/* Counts the wanted notes in file bytes [off, off + len) and remembers the first. */
static int scan_notes(const struct elf_image *img, uint64_t off, uint64_t len, uint64_t align,
		      const char *name, uint32_t type, struct elf_note *ret_note)
{
	size_t at = 0, next, name_at, desc_at, name_len = strlen(name) + 1;
	Elf_Data *data;
	GElf_Nhdr nh;
	int found = 0;

	if (!elf_image_inside(img, off, len))
		return 0;
	data = elf_getdata_rawchunk(img->elf, (int64_t)off, len, align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	if (!data)
		return 0;
	while ((next = gelf_getnote(data, at, &nh, &name_at, &desc_at)) > 0) {
		const uint8_t *base = img->bytes + off;

		if (nh.n_type == type && nh.n_namesz == name_len && !memcmp(base + name_at, name, name_len) &&
		    !found++)
			*ret_note = (struct elf_note){ base + desc_at, nh.n_descsz, off + desc_at };
		at = next;
	}
	return found;
}

/*
 * Both scans read as many bytes as the file has and no more: areas that lie on top of each other are no
 * reason to read the same bytes thousands of times.
 */
static int scan_note_segments(const struct elf_image *img, const char *name, uint32_t type,
			      struct elf_note *ret_note)
{
	uint64_t left = img->n_bytes;
	int found = 0;

	for (unsigned int i = 0; i < img->ehdr.e_phnum; i++) {
		Elf64_Phdr ph = elf_image_phdr(img, i);
		struct elf_note one;
		int here;

		if (ph.p_type != PT_NOTE || ph.p_filesz > left)
			continue;
		left -= ph.p_filesz;
		here = scan_notes(img, ph.p_offset, ph.p_filesz, ph.p_align, name, type, &one);
		if (here && !found)
			*ret_note = one;
		found += here;
	}
	return found;
}

static int scan_note_sections(const struct elf_image *img, const char *name, uint32_t type,
			      struct elf_note *ret_note)
{
	uint64_t left = img->n_bytes;
	Elf64_Shdr sh;
	int found = 0;

	for (unsigned int i = 0; elf_image_section(img, i, &sh); i++) {
		struct elf_note one;
		int here;

		if (sh.sh_type != SHT_NOTE || sh.sh_size > left)
			continue;
		left -= sh.sh_size;
		here = scan_notes(img, sh.sh_offset, sh.sh_size, sh.sh_addralign, name, type, &one);
		if (here && !found)
			*ret_note = one;
		found += here;
	}
	return found;
}

int elf_image_note(const struct elf_image *img, const char *name, uint32_t type, struct elf_note *ret_note,
		   struct err *e)
{
	struct elf_note note;
	/* A section that is not loaded has no segment; one that is loaded must not be counted twice. */
	int found = scan_note_segments(img, name, type, &note);

	if (!found)
		found = scan_note_sections(img, name, type, &note);
	if (!found)
		return 0;
	if (found > 1) {
		err_set(e, ERR_BAD_LAYOUT, 0, "%d '%s' notes where one is needed", found, name);
		return err_offset(e, note.file_off);
	}
	*ret_note = note;
	return 1;
}

uint64_t segment_secinfo(uint32_t flags)
{
	return SGX_SECINFO_REG | (flags & PF_R ? SGX_SECINFO_R : 0) | (flags & PF_W ? SGX_SECINFO_W : 0) |
	       (flags & PF_X ? SGX_SECINFO_X : 0);
}

const char *segment_what(uint32_t flags)
{
	return flags & PF_X ? "text" : flags & PF_W ? "data" : "rodata";
}
