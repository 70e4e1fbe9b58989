/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device survives exec: whatever environment the program gives to the next one, LD_PRELOAD and SGXCTL_RUN are in
 * it.  libc's variants of exec call each other inside, so each is taken over.
 *
 * Context: also a vfork child, so there is no malloc here; what is mapped for a changed environment goes with the
 * exec, or stays with the parent of a vfork.
 */
#include <spawn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "emul/raw.h"
#include "shim/shim.h"

#define LIBRARY "libsgxemu.so"

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

/* The environment with our two variables; unchanged when they are there, or when memory is short. */
static struct env with_device(char *const *envp)
{
	struct env e = { .p = envp };
	const char *preload = NULL, *run = NULL;
	size_t n = 0, k = 0;

	if (!shim_config.text[0])
		return e;
	for (; envp && envp[n]; n++) {
		if (starts(envp[n], "LD_PRELOAD="))
			preload = envp[n] + strlen("LD_PRELOAD=");
		else if (starts(envp[n], SHIM_ENV "="))
			run = envp[n];
	}
	/* emptied: the next program is to be without the device */
	if (run && !run[sizeof(SHIM_ENV)])
		return e;
	bool has = preload && strstr(preload, LIBRARY);

	if (has && run)
		return e;
	size_t text = preload && !has ? strlen(shim_config.preload) + 1 + strlen(preload) + 1 : 0;

	e.bytes = (n + 3) * sizeof(char *) + text;
	e.map = map_room(e.bytes);
	if (!e.map)
		return e;
	char **to = e.map;
	char *joined = (char *)(to + n + 3);

	for (size_t i = 0; i < n; i++)
		if ((has || !starts(envp[i], "LD_PRELOAD=")) && !starts(envp[i], SHIM_ENV "="))
			to[k++] = envp[i];
	to[k++] = shim_config.text;
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

static int gone_wrong(const struct env *e, int r)
{
	int was = errno;

	if (e->map)
		raw2(SYS_munmap, e->map, e->bytes);
	errno = was;
	return r;
}

HOOK int execve(const char *path, char *const argv[], char *const envp[])
{
	struct env e = with_device(envp);

	return gone_wrong(&e, NEXT(execve)(path, argv, e.p));
}

HOOK int execv(const char *path, char *const argv[])
{
	return execve(path, argv, environ);
}

HOOK int execvpe(const char *file, char *const argv[], char *const envp[])
{
	struct env e = with_device(envp);

	return gone_wrong(&e, NEXT(execvpe)(file, argv, e.p));
}

HOOK int execvp(const char *file, char *const argv[])
{
	return execvpe(file, argv, environ);
}

HOOK int fexecve(int fd, char *const argv[], char *const envp[])
{
	struct env e = with_device(envp);

	return gone_wrong(&e, NEXT(fexecve)(fd, argv, e.p));
}

HOOK int execveat(int dirfd, const char *path, char *const argv[], char *const envp[], int flags)
{
	struct env e = with_device(envp);

	return gone_wrong(&e, (int)shim_ret(raw6(SYS_execveat, dirfd, path, argv, e.p, flags, 0)));
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

HOOK int posix_spawn(pid_t *restrict pid, const char *restrict path,
		     const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr,
		     char *const argv[restrict], char *const envp[restrict])
{
	struct env e = with_device(envp);

	return gone_wrong(&e, NEXT(posix_spawn)(pid, path, actions, attr, argv, e.p));
}

HOOK int posix_spawnp(pid_t *restrict pid, const char *restrict file,
		      const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr,
		      char *const argv[restrict], char *const envp[restrict])
{
	struct env e = with_device(envp);

	return gone_wrong(&e, NEXT(posix_spawnp)(pid, file, actions, attr, argv, e.p));
}
