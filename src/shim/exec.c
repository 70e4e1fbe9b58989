/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device survives exec: whatever environment the program gives to the next one, LD_PRELOAD and SGXCTL_RUN are in
 * it.  libc's variants of exec call each other inside, so each is taken over.
 *
 * Context: also a vfork child, so there is no malloc here; what is mapped for a changed environment goes with the
 * exec, or stays with the parent of a vfork.
 */
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/exec.h"
#include "shim/shim.h"

#define LIBRARY   "libsgxemu.so"
#define PATH_ROOM 4096

struct env {
	char *const *p;         /* what to hand over */
	void *map;
	size_t bytes;
};

static void *map_room(size_t bytes)
{
	long r = raw6(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return r < 0 && r > -4096 ? NULL : (void *)r;
}

static bool starts(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/*
 * The environment with our variables; unchanged when they are there, when memory is short, and when it cannot be read, which
 * the kernel says better.
 */
static struct env with_device(char *const *envp)
{
	struct env e = { .p = envp };
	const char *preload = NULL, *run = NULL, *helper = shim_config.helper_env[0] ? NULL : "";
	size_t n = 0, k = 0;

	if (!shim_config.text[0] || !shim_strings_readable(envp))
		return e;
	for (; envp && envp[n]; n++) {
		if (starts(envp[n], "LD_PRELOAD="))
			preload = envp[n] + strlen("LD_PRELOAD=");
		else if (starts(envp[n], SHIM_ENV "="))
			run = envp[n];
		else if (starts(envp[n], SHIM_ENV_HELPER "="))
			helper = envp[n];
	}
	/* emptied: the next program is to be without the device */
	if (run && !run[sizeof(SHIM_ENV)])
		return e;
	bool has = preload && strstr(preload, LIBRARY);

	if (has && run && helper)
		return e;
	size_t text = preload && !has ? strlen(shim_config.preload) + 1 + strlen(preload) + 1 : 0;

	e.bytes = (n + 4) * sizeof(char *) + text;
	e.map = map_room(e.bytes);
	if (!e.map)
		return e;
	char **to = e.map;
	char *joined = (char *)(to + n + 4);

	for (size_t i = 0; i < n; i++)
		if ((has || !starts(envp[i], "LD_PRELOAD=")) && !starts(envp[i], SHIM_ENV "="))
			to[k++] = envp[i];
	to[k++] = shim_config.text;
	if (!helper)
		to[k++] = shim_config.helper_env;
	if (text) {
		size_t ours = strlen(shim_config.preload);

		memcpy(joined, shim_config.preload, ours);
		joined[ours] = ':';
		strcpy(joined + ours + 1, preload);
		to[k++] = joined;
	} else if (!has) {
		to[k++] = shim_config.preload;
	}
	to[k] = NULL;
	e.p = to;
	return e;
}

static void drop(const struct env *e)
{
	if (e->map)
		raw2(SYS_munmap, e->map, e->bytes);
}

/* What the program believes blocked stays blocked over an exec: for once, really. */
static void block_held(int how)
{
	uint64_t held = shim_on() ? emul_sigmask_held() : 0;

	if (held)
		raw4(SYS_rt_sigprocmask, how, &held, NULL, sizeof(held));
}

/* What is static goes through sgxctl-exec. */
static long exec_file(int dirfd, const char *path, int flags, uint64_t argv, uint64_t envp)
{
	struct exec_words v;
	long r = shim_exec_prepare(dirfd, path, flags, argv, envp, NULL, &v);

	if (r < 0)
		return r;
	block_held(SIG_BLOCK);
	if (r) {
		r = raw3(SYS_execve, shim_config.helper, v.word, v.env);
		shim_exec_words_free(&v);
	} else {
		struct env e = with_device((char *const *)envp);

		r = dirfd == AT_FDCWD && !flags ? raw3(SYS_execve, path, argv, e.p) :
						  raw6(SYS_execveat, dirfd, path, argv, e.p, flags, 0);
		drop(&e);
	}
	block_held(SIG_UNBLOCK);
	return r;
}

long shim_call_exec(struct shim_call *c)
{
	bool at = c->nr == SYS_execveat;
	uint64_t argv = c->a[1 + at], envp = c->a[2 + at];
	char path[PATH_ROOM];

	if (shim_string(path, sizeof(path), c->a[at]) < 0)
		return SHIM_NATIVE;
	return exec_file(at ? (int)c->a[0] : AT_FDCWD, path, at ? (int)c->a[4] : 0, argv, envp);
}

HOOK int execve(const char *path, char *const argv[], char *const envp[])
{
	return (int)shim_ret(exec_file(AT_FDCWD, path, 0, (uintptr_t)argv, (uintptr_t)envp));
}

HOOK int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

static bool is_static_file(const char *path)
{
	long fd = raw4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);

	if (fd < 0)
		return false;
	enum shim_program kind = shim_program_kind((int)fd);

	raw1(SYS_close, fd);
	return kind == PROGRAM_FOR_HELPER;
}

/* The first that can be executed, as execvp(3) looks for it; that one may be static. */
static bool find_static(const char *file, char *path, size_t room)
{
	const char *dirs = getenv("PATH");

	if (!*file || strchr(file, '/'))
		return false;
	for (const char *d = dirs ? dirs : "/bin:/usr/bin";; d = strchr(d, ':') + 1) {
		int n = (int)strcspn(d, ":");

		if ((size_t)snprintf(path, room, "%.*s%s%s", n, d, n ? "/" : "", file) < room &&
		    !raw2(SYS_access, path, X_OK))
			return is_static_file(path);
		if (!strchr(d, ':'))
			return false;
	}
}

HOOK int execvpe(const char *file, char *const argv[], char *const envp[])
{
	char path[PATH_ROOM];

	if (strchr(file, '/') ? is_static_file(file) : find_static(file, path, sizeof(path)))
		return execve(strchr(file, '/') ? file : path, argv, envp);
	struct env e = with_device(envp);

	block_held(SIG_BLOCK);
	int r = NEXT(execvpe)(file, argv, e.p), was = errno;

	block_held(SIG_UNBLOCK);
	drop(&e);
	errno = was;
	return r;
}

HOOK int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

HOOK int fexecve(int fd, char *const argv[], char *const envp[])
{
	if (fd < 0)
		return (int)shim_ret(-EINVAL);
	return (int)shim_ret(exec_file(fd, "", AT_EMPTY_PATH, (uintptr_t)argv, (uintptr_t)envp));
}

HOOK int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)shim_ret(exec_file(dirfd, path, flags, (uintptr_t)argv, (uintptr_t)envp));
}

