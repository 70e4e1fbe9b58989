/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ownership that ends with the scope: CLEANUP(fn) on a local, STEAL_* to hand the thing over.
 * Cleanups do not run on longjmp, and errno survives them.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Makes `namep`, a cleanup for a pointer local that `release` frees (release accepts NULL). */
#define DEFINE_CLEANUP_PTR(namep, type, release) \
	static inline void namep(type **p) \
	{ \
		int saved_errno_ = errno; \
		release(*p); \
		*p = NULL; \
		errno = saved_errno_; \
	}

/* The value of an owning pointer; the local no longer owns it. */
#define STEAL_PTR(p) __extension__({ \
	__typeof__(p) stolen_ = (p); \
	(p) = NULL; \
	stolen_; })

#define STEAL_FD(fd) __extension__({ \
	int stolen_ = (fd); \
	(fd) = -1; \
	stolen_; })

static inline void cleanup_free(void *p)
{
	int saved_errno = errno;

	free(*(void **)p);
	errno = saved_errno;
}

/* Closes once: on Linux the descriptor is gone even when close() reports EINTR. */
static inline void cleanup_close(const int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved_errno;
}

static inline void cleanup_fclose(FILE **f)
{
	int saved_errno = errno;

	if (*f)
		fclose(*f);
	errno = saved_errno;
}

#endif
