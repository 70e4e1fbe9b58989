/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* encldiff: entering, resuming, exceptions and what they leave in the SSA; user handlers, own ENCLUs, signals. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dice.h"
#include "encldiff.h"


/* ---- entries ------------------------------------------------------------------------------------------------ */

static int handler_answers[3];
static unsigned handler_calls;

static int user_handler(long rdi, long rsi, long rdx, long ursp, long r8, long r9, struct sgx_enclave_run *run)
{
	char a[40], b[40], c[40];
	int answer = handler_calls < 3 ? handler_answers[handler_calls] : 0;

	/* an entry that is refused leaves what this function left in r8 and r9 */
	printf(" handler(%lx %lx %s %s", rdi, rsi, place((uint64_t)rdx, a), place((uint64_t)ursp, b));
	if (!handler_calls++)
		printf(" r8=%lx r9=%s", r8, place((uint64_t)r9, c));
	printf(" fn=%u)->%d", run->function, answer);
	return answer;
}

static void show_run(int ret, const struct sgx_enclave_run *run)
{
	char a[40];

	printf(" ret=%d fn=%u", ret, run->function);
	if (run->exception_vector | run->exception_error_code | run->exception_addr)
		printf(" v=%u err=%x at=%s", run->exception_vector, run->exception_error_code,
		       place(run->exception_addr, a));
}

bool enter(unsigned t, unsigned function, const char *what)
{
	struct sgx_enclave_run run = { .tcs = en.tcs[t % en.n_tcs] };
	char a[40];
	int ret;

	if (one_in(12)) {
		run.user_handler = (uintptr_t)user_handler;
		handler_calls = 0;
		for (unsigned i = 0; i < 3; i++) {
			/* 2 would take what this function left in the registers */
			static const int answers[] = { 0, 0, 3, 3, -5, 1, 4 };

			handler_answers[i] = PICK(answers);
		}
	}
	if (one_in(40))
		run.reserved[below(27) * 8] = 1;
	if (one_in(40))
		run.tcs = one_in(4) ? OPS : one_in(2) ? run.tcs + 8 : BASE + (PAGE_CODE + below(PAGES + 1 - PAGE_CODE)) * 4096ull;
	op->cssa = 0x99;
	op->in = 0;
	op->flags = 0;
	say("enter %s tcs=%s fn=%u", what, place(run.tcs, a), function);
	ret = encldiff_call(&run, op, function, vdso_enter);
	show_run(ret, &run);
	if (!ret && run.function == 4)
		printf(" cssa=%llx out=%s flags=%llx", (unsigned long long)op->cssa, place(op->out, a),
		       (unsigned long long)op->flags);
	putchar('\n');
	return !ret && run.function == 4;
}

static void clear_op(uint64_t kind)
{
	uint64_t cssa = op->cssa;

	memset(op, 0, sizeof(*op));
	op->cssa = cssa;
	op->kind = kind;
}

static bool secinfo_is_good(unsigned nr, uint64_t si)
{
	uint64_t type = si >> 8 & 0xff, low = si & 0xff;

	if (si >> 16 || low & 0xc0 || (si & 3) == 2)
		return false;
	if (nr == SGX_EACCEPT)
		return si == 0x20b || (type == 2 && (low & 0x38) == 0x20) || si == 0x110 || si == 0x410;
	if (nr == SGX_EACCEPTCOPY)
		return type == 2;
	return true;
}

void leaf(unsigned t, unsigned nr, uint64_t la, uint64_t secinfo, uint64_t src)
{
	char what[120], a[40], b[40];

	/* the manual does not look at them, the virtual machine's processor does */
	if (nr == SGX_EACCEPTCOPY)
		secinfo &= ~0x38ull;
	clear_op(KIND_LEAF);
	op->rax = nr;
	/* a leaf that is resumed later finds what others left: nothing that the virtual machine's processor minds */
	op->si_la = BASE + PAGE_DATA * 4096ull + 64 * (below(8) + 8 * (nr - SGX_EACCEPT));
	op->rbx = op->si_la;
	op->rcx = la;
	op->rdx = src;
	memcpy(op->secinfo, &secinfo, 8);
	if (one_in(16)) {
		/*
		 * Which of two violations is reported first is not known of the virtual machine's processor, and decides whether
		 * a page is added: bad operands of other kinds go with a page that is always there.
		 */
		op->rcx = op->rdx = BASE + PAGE_STEADY * 4096ull;
		switch (below(4)) {
		case 0: op->secinfo[8 + below(56)] = 1; break;
		case 1: op->rbx += 1 + below(63); break;
		case 2: op->rbx = one_in(2) ? OPS + OP_SECINFO : BASE + PAGE_STEADY * 4096ull + 64; break;
		default: op->rcx += 8; break;
		}
	} else if (!secinfo_is_good(nr, secinfo)) {
		op->rcx = op->rdx = BASE + PAGE_STEADY * 4096ull;
	}
	snprintf(what, sizeof(what), "leaf %u si=%llx la=%s src=%s", nr, (unsigned long long)secinfo, place(op->rcx, a),
		 place(src, b));
	enter(t, 2, what);
}

