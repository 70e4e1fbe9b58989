/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device nodes: set-up, open, close and the dispatch of ioctls.
 *
 * An enclave is a memfd, so dup, fork and passing it on need nothing from us.  A provision token is an
 * empty memfd of a size that nobody picks by chance.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/native.h"
#include "emul/raw.h"

#ifndef MFD_EXEC
#define MFD_NOEXEC_SEAL 0x0008u /* Linux 6.3 */
#define MFD_EXEC        0x0010u
#endif

#define TOKEN_NAME  "sgx_provision"

/* ---- set-up ---------------------------------------------------------------------------------------- */

static sigset_t fork_mask;

static void before_fork(void)
{
	sigset_t old;

	emul_sig_block(&old);
	emul_encl_before_fork();
	fork_mask = old;
}

static void after_fork(bool child)
{
	sigset_t old = fork_mask;

	emul_encl_after_fork(child);
	emul_sig_restore(&old);
}

static void after_fork_parent(void) { after_fork(false); }
static void after_fork_child(void) { after_fork(true); }

void emul_fork_prepare(void)
{
	if (emul_pool)
		before_fork();
}

void emul_fork_done(bool child)
{
	if (!emul_pool)
		return;
	if (child)
		native_forked_child();
	after_fork(child);
}

int emul_setup(const struct emul_config *cfg)
{
	struct emul_config c = *cfg;
	int r;

	if (!c.epc_pages)
		c.epc_pages = EMUL_EPC_PAGES_DEFAULT;
	if (emul_pool) {
		const struct emul_config *was = &emul_pool->config;

		return was->kernel == c.kernel && was->epc_pages == c.epc_pages && was->no_sgx2 == c.no_sgx2
			       ? 0 : -EBUSY;
	}
	emul_platform_init(&c);
	r = emul_pool_open(&c);
	if (!r && c.observer)
		return 0;
	if (!r)
		r = emul_native_setup();
	if (!r && pthread_atfork(before_fork, after_fork_parent, after_fork_child))
		r = -ENOMEM;
	if (r && emul_pool) {
		munmap(emul_pool, sizeof(*emul_pool));
		emul_pool = NULL;
	}
	return r;
}

/* ---- open -------------------------------------------------------------------------------------------- */

/* Where vm.memfd_noexec forbids executable memfds: an unnamed file of a tmpfs that allows them. */
static int unnamed_file(void)
{
	static const char *const dirs[] = { "/dev/shm", "/run", "/tmp" };

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct statvfs fs;
		int fd;

		if (statvfs(dirs[i], &fs) || fs.f_flag & ST_NOEXEC)
			continue;
		fd = open(dirs[i], O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		if (fd >= 0 && !ftruncate(fd, (off_t)EMUL_FILE_BYTES))
			return fd;
		if (fd >= 0)
			close(fd);      /* a disk: its files are too small */
	}
	return -EACCES;
}

static int enclave_file(void)
{
	int fd = memfd_create("sgx_enclave", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)          /* before Linux 6.3 */
		fd = memfd_create("sgx_enclave", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return errno == EACCES ? unnamed_file() : -errno;
	if (ftruncate(fd, (off_t)EMUL_FILE_BYTES) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static int token_file(void)
{
	int fd = memfd_create(TOKEN_NAME, MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)          /* before Linux 6.3 */
		fd = memfd_create(TOKEN_NAME, MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ftruncate(fd, EMUL_TOKEN_BYTES)) {
		close(fd);
		return -ENOMEM;
	}
	return fd;
}

/*
 * The program's fd: a description of its own with the access mode and flags it asked for.  And O_APPEND: whatever way a
 * write to it takes, it goes behind the end of a file that must not grow, and never into an enclave.
 */
static int reopen(int fd, int flags)
{
	char path[40];
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = open(path, (flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_NOCTTY)) | O_APPEND);
	return r < 0 ? -errno : r;
}

static int open_token(int flags)
{
	int own = token_file(), fd;

	if (own < 0)
		return own;
	fd = reopen(own, flags);
	close(own);
	return fd;
}

static int open_enclave(int flags)
{
	struct emul_encl *en;
	struct stat st;
	int own, fd, r;

	emul_encl_reap();
	own = enclave_file();
	if (own < 0)
		return own;
	own = emul_fd_high(own);
	fd = reopen(own, flags);
	r = fd < 0 ? fd : fstat(own, &st) ? -errno : emul_encl_claim(own, &st, true, &en);
	if (!r)
		return fd;
	if (fd >= 0)
		close(fd);
	close(own);
	return r;
}

int emul_open(const char *path, int flags)
{
	bool enclave = !strcmp(path, SGX_DEV_ENCLAVE);
	sigset_t old;
	int r;

	if (!emul_pool || emul_pool->config.observer || (!enclave && strcmp(path, SGX_DEV_PROVISION)))
		return -ENOENT;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	emul_sig_block(&old);
	r = enclave ? open_enclave(flags) : open_token(flags);
	emul_sig_restore(&old);
	return r;
}

int emul_close(int fd)
{
	struct emul_encl *en = NULL;
	struct stat st;
	sigset_t old;
	int r = 0;

	emul_sig_block(&old);
	if (!fstat(fd, &st))
		en = emul_encl_find_held(&st);
	if (close(fd))
		r = -errno;
	if (en && !r)
		atomic_fetch_sub(&en->fds, 1);
	if (en)
		emul_encl_drop(en);
	emul_sig_restore(&old);
	return r;
}

bool emul_is_enclave_fd(int fd)
{
	sigset_t old;
	bool is;

	emul_sig_block(&old);
	is = emul_encl_by_fd(fd) != NULL;
	emul_sig_restore(&old);
	return is;
}

bool emul_is_provision_fd(int fd)
{
	char path[40], target[64];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size != EMUL_TOKEN_BYTES || fcntl(fd, F_GETFL) & O_PATH)
		return false;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target));
	return n > 0 && (size_t)n >= sizeof("/memfd:" TOKEN_NAME) - 1 &&
	       !memcmp(target, "/memfd:" TOKEN_NAME, sizeof("/memfd:" TOKEN_NAME) - 1);
}

