/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding symbols in a vDSO: this machine's, and images with one kind of hash table alone. */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "device_rig.h"
#include "tap.h"

/* An image of two functions with a DT_HASH or a DT_GNU_HASH. */
struct image {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[2];
	Elf64_Dyn dyn[6];
	Elf64_Sym sym[3];
	char str[32];
	uint32_t hash[16];
};

static uint32_t gnu(const char *s)
{
	uint32_t h = 5381;

	while (*s)
		h = h * 33 + (uint8_t)*s++;
	return h;
}

static void make(struct image *m, bool gnu_hash)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->eh.e_ident, ELFMAG, SELFMAG);
	m->eh.e_ident[EI_CLASS] = ELFCLASS64;
	m->eh.e_phoff = offsetof(struct image, ph);
	m->eh.e_phentsize = sizeof(Elf64_Phdr);
	m->eh.e_phnum = 2;
	m->ph[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_filesz = sizeof(*m) };
	m->ph[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC, .p_offset = offsetof(struct image, dyn) };
	m->dyn[0] = (Elf64_Dyn){ DT_SYMTAB, { offsetof(struct image, sym) } };
	m->dyn[1] = (Elf64_Dyn){ DT_STRTAB, { offsetof(struct image, str) } };
	m->dyn[2] = (Elf64_Dyn){ DT_STRSZ, { sizeof(m->str) } };
	m->dyn[3] = (Elf64_Dyn){ gnu_hash ? DT_GNU_HASH : DT_HASH, { offsetof(struct image, hash) } };
	memcpy(m->str, "\0alpha\0beta", 12);
	m->sym[1] = (Elf64_Sym){ .st_name = 1, .st_shndx = 1, .st_value = 0x10 };
	m->sym[2] = (Elf64_Sym){ .st_name = 7, .st_shndx = 1, .st_value = 0x20 };
	if (gnu_hash) {
		/*
		 * nbucket 1, first symbol 1, one bloom word, shift; bloom; bucket; hashes, the last with bit
		 * 0
		 */
		const uint32_t t[] = { 1, 1, 1, 0, ~0u, ~0u, 1, gnu("alpha") & ~1u, gnu("beta") | 1 };

		memcpy(m->hash, t, sizeof(t));
	} else {
		/* nbucket 1, nchain 3; bucket; chain */
		const uint32_t t[] = { 1, 3, 1, 0, 2, 0 };

		memcpy(m->hash, t, sizeof(t));
	}
}

int main(void)
{
	static struct image m;

	for (int g = 0; g < 2; g++) {
		const char *kind = g ? "DT_GNU_HASH" : "DT_HASH";

		make(&m, g);
		ok(device_vdso_symbol(&m, "alpha") == (char *)&m + 0x10, "%s: the first symbol is found",
		   kind);
		ok(device_vdso_symbol(&m, "beta") == (char *)&m + 0x20, "%s: so is the second", kind);
		ok(!device_vdso_symbol(&m, "gamma"), "%s: one that is not there is not found", kind);
		m.sym[2].st_shndx = SHN_UNDEF;
		ok(!device_vdso_symbol(&m, "beta"), "%s: an undefined one neither", kind);
	}
	m.eh.e_ident[EI_CLASS] = ELFCLASS32;
	ok(!device_vdso_symbol(&m, "alpha"), "a 32-bit image is refused");
	ok(!device_vdso_symbol(NULL, "alpha"), "so is none at all");
	if (getauxval(AT_SYSINFO_EHDR))
		ok(device_vdso_symbol((void *)getauxval(AT_SYSINFO_EHDR), "__vdso_clock_gettime"),
		   "clock_gettime is found in the vDSO of this machine");
	else
		tap_skip("clock_gettime in the vDSO", "no vDSO here");
	return tap_done();
}
