/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The built enclaves, run on the emulated device: entry and exit code, nesting, threads made at run time, real
 * faults, the mmap sequence in both variants.  What the host must do for it is spelled out here.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../enclaves/bench_kernel.h"
#include "device/device.h"
#include "emul/emul.h"
#include "tap.h"

#define PAGE SGX_PAGE_SIZE
#define PENDING_RW (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_PENDING)
#define STATUS_UNSET 77u

static struct sgx_dev *dev;
static struct sign_key *key;
static struct err err;
static struct encl *en;
static uint64_t reserve;        /* its linear address */
static struct encl_exit last;

static void bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, err.msg);
	exit(1);
}

static void start(const char *name)
{
	const char *dir = getenv("SGXCTL_ENCLAVES");
	struct image_opts io = IMAGE_OPTS_DEFAULT;
	struct encl_opts opts = { .debug = -1, .key = key };
	char path[4096];
	struct plan plan;

	snprintf(path, sizeof(path), "%s/%s.elf", dir ? dir : "enclaves", name);
	if (image_open(path, &io, &plan, &err) < 0)
		bail(path);
	reserve = plan.dynamic[0].off;
	if (encl_build(dev, &plan, &opts, &en, &err) < 0)
		bail(name);
	reserve += en->base;
}

/* Enters until EEXIT or exception; true for EEXIT with status 0. */
static bool enter(struct encl_tcs *t, struct encl_op *op)
{
	encl_enter(en, t, SGX_EENTER, op, &last);
	return !last.fault && op->status == ENCL_OK;
}

static bool resume(struct encl_tcs *t, struct encl_op *op)
{
	encl_enter(en, t, SGX_ERESUME, op, &last);
	return !last.fault && op->status == ENCL_OK;
}

static bool faulted(unsigned int vector)
{
	return last.fault && last.vector == vector;
}

static void add_pages(uint64_t la, uint64_t pages)
{
	struct grow_request q = { .off = la - en->base, .pages = pages, .strategy = GROW_IOCTL, .rwx = 3 };
	struct grow_result r = { 0 };

	if (encl_grow(en, &q, &r, &err) < 0 || encl_map(en, q.off, pages, 3, &err) < 0)
		bail("adding pages");
}

/* Fills the local `op`; its address. */
#define OP(symbol, ...) (op = (struct encl_op){ .op = ENCL_OP_##symbol, .status = STATUS_UNSET, __VA_ARGS__ }, &op)

static void test_entry(void)
{
	struct encl_tcs *t = &en->tcs[0];
	struct encl_op op;
	struct encl_tls tls;
	struct sgx_report report;
	struct sgx_enter_regs regs = { .rdi = (uint64_t)&op, .rsi = 1, .rdx = 2, .r8 = 3, .r9 = 4 };
	uint8_t mrenclave[32];
	uint64_t mem[512];

	op = (struct encl_op){ .op = ENCL_OP_NOP };
	encl_enter_raw(en, t, SGX_EENTER, &regs, &last);
	ok(!last.fault && op.status == ENCL_OK, "nop enters and leaves");
	is_u64(regs.rdi | regs.rsi | regs.rdx | regs.r8 | regs.r9, 0, "and leaves nothing in the registers");
	regs.rdi = en->base;
	encl_enter_raw(en, t, SGX_EENTER, &regs, &last);
	is_u64(regs.r8, ENCL_BAD_ARG, "an op inside ELRANGE is refused in R8");
	ok(enter(t, OP(SELF, .dst = (uint64_t)&tls)), "self");
	is_u64(tls.elrange_bytes, en->size, "knows ELRANGE");
	is_u64(tls.reserve_off, reserve - en->base, "and the reserve");
	ok(enter(t, OP(REPORT, .dst = (uint64_t)&report)), "report");
	if (plan_measure(&en->plan, mrenclave, NULL, NULL, &err) < 0)
		bail("measuring");
	ok(!memcmp(report.mrenclave, mrenclave, 32), "names the measured MRENCLAVE");
	ok(enter(t, OP(BENCH, .value = 20, .pages = 1)), "bench");
	is_u64(op.value, bench_kernel(mem, 512, 20), "computes what the host computes");
}

