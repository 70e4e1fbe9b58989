/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which section and symbol an offset of the enclave belongs to.  Read when somebody asks.  Some formats blank
 * the section headers' place in the ELF header before they measure it, so the header that counts is the one
 * kept here.  Nothing in here is worth an error: what cannot be read has no names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"

#define MAX_NAMES (1u << 20)    /* sections and symbols of all files of an image */

struct elf_source {
	struct elf_image elf;   /* bytes and header only */
	enum names_place place;
	uint64_t bias;
	struct elf_source *next;
};

struct name {
	uint64_t off, bytes;    /* in the enclave; bytes counts for sections only */
	const char *text;
};

struct names {
	struct name *v;
	size_t n, room;
};

struct image_names {
	struct elf_source *sources;
	bool read;
	struct names sections, symbols;
};

int image_names_add(struct image_mem *m, const struct elf_image *img, enum names_place place, uint64_t bias,
		    struct err *e)
{
	struct elf_source *s = calloc(1, sizeof(*s));

	if (s && !m->names)
		m->names = calloc(1, sizeof(*m->names));
	if (!s || !m->names) {
		free(s);
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the names of an image");
	}
	*s = (struct elf_source){
		.elf = { .bytes = img->bytes, .n_bytes = img->n_bytes, .ehdr = img->ehdr },
		.place = place, .bias = bias, .next = m->names->sources,
	};
	m->names->sources = s;
	return 0;
}

void image_names_free(struct image_names *n)
{
	if (!n)
		return;
	while (n->sources) {
		struct elf_source *s = n->sources;

		n->sources = s->next;
		free(s);
	}
	free(n->sections.v);
	free(n->symbols.v);
	free(n);
}

static void add_name(struct names *names, uint64_t off, uint64_t bytes, const char *text)
{
	if (names->n == names->room) {
		size_t want = names->room ? 2 * names->room : 64;
		void *bigger = want <= MAX_NAMES ? reallocarray(names->v, want, sizeof(*names->v)) : NULL;

		if (!bigger)
			return;
		names->v = bigger;
		names->room = want;
	}
	names->v[names->n++] = (struct name){ off, bytes, text };
}

/* Where an address of this section is in the enclave. */
static uint64_t placed(const struct elf_source *s, const Elf64_Shdr *sh, uint64_t addr)
{
	return (s->place == NAMES_BY_ADDRESS ? addr : addr - sh->sh_addr + sh->sh_offset) + s->bias;
}

static void read_symbols(const struct elf_source *s, uint32_t type, struct names *ret)
{
	struct elf_symbols all;
	const char *text;
	Elf64_Sym sym;

	elf_symbols_open(&s->elf, type, &all);
	while (all.i < MAX_NAMES && elf_symbols_next(&all, &sym, &text)) {
		Elf64_Shdr home;

		if (*text && ELF64_ST_TYPE(sym.st_info) <= STT_FUNC &&
		    elf_image_section(&s->elf, sym.st_shndx, &home) && (home.sh_flags & SHF_ALLOC))
			add_name(ret, placed(s, &home, sym.st_value), sym.st_size, text);
	}
}

static void read_source(struct image_names *n, const struct elf_source *s)
{
	bool stripped = true;
	Elf64_Shdr sh;

	for (unsigned int i = 0; elf_image_section(&s->elf, i, &sh); i++) {
		const char *text = elf_image_section_name(&s->elf, &sh);

		stripped = stripped && sh.sh_type != SHT_SYMTAB;
		/* .tbss has an address that belongs to what follows it */
		if (*text && (sh.sh_flags & SHF_ALLOC) &&
		    !((sh.sh_flags & SHF_TLS) && sh.sh_type == SHT_NOBITS))
			add_name(&n->sections, placed(s, &sh, sh.sh_addr), sh.sh_size, text);
	}
	/* the full symbol table, or in a stripped file that of the dynamic linker */
	read_symbols(s, stripped ? SHT_DYNSYM : SHT_SYMTAB, &n->symbols);
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;

	return x->off < y->off ? -1 : x->off > y->off;
}

static void read_all(struct image_names *n)
{
	for (const struct elf_source *s = n->sources; s; s = s->next)
		read_source(n, s);
	if (n->sections.n)
		qsort(n->sections.v, n->sections.n, sizeof(struct name), compare_names);
	if (n->symbols.n)
		qsort(n->symbols.v, n->symbols.n, sizeof(struct name), compare_names);
	n->read = true;
}

/* The last name that begins at or before off. */
static const struct name *last_before(const struct names *names, uint64_t off)
{
	size_t low = 0, high = names->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (names->v[mid].off <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? &names->v[low - 1] : NULL;
}

int plan_locate(const struct plan *p, uint64_t off, struct plan_place *ret)
{
	const struct image_mem *mem = p->priv;
	const struct name *sec, *sym;

	memset(ret, 0, sizeof(*ret));
	if (!mem || !mem->names)
		return -1;
	if (!mem->names->read)
		read_all(mem->names);
	sec = last_before(&mem->names->sections, off);
	if (sec && off - sec->off < sec->bytes) {
		ret->section = sec->text;
		ret->section_off = off - sec->off;
	} else {
		sec = NULL;
	}
	sym = last_before(&mem->names->symbols, off);
	if (sym && (sec ? sym->off >= sec->off : off - sym->off < sym->bytes)) {
		ret->symbol = sym->text;
		ret->symbol_off = off - sym->off;
	}
	return ret->section || ret->symbol ? 0 : -1;
}