static uint64_t any_page(void)
{
	return BASE + below(PAGES) * 4096ull;
}

/* Where in a page keys and reports go: other steps read what lies before that. */
#define SECRET 0xa00u

/*
 * The kernel brings these pages before the leaf: the virtual machine's processor does not save an AEX of EREPORT,
 * EGETKEY and of fetches.
 */
static void look_at(unsigned t, uint64_t la)
{
	uint64_t kind = op->kind, rbx = op->rbx, si_la = op->si_la;

	op->kind = KIND_READ;
	op->rbx = la & ~4095ull;
	op->si_la = 0;
	enter(t, 2, "look");
	op->kind = kind;
	op->rbx = rbx;
	op->si_la = si_la;
}

static void do_report(unsigned t)
{
	uint8_t *targetinfo = op->secinfo;      /* the first 64 bytes: MEASUREMENT, then ATTRIBUTES */
	char what[60];

	clear_op(KIND_LEAF);
	op->rax = SGX_EREPORT;
	op->rbx = op->si_la = BASE + (PAGE_DATA + 1) * 4096ull;
	op->rcx = BASE + (PAGE_DATA + 2) * 4096ull;
	op->rdx = BASE + (PAGE_DATA + 2) * 4096ull + SECRET;
	memset(targetinfo, 0, 64);
	if (one_in(6))
		op->rcx += 64 * below(8);
	if (one_in(6))
		op->rdx = one_in(2) ? any_page() + SECRET : op->rdx + 256;
	if (one_in(6))
		op->rbx += one_in(2) ? 64 : 512;
	look_at(t, op->rbx);
	look_at(t, op->rcx);
	look_at(t, op->rdx);
	snprintf(what, sizeof(what), "EREPORT %llx %llx %llx", (unsigned long long)(op->rbx - BASE),
		 (unsigned long long)(op->rcx - BASE), (unsigned long long)(op->rdx - BASE));
	enter(t, 2, what);
}

static void do_getkey(unsigned t)
{
	static const uint16_t names[] = { 0, 1, 2, 3, 4, 5, 6, 100 }, policies[] = { 1, 2, 3, 0, 4, 0x10, 0x8000 };
	uint16_t request[32] = { PICK(names), PICK(policies) };
	char what[60];

	clear_op(KIND_LEAF);
	if (one_in(8))
		request[2] = 1;         /* ISVSVN above ours */
	if (one_in(8))
		request[3] = 0x100;     /* reserved; the low byte is CET's where there is CET */
	memcpy(op->secinfo, request, sizeof(request));
	op->rax = SGX_EGETKEY;
	op->rbx = op->si_la = BASE + (PAGE_DATA + 1) * 4096ull;
	op->rcx = BASE + (PAGE_DATA + 2) * 4096ull + SECRET + (one_in(10) ? 8 : 0);
	look_at(t, op->rbx);
	look_at(t, op->rcx);
	snprintf(what, sizeof(what), "EGETKEY name=%u policy=%x svn=%u r=%u", request[0], request[1], request[2], request[3]);
	enter(t, 2, what);
}

unsigned some_tcs(void)
{
	unsigned t = below(en.n_tcs - 1);

	return t < RAW_TCS ? t : t + 1;
}

