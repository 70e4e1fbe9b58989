/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec by a static program: through sgxctl-exec, which decides what the new program needs.  The filter stays over an
 * exec and nothing of the emulator does, so the kernel must not load a static program by itself.
 *
 * What can be refused is refused here, while there is a program to tell.
 * Authority: Linux 6.1 fs/exec.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/static_exec.h"

#define MAX_STRINGS  ((uint64_t)1 << 20)
#define OWN_ARGS     10
#define LONG_OPTION  8768
#define PATH_ROOM    4096
#define MAX_CHANGED  16u
#define CHANGED_ROOM 8192u

static const char *const kernels[] = { "rfc", "upstream", "fixed" };
static const char *const cpuids[] = { "auto", "off", "fault", "rewrite" };

/* Strings in a vector of the program's, or -errno. */
static int64_t count_strings(uint64_t addr)
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

/* May it be executed?  Answers of execve(2) that depend on the file alone. */
static int check_file(int dirfd, const char *path, int flags)
{
	struct stat st;
	int fd = (int)raw4(SYS_openat, dirfd, path, O_RDONLY | O_CLOEXEC | flags, 0);
	int r = 0;

	if (fd == -EACCES)              /* it may be executable without being readable */
		return (int)raw3(SYS_faccessat, dirfd, path, X_OK) ? -EACCES : 0;
	if (fd < 0)
		return fd;
	char self[32];

	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (raw2(SYS_fstat, fd, &st) || !S_ISREG(st.st_mode) || raw2(SYS_access, self, X_OK))
		r = -EACCES;
	char head[4] = "";

	if (!r && raw4(SYS_pread64, fd, head, sizeof(head), 0) >= 0 && memcmp(head, "\177ELF", 4) &&
	    memcmp(head, "#!", 2))
		r = -ENOEXEC;
	raw1(SYS_close, fd);
	return r;
}

bool static_env_travels(const char *entry)
{
	return !strncmp(entry, "LD_", 3) || !strncmp(entry, "GLIBC_TUNABLES=", 15);
}

/* What is handed to execve: pointers, and the strings that had to be changed. */
struct vectors {
	uint64_t *word;
	size_t n, capacity;
	char *text;
	size_t bytes;           /* of the mapping */
};

