/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A static ELF program into this process, and the stack that the kernel would have given it.
 *
 * Authority: Linux 6.1 fs/binfmt_elf.c; System V gABI, "Program Loading"; AMD64 ABI, "Process Initialization".
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "shim/static_exec.h"

#define MAX_PHDRS 128
#define PIE_SPREAD 0x3fffe00000u        /* 256 GiB in steps of 2 MiB */

static uint64_t page_down(uint64_t v) { return v & SGX_PAGE_MASK; }

static int read_all(int fd, void *buf, size_t bytes, uint64_t off)
{
	return off <= INT64_MAX && pread(fd, buf, bytes, (off_t)off) == (ssize_t)bytes ? 0 : -ENOEXEC;
}

static int read_headers(int fd, Elf64_Ehdr *eh, Elf64_Phdr ph[MAX_PHDRS])
{
	if (read_all(fd, eh, sizeof(*eh), 0) || memcmp(eh->e_ident, ELFMAG, SELFMAG) ||
	    eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64 ||
	    (eh->e_type != ET_EXEC && eh->e_type != ET_DYN) || eh->e_phentsize != sizeof(Elf64_Phdr) ||
	    !eh->e_phnum || eh->e_phnum > MAX_PHDRS)
		return -ENOEXEC;
	return read_all(fd, ph, eh->e_phnum * sizeof(Elf64_Phdr), eh->e_phoff);
}

static int prot_of(const Elf64_Phdr *p)
{
	return (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
	       (p->p_flags & PF_X ? PROT_EXEC : 0);
}

/* [ret_low, ret_high) of all segments, checked so that sums with the bias cannot wrap. */
static int extent(const Elf64_Phdr *ph, unsigned n, uint64_t *ret_low, uint64_t *ret_high)
{
	uint64_t low = UINT64_MAX, high = 0, limit = (uint64_t)STATIC_CEILING_HIGH << 32;

	for (unsigned i = 0; i < n; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_filesz > ph[i].p_memsz || ph[i].p_memsz > limit || ph[i].p_vaddr > limit - ph[i].p_memsz ||
		    (ph[i].p_vaddr - ph[i].p_offset) % SGX_PAGE_SIZE || ph[i].p_offset > INT64_MAX - ph[i].p_filesz)
			return -ENOEXEC;
		low = ph[i].p_vaddr < low ? ph[i].p_vaddr : low;
		high = ph[i].p_vaddr + ph[i].p_memsz > high ? ph[i].p_vaddr + ph[i].p_memsz : high;
	}
	if (low >= high)
		return -ENOEXEC;
	*ret_low = page_down(low);
	*ret_high = sgx_page_up(high);
	return 0;
}