/* ---- ioctl -------------------------------------------------------------------------------------------- */

/* The flag of the driver: no waiting, no fairness.  A holder that was killed does not hold it. */
static bool busy_take(struct emul_shared *sh)
{
	uint32_t self = raw_gettid(), holder = 0;

	if (atomic_compare_exchange_strong(&sh->busy, &holder, self))
		return true;
	return emul_thread_dead(holder, false) && atomic_compare_exchange_strong(&sh->busy, &holder, self);
}

static long run_command(struct emul_call *c, uint32_t cmd)
{
	switch (cmd) {
	case SGX_IOC_ENCLAVE_CREATE:
		return emul_ioc_create(c);
	case SGX_IOC_ENCLAVE_ADD_PAGES:
		return emul_ioc_add_pages(c);
	case SGX_IOC_ENCLAVE_INIT:
		return emul_ioc_init(c);
	case SGX_IOC_ENCLAVE_PROVISION:
		return emul_ioc_provision(c);
	case SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS:
		return emul_ioc_restrict(c);
	case SGX_IOC_ENCLAVE_MODIFY_TYPES:
		return emul_ioc_modify(c);
	case SGX_IOC_ENCLAVE_REMOVE_PAGES:
		return emul_ioc_remove(c);
	case SGX_IOC_ENCLAVE_AUGMENT_PAGES:
		if (c->en->sh->kernel == EMUL_KERNEL_UPSTREAM)
			return -ENOTTY;
		return emul_ioc_augment(c);
	default:
		return -ENOTTY;
	}
}

/* Questions to the model: they work on a hung enclave too, so the busy flag does not stop them. */
static bool run_extra(struct emul_call *c, uint32_t cmd, long *ret)
{
	switch (cmd) {
	case EMUL_IOC_GET_SECS:
		*ret = emul_ioc_get_secs(c);
		return true;
	case EMUL_IOC_GET_PAGES:
		*ret = emul_ioc_get_pages(c);
		return true;
	case EMUL_IOC_GET_COUNTERS:
		*ret = emul_ioc_get_counters(c);
		return true;
	case EMUL_IOC_LAST_REFUSAL:
		*ret = emul_ioc_last_refusal(c);
		return true;
	default:
		return false;
	}
}

/* Commands that every file has; the kernel under us does them. */
static bool is_generic(uint32_t cmd)
{
	return cmd == FIOCLEX || cmd == FIONCLEX || cmd == FIONBIO || cmd == FIOASYNC;
}

static long locked_command(struct emul_call *c, uint32_t cmd)
{
	bool restart = false;
	long r;

	do {
		emul_sig_block(&c->old_mask);
		if (!run_extra(c, cmd, &r)) {
			if (!busy_take(c->en->sh)) {
				r = -EBUSY;
			} else {
				r = run_command(c, cmd);
				atomic_store(&c->en->sh->busy, 0);
			}
		}
		if (r == -EMUL_ERESTARTSYS && !emul_signal_pending(&c->old_mask, &restart))
			restart = true;
		emul_sig_restore(&c->old_mask);         /* handlers run here */
	} while (r == -EMUL_ERESTARTSYS && restart);
	return r == -EMUL_ERESTARTSYS ? -EINTR : r;
}

long emul_ioctl(int fd, unsigned long cmd, void *arg)
{
	struct emul_call c = { .arg = (uint64_t)(uintptr_t)arg };
	uint32_t nr = (uint32_t)cmd;            /* as the system call truncates it */
	int mode = fcntl(fd, F_GETFL);
	sigset_t old;
	long r;

	if (mode < 0 || mode & O_PATH)
		return -EBADF;
	if (is_generic(nr))
		return ioctl(fd, cmd, arg) ? -errno : 0;
	emul_sig_block(&old);
	c.en = emul_encl_hold(fd);
	emul_sig_restore(&old);
	if (!c.en)
		return -ENOTTY;
	r = locked_command(&c, nr);
	emul_sig_block(&old);
	if (nr == SGX_IOC_ENCLAVE_INIT && !r && emul_on_ready)
		emul_on_ready((unsigned)(c.en - emul_encls), c.en->own_fd);
	emul_encl_drop(c.en);
	emul_sig_restore(&old);
	return r;
}
