/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsgxemu.so: the emulated device under a program that nobody changed.  `sgxctl run` has it loaded before the
 * program's own libraries; it takes over the libc functions through which a program meets /dev/sgx_enclave and the
 * signals, and hands what concerns enclaves to emul/.  Programs that never touch SGX get libc's functions back at
 * the price of a comparison: the emulator is set up when the device is first opened or its fd first used.
 *
 * The emulator's own system calls never come back here: the link renames them (under.c).
 *
 * Context: any function here may be called before constructors, from signal handlers, and in a vfork child.
 */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emul/emul.h"

#define HOOK __attribute__((visibility("default")))

/*
 * The function that the program would have reached without us.  Sought once, with all others, when the library is
 * loaded; sanitizers call hooks before that.
 */
#define NEXT(fn) ({ \
	static __typeof__(&fn) next_; \
	if (!next_) \
		next_ = (__typeof__(&fn))shim_next(#fn); \
	next_; })
void *shim_next(const char *name);

/* The libc way of saying -errno. */
static inline long shim_ret(long r)
{
	if (r >= 0 || r < -4095)
		return r;
	errno = (int)-r;
	return -1;
}

/* Names of the nodes whose numbers programs see: character devices, major 10. */
#define SHIM_MISC_MAJOR      10
#define SHIM_ENCLAVE_MINOR   125
#define SHIM_PROVISION_MINOR 126

/* ---- config.c, setup.c: what `sgxctl run` asked for --------------------------------------------------- */

#define SHIM_ENV "SGXCTL_RUN"
#define SHIM_ENV_UNLISTED "SGXCTL_UNLISTED"

struct shim_config {
	struct emul_config emul;
	const char *trace;              /* absolute path, or NULL */
	int summary_fd;                 /* -1: none */
	int root_pid;                   /* who prints the summary */
	char state[4096];               /* state directory where enclaves are listed; empty: they are not */
	const char *program;            /* path of the program; NULL: /proc/self/exe says it */
	char text[8704];                /* the variable, as the children need it */
	char preload[4352];             /* "LD_PRELOAD=..." with which we were loaded */
};
extern struct shim_config shim_config;
void shim_config_parse(const char *text);       /* the variable's value, which must stay */
bool shim_on(void);             /* the emulator runs in this process */
bool shim_owner(void);          /* this is the process it runs for, no vfork child of it */
int shim_start(void);           /* sees to it: 0 or -errno */
void shim_ended(void);          /* the process is about to end */

/* ---- paths.c ---------------------------------------------------------------------------------------- */

enum shim_path {
	PATH_OTHER, PATH_ENCLAVE, PATH_PROVISION, PATH_DEV_SGX,
	PATH_MAPS, PATH_AUXV, PATH_CPUINFO, PATH_EPC_SIZE,
};
enum shim_path shim_path(int dirfd, const char *path);
/* An fd on the text that the file has here, -errno, or -ENOSYS: the real file will do. */
int shim_text_open(enum shim_path kind, int flags);

/* ---- vdso.c ----------------------------------------------------------------------------------------- */

void shim_vdso_setup(char **envp);
void shim_vdso_redirect(void);  /* the real image, for those who find it by other ways */
const void *shim_auxv(size_t *ret_bytes);

/* ---- signals.c -------------------------------------------------------------------------------------- */

void shim_signals_adopt_libc(void);
void shim_signals_adopt(void);  /* handlers that were installed before the emulator ran */

/* ---- cpuid_dynamic.c --------------------------------------------------------------------------------- */

void shim_cpuid_setup(void);    /* CPUID of the program shows SGX where its instructions can be found */

/* ---- listed.c ---------------------------------------------------------------------------------------- */

void shim_listed_setup(void);   /* enclaves of this process appear in `sgxctl list` from now on */
void shim_listed_end(void);     /* the process ends: what nobody else uses goes */
bool shim_listed_owns(int fd);  /* our file, which the program does not know of */

/* ---- trace.c ---------------------------------------------------------------------------------------- */

extern bool shim_traced;        /* anybody wants to know */
void shim_trace_setup(void);
void shim_trace_ioctl(int fd, unsigned long cmd, const void *arg, long result);
void shim_trace_map(const char *call, uint64_t la, uint64_t bytes, int prot, int64_t result);
void shim_trace_open(const char *path, int result);

#endif