static void test_nesting(void)
{
	struct encl_tcs *t = &en->tcs[0];
	uint64_t la = reserve + 64 * PAGE;
	static uint8_t contents[PAGE];
	struct encl_op op, fill, deep[2];

	memset(contents, 0x21, sizeof(contents));
	add_pages(la, 8);
	fill = *OP(FILL, .addr = la, .pages = 4, .value = 5);
	enter(t, &fill);
	ok(faulted(SGX_VEC_PF) && last.errcd == 0x8007 && last.addr == la, "writing a pending page faults 0x8007");
	for (size_t i = 0; i < 2; i++) {
		deep[i] = *OP(READ, .addr = la + (5 + i) * PAGE);
		enter(t, &deep[i]);
		ok(faulted(SGX_VEC_PF), "entry at CSSA %zu faults in its turn", i + 1);
	}
	ok(enter(t, OP(ACCEPTCOPY, .addr = la, .pages = 8, .flags = SGX_SECINFO_REG | 3, .src = (uint64_t)contents,
		       .opt = ENCL_OPT_CHUNK | ENCL_OPT_DOWN)), "the entry at CSSA 3 accepts all pages");
	is_u64(op.eacceptcopies, 8, "in one entry");
	for (size_t i = 2; i-- > 0;) {
		ok(resume(t, &deep[i]), "CSSA %zu resumes", i + 1);
		is_u64(deep[i].value, 0x2121212121212121, "with the contents");
	}
	ok(resume(t, &fill), "CSSA 0 resumes");
	is_u64(fill.done, 4, "and finishes its range");
	ok(enter(t, OP(CHECKSUM, .addr = la, .pages = 4)), "checksum");
	is_u64(op.value, 4 * 512 * 5, "of what was filled");
	enter(t, OP(ACCEPT, .addr = la, .pages = 1, .flags = PENDING_RW));
	is_u64(op.sgx, SGXC_PAGE_ATTRIBUTES_MISMATCH, "accepting twice is refused by the leaf");
	is_u64(op.status, ENCL_REFUSED, "and reported");
}

/* [2 stack pages][TLS][TCS][SSA x 2], and two more stack pages when they are missed */
static void test_dynamic_thread(void)
{
	struct encl_tcs *t = &en->tcs[0];
	uint64_t la = reserve + 256 * PAGE, tls_la = la + 2 * PAGE, tcs_la = la + 3 * PAGE, done;
	struct encl_tcs dyn = { .off = tcs_la - en->base };
	struct encl_op op, deep;

	add_pages(la, 6);
	ok(enter(t, OP(ACCEPT, .addr = la, .pages = 6, .flags = PENDING_RW)), "pages for a thread");
	ok(enter(t, OP(INIT_TCS, .addr = tcs_la, .value = tcs_la + PAGE - en->base, .opt = tls_la - en->base)),
	   "init-tcs");
	if (encl_modify_type(en, dyn.off, 1, SGX_PT_TCS, &done, &err) < 0)
		bail("modify type");
	ok(enter(t, OP(ACCEPT, .addr = tcs_la, .pages = 1, .flags = SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED)),
	   "its TCS is accepted");
	ok(enter(&dyn, OP(NOP, .addr = 0)), "the new thread can be entered");
	deep = *OP(STACK, .value = 3);
	enter(&dyn, &deep);
	ok(faulted(SGX_VEC_PF) && last.addr == la - PAGE, "it runs out of stack below the last page");
	add_pages(la - 2 * PAGE, 2);
	ok(enter(&dyn, OP(ACCEPT, .addr = la - 2 * PAGE, .pages = 2, .flags = PENDING_RW, .opt = ENCL_OPT_DOWN)),
	   "its own entry at CSSA 1 grows it downwards");
	ok(resume(&dyn, &deep), "it goes on");
	is_u64(deep.value, 3, "through all levels");
}

struct other_entry {
	struct encl_op op;
	struct encl_exit x;
	pthread_barrier_t started;
};

