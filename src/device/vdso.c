/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding a function in the vDSO, an ELF image that the kernel maps into every process.  It has no
 * section headers worth trusting: everything is reached through PT_DYNAMIC, by DT_HASH or DT_GNU_HASH
 * (which of them is there depends on the linker that built the kernel).
 */
#include <elf.h>
#include <string.h>
#include <sys/auxv.h>

#include "device/internal.h"

struct vdso {
	const uint8_t *load;            /* address - p_vaddr */
	const Elf64_Sym *sym;
	const char *str;
	const uint32_t *hash, *gnu_hash;
	size_t str_bytes;
};

static bool vdso_open(const void *image, struct vdso *v)
{
	const Elf64_Ehdr *eh = image;
	const Elf64_Phdr *ph;
	const Elf64_Dyn *dyn = NULL;
	bool loaded = false;

	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) || eh->e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh->e_phentsize != sizeof(*ph))
		return false;
	ph = (const void *)((const uint8_t *)image + eh->e_phoff);
	for (unsigned i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && !loaded) {
			v->load = (const uint8_t *)image + ph[i].p_offset - ph[i].p_vaddr;
			loaded = true;
		} else if (ph[i].p_type == PT_DYNAMIC) {
			dyn = (const void *)((const uint8_t *)image + ph[i].p_offset);
		}
	}
	if (!loaded || !dyn)
		return false;
	for (; dyn->d_tag != DT_NULL; dyn++) {
		const void *p = v->load + dyn->d_un.d_ptr;

		switch (dyn->d_tag) {
		case DT_SYMTAB: v->sym = p; break;
		case DT_STRTAB: v->str = p; break;
		case DT_STRSZ: v->str_bytes = dyn->d_un.d_val; break;
		case DT_HASH: v->hash = p; break;
		case DT_GNU_HASH: v->gnu_hash = p; break;
		default: break;
		}
	}
	return v->sym && v->str && (v->hash || v->gnu_hash);
}

static bool is_symbol(const struct vdso *v, uint32_t i, const char *name)
{
	const Elf64_Sym *s = &v->sym[i];

	return s->st_shndx != SHN_UNDEF && s->st_name < v->str_bytes && !strcmp(v->str + s->st_name, name);
}

static uint32_t sysv_hash(const char *name)
{
	uint32_t h = 0;

	for (; *name; name++) {
		h = (h << 4) + (uint8_t)*name;
		h ^= (h & 0xf0000000u) >> 24;
		h &= 0x0fffffffu;
	}
	return h;
}

/* DT_HASH: nbucket, nchain, bucket[nbucket], chain[nchain]; index 0 ends a chain */
static uint32_t find_sysv(const struct vdso *v, const char *name)
{
	uint32_t nbucket = v->hash[0], nchain = v->hash[1];
	const uint32_t *bucket = v->hash + 2, *chain = bucket + nbucket;

	if (!nbucket)
		return 0;
	for (uint32_t i = bucket[sysv_hash(name) % nbucket]; i && i < nchain; i = chain[i])
		if (is_symbol(v, i, name))
			return i;
	return 0;
}

static uint32_t gnu_hash(const char *name)
{
	uint32_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (uint8_t)*name;
	return h;
}

/* DT_GNU_HASH: nbucket, first symbol, bloom words, shift, bloom[], bucket[], hashes with bit 0 = last */
static uint32_t find_gnu(const struct vdso *v, const char *name)
{
	uint32_t nbucket = v->gnu_hash[0], first = v->gnu_hash[1], words = v->gnu_hash[2];
	const uint32_t *bucket = v->gnu_hash + 4 + (size_t)words * 2;
	const uint32_t *chain = bucket + nbucket;
	uint32_t h = gnu_hash(name), i;

	if (!nbucket)
		return 0;
	i = bucket[h % nbucket];
	if (i < first)
		return 0;
	for (;; i++) {
		uint32_t c = chain[i - first];

		if ((c | 1) == (h | 1) && is_symbol(v, i, name))
			return i;
		if (c & 1)
			return 0;
	}
}

void *device_vdso_symbol(const void *image, const char *name)
{
	struct vdso v = { 0 };
	uint32_t i;

	if (!image || !vdso_open(image, &v))
		return NULL;
	i = v.hash ? find_sysv(&v, name) : 0;
	if (!i && v.gnu_hash)
		i = find_gnu(&v, name);
	return i ? (void *)(uintptr_t)(v.load + v.sym[i].st_value) : NULL;
}

void *device_vdso_enter(void)
{
	return device_vdso_symbol((const void *)getauxval(AT_SYSINFO_EHDR), "__vdso_sgx_enter_enclave");
}
