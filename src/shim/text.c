/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Instructions in the text of a dynamic program that do not come to a function of ours: CPUID and SYSCALL, in the
 * program's own file, and in libraries that come with it or have sgx in their names.  A program whose text does not hold
 * their bytes pays for one look at them, and one where a decoder proves that they are parts of other instructions for the
 * decoding; for others the emulator starts at once, because the trap is a signal.
 *
 * Context: when the library is loaded, before the program's constructors; and after dlopen.
 */
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emul/native.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/cpuid.h"
#include "shim/shim.h"

#define PATH_ROOM 4096

#define MAX_SEEN  256u
#define MAX_RANGES 64u

static struct {
	int (*find)(const uint8_t *file, size_t bytes, enum insn what, struct insn_sites *ret);
	void (*free)(struct insn_sites *s);
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
	decoder.find = (__typeof__(decoder.find))dlsym(h, "insn_find");
	decoder.free = (__typeof__(decoder.free))dlsym(h, "insn_sites_free");
	return decoder.find && decoder.free;
}

/* By the second byte, which is far rarer in text than the first; memmem() is slow for two bytes. */
static bool holds(const uint8_t *text, size_t bytes, const uint8_t insn[INSN_BYTES])
{
	const uint8_t *end = text + bytes;

	for (const uint8_t *at = text + 1; at < end && (at = memchr(at, insn[1], (size_t)(end - at))); at++)
		if (at[-1] == insn[0])
			return true;
	return false;
}

static bool has_bytes(const struct dl_phdr_info *o, enum insn what)
{
	for (unsigned i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && (p->p_flags & (PF_X | PF_R)) == (PF_X | PF_R) &&
		    holds((const uint8_t *)(o->dlpi_addr + p->p_vaddr), p->p_filesz, insn_bytes[what]))
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

/* The file of an object, mapped whole. */
static const uint8_t *map_file(const struct dl_phdr_info *o, size_t *ret_bytes)
{
	const char *path = *o->dlpi_name ? o->dlpi_name : "/proc/self/exe";
	long fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0), map = -1;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (!raw2(SYS_fstat, fd, &st) && st.st_size > 0)
		map = raw6(SYS_mmap, 0, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	raw1(SYS_close, fd);
	*ret_bytes = (size_t)st.st_size;
	return map < 0 && map > -4096 ? NULL : (const uint8_t *)map;
}

static bool start_for_traps(void)
{
	if (shim_start())
		return false;
	native_outside_hook = shim_call_on_signal;
	return true;
}

/* By fault where the CPU can: that is all CPUID of the process, also in libraries of the system. */
static void hide_cpuid(const struct dl_phdr_info *o)
{
	static bool by_fault;
	struct insn_sites s;
	size_t bytes;

	if (by_fault || !has_bytes(o, INSN_CPUID))
		return;
	if (shim_cpuid_can_fault() && start_for_traps()) {
		cpuid_answer_setup(&shim_config.emul);
		by_fault = !cpuid_fault_on();
		return;
	}
	const uint8_t *file = load_decoder() ? map_file(o, &bytes) : NULL;

	if (!file)
		return;
	if (!decoder.find(file, bytes, INSN_CPUID, &s)) {
		if (s.n && start_for_traps()) {
			cpuid_answer_setup(&shim_config.emul);
			cpuid_rewrite(&s, o->dlpi_addr);
		}
		decoder.free(&s);
	}
	raw2(SYS_munmap, file, bytes);
}

/* ---- system calls ------------------------------------------------------------------------------------------- */

struct ranges {
	struct shim_range r[MAX_RANGES];
	size_t n;
};

/* Every occurrence of the bytes lies inside another instruction. */
static bool is_proven_data(const struct dl_phdr_info *o)
{
	struct insn_sites s;
	size_t bytes;
	const uint8_t *file = load_decoder() ? map_file(o, &bytes) : NULL;
	bool proven = false;

	if (!file)
		return false;
	if (!decoder.find(file, bytes, INSN_SYSCALL, &s)) {
		proven = !s.n && !s.loose;
		decoder.free(&s);
	}
	raw2(SYS_munmap, file, bytes);
	return proven;
}

static void find_syscalls(const struct dl_phdr_info *o, struct ranges *all)
{
	if (!has_bytes(o, INSN_SYSCALL) || is_proven_data(o))
		return;
	for (unsigned i = 0; i < o->dlpi_phnum && all->n < MAX_RANGES; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		uint64_t start = o->dlpi_addr + p->p_vaddr;

		if (p->p_type == PT_LOAD && p->p_flags & PF_X)
			all->r[all->n++] = (struct shim_range){ start, start + p->p_memsz };
	}
}

static void trap_syscalls(const struct ranges *all, bool all_threads)
{
	if (!all->n || !start_for_traps())
		return;
	int r = shim_filter_ranges(all->r, all->n, all_threads);

	if (r)
		shim_say("system calls that the program makes by itself do not reach the emulated device: ",
			 r == -EBUSY ? "a thread has a seccomp filter of its own" : "the seccomp filter is refused");
}

/* ---- which objects ------------------------------------------------------------------------------------------ */

/* Objects looked at, by where they lie; those that went are forgotten. */
static struct { uint64_t addr; bool there; } seen[MAX_SEEN];
static size_t n_seen;
static unsigned long long adds;
static __thread bool looking;           /* what is loaded meanwhile is our own */

static bool is_seen(uint64_t addr)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].addr == addr)
			return seen[i].there = true;
	if (n_seen < MAX_SEEN) {
		seen[n_seen].addr = addr;
		seen[n_seen++].there = true;
	}
	return false;
}

static int visit(struct dl_phdr_info *o, size_t bytes, void *arg)
{
	(void)bytes;
	adds = o->dlpi_adds;
	if (is_seen(o->dlpi_addr) || !is_of_program(o->dlpi_name))
		return 0;
	hide_cpuid(o);
	find_syscalls(o, arg);
	return 0;
}

static void visit_all(bool all_threads)
{
	struct ranges all = { .n = 0 };
	size_t kept = 0;

	looking = true;
	for (size_t i = 0; i < n_seen; i++)
		seen[i].there = false;
	dl_iterate_phdr(visit, &all);
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i].there)
			seen[kept++] = seen[i];
	n_seen = kept;
	trap_syscalls(&all, all_threads);
	looking = false;
}

static bool set_up;             /* before that a sanitizer may be starting, in which case it cannot be asked */

void shim_text_setup(void)
{
	if (shim_config.text[0])
		visit_all(false);
	set_up = true;
}

static int count_adds(struct dl_phdr_info *o, size_t bytes, void *arg)
{
	(void)bytes;
	*(unsigned long long *)arg = o->dlpi_adds;
	return 1;
}

void shim_text_again(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	unsigned long long now = 0;

	if (!shim_config.text[0] || looking || !set_up)
		return;
	dl_iterate_phdr(count_adds, &now);
	if (now == __atomic_load_n(&adds, __ATOMIC_RELAXED))
		return;
	pthread_mutex_lock(&lock);
	visit_all(true);
	pthread_mutex_unlock(&lock);
}
