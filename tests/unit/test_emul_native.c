/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enclave code running natively on the emulated device: entries, exits, growth, exceptions, signals, threads, fork. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "emul_rig.h"
#include "tap.h"

#define GROW 0x100000u

static void basics(struct rig *r)
{
	struct encl_op op = { .op = ENCL_OP_NOP };

	is_u64(rig_op(r, 0, &op), ENCL_OK, "EENTER and EEXIT");
	op = (struct encl_op){ .op = 4711 };
	is_u64(rig_op(r, 0, &op), ENCL_BAD_OP, "the enclave refuses an operation it does not know");
	op = (struct encl_op){ .op = ENCL_OP_FILL, .addr = r->base + GROW, .pages = 1 };
	struct sgx_enclave_run run;

	is_u64(rig_enter(r, 0, 2, &op, &run), 0, "an exception returns 0");
	ok(run.function == 3 && run.exception_vector == 14 && run.exception_error_code == 6 &&
	   run.exception_addr == r->base + GROW, "no mapping: v14/0x6, got v%u/0x%x/%u", run.exception_vector,
	   run.exception_error_code, run.function);
}

static void growth(struct rig *r)
{
	struct encl_op op;
	struct sgx_enclave_run run;
	struct sgx_enclave_augment_pages a = { .offset = GROW + 0x10000, .length = 16 * 4096 };

	is_u64(emul_ioctl(r->fd, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a), 0, "AUGMENT of 16 pages");
	is_u64(a.count, 16 * 4096, "count is all of it");
	ok(rig_map(r, GROW + 0x10000, 16, PROT_READ | PROT_WRITE) > 0, "map them");
	op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = r->base + GROW + 0x10000, .pages = 16, .flags = 0x20b };
	is_u64(rig_op(r, 0, &op), ENCL_OK, "EACCEPT of 16 pages in one entry");
	is_u64(op.done, 16, "all were accepted");
	is_u64(op.eaccepts, 16, "16 EACCEPTs completed");
	op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = r->base + GROW + 0x10000, .pages = 1, .flags = 0x20b };
	is_u64(rig_op(r, 0, &op), ENCL_REFUSED, "accepting again is refused");
	is_u64(op.sgx, 19, "with PAGE_ATTRIBUTES_MISMATCH");
	op = (struct encl_op){ .op = ENCL_OP_FILL, .addr = r->base + GROW + 0x10000, .pages = 16, .value = 7 };
	is_u64(rig_op(r, 0, &op), ENCL_OK, "the pages are writable");
	op = (struct encl_op){ .op = ENCL_OP_CHECKSUM, .addr = r->base + GROW + 0x10000, .pages = 16 };
	rig_op(r, 0, &op);
	is_u64(op.value, 16 * 512 * 7, "and keep what was written");

	ok(rig_map(r, GROW, 1, PROT_READ | PROT_WRITE) > 0, "map one page of the reserve");
	op = (struct encl_op){ .op = ENCL_OP_WRITE, .addr = r->base + GROW, .value = 5 };
	rig_enter(r, 0, 2, &op, &run);
	ok(run.function == 3 && run.exception_vector == 14 && run.exception_error_code == 0x8007,
	   "access before accept: v14/0x8007, got 0x%x", run.exception_error_code);
	struct encl_op acc = { .op = ENCL_OP_ACCEPT, .addr = r->base + GROW, .pages = 1, .flags = 0x20b };

	is_u64(rig_op(r, 1, &acc), ENCL_OK, "the other TCS accepts");
	is_u64(rig_enter(r, 0, 3, &op, &run), 0, "ERESUME");
	ok(run.function == 4 && op.status == ENCL_OK, "the interrupted write finishes");
}

