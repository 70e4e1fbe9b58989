/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking into /proc without libc.  Context: any, including signal handlers. */
#ifndef EMUL_PROC_H
#define EMUL_PROC_H

#include <stdint.h>

/* struct linux_dirent64, as getdents64 fills it */
struct proc_dirent {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

/* Writes n in decimal at p, and a NUL; returns where that is. */
static inline char *proc_put_number(char *p, uint32_t n)
{
	char digits[12], *d = digits;

	do
		*d++ = (char)('0' + n % 10);
	while (n /= 10);
	while (d > digits)
		*p++ = *--d;
	*p = 0;
	return p;
}

#endif
