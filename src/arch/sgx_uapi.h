/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The user ABI of the Linux SGX driver as this project uses it: the kernel's own header, plus
 * the one ioctl that only an RFC kernel has.  Delete the second half when it is merged.
 *
 * Authority: <asm/sgx.h> of Linux 6.1; "[PATCH RFC] x86: Add SGX_IOC_ENCLAVE_AUGMENT_PAGES",
 *            J. Sakkinen, 4 March 2022 (linux-sgx list).
 */
#ifndef ARCH_SGX_UAPI_H
#define ARCH_SGX_UAPI_H

#include <asm/sgx.h>
#include <linux/ioctl.h>
#include <linux/types.h>

struct sgx_enclave_augment_pages {
	__u64 offset;   /* bytes from the ELRANGE base, page aligned */
	__u64 length;   /* bytes, page aligned */
	__u64 count;    /* out: bytes added before the first page that could not be added */
};

#ifndef SGX_IOC_ENCLAVE_AUGMENT_PAGES
#define SGX_IOC_ENCLAVE_AUGMENT_PAGES _IOWR(SGX_MAGIC, 0x09, struct sgx_enclave_augment_pages)
#endif

/* What the RFC ioctl returns when a page cannot be added: VM_FAULT_SIGBUS, not an errno. */
#define SGX_AUGMENT_RFC_REFUSED 2

#define SGX_DEV_ENCLAVE   "/dev/sgx_enclave"
#define SGX_DEV_PROVISION "/dev/sgx_provision"

_Static_assert(SGX_IOC_ENCLAVE_AUGMENT_PAGES == 0xc018a409u, "number of the RFC ioctl");

#endif
