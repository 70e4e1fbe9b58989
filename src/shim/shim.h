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

/* The kernel's way of saying what libc said. */
static inline long shim_result(long r)
{
	return r < 0 ? -errno : r;
}

/* Names of the nodes whose numbers programs see: character devices, major 10. */
#define SHIM_MISC_MAJOR      10
#define SHIM_ENCLAVE_MINOR   125
#define SHIM_PROVISION_MINOR 126

/* ---- config.c: what `sgxctl run` asked for ------------------------------------------------------------ */

#define SHIM_ENV          "SGXCTL_RUN"
#define SHIM_ENV_HELPER   "SGXCTL_EXEC"
#define SHIM_ENV_UNLISTED "SGXCTL_UNLISTED"

#define SHIM_TEXT_ROOM    8704            /* for the variable, "SGXCTL_RUN=" and what is in it */

/* The texts are in memory of our own, kept close together: each page that a start touches costs every process. */
struct shim_config {
	struct emul_config emul;
	const char *trace;              /* absolute path, or NULL */
	int summary_fd;                 /* -1: none */
	int root_pid;                   /* who prints the summary */
	const char *helper;             /* sgxctl-exec, which runs static programs */
	const char *cpuid;              /* --cpuid for it, or NULL */
	/* each may be empty and is never NULL */
	char *state;                    /* state directory where enclaves are listed; empty: they are not */
	char *text;                     /* the variable, as the children need it */
	char *preload;                  /* "LD_PRELOAD=..." with which we were loaded */
	char *helper_env;               /* "SGXCTL_EXEC=...", where it is another than the installed one */
	char *exe;                      /* what /proc/self/exe is to name; empty: what it does */
};
extern struct shim_config shim_config;
void shim_config_read(char **envp);
void shim_config_take(const char *text, const char *preload);   /* values of the variables, or NULL */
void shim_config_helper(const char *path);              /* where it is, other than installed; too long: as it was */

/* ---- setup.c; static_main.c -------------------------------------------------------------------------- */

extern const bool shim_has_own_libc;    /* the program has another C library than the emulator: static programs */
bool shim_on(void);             /* the emulator runs in this process */
bool shim_owner(void);          /* this is the process it runs for, no vfork child of it */
void shim_forked(void);         /* this process is the owner now */
int shim_start(void);           /* sees to it: 0 or -errno */
void shim_say(const char *what, const char *detail);    /* to standard error; any context */

/* ---- paths.c ---------------------------------------------------------------------------------------- */

enum shim_path {
	PATH_OTHER, PATH_ENCLAVE, PATH_PROVISION, PATH_BELOW_NODE, PATH_DEV_SGX,
	PATH_EXE, PATH_MEM,
	PATH_MAPS, PATH_SMAPS, PATH_AUXV, PATH_CPUINFO, PATH_EPC_SIZE,
};
enum shim_path shim_path(int dirfd, const char *path);
/*
 * A path of the program's may be any pointer.  r is what the kernel said to a call with it, which reads it before anything
 * else happens: then this costs nothing.  SHIM_NOT_ASKED, and errors that leave it open: it is asked, by one more call.
 * False: there is nothing to be looked at, and what the kernel said, or will say, is right.
 */
#define SHIM_NOT_ASKED (-4095L)
bool shim_path_readable(const char *path, long r);
/* Can a vector of an exec be read, and all its strings?  NULL is an empty one. */
bool shim_strings_readable(char *const *v);
/* An fd on the text that the file has here, -errno, or -ENOSYS: the real file will do. */
int shim_text_open(enum shim_path kind, int flags);

/* ---- nodes.c: results are -errno; false: not ours; paths can be read ---------------------------------------- */

bool shim_open(int dirfd, const char *path, int flags, long *ret);
bool shim_access(int dirfd, const char *path, int mode, long *ret);
long shim_readlink(int dirfd, const char *path, char *buf, size_t room, long n);   /* n: the kernel's result */
struct stat;
struct statx;
bool shim_is_node(const struct stat *st);
bool shim_fstat(int fd, struct stat *st, long *ret);
bool shim_stat(int dirfd, const char *path, struct stat *st, int flags, long *ret);
bool shim_statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *stx, long *ret);
long shim_close(int fd);
long shim_close_range(unsigned int first, unsigned int last, unsigned int flags);
long shim_dup_onto(int fd, int to, int flags, bool dup3);
long shim_ioctl(int fd, unsigned long cmd, void *arg);
enum shim_path shim_fd_node(int fd);    /* PATH_ENCLAVE, PATH_PROVISION or PATH_OTHER; without a look at shim_fd_was_seen */
bool shim_is_hidden(int fd);    /* an fd that the program does not know of */

