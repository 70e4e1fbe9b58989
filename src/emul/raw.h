/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * System calls without libc in between: no errno, no cancellation points, and none of the functions that
 * `sgxctl run` takes over in the program it hosts.  Results are the kernel's: >= 0 or -errno.
 *
 * Context: any, including signal handlers.
 */
#ifndef EMUL_RAW_H
#define EMUL_RAW_H

#include <stdint.h>
#include <sys/syscall.h>

static inline long raw_syscall6(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall" : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define raw0(nr)             raw_syscall6(nr, 0, 0, 0, 0, 0, 0)
#define raw1(nr, a)          raw_syscall6(nr, (uint64_t)(a), 0, 0, 0, 0, 0)
#define raw2(nr, a, b)       raw_syscall6(nr, (uint64_t)(a), (uint64_t)(b), 0, 0, 0, 0)
#define raw3(nr, a, b, c)    raw_syscall6(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0, 0, 0)
#define raw4(nr, a, b, c, d) raw_syscall6(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), 0, 0)
#define raw6(nr, a, b, c, d, e, f) raw_syscall6(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), \
						(uint64_t)(d), (uint64_t)(e), (uint64_t)(f))

static inline uint32_t raw_gettid(void) { return (uint32_t)raw0(SYS_gettid); }
static inline uint32_t raw_getpid(void) { return (uint32_t)raw0(SYS_getpid); }

#endif