/* ---- the variants with a list of arguments --------------------------------------------------------------- */

struct args {
	char **p;
	size_t bytes;
};

/* first, then those of ap up to the null; ap is left behind it */
static bool collect(struct args *a, const char *first, va_list *ap)
{
	va_list count;
	size_t n = 1;

	va_copy(count, *ap);
	if (first)
		while (va_arg(count, char *))
			n++;
	va_end(count);
	a->bytes = (n + 1) * sizeof(char *);
	a->p = map_room(a->bytes);
	if (!a->p)
		return false;
	a->p[0] = (char *)(uintptr_t)first;
	for (size_t i = 1; first && i <= n; i++)
		a->p[i] = va_arg(*ap, char *);
	return true;
}

#define EXEC_LIST(call, first) ({ \
	struct args a_; \
	va_list ap_; \
	int r_ = -1; \
	va_start(ap_, first); \
	if (collect(&a_, first, &ap_)) { \
		r_ = call; \
		int was_ = errno; \
		raw2(SYS_munmap, a_.p, a_.bytes); \
		errno = was_; \
	} else { \
		errno = ENOMEM; \
	} \
	va_end(ap_); \
	r_; })

HOOK int execl(const char *path, const char *arg, ...)
{
	return EXEC_LIST(execve(path, a_.p, environ), arg);
}

HOOK int execlp(const char *file, const char *arg, ...)
{
	return EXEC_LIST(execvpe(file, a_.p, environ), arg);
}

HOOK int execle(const char *path, const char *arg, ...)
{
	return EXEC_LIST(execve(path, a_.p, va_arg(ap_, char *const *)), arg);
}

/* ---- posix_spawn ----------------------------------------------------------------------------------------- */

typedef int spawn_fn(pid_t *restrict, const char *restrict, const posix_spawn_file_actions_t *restrict,
		     const posix_spawnattr_t *restrict, char *const[restrict], char *const[restrict]);

/* A relative path is looked at from here, before the actions: after a chdir among them the kernel's answer counts. */
static int spawn(spawn_fn *next, pid_t *pid, const char *file, const char *path,
		 const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attr, char *const argv[],
		 char *const envp[])
{
	struct exec_words v;
	int r;

	if (path && shim_exec_prepare(AT_FDCWD, path, 0, (uintptr_t)argv, (uintptr_t)envp, NULL, &v) > 0) {
		r = NEXT(posix_spawn)(pid, shim_config.helper, actions, attr, (char *const *)v.word, (char *const *)v.env);
		shim_exec_words_free(&v);
		return r;
	}
	struct env e = with_device(envp);

	r = next(pid, file, actions, attr, argv, e.p);
	drop(&e);
	return r;
}

HOOK int posix_spawn(pid_t *restrict pid, const char *restrict path,
		     const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr,
		     char *const argv[restrict], char *const envp[restrict])
{
	return spawn(NEXT(posix_spawn), pid, path, path, actions, attr, argv, envp);
}

HOOK int posix_spawnp(pid_t *restrict pid, const char *restrict file,
		      const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr,
		      char *const argv[restrict], char *const envp[restrict])
{
	char path[PATH_ROOM];

	return spawn(NEXT(posix_spawnp), pid, file,
		     strchr(file, '/') ? file : find_static(file, path, sizeof(path)) ? path : NULL, actions, attr, argv,
		     envp);
}
