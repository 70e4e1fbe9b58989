/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handler of the mmap enclave and its ledger, with SSA frames made by hand.  The test plays the CPU (writes
 * the frames) and the host (answers requests, honestly or not).
 */
#include "test_enclave_stub.h"

#include "../../enclaves/lib/ops.c"
#include "../../enclaves/lib/ops_grow.c"
#include "../../enclaves/lib/ops_identity.c"
#include "../../enclaves/lib/ops_memory.c"
#include "../../enclaves/lib/ops_run.c"
#include "../../enclaves/mmap.c"
#include "../../enclaves/mmap_ledger.c"

#define RESERVE_PAGE 16u
#define RESERVE_PAGES (STUB_PAGES - RESERVE_PAGE)
#define SSA_PAGE 1u

const uint64_t encl_ntcs = 1;
const uint8_t mmap_doorbell_insn[] = { 0x0f, 0x05 };
static const uint8_t payload_insn[] = { 0x0f, 0x05 }, other_insn[] = { 0x0f, 0x0b };
static struct encl_tls tls;
static struct encl_op op;

/* what the host does when it is asked */
static enum { HOST_SERVES, HOST_REFUSES, HOST_LIES, HOST_NONSENSE } host;
static uint64_t host_requests, doorbells;

void encl_entry(void) { }

static uint64_t la_of(uint64_t page)
{
	return (uint64_t)stub_base + page * SGX_PAGE_SIZE;
}

static struct sgx_gprsgx *frame(uint64_t i)
{
	return (struct sgx_gprsgx *)(la_of(SSA_PAGE + i + 1) - sizeof(struct sgx_gprsgx));
}

static void trap(uint64_t i, const uint8_t *rip)
{
	frame(i)->exitinfo = SGX_EXITINFO_VALID | SGX_EXITINFO_TYPE_HW | SGX_VEC_UD;
	frame(i)->rip = (uint64_t)rip;
}

static void host_answers(void)
{
	uint64_t first = (op.req_addr - (uint64_t)stub_base) / SGX_PAGE_SIZE;
	uint64_t pages = op.req_bytes / SGX_PAGE_SIZE;

	host_requests++;
	op.req_result = host == HOST_REFUSES ? (uint64_t)-LINUX_ENOMEM : host == HOST_NONSENSE ? 4096 : 0;
	for (uint64_t i = 0; host == HOST_SERVES && i < pages; i++)
		stub_pages[first + i] = PAGE_PENDING;
	if (host == HOST_LIES)
		stub_pages[first] = PAGE_PENDING;       /* the first of several */
}

static uint64_t enter(uint64_t cssa)
{
	return encl_main((uint64_t)&op, &tls, (uint64_t)stub_base, cssa);
}

void mmap_doorbell(void)
{
	doorbells++;
	trap(1, mmap_doorbell_insn);
	is_u64(enter(2), ENCL_OK, "the second-level handler takes the doorbell");
	is_u64(frame(1)->rip, (uint64_t)mmap_doorbell_insn + 2, "and steps over it");
	host_answers();
}

int64_t mmap_syscall(uint64_t addr, uint64_t bytes, uint64_t prot, uint64_t flags)
{
	struct sgx_gprsgx *g = frame(0);

	*g = (struct sgx_gprsgx){ .rax = LINUX_SYS_MMAP, .rdi = addr, .rsi = bytes, .rdx = prot, .r10 = flags };
	trap(0, payload_insn);
	is_u64(enter(1), ENCL_OK, "the handler serves the trapped syscall");
	if (op.req_pending) {
		host_answers();
		is_u64(enter(1), ENCL_OK, "and goes on after the host's answer");
	}
	is_u64(g->rip, (uint64_t)payload_insn + 2, "the payload resumes behind its SYSCALL");
	is_u64(op.req_pending | op.req_op, 0, "no request is left open");
	return (int64_t)g->rax;
}

static void prepare(void)
{
	stub_reset(PAGE_FREE);
	memset(taken, 0, sizeof(taken));
	tls = (struct encl_tls){
		.elrange_bytes = STUB_BYTES, .ssaframe_bytes = SGX_PAGE_SIZE, .ssa_off = SSA_PAGE * SGX_PAGE_SIZE,
		.nssa = 4, .reserve_off = RESERVE_PAGE * SGX_PAGE_SIZE,
		.reserve_bytes = RESERVE_PAGES * SGX_PAGE_SIZE,
	};
	host = HOST_SERVES;
	host_requests = doorbells = 0;
}

static uint64_t run(uint64_t addr, uint64_t pages, uint64_t prot, uint64_t by_doorbell)
{
	op = (struct encl_op){ .op = ENCL_OP_MMAP, .addr = addr, .pages = pages, .flags = prot, .opt = by_doorbell };
	return enter(0);
}

static void test_served(void)
{
	for (uint64_t bell = 0; bell < 2; bell++) {
		prepare();
		is_u64(run(0, 3, 3, bell), ENCL_OK, "mmap of 3 pages, by %s", bell ? "doorbell" : "EEXIT");
		is_u64(op.value, la_of(RESERVE_PAGE), "lies at the start of the reserve");
		is_u64(op.done, 3, "3 pages written and verified");
		is_u64(op.eacceptcopies, 3, "3 pages accepted");
		is_u64(stub_flags, SGX_SECINFO_REG | 3, "with the rights asked for");
		is_u64(host_requests, 1, "one request");
		is_u64(doorbells, bell, "and as many doorbells as there should be");
		is_u64(run(0, 1, 1, bell), ENCL_OK, "the next, read-only");
		is_u64(op.value, la_of(RESERVE_PAGE + 3), "lies behind it");
		is_u64(run(0, 1, 2, bell), ENCL_OK, "write-only");
		is_u64(stub_flags, SGX_SECINFO_REG | 3, "is read-write");
		is_u64(run(la_of(40), 2, 5, bell), ENCL_OK, "at a chosen address");
		is_u64(op.value, la_of(40), "it is there");
		is_u64(run(la_of(41), 2, 3, bell), ENCL_REFUSED, "over a page that is taken");
		is_u64(op.value, (uint64_t)-LINUX_EEXIST, "is EEXIST");
		is_u64(run(la_of(42), 1, 3, bell), ENCL_OK, "and took nothing of what was free");
	}
}