static int vectors_map(struct vectors *v, size_t words)
{
	size_t table = words * sizeof(uint64_t);

	v->bytes = table + MAX_CHANGED * CHANGED_ROOM;
	v->word = mmap(NULL, v->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (v->word == MAP_FAILED)
		return -ENOMEM;
	v->n = 0;
	v->text = (char *)v->word + table;
	v->capacity = MAX_CHANGED;
	return 0;
}

/* The program's environment, with prefixes where they are needed.  Strings that cannot be read are the kernel's. */
static int add_environment(struct vectors *v, uint64_t envp, size_t n)
{
	static const char prefix[] = STATIC_ENV_PREFIX;

	if (n && emul_user_read(v->word + v->n, envp, n * sizeof(uint64_t)))
		return -EFAULT;
	for (size_t i = 0; i < n; i++) {
		uint64_t *e = &v->word[v->n + i];
		char head[16] = "";

		if (static_string(head, sizeof(head) - 1, *e) == -EFAULT || !static_env_travels(head))
			continue;
		if (!v->capacity--)
			return -E2BIG;
		memcpy(v->text, prefix, sizeof(prefix) - 1);
		int r = static_string(v->text + sizeof(prefix) - 1, CHANGED_ROOM - sizeof(prefix), *e);

		if (r < 0)
			return r == -ENAMETOOLONG ? -E2BIG : r;
		*e = (uintptr_t)v->text;
		v->text += CHANGED_ROOM;
	}
	v->n += n;
	v->word[v->n++] = 0;
	return 0;
}

struct own_args {
	char mask[32], epc[40], run[LONG_OPTION], preload[LONG_OPTION];
	const char *argv[OWN_ARGS];
	size_t n;
};

static void own_args(struct own_args *o, const struct static_call *c, char kernel[32], char cpuid[32])
{
	const struct emul_config *e = &static_config.emul;
	uint64_t mask;

	memcpy(&mask, &c->uc->uc_sigmask, sizeof(mask));
	mask |= native_held();
	snprintf(o->mask, sizeof(o->mask), "--mask=%llx", (unsigned long long)mask);
	snprintf(o->epc, sizeof(o->epc), "--epc-pages=%llu", (unsigned long long)e->epc_pages);
	snprintf(kernel, 32, "--kernel=%s", kernels[e->kernel]);
	snprintf(cpuid, 32, "--cpuid=%s", cpuids[static_config.cpuid]);
	o->n = 0;
	o->argv[o->n++] = "sgxctl-exec";
	o->argv[o->n++] = o->mask;
	o->argv[o->n++] = o->epc;
	o->argv[o->n++] = kernel;
	o->argv[o->n++] = cpuid;
	if (e->no_sgx2)
		o->argv[o->n++] = "--no-sgx2";
	if (static_config.run && snprintf(o->run, sizeof(o->run), "--run=%s", static_config.run) < LONG_OPTION)
		o->argv[o->n++] = o->run;
	if (static_config.preload &&
	    snprintf(o->preload, sizeof(o->preload), "--preload=%s", static_config.preload) < LONG_OPTION)
		o->argv[o->n++] = o->preload;
}

static long restart(struct static_call *c, const char *path, uint64_t argv, uint64_t envp)
{
	int64_t n = count_strings(argv), n_env = count_strings(envp);
	char kernel[32], cpuid[32];
	struct own_args own;
	struct vectors v;
	long r = 0;

	if (n < 0 || n_env < 0)
		return n < 0 ? n : n_env;
	own_args(&own, c, kernel, cpuid);
	if (vectors_map(&v, own.n + (size_t)n + (size_t)n_env + 4))
		return -ENOMEM;
	if (static_is_vfork_child()) {
		static_self.exec_buf = v.word;
		static_self.exec_bytes = v.bytes;
	}
	memcpy(v.word, own.argv, own.n * sizeof(*v.word));
	v.n = own.n;
	v.word[v.n++] = (uintptr_t)path;
	if (n)
		r = emul_user_read(v.word + v.n, argv, (size_t)n * sizeof(*v.word));
	else
		v.word[v.n++] = (uintptr_t)"";          /* as Linux does since 5.18 */
	v.n += (size_t)n;
	v.word[v.n++] = 0;
	uint64_t *env = v.word + v.n;

	if (!r)
		r = add_environment(&v, envp, (size_t)n_env);
	if (!r)
		r = raw3(SYS_execve, static_config.own_path, v.word, env);
	munmap(v.word, v.bytes);
	static_self.exec_buf = NULL;
	return r;
}

long static_call_exec(struct static_call *c, long nr)
{
	bool at = nr == SYS_execveat;
	int dirfd = at ? (int)c->a[0] : AT_FDCWD, flags = at ? (int)c->a[4] : 0, r;
	uint64_t argv = c->a[1 + at], envp = c->a[2 + at];
	char path[PATH_ROOM], full[PATH_ROOM + 32];

	r = static_string(path, sizeof(path), c->a[at]);
	if (r < 0)
		return r;
	if (flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW))
		return -EINVAL;
	if (!strcmp(path, "/proc/self/exe"))
		snprintf(full, sizeof(full), "%s", static_config.path);
	else if (!*path && flags & AT_EMPTY_PATH)
		snprintf(full, sizeof(full), "/proc/self/fd/%d", dirfd);
	else if (dirfd == AT_FDCWD || *path == '/')
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "/proc/self/fd/%d/%s", dirfd, path);
	r = check_file(AT_FDCWD, full, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	return r ? r : restart(c, full, argv, envp);
}
