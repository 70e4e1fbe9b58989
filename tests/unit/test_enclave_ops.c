/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The operations of the test enclaves: order, counters, and which addresses are refused. */
#include "test_enclave_stub.h"

#include "../../enclaves/bench_kernel.h"
#include "../../enclaves/lib/main.c"
#include "../../enclaves/lib/ops.c"
#include "../../enclaves/lib/ops_grow.c"
#include "../../enclaves/lib/ops_identity.c"
#include "../../enclaves/lib/ops_memory.c"
#include "../../enclaves/lib/ops_run.c"

#define HEAP_PAGE 8u

const uint64_t encl_ntcs = 2;
static struct encl_tls tls;
static struct encl_op op;
static uint8_t host_pages[4][SGX_PAGE_SIZE];

void encl_entry(void) { }

static uint64_t page_la(uint64_t page)
{
	return (uint64_t)stub_base + page * SGX_PAGE_SIZE;
}

static void prepare(enum encl_op_number number, enum stub_page state)
{
	stub_reset(state);
	tls = (struct encl_tls){
		.elrange_bytes = STUB_BYTES, .ssaframe_bytes = SGX_PAGE_SIZE, .stack_top_off = 0x10000,
		.heap_off = HEAP_PAGE * SGX_PAGE_SIZE, .heap_bytes = 8 * SGX_PAGE_SIZE,
	};
	op = (struct encl_op){ .op = number, .status = 99, .sgx = 99, .done = 99 };
}

static uint64_t run(void)
{
	uint64_t status = encl_main((uint64_t)&op, &tls, (uint64_t)stub_base, 0);

	is_u64(op.status, status, "R8 and op->status agree");
	return status;
}

static uint64_t run_range(enum encl_op_number number, enum stub_page state, uint64_t addr, uint64_t pages,
			  uint64_t opt)
{
	prepare(number, state);
	op.addr = addr;
	op.pages = pages;
	op.opt = opt;
	op.flags = number == ENCL_OP_TOUCH ? 1 : SGX_SECINFO_REG | SGX_SECINFO_R;
	return run();
}