static void exceptions(struct rig *r)
{
	static const struct { uint64_t value; unsigned vector; const char *what; } rows[] = {
		{ 0, 0, "#DE" }, { 6, 6, "UD2" }, { 3, 6, "INT3 without opt-in" }, { 13, 13, "HLT" }, { 14, 14, "a read of address 0" },
		{ 256, 6, "SYSCALL" }, { 258, 6, "INT 0x80" }, { 259, 6, "IN" }, { 260, 13, "a jump outside ELRANGE" },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct rig one = { 0 };
		struct sgx_enclave_run run;
		struct encl_op op = { .op = ENCL_OP_FAULT, .value = rows[i].value };

		(void)r;
		rig_build(&one, "grow.elf", true);
		rig_enter(&one, 0, 2, &op, &run);
		ok(run.function == 3 && run.exception_vector == rows[i].vector, "%s is vector %u, got %u (function %u)",
		   rows[i].what, rows[i].vector, run.exception_vector, run.function);
		rig_free(&one);
	}
}

static void refused_entries(struct rig *r)
{
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct sgx_enclave_run run = { .tcs = r->base + r->plan.tcs[0] };

	rig_enter(r, 0, 3, &op, &run);
	ok(run.function == 3 && run.exception_vector == 13, "ERESUME with CSSA 0 is #GP");
	is_u64(rig_enter(r, 0, 4, &op, &run), (uint64_t)-22, "a function that is neither EENTER nor ERESUME is -EINVAL");
}

/* ---- asynchronous signals -------------------------------------------------------------------------- */

static volatile sig_atomic_t alarms, bad_context;
static struct rig *storm_rig;

static void on_alarm(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;
	uint64_t rip = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];

	(void)sig;
	(void)info;
	alarms++;
	if (rip >= storm_rig->base && rip < storm_rig->base + storm_rig->size)
		bad_context++;
}

static void *set_flag_later(void *arg)
{
	usleep(300000);
	*(volatile uint32_t *)arg = 1;
	return NULL;
}

static void *raise_alarm(void *arg)
{
	pthread_kill(pthread_self(), SIGALRM);
	return arg;
}