static void do_access(unsigned t)
{
	char what[60], a[40];
	unsigned k = below(20);

	clear_op(k < 10 ? KIND_READ : k < 18 ? KIND_WRITE : KIND_EXEC);
	op->rbx = k >= 18 ? BASE + (one_in(2) ? PAGE_RWX : below(PAGES)) * 4096ull : any_page() + (below(512) & ~7u);
	if (one_in(20))
		op->rbx = one_in(2) ? BASE + SIZE : BASE - 8;
	/* the code itself is not to be written, nor run from its middle */
	if (op->kind != KIND_READ && (op->rbx - BASE) / 4096 == PAGE_CODE)
		op->rbx = BASE + PAGE_DATA * 4096ull;
	if (op->kind == KIND_EXEC && (op->rbx - BASE) / 4096 != PAGE_RWX && (op->rbx - BASE) / 4096 < PAGE_FREE &&
	    (op->rbx - BASE) / 4096 != PAGE_DATA && (op->rbx - BASE) / 4096 != PAGE_RO)
		op->rbx = BASE + PAGE_DATA * 4096ull;
	if (op->kind == KIND_EXEC && (op->rbx - BASE) / 4096 >= PAGE_FREE)
		op->rbx = BASE + PAGE_RO * 4096ull;
	/* frames are left by faults that the kernel mends as well, but not in the virtual machine */
	if (op->kind == KIND_READ && (op->rbx - BASE) / 4096 - PAGE_SSA < PAGE_DATA - PAGE_SSA)
		op->rbx = BASE + PAGE_DATA * 4096ull + (op->rbx & 4095);
	op->rax = roll();
	if (op->kind == KIND_WRITE)
		op->rax = 0x0000e4ff41ull;      /* jmp *%r12, wherever it may be run one day */
	if (op->kind == KIND_WRITE && (op->rbx - BASE) / 4096 == PAGE_RWX)
		op->rbx = BASE + PAGE_RWX * 4096ull;
	if (op->kind == KIND_EXEC)
		look_at(t, op->rbx);
	snprintf(what, sizeof(what), "%s %s", op->kind == KIND_READ ? "read" : op->kind == KIND_WRITE ? "write" : "exec",
		 place(op->rbx, a));
	enter(t, 2, what);
}

static void do_odd_leaf(unsigned t)
{
	static const unsigned leafs[] = { 2, 3, 8, 9, 10, 0x40000000 };
	char what[60];

	clear_op(KIND_LEAF);
	op->rax = PICK(leafs);
	op->rbx = one_in(2) ? en.tcs[some_tcs()] : roll();
	op->rcx = any_page();
	op->rdx = any_page();
	if (op->rax == 9)               /* EDECCSSA: not every machine has it */
		op->rax = 11;
	snprintf(what, sizeof(what), "leaf %llu", (unsigned long long)op->rax);
	enter(t, 2, what);
}

/* ---- signals ------------------------------------------------------------------------------------------------- */

static volatile sig_atomic_t signalled;
static struct caught at_signal;
static uint64_t at_signal_regs[10];

static void on_usr1(int sig, siginfo_t *info, void *ctx)
{
	const greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;
	static const int shown[] = { REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI, REG_R8, REG_R15, REG_RIP,
				     REG_RSP };

	(void)info;
	at_signal.sig = sig;
	for (unsigned i = 0; i < 10; i++)
		at_signal_regs[i] = (uint64_t)g[shown[i]];
	signalled = 1;
}

static void *signal_later(void *arg)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	unsigned i;

	for (i = 0; i < 3000 && !__atomic_load_n(&op->in, __ATOMIC_ACQUIRE); i++)
		nanosleep(&ms, NULL);
	/* well inside by now */
	nanosleep(&ms, NULL);
	if (i < 3000)
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	for (i = 0; i < 3000 && !signalled; i++)
		nanosleep(&ms, NULL);
	__atomic_store_n(&op->go, 1, __ATOMIC_RELEASE);
	return NULL;
}

static void do_signal(unsigned t)
{
	struct sigaction sa = { .sa_sigaction = on_usr1, .sa_flags = SA_SIGINFO };
	struct sgx_enclave_run run = { .tcs = en.tcs[t] };
	pthread_t self = pthread_self(), other;
	char a[40];
	int ret;

	clear_op(KIND_SPIN);
	signalled = 0;
	sigaction(SIGUSR1, &sa, NULL);
	if (pthread_create(&other, NULL, signal_later, &self))
		return;
	say("signal tcs=%s", place(run.tcs, a));
	ret = encldiff_call(&run, op, 2, vdso_enter);
	if (ret || run.function != 4)   /* it never got in */
		op->in = signalled = 1;
	pthread_join(other, NULL);
	show_run(ret, &run);
	if (!ret && run.function == 4)
		for (unsigned i = 0; i < 10; i++)
			printf(" %s", place(at_signal_regs[i], a));
	putchar('\n');
}

