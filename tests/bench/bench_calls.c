/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bench_calls LABEL: what single system calls cost, in ns, as one JSON object.  Built with functions of libc, with system
 * call instructions of its own (OWN_INSTRUCTION), and static; bench.sh runs each natively and under `sgxctl run`.
 */
#include <cpuid.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define ROUNDS 25
#define TIMES  400

#ifdef OWN_INSTRUCTION
static long call3(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}
#define CALL3(nr, a, b, c) call3(nr, (long)(a), (long)(b), (long)(c))
#else
#define CALL3(nr, a, b, c) syscall(nr, a, b, c)
#endif

static void *page;

static void do_getppid(void)      { CALL3(SYS_getppid, 0, 0, 0); }
static void do_madvise(void)      { CALL3(SYS_madvise, page, 4096, MADV_NORMAL); }
static void do_open_close(void)   { CALL3(SYS_close, CALL3(SYS_open, "/dev/null", O_RDONLY, 0), 0, 0); }
static void libc_getppid(void)    { (void)getppid(); }
static void libc_madvise(void)    { (void)madvise(page, 4096, MADV_NORMAL); }
static void libc_open_close(void) { close(open("/dev/null", O_RDONLY)); }

static void do_cpuid(void)
{
	uint32_t a, b, c, d;

	__cpuid_count(7, 0, a, b, c, d);
	__asm__ volatile("" : : "r"(a), "r"(b), "r"(c), "r"(d));
}

static const struct {
	const char *name;
	void (*once)(void);
} calls[] = {
	{ "getppid", libc_getppid }, { "madvise", libc_madvise }, { "open_close", libc_open_close },
	{ "own_getppid", do_getppid }, { "own_madvise", do_madvise }, { "own_open_close", do_open_close },
	{ "cpuid", do_cpuid },
};

int main(int argc, char **argv)
{
	double v[ROUNDS];

	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (argc != 2 || page == MAP_FAILED)
		return 1;
	printf("{\"calls\":\"%s\"", argv[1]);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		for (int r = 0; r < ROUNDS; r++) {
			uint64_t t0 = bench_now_ns();

			for (int k = 0; k < TIMES; k++)
				calls[i].once();
			v[r] = (double)(bench_now_ns() - t0) / TIMES;
		}
		printf(",\"%s\":%.0f", calls[i].name, bench_fastest(v, ROUNDS));
	}
	puts("}");
	return 0;
}