static void test_op_pointer(void)
{
	static const int64_t bad[] = { 0, 8, -8, 4, STUB_BYTES - 8, -(int64_t)sizeof(struct encl_op) + 8 };

	prepare(ENCL_OP_NOP, PAGE_FREE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		is_u64(encl_main((uint64_t)stub_base + (uint64_t)bad[i], &tls, (uint64_t)stub_base, 0), ENCL_BAD_ARG,
		       "an op pointer %lld bytes from the base is refused", (long long)bad[i]);
	is_u64(encl_main(UINT64_MAX - 7, &tls, (uint64_t)stub_base, 0), ENCL_BAD_ARG, "and one that wraps");
	is_u64(run(), ENCL_OK, "nop runs");
	prepare(ENCL_OP_COUNT, PAGE_FREE);
	is_u64(run(), ENCL_BAD_OP, "an unknown operation is refused");
	prepare(ENCL_OP_MMAP, PAGE_FREE);
	is_u64(run(), ENCL_BAD_OP, "mmap belongs to the mmap enclave");
}

static void test_ranges(void)
{
	static const enum encl_op_number strict[] = { ENCL_OP_ACCEPT, ENCL_OP_ACCEPTCOPY, ENCL_OP_EXTEND };
	static const enum encl_op_number any[] = { ENCL_OP_TOUCH, ENCL_OP_FILL, ENCL_OP_CHECKSUM };
	uint64_t end = page_la(STUB_PAGES);

	for (size_t i = 0; i < 3; i++) {
		is_u64(run_range(strict[i], PAGE_PENDING, page_la(0) + 8, 1, 0), ENCL_BAD_ARG, "unaligned: refused");
		is_u64(run_range(strict[i], PAGE_PENDING, page_la(STUB_PAGES - 1), 2, 0), ENCL_BAD_ARG,
		       "one page over the end: refused");
		is_u64(run_range(strict[i], PAGE_PENDING, end, 1, 0), ENCL_BAD_ARG, "outside ELRANGE: refused");
		is_u64(run_range(strict[i], PAGE_PENDING, page_la(1), UINT64_MAX / 4096 + 2, 0), ENCL_BAD_ARG,
		       "a count that wraps to little: refused");
		is_u64(run_range(strict[i], PAGE_PENDING, page_la(1), 1, 0x80), ENCL_BAD_ARG,
		       "an unknown option: refused");
		is_u64(stub_calls, 0, "and no leaf was executed");
		is_u64(run_range(any[i], PAGE_FREE, page_la(STUB_PAGES - 1), 2, 0), ENCL_BAD_ARG,
		       "a range partly inside: refused");
		is_u64(run_range(any[i], PAGE_FREE, page_la(STUB_PAGES - 2), 2, 0), ENCL_OK, "up to the last page: fine");
		is_u64(op.done, 2, "and counted");
	}
}

static void test_accept(void)
{
	is_u64(run_range(ENCL_OP_ACCEPT, PAGE_PENDING, page_la(3), 4, 0), ENCL_OK, "accept 4 pages");
	is_u64(op.eaccepts, 4, "4 leafs completed");
	is_u64(op.done, 4, "4 done");
	is_u64(stub_order[0], 3, "upwards by default");
	is_u64(stub_flags, SGX_SECINFO_REG | SGX_SECINFO_R, "with the flags asked for");

	is_u64(run_range(ENCL_OP_ACCEPT, PAGE_PENDING, page_la(3), 4, ENCL_OPT_DOWN), ENCL_OK, "downwards");
	is_u64(stub_order[0], 6, "the highest page first");
	is_u64(stub_order[3], 3, "the lowest last");

	prepare(ENCL_OP_ACCEPT, PAGE_PENDING);
	stub_pages[5] = PAGE_FREE;
	op.addr = page_la(3);
	op.pages = 4;
	is_u64(run(), ENCL_REFUSED, "a page that is not pending is refused");
	is_u64(op.done, 2, "at the third");
	is_u64(op.sgx, STUB_CODE, "with the leaf's code");
	is_u64(stub_calls, 3, "and nothing is tried behind it");

	prepare(ENCL_OP_ACCEPT, PAGE_PENDING);
	stub_pages[5] = PAGE_FREE;
	op.addr = page_la(3);
	op.pages = 4;
	op.opt = ENCL_OPT_KEEP;
	is_u64(run(), ENCL_REFUSED, "with KEEP it is still reported");
	is_u64(op.done, 4, "all pages were gone through");
	is_u64(op.eaccepts, 3, "three accepted");
	is_u64(op.refused, 1, "one refused");
}

static void test_acceptcopy(void)
{
	for (size_t i = 0; i < 4; i++)
		memset(host_pages[i], (int)(0x10 + i), SGX_PAGE_SIZE);

	prepare(ENCL_OP_ACCEPTCOPY, PAGE_PENDING);
	memset(stub_base, 0xff, STUB_BYTES);
	op.addr = page_la(2);
	op.pages = 2;
	is_u64(run(), ENCL_OK, "acceptcopy of zeros");
	ok(!memcmp(stub_base + 2 * SGX_PAGE_SIZE, encl_zero_page, SGX_PAGE_SIZE), "the page is zero");
	is_u64(stub_base[4 * SGX_PAGE_SIZE], 0xff, "the page behind is not touched");

	for (unsigned int chunk = 0; chunk < 2; chunk++) {
		prepare(ENCL_OP_ACCEPTCOPY, PAGE_PENDING);
		op.addr = page_la(2);
		op.pages = 4;
		op.src = (uint64_t)host_pages;
		op.opt = ENCL_OPT_DOWN | (chunk ? ENCL_OPT_CHUNK : 0);
		is_u64(run(), ENCL_OK, "acceptcopy from the host");
		is_u64(op.eacceptcopies, 4, "4 pages");
		is_u64(stub_base[2 * SGX_PAGE_SIZE + 4095], 0x10, "the first page has the first contents");
		is_u64(stub_base[5 * SGX_PAGE_SIZE], chunk ? 0x10 : 0x13, "the last its own, or the one for all");
	}

	prepare(ENCL_OP_ACCEPTCOPY, PAGE_PENDING);
	op.addr = page_la(2);
	op.pages = 2;
	op.src = page_la(STUB_PAGES) - SGX_PAGE_SIZE;
	is_u64(run(), ENCL_BAD_ARG, "a source inside ELRANGE is refused");

	prepare(ENCL_OP_ACCEPTCOPY, PAGE_PENDING);
	tls.tcs_index = ENCL_TCS_DYNAMIC;
	op.addr = page_la(2);
	op.pages = 1;
	op.src = (uint64_t)host_pages;
	is_u64(encl_main((uint64_t)&op, &tls, (uint64_t)stub_base, 1), ENCL_BAD_OP,
	       "no staging on the small stack of a dynamic thread");
	is_u64(run(), ENCL_OK, "but on its entry stack");
}

static void test_memory(void)
{
	prepare(ENCL_OP_FILL, PAGE_FREE);
	op.addr = page_la(1);
	op.pages = 2;
	op.value = 5;
	is_u64(run(), ENCL_OK, "fill two pages");
	op.op = ENCL_OP_CHECKSUM;
	is_u64(run(), ENCL_OK, "checksum");
	is_u64(op.value, 5 * 2 * 512, "the sum of all words");
	op.op = ENCL_OP_TOUCH;
	op.flags = 1;
	is_u64(run(), ENCL_OK, "touch for writing");
	is_u64(stub_base[SGX_PAGE_SIZE], 5, "keeps the byte");
	op.flags = 2;
	is_u64(run(), ENCL_BAD_ARG, "unknown touch flags");

	prepare(ENCL_OP_COPYIN, PAGE_FREE);
	memset(host_pages, 0x77, sizeof(host_pages));
	op.addr = page_la(1) + 3;
	op.src = (uint64_t)host_pages;
	op.bytes = SGX_PAGE_SIZE + 1;
	is_u64(run(), ENCL_OK, "copy in");
	is_u64(op.done, 2, "a started page counts");
	is_u64(stub_base[2 * SGX_PAGE_SIZE + 3], 0x77, "to the last byte");
	is_u64(stub_base[2 * SGX_PAGE_SIZE + 4], 0, "and no further");
	op.src = page_la(9);
	is_u64(run(), ENCL_BAD_ARG, "copy in from inside is refused");
	op.op = ENCL_OP_COPYOUT;
	op.dst = page_la(9);
	is_u64(run(), ENCL_BAD_ARG, "copy out to inside is refused");
	op.addr = (uint64_t)host_pages;
	op.dst = (uint64_t)host_pages;
	is_u64(run(), ENCL_BAD_ARG, "copy out from outside is refused");
}

static void test_identity(void)
{
	static struct sgx_keyrequest kr = { .keyname = SGX_KEY_SEAL, .keyid = { 0x5a } };
	static uint8_t in[576], out[432];

	memset(in, 0x33, 32);
	memset(in + 512, 0x44, 64);
	prepare(ENCL_OP_REPORT, PAGE_FREE);
	op.src = (uint64_t)in;
	op.dst = (uint64_t)out;
	is_u64(run(), ENCL_OK, "report");
	ok(out[0] == 0x33 && out[32] == 0x44 && out[95] == 0x44, "TARGETINFO and REPORTDATA reached the leaf");
	op.src = page_la(0);
	is_u64(run(), ENCL_BAD_ARG, "a source inside is refused");

	prepare(ENCL_OP_GETKEY, PAGE_FREE);
	op.src = (uint64_t)&kr;
	op.dst = (uint64_t)out;
	is_u64(run(), ENCL_OK, "key");
	is_u64(out[15], 0x5a, "reaches the host");
	kr.keyname = SGX_KEY_REPORT;
	out[15] = 0;
	is_u64(run(), ENCL_REFUSED, "a refused key");
	is_u64(op.sgx, SGXC_INVALID_KEYNAME, "says why");
	is_u64(out[15], 0, "and writes nothing");
	op.src = page_la(0);
	is_u64(run(), ENCL_BAD_ARG, "a request inside is refused");
}

static void test_init_tcs(void)
{
	const struct sgx_arch_tcs *t = (const struct sgx_arch_tcs *)page_la(5);
	const struct encl_tls *dyn = (const struct encl_tls *)page_la(4);

	prepare(ENCL_OP_INIT_TCS, PAGE_FREE);
	op.addr = page_la(5);
	op.value = 6 * SGX_PAGE_SIZE;
	op.opt = 4 * SGX_PAGE_SIZE;
	memset(stub_base + 4 * SGX_PAGE_SIZE, 0xee, 2 * SGX_PAGE_SIZE);
	is_u64(run(), ENCL_OK, "init-tcs");
	is_u64(t->state | t->flags | t->cssa | t->aep | t->reserved[0] | t->reserved[4023], 0, "must-be-zero is zero");
	is_u64(t->ossa, 6 * SGX_PAGE_SIZE, "OSSA");
	is_u64(t->nssa, 2, "NSSA");
	is_u64(t->ogsbase, 4 * SGX_PAGE_SIZE, "OGSBASE");
	is_u64(t->oentry, (uint64_t)encl_entry - (uint64_t)stub_base, "OENTRY is relative to the base");
	is_u64(dyn->tcs_off, 5 * SGX_PAGE_SIZE, "its TLS knows the TCS");
	is_u64(dyn->stack_top_off, 4 * SGX_PAGE_SIZE, "the stack is below the TLS");
	is_u64(dyn->handler_stack_top_off, 5 * SGX_PAGE_SIZE, "the handler stack in it");
	is_u64(dyn->elrange_bytes, STUB_BYTES, "ELRANGE is handed on");
	op.value = STUB_BYTES - SGX_PAGE_SIZE;
	is_u64(run(), ENCL_BAD_ARG, "SSA frames over the end are refused");
	op.value = UINT64_MAX - 4095;
	is_u64(run(), ENCL_BAD_ARG, "and a negative OSSA");
}

static void test_running(void)
{
	static uint64_t mem[2 * 512];
	static uint32_t flag = 1;

	prepare(ENCL_OP_BENCH, PAGE_FREE);
	op.value = 10;
	op.pages = 2;
	is_u64(run(), ENCL_OK, "bench");
	is_u64(op.value, bench_kernel(mem, 2 * 512, 10), "gives what the host gets");
	op.pages = 5;
	is_u64(run(), ENCL_BAD_ARG, "more than the thread's share of the heap is refused");
	tls.tcs_index = ENCL_TCS_DYNAMIC;
	op.pages = 1;
	is_u64(run(), ENCL_BAD_ARG, "a dynamic thread has no share");

	prepare(ENCL_OP_CPUSTATE, PAGE_FREE);
	op.addr = (uint64_t)&flag;
	op.value = 7;
	is_u64(run(), ENCL_OK, "cpustate");
	is_u64(op.value, 0, "no register changed");
	op.addr = page_la(1);
	is_u64(run(), ENCL_BAD_ARG, "a flag inside is refused");

	prepare(ENCL_OP_STACK, PAGE_FREE);
	op.value = 9;
	is_u64(run(), ENCL_OK, "stack");
	is_u64(op.value, 9, "all levels found again");
	is_u64(op.done, 9, "and counted");
	op.value = UINT64_MAX;
	is_u64(run(), ENCL_BAD_ARG, "deeper than ELRANGE is refused");

	prepare(ENCL_OP_FAULT, PAGE_FREE);
	op.value = 1;
	is_u64(run(), ENCL_BAD_ARG, "an unknown fault is refused");
	prepare(ENCL_OP_EXEC, PAGE_FREE);
	op.addr = (uint64_t)host_pages;
	is_u64(run(), ENCL_BAD_ARG, "code outside is refused");
}

int main(void)
{
	stub_reset(PAGE_FREE);
	test_op_pointer();
	test_ranges();
	test_accept();
	test_acceptcopy();
	test_memory();
	test_identity();
	test_init_tcs();
	test_running();
	ok(stub_secinfo_ok, "every SECINFO was aligned, its reserved bytes zero");
	return tap_done();
}
