/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec of a static program goes through sgxctl-exec: the kernel would start it without the device, and a filter that
 * stays over the exec would kill it.  Everything else is the kernel's, with our two variables in the environment (exec.c).
 *
 * What can be refused is refused here, while there is a program to tell.
 * Authority: Linux 6.1 fs/exec.c, fs/binfmt_script.c.
 * Context: also a vfork child: memory comes from mmap, and goes with the exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/exec.h"
#include "shim/shim.h"

#define MAX_STRINGS  ((uint64_t)1 << 20)
#define OWN_ARGS     8u
#define PATH_ROOM    4096
#define MAX_CHANGED  16u
#define CHANGED_ROOM 8960u
_Static_assert(CHANGED_ROOM >= sizeof("--run=") + SHIM_TEXT_ROOM, "SGXCTL_RUN is handed on, too");

/* Strings in a vector of the program's, or -errno. */
int64_t shim_count_strings(uint64_t addr)
{
	uint64_t n = 0, word;

	if (!addr)
		return 0;
	do {
		if (n >= MAX_STRINGS)
			return -E2BIG;
		if (emul_user_read(&word, addr + n * sizeof(word), sizeof(word)))
			return -EFAULT;
	} while (word && ++n);
	return (int64_t)n;
}

/* ---- the words for sgxctl-exec ------------------------------------------------------------------------------ */

/* A string of ours, which lives as long as the map. */
static char *put(struct exec_words *v, const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	char *at = v->text;

	if (n + m + 1 > CHANGED_ROOM || !v->left)
		return NULL;
	memcpy(at, a, n);
	memcpy(at + n, b, m + 1);
	v->text += CHANGED_ROOM;
	v->left--;
	return at;
}

static int put_arg(struct exec_words *v, const char *a, const char *b)
{
	char *s = put(v, a, b);

	if (!s)
		return -E2BIG;
	v->word[v->n++] = (uintptr_t)s;
	return 0;
}

static int words_map(struct exec_words *v, size_t words)
{
	size_t table = words * sizeof(uint64_t), changed = MAX_CHANGED + OWN_ARGS;

	v->bytes = table + changed * CHANGED_ROOM;
	long r = raw6(SYS_mmap, 0, v->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (r < 0 && r > -4096)
		return (int)r;
	v->word = (uint64_t *)r;
	v->n = 0;
	v->text = (char *)v->word + table;
	v->left = (unsigned int)changed;
	return 0;
}

void shim_exec_words_free(struct exec_words *v)
{
	if (v->word)
		raw2(SYS_munmap, v->word, v->bytes);
	if (v->fd >= 0)
		raw1(SYS_close, v->fd);
	v->word = NULL;
	v->fd = -1;
}

static int own_args(struct exec_words *v, const uint64_t *mask)
{
	char number[32];
	int r = put_arg(v, "sgxctl-exec", "");

	if (!r && mask) {
		snprintf(number, sizeof(number), "%llx", (unsigned long long)*mask);
		r = put_arg(v, "--mask=", number);
	}
	if (!r && v->fd >= 0) {
		snprintf(number, sizeof(number), "%d", v->fd);
		r = put_arg(v, "--fd=", number);
	}
	if (!r && shim_config.cpuid)
		r = put_arg(v, "--cpuid=", shim_config.cpuid);
	if (!r && shim_config.text[0])
		r = put_arg(v, "--run=", shim_config.text + sizeof(SHIM_ENV));
	if (!r && shim_config.preload[0])
		r = put_arg(v, "--preload=", shim_config.preload + sizeof("LD_PRELOAD"));
	return r;
}

/* The program's environment, with prefixes where they are needed.  Strings that cannot be read are the kernel's. */
static int add_environment(struct exec_words *v, uint64_t envp, size_t n)
{
	if (n && emul_user_read(v->word + v->n, envp, n * sizeof(uint64_t)))
		return -EFAULT;
	for (size_t i = 0; i < n; i++) {
		uint64_t *e = &v->word[v->n + i];
		static const char prefix[] = SHIM_HIDE_PREFIX;
		char head[16] = "";

		if (shim_string(head, sizeof(head) - 1, *e) == -EFAULT || !shim_env_is_hidden(head))
			continue;
		char *at = put(v, prefix, "");

		if (!at)
			return -E2BIG;
		int r = shim_string(at + sizeof(prefix) - 1, CHANGED_ROOM - sizeof(prefix), *e);

		if (r < 0)
			return r == -ENAMETOOLONG ? -E2BIG : r;
		*e = (uintptr_t)at;
	}
	v->n += n;
	v->word[v->n++] = 0;
	return 0;
}

bool shim_env_is_hidden(const char *entry)
{
	return !strncmp(entry, "LD_", 3) || !strncmp(entry, "GLIBC_TUNABLES=", 15);
}

int shim_exec_words(struct exec_words *v, const char *path, uint64_t argv, uint64_t envp, const uint64_t *mask)
{
	int64_t n = shim_count_strings(argv), n_env = shim_count_strings(envp);
	int r;

	v->word = NULL;
	if (n < 0 || n_env < 0)
		return (int)(n < 0 ? n : n_env);
	r = words_map(v, OWN_ARGS + (size_t)n + (size_t)n_env + 4);
	if (r)
		return r;
	r = own_args(v, mask);
	if (!r)
		r = put_arg(v, path, "");
	if (!r && !n)
		r = put_arg(v, "", "");                 /* as Linux does since 5.18 */
	if (!r && n && emul_user_read(v->word + v->n, argv, (size_t)n * sizeof(*v->word)))
		r = -EFAULT;
	v->n += (size_t)n;
	v->word[v->n++] = 0;
	v->env = v->word + v->n;
	return r ? r : add_environment(v, envp, (size_t)n_env);
}

/* ---- which file, and what is it --------------------------------------------------------------------------- */

static bool keeps_privileges(const struct stat *st)
{
	return (st->st_mode & S_ISUID && st->st_uid != (uint32_t)raw0(SYS_geteuid)) ||
	       (st->st_mode & S_ISGID && st->st_mode & S_IXGRP && st->st_gid != (uint32_t)raw0(SYS_getegid));
}

/* May it be executed?  Answers of execve(2) that depend on the file alone; *ret_kind when it can be read. */
static int check_file(const char *path, int flags, enum shim_program *ret_kind, bool *ret_privileged)
{
	struct stat st;
	int fd = (int)raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags, 0);
	int r = 0;

	*ret_kind = PROGRAM_OTHER;
	if (fd == -EACCES)              /* it may be executable without being readable */
		return (int)raw3(SYS_faccessat, AT_FDCWD, path, X_OK) ? -EACCES : 0;
	if (fd < 0)
		return fd;
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (raw2(SYS_fstat, fd, &st) || !S_ISREG(st.st_mode) || raw2(SYS_access, self, X_OK))
		r = -EACCES;
	else
		*ret_kind = shim_program_kind(fd);
	*ret_privileged = !r && keeps_privileges(&st);
	if (*ret_kind == PROGRAM_NONE)
		r = -ENOEXEC;
	raw1(SYS_close, fd);
	return r;
}

