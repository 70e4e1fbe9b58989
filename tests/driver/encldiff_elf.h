/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A symbol of the vDSO, found in its dynamic section. */
#ifndef TESTS_DRIVER_ENCLDIFF_ELF_H
#define TESTS_DRIVER_ENCLDIFF_ELF_H

#include <elf.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void *vdso_symbol(uint64_t base, const char *name)
{
	const Elf64_Ehdr *eh = (const void *)base;
	const Elf64_Phdr *ph = base ? (const void *)(base + eh->e_phoff) : NULL;
	const Elf64_Dyn *dyn = NULL;
	const Elf64_Sym *sym = NULL;
	const uint32_t *hash = NULL;
	const char *str = NULL;

	for (int i = 0; base && i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(base + ph[i].p_offset);
	for (; dyn && dyn->d_tag != DT_NULL; dyn++) {
		const void *at = (const void *)(base + dyn->d_un.d_ptr);

		if (dyn->d_tag == DT_SYMTAB)
			sym = at;
		else if (dyn->d_tag == DT_STRTAB)
			str = at;
		else if (dyn->d_tag == DT_HASH)
			hash = at;
	}
	for (uint32_t i = 0; sym && str && hash && i < hash[1]; i++)
		if (!strcmp(str + sym[i].st_name, name))
			return (void *)(base + sym[i].st_value);
	return NULL;
}

#endif