static void storm(struct rig *r)
{
	struct sigaction sa = { .sa_sigaction = on_alarm, .sa_flags = SA_SIGINFO | SA_RESTART };
	struct itimerval every = { { 0, 50 }, { 0, 50 } }, off = { { 0, 0 }, { 0, 0 } };
	volatile uint32_t flag = 0;
	struct encl_op op = { .op = ENCL_OP_CPUSTATE, .value = 0x1234567, .addr = (uintptr_t)&flag };
	struct encl_op nop = { .op = ENCL_OP_NOP };
	pthread_t t;

	storm_rig = r;
	is_u64(emul_sigaction(SIGALRM, &sa, NULL), 0, "a handler for SIGALRM");
	/* a thread that never entered has no alternate stack of ours */
	pthread_create(&t, NULL, raise_alarm, NULL);
	pthread_join(t, NULL);
	is_u64(alarms, 1, "a thread that never entered runs the handler once");
	/* the timer thread must not take the alarms */
	sigset_t m, o;

	sigemptyset(&m);
	sigaddset(&m, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &m, &o);
	pthread_create(&t, NULL, set_flag_later, (void *)(uintptr_t)&flag);
	pthread_sigmask(SIG_SETMASK, &o, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	is_u64(rig_op(r, 0, &op), ENCL_OK, "a spinning enclave under a 50 us timer");
	is_u64(op.value, 0, "all registers survive");
	uint64_t bad = 0, entries = 0;

	/*
	 * Where handling an alarm takes as long as the next is away (a static program's system calls are traps), an entry
	 * takes as long as it may: enough alarms are as good as all entries.
	 */
	for (int before = alarms; entries < 20000 && (entries < 1000 || alarms - before < 10000); entries++)
		bad += rig_op(r, 0, &nop) != ENCL_OK;
	setitimer(ITIMER_REAL, &off, NULL);
	pthread_join(t, NULL);
	is_u64(bad, 0, "%d entries under the timer", (int)entries);
	ok(alarms > 100, "%d alarms arrived", (int)alarms);
	is_u64(bad_context, 0, "no handler saw an RIP inside ELRANGE");
}

/* ---- vector state ----------------------------------------------------------------------------------- */

extern const uint8_t vector_code[], vector_code_end[];

static uint64_t host_xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

/* ZMM, opmask and MXCSR of enclave code across thousands of asynchronous exits */
static void vectors_survive(void)
{
	struct rig r = { .xfrm = host_xcr0() & 0xe7 };
	struct itimerval every = { { 0, 50 }, { 0, 50 } }, off = { { 0, 0 }, { 0, 0 } };
	volatile uint32_t flag = 0;
	pthread_t t;
	sigset_t m, o;

	if (r.xfrm != 0xe7) {
		tap_skip("vector registers survive AEX and ERESUME", "this CPU has no AVX-512");
		return;
	}
	rig_build(&r, "grow.elf", true);
	storm_rig = &r;
	rig_map(&r, GROW, 2, PROT_READ | PROT_WRITE | PROT_EXEC);
	struct encl_op op = { .op = ENCL_OP_ACCEPTCOPY, .addr = r.base + GROW, .pages = 2, .flags = 0x205,
			      .src = (uintptr_t)vector_code };

	is_u64(rig_op(&r, 0, &op), ENCL_OK, "EACCEPTCOPY of code to an RX page");
	sigemptyset(&m);
	sigaddset(&m, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &m, &o);
	pthread_create(&t, NULL, set_flag_later, (void *)(uintptr_t)&flag);
	pthread_sigmask(SIG_SETMASK, &o, NULL);
	alarms = 0;
	setitimer(ITIMER_REAL, &every, NULL);
	op = (struct encl_op){ .op = ENCL_OP_EXEC, .addr = r.base + GROW, .value = (uintptr_t)&flag };
	is_u64(rig_op(&r, 0, &op), ENCL_OK, "code in the new page runs");
	setitimer(ITIMER_REAL, &off, NULL);
	pthread_join(t, NULL);
	is_u64(op.value, 0, "ZMM, opmask and MXCSR survive %d AEXs", (int)alarms);
	ok(alarms > 100, "there were enough of them");
	rig_free(&r);
}

/* EENTER and EEXIT leave the vector registers of the caller alone */
static void vectors_pass_through(struct rig *r)
{
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct sgx_enclave_run run = { .tcs = r->base + r->plan.tcs[0] };
	static uint64_t before[16][2], after[16][2];
	/* fixed registers: RBP and RAX are in use inside */
	register uint64_t r8 __asm__("r8") = (uintptr_t)&run;
	register uint64_t r9 __asm__("r9") = (uintptr_t)before;
	uint64_t out = (uintptr_t)after, rdi = (uintptr_t)&op, rsi = 0, rdx = 0, leaf = 2;
	int ret;

	for (unsigned i = 0; i < 16; i++)
		before[i][0] = before[i][1] = 0x0101010101010101u * (i + 1);
#define LOAD(i) "movdqu " #i "*16(%[b]), %%xmm" #i ";"
#define STORE(i) "movdqu %%xmm" #i ", " #i "*16(%[a]);"
#define ALL(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
	__asm__ volatile("push %%rbp; mov %%rsp, %%rbp; and $-16, %%rsp; push %[a]; push %[run];" ALL(LOAD)
			 "call emul_vdso_enter; mov 8(%%rsp), %[a];" ALL(STORE) "mov %%rbp, %%rsp; pop %%rbp"
			 : "=a"(ret), [a] "+b"(out), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+c"(leaf), [run] "+r"(r8), [b] "+r"(r9)
			 :
			 : "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
#undef LOAD
#undef STORE
	(void)ret;
	bool same = true;

	for (unsigned i = 0; i < 16; i++)
		same = same && before[i][0] == after[i][0] && before[i][1] == after[i][1];
	ok(run.function == 4 && same, "EENTER and EEXIT pass the vector registers through");
}

/* ---- threads and fork ------------------------------------------------------------------------------- */

struct worker { struct rig *r; unsigned t; uint64_t bad; };

static void *grow_many(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < 64; i++) {
		uint64_t off = GROW + 0x100000 + (w->t * 64 + i) * 4096;
		struct encl_op op = { .op = ENCL_OP_ACCEPT, .addr = w->r->base + off, .pages = 1, .flags = 0x20b };

		w->bad += rig_map(w->r, off, 1, PROT_READ | PROT_WRITE) < 0;
		w->bad += rig_op(w->r, w->t, &op) != ENCL_OK;
		op = (struct encl_op){ .op = ENCL_OP_WRITE, .addr = w->r->base + off, .value = off };
		w->bad += rig_op(w->r, w->t, &op) != ENCL_OK;
	}
	return NULL;
}

static void threads(void)
{
	struct rig r = { 0 };
	struct worker w[8];
	pthread_t t[8];
	uint64_t bad = 0;

	rig_build(&r, "threads.elf", true);
	for (unsigned i = 0; i < 8; i++) {
		w[i] = (struct worker){ &r, i, 0 };
		pthread_create(&t[i], NULL, grow_many, &w[i]);
	}
	for (unsigned i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		bad += w[i].bad;
	}
	is_u64(bad, 0, "eight threads on eight TCSs grow by fault, 512 pages");
	rig_free(&r);
}

/* Two threads accept the same absent pages: each page once, the other sees 19, nobody a fault. */
struct racer { struct rig *r; unsigned t; _Atomic int *go; uint64_t accepted, refused, other; };
#define RACE_PAGES 3000

static void *accept_same(void *arg)
{
	struct racer *w = arg;

	while (!*w->go)
		;
	for (uint64_t i = 0; i < RACE_PAGES; i++) {
		struct encl_op op = { .op = ENCL_OP_ACCEPT, .addr = w->r->base + 0x200000 + i * 4096, .pages = 1, .flags = 0x20b };
		uint64_t st = rig_op(w->r, w->t, &op);

		if (st == ENCL_OK)
			w->accepted++;
		else if (st == ENCL_REFUSED && op.sgx == SGXC_PAGE_ATTRIBUTES_MISMATCH)
			w->refused++;
		else
			w->other++;
	}
	return NULL;
}

static void same_pages(void)
{
	struct rig r = { 0 };
	_Atomic int go = 0;
	struct racer w[2] = { { &r, 0, &go, 0, 0, 0 }, { &r, 1, &go, 0, 0, 0 } };
	pthread_t t[2];

	rig_build(&r, "threads.elf", true);
	rig_map(&r, 0x200000, RACE_PAGES, PROT_READ | PROT_WRITE);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, accept_same, &w[i]);
	go = 1;
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	is_u64(w[0].accepted + w[1].accepted, RACE_PAGES, "two threads accept the same absent pages: each page once");
	is_u64(w[0].refused + w[1].refused, RACE_PAGES, "and the other thread is told");
	is_u64(w[0].other + w[1].other, 0, "with no fault seen");
	rig_free(&r);
}

