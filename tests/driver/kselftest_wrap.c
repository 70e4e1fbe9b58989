/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulated device under the names that kselftest_wrap.h gives to system calls.
 *
 * Environment:
 *     KSELFTEST_KERNEL   rfc (default), upstream, fixed
 *     KSELFTEST_EPC      bytes of EPC that CPUID reports, 64 MiB unless told
 *     KSELFTEST_DEVICE_EPC  bytes the device has, 4 times that unless told: a program that fills all it was told
 *                        of needs no paging then
 *     KSELFTEST_LOG      a file: "HEAP MRENCLAVE" is appended after every successful INIT, HEAP being the bytes
 *                        added without measurement and MRENCLAVE the one in the SECS
 */
#define KSELFTEST_WRAP_ITSELF
#include "kselftest_wrap.h"

#include <elf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emul/emul.h"

#define EPC_DEFAULT     ((uint64_t)64 << 20)
#define CPUID_SGX       0x12u
#define CPUID_SGX_EPC   2u
#define EPC_SECTION     1u
#define EPC_BASE        0x80000000u
#define EPC_CONFIDENTIAL 1u

static uint64_t epc_reported;
static uint64_t unmeasured_bytes;

static uint64_t env_bytes(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);
	char *end;

	if (!text)
		return otherwise;
	uint64_t v = strtoull(text, &end, 0);

	if (*end || !v || v % SGX_PAGE_SIZE) {
		fprintf(stderr, "%s: not a number of bytes in whole pages\n", name);
		exit(2);
	}
	return v;
}

static enum emul_kernel env_kernel(void)
{
	const char *text = getenv("KSELFTEST_KERNEL");

	if (text && !strcmp(text, "upstream"))
		return EMUL_KERNEL_UPSTREAM;
	return text && !strcmp(text, "fixed") ? EMUL_KERNEL_FIXED : EMUL_KERNEL_RFC;
}

__attribute__((constructor))
static void start(void)
{
	struct emul_config cfg = { .kernel = env_kernel() };
	int r;

	epc_reported = env_bytes("KSELFTEST_EPC", EPC_DEFAULT);
	cfg.epc_pages = env_bytes("KSELFTEST_DEVICE_EPC", epc_reported) / SGX_PAGE_SIZE;
	r = emul_setup(&cfg);
	if (r) {
		fprintf(stderr, "emul_setup: %s\n", strerror(-r));
		exit(2);
	}
}

/* The libc way of saying -errno. */
static int result(int64_t r)
{
	if (r >= 0)
		return (int)r;
	errno = (int)-r;
	return -1;
}

static bool is_device(const char *path)
{
	return !strcmp(path, SGX_DEV_ENCLAVE) || !strcmp(path, SGX_DEV_PROVISION);
}

int wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & (O_CREAT | O_TMPFILE))
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return is_device(path) ? result(emul_open(path, flags)) : open(path, flags, mode);
}

int wrap_close(int fd)
{
	return result(emul_close(fd));
}

int wrap_stat(const char *path, struct stat *st)
{
	/* a character device, which is all that can be learned from the node */
	return stat(is_device(path) ? "/dev/null" : path, st);
}

static void log_init(int fd)
{
	_Alignas(4096) struct sgx_arch_secs secs;
	struct emul_get_secs get = { .secs = (uintptr_t)&secs };
	const char *path = getenv("KSELFTEST_LOG");
	FILE *f;

	if (!path || emul_ioctl(fd, EMUL_IOC_GET_SECS, &get))
		return;
	f = fopen(path, "a");
	if (!f)
		return;
	fprintf(f, "%llu ", (unsigned long long)unmeasured_bytes);
	for (size_t i = 0; i < sizeof(secs.mrenclave); i++)
		fprintf(f, "%02x", secs.mrenclave[i]);
	fputc('\n', f);
	fclose(f);
}

int wrap_ioctl(int fd, unsigned long cmd, void *arg)
{
	long r;

	if (!emul_is_enclave_fd(fd))
		return ioctl(fd, cmd, arg);
	r = emul_ioctl(fd, cmd, arg);
	if (!r && cmd == SGX_IOC_ENCLAVE_CREATE)
		unmeasured_bytes = 0;
	if (!r && cmd == SGX_IOC_ENCLAVE_ADD_PAGES) {
		const struct sgx_enclave_add_pages *a = arg;

		unmeasured_bytes += a->flags & SGX_PAGE_MEASURE ? 0 : a->count;
	}
	if (!r && cmd == SGX_IOC_ENCLAVE_INIT)
		log_init(fd);
	return result(r);
}