/* Fds that were a device's or /proc/self/mem once: others need no second look when they are read. */
#define SHIM_FDS_SEEN 1024
extern uint64_t shim_fds_seen[SHIM_FDS_SEEN / 64];
static inline void shim_fd_seen(int fd)
{
	if (fd >= 0 && fd < SHIM_FDS_SEEN)
		__atomic_fetch_or(&shim_fds_seen[fd / 64], (uint64_t)1 << (fd % 64), __ATOMIC_RELAXED);
}
void shim_device_seen(int fd);  /* the same, of a device */
static inline bool shim_fd_was_seen(int fd)
{
	return fd >= 0 && fd < SHIM_FDS_SEEN &&
	       __atomic_load_n(&shim_fds_seen[fd / 64], __ATOMIC_RELAXED) >> (fd % 64) & 1;
}

/* What the driver has no functions for.  Results are -errno; what is asked of an fd that may be no device says so. */
bool shim_is_device(int fd);
long shim_device_refuses(int fd, bool writes);          /* to be read, to be written */
long shim_device_lseek(int fd, int whence);
long shim_device_fcntl(int fd, int cmd, uint64_t arg);
bool shim_device_copies(int from, int to, long *ret);   /* by the kernel: sendfile, splice, copy_file_range */

/* ---- dirs.c: listings of /dev ---------------------------------------------------------------------------- */

bool shim_is_dev(int fd);
struct dirent64;
/* What readdir(3) is to give: the entry found, or at the end the nodes, one by one.  NULL: no more. */
struct dirent64 *shim_readdir(void *dir, int fd, struct dirent64 *found);

/* ---- ranges.c: results are -errno ------------------------------------------------------------------------ */

struct iovec;
bool shim_meets_enclave(uint64_t la, uint64_t bytes);
int64_t shim_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off);
long shim_munmap(uint64_t la, uint64_t bytes);
long shim_mprotect(uint64_t la, uint64_t bytes, int prot);
int64_t shim_mremap(uint64_t old, uint64_t old_bytes, uint64_t bytes, int flags, uint64_t to);
long shim_madvise(uint64_t la, uint64_t bytes, int advice);
long shim_mlock(uint64_t la, uint64_t bytes, int flags, bool mlock2);
bool shim_msync(uint64_t la, uint64_t bytes, int flags, long *ret);
/* Pieces of v that can be copied, in cut: all, or those up to enclave memory. */
size_t shim_vm_usable(const struct iovec *v, size_t n, struct iovec *cut);
/* Where a mapping should go that the program gave no address: static_calls.c. */
uint64_t shim_place(uint64_t la, uint64_t bytes, int flags);

/* ---- vdso.c ----------------------------------------------------------------------------------------- */

void shim_vdso_setup(char **envp);
void shim_vdso_redirect(void);  /* the real image, for those who find it by other ways */
struct dl_phdr_info;
bool shim_vdso_replaces(struct dl_phdr_info *o);        /* the real one lacks the function: o becomes ours */
const void *shim_auxv(size_t *ret_bytes);

/* ---- signals.c -------------------------------------------------------------------------------------- */

void shim_signals_adopt_libc(void);
void shim_signals_adopt(void);  /* handlers that were installed before the emulator ran */

/* ---- raw_dynamic.c ----------------------------------------------------------------------------------- */

void shim_syscall_setup(void);

/* ---- text.c ------------------------------------------------------------------------------------------ */

void shim_text_setup(void);     /* CPUID and system calls in the text of the program, and of libraries that come with it */
void shim_text_again(void);     /* libraries may have been loaded since */

/* ---- listed.c ---------------------------------------------------------------------------------------- */

void shim_listed_setup(void);   /* enclaves of this process appear in `sgxctl list` from now on */
void shim_ended(void);          /* the process is about to end: what nobody else uses goes */
bool shim_listed_owns(int fd);  /* our file, which the program does not know of */
long shim_listed_move(int fd);  /* to another number: 0 or -errno */

/* ---- trace.c ---------------------------------------------------------------------------------------- */

extern bool shim_traced;        /* anybody wants to know */
void shim_trace_setup(void);
void shim_trace_ioctl(int fd, unsigned long cmd, const void *arg, long result);
void shim_trace_map(const char *call, uint64_t la, uint64_t bytes, int prot, int64_t result);
void shim_trace_open(const char *path, int result);

#endif
