/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Included by force in front of sources that were written for /dev/sgx_enclave: their system calls, their
 * question to CPUID and their search for the vDSO go to the emulated device (kselftest_wrap.c).
 *
 * The system's headers come first, so that only calls are renamed and no declaration is.
 */
#ifndef TESTS_DRIVER_KSELFTEST_WRAP_H
#define TESTS_DRIVER_KSELFTEST_WRAP_H

#ifndef __ASSEMBLER__

/* without a value, as programs define it themselves */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <cpuid.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int wrap_open(const char *path, int flags, ...);
int wrap_close(int fd);
int wrap_ioctl(int fd, unsigned long cmd, void *arg);
int wrap_stat(const char *path, struct stat *st);
void *wrap_mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t off);
int wrap_munmap(void *addr, size_t bytes);
int wrap_mprotect(void *addr, size_t bytes, int prot);
unsigned long wrap_getauxval(unsigned long type);
void wrap_cpuid(unsigned int leaf, unsigned int sub, unsigned int *a, unsigned int *b, unsigned int *c,
		unsigned int *d);

#ifndef KSELFTEST_WRAP_ITSELF
#define open(...)      wrap_open(__VA_ARGS__)
#define close(fd)      wrap_close(fd)
#define ioctl(...)     wrap_ioctl(__VA_ARGS__)
#define stat(path, st) wrap_stat(path, st)
#define mmap(...)      wrap_mmap(__VA_ARGS__)
#define munmap(...)    wrap_munmap(__VA_ARGS__)
#define mprotect(...)  wrap_mprotect(__VA_ARGS__)
#define getauxval(t)   wrap_getauxval(t)
#undef __cpuid_count
#define __cpuid_count(leaf, sub, a, b, c, d) wrap_cpuid(leaf, sub, &(a), &(b), &(c), &(d))
#endif

#endif
#endif
