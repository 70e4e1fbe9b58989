/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which 0F A2 of a program are CPUID instructions, and which 0F 05 can be SYSCALL.
 *
 * Functions are known with start and length from the symbol tables and from the unwind tables (which stripped files
 * keep).  A function counts when it decodes from its start exactly to its end and all its direct branches within
 * itself meet instructions.  A site counts when every function that holds it agrees.  All other bytes
 * are left alone: a missed CPUID shows the real processor, a wrong one would corrupt the program.  For SYSCALL it is the
 * other way round: what is not proven to be a part of another instruction is loose, and may be one.
 *
 * Authority: System V gABI; LSB, "Exception Frames" and "DWARF Exception Header Encoding".
 */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "shim/cpuid.h"

void insn_sites_free(struct insn_sites *s)
{
	free(s->addr);
	*s = (struct insn_sites){ 0 };
}

#ifndef HAVE_LIBZYDIS
int insn_find(const uint8_t *file, size_t bytes, enum insn what, struct insn_sites *ret)
{
	(void)file;
	(void)bytes;
	(void)what;
	*ret = (struct insn_sites){ 0 };
	return -ENOSYS;
}
#else
#include <Zydis/Zydis.h>

#define MAX_FUNCTION ((uint64_t)16 << 20)
#define DW_EH_PE_omit     0xff
#define DW_EH_PE_udata4   0x03
#define DW_EH_PE_sdata4   0x0b
#define PCREL_SDATA4      0x1b
#define TABLE_ENCODING    0x3b          /* sdata4, relative to the header */

struct function { uint64_t start, end; bool sound; };

struct finder {
	const uint8_t *file;
	size_t bytes;
	Elf64_Ehdr eh;
	const Elf64_Phdr *ph;
	struct function *fn;
	size_t n_fn, cap_fn;
	struct site { uint64_t addr; size_t fn; } *site;
	size_t n_site, cap_site;
	int error;
	enum insn what;
};

static const ZydisMnemonic mnemonics[] = {
	[INSN_CPUID] = ZYDIS_MNEMONIC_CPUID, [INSN_SYSCALL] = ZYDIS_MNEMONIC_SYSCALL,
};

static bool inside(const struct finder *f, uint64_t off, uint64_t bytes)
{
	return off <= f->bytes && bytes <= f->bytes - off;
}

/* File contents at a virtual address; NULL when [va, va + bytes) is not in one segment of the file. */
static const uint8_t *at(const struct finder *f, uint64_t va, uint64_t bytes, bool code)
{
	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];

		if (p->p_type != PT_LOAD || (code && !(p->p_flags & PF_X)) || va < p->p_vaddr ||
		    va - p->p_vaddr > p->p_filesz || bytes > p->p_filesz - (va - p->p_vaddr) ||
		    !inside(f, p->p_offset, p->p_filesz))
			continue;
		return f->file + p->p_offset + (va - p->p_vaddr);
	}
	return NULL;
}

static const uint8_t *next_bytes(const struct finder *f, const uint8_t *p, uint64_t n)
{
	return memmem(p, n, insn_bytes[f->what], INSN_BYTES);
}

static void *grow(struct finder *f, void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	size_t will = *cap ? *cap * 2 : 64;
	void *p = reallocarray(array, will, size);

	if (!p) {
		f->error = -ENOMEM;
		return array;
	}
	*cap = will;
	return p;
}

static void add_function(struct finder *f, uint64_t start, uint64_t bytes)
{
	const uint8_t *p = bytes && bytes <= MAX_FUNCTION ? at(f, start, bytes, true) : NULL;

	if (!p || !next_bytes(f, p, bytes))
		return;
	for (size_t i = 0; i < f->n_fn; i++)
		if (f->fn[i].start == start && f->fn[i].end == start + bytes)
			return;
	f->fn = grow(f, f->fn, f->n_fn, &f->cap_fn, sizeof(*f->fn));
	if (!f->error)
		f->fn[f->n_fn++] = (struct function){ start, start + bytes, false };
}

static const Elf64_Shdr *sections(const struct finder *f)
{
	if (!f->eh.e_shoff || f->eh.e_shentsize != sizeof(Elf64_Shdr) || f->eh.e_shoff % 8 ||
	    !inside(f, f->eh.e_shoff, (uint64_t)f->eh.e_shnum * sizeof(Elf64_Shdr)))
		return NULL;
	return (const void *)(f->file + f->eh.e_shoff);
}