static void forked(struct rig *r)
{
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = r->base + GROW, .value = 0x77 };
	pid_t pid = fork();

	if (!pid) {
		struct sgx_enclave_run run;
		struct encl_op sys = { .op = ENCL_OP_FAULT, .value = 256 };
		bool good = rig_op(r, 0, &op) == ENCL_OK;

		rig_enter(r, 1, 2, &sys, &run);
		_exit(good && run.function == 3 && run.exception_vector == 6 ? 0 : 1);
	}
	int st = -1;

	waitpid(pid, &st, 0);
	is_u64(st, 0, "a forked child enters the shared enclave, and a syscall in it is caught");
	op = (struct encl_op){ .op = ENCL_OP_READ, .addr = r->base + GROW };
	rig_op(r, 0, &op);
	is_u64(op.value, 0x77, "the parent sees what the child wrote");
}

/* ---- what one process takes away, in another that has the enclave ------------------------------------------ */

#define NARROWED 24u            /* more than are remembered one by one */
static struct rig shared;
static uint32_t never;

static bool write_page(unsigned t, unsigned i, uint32_t *ret_errcd)
{
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = shared.base + GROW + i * 4096, .value = i };
	struct sgx_enclave_run run;

	rig_enter(&shared, t, 2, &op, &run);
	*ret_errcd = run.function == 4 ? 0 : run.exception_error_code;
	return run.function == 4;
}

