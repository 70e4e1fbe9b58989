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
#include "shim/static_exec.h"

#define MISC_MAJOR      10
#define ENCLAVE_MINOR   125
#define PROVISION_MINOR 126
#define PATH_ROOM       4096
#define KERNEL_STAT_BYTES 144
#define KERNEL_STAT_RDEV  40

enum node { OTHER, ENCLAVE, PROVISION, OWN_EXE };

/* What the path argument names.  Relative paths to the nodes are other files' business: nobody opens them so. */
static enum node node_of(uint64_t addr, char path[PATH_ROOM])
{
	static const struct { const char *path; enum node node; } nodes[] = {
		{ SGX_DEV_ENCLAVE, ENCLAVE }, { "/dev/sgx/enclave", ENCLAVE },
		{ SGX_DEV_PROVISION, PROVISION }, { "/dev/sgx/provision", PROVISION },
		{ "/proc/self/exe", OWN_EXE },
	};

	if (static_string(path, PATH_ROOM, addr) < 0)
		return OTHER;
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (!strcmp(path, nodes[i].path))
			return nodes[i].node;
	return OTHER;
}

long static_call_open(struct static_call *c, long nr)
{
	bool at = nr == SYS_openat || nr == SYS_openat2;
	struct open_how how = { 0 };
	char path[PATH_ROOM];
	enum node node = node_of(c->a[at], path);
	int flags = nr == SYS_creat ? O_CREAT | O_WRONLY | O_TRUNC : (int)c->a[1 + at];

	if (node == OTHER)
		return STATIC_NATIVE;
	if (nr == SYS_openat2) {
		if (c->a[3] < sizeof(how))
			return -EINVAL;
		if (emul_user_read(&how, c->a[2], sizeof(how)))
			return -EFAULT;
		flags = (int)how.flags;
	}
	if (node == OWN_EXE)
		return raw4(SYS_openat, AT_FDCWD, static_config.path, flags, 0);
	return emul_open(node == ENCLAVE ? SGX_DEV_ENCLAVE : SGX_DEV_PROVISION, flags);
}

/* /dev/null has what the nodes have in common; their numbers go over it. */
static long stat_node(const struct static_call *c, long nr, enum node node)
{
	unsigned minor = node == ENCLAVE ? ENCLAVE_MINOR : PROVISION_MINOR;
	long r;

	if (nr == SYS_statx) {
		struct statx x;

		r = raw6(SYS_statx, AT_FDCWD, "/dev/null", c->a[2], c->a[3], &x, 0);
		x.stx_rdev_major = MISC_MAJOR;
		x.stx_rdev_minor = minor;
		x.stx_ino += minor;
		return r ? r : emul_user_write(c->a[4], &x, sizeof(x));
	}
	uint8_t st[KERNEL_STAT_BYTES];
	uint64_t rdev = makedev(MISC_MAJOR, minor), ino;

	r = raw4(SYS_newfstatat, AT_FDCWD, "/dev/null", st, 0);
	memcpy(st + KERNEL_STAT_RDEV, &rdev, sizeof(rdev));
	memcpy(&ino, st + 8, sizeof(ino));
	ino += minor;
	memcpy(st + 8, &ino, sizeof(ino));
	return r ? r : emul_user_write(c->a[nr == SYS_newfstatat ? 2 : 1], st, sizeof(st));
}

long static_call_stat(struct static_call *c, long nr)
{
	char path[PATH_ROOM];
	bool at = nr == SYS_newfstatat || nr == SYS_statx;
	enum node node = node_of(c->a[at], path);

	if (node == ENCLAVE || node == PROVISION)
		return stat_node(c, nr, node);
	if (node == OWN_EXE && nr == SYS_stat)
		return raw2(SYS_stat, static_config.path, c->a[1]);
	if (node == OWN_EXE && nr == SYS_newfstatat && !(c->a[3] & AT_SYMLINK_NOFOLLOW))
		return raw4(SYS_newfstatat, AT_FDCWD, static_config.path, c->a[2], c->a[3]);
	return STATIC_NATIVE;
}

long static_call_access(struct static_call *c, long nr)
{
	char path[PATH_ROOM];
	bool at = nr != SYS_access;
	enum node node = node_of(c->a[at], path);

	return node == ENCLAVE || node == PROVISION ? raw2(SYS_access, "/dev/null", c->a[1 + at]) : STATIC_NATIVE;
}

long static_call_readlink(struct static_call *c, long nr)
{
	char path[PATH_ROOM];
	bool at = nr == SYS_readlinkat;
	size_t n = strlen(static_config.path);
	int room = (int)c->a[2 + at];

	if (node_of(c->a[at], path) != OWN_EXE)
		return STATIC_NATIVE;
	if (room <= 0)
		return -EINVAL;
	n = n < (size_t)room ? n : (size_t)room;
	return emul_user_write(c->a[1 + at], static_config.path, n) ? -EFAULT : (long)n;
}