/* ---- an ENCLU of the program's own ------------------------------------------------------------------------------- */

struct raw_call { uint64_t rax, tcs, ret; };

static void raw_call(void *arg)
{
	struct raw_call *c = arg;

	c->ret = encldiff_raw(c->rax, c->tcs, op);
}

/* On a TCS of its own: an AEX gives back the stack that the frame was entered with, whoever resumed it. */
static void do_raw(void)
{
	static const unsigned kinds[] = { KIND_NOP, KIND_READ, KIND_WRITE, KIND_UD, KIND_DE, KIND_SYSCALL, KIND_GP, KIND_NULL };
	struct raw_call c = { .rax = one_in(3) ? 3 : 2,  .tcs = en.tcs[RAW_TCS] };
	char a[40], b[40], d[40], e[40], f[40], g[40];
	struct caught x;

	clear_op(PICK(kinds));
	op->rbx = any_page();
	if ((op->rbx - BASE) / 4096 == PAGE_CODE)
		op->kind = KIND_NOP;
	op->rax = 0xe4ff41;
	if (one_in(20))
		c.rax = below(12);
	if (one_in(20))
		c.tcs = one_in(2) ? c.tcs + 8 : BASE + (PAGE_STEADY + below(3)) * 4096ull;
	say("raw kind=%llu at=%s rax=%llx tcs=%s", (unsigned long long)op->kind, place(op->rbx, a),
	    (unsigned long long)c.rax, place(c.tcs, b));
	if (!guarded(raw_call, &c, &x)) {
		printf(" ret=%llx out=%s\n", (unsigned long long)c.ret, place(op->out, a));
		return;
	}
	if (x.trapno != 14 && x.addr)   /* the kernel takes RIP, the virtual machine's processor that of the SSA */
		x.addr = x.rip;
	printf(" sig=%d code=%d addr=%s rip=%s rax=%llx rbx=%s rcx=%s rdx=%s rdi=%s trap=%llu err=%llx\n", x.sig, x.code,
	       place(x.addr, a), place(x.rip, b), (unsigned long long)x.rax, place(x.rbx, d), place(x.rcx, e),
	       place(x.rdx, f), place(x.rdi, g), (unsigned long long)x.trapno, (unsigned long long)x.err);
}

void step_inside(void)
{
	static const char *const names[] = { "nop", "leaf", "read", "write", "exec", "spin", "ud", "de", "syscall", "gp", "ac",
					     "xm", "mf", "null" };
	unsigned n = below(100), t = some_tcs();

	if (n < 30) {
		do_access(t);
	} else if (n < 42) {
		unsigned k = KIND_UD + below(KIND_LAST - KIND_UD + 1);

		/* QEMU raises no exceptions of the vector unit, nor of alignment */
		clear_op(one_in(3) || k == KIND_XM || k == KIND_AC ? KIND_NOP : k);
		enter(t, 2, names[op->kind]);
	} else if (n < 70) {
		clear_op(KIND_NOP);
		enter(t, one_in(12) ? below(6) : 3, "resume");
	} else if (n < 76) {
		do_report(t);
	} else if (n < 82) {
		do_getkey(t);
	} else if (n < 86) {
		do_odd_leaf(t);
	} else if (n < 88) {
		do_signal(t);
	} else {
		do_raw();
	}
}

/* ---- the SSA, as a debugger sees it ---------------------------------------------------------------------------------- */

static uint64_t frame_la(unsigned t, unsigned f)
{
	return BASE + (PAGE_SSA + t * SSA_PAGES + f) * 4096ull;
}

