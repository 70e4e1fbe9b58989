/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl run: what is known of the program before it is run (run_target.c). */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>

#include "base/err.h"

/* As env(1), timeout(1) and their like say it; everything else is the program's own. */
enum { RUN_FAILED = 125, RUN_NOT_EXECUTABLE = 126, RUN_NOT_FOUND = 127 };

enum run_linking { RUN_DYNAMIC, RUN_STATIC, RUN_MUSL, RUN_OTHER_LIBC, RUN_OTHER_MACHINE, RUN_NOT_ELF, RUN_PRIVILEGED };

struct run_target {
	char path[4096];        /* the file that exec gets */
	char interpreter[256];  /* of a script: the program that reads it, which is what counts below; else empty */
	char loader[256];       /* PT_INTERP */
	char sanitizer[256];    /* the libasan or libtsan that must be loaded first; else empty */
	enum run_linking linking;
};

/* 0, or the exit status with e filled. */
int run_target_find(const char *word, struct run_target *t, struct err *e);

/* run_static.c: does not come back, or gives the exit status with e filled. */
struct run_static_opts {
	const char *cpuid;      /* as sgxctl-exec understands it, or NULL */
	bool probe;
};
int run_static(const struct run_target *t, char **argv, const struct run_static_opts *o, struct err *e);

#endif