static void *run_other(void *arg)
{
	struct other_entry *o = arg;
	struct encl_op op;

	enter(&en->tcs[1], OP(NOP, .addr = 0));
	pthread_barrier_wait(&o->started);
	encl_enter(en, &en->tcs[1], SGX_EENTER, &o->op, &o->x);
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

static void test_registers(void)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	const struct sigaction sa = { .sa_handler = on_signal };
	struct other_entry o = { .op.status = STATUS_UNSET };
	static uint32_t flag;
	pthread_t thread;

	/* a handler must find the thread outside the enclave, so the emulator has to know of it */
	if (emul_sigaction(SIGUSR1, &sa, NULL) < 0)
		bail("no handler");
	flag = 0;
	o.op.op = ENCL_OP_CPUSTATE;
	o.op.addr = (uint64_t)&flag;
	o.op.value = 11;
	pthread_barrier_init(&o.started, NULL, 2);
	if (pthread_create(&thread, NULL, run_other, &o))
		bail("no thread");
	pthread_barrier_wait(&o.started);
	for (unsigned int i = 0; i < 200; i++) {
		struct encl_op op;

		enter(&en->tcs[0], OP(NOP, .addr = 0));
		pthread_kill(thread, SIGUSR1);
		nanosleep(&pause, NULL);
	}
	__atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&o.started);
	ok(!o.x.fault && o.op.status == ENCL_OK, "cpustate returns through 200 signals");
	is_u64(o.op.value, 0, "with every register as it was");
}

static void test_faults(void)
{
	static const struct { uint64_t value; unsigned int vector; } faults[] = {
		{ 0, SGX_VEC_DE }, { 6, SGX_VEC_UD }, { 13, SGX_VEC_GP }, { 14, SGX_VEC_PF }, { 19, SGX_VEC_XM },
		{ 256, SGX_VEC_UD }, { 258, SGX_VEC_UD },
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		struct encl_op op;

		enter(&en->tcs[i], OP(FAULT, .value = faults[i].value));
		ok(faulted(faults[i].vector), "fault %llu is vector %u", (unsigned long long)faults[i].value,
		   faults[i].vector);
		is_u64(op.status, STATUS_UNSET, "and no status is claimed");
	}
}

static void test_mmap(struct encl_tcs *t, uint64_t by_doorbell, uint64_t want_la)
{
	struct encl_op op;

	enter(t, OP(MMAP, .pages = 3, .flags = 3, .opt = by_doorbell));
	ok(faulted(SGX_VEC_UD), "mmap by %s: the syscall is #UD", by_doorbell ? "doorbell" : "EEXIT");
	enter(t, &op);
	if (by_doorbell) {
		ok(faulted(SGX_VEC_UD), "the doorbell is #UD");
		ok(enter(t, &op), "the second-level handler leaves");
	}
	is_u64(op.req_pending, 1, "a request is open");
	is_u64(op.req_op, 9, "for mmap");
	is_u64(op.req_addr, want_la, "at the address of the enclave's choice");
	is_u64(op.req_bytes, 3 * PAGE, "of 3 pages");
	add_pages(op.req_addr, 3);
	op.req_result = 0;
	ok(by_doorbell ? resume(t, &op) : enter(t, &op), "the handler goes on");
	is_u64(op.eacceptcopies, 3, "accepts each page");
	is_u64(op.req_pending, 0, "and closes the request");
	ok(resume(t, &op), "the payload finishes");
	is_u64(op.value, want_la, "with its memory");
	is_u64(op.done, 3, "which holds what it wrote");
}

int main(void)
{
	const struct dev_config cfg = { .kind = DEV_EMULATED };
	char dir[] = "/tmp/test_enclave_run.XXXXXX", path[64];
	bool created;

	if (sgx_dev_open(&cfg, &dev, &err) < 0) {
		tap_skip("running the test enclaves", err.msg);
		return tap_done();
	}
	if (!mkdtemp(dir))
		bail("no temporary directory");
	snprintf(path, sizeof(path), "%s/key.pem", dir);
	if (sign_key_user(path, &key, &created, &err) < 0)
		bail("signing key");
	start("grow");
	test_entry();
	test_nesting();
	test_dynamic_thread();
	test_registers();
	encl_free(en);
	start("threads");
	test_entry();
	test_faults();
	encl_free(en);
	start("mmap");
	test_entry();
	test_mmap(&en->tcs[0], 0, reserve);
	test_mmap(&en->tcs[1], 1, reserve + 3 * PAGE);
	encl_free(en);
	sign_key_free(key);
	sgx_dev_free(dev);
	unlink(path);
	rmdir(dir);
	return tap_done();
}
