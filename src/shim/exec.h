/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the device survives exec. */
#ifndef SHIM_EXEC_H
#define SHIM_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * sgxctl-exec itself must not be changed by what the environment says to dynamic loaders, while the program is to have it:
 * such variables travel with this before their names.
 */
#define SHIM_HIDE_PREFIX "SGXCTL_"
bool shim_env_is_hidden(const char *entry);

/* program.c: what an executable file is, scripts by their interpreter */
enum shim_program {
	PROGRAM_OTHER,          /* the kernel's business: glibc's loader loads us, or cannot be made to */
	PROGRAM_FOR_HELPER,     /* static, or with a loader that sgxctl-exec loads: musl's */
	PROGRAM_NONE,           /* neither ELF nor script */
};
enum shim_program shim_program_kind(int fd);
/* "#! INTERPRETER [ARGUMENT]": false when it is none.  Pointers into head, which is changed. */
bool shim_script(char *head, char **ret_interpreter, char **ret_argument);
#define SHIM_SCRIPT_HEAD  256
#define SHIM_SCRIPT_DEPTH 5

/* calls_exec.c: arguments and environment for sgxctl-exec */
struct exec_words {
	uint64_t *word, *env;   /* word: the arguments; env: in the same memory */
	size_t n;
	char *text;
	unsigned int left;      /* strings that there is room for */
	size_t bytes;           /* of the mapping */
	int fd;                 /* kept open for sgxctl-exec, or -1 */
};
/* 1: exec the helper with these words; 0: the kernel can do it; -errno: what execve(2) would say. */
int shim_exec_prepare(int dirfd, const char *path, int flags, uint64_t argv, uint64_t envp, const uint64_t *mask,
		      struct exec_words *v);
int shim_exec_words(struct exec_words *v, const char *path, uint64_t argv, uint64_t envp, const uint64_t *mask);
/* Strings in a vector of the program's, or -errno. */
int64_t shim_count_strings(uint64_t addr);
void shim_exec_words_free(struct exec_words *v);

#endif
