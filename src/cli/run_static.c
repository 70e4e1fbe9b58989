/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl run of a static program: becomes sgxctl-exec, which becomes the program. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/place.h"
#include "cli/cli.h"
#include "cli/run.h"

#define MAX_OPTIONS 6

#define PREFIX "SGXCTL_"

/*
 * What the environment says to dynamic loaders is for the program, not for sgxctl-exec, which takes the prefix off.
 * The strings live as long as this process: until the exec.
 */
static int hide_loader_variables(struct err *e)
{
	for (char **p = environ; *p; p++) {
		char *hidden;

		if (strncmp(*p, "LD_", 3) && strncmp(*p, "GLIBC_TUNABLES=", 15))
			continue;
		if (asprintf(&hidden, PREFIX "%s", *p) < 0)
			return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the environment");
		*p = hidden;
	}
	return 0;
}

int run_static(const struct run_target *t, char **argv, const struct run_static_opts *o, struct err *e)
{
	CLEANUP(cleanup_free) char *helper = place_find("SGXCTL_EXEC", "sgxctl-exec", PKGLIBEXECDIR "/sgxctl-exec");
	char cpuid[32];
	size_t n = 0, k = 0;

	while (argv[n])
		n++;
	CLEANUP(cleanup_free) const char **v = calloc(n + MAX_OPTIONS, sizeof(*v));

	if (!v || !helper) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the arguments");
		return RUN_FAILED;
	}
	snprintf(cpuid, sizeof(cpuid), "--cpuid=%s", o->cpuid ? o->cpuid : "auto");
	v[k++] = "sgxctl-exec";
	v[k++] = cpuid;
	if (o->probe)
		v[k++] = "--probe";
	v[k++] = t->path;
	for (size_t i = 0; i < n; i++)
		v[k++] = argv[i];
	if (hide_loader_variables(e) < 0)
		return RUN_FAILED;
	execv(helper, (char **)(uintptr_t)v);
	err_set(e, ERR_UNSUPPORTED, errno, "'%s' cannot be run", helper);
	return RUN_FAILED;
}
