/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device nodes as files, and the fds that they were opened as: what hooks (files.c, stat.c) and trapped system calls
 * (calls_files.c) have in common.
 *
 * Authority: Linux 6.1 drivers/char/misc.c, arch/x86/kernel/cpu/sgx/driver.c.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/raw.h"
#include "shim/calls.h"
#include "shim/shim.h"
#include "shim/trace.h"

uint64_t shim_fds_seen[SHIM_FDS_SEEN / 64];

static bool is_node(enum shim_path kind)
{
	return kind == PATH_ENCLAVE || kind == PATH_PROVISION;
}

bool shim_open(int dirfd, const char *path, int flags, long *ret)
{
	enum shim_path kind = shim_path(dirfd, path);

	if (kind == PATH_OTHER)
		return false;
	if (kind == PATH_BELOW_NODE) {
		*ret = -ENOTDIR;
	} else if (is_node(kind)) {
		const char *node = kind == PATH_ENCLAVE ? SGX_DEV_ENCLAVE : SGX_DEV_PROVISION;

		*ret = shim_start();
		if (!*ret)
			*ret = emul_open(node, flags);
		if (*ret >= 0)
			shim_device_seen((int)*ret);
		if (shim_traced)
			shim_trace_open(node, (int)*ret);
	} else if (kind == PATH_EXE) {
		*ret = raw4(SYS_openat, AT_FDCWD, shim_config.exe, flags, 0);
	} else if (kind == PATH_MEM) {
		*ret = raw4(SYS_openat, dirfd, path, flags, 0);
		if (*ret >= 0)
			shim_fd_seen((int)*ret);
	} else {
		*ret = shim_text_open(kind, flags);
	}
	return *ret != -ENOSYS;
}

bool shim_access(int dirfd, const char *path, int mode, long *ret)
{
	enum shim_path kind = shim_path(dirfd, path);
	int denied = is_node(kind) ? X_OK : kind == PATH_EPC_SIZE ? W_OK | X_OK : kind == PATH_DEV_SGX ? W_OK : -1;

	*ret = -ENOTDIR;
	if (kind == PATH_BELOW_NODE)
		return true;
	if (denied < 0)
		return false;
	*ret = mode & ~(R_OK | W_OK | X_OK) ? -EINVAL : mode & denied ? -EACCES : 0;
	return true;
}

/* What /proc/PID/fd says of an fd: the node, not our file. */
long shim_readlink(int dirfd, const char *path, char *buf, size_t room, long n)
{
	static const struct { const char *file, *node; } names[] = {
		{ "/memfd:sgx_enclave", SGX_DEV_ENCLAVE }, { "/memfd:sgx_provision", SGX_DEV_PROVISION },
	};
	enum shim_path kind = shim_path(dirfd, path);

	if (kind == PATH_BELOW_NODE)
		return -ENOTDIR;
	if (kind == PATH_EXE) {
		size_t len = strlen(shim_config.exe);

		len = len < room ? len : room;
		if (!room)
			return -EINVAL;
		return emul_user_write((uintptr_t)buf, shim_config.exe, len) ? -EFAULT : (long)len;
	}
	/* of the names below, only a link to an fd is one */
	if ((is_node(kind) && strncmp(path, "/proc/", 6)) || kind == PATH_DEV_SGX || kind == PATH_EPC_SIZE)
		return -EINVAL;
	for (size_t i = 0; n > 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		size_t len = strlen(names[i].file), node = strlen(names[i].node);

		if ((size_t)n >= len && !memcmp(buf, names[i].file, len)) {
			memcpy(buf, names[i].node, node);
			memset(buf + node, 0, (size_t)n - node);        /* as if they had not been written */
			return (long)node;
		}
	}
	return n;
}

/* ---- stat ------------------------------------------------------------------------------------------------- */

static void make_node(struct stat *st, unsigned int minor)
{
	st->st_mode = S_IFCHR | 0666;
	st->st_rdev = makedev(SHIM_MISC_MAJOR, minor);
	st->st_size = 0;
	st->st_blocks = 0;
	st->st_nlink = 1;
	st->st_ino += minor;
}

