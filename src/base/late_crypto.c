/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * See late_crypto.h.  The names are hidden: a program that has a libcrypto of its own, which it may offer to all, does not
 * meet these, and these do not meet that.
 *
 * Authority: dlopen(3), dlsym(3); System V ABI, AMD64 Supplement (a jump leaves arguments where they are).
 */
#include "config.h"

#include <dlfcn.h>
#include <string.h>

#include "base/late_crypto.h"

#define LATE(fn) LATE_##fn,
enum {
#include "base/late_crypto.def"
	N_FUNCTIONS
};
#undef LATE

/* One after the other, each with its NUL: a table of pointers would be relocated at each start. */
static const char names[] =
#define LATE(fn) #fn "\0"
#include "base/late_crypto.def"
	;
#undef LATE

extern void *late_crypto_functions[N_FUNCTIONS] __attribute__((visibility("hidden")));
void *late_crypto_functions[N_FUNCTIONS];

#define LATE(fn) \
	".globl " #fn "\n.hidden " #fn "\n.type " #fn ", @function\n" #fn ":\n" \
	"endbr64\njmp *late_crypto_functions + 8 * late_crypto_index(%rip)\n.size " #fn ", . - " #fn "\n" \
	".set late_crypto_index, late_crypto_index + 1\n"
__asm__(".pushsection .text\n.set late_crypto_index, 0\n"
#include "base/late_crypto.def"
	".popsection\n");
#undef LATE

const char *late_crypto_load(void)
{
	const char *name = names;
	void *found[N_FUNCTIONS], *lib;

	if (__atomic_load_n(&late_crypto_functions[N_FUNCTIONS - 1], __ATOMIC_ACQUIRE))
		return NULL;
	lib = dlopen(CRYPTO_SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return dlerror();
	for (size_t i = 0; i < N_FUNCTIONS; i++, name += strlen(name) + 1) {
		found[i] = dlsym(lib, name);
		if (!found[i])
			return dlerror();
	}
	/* the last one says that all are there */
	for (size_t i = 0; i < N_FUNCTIONS; i++)
		__atomic_store_n(&late_crypto_functions[i], found[i], __ATOMIC_RELEASE);
	return NULL;
}
