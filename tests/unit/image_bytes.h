/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small image files in memory, one per format, for tests that then change a byte or two. */
#ifndef TESTS_UNIT_IMAGE_BYTES_H
#define TESTS_UNIT_IMAGE_BYTES_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "arch/sgx_arch.h"
#include "encl_ops.h"

#define IMG_BYTES    0x6000
#define IMG_NOTE_OFF 0x204              /* of the Elf64_Nhdr; the description is aligned then */
#define IMG_DESC_OFF (IMG_NOTE_OFF + 12 + 8)

struct image_bytes {
	_Alignas(16) uint8_t b[IMG_BYTES];
	size_t n;
	size_t hot, hot_bytes;  /* what is worth damaging beside the headers */
};

static inline Elf64_Ehdr *img_ehdr(struct image_bytes *i)
{
	return (Elf64_Ehdr *)i->b;
}

static inline Elf64_Phdr *img_phdr(struct image_bytes *i, unsigned int k)
{
	return (Elf64_Phdr *)(i->b + sizeof(Elf64_Ehdr)) + k;
}

static inline struct encl_note *img_note(struct image_bytes *i)
{
	return (struct encl_note *)(i->b + IMG_DESC_OFF);
}

static inline void img_start(struct image_bytes *i, uint16_t phnum, uint64_t entry)
{
	memset(i, 0, sizeof(*i));
	for (size_t k = 0x400; k < IMG_BYTES; k++)
		i->b[k] = (uint8_t)(k * 31 ^ k >> 7);
	*img_ehdr(i) = (Elf64_Ehdr){
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = entry,
		.e_phoff = sizeof(Elf64_Ehdr), .e_ehsize = sizeof(Elf64_Ehdr),
		.e_phentsize = sizeof(Elf64_Phdr), .e_phnum = phnum, .e_shentsize = sizeof(Elf64_Shdr),
	};
}

static inline void img_load(struct image_bytes *i, unsigned int k, uint32_t flags, uint64_t off,
			    uint64_t vaddr, uint64_t filesz, uint64_t memsz)
{
	*img_phdr(i, k) = (Elf64_Phdr){ PT_LOAD, flags, off, vaddr, vaddr, filesz, memsz, 0x1000 };
}

/*
 * text RX 0x0-0x2000 (file 0x1000, 0x1234 bytes), data RW 0x2000-0x5000 (0x100 bytes at 0x2080), two
 * threads of two frames, stacks of 2 pages, heap of 3, reserve of 16.
 */
static inline void img_sgxctl(struct image_bytes *i)
{
	Elf64_Nhdr nh = { 7, sizeof(struct encl_note), ENCL_NOTE_TYPE };

	img_start(i, 3, 0x40);
	img_load(i, 0, PF_R | PF_X, 0x1000, 0, 0x1234, 0x1234);
	img_load(i, 1, PF_R | PF_W, 0x3080, 0x2080, 0x100, 0x2f00);
	*img_phdr(i, 2) = (Elf64_Phdr){ PT_NOTE, PF_R, IMG_NOTE_OFF, 0, 0, 20 + sizeof(struct encl_note),
					20 + sizeof(struct encl_note), 4 };
	memcpy(i->b + IMG_NOTE_OFF, &nh, sizeof(nh));
	memcpy(i->b + IMG_NOTE_OFF + sizeof(nh), ENCL_NOTE_NAME, 7);
	*img_note(i) = (struct encl_note){
		.version = ENCL_NOTE_VERSION, .flags = ENCL_NOTE_F_OPS, .ssaframesize = 1, .nssa = 2,
		.ntcs = 2,
		.miscselect = 1, .attributes = SGX_ATTR_MODE64BIT, .xfrm = 7, .stack_bytes = 0x2000,
		.heap_bytes = 0x3000, .reserve_bytes = 0x10000, .dyn_entry = 0x80,
	};
	i->n = 0x3180;
}

