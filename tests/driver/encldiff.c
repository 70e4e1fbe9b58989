/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Random lives of enclaves, from the outside and the inside: entries, exceptions, leafs with random operands, growth,
 * removal, mappings, signals, children.  One line per step; the same seed prints the same lines on every device, or
 * one of them is wrong.  Plain system calls: it runs on the real driver, and unchanged under `sgxctl run`.
 *
 * Not compared, because a machine without SGX cannot have it or the virtual machine has not: contents that host code
 * reads from pages the enclave may use; instructions other than SYSCALL that only SGX forbids; keys.
 *
 * usage: encldiff FIRST_SEED SEQUENCES STEPS [BALLAST]   BALLAST: pages of another enclave, so that the EPC is short
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dice.h"
#include "encldiff.h"
#include "encldiff_elf.h"

uint64_t dice;
struct encl en;
struct op *op = (struct op *)OPS;
void *vdso_enter;
uint64_t vdso_base;

void say(const char *format, ...)
{
	va_list args;

	printf("%llu.%u%c ", (unsigned long long)en.seed, en.step, en.who);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
}

const char *place(uint64_t v, char buf[40])
{
	if (v - BASE < SIZE)
		snprintf(buf, 40, "E+%llx", (unsigned long long)(v - BASE));
	else if (v - vdso_base < 0x10000 || v >> 41 == 0x7f >> 1)    /* mmap()ed: what stands in for the vDSO */
		snprintf(buf, 40, "vdso");
	else if (v - OPS < OPS_BYTES && v - OPS >= OPS_BYTES - STACK_BYTES)
		snprintf(buf, 40, "stack");
	else if (v == (uint64_t)(uintptr_t)encldiff_raw_aep)
		snprintf(buf, 40, "aep");
	else if (v == (uint64_t)(uintptr_t)encldiff_raw_enclu)
		snprintf(buf, 40, "enclu");
	else if (v >= (uint64_t)(uintptr_t)encldiff_raw_enclu && v < (uint64_t)(uintptr_t)encldiff_raw_aep)
		snprintf(buf, 40, "after");
	else
		snprintf(buf, 40, "%llx", (unsigned long long)v);
	return buf;
}

int64_t call_ioctl(unsigned long cmd, void *arg)
{
	int r = ioctl(en.fd, cmd, arg);

	return r < 0 ? -errno : r;
}

static void step(void)
{
	unsigned n = below(100);

	if (n < 34)
		step_inside();
	else if (n < 44)
		step_ssa();
	else if (n < 58)
		step_growth();
	else if (n < 78)
		step_pages();
	else if (n < 90)
		step_map();
	else
		step_host();
}

static void sequence(uint64_t seed, unsigned steps)
{
	memset(&en, 0, sizeof(en));
	en.seed = seed;
	en.who = 'p';
	dice_seed(seed);
	build();
	for (en.step = 1; en.step < steps && !en.is_over; en.step++)
		step();
	munmap((void *)(BASE - 0x10000), SIZE + 0x20000);
	close(en.fd);
	close(en.token);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: encldiff FIRST_SEED SEQUENCES STEPS [BALLAST]\n");
		return 64;
	}
	uint64_t first = strtoull(argv[1], NULL, 0), n = strtoull(argv[2], NULL, 0);
	unsigned steps = (unsigned)strtoul(argv[3], NULL, 0);

	if (mmap(op, OPS_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != op) {
		perror("mmap");
		return 1;
	}
	vdso_base = getauxval(AT_SYSINFO_EHDR);
	vdso_enter = vdso_symbol(vdso_base, "__vdso_sgx_enter_enclave");
	if (!vdso_enter) {
		fprintf(stderr, "the vDSO has no __vdso_sgx_enter_enclave\n");
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	host_setup();
	if (argc > 4)
		ballast((unsigned)strtoul(argv[4], NULL, 0));
	for (uint64_t s = first; s < first + n; s++)
		sequence(s, steps);
	return 0;
}