bool shim_is_node(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && major(st->st_rdev) == SHIM_MISC_MAJOR;
}

bool shim_fstat(int fd, struct stat *st, long *ret)
{
	*ret = raw2(SYS_fstat, fd, st);
	if (*ret || !S_ISREG(st->st_mode) || !emul_is_device_size((uint64_t)st->st_size))
		return false;
	enum shim_path node = shim_fd_node(fd);

	if (node != PATH_OTHER)
		make_node(st, node == PATH_ENCLAVE ? SHIM_ENCLAVE_MINOR : SHIM_PROVISION_MINOR);
	return true;
}

/* A path of ours looks like another file that is there, changed where it matters. */
bool shim_stat(int dirfd, const char *path, struct stat *st, int flags, long *ret)
{
	char first;

	if (flags & AT_EMPTY_PATH && dirfd != AT_FDCWD && !emul_user_read(&first, (uintptr_t)path, 1) && !first)
		return shim_fstat(dirfd, st, ret) && shim_is_node(st);

	enum shim_path kind = shim_path(dirfd, path);

	if (kind == PATH_OTHER)
		return false;
	*ret = -ENOTDIR;
	if (kind == PATH_BELOW_NODE)
		return true;
	bool link = flags & AT_SYMLINK_NOFOLLOW && !strncmp(path, "/proc/", 6);
	const char *like = link ? NULL : is_node(kind) ? "/dev/null" : kind == PATH_DEV_SGX ? "/dev" :
			   kind == PATH_EPC_SIZE ? "/proc/version" : kind == PATH_EXE ? shim_config.exe : NULL;

	if (!like)
		return false;
	*ret = raw4(SYS_newfstatat, AT_FDCWD, like, st, 0);
	if (!*ret && is_node(kind))
		make_node(st, kind == PATH_ENCLAVE ? SHIM_ENCLAVE_MINOR : SHIM_PROVISION_MINOR);
	return true;
}

bool shim_statx(int dirfd, const char *path, int flags, unsigned int mask, struct statx *stx, long *ret)
{
	struct stat st;

	if (!shim_stat(dirfd, path, &st, flags, ret))
		return false;
	if (*ret)
		return true;
	*ret = raw6(SYS_statx, AT_FDCWD, shim_is_node(&st) ? "/dev/null" : "/proc/version", 0, mask, stx, 0);
	if (*ret)
		return true;
	stx->stx_mode = (uint16_t)st.st_mode;
	stx->stx_ino = st.st_ino;
	stx->stx_size = (uint64_t)st.st_size;
	stx->stx_rdev_major = major(st.st_rdev);
	stx->stx_rdev_minor = minor(st.st_rdev);
	return true;
}

/* ---- fds --------------------------------------------------------------------------------------------------- */

enum shim_path shim_fd_node(int fd)
{
	return emul_looks_like_enclave(fd) ? PATH_ENCLAVE : shim_on() && emul_is_token_fd(fd) ? PATH_PROVISION : PATH_OTHER;
}

bool shim_is_hidden(int fd)
{
	return shim_trace_owns(fd) || (shim_on() && (emul_is_own_fd(fd) || shim_listed_owns(fd)));
}

long shim_close(int fd)
{
	if (shim_is_hidden(fd))
		return -EBADF;
	if (!shim_on() || !emul_looks_like_enclave(fd) || !shim_owner())
		return raw1(SYS_close, fd);
	return emul_close(fd);
}

#define FDS_END 0x100000u       /* beyond fs.nr_open */

/* The range in pieces, around ours. */
long shim_close_range(unsigned int first, unsigned int last, unsigned int flags)
{
	unsigned int end = last < FDS_END ? last + 1 : FDS_END, from = first;
	long r = 0;

	if (first > last || (!shim_traced && !shim_on()))
		return raw3(SYS_close_range, first, last, flags);
	for (unsigned int fd = first; fd < end && !r; fd++) {
		if (!shim_is_hidden((int)fd))
			continue;
		r = fd > from ? raw3(SYS_close_range, from, fd - 1, flags) : 0;
		from = fd + 1;
	}
	if (!r && from <= last)
		r = raw3(SYS_close_range, from, last, flags);
	return r;
}