static void *spin_inside(void *arg)
{
	struct encl_op op = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)&never };

	rig_op(&shared, 1, &op);
	return arg;
}

/* A child that says when its thread is inside, and on the word of its parent tries to write. */
static _Noreturn void writer(int from_parent, int to_parent)
{
	uint32_t errcd[3];
	char word;
	pthread_t t;

	if (pthread_create(&t, NULL, spin_inside, NULL) || write(to_parent, "", 1) != 1 || read(from_parent, &word, 1) != 1)
		_exit(1);
	bool wrote = write_page(0, NARROWED, &errcd[0]);

	_exit(wrote && !write_page(0, 0, &errcd[1]) && errcd[1] == 0x8007 && !write_page(0, NARROWED - 1, &errcd[2]) &&
	      errcd[2] == 0x8007 ? 0 : 2);
}

static uint64_t count_aexs(void)
{
	struct emul_get_counters c = { 0 };

	emul_ioctl(shared.fd, EMUL_IOC_GET_COUNTERS, &c);
	return c.aexs;
}

static bool is_inside(void)
{
	struct emul_get_secs a = { 0 };

	return !emul_ioctl(shared.fd, EMUL_IOC_GET_SECS, &a) && a.threads_inside;
}

static void narrowed(void)
{
	struct encl_op op = { .op = ENCL_OP_ACCEPT, .pages = NARROWED + 1, .flags = 0x20b };
	int down[2], up[2], st = -1;
	uint32_t errcd;
	char word;

	rig_build(&shared, "grow.elf", true);
	op.addr = shared.base + GROW;
	rig_map(&shared, GROW, NARROWED + 1, PROT_READ | PROT_WRITE);
	is_u64(rig_op(&shared, 0, &op), ENCL_OK, "pages to share");
	for (unsigned i = 0; i <= NARROWED; i++)
		write_page(0, i, &errcd);
	if (pipe(down) || pipe(up))
		return;
	pid_t pid = fork();

	if (!pid)
		writer(down[0], up[1]);
	ok(read(up[0], &word, 1) == 1, "a forked child has them too");
	for (int i = 0; i < 10000 && !is_inside(); i++)
		usleep(1000);
	uint64_t before = count_aexs();
	unsigned done = 0;

	for (uint64_t i = 0; i < NARROWED; i++) {
		struct sgx_enclave_restrict_permissions a = {
			.offset = GROW + i * 4096, .length = 4096, .permissions = SGX_SECINFO_R,
		};

		done += !emul_ioctl(shared.fd, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &a);
	}
	is_u64(done, NARROWED, "the parent takes W away while a thread of the child is inside");
	ok(count_aexs() > before, "which makes an asynchronous exit for it");
	ok(!write_page(0, 1, &errcd) && errcd == 0x8007, "the parent itself cannot write any more");
	st = write(down[1], "", 1) == 1 && waitpid(pid, &st, 0) == pid ? st : -1;
	is_u64((uint64_t)st, 0, "nor can the child, while other pages are as they were");
	rig_free(&shared);
}

int main(void)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC };
	struct rig r = { 0 };
	int s = emul_setup(&cfg);

	if (s) {
		printf("Bail out! emul_setup: %d\n", s);
		return 1;
	}
	rig_build(&r, "grow.elf", true);
	ok(true, "grow is built and initialised");
	basics(&r);
	rig_free(&r);
	rig_build(&r, "grow.elf", true);
	growth(&r);
	refused_entries(&r);
	storm(&r);
	vectors_pass_through(&r);
	forked(&r);
	rig_free(&r);
	exceptions(&r);
	vectors_survive();
	threads();
	for (int i = 0; i < 4; i++)
		same_pages();
	narrowed();
	return tap_done();
}
