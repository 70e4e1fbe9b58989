/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CPUID in dynamic programs: the program's own file, and libraries that come with it or have sgx in their names.  A
 * program whose text does not hold the bytes of the instruction pays for one look at them; for others the emulator
 * starts at once, because the trap is a signal.
 *
 * Context: when the library is loaded, before the program's constructors.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emul/native.h"
#include "emul/raw.h"
#include "shim/cpuid.h"
#include "shim/shim.h"

#define PATH_ROOM 4096

static struct {
	int (*find)(const uint8_t *file, size_t bytes, struct cpuid_sites *ret);
	void (*free)(struct cpuid_sites *s);
	bool tried;
} decoder;

/* The decoder is a library of its own beside this one: few programs need it, and not every build has it. */
static bool load_decoder(void)
{
	static const char name[] = "libsgxemu-cpuid.so";
	char path[PATH_ROOM];
	Dl_info self;

	if (decoder.tried)
		return decoder.find && decoder.free;
	decoder.tried = true;
	if (!dladdr((void *)load_decoder, &self) || !self.dli_fname)
		return false;
	const char *slash = strrchr(self.dli_fname, '/');
	size_t dir = slash ? (size_t)(slash + 1 - self.dli_fname) : 0;

	if (dir + sizeof(name) > sizeof(path))
		return false;
	memcpy(path, self.dli_fname, dir);
	memcpy(path + dir, name, sizeof(name));
	void *h = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!h)
		return false;
	decoder.find = (__typeof__(decoder.find))dlsym(h, "cpuid_find");
	decoder.free = (__typeof__(decoder.free))dlsym(h, "cpuid_sites_free");
	return decoder.find && decoder.free;
}

static bool has_bytes(const struct dl_phdr_info *o)
{
	static const uint8_t cpuid[] = { 0x0f, 0xa2 };

	for (unsigned i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & (PF_X | PF_R)) == (PF_X | PF_R) &&
		    memmem((void *)(o->dlpi_addr + p->p_vaddr), p->p_filesz, cpuid, sizeof(cpuid)))
			return true;
	}
	return false;
}

/* The system's own libraries ask CPUID for nothing that is different here. */
static bool is_of_program(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!*path)
		return true;
	if (!slash || strstr(slash, "libsgxemu"))
		return false;
	return strstr(slash, "sgx") || (strncmp(path, "/lib", 4) && strncmp(path, "/usr/lib", 8));
}

static bool on_signal(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb)
{
	(void)tb;
	return sig == SIGSEGV && cpuid_trap(info, uc);
}

static void rewrite(const struct dl_phdr_info *o)
{
	const char *path = *o->dlpi_name ? o->dlpi_name : "/proc/self/exe";
	long fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	struct cpuid_sites s;
	struct stat st;

	if (fd < 0)
		return;
	long map = -1;

	if (!raw2(SYS_fstat, fd, &st) && st.st_size > 0)
		map = raw6(SYS_mmap, 0, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	raw1(SYS_close, fd);
	if (map < 0 && map > -4096)
		return;
	if (!decoder.find((const uint8_t *)map, (size_t)st.st_size, &s)) {
		if (s.n && !shim_start()) {
			cpuid_answer_setup(&shim_config.emul);
			native_outside_hook = on_signal;
			cpuid_rewrite(&s, o->dlpi_addr);
		}
		decoder.free(&s);
	}
	raw2(SYS_munmap, map, st.st_size);
}

static int visit(struct dl_phdr_info *o, size_t bytes, void *arg)
{
	(void)bytes;
	(void)arg;
	if (is_of_program(o->dlpi_name) && has_bytes(o) && load_decoder())
		rewrite(o);
	return 0;
}

void shim_cpuid_setup(void)
{
	if (shim_config.text[0])
		dl_iterate_phdr(visit, NULL);
}