/* The directory may close on exec, so its name has to do. */
static int below_directory(int dirfd, const char *path, char full[PATH_ROOM + 32])
{
	char link[32], dir[PATH_ROOM];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dirfd);
	long n = raw3(SYS_readlink, link, dir, sizeof(dir) - 1);

	if (n < 0)
		return n == -ENOENT ? -EBADF : (int)n;
	dir[n] = '\0';
	return snprintf(full, PATH_ROOM + 32, "%s/%s", dir, path) < PATH_ROOM + 32 ? 0 : -ENAMETOOLONG;
}

static int full_path(int dirfd, const char *path, int flags, char full[PATH_ROOM + 32])
{
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (shim_path(dirfd, path) == PATH_EXE)
		snprintf(full, PATH_ROOM + 32, "%s", shim_config.exe);
	else if (!*path && flags & AT_EMPTY_PATH)
		snprintf(full, PATH_ROOM + 32, "/proc/self/fd/%d", dirfd);
	else if (dirfd == AT_FDCWD || *path == '/')
		snprintf(full, PATH_ROOM + 32, "%s", path);
	else
		return below_directory(dirfd, path, full);
	return 0;
}

/* A program that is named by an fd, which may close on exec: another one for it, which sgxctl-exec closes. */
static int keep_fd(const char *full, char path[PATH_ROOM + 32])
{
	int fd, end = 0;

	if (sscanf(full, "/proc/self/fd/%d%n", &fd, &end) != 1 || full[end])
		return -1;
	long to = raw3(SYS_fcntl, fd, F_DUPFD, 3);

	if (to < 0)
		return -1;
	snprintf(path, PATH_ROOM + 32, "/proc/self/fd/%d", (int)to);
	return (int)to;
}

int shim_exec_prepare(int dirfd, const char *path, int flags, uint64_t argv, uint64_t envp, const uint64_t *mask,
		      struct exec_words *v)
{
	char full[PATH_ROOM + 32];
	enum shim_program kind;
	bool privileged = false;
	int r = -EFAULT;

	*v = (struct exec_words){ .fd = -1 };
	if (shim_path_readable(path, SHIM_NOT_ASKED))
		r = full_path(dirfd, path, flags, full);
	if (!r)
		r = check_file(full, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0, &kind, &privileged);
	/* a static program's filter is over us: no privileges to be had, and no way past the helper */
	if (!shim_has_own_libc && (r || kind != PROGRAM_FOR_HELPER || privileged || !shim_config.text[0] ||
				   raw2(SYS_access, shim_config.helper, X_OK)))
		return 0;
	if (r)
		return r;
	v->fd = keep_fd(full, full);
	r = shim_exec_words(v, full, argv, envp, mask);
	if (r)
		shim_exec_words_free(v);
	return r ? r : 1;
}
