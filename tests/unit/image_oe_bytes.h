/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A small Open Enclave image in memory.  What it declares are the numbers of an image that exists, so that
 * the addresses in the enclave are known from elsewhere: 0xc5000 bytes of segments, 564 relocations, heap and
 * stack of 1024 pages, one thread.
 */
#ifndef TESTS_UNIT_IMAGE_OE_BYTES_H
#define TESTS_UNIT_IMAGE_OE_BYTES_H

#include "image_bytes.h"

#define OE_INFO    0x400        /* of the structure */
#define OE_SYMS    0xc00
#define OE_NAMES   0xd00
#define OE_SHNAMES 0xe00
#define OE_SHDRS   0xf00
#define OE_RELA    0x1200
#define OE_N_RELA  564
#define OE_DATA    0x5000       /* of the second segment in the file, 0xbc000 in the enclave */
#define OE_BYTES   0x6000

enum { OE_SH_INFO = 1, OE_SH_SYMS, OE_SH_NAMES, OE_SH_RELA, OE_SH_TDATA, OE_SH_SHNAMES, OE_N_SH };

static const struct {
	const char *name;
	uint64_t addr;
} oe_symbols[] = {
	{ "_enclave_rva", 0xc45c0 }, { "_reloc_rva", 0xc45b0 }, { "_reloc_size", 0xc45f0 },
	{ "_tdata_rva", 0xc1700 }, { "_tdata_size", 0xc1708 }, { "_tdata_align", 0xbe448 },
	{ "_td_from_tcs_offset", 0xc45f8 },
};
#define OE_N_SYMS (sizeof(oe_symbols) / sizeof(oe_symbols[0]))

static inline Elf64_Shdr *oe_shdr(struct image_bytes *i, unsigned int k)
{
	return (Elf64_Shdr *)(i->b + OE_SHDRS) + k;
}

static inline Elf64_Sym *oe_sym(struct image_bytes *i, unsigned int k)
{
	return (Elf64_Sym *)(i->b + OE_SYMS) + 1 + k;
}

static inline void oe_word(struct image_bytes *i, size_t off, uint64_t value)
{
	memcpy(i->b + OE_INFO + off, &value, sizeof(value));
}

static inline void oe_sections(struct image_bytes *i)
{
	static const char names[] = "\0.oeinfo\0.dynsym\0.dynstr\0.rela.dyn\0.tdata\0.shstrtab";
	static const Elf64_Shdr table[OE_N_SH] = {
		[OE_SH_INFO] = { 1, SHT_PROGBITS, SHF_ALLOC, OE_INFO, OE_INFO, 1960, 0, 0, 8, 0 },
		[OE_SH_SYMS] = { 9, SHT_DYNSYM, SHF_ALLOC, OE_SYMS, OE_SYMS, 24 * (OE_N_SYMS + 1),
				 OE_SH_NAMES, 1, 8, 24 },
		[OE_SH_NAMES] = { 17, SHT_STRTAB, SHF_ALLOC, OE_NAMES, OE_NAMES, 0x100, 0, 0, 1, 0 },
		[OE_SH_RELA] = { 25, SHT_RELA, SHF_ALLOC, OE_RELA, OE_RELA, 24 * OE_N_RELA, OE_SH_SYMS, 0, 8,
				 24 },
		[OE_SH_TDATA] = { 35, SHT_PROGBITS, SHF_ALLOC | SHF_TLS, 0xbc128, OE_DATA + 0x128, 0xc8, 0, 0,
				  8, 0 },
		[OE_SH_SHNAMES] = { 42, SHT_STRTAB, 0, 0, OE_SHNAMES, sizeof(names), 0, 0, 1, 0 },
	};

	memcpy(i->b + OE_SHNAMES, names, sizeof(names));
	memcpy(i->b + OE_SHDRS, table, sizeof(table));
}

static inline void img_oe(struct image_bytes *i)
{
	static const uint32_t head[2] = { 1960, 2 };
	char *name = (char *)i->b + OE_NAMES;
	size_t at = 1;

	img_start(i, 3, 0x5f4c);
	img_ehdr(i)->e_type = ET_DYN;
	img_ehdr(i)->e_shoff = OE_SHDRS;
	img_ehdr(i)->e_shnum = OE_N_SH;
	img_ehdr(i)->e_shstrndx = OE_SH_SHNAMES;
	img_load(i, 0, PF_R, 0, 0, OE_RELA + 24 * OE_N_RELA, OE_RELA + 24 * OE_N_RELA);
	img_load(i, 1, PF_R | PF_W, OE_DATA, 0xbc000, 0x800, 0x9000);
	*img_phdr(i, 2) = (Elf64_Phdr){ PT_TLS, PF_R, OE_DATA + 0x128, 0xbc128, 0xbc128, 0xc8, 0xc8, 8 };
	oe_sections(i);

	memset(i->b + OE_INFO, 0, 1960);
	memcpy(i->b + OE_INFO, head, sizeof(head));
	oe_word(i, 8, 1024);
	oe_word(i, 16, 1024);
	oe_word(i, 24, 1);
	oe_word(i, 32, 0x10001);        /* ISVPRODID 1, ISVSVN 1 */
	oe_word(i, 72, 6);
	oe_word(i, 1952, 0xececececececececu);
	memset(i->b + OE_SYMS, 0, 24);
	memset(name, 0, 0x100);
	for (unsigned int k = 0; k < OE_N_SYMS; k++) {
		*oe_sym(i, k) = (Elf64_Sym){ (uint32_t)at, 0x11, 0, 1, oe_symbols[k].addr, 8 };
		memcpy(name + at, oe_symbols[k].name, strlen(oe_symbols[k].name));
		at += strlen(oe_symbols[k].name) + 1;
	}
	for (unsigned int k = 0; k < OE_N_RELA; k++)
		memcpy(i->b + OE_RELA + 24 * k, (Elf64_Rela[]){ { 0xbc000 + k, R_X86_64_RELATIVE, 7 } }, 24);
	i->n = OE_BYTES;
}

#endif