static void test_bad_requests(void)
{
	static const struct { uint64_t addr, pages, prot; int64_t err; const char *what; } bad[] = {
		{ 0, 0, 3, LINUX_EINVAL, "no pages" },
		{ 0, 1, 8, LINUX_EINVAL, "unknown rights" },
		{ 8, 1, 3, LINUX_EINVAL, "an unaligned address" },
		{ 0, RESERVE_PAGES + 1, 3, LINUX_ENOMEM, "more than the reserve" },
		{ 4096, 1, 3, LINUX_ENOMEM, "an address outside the reserve" },
		{ 0, UINT64_MAX / SGX_PAGE_SIZE, 3, LINUX_ENOMEM, "a huge length" },
	};

	prepare();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		is_u64(run(bad[i].addr, bad[i].pages, bad[i].prot, 0), ENCL_REFUSED, "%s: refused", bad[i].what);
		is_u64(op.value, (uint64_t)-bad[i].err, "with the right errno");
	}
	is_u64(host_requests, 0, "and the host was not asked");
	is_u64(run(0, 1, 3, 2), ENCL_BAD_ARG, "an unknown variant");
	op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = la_of(RESERVE_PAGE), .pages = 1 };
	is_u64(enter(0), ENCL_BAD_OP, "no accepting behind the back of the ledger");
}

static void test_hostile_host(void)
{
	for (uint64_t bell = 0; bell < 2; bell++) {
		prepare();
		host = HOST_REFUSES;
		is_u64(run(0, 4, 3, bell), ENCL_REFUSED, "the host has no memory");
		is_u64(op.value, (uint64_t)-LINUX_ENOMEM, "the payload hears so");
		host = HOST_NONSENSE;
		is_u64(run(0, 4, 3, bell), ENCL_REFUSED, "the host answers nonsense");
		is_u64(op.value, (uint64_t)-LINUX_EIO, "that is EIO");
		is_u64(stub_calls, 0, "no page was accepted");
		host = HOST_LIES;
		is_u64(run(0, 4, 3, bell), ENCL_REFUSED, "the host claims pages it did not add");
		is_u64(op.value, (uint64_t)-LINUX_EIO, "that is EIO");
		is_u64(op.sgx, STUB_CODE, "with the code of the leaf");
		host = HOST_SERVES;
		is_u64(run(0, 1, 3, bell), ENCL_OK, "an honest host again");
		is_u64(op.value, la_of(RESERVE_PAGE + 1), "the page accepted before the lie is not given out twice");
	}
}

static void test_other_frames(void)
{
	prepare();
	op = (struct encl_op){ .op = ENCL_OP_NOP };
	*frame(0) = (struct sgx_gprsgx){ .rax = LINUX_SYS_MMAP };
	trap(0, other_insn);
	is_u64(enter(1), ENCL_UNHANDLED, "#UD at something else is not served");
	is_u64(op.status, ENCL_UNHANDLED, "and says so");
	trap(0, payload_insn);
	frame(0)->exitinfo = SGX_EXITINFO_VALID | SGX_EXITINFO_TYPE_HW | SGX_VEC_PF;
	is_u64(enter(1), ENCL_UNHANDLED, "nor a page fault at a SYSCALL");
	frame(0)->exitinfo = 0;
	is_u64(enter(1), ENCL_UNHANDLED, "nor an interrupt");
	is_u64(frame(0)->rip, (uint64_t)payload_insn, "the frame is as it was");

	*frame(0) = (struct sgx_gprsgx){ .rax = 39 };
	trap(0, payload_insn);
	is_u64(enter(1), ENCL_OK, "another system call is served");
	is_u64(frame(0)->rax, (uint64_t)-LINUX_ENOSYS, "with ENOSYS");

	trap(1, mmap_doorbell_insn);
	is_u64(enter(2), ENCL_UNHANDLED, "a doorbell nobody rang is not served");
	is_u64(enter(3), ENCL_UNHANDLED, "nor a third level");
}

static void test_ledger(void)
{
	prepare();
	is_u64(ledger_take(&tls, RESERVE_PAGES), 0, "the whole reserve can be taken");
	is_u64(ledger_take(&tls, 1), (uint64_t)-1, "then nothing is left");
	ledger_give(5, 2);
	ledger_give(20, 3);
	is_u64(ledger_take(&tls, 3), 20, "a run is found behind a gap too small");
	is_u64(ledger_take(&tls, 2), 5, "which is still there");
	tls.reserve_bytes = UINT64_MAX;
	ok(!ledger_take_at(&tls, LEDGER_PAGES - 1, 2), "the ledger ends where it ends");
	ok(ledger_take_at(&tls, LEDGER_PAGES - 1, 1), "its last page counts");
	ok(!ledger_take_at(&tls, UINT64_MAX, 2), "no wrap");
}

int main(void)
{
	test_served();
	test_bad_requests();
	test_hostile_host();
	test_other_frames();
	test_ledger();
	ok(stub_secinfo_ok, "every SECINFO was aligned, its reserved bytes zero");
	return tap_done();
}