void *wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off)
{
	int64_t r = emul_mmap((uintptr_t)addr, bytes, prot, flags, fd, (uint64_t)off);

	if (r < 0 && r > -4096) {
		errno = (int)-r;
		return MAP_FAILED;
	}
	return (void *)(uintptr_t)r;
}

int wrap_munmap(void *addr, size_t bytes)
{
	return result(emul_munmap((uintptr_t)addr, bytes));
}

int wrap_mprotect(void *addr, size_t bytes, int prot)
{
	return result(emul_mprotect((uintptr_t)addr, bytes, prot));
}

/* ---- CPUID: an SGX2 part with one EPC section --------------------------------------------------------- */

void wrap_cpuid(unsigned int leaf, unsigned int sub, unsigned int *a, unsigned int *b, unsigned int *c,
		unsigned int *d)
{
	if (leaf != CPUID_SGX) {
		__cpuid_count(leaf, sub, *a, *b, *c, *d);
		return;
	}
	*a = *b = *c = *d = 0;
	if (sub == 0) {
		*a = 3;         /* SGX1, SGX2 */
		*b = SGX_MISC_EXINFO;
		*d = EMUL_MAX_SIZE_LOG2 << 8 | 31;
	} else if (sub == CPUID_SGX_EPC) {
		*a = EPC_BASE | EPC_SECTION;
		*c = (uint32_t)epc_reported | EPC_CONFIDENTIAL;
		*d = (uint32_t)(epc_reported >> 32);
	}
}

/* ---- the vDSO: an image with the one symbol that is looked for ------------------------------------------- */

/* Offsets from the start of the image serve as addresses: the dynamic section is not relocated. */
static struct {
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr[2];
	Elf64_Dyn dyn[6];
	Elf64_Sym sym[2];
	Elf64_Word hash[2 + 1 + 2];     /* one bucket, two chain links */
	char str[32];
} vdso;

#define VDSO_OFF(field) ((uintptr_t)&vdso.field - (uintptr_t)&vdso)

static void vdso_fill(void)
{
	static const char name[] = "__vdso_sgx_enter_enclave";

	memcpy(vdso.ehdr.e_ident, ELFMAG "\2\1\1", 7);
	vdso.ehdr.e_type = ET_DYN;
	vdso.ehdr.e_machine = EM_X86_64;
	vdso.ehdr.e_version = EV_CURRENT;
	vdso.ehdr.e_phoff = VDSO_OFF(phdr);
	vdso.ehdr.e_ehsize = sizeof(Elf64_Ehdr);
	vdso.ehdr.e_phentsize = sizeof(Elf64_Phdr);
	vdso.ehdr.e_phnum = 2;
	vdso.phdr[0] = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = sizeof(vdso),
				     .p_memsz = sizeof(vdso), .p_align = 4096 };
	vdso.phdr[1] = (Elf64_Phdr){ .p_type = PT_DYNAMIC, .p_flags = PF_R, .p_offset = VDSO_OFF(dyn),
				     .p_vaddr = VDSO_OFF(dyn), .p_filesz = sizeof(vdso.dyn),
				     .p_memsz = sizeof(vdso.dyn), .p_align = 8 };
	vdso.dyn[0] = (Elf64_Dyn){ DT_HASH, { VDSO_OFF(hash) } };
	vdso.dyn[1] = (Elf64_Dyn){ DT_SYMTAB, { VDSO_OFF(sym) } };
	vdso.dyn[2] = (Elf64_Dyn){ DT_STRTAB, { VDSO_OFF(str) } };
	vdso.dyn[3] = (Elf64_Dyn){ DT_STRSZ, { sizeof(vdso.str) } };
	vdso.dyn[4] = (Elf64_Dyn){ DT_SYMENT, { sizeof(Elf64_Sym) } };
	vdso.dyn[5] = (Elf64_Dyn){ DT_NULL, { 0 } };
	vdso.hash[0] = 1;
	vdso.hash[1] = 2;
	vdso.hash[2] = 1;
	memcpy(vdso.str + 1, name, sizeof(name));
	vdso.sym[1] = (Elf64_Sym){ .st_name = 1, .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC), .st_shndx = 1,
				   .st_value = (uintptr_t)emul_vdso_enter - (uintptr_t)&vdso };
}

unsigned long wrap_getauxval(unsigned long type)
{
	if (type != AT_SYSINFO_EHDR)
		return getauxval(type);
	vdso_fill();
	return (uintptr_t)&vdso;
}
