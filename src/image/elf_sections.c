/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sections, symbols and the dynamic table of ELF files.  Read from the bytes, not through libelf: it looks
 * for the end of every string that it is asked for and copies tables at odd places, which a file can make as
 * expensive as it likes.  Whatever lies outside the file is not there.
 *
 * Authority: System V ABI, "Sections", "String Table", "Symbol Table", "Dynamic Section".
 */
#include <string.h>

#include "image/internal.h"

bool elf_image_inside(const struct elf_image *img, uint64_t off, uint64_t bytes)
{
	return off <= img->n_bytes && bytes <= img->n_bytes - off;
}

bool elf_image_section(const struct elf_image *img, unsigned int i, Elf64_Shdr *ret_sh)
{
	uint64_t at;

	if (i >= img->ehdr.e_shnum || img->ehdr.e_shentsize != sizeof(*ret_sh) ||
	    img->ehdr.e_shoff > img->n_bytes)
		return false;
	at = img->ehdr.e_shoff + (uint64_t)i * sizeof(*ret_sh);
	if (!elf_image_inside(img, at, sizeof(*ret_sh)))
		return false;
	memcpy(ret_sh, img->bytes + at, sizeof(*ret_sh));
	return true;
}

/* A table that ends with the end of a string ends all of them: NULL when it does not, or is none. */
static const char *string_table(const struct elf_image *img, unsigned int i, uint64_t *ret_bytes)
{
	Elf64_Shdr sh;

	if (!elf_image_section(img, i, &sh) || sh.sh_type != SHT_STRTAB || !sh.sh_size ||
	    !elf_image_inside(img, sh.sh_offset, sh.sh_size) || img->bytes[sh.sh_offset + sh.sh_size - 1])
		return NULL;
	*ret_bytes = sh.sh_size;
	return (const char *)img->bytes + sh.sh_offset;
}

const char *elf_image_section_name(const struct elf_image *img, const Elf64_Shdr *sh)
{
	uint64_t bytes;
	const char *table = string_table(img, img->ehdr.e_shstrndx, &bytes);

	return table && sh->sh_name < bytes ? table + sh->sh_name : "";
}

bool elf_image_find_section(const struct elf_image *img, const char *name, Elf64_Shdr *ret_sh)
{
	for (unsigned int i = 0; elf_image_section(img, i, ret_sh); i++) {
		if (!strcmp(elf_image_section_name(img, ret_sh), name))
			return true;
	}
	return false;
}

bool elf_image_has_section(const struct elf_image *img, const char *name)
{
	Elf64_Shdr sh;

	return elf_image_find_section(img, name, &sh);
}

void elf_symbols_open(const struct elf_image *img, uint32_t type, struct elf_symbols *ret)
{
	Elf64_Shdr sh;

	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; elf_image_section(img, i, &sh); i++) {
		if (sh.sh_type != type)
			continue;
		if (!elf_image_inside(img, sh.sh_offset, sh.sh_size))
			return;
		ret->table = img->bytes + sh.sh_offset;
		ret->n = sh.sh_size / sizeof(Elf64_Sym);
		ret->strings = string_table(img, sh.sh_link, &ret->strings_bytes);
		return;
	}
}

bool elf_symbols_next(struct elf_symbols *s, Elf64_Sym *ret_sym, const char **ret_name)
{
	if (s->i >= s->n)
		return false;
	memcpy(ret_sym, s->table + s->i * sizeof(*ret_sym), sizeof(*ret_sym));
	*ret_name = s->strings && ret_sym->st_name < s->strings_bytes ? s->strings + ret_sym->st_name : "";
	s->i++;
	return true;
}

bool elf_image_symbol(const struct elf_image *img, uint32_t type, const char *name, Elf64_Sym *ret_sym)
{
	struct elf_symbols all;
	const char *s;

	elf_symbols_open(img, type, &all);
	while (elf_symbols_next(&all, ret_sym, &s)) {
		if (!strcmp(s, name))
			return true;
	}
	return false;
}

void elf_dynamic_open(const struct elf_image *img, struct elf_dynamic *ret)
{
	memset(ret, 0, sizeof(*ret));
	for (unsigned int i = 0; i < img->ehdr.e_phnum; i++) {
		Elf64_Phdr ph = elf_image_phdr(img, i);

		if (ph.p_type != PT_DYNAMIC)
			continue;
		if (elf_image_inside(img, ph.p_offset, ph.p_filesz)) {
			ret->table = img->bytes + ph.p_offset;
			ret->n = ph.p_filesz / sizeof(Elf64_Dyn);
		}
		return;
	}
}

bool elf_dynamic_next(struct elf_dynamic *d, Elf64_Dyn *ret_dyn)
{
	if (d->i >= d->n)
		return false;
	memcpy(ret_dyn, d->table + d->i++ * sizeof(*ret_dyn), sizeof(*ret_dyn));
	return ret_dyn->d_tag != DT_NULL;
}

uint64_t elf_image_relocations(const struct elf_image *img)
{
	struct elf_dynamic all;
	uint64_t bytes = 0;
	Elf64_Dyn dyn;

	/* The program header tells a dynamic linker where to look, so that is what is believed here. */
	elf_dynamic_open(img, &all);
	while (elf_dynamic_next(&all, &dyn)) {
		if (dyn.d_tag == DT_RELASZ || dyn.d_tag == DT_RELSZ || dyn.d_tag == DT_PLTRELSZ ||
		    dyn.d_tag == DT_RELRSZ)
			bytes |= dyn.d_un.d_val;
	}
	return bytes;
}