static void from_symbols(struct finder *f)
{
	const Elf64_Shdr *sh = sections(f);

	for (unsigned i = 0; sh && i < f->eh.e_shnum; i++) {
		if ((sh[i].sh_type != SHT_SYMTAB && sh[i].sh_type != SHT_DYNSYM) ||
		    !inside(f, sh[i].sh_offset, sh[i].sh_size) || sh[i].sh_offset % 8)
			continue;
		const Elf64_Sym *s = (const void *)(f->file + sh[i].sh_offset);

		for (uint64_t k = 0; k < sh[i].sh_size / sizeof(*s) && !f->error; k++)
			if ((ELF64_ST_TYPE(s[k].st_info) == STT_FUNC || ELF64_ST_TYPE(s[k].st_info) == STT_GNU_IFUNC) &&
			    s[k].st_shndx != SHN_UNDEF)
				add_function(f, s[k].st_value, s[k].st_size);
	}
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static const uint8_t *skip_leb(const uint8_t *p, const uint8_t *end)
{
	while (p < end && *p & 0x80)
		p++;
	return p < end ? p + 1 : end;
}

/* How the CIE at va encodes addresses: DW_EH_PE_omit when it cannot be told. */
static uint8_t cie_encoding(const struct finder *f, uint64_t va)
{
	const uint8_t *h = at(f, va, 8, false), *p, *end, *zero;

	if (!h || get32(h) < 5 || get32(h) > 4096)
		return DW_EH_PE_omit;
	h = at(f, va, 4 + (uint64_t)get32(h), false);
	if (!h)
		return DW_EH_PE_omit;
	end = h + 4 + get32(h);
	const char *aug = (const char *)h + 9;

	zero = memchr(aug, 0, (size_t)(end - (h + 9)));
	if (!zero || *aug != 'z')
		return DW_EH_PE_omit;
	p = skip_leb(skip_leb(zero + 1, end), end);
	p = h[8] == 1 ? p + 1 : skip_leb(p, end);
	p = skip_leb(p, end);
	for (aug++; *aug && p < end; aug++) {
		if (*aug == 'R')
			return *p;
		if (*aug == 'L')
			p++;
		else if (*aug == 'P')
			p += 1 + ((*p & 7) == 0 || (*p & 7) == 4 ? 8 : (*p & 7) == 3 ? 4 : 2);
		else if (*aug != 'S' && *aug != 'B')
			return DW_EH_PE_omit;
	}
	return DW_EH_PE_omit;
}

/* One record of the unwind tables: length, distance back to its CIE, start (relative to itself), length of code. */
static void add_fde(struct finder *f, uint64_t fde)
{
	const uint8_t *d = at(f, fde, 16, false);

	if (d && get32(d) >= 12 && get32(d + 4) && cie_encoding(f, fde + 4 - get32(d + 4)) == PCREL_SDATA4)
		add_function(f, fde + 8 + (uint64_t)(int64_t)(int32_t)get32(d + 8), get32(d + 12));
}

/* Through the index that the program headers name ... */
static void from_unwind_index(struct finder *f)
{
	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];
		const uint8_t *h = p->p_type == PT_GNU_EH_FRAME ? at(f, p->p_vaddr, 12, false) : NULL;

		if (!h || h[0] != 1 || (h[1] & 0xf) != DW_EH_PE_sdata4 || h[2] != DW_EH_PE_udata4 || h[3] != TABLE_ENCODING)
			continue;
		uint64_t n = get32(h + 8);
		const uint8_t *t = at(f, p->p_vaddr + 12, n * 8, false);

		for (uint64_t k = 0; t && k < n && !f->error; k++)
			add_fde(f, p->p_vaddr + (uint64_t)(int64_t)(int32_t)get32(t + k * 8 + 4));
	}
}

/* ... or one after the other: static programs often have no index. */
static void from_unwind_section(struct finder *f)
{
	const Elf64_Shdr *sh = sections(f);

	if (!sh || f->eh.e_shstrndx >= f->eh.e_shnum)
		return;
	const Elf64_Shdr *names = &sh[f->eh.e_shstrndx];

	for (unsigned i = 0; i < f->eh.e_shnum; i++) {
		static const char name[] = ".eh_frame";

		if (!inside(f, names->sh_offset, names->sh_size) || names->sh_size < sizeof(name) ||
		    sh[i].sh_name > names->sh_size - sizeof(name) ||
		    memcmp(f->file + names->sh_offset + sh[i].sh_name, name, sizeof(name)))
			continue;
		uint64_t va = sh[i].sh_addr, left = sh[i].sh_size;

		while (left >= 16 && !f->error) {
			const uint8_t *d = at(f, va, 4, false);
			uint64_t bytes = d ? (uint64_t)get32(d) + 4 : 0;

			if (bytes < 8 || bytes > left)
				break;
			add_fde(f, va);
			va += bytes;
			left -= bytes;
		}
	}
}

static void add_site(struct finder *f, uint64_t addr, size_t fn)
{
	f->site = grow(f, f->site, f->n_site, &f->cap_site, sizeof(*f->site));
	if (!f->error)
		f->site[f->n_site++] = (struct site){ addr, fn };
}