/* TCS 0x0-0x2000, text RX 0x2000-0x3000, data RW 0x3000-0x5000; file offset = offset + 0x1000. */
static inline void img_kernel(struct image_bytes *i)
{
	img_start(i, 3, 0x2000);
	img_load(i, 0, PF_R | PF_W, 0x1000, 0, 0x2000, 0x2000);
	img_load(i, 1, PF_R | PF_X, 0x3000, 0x2000, 0xe00, 0xe00);
	img_load(i, 2, PF_R | PF_W, 0x4000, 0x3000, 0x2000, 0x2000);
	for (unsigned int t = 0; t < 2; t++) {
		struct sgx_arch_tcs tcs = {
			.ossa = 0x3000 + t * 0x1000, .nssa = 1, .oentry = 0x2000,
			.fslimit = UINT32_MAX, .gslimit = UINT32_MAX,
		};

		memcpy(i->b + 0x1000 + t * 0x1000, &tcs, sizeof(tcs));
	}
	i->n = IMG_BYTES;
}

/* ---- the SDK's format ---------------------------------------------------------------------------- */

#define IMG_SDK_BLOCK  0x3019u  /* of the first block, 2.4; behind it 1.4 */
#define IMG_SDK_BYTES  0xa00u   /* of each block */
#define IMG_SDK_PATCH  0x7c0u   /* in a block: two patches */
#define IMG_SDK_LAYOUT 0x800u   /* in a block: 7 elements */

struct img_sdk_element {
	uint16_t id, attributes;
	uint32_t pages;         /* a group's times */
	uint64_t rva;           /* a group's step */
	uint32_t fill, content;
	uint64_t flags;
};

static inline void img_put(struct image_bytes *i, size_t at, uint64_t v, size_t bytes)
{
	memcpy(i->b + at, &v, bytes);
}

static inline void img_sdk_block(struct image_bytes *i, size_t at, uint32_t major, uint32_t minor)
{
	/* heap 2, [stack 1, TCS, SSA 2, TD 1] twice, and in blocks 2.x heap and a thread for later */
	const struct img_sdk_element layout[] = {
		{ 1, 1, 2, 0x6000, 0, 0, 0x203 }, { 8, 3, 1, 0x9000, 0xcccccccc, 0, 0x203 },
		{ 4, 3, 1, 0xb000, 72, 0x770, 0x100 }, { 6, 3, 2, 0xc000, 0, 0, 0x203 },
		{ 5, 3, 1, 0xf000, 0, 0, 0x203 }, { 0x1009, 4, 1, 0x8000, 0, 0, 0 },
		{ 3, major > 1 ? 8 : 0, 16, 0x1a000, 0, 0, 0x203 },
	};
	const struct sgx_arch_tcs tcs = {
		.ossa = 0x1000, .nssa = 2, .oentry = 0x600, .ofsbase = 0x4000, .ogsbase = 0x4000,
		.fslimit = UINT32_MAX, .gslimit = UINT32_MAX,
	};

	memset(i->b + at, 0, IMG_SDK_BYTES);
	img_put(i, at, 0x86a80294635d0e4c, 8);
	img_put(i, at + 8, (uint64_t)major << 32 | minor, 8);
	img_put(i, at + 16, IMG_SDK_BYTES, 4);
	img_put(i, at + 24, 1, 4);
	img_put(i, at + 40, 0x40000, 8);
	img_put(i, at + 48, SGX_ATTR_MODE64BIT, 8);
	img_put(i, at + 56, 7, 8);
	img_put(i, at + 64, 6, 4);      /* something of a SIGSTRUCT */
	img_put(i, at + 64 + 960, 0x1122334455667788 + major, 8);
	img_put(i, at + 0x750, IMG_SDK_PATCH | (uint64_t)64 << 32, 8);
	img_put(i, at + 0x758, IMG_SDK_LAYOUT | (uint64_t)sizeof(layout) << 32, 8);
	memcpy(i->b + at + 0x770, &tcs, SGX_TCS_FIELDS);
	/* as the SDK does: its global data, and e_shoff */
	img_put(i, at + IMG_SDK_PATCH, 0x20c0, 8);
	img_put(i, at + IMG_SDK_PATCH + 8, 0x770 | (uint64_t)16 << 32, 8);
	img_put(i, at + IMG_SDK_PATCH + 32, offsetof(Elf64_Ehdr, e_shoff), 8);
	img_put(i, at + IMG_SDK_PATCH + 40, 0x9f8 | (uint64_t)8 << 32, 8);
	memcpy(i->b + at + IMG_SDK_LAYOUT, layout, sizeof(layout));
}

