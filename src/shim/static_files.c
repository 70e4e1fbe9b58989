/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls with a path, as a static program makes them: the device nodes exist, and /proc/self/exe is the program.
 *
 * Authority: Linux 6.1 fs/open.c, fs/stat.c, drivers/char/misc.c (misc devices: major 10).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/shim.h"
#include "shim/static_exec.h"

#define PATH_ROOM       4096
#define KERNEL_STAT_BYTES 144
#define KERNEL_STAT_RDEV  40

/* What the path argument means, and the path itself: empty when the kernel is to say what is wrong with it. */
static enum shim_path kind_of(const struct static_call *c, bool at, char path[PATH_ROOM])
{
	if (static_string(path, PATH_ROOM, c->a[at]) < 0) {
		*path = '\0';
		return PATH_OTHER;
	}
	return shim_path(at ? (int)c->a[0] : AT_FDCWD, path);
}

static bool is_node(enum shim_path kind)
{
	return kind == PATH_ENCLAVE || kind == PATH_PROVISION;
}

static bool is_own_exe(const char *path)
{
	return !strcmp(path, "/proc/self/exe");
}

long static_call_open(struct static_call *c, long nr)
{
	bool at = nr == SYS_openat || nr == SYS_openat2;
	struct open_how how = { 0 };
	char path[PATH_ROOM];
	enum shim_path kind = kind_of(c, at, path);
	int flags = nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC : (int)c->a[1 + at];
	long r;

	if (kind == PATH_OTHER && !is_own_exe(path))
		return STATIC_NATIVE;
	if (nr == SYS_openat2) {
		if (c->a[3] < sizeof(how))
			return -EINVAL;
		if (emul_user_read(&how, c->a[2], sizeof(how)))
			return -EFAULT;
		flags = (int)how.flags;
	}
	if (is_node(kind))
		return emul_open(kind == PATH_ENCLAVE ? SGX_DEV_ENCLAVE : SGX_DEV_PROVISION, flags);
	if (kind == PATH_OTHER)
		return raw4(SYS_openat, AT_FDCWD, static_config.path, flags, 0);
	r = shim_text_open(kind, flags);
	return r == -ENOSYS ? STATIC_NATIVE : r;
}

/* /dev/null has what the nodes have in common; their numbers go over it. */
static long stat_node(const struct static_call *c, long nr, unsigned minor)
{
	long r;

	if (nr == SYS_statx) {
		struct statx x;

		r = raw6(SYS_statx, AT_FDCWD, "/dev/null", c->a[2], c->a[3], &x, 0);
		x.stx_rdev_major = SHIM_MISC_MAJOR;
		x.stx_rdev_minor = minor;
		x.stx_ino += minor;
		return r ? r : emul_user_write(c->a[4], &x, sizeof(x));
	}
	uint8_t st[KERNEL_STAT_BYTES];
	uint64_t rdev = makedev(SHIM_MISC_MAJOR, minor), ino;

	r = raw4(SYS_newfstatat, AT_FDCWD, "/dev/null", st, 0);
	memcpy(st + KERNEL_STAT_RDEV, &rdev, sizeof(rdev));
	memcpy(&ino, st + 8, sizeof(ino));
	ino += minor;
	memcpy(st + 8, &ino, sizeof(ino));
	return r ? r : emul_user_write(c->a[nr == SYS_newfstatat ? 2 : 1], st, sizeof(st));
}

/* The minor number of the node that an fd was opened on, 0: not ours. */
static unsigned minor_of_fd(int fd)
{
	if (emul_looks_like_enclave(fd))
		return SHIM_ENCLAVE_MINOR;
	return emul_is_token_fd(fd) ? SHIM_PROVISION_MINOR : 0;
}

static unsigned minor_of(const struct static_call *c, long nr, char path[PATH_ROOM])
{
	bool at = nr == SYS_newfstatat || nr == SYS_statx;
	uint64_t flags = nr == SYS_newfstatat ? c->a[3] : nr == SYS_statx ? c->a[2] : 0;

	*path = '\0';
	if (nr == SYS_fstat)
		return minor_of_fd((int)c->a[0]);
	enum shim_path kind = kind_of(c, at, path);

	if (flags & AT_EMPTY_PATH && !*path && (int)c->a[0] != AT_FDCWD)
		return minor_of_fd((int)c->a[0]);
	return kind == PATH_ENCLAVE ? SHIM_ENCLAVE_MINOR : kind == PATH_PROVISION ? SHIM_PROVISION_MINOR : 0;
}

long static_call_stat(struct static_call *c, long nr)
{
	char path[PATH_ROOM];
	unsigned minor = minor_of(c, nr, path);

	if (minor)
		return stat_node(c, nr, minor);
	if (is_own_exe(path) && nr == SYS_stat)
		return raw2(SYS_stat, static_config.path, c->a[1]);
	if (is_own_exe(path) && nr == SYS_newfstatat && !(c->a[3] & AT_SYMLINK_NOFOLLOW))
		return raw4(SYS_newfstatat, AT_FDCWD, static_config.path, c->a[2], c->a[3]);
	return STATIC_NATIVE;
}

long static_call_access(struct static_call *c, long nr)
{
	char path[PATH_ROOM];
	bool at = nr != SYS_access;

	return is_node(kind_of(c, at, path)) ? raw2(SYS_access, "/dev/null", c->a[1 + at]) : STATIC_NATIVE;
}

long static_call_readlink(struct static_call *c, long nr)
{
	char path[PATH_ROOM];
	bool at = nr == SYS_readlinkat;
	enum shim_path kind = kind_of(c, at, path);
	const char *target = is_own_exe(path) ? static_config.path : NULL;
	int room = (int)c->a[2 + at];
	char link[PATH_ROOM];

	if (is_node(kind) || kind == PATH_EPC_SIZE)
		return -EINVAL;
	/* what /proc says of an fd: the node, not our file */
	if (!target && strncmp(path, "/proc/", 6) == 0 && strstr(path, "/fd/")) {
		long got = raw4(SYS_readlinkat, AT_FDCWD, path, link, sizeof(link) - 1);

		link[got < 0 ? 0 : got] = '\0';
		target = !strncmp(link, "/memfd:sgx_enclave", 18) ? SGX_DEV_ENCLAVE :
			 !strncmp(link, "/memfd:sgx_provision", 20) ? SGX_DEV_PROVISION : NULL;
	}
	if (!target)
		return STATIC_NATIVE;
	if (room <= 0)
		return -EINVAL;
	size_t n = strlen(target);

	n = n < (size_t)room ? n : (size_t)room;
	return emul_user_write(c->a[1 + at], target, n) ? -EFAULT : (long)n;
}
