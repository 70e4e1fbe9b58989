/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dlopen brings text that may make system calls of its own, and dlsym finds __vdso_sgx_enter_enclave in the vDSO also
 * where the kernel's does not have it.
 *
 * Both functions of libc look at who called: dl_hook.S goes on to them so that this is the program.  Only a library that is
 * named by a path without tokens is loaded from here, and looked at when it is there; one that is searched for is looked
 * at when the program asks for its first symbol.
 * Authority: dlopen(3), dlsym(3); ld.so(8), "Dynamic string tokens".
 */
#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "shim/shim.h"

#define ENTER "__vdso_sgx_enter_enclave"
#define VDSO  "linux-vdso.so.1"

typedef void *dlsym_fn(void *handle, const char *name);
typedef void *dlopen_fn(const char *file, int mode);

/* Never found through dlsym, which is ours. */
void *shim_real_dlsym, *shim_real_dlopen;

static void *find_real(const char *name)
{
	void *p = dlvsym(RTLD_NEXT, name, "GLIBC_2.34");

	return p ? p : dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5");
}

void *shim_next(const char *name)
{
	if (!shim_real_dlsym)
		shim_real_dlsym = find_real("dlsym");
	return ((dlsym_fn *)shim_real_dlsym)(RTLD_NEXT, name);
}

void shim_dl_prepare(void);
void *shim_dlsym(void *handle, const char *name);
void *shim_dlopen(const char *file, int mode, bool *ret_done);

void shim_dl_prepare(void)
{
	if (!shim_real_dlsym)
		shim_real_dlsym = find_real("dlsym");
	if (!shim_real_dlopen)
		shim_real_dlopen = find_real("dlopen");
}

/* NULL: libc's dlsym shall answer. */
void *shim_dlsym(void *handle, const char *name)
{
	shim_dl_prepare();
	shim_text_again();
	if (handle == RTLD_DEFAULT || handle == RTLD_NEXT || !name || strcmp(name, ENTER))
		return NULL;
	void *vdso = ((dlopen_fn *)shim_real_dlopen)(VDSO, RTLD_LAZY | RTLD_NOLOAD);

	if (vdso)
		dlclose(vdso);
	return vdso && handle == vdso ? (void *)emul_vdso_enter : NULL;
}

void *shim_dlopen(const char *file, int mode, bool *ret_done)
{
	shim_dl_prepare();
	*ret_done = file && strchr(file, '/') && !strchr(file, '$');
	if (!*ret_done)
		return NULL;
	void *h = ((dlopen_fn *)shim_real_dlopen)(file, mode);

	if (h)
		shim_text_again();
	return h;
}

/* ---- dl_iterate_phdr ------------------------------------------------------------------------------------------- */

struct visit {
	int (*fn)(struct dl_phdr_info *, size_t, void *);
	void *data;
};

static int visit(struct dl_phdr_info *o, size_t bytes, void *arg)
{
	struct visit *v = arg;
	struct dl_phdr_info ours = *o;

	/* not by its name: sanitizers come here before their strcmp works */
	if (!shim_vdso_replaces(&ours))
		return v->fn(o, bytes, v->data);
	return v->fn(&ours, bytes < sizeof(ours) ? bytes : sizeof(ours), v->data);
}

/* Where the kernel's vDSO lacks the function, those who look for it among the loaded objects find ours in its place. */
HOOK int dl_iterate_phdr(int (*fn)(struct dl_phdr_info *, size_t, void *), void *data)
{
	struct visit v = { fn, data };

	return NEXT(dl_iterate_phdr)(visit, &v);
}
