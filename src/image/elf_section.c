/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sections and symbols of an ELF file, by name.  Read directly and not through libelf, which searches a string
 * table for its end at every look: in a hostile file that takes forever.
 *
 * Authority: System V ABI, "Sections", "String Table", "Symbol Table", "Dynamic Section".
 */
#include <string.h>

#include "image/internal.h"

static bool in_file(const struct elf_image *img, uint64_t off, uint64_t bytes)
{
	return off <= img->n_bytes && bytes <= img->n_bytes - off;
}

static bool header(const struct elf_image *img, unsigned int i, struct elf_section *ret)
{
	uint64_t off;

	if (i >= img->ehdr.e_shnum || img->ehdr.e_shentsize != sizeof(ret->sh) ||
	    __builtin_add_overflow(img->ehdr.e_shoff, i * sizeof(ret->sh), &off) ||
	    !in_file(img, off, sizeof(ret->sh)))
		return false;
	memcpy(&ret->sh, img->bytes + off, sizeof(ret->sh));
	ret->header_off = off;
	return true;
}

const uint8_t *elf_section_bytes(const struct elf_image *img, const struct elf_section *s)
{
	return s->sh.sh_type != SHT_NOBITS && in_file(img, s->sh.sh_offset, s->sh.sh_size) ?
	       img->bytes + s->sh.sh_offset : NULL;
}

/* The strings of a table that ends with one: then every offset inside is a string. */
static bool strings(const struct elf_image *img, const struct elf_section *s, struct elf_strings *ret)
{
	const uint8_t *bytes = elf_section_bytes(img, s);

	if (!bytes || s->sh.sh_type != SHT_STRTAB || !s->sh.sh_size || bytes[s->sh.sh_size - 1])
		return false;
	*ret = (struct elf_strings){ (const char *)bytes, s->sh.sh_size };
	return true;
}

/* strcmp() would read a name of megabytes again for every section of that name. */
static bool is_name(const struct elf_strings *t, uint64_t at, const char *name, size_t bytes)
{
	return at < t->n_bytes && bytes <= t->n_bytes - at && !memcmp(t->bytes + at, name, bytes);
}

unsigned int elf_sections_named(const struct elf_image *img, const char *name, struct elf_section *ret)
{
	struct elf_section s;
	struct elf_strings names;
	unsigned int found = 0;

	if (!header(img, img->ehdr.e_shstrndx, &s) || !strings(img, &s, &names))
		return 0;
	for (unsigned int i = 0; header(img, i, &s); i++) {
		if (is_name(&names, s.sh.sh_name, name, strlen(name) + 1) && !found++)
			*ret = s;
	}
	return found;
}

bool elf_symbols_open(const struct elf_image *img, const char *section, uint32_t type,
		      struct elf_symbols *ret)
{
	struct elf_section table, text;
	struct elf_symbols t = { 0 };

	if (!elf_sections_named(img, section, &table) || table.sh.sh_type != type ||
	    table.sh.sh_entsize != sizeof(Elf64_Sym) || !header(img, table.sh.sh_link, &text) ||
	    !strings(img, &text, &t.names))
		return false;
	t.bytes = elf_section_bytes(img, &table);
	if (!t.bytes)
		return false;
	t.file_off = table.sh.sh_offset;
	t.n = table.sh.sh_size / sizeof(Elf64_Sym);
	*ret = t;
	return true;
}

Elf64_Sym elf_symbol_at(const struct elf_symbols *t, uint64_t i)
{
	Elf64_Sym sym;

	memcpy(&sym, t->bytes + i * sizeof(sym), sizeof(sym));
	return sym;
}

void elf_symbols_find(const struct elf_symbols *t, struct elf_wanted *wanted, size_t n_wanted)
{
	size_t left = n_wanted;

	for (size_t k = 0; k < n_wanted; k++)
		wanted[k].found = false;
	for (uint64_t i = 1; i < t->n && left; i++) {
		Elf64_Sym sym = elf_symbol_at(t, i);

		for (size_t k = 0; k < n_wanted; k++) {
			struct elf_wanted *w = &wanted[k];

			if (w->found || !is_name(&t->names, sym.st_name, w->name, strlen(w->name) + 1))
				continue;
			w->found = true;
			w->value = sym.st_value;
			w->file_off = t->file_off + i * sizeof(sym);
			left--;
			break;
		}
	}
}

/* DT_STRTAB holds an address; this is what the file has there, up to the end of its segment. */
static bool strings_at(const struct elf_image *img, uint64_t vaddr, struct elf_strings *ret)
{
	for (size_t i = 0; i < img->n_loads; i++) {
		const struct elf_segment *s = &img->loads[i];

		if (vaddr < s->vaddr || vaddr - s->vaddr >= s->filesz)
			continue;
		*ret = (struct elf_strings){
			(const char *)img->bytes + s->offset + (vaddr - s->vaddr),
			s->filesz - (vaddr - s->vaddr),
		};
		return true;
	}
	return false;
}

bool elf_needed(const struct elf_image *img, char *ret_name, size_t name_bytes, uint64_t *ret_file_off)
{
	struct elf_strings names = { 0 };
	struct elf_section dynamic;
	const uint8_t *bytes;
	uint64_t needed = 0;
	size_t n = 0;

	if (!elf_sections_named(img, ".dynamic", &dynamic))
		return false;
	bytes = elf_section_bytes(img, &dynamic);
	if (!bytes)
		return false;
	for (uint64_t at = 0; dynamic.sh.sh_size - at >= sizeof(Elf64_Dyn); at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn dyn;

		memcpy(&dyn, bytes + at, sizeof(dyn));
		if (dyn.d_tag == DT_NULL)
			break;
		if (dyn.d_tag == DT_STRTAB)
			strings_at(img, dyn.d_un.d_ptr, &names);
		if (dyn.d_tag == DT_NEEDED && dyn.d_un.d_val && !needed) {
			needed = dyn.d_un.d_val;
			*ret_file_off = dynamic.sh.sh_offset + at;
		}
	}
	/* the table need not end with a NUL here */
	while (needed < names.n_bytes && n + 1 < name_bytes && names.bytes[needed + n]) {
		ret_name[n] = names.bytes[needed + n];
		if (++n >= names.n_bytes - needed)
			break;
	}
	ret_name[n] = '\0';
	return needed;
}
