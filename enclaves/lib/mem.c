/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memcpy and memset: called by name and by the compiler, which may assume that both exist. */
#include "encl.h"

/* rep movsb/stosb: interruptible at every byte, and the compiler cannot turn them into calls to themselves */
void *memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
	return dst;
}

void *memset(void *dst, int byte, size_t n)
{
	void *d = dst;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(byte) : "memory");
	return dst;
}
