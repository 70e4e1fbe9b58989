/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two SYSCALL instructions of the mmap enclave, and the Linux numbers that go with them. */
#ifndef ENCL_MMAP_SYSCALL_H
#define ENCL_MMAP_SYSCALL_H

#include <stdint.h>

#define LINUX_SYS_MMAP            9u
#define LINUX_PROT_READ           1u
#define LINUX_PROT_WRITE          2u
#define LINUX_PROT_EXEC           4u
#define LINUX_MAP_PRIVATE         0x2u
#define LINUX_MAP_ANONYMOUS       0x20u
#define LINUX_MAP_FIXED_NOREPLACE 0x100000u
#define LINUX_EIO     5
#define LINUX_ENOMEM 12
#define LINUX_EEXIST 17
#define LINUX_EINVAL 22
#define LINUX_ENOSYS 38
#define LINUX_MAX_ERRNO 4095

#pragma GCC visibility push(hidden)

/* SYSCALL mmap, as libc would: the address or -errno. */
int64_t mmap_syscall(uint64_t addr, uint64_t bytes, uint64_t prot, uint64_t flags);
/* SYSCALL that only says "look at the request"; returns when the host has acted and resumed. */
void mmap_doorbell(void);
/* The instruction in it. */
extern const uint8_t mmap_doorbell_insn[];

#pragma GCC visibility pop

#endif
