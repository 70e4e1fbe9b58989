/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emul_* calls of emul.h as any program makes them: libc functions on /dev/sgx_enclave, and the entry function of
 * the vDSO.  Tests of the emulator are linked with this instead of the emulator, and become programs that know
 * nothing of it, for `sgxctl run`.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emul/emul.h"

extern void *run_vdso_enter;
void *run_vdso_enter;           /* emul_vdso_enter jumps there */

__asm__(".text; .globl emul_vdso_enter; .type emul_vdso_enter, @function; emul_vdso_enter:"
	"jmp *run_vdso_enter(%rip); .size emul_vdso_enter, . - emul_vdso_enter");

/* By DT_HASH, as the kernel's selftests look it up. */
static void *vdso_symbol(const char *name)
{
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *eh = (const void *)image;
	const Elf64_Phdr *ph = (const void *)(image + eh->e_phoff);
	const Elf64_Sym *sym = NULL;
	const uint32_t *hash = NULL;
	const char *str = NULL;

	for (unsigned i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type != PT_DYNAMIC)
			continue;
		for (const Elf64_Dyn *d = (const void *)(image + ph[i].p_vaddr); d->d_tag != DT_NULL; d++) {
			const char *at = image + d->d_un.d_ptr;

			if (d->d_tag == DT_SYMTAB)
				sym = (const void *)at;
			else if (d->d_tag == DT_STRTAB)
				str = at;
			else if (d->d_tag == DT_HASH)
				hash = (const void *)at;
		}
	}
	if (!sym || !str || !hash)
		return NULL;
	for (uint32_t i = 1; i < hash[1]; i++)
		if (!strcmp(str + sym[i].st_name, name))
			return (void *)(uintptr_t)(image + sym[i].st_value);
	return NULL;
}

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int emul_setup(const struct emul_config *cfg)
{
	(void)cfg;
	run_vdso_enter = vdso_symbol("__vdso_sgx_enter_enclave");
	if (!run_vdso_enter) {
		puts("Bail out! the vDSO has no __vdso_sgx_enter_enclave");
		exit(1);
	}
	return 0;
}

int emul_open(const char *path, int flags)
{
	return result(open(path, flags));
}

int emul_close(int fd)
{
	return result(close(fd));
}

long emul_ioctl(int fd, unsigned long cmd, void *arg)
{
	return result(ioctl(fd, cmd, arg));
}

int64_t emul_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off)
{
	void *p = mmap((void *)la, bytes, prot, flags, fd, (off_t)off);

	return p == MAP_FAILED ? -errno : (int64_t)(uintptr_t)p;
}

int emul_munmap(uint64_t la, uint64_t bytes)
{
	return result(munmap((void *)la, bytes));
}

int emul_mprotect(uint64_t la, uint64_t bytes, int prot)
{
	return result(mprotect((void *)la, bytes, prot));
}

int emul_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return result(sigaction(sig, act, old));
}
