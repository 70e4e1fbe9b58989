/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What kind of program `sgxctl run` is about to run: found as execvp() finds it, and read as far as needed to know
 * whether a preloaded library will be in it.
 *
 * Authority: System V gABI, "Program Loading"; ld.so(8) on secure-execution mode.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/run.h"

#define MAX_PHDRS 64
#define MAX_DYNAMIC 4096
#define LOADER      "ld-linux-x86-64.so.2"
#define MUSL_LOADER "ld-musl-x86_64.so.1"

static int cannot_run(struct err *e, const char *word, int sys)
{
	int status = sys == ENOENT || sys == ENOTDIR ? RUN_NOT_FOUND : RUN_NOT_EXECUTABLE;

	err_set(e, ERR_IO, sys, status == RUN_NOT_FOUND ? "there is no program '%s'" : "'%s' cannot be run", word);
	return status;
}

static int usable(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (S_ISDIR(st.st_mode))
		return EACCES;
	return access(path, X_OK) ? errno : 0;
}

/* $PATH, as execvp() reads it. */
static int find(const char *word, char *path, size_t room)
{
	const char *dirs = getenv("PATH");
	int best = ENOENT;

	if (strchr(word, '/') || !*word) {
		if ((size_t)snprintf(path, room, "%s", word) >= room)
			return ENAMETOOLONG;
		return *word ? usable(path) : ENOENT;
	}
	for (const char *d = dirs ? dirs : "/bin:/usr/bin";; d = strchr(d, ':') + 1) {
		int n = (int)strcspn(d, ":");

		if ((size_t)snprintf(path, room, "%.*s%s%s", n, d, n ? "/" : "", word) < room) {
			int r = usable(path);

			if (!r)
				return 0;
			if (r != ENOENT && r != ENOTDIR)
				best = r;
		}
		if (!strchr(d, ':'))
			return best;
	}
}

static bool read_at(int fd, uint64_t off, void *buf, size_t bytes)
{
	return off < ((uint64_t)1 << 62) && pread(fd, buf, bytes, (off_t)off) == (ssize_t)bytes;
}

static void read_string(int fd, uint64_t off, uint64_t bytes, char *dst, size_t room)
{
	if (!bytes || bytes >= room || !read_at(fd, off, dst, (size_t)bytes))
		bytes = 0;
	dst[bytes] = '\0';
}

struct elf_file {
	int fd;
	Elf64_Phdr ph[MAX_PHDRS];
	size_t n;
};

/* File offset of a linear address; UINT64_MAX when the file does not have it. */
static uint64_t file_offset(const struct elf_file *f, uint64_t addr)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->ph[i].p_type == PT_LOAD && addr - f->ph[i].p_vaddr < f->ph[i].p_filesz)
			return f->ph[i].p_offset + (addr - f->ph[i].p_vaddr);
	return UINT64_MAX;
}

/* Sanitizers insist on coming before every other library. */
static void find_sanitizer(const struct elf_file *f, const Elf64_Phdr *dynamic, struct run_target *t)
{
	uint64_t n = dynamic->p_filesz / sizeof(Elf64_Dyn), at = dynamic->p_offset, strings = UINT64_MAX;
	Elf64_Dyn d;

	if (n > MAX_DYNAMIC)
		n = MAX_DYNAMIC;
	for (uint64_t i = 0; i < n && read_at(f->fd, at + i * sizeof(d), &d, sizeof(d)); i++)
		if (d.d_tag == DT_STRTAB)
			strings = file_offset(f, d.d_un.d_ptr);
	if (strings == UINT64_MAX)
		return;
	for (uint64_t i = 0; i < n && read_at(f->fd, at + i * sizeof(d), &d, sizeof(d)); i++) {
		char name[64] = "";

		if (d.d_tag != DT_NEEDED || d.d_un.d_val > UINT32_MAX ||
		    pread(f->fd, name, sizeof(name) - 1, (off_t)(strings + d.d_un.d_val)) <= 0)
			continue;
		if (!strncmp(name, "libasan.so", 10) || !strncmp(name, "libtsan.so", 10)) {
			snprintf(t->sanitizer, sizeof(t->sanitizer), "%s", name);
			return;
		}
	}
}

static enum run_linking read_elf(int fd, const Elf64_Ehdr *eh, struct run_target *t)
{
	struct elf_file f = { .fd = fd, .n = eh->e_phnum };
	const char *name;

	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64)
		return RUN_OTHER_MACHINE;
	if (f.n > MAX_PHDRS || eh->e_phentsize != sizeof(Elf64_Phdr) ||
	    !read_at(fd, eh->e_phoff, f.ph, f.n * sizeof(Elf64_Phdr)))
		return RUN_NOT_ELF;
	for (size_t i = 0; i < f.n; i++)
		if (f.ph[i].p_type == PT_INTERP)
			read_string(fd, f.ph[i].p_offset, f.ph[i].p_filesz, t->loader, sizeof(t->loader));
		else if (f.ph[i].p_type == PT_DYNAMIC)
			find_sanitizer(&f, &f.ph[i], t);
	if (!t->loader[0])
		return RUN_STATIC;
	name = strrchr(t->loader, '/');
	name = name ? name + 1 : t->loader;
	return !strcmp(name, LOADER) ? RUN_DYNAMIC : !strcmp(name, MUSL_LOADER) ? RUN_MUSL : RUN_OTHER_LIBC;
}

/* "#!/usr/bin/env sh" is about /usr/bin/env, which goes on with the device. */
static bool script_interpreter(const char *head, char *dst, size_t room)
{
	if (strncmp(head, "#!", 2))
		return false;
	head += 2 + strspn(head + 2, " \t");
	size_t n = strcspn(head, " \t\r\n");

	if (!n || n >= room)
		return false;
	memcpy(dst, head, n);
	dst[n] = '\0';
	return true;
}

static enum run_linking inspect(const char *path, struct run_target *t, bool script_allowed)
{
	CLEANUP(cleanup_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[256] = "";
	struct stat st;
	Elf64_Ehdr eh;

	if (fd < 0)             /* may be run but not read: nothing is known, exec will tell */
		return RUN_DYNAMIC;
	if (!fstat(fd, &st) && ((st.st_mode & S_ISUID && st.st_uid != geteuid()) ||
				(st.st_mode & S_ISGID && st.st_mode & S_IXGRP && st.st_gid != getegid())))
		return RUN_PRIVILEGED;
	if (read_at(fd, 0, &eh, sizeof(eh)) && !memcmp(eh.e_ident, ELFMAG, SELFMAG))
		return read_elf(fd, &eh, t);
	if (script_allowed && pread(fd, head, sizeof(head) - 1, 0) > 0 &&
	    script_interpreter(head, t->interpreter, sizeof(t->interpreter)))
		return inspect(t->interpreter, t, false);
	return RUN_NOT_ELF;
}

int run_target_find(const char *word, struct run_target *t, struct err *e)
{
	int sys;

	memset(t, 0, sizeof(*t));
	sys = find(word, t->path, sizeof(t->path));
	if (sys)
		return cannot_run(e, word, sys);
	t->linking = inspect(t->path, t, true);
	return 0;
}
