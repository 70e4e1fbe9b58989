/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel provider: libc calls on /dev/sgx_enclave, entries through the vDSO.  No policy here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "device/internal.h"

struct kernel_dev {
	struct sgx_dev dev;
	void *enter;            /* NULL: no vDSO function, entries are -ENOSYS */
	int mem_fd;             /* /proc/self/mem, opened when first needed */
};

static int kernel_open(struct sgx_dev *d, const char *path, int flags)
{
	int fd = open(path, flags);

	(void)d;
	return fd < 0 ? -errno : fd;
}

static int kernel_close(struct sgx_dev *d, int fd)
{
	(void)d;
	return close(fd) ? -errno : 0;
}

static long kernel_ioctl(struct sgx_dev *d, int fd, unsigned long cmd, void *arg)
{
	int r = ioctl(fd, cmd, arg);

	(void)d;
	return r < 0 ? -errno : r;
}

static int64_t kernel_mmap(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot, int flags, int fd,
			   uint64_t off)
{
	void *p = mmap((void *)la, bytes, prot, flags, fd, (off_t)off);

	(void)d;
	return p == MAP_FAILED ? -errno : (int64_t)p;
}

static int kernel_munmap(struct sgx_dev *d, uint64_t la, uint64_t bytes)
{
	(void)d;
	return munmap((void *)la, bytes) ? -errno : 0;
}

static int kernel_mprotect(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot)
{
	(void)d;
	return mprotect((void *)la, bytes, prot) ? -errno : 0;
}

static int kernel_enter(struct sgx_dev *d, unsigned function, struct sgx_enter_regs *regs,
			struct sgx_enclave_run *run)
{
	struct kernel_dev *k = (struct kernel_dev *)d;

	return k->enter ? device_enter_thunk(regs, function, run, k->enter) : -ENOSYS;
}

static int mem_fd(struct kernel_dev *k)
{
	if (k->mem_fd < 0)
		k->mem_fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	return k->mem_fd;
}

/* The reservation around an enclave is ordinary memory to /proc/self/mem: it must not pass for pages. */
static size_t enclave_bytes(uint64_t la, size_t bytes)
{
	CLEANUP(cleanup_free) struct device_vma *v = NULL;
	uint64_t stop, at = la;
	size_t n;

	/* a mapping may have begun below la */
	if (device_maps(0, UINT64_MAX, &v, &n))
		return 0;
	while (at < la + bytes && device_maps_at(v, n, at, la + bytes, &stop) >= 0)
		at = stop;
	return at - la < bytes ? at - la : bytes;
}

static ssize_t kernel_peek(struct sgx_dev *d, uint64_t la, void *buf, size_t bytes)
{
	size_t ours = enclave_bytes(la, bytes);
	int fd = mem_fd((struct kernel_dev *)d);
	ssize_t n = fd < 0 ? -1 : pread(fd, buf, ours, (off_t)la);

	if (!ours)
		return -EIO;
	return n < 0 ? -errno : n;
}

static ssize_t kernel_poke(struct sgx_dev *d, uint64_t la, const void *buf, size_t bytes)
{
	size_t ours = enclave_bytes(la, bytes);
	int fd = mem_fd((struct kernel_dev *)d);
	ssize_t n = fd < 0 ? -1 : pwrite(fd, buf, ours, (off_t)la);

	if (!ours)
		return -EIO;
	return n < 0 ? -errno : n;
}

static int kernel_touch(struct sgx_dev *d, uint64_t la, uint8_t *ret_byte)
{
	(void)d;
	return device_touch(la, ret_byte);
}

static void kernel_destroy(struct sgx_dev *d)
{
	struct kernel_dev *k = (struct kernel_dev *)d;

	if (k->mem_fd >= 0)
		close(k->mem_fd);
	free(k);
}

static const struct sgx_dev_ops kernel_ops = {
	.name = "kernel",
	.open = kernel_open,
	.close = kernel_close,
	.ioctl = kernel_ioctl,
	.mmap = kernel_mmap,
	.munmap = kernel_munmap,
	.mprotect = kernel_mprotect,
	.enter = kernel_enter,
	.peek = kernel_peek,
	.poke = kernel_poke,
	.touch = kernel_touch,
	.destroy = kernel_destroy,
};

/* A device node below a noexec mount opens and maps, but never executable; say so before the build. */
static int check_exec(int fd, struct err *e)
{
	void *p = mmap(NULL, SGX_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return err_set(e, ERR_DEVICE_ACCESS, errno, "cannot map %s", SGX_DEV_ENCLAVE);
	munmap(p, SGX_PAGE_SIZE);
	p = mmap(NULL, SGX_PAGE_SIZE, PROT_EXEC, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return err_set(e, errno == EPERM ? ERR_DEVICE_NOEXEC : ERR_DEVICE_ACCESS, errno,
			       "cannot map %s executable", SGX_DEV_ENCLAVE);
	munmap(p, SGX_PAGE_SIZE);
	return 0;
}

int sgx_dev_kernel_new(struct sgx_dev **ret_dev, struct err *e)
{
	CLEANUP(cleanup_close) int fd = open(SGX_DEV_ENCLAVE, O_RDWR | O_CLOEXEC);
	struct kernel_dev *k;
	struct stat st;
	int r;

	if (fd < 0 && (errno == EACCES || errno == EPERM))
		return err_set(e, ERR_DEVICE_ACCESS, errno, "cannot open %s", SGX_DEV_ENCLAVE);
	if (fd < 0)
		return err_set(e, ERR_NO_DEVICE, errno, "cannot open %s", SGX_DEV_ENCLAVE);
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode))
		return err_set(e, ERR_NO_DEVICE, ENODEV, "%s is no device node", SGX_DEV_ENCLAVE);
	if (check_exec(fd, e))
		return -1;
	r = device_touch_setup();
	if (r)
		return err_set(e, ERR_IO, -r, "cannot install the handlers for faulting loads");
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the device");
	k->dev.ops = &kernel_ops;
	k->mem_fd = -1;
	k->enter = device_vdso_enter();
	if (!k->enter) {
		free(k);
		return err_set(e, ERR_NO_DEVICE, ENOSYS,
			       "the vDSO of this kernel has no __vdso_sgx_enter_enclave");
	}
	*ret_dev = &k->dev;
	return 0;
}
