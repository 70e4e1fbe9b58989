/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the program find our vDSO image (vdso_image.S): through the auxiliary vector on its stack, which is also what
 * getauxval() reads, and, once the emulator runs, by a jump at the entry of the real __vdso_sgx_enter_enclave, for
 * programs that reach that one by dlopen, dl_iterate_phdr or the old vector.
 *
 * Authority: Linux 6.1 fs/binfmt_elf.c (stack at start), arch/x86/entry/vdso.
 */
#include <elf.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "emul/raw.h"
#include "shim/shim.h"

extern const uint8_t shim_vdso_image[];

/* Where the image's forwarders jump; system calls until the real vDSO is known, and where it lacks the function. */
extern void *shim_real_clock_gettime, *shim_real_gettimeofday, *shim_real_clock_getres, *shim_real_time,
	*shim_real_getcpu;

static long sys_clock_gettime(long clock, void *ts) { return raw2(SYS_clock_gettime, clock, ts); }
static long sys_gettimeofday(void *tv, void *tz) { return raw2(SYS_gettimeofday, tv, tz); }
static long sys_clock_getres(long clock, void *ts) { return raw2(SYS_clock_getres, clock, ts); }
static long sys_time(void *t) { return raw1(SYS_time, t); }
static long sys_getcpu(void *cpu, void *node, void *unused) { return raw3(SYS_getcpu, cpu, node, unused); }

void *shim_real_clock_gettime = (void *)sys_clock_gettime;
void *shim_real_gettimeofday = (void *)sys_gettimeofday;
void *shim_real_clock_getres = (void *)sys_clock_getres;
void *shim_real_time = (void *)sys_time;
void *shim_real_getcpu = (void *)sys_getcpu;

static Elf64_auxv_t *auxv;
static size_t auxv_bytes;
static uint8_t *real_enter;
static const uint8_t *real_image;

struct vdso_symbols {
	const uint8_t *image;
	const Elf64_Sym *sym;
	const char *str;
	const uint32_t *hash;
	const uint32_t *gnu_hash;
};

/* Number of symbols, from whichever hash table there is. */
static size_t count_symbols(const struct vdso_symbols *v)
{
	if (v->hash)
		return v->hash[1];
	if (!v->gnu_hash)
		return 0;
	const uint32_t *buckets = v->gnu_hash + 4 + (size_t)v->gnu_hash[2] * 2, *chain = buckets + v->gnu_hash[0];
	uint32_t last = 0, first = v->gnu_hash[1];

	for (uint32_t i = 0; i < v->gnu_hash[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < first)
		return first;
	while (!(chain[last - first] & 1))
		last++;
	return last + 1;
}

static void take_symbols(const struct vdso_symbols *v)
{
	static const struct { const char *name; void **where; } wanted[] = {
		{ "__vdso_clock_gettime", &shim_real_clock_gettime },
		{ "__vdso_gettimeofday", &shim_real_gettimeofday },
		{ "__vdso_clock_getres", &shim_real_clock_getres },
		{ "__vdso_time", &shim_real_time },
		{ "__vdso_getcpu", &shim_real_getcpu },
		{ "__vdso_sgx_enter_enclave", (void **)&real_enter },
	};

	for (size_t i = 1, n = count_symbols(v); i < n; i++) {
		if (v->sym[i].st_shndx == SHN_UNDEF)
			continue;
		for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++)
			if (!strcmp(v->str + v->sym[i].st_name, wanted[k].name))
				*wanted[k].where = (void *)(uintptr_t)(v->image + v->sym[i].st_value);
	}
}

static void read_real(const uint8_t *image)
{
	const Elf64_Ehdr *eh = (const void *)image;
	const Elf64_Phdr *ph = (const void *)(image + eh->e_phoff);
	struct vdso_symbols v = { .image = image };
	const Elf64_Dyn *dyn = NULL;

	for (unsigned i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_DYNAMIC)
			dyn = (const void *)(image + ph[i].p_offset);
	if (!dyn)
		return;
	for (; dyn->d_tag != DT_NULL; dyn++) {
		/* not relocated by the kernel; glibc relocates what it keeps in a copy of its own */
		const uint8_t *at = image + dyn->d_un.d_ptr;

		if (dyn->d_tag == DT_SYMTAB)
			v.sym = (const void *)at;
		else if (dyn->d_tag == DT_STRTAB)
			v.str = (const char *)at;
		else if (dyn->d_tag == DT_HASH)
			v.hash = (const void *)at;
		else if (dyn->d_tag == DT_GNU_HASH)
			v.gnu_hash = (const void *)at;
	}
	real_image = image;
	if (v.sym && v.str)
		take_symbols(&v);
}

void shim_vdso_setup(char **envp)
{
	Elf64_auxv_t *a;
	char **p = envp;

	while (*p)
		p++;
	auxv = a = (void *)(p + 1);
	for (; a->a_type != AT_NULL; a++) {
		if (a->a_type != AT_SYSINFO_EHDR)
			continue;
		if (a->a_un.a_val)
			read_real((const uint8_t *)a->a_un.a_val);
		a->a_un.a_val = (uintptr_t)shim_vdso_image;
	}
	auxv_bytes = (size_t)((char *)(a + 1) - (char *)auxv);
}

bool shim_vdso_replaces(struct dl_phdr_info *o)
{
	const Elf64_Ehdr *eh = (const void *)shim_vdso_image;

	if (real_enter || !real_image || o->dlpi_addr != (uintptr_t)real_image)
		return false;
	o->dlpi_addr = (uintptr_t)shim_vdso_image;
	o->dlpi_phdr = (const void *)(shim_vdso_image + eh->e_phoff);
	o->dlpi_phnum = eh->e_phnum;
	return true;
}

const void *shim_auxv(size_t *ret_bytes)
{
	*ret_bytes = auxv_bytes;
	return auxv;
}

/* The vDSO is copied on write like any private mapping, so other processes keep theirs. */
void shim_vdso_redirect(void)
{
	static const uint8_t jump[] = { 0xff, 0x25, 0, 0, 0, 0 };       /* jmp *0(%rip), then the address */
	uint64_t to = (uint64_t)(uintptr_t)emul_vdso_enter;
	uintptr_t first = (uintptr_t)real_enter & ~(uintptr_t)(SGX_PAGE_SIZE - 1);
	size_t bytes = (((uintptr_t)real_enter + sizeof(jump) + sizeof(to) - 1) | (SGX_PAGE_SIZE - 1)) + 1 - first;

	if (!real_enter || raw3(SYS_mprotect, first, bytes, PROT_READ | PROT_WRITE | PROT_EXEC))
		return;
	memcpy(real_enter, jump, sizeof(jump));
	memcpy(real_enter + sizeof(jump), &to, sizeof(to));
	raw3(SYS_mprotect, first, bytes, PROT_READ | PROT_EXEC);
}