static int map_anon(uint64_t at, uint64_t bytes, int prot)
{
	void *p = mmap((void *)at, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return p == MAP_FAILED ? -errno : 0;
}

/* One segment into the place that is reserved for it. */
static int map_segment(int fd, const Elf64_Phdr *p, uint64_t bias)
{
	uint64_t start = p->p_vaddr + bias, file_end = start + p->p_filesz, end = sgx_page_up(start + p->p_memsz);
	uint64_t from = page_down(start), mapped = p->p_filesz ? sgx_page_up(file_end) : from;
	int prot = prot_of(p);

	if (mapped > from) {
		void *at = mmap((void *)from, mapped - from, prot, MAP_PRIVATE | MAP_FIXED, fd,
				(off_t)(p->p_offset - (start - from)));

		if (at == MAP_FAILED)
			return -errno;
	}
	/* the kernel clears the rest of the last page only where the program may write it */
	if (p->p_memsz > p->p_filesz && mapped > file_end && p->p_flags & PF_W)
		memset((void *)file_end, 0, mapped - file_end);
	return end > mapped ? map_anon(mapped, end - mapped, prot) : 0;
}

static uint64_t pie_base(uint64_t align)
{
	uint64_t r = 0;

	if (getrandom(&r, sizeof(r), 0) != (ssize_t)sizeof(r))
		r = 0;
	r = STATIC_PIE_BASE + (r & PIE_SPREAD);
	return align > SGX_PAGE_SIZE ? (r + align - 1) & ~(align - 1) : r;
}

int static_loader(int fd, char loader[256])
{
	Elf64_Phdr ph[MAX_PHDRS];
	Elf64_Ehdr eh;
	int r = read_headers(fd, &eh, ph);

	memset(loader, 0, 256);
	for (unsigned i = 0; !r && i < eh.e_phnum; i++)
		if (ph[i].p_type == PT_INTERP)
			r = ph[i].p_filesz >= 256 ? -ENOEXEC : read_all(fd, loader, ph[i].p_filesz, ph[i].p_offset);
	return r;
}

int static_map(int fd, struct static_image *ret)
{
	Elf64_Phdr ph[MAX_PHDRS];
	Elf64_Ehdr eh;
	uint64_t low, high, align = SGX_PAGE_SIZE, phdr = 0;
	int r = read_headers(fd, &eh, ph);

	if (!r)
		r = extent(ph, eh.e_phnum, &low, &high);
	if (r)
		return r;
	for (unsigned i = 0; i < eh.e_phnum; i++) {
		const Elf64_Phdr *p = &ph[i];

		if (p->p_type == PT_LOAD && p->p_align > align && !(p->p_align & (p->p_align - 1)) &&
		    p->p_align <= (uint64_t)1 << 30)
			align = p->p_align;
		if (p->p_type == PT_LOAD && eh.e_phoff >= p->p_offset &&
		    eh.e_phoff - p->p_offset < p->p_filesz && !phdr)
			phdr = eh.e_phoff - p->p_offset + p->p_vaddr;
	}
	char loader[sizeof(ret->loader)];

	if (static_loader(fd, loader))
		return -ENOEXEC;
	uint64_t bias = eh.e_type == ET_DYN ? pie_base(align) - low : 0;
	void *at = mmap((void *)(low + bias), high - low, PROT_NONE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	if (at == MAP_FAILED)
		return -errno;
	for (unsigned i = 0; !r && i < eh.e_phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			r = map_segment(fd, &ph[i], bias);
	if (r) {
		munmap(at, high - low);
		return r;
	}
	*ret = (struct static_image){ .bias = bias, .entry = eh.e_entry + bias, .end = high + bias,
				      .phdr = phdr ? phdr + bias : 0, .phnum = eh.e_phnum };
	memcpy(ret->loader, loader, sizeof(loader));
	return 0;
}

static void fix_auxv(Elf64_auxv_t *a, const struct static_image *im, const char *execfn)
{
	for (; a->a_type != AT_NULL; a++)
		switch (a->a_type) {
		case AT_PHDR:
			a->a_un.a_val = im->phdr;
			break;
		case AT_PHNUM:
			a->a_un.a_val = im->phnum;
			break;
		case AT_BASE:
			a->a_un.a_val = im->base;
			break;
		case AT_ENTRY:
			a->a_un.a_val = im->entry;
			break;
		case AT_EXECFN:
			a->a_un.a_val = (uintptr_t)execfn;
			break;
		}
}

uint64_t static_stack(char **argv, int skip, const struct static_image *im, const char *execfn)
{
	uint64_t *block = (uint64_t *)(void *)argv, *p = block, *sp;
	long argc = 0;

	while (p[argc])
		argc++;
	p += argc + 1;
	while (*p)
		p++;
	Elf64_auxv_t *a = (Elf64_auxv_t *)(void *)++p;

	fix_auxv(a, im, execfn);
	while (a->a_type != AT_NULL)
		a++;
	uint64_t *end = (uint64_t *)(void *)(a + 1);

	/* the count goes where the last dropped argument was; the stack pointer at entry is a multiple of 16 */
	sp = block + skip - 1;
	if ((uintptr_t)sp & 15) {
		memmove(sp, sp + 1, (size_t)(end - sp - 1) * sizeof(*sp));
		sp--;
	}
	*sp = (uint64_t)(argc - skip);
	return (uint64_t)(uintptr_t)sp;
}
