/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /proc/self/mem on enclave pages, as debuggers of their own process read it: the driver answers by EDBGRD and EDBGWR.
 * Only offsets that are addresses of enclave mappings cost more than a comparison.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "emul/raw.h"
#include "shim/shim.h"

#define LOWEST_ENCLAVE 0x10000

static bool is_own_memory(int fd)
{
	char link[40], target[64], mine[40];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(mine, sizeof(mine), "/proc/%u/mem", raw_getpid());
	long n = raw3(SYS_readlink, link, target, sizeof(target) - 1);

	return n > 0 && (size_t)n == strlen(mine) && !memcmp(target, mine, (size_t)n);
}

static bool is_enclave_memory(int fd, off_t off)
{
	struct emul_mapping m;

	return off >= LOWEST_ENCLAVE && shim_on() && emul_mapping_at((uint64_t)off, &m) && is_own_memory(fd);
}

HOOK ssize_t pread(int fd, void *buf, size_t bytes, off_t off)
{
	if (is_enclave_memory(fd, off))
		return shim_ret(emul_peek((uint64_t)off, buf, bytes));
	return NEXT(pread)(fd, buf, bytes, off);
}

HOOK ssize_t pwrite(int fd, const void *buf, size_t bytes, off_t off)
{
	if (is_enclave_memory(fd, off))
		return shim_ret(emul_poke((uint64_t)off, buf, bytes));
	return NEXT(pwrite)(fd, buf, bytes, off);
}

HOOK ssize_t pread64(int fd, void *buf, size_t bytes, off64_t off) __attribute__((alias("pread")));
HOOK ssize_t pwrite64(int fd, const void *buf, size_t bytes, off64_t off) __attribute__((alias("pwrite")));
