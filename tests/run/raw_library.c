/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A library that makes its own system calls; it comes by dlopen. */
long raw_open(const char *path, int flags);

long raw_open(const char *path, int flags)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(2), "D"(path), "S"(flags), "d"(0) : "rcx", "r11", "memory");
	return r;
}
