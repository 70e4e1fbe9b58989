/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes without libc: copy, zero, compare.  The string instructions are written out because a C
 * loop may be turned back into a call of memcpy or memset, which this room must not need.  They take
 * some 10 ns to start, so a few words are moved one by one, in loops the compiler cannot recognise.
 *
 * Context: any.  DF is clear, as the ABI promises to every function.
 */
#ifndef MACHINE_MEM_H
#define MACHINE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/sgx_arch.h"

typedef uint64_t __attribute__((may_alias, aligned(1))) mem_u64;
typedef uint32_t __attribute__((may_alias, aligned(1))) mem_u32;
typedef uint16_t __attribute__((may_alias, aligned(1))) mem_u16;

static inline uint64_t mem_get64(const void *p) { return *(const mem_u64 *)p; }
static inline uint32_t mem_get32(const void *p) { return *(const mem_u32 *)p; }
static inline void mem_put64(void *p, uint64_t v) { *(mem_u64 *)p = v; }
static inline void mem_put32(void *p, uint32_t v) { *(mem_u32 *)p = v; }
static inline void mem_put16(void *p, uint16_t v) { *(mem_u16 *)p = v; }

/* Is this constant number of bytes a few words?  Always inlined, or the answer would be no. */
#define MEM_IS_SHORT(bytes) (__builtin_constant_p(bytes) && (bytes) <= 256 && (bytes) % 8 == 0)
#define MEM_INLINE static inline __attribute__((always_inline))

MEM_INLINE void mem_copy(void *dst, const void *src, size_t bytes)
{
	if (MEM_IS_SHORT(bytes)) {
		/* volatile: what others may change meanwhile is read once, as a string instruction would */
		for (size_t i = 0; i < bytes; i += 8) {
			mem_put64((uint8_t *)dst + i, *(const volatile mem_u64 *)((const uint8_t *)src + i));
			__asm__ volatile("" : : : "memory");
		}
		return;
	}
	__asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(bytes) : : "memory");
}

MEM_INLINE void mem_zero(void *dst, size_t bytes)
{
	if (MEM_IS_SHORT(bytes)) {
		for (size_t i = 0; i < bytes; i += 8) {
			mem_put64((uint8_t *)dst + i, 0);
			__asm__ volatile("" : : : "memory");
		}
		return;
	}
	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(bytes) : "a"(0) : "memory");
}

static inline void mem_fill(void *dst, uint8_t byte, size_t bytes)
{
	__asm__ volatile("rep stosb" : "+D"(dst), "+c"(bytes) : "a"(byte) : "memory");
}

static inline bool mem_equal(const void *a, const void *b, size_t bytes)
{
	const uint8_t *x = a, *y = b;
	uint8_t diff = 0;

	for (size_t i = 0; i < bytes; i++)
		diff |= (uint8_t)(x[i] ^ y[i]);
	return diff == 0;
}

static inline bool mem_is_zero(const void *p, size_t bytes)
{
	const uint8_t *b = p;
	uint64_t any = 0;
	size_t i = 0;

	for (; i + 8 <= bytes; i += 8)
		any |= mem_get64(b + i);
	for (; i < bytes; i++)
		any |= b[i];
	return any == 0;
}

static inline bool is_aligned(uint64_t addr, uint64_t bytes)
{
	return (addr & (bytes - 1)) == 0;
}

/* 48-bit linear addresses: bits 63:47 all equal */
static inline bool is_canonical(uint64_t addr)
{
	uint64_t top = addr >> 47;

	return top == 0 || top == 0x1ffff;
}

#endif
