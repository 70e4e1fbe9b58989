/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small image files in memory, one per format, for tests that then change a byte or two. */
#ifndef TESTS_UNIT_IMAGE_BYTES_H
#define TESTS_UNIT_IMAGE_BYTES_H

#include <elf.h>
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

#endif