static void show_frame(uint64_t la)
{
	static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "8", "9", "10", "11", "12", "13",
					     "14", "15", "fl", "ip", "usp", "ubp", "info", "fs", "gs" };
	uint64_t g[23], misc[2], x[16] = { 0 };
	uint32_t mxcsr[2] = { 0 };
	unsigned sum = 0;
	char a[40];
	ssize_t r = pread(mem_fd, g, sizeof(g), (off_t)(la + 4096 - sizeof(g)));

	say("ssa %s = %zd", place(la, a), r);
	if (r == (ssize_t)sizeof(g)) {
		/*
		 * RF, which the virtual machine's processor does not push; AF, undefined after a shift; NT and ID, which a return
		 * from a signal does not load.
		 */
		g[16] &= ~0x214010ull;
		for (unsigned i = 0; i < 23; i++)
			if (g[i])
				printf(" %s=%s", names[i], place(i == 20 ? (uint32_t)g[i] : g[i], a));
		/* not written by other exceptions: what is there may be from a fault that the kernel resolved */
		bool has_exinfo = en.miscselect && ((g[20] & 0xff) == 13 || (g[20] & 0xff) == 14) && g[20] & 0x80000000;

		if (has_exinfo && pread(mem_fd, misc, 16, (off_t)(la + 4096 - sizeof(g) - 16)) == 16)
			printf(" exinfo=%s,%x", place(misc[0], a), (unsigned)misc[1]);
		if (pread(mem_fd, x, sizeof(x), (off_t)(la + 160)) == sizeof(x) && pread(mem_fd, mxcsr, 4, (off_t)(la + 24)) == 4)
			for (unsigned i = 0; i < 16; i++)
				sum = sum * 31 + (unsigned)x[i] + (unsigned)(x[i] >> 32);
		printf(" xmm=%x mxcsr=%x", sum, mxcsr[0]);
	}
	putchar('\n');
}

/* What a debugger changes there: a resume takes it, or refuses. */
static void poke_frame(uint64_t la)
{
	static const struct { unsigned off; uint64_t value; const char *what; } rows[] = {
		{ 136, 1ull << 63, "rip not canonical" }, { 136, 0, "rip exit" },
		{ 136, 0, "rip exit" }, { 136, 0, "rip exit" }, { 136, 0, "rip exit" },
		{ 0, 0x1234, "rax" }, { 56, 0x1234, "rdi" }, { 128, 0x246, "rflags" },
		{ 128, ~0ull & ~0x100ull & ~0x40000ull, "rflags all" }, { 160, 0, "exitinfo" },
		{ 168, BASE, "fsbase" }, { 168, 1ull << 63, "fsbase not canonical" }, { 176, BASE, "gsbase" },
		{ 176, 1ull << 62, "gsbase not canonical" },
		{ 512 - (4096 - 184), 8, "xstate_bv" }, { 520 - (4096 - 184), 8, "xcomp_bv" },
		{ 528 - (4096 - 184), 8, "xsave reserved" },   /* not MXCSR, which QEMU does not look at */
		{ 24 - (4096 - 184), 0x1f80, "mxcsr good" }, { 512 - (4096 - 184), 3, "xstate_bv good" },
	};
	unsigned k = below(sizeof(rows) / sizeof(rows[0]));
	uint64_t v = rows[k].value;
	char a[40];

	if (!strcmp(rows[k].what, "rip exit"))
		v = BASE + PAGE_CODE * 4096ull + (uint64_t)(encldiff_code_exit - encldiff_code);
	ssize_t r = pwrite(mem_fd, &v, 8, (off_t)(la + 4096 - 184 + (uint64_t)(int64_t)(int)rows[k].off));

	say("poke ssa %s %s = %zd\n", place(la, a), rows[k].what, r);
}

void step_ssa(void)
{
	unsigned t = below(N_TCS), f = below(SSA_PAGES);
	uint64_t v[9] = { 0 };
	bool readable = pread(mem_fd, v, 72, (off_t)en.tcs[t]) == 72;
	char a[40];

	if (one_in(5)) {
		ssize_t r = pread(mem_fd, v, 72, (off_t)en.tcs[t]);

		say("tcs %s = %zd", place(en.tcs[t], a), r);
		for (unsigned i = 0; r == 72 && i < 9; i++)
			if (i != 0 && i != 5)   /* the state is the processor's, the AEP moves */
				printf(" %llx", (unsigned long long)v[i]);
		putchar('\n');
	} else if (one_in(3)) {
		poke_frame(frame_la(t, f));
	} else if (readable && f < (uint32_t)v[3]) {
		/* an unused frame may be of a fault that the kernel resolved, which the virtual machine does not save */
		show_frame(frame_la(t, f));
	}
}
