/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an executable file is.
 *
 * Authority: Linux 6.1 fs/binfmt_elf.c, fs/binfmt_script.c; System V gABI, "Program Header".
 * Context: also a vfork child and the handler of a trapped exec.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "emul/raw.h"
#include "shim/exec.h"

#define MAX_PHDRS 64
#define MUSL_LOADER "ld-musl-x86_64.so.1"

static bool read_at(int fd, void *buf, size_t bytes, uint64_t off)
{
	return off <= INT64_MAX && raw4(SYS_pread64, fd, buf, bytes, off) == (long)bytes;
}

/* glibc's loader is a program without a loader, too; what it is asked to run has one. */
static bool is_loader(int fd)
{
	char link[32], target[4096];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	long n = raw3(SYS_readlink, link, target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	const char *slash = strrchr(target, '/');

	return slash && (!strncmp(slash, "/ld-linux", 9) || !strncmp(slash, "/ld-2.", 6));
}

static enum shim_program elf_kind(int fd, const Elf64_Ehdr *eh)
{
	Elf64_Phdr ph;
	bool loads = false;

	if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_machine != EM_X86_64 || eh->e_phentsize != sizeof(ph) ||
	    (eh->e_type != ET_EXEC && eh->e_type != ET_DYN))
		return PROGRAM_OTHER;
	for (unsigned i = 0; i < eh->e_phnum && i < MAX_PHDRS; i++) {
		char name[256] = "";

		if (!read_at(fd, &ph, sizeof(ph), eh->e_phoff + i * sizeof(ph)))
			return PROGRAM_OTHER;
		loads = loads || ph.p_type == PT_LOAD;
		if (ph.p_type != PT_INTERP)
			continue;
		if (!ph.p_filesz || ph.p_filesz >= sizeof(name) || !read_at(fd, name, ph.p_filesz, ph.p_offset))
			return PROGRAM_OTHER;
		const char *slash = strrchr(name, '/');

		return strcmp(slash ? slash + 1 : name, MUSL_LOADER) ? PROGRAM_OTHER : PROGRAM_FOR_HELPER;
	}
	return loads && !is_loader(fd) ? PROGRAM_FOR_HELPER : PROGRAM_OTHER;
}

bool shim_script(char *head, char **ret_interpreter, char **ret_argument)
{
	if (head[0] != '#' || head[1] != '!')
		return false;
	head[strcspn(head, "\n")] = '\0';
	char *p = head + 2 + strspn(head + 2, " \t"), *end = head + strlen(head);

	while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	if (p == end)
		return false;
	*ret_interpreter = p;
	p += strcspn(p, " \t");
	*ret_argument = NULL;
	if (!*p)
		return true;
	*p++ = '\0';
	*ret_argument = p + strspn(p, " \t");
	return true;
}

static enum shim_program kind_of(int fd, unsigned depth)
{
	union { Elf64_Ehdr eh; char text[SHIM_SCRIPT_HEAD + 1]; } head = { .text = "" };
	char *interpreter, *argument;
	long n = raw4(SYS_pread64, fd, &head, SHIM_SCRIPT_HEAD, 0);

	if (n < 2)
		return PROGRAM_NONE;
	if (n >= (long)sizeof(head.eh) && !memcmp(head.eh.e_ident, ELFMAG, SELFMAG))
		return elf_kind(fd, &head.eh);
	if (!shim_script(head.text, &interpreter, &argument))
		return memcmp(head.text, "#!", 2) ? PROGRAM_NONE : PROGRAM_OTHER;
	if (depth == SHIM_SCRIPT_DEPTH)
		return PROGRAM_OTHER;
	long next = raw4(SYS_openat, AT_FDCWD, interpreter, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

	if (next < 0)
		return PROGRAM_OTHER;
	enum shim_program kind = kind_of((int)next, depth + 1);

	raw1(SYS_close, next);
	return kind == PROGRAM_NONE ? PROGRAM_OTHER : kind;
}

enum shim_program shim_program_kind(int fd)
{
	return kind_of(fd, 0);
}
