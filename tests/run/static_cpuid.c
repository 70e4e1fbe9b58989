/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a static program sees of CPUID, and that nothing but CPUID instructions was changed.  TAP.  Argument: what
 * `sgxctl run` was told about the EPC, in bytes.
 */
#include <cpuid.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int count, failed;

static void ok(int cond, const char *what)
{
	printf("%sok %d - %s\n", cond ? "" : "not ", ++count, what);
	failed |= !cond;
}

/* the bytes of CPUID as an immediate, as data between functions, and behind data that does not decode */
uint32_t immediate(void);
uint32_t behind_data(uint32_t leaf);
extern const uint8_t between[], behind_data_site[];
__asm__(".text\n"
	".globl immediate; .type immediate, @function; immediate: mov $0xa20fa20f, %eax; ret; .size immediate, . - immediate\n"
	".globl between; between: .byte 0x0f, 0xa2, 0x0f, 0xa2\n"
	".globl behind_data; .type behind_data, @function; behind_data:\n"
	"push %rbx; mov %edi, %eax; xor %ecx, %ecx; jmp 1f; .byte 0x06, 0x06, 0x06\n"
	".globl behind_data_site; behind_data_site: 1: cpuid; mov %ebx, %eax; pop %rbx; ret; .size behind_data, . - behind_data\n");

static const volatile uint8_t data[] = { 0x0f, 0xa2, 0x90, 0x0f, 0xa2 };

/* a real function that asks, with the registers as the ABI wants them afterwards */
static __attribute__((noinline)) void ask(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__cpuid_count(leaf, sub, r[0], r[1], r[2], r[3]);
}

int main(int argc, char **argv)
{
	uint64_t epc = argc > 1 ? strtoull(argv[1], NULL, 0) : 0;
	uint32_t r[4], brand[4];

	ask(0, 0, r);
	ok(r[0] >= 0x12, "leaf 0 reaches leaf 12H");
	ask(7, 0, r);
	ok(r[1] >> 2 & 1, "leaf 7 has SGX");
	ok(r[2] >> 30 & 1, "and SGX_LC");
	ask(0x12, 0, r);
	ok((r[0] & 3) == 3 && (r[3] >> 8 & 0xff) >= 36, "leaf 12H.0 has SGX1, SGX2 and the sizes");
	ask(0x12, 1, r);
	ok((r[0] & 6) == 6 && (r[2] & 3) == 3, "leaf 12H.1 has DEBUG, MODE64BIT, x87 and SSE");
	ask(0x12, 2, r);
	ok((r[0] & 0xf) == 1 && ((uint64_t)(r[3] & 0xfffff) << 32 | (r[2] & 0xfffff000u)) == epc,
	   "leaf 12H.2 is one EPC section of the size asked for");
	ask(0x12, 3, r);
	ok(!r[0] && !r[1] && !r[2] && !r[3], "leaf 12H.3 ends the list");
	ask(0x80000000u, 0, r);
	ask(0x80000002u, 0, brand);
	ok(r[0] >= 0x80000004u && brand[0], "other leaves are the processor's");
	ok(immediate() == 0xa20fa20fu, "an immediate keeps its bytes");
	ok(!memcmp(between, "\x0f\xa2\x0f\xa2", 4), "bytes between functions keep theirs");
	ok(data[0] == 0x0f && data[1] == 0xa2 && data[3] == 0x0f && data[4] == 0xa2, "so does data");
	ok(behind_data_site[0] == 0x0f && behind_data_site[1] == 0xa2 && !(behind_data(0x12) & 0x80000000u),
	   "a function that does not decode is left alone, and runs");
	printf("1..%d\n", count);
	return failed;
}