/* Decode one function from start to end, then check its branches. */
static bool sweep(struct finder *f, const ZydisDecoder *dec, size_t fn)
{
	const uint64_t start = f->fn[fn].start, n = f->fn[fn].end - start;
	const uint8_t *code = at(f, start, n, true);
	uint8_t *starts = calloc(n, 1);
	uint64_t *target = NULL;
	size_t n_target = 0, cap_target = 0, sites_before = f->n_site;
	bool good = starts != NULL;

	for (uint64_t o = 0; good && o < n;) {
		ZydisDecodedInstruction in;

		if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(dec, NULL, code + o, n - o, &in))) {
			good = false;
			break;
		}
		starts[o] = 1;
		if (in.mnemonic == mnemonics[f->what] && in.length == INSN_BYTES)
			add_site(f, start + o, fn);
		o += in.length;
		if ((in.meta.category == ZYDIS_CATEGORY_COND_BR || in.meta.category == ZYDIS_CATEGORY_UNCOND_BR ||
		     in.meta.category == ZYDIS_CATEGORY_CALL) && in.raw.imm[0].is_relative) {
			target = grow(f, target, n_target, &cap_target, sizeof(*target));
			if (f->error)
				break;
			target[n_target++] = o + (uint64_t)in.raw.imm[0].value.s;
		}
	}
	for (size_t i = 0; good && i < n_target; i++)
		good = target[i] >= n || starts[target[i]];
	free(starts);
	free(target);
	if (!good || f->error)
		f->n_site = sites_before;
	return good && !f->error;
}

static int by_address(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* Are there functions over these bytes, all sound, and do all of them have (or all not have) an instruction there? */
static bool agreed(const struct finder *f, uint64_t addr, bool site)
{
	bool any = false;

	for (size_t i = 0; i < f->n_fn; i++) {
		bool own = false;

		if (f->fn[i].start > addr + 1 || f->fn[i].end <= addr)
			continue;
		any = true;
		if (!f->fn[i].sound)
			return false;
		for (size_t k = 0; k < f->n_site && !own; k++)
			own = f->site[k].addr == addr && f->site[k].fn == i;
		if (own != site)
			return false;
	}
	return any;
}

/* Occurrences of the bytes that are neither sites nor parts of other instructions. */
static size_t count_loose(const struct finder *f, const struct insn_sites *s)
{
	size_t n = 0, next = 0;

	for (unsigned i = 0; i < f->eh.e_phnum; i++) {
		const Elf64_Phdr *p = &f->ph[i];
		const uint8_t *start = p->p_type == PT_LOAD && p->p_flags & PF_X ? at(f, p->p_vaddr, p->p_filesz, true) : NULL;
		const uint8_t *end = start + p->p_filesz, *hit = start;

		for (next = 0; start && (hit = next_bytes(f, hit, (uint64_t)(end - hit))); hit++) {
			uint64_t va = p->p_vaddr + (uint64_t)(hit - start);

			while (next < s->n && s->addr[next] < va)
				next++;
			if (!(next < s->n && s->addr[next] == va) && !agreed(f, va, false))
				n++;
		}
	}
	return n;
}

static int decide(struct finder *f, struct insn_sites *ret)
{
	ZydisDecoder dec;

	if (!ZYAN_SUCCESS(ZydisDecoderInit(&dec, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)))
		return -ENOSYS;
	for (size_t i = 0; i < f->n_fn && !f->error; i++)
		f->fn[i].sound = sweep(f, &dec, i);
	qsort(f->site, f->n_site, sizeof(*f->site), by_address);
	ret->addr = calloc(f->n_site + 1, sizeof(*ret->addr));
	if (!ret->addr || f->error)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_site; i++)
		if ((!ret->n || ret->addr[ret->n - 1] != f->site[i].addr) && agreed(f, f->site[i].addr, true))
			ret->addr[ret->n++] = f->site[i].addr;
	for (size_t i = 0; i < f->n_fn; i++)
		ret->doubtful += !f->fn[i].sound;
	ret->functions = f->n_fn;
	ret->loose = count_loose(f, ret);
	return 0;
}

int insn_find(const uint8_t *file, size_t bytes, enum insn what, struct insn_sites *ret)
{
	struct finder f = { .file = file, .bytes = bytes, .what = what };
	int r = -ENOEXEC;

	*ret = (struct insn_sites){ 0 };
	if (bytes < sizeof(f.eh))
		return r;
	memcpy(&f.eh, file, sizeof(f.eh));
	if (memcmp(f.eh.e_ident, ELFMAG, SELFMAG) || f.eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    f.eh.e_machine != EM_X86_64 || f.eh.e_phentsize != sizeof(Elf64_Phdr) || f.eh.e_phoff % 8 ||
	    !inside(&f, f.eh.e_phoff, (uint64_t)f.eh.e_phnum * sizeof(Elf64_Phdr)))
		return r;
	f.ph = (const void *)(file + f.eh.e_phoff);
	from_symbols(&f);
	from_unwind_index(&f);
	from_unwind_section(&f);
	r = f.error ? f.error : decide(&f, ret);
	free(f.fn);
	free(f.site);
	if (r)
		insn_sites_free(ret);
	return r;
}
#endif
