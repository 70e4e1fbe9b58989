/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The built images: what a loader reads in them, and what must not be in them. */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/sgx_arch.h"
#include "encl_ops.h"
#include "tap.h"

struct image {
	const char *name;
	const uint8_t *bytes;
	uint64_t size;
	const Elf64_Ehdr *eh;
	const Elf64_Phdr *ph;
	const Elf64_Shdr *sh;
};

static bool image_open(struct image *im, const char *dir, const char *name)
{
	char path[4096];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s.elf", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return false;
	im->name = name;
	im->size = (uint64_t)st.st_size;
	im->bytes = mmap(NULL, im->size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (im->bytes == MAP_FAILED)
		return false;
	im->eh = (const Elf64_Ehdr *)im->bytes;
	im->ph = (const Elf64_Phdr *)(im->bytes + im->eh->e_phoff);
	im->sh = (const Elf64_Shdr *)(im->bytes + im->eh->e_shoff);
	return true;
}

static const Elf64_Shdr *image_section(const struct image *im, const char *name)
{
	const char *names = (const char *)im->bytes + im->sh[im->eh->e_shstrndx].sh_offset;

	for (size_t i = 0; i < im->eh->e_shnum; i++)
		if (!strcmp(names + im->sh[i].sh_name, name))
			return &im->sh[i];
	return NULL;
}

static void test_header(const struct image *im)
{
	ok(!memcmp(im->eh->e_ident, ELFMAG, SELFMAG) && im->eh->e_ident[EI_CLASS] == ELFCLASS64, "%s: ELF64", im->name);
	is_u64(im->eh->e_type, ET_EXEC, "%s: static, linked at 0", im->name);
	is_u64(im->eh->e_machine, EM_X86_64, "%s: x86-64", im->name);
	for (size_t i = 0; i < im->eh->e_shnum; i++)
		ok(im->sh[i].sh_type != SHT_REL && im->sh[i].sh_type != SHT_RELA && im->sh[i].sh_type != SHT_DYNAMIC,
		   "%s: section %zu asks for no relocation", im->name, i);
	ok(!image_section(im, ".note.gnu.build-id") && !image_section(im, ".comment"),
	   "%s: nothing that changes from build to build", im->name);
}

/* Returns the end of the loaded part. */
static uint64_t test_segments(const struct image *im)
{
	uint64_t end = 0;
	bool entry_executes = false;

	for (size_t i = 0; i < im->eh->e_phnum; i++) {
		const Elf64_Phdr *p = &im->ph[i];

		if (p->p_type != PT_LOAD)
			continue;
		ok(p->p_memsz && !(p->p_vaddr % SGX_PAGE_SIZE), "%s: segment %zu starts a page", im->name, i);
		ok(p->p_vaddr >= end, "%s: segment %zu shares no page with the one before", im->name, i);
		ok(p->p_flags & PF_R && (p->p_flags & (PF_W | PF_X)) != (PF_W | PF_X), "%s: segment %zu is R, RW or RX",
		   im->name, i);
		if (p->p_flags & PF_X && im->eh->e_entry >= p->p_vaddr && im->eh->e_entry < p->p_vaddr + p->p_filesz)
			entry_executes = true;
		end = (p->p_vaddr + p->p_memsz + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
	}
	ok(entry_executes, "%s: the entry point is executable", im->name);
	return end;
}

static void test_note(const struct image *im, uint64_t end, uint32_t ntcs)
{
	const Elf64_Shdr *s = image_section(im, ".note.sgxctl");
	const Elf64_Nhdr *nh;
	struct encl_note note;
	uint64_t per_tcs;

	if (!ok(s && s->sh_type == SHT_NOTE, "%s: has the note", im->name))
		return;
	nh = (const Elf64_Nhdr *)(im->bytes + s->sh_offset);
	is_u64(nh->n_namesz, sizeof(ENCL_NOTE_NAME), "%s: note name size", im->name);
	is_u64(nh->n_descsz, sizeof(note), "%s: note size", im->name);
	is_u64(nh->n_type, ENCL_NOTE_TYPE, "%s: note type", im->name);
	ok(!memcmp(nh + 1, ENCL_NOTE_NAME, sizeof(ENCL_NOTE_NAME)), "%s: note name", im->name);
	memcpy(&note, (const uint8_t *)(nh + 1) + 8, sizeof(note));
	is_u64(note.version, ENCL_NOTE_VERSION, "%s: version", im->name);
	is_u64(note.flags, ENCL_NOTE_F_OPS, "%s: speaks the operation interface", im->name);
	is_u64(note.ntcs, ntcs, "%s: number of TCSs", im->name);
	is_u64(note.nssa, 4, "%s: NSSA", im->name);
	is_u64(note.ssaframesize, 1, "%s: SSAFRAMESIZE", im->name);
	is_u64(note.miscselect, SGX_MISC_EXINFO, "%s: MISCSELECT", im->name);
	is_u64(note.attributes, SGX_ATTR_MODE64BIT, "%s: ATTRIBUTES", im->name);
	is_u64(note.xfrm, 3, "%s: XFRM", im->name);
	is_u64(note.dyn_entry, im->eh->e_entry, "%s: run-time threads enter where all do", im->name);
	/* guard, stack, guard, stack, guard, TCS, SSA, TLS */
	per_tcs = 2 * note.stack_bytes + (3 + 1 + note.nssa * note.ssaframesize + 1) * SGX_PAGE_SIZE;
	ok(end + ntcs * per_tcs + note.heap_bytes <= note.reserve_off, "%s: everything ends below the reserve", im->name);
	is_u64((note.reserve_off + note.reserve_bytes) & (note.reserve_off + note.reserve_bytes - 1), 0,
	       "%s: and with it fills a power of two", im->name);
}

/* Each ENCLU directly behind `mov $leaf, %eax`, none of them a leaf that is illegal inside. */
static void test_enclu(const struct image *im)
{
	const Elf64_Shdr *s = image_section(im, ".text");
	const uint8_t *t = im->bytes + s->sh_offset;
	unsigned int found = 0, eexit = 0, odd = 0;

	for (uint64_t i = 5; i + 3 <= s->sh_size; i++) {
		if (t[i] != 0x0f || t[i + 1] != 0x01 || t[i + 2] != 0xd7)
			continue;
		found++;
		eexit += t[i - 4] == SGX_EEXIT;
		odd += t[i - 5] != 0xb8 || t[i - 4] == SGX_EENTER || t[i - 4] == SGX_ERESUME || t[i - 4] > 7;
	}
	ok(found >= 4, "%s: %u ENCLUs", im->name, found);
	is_u64(eexit, 1, "%s: one way out", im->name);
	is_u64(odd, 0, "%s: each ENCLU names its leaf", im->name);
}

int main(void)
{
	static const struct { const char *name; uint32_t ntcs; } images[] = {
		{ "grow", 2 }, { "threads", 8 }, { "mmap", 2 },
	};
	const char *dir = getenv("SGXCTL_ENCLAVES");

	for (size_t i = 0; i < sizeof(images) / sizeof(images[0]); i++) {
		struct image im;

		if (!ok(image_open(&im, dir ? dir : "enclaves", images[i].name), "%s.elf can be read", images[i].name))
			continue;
		test_header(&im);
		test_note(&im, test_segments(&im), images[i].ntcs);
		test_enclu(&im);
		munmap((void *)(uintptr_t)im.bytes, im.size);
	}
	return tap_done();
}