/* A number that we use is free to the program: ours goes elsewhere first. */
long shim_dup_onto(int fd, int to, int flags, bool dup3)
{
	if (shim_is_hidden(fd))
		return -EBADF;
	if (fd != to && shim_is_hidden(to)) {
		long r = shim_trace_owns(to) ? shim_trace_move(to) : shim_listed_owns(to) ? shim_listed_move(to) :
			 emul_move_own_fd(to);

		if (r)
			return r;
	}
	long r = dup3 ? raw3(SYS_dup3, fd, to, flags) : raw2(SYS_dup2, fd, to);

	if (r >= 0 && shim_is_device(fd))
		shim_device_seen((int)r);
	else if (r >= 0 && shim_fd_was_seen(fd))
		shim_fd_seen((int)r);
	return r;
}

void shim_device_seen(int fd)
{
	shim_fd_seen(fd);
	shim_filter_fd(fd);
}

bool shim_is_device(int fd)
{
	return shim_fd_was_seen(fd) && shim_fd_node(fd) != PATH_OTHER;
}

/* First whether the fd allows it at all. */
long shim_device_refuses(int fd, bool writes)
{
	long flags = raw2(SYS_fcntl, fd, F_GETFL);

	return flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == (writes ? O_RDONLY : O_WRONLY) ? -EBADF : -EINVAL;
}

long shim_device_lseek(int fd, int whence)
{
	if (raw2(SYS_fcntl, fd, F_GETFL) & O_PATH)
		return -EBADF;
	return whence < 0 || whence > SEEK_HOLE ? -EINVAL : -ESPIPE;
}

/* The emulator's O_APPEND (emul/device.c) stays, unseen; a device has no seals. */
long shim_device_fcntl(int fd, int cmd, uint64_t arg)
{
	long r;

	if (cmd == F_ADD_SEALS || cmd == F_GET_SEALS)
		return -EINVAL;
	r = raw3(SYS_fcntl, fd, cmd, cmd == F_SETFL ? arg | O_APPEND : arg);
	if (r >= 0 && (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC))
		shim_device_seen((int)r);
	return r >= 0 && cmd == F_GETFL ? r & ~O_APPEND : r;
}

bool shim_device_copies(int from, int to, long *ret)
{
	bool from_device = shim_is_device(from);

	if (!from_device && !shim_is_device(to))
		return false;
	*ret = raw2(SYS_fcntl, from_device ? to : from, F_GETFD);
	if (*ret >= 0)
		*ret = shim_device_refuses(from_device ? from : to, !from_device);
	return true;
}

/* What the kernel answers before it asks the driver. */
static bool is_of_any_fd(unsigned long cmd)
{
	return cmd == FIOCLEX || cmd == FIONCLEX || cmd == FIONBIO || cmd == FIOASYNC;
}

long shim_ioctl(int fd, unsigned long cmd, void *arg)
{
	long r;

	if (_IOC_TYPE(cmd) != SGX_MAGIC && shim_on() && shim_fd_was_seen(fd) && !is_of_any_fd(cmd) &&
	    (emul_is_enclave_fd(fd) || emul_is_token_fd(fd)))
		return -ENOTTY;
	if (_IOC_TYPE(cmd) != SGX_MAGIC || !(shim_on() || emul_looks_like_enclave(fd)) || shim_start() ||
	    !(emul_is_enclave_fd(fd) || emul_is_token_fd(fd)))
		return raw3(SYS_ioctl, fd, cmd, arg);
	shim_device_seen(fd);
	r = emul_ioctl(fd, cmd, arg);
	if (shim_traced)
		shim_trace_ioctl(fd, cmd, arg, r);
	return r;
}
