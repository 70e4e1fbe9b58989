/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one seam: the calls a program makes on an SGX device, with the kernel's structures, numbers
 * and errnos.  Everything above it is written once; below it stand three providers:
 *   kernel    libc and /dev/sgx_enclave, the vDSO
 *   emulated  the driver model on the CPU model (device_emul.c)
 *   script    a test double: expected calls, canned answers, injected faults (device_script.c)
 *
 * Conventions: a call that fails returns -errno; ioctl may return a positive number that is no
 * error of the call itself (the RFC ioctl's 2).  No provider retries: EINTR, EAGAIN and short
 * counts are the business of the layer above.
 */
#ifndef DEVICE_SEAM_H
#define DEVICE_SEAM_H

#include <stdint.h>
#include <sys/types.h>

#include "arch/sgx_uapi.h"
#include "base/err.h"

struct sgx_dev;

/*
 * Argument registers of the vDSO call, in and out; and the host stack to make it on (its top, 16-aligned; 0 =
 * the caller's).  Enclave code leaves by the stack pointer it was entered with, so an ERESUME must find it
 * where the EENTER put it: one stack per TCS does that, whoever calls from whatever depth.
 */
struct sgx_enter_regs {
	uint64_t rdi, rsi, rdx, r8, r9;
	uint64_t host_stack;
};

struct sgx_dev_ops {
	const char *name;               /* "kernel", "emulated", "script": the "device" key of documents */
	int (*open)(struct sgx_dev *d, const char *path, int flags);   /* SGX_DEV_ENCLAVE or SGX_DEV_PROVISION */
	int (*close)(struct sgx_dev *d, int fd);
	long (*ioctl)(struct sgx_dev *d, int fd, unsigned long cmd, void *arg);
	/* fd -1 with MAP_ANONYMOUS reserves address space.  Returns the address or -errno. */
	int64_t (*mmap)(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot, int flags, int fd,
			uint64_t off);
	int (*munmap)(struct sgx_dev *d, uint64_t la, uint64_t bytes);
	int (*mprotect)(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot);
	/*
	 * __vdso_sgx_enter_enclave(regs..., function, run); R12-R15 are preserved for the caller.
	 * Returns what the vDSO function returns.  regs may be read and written (after EEXIT: the
	 * enclave's RDI, RSI, RDX, R8, R9).
	 */
	int (*enter)(struct sgx_dev *d, unsigned function, struct sgx_enter_regs *regs,
		     struct sgx_enclave_run *run);
	/* /proc/self/mem on the enclave: bytes done (may be short) or -errno */
	ssize_t (*peek)(struct sgx_dev *d, uint64_t la, void *buf, size_t bytes);
	ssize_t (*poke)(struct sgx_dev *d, uint64_t la, const void *buf, size_t bytes);
	/*
	 * A plain one-byte load by host code from enclave memory, the one access that is no call:
	 * 0 and *ret_byte (0xff is the abort page), or -SIGBUS / -SIGSEGV when it raised that signal.
	 */
	int (*touch)(struct sgx_dev *d, uint64_t la, uint8_t *ret_byte);
	void (*destroy)(struct sgx_dev *d);
};

struct sgx_dev {
	const struct sgx_dev_ops *ops;
};

#endif