/*
 * text RX 0x0-0x2000 (file 0x0, 0x1800 bytes, its second page relocated), data RW 0x3000-0x5000 (0x200 bytes
 * at 0x3080, file 0x2080).  Section headers at 0x400, the note that no segment loads at 0x3000.
 */
static inline void img_sdk(struct image_bytes *i)
{
	static const char names[] = "\0.shstrtab\0.note.sgxmeta\0.dynsym\0.dynstr\0.text";
	static const char strings[] = "\0enclave_entry";
	const Elf64_Shdr sections[] = { /* name, type, flags, address, offset, size, link */
		{ 0 },
		{ 1, SHT_STRTAB, 0, 0, 0x380, sizeof(names), 0, 0, 1, 0 },
		{ 11, SHT_NOTE, 0, 0, 0x3000, 25 + 2 * IMG_SDK_BYTES, 0, 0, 1, 0 },
		{ 25, SHT_DYNSYM, SHF_ALLOC, 0x5c0, 0x5c0, 2 * sizeof(Elf64_Sym), 4, 0, 1, 0 },
		{ 33, SHT_STRTAB, SHF_ALLOC, 0x5f0, 0x5f0, sizeof(strings), 0, 0, 1, 0 },
		{ 41, SHT_PROGBITS, SHF_ALLOC, 0x600, 0x600, 0x1200, 0, 0, 1, 0 },
	};
	const Elf64_Sym syms[2] = { { 0 }, { 1, 0x12, 0, 5, 0x600, 0 } };
	const Elf64_Dyn dyn[] = {
		{ .d_tag = DT_TEXTREL }, { .d_tag = DT_RELA, .d_un.d_ptr = 0x3100 },
		{ .d_tag = DT_RELASZ, .d_un.d_val = 48 }, { .d_tag = DT_NULL },
	};
	const Elf64_Rela rela[2] = { { 0x1234, 8, 0 }, { 0x3088, 8, 0 } };

	img_start(i, 3, 0x600);
	img_ehdr(i)->e_type = ET_DYN;
	img_ehdr(i)->e_shoff = 0x400;
	img_ehdr(i)->e_shnum = 6;
	img_ehdr(i)->e_shstrndx = 1;
	img_load(i, 0, PF_R | PF_X, 0, 0, 0x1800, 0x1800);
	img_load(i, 1, PF_R | PF_W, 0x2080, 0x3080, 0x200, 0x1f00);
	*img_phdr(i, 2) = (Elf64_Phdr){ PT_DYNAMIC, PF_R, 0x2080, 0x3080, 0x3080, sizeof(dyn), sizeof(dyn),
					8 };
	memcpy(i->b + 0x380, names, sizeof(names));
	memcpy(i->b + 0x400, sections, sizeof(sections));
	memcpy(i->b + 0x5c0, syms, sizeof(syms));
	memcpy(i->b + 0x5f0, strings, sizeof(strings));
	memcpy(i->b + 0x2080, dyn, sizeof(dyn));
	memcpy(i->b + 0x2100, rela, sizeof(rela));
	img_put(i, 0x3000, 13 | (uint64_t)(2 * IMG_SDK_BYTES) << 32, 8);
	img_put(i, 0x3008, 1, 4);
	memcpy(i->b + 0x300c, "sgx_metadata", 13);
	img_sdk_block(i, IMG_SDK_BLOCK, 2, 4);
	img_sdk_block(i, IMG_SDK_BLOCK + IMG_SDK_BYTES, 1, 4);
	i->n = IMG_SDK_BLOCK + 2 * IMG_SDK_BYTES;
	i->hot = IMG_SDK_BLOCK;
	i->hot_bytes = 2 * IMG_SDK_BYTES;
}

#endif
