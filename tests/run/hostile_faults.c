/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exceptions inside: as the vDSO reports them, as signals, as deaths; handlers that jump; the vDSO's callback. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hostile.h"

static const struct { uint64_t value; const char *name; } faults[] = {
	{ 0, "#DE" }, { 3, "INT3" }, { 6, "UD2" }, { 13, "HLT" }, { 14, "read of 0" }, { 19, "#XM" }, { 256, "SYSCALL" },
	{ 258, "INT 0x80" }, { 259, "IN" },
};
#define N_FAULTS (sizeof(faults) / sizeof(faults[0]))

static const int caused[] = { SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP, SIGSYS };

static void install_caused(void (*fn)(int, siginfo_t *, void *), int flags)
{
	for (size_t i = 0; i < sizeof(caused) / sizeof(caused[0]); i++)
		install(caused[i], fn, flags);
	seen.n = 0;
}

static void no_core(void)
{
	struct rlimit none = { 0 };

	setrlimit(RLIMIT_CORE, &none);
}

static uint64_t last_page(void)
{
	return rig.size - 4096;
}

/* In a fresh enclave, at an offset of it. */
static const char *enter_op(unsigned number, uint64_t off)
{
	build("grow.elf");
	struct encl_op op = { .op = number, .addr = rig.base + off };

	return enter(0, &op);
}

void topic_vdso(void)
{
	install_caused(note, 0);
	for (size_t i = 0; i < N_FAULTS; i++) {
		struct encl_op op = { .op = ENCL_OP_FAULT, .value = faults[i].value };

		build("grow.elf");
		say("%s: %s", faults[i].name, enter(0, &op));
		say("  again, on the frame after it: %s", enter_nop(0));
	}
	say("write to what is read-only: %s", enter_op(ENCL_OP_WRITE, 0));
	say("read where nothing is: %s", enter_op(ENCL_OP_READ, last_page()));
	say("jump into a TCS: %s", enter_op(ENCL_OP_EXEC, rig.plan.tcs[0]));
	say_seen("signals meanwhile");
}

/* ---- an ENCLU of one's own --------------------------------------------------------------------------------- */

static void stub(const char *what, uint64_t tcs, struct encl_op *op, uint64_t leaf)
{
	uint64_t r = stub_enter(tcs, op, leaf);

	say("%s: %s", what, r ? "recovered" : "came back");
	say_seen(what);
}

void topic_stub(void)
{
	struct encl_op nop = { .op = ENCL_OP_NOP };

	install_caused(note_and_recover, 0);
	for (size_t i = 0; i < N_FAULTS; i++) {
		struct encl_op op = { .op = ENCL_OP_FAULT, .value = faults[i].value };

		build("grow.elf");
		stub(faults[i].name, rig.base + rig.plan.tcs[0], &op, EENTER);
	}
	build("grow.elf");
	struct encl_op op = { .op = ENCL_OP_WRITE, .addr = rig.base };

	stub("write to what is read-only", rig.base + rig.plan.tcs[0], &op, EENTER);
	build("grow.elf");
	struct encl_op far = { .op = ENCL_OP_READ, .addr = rig.base + last_page() };

	stub("read where nothing is", rig.base + rig.plan.tcs[0], &far, EENTER);
	build("grow.elf");
	stub("EENTER", rig.base + rig.plan.tcs[0], &nop, EENTER);
	stub("a TCS that is no page", rig.base + rig.plan.tcs[0] + 8, &nop, EENTER);
	stub("a TCS that is a page of code", rig.base, &nop, EENTER);
	stub("a TCS where nothing is", rig.base + last_page(), &nop, EENTER);
	stub("a TCS outside", (uintptr_t)stub_enter & ~(uint64_t)4095, &nop, EENTER);
	stub("ERESUME without a frame", rig.base + rig.plan.tcs[0], &nop, ERESUME);
	stub("EEXIT outside", rig.base + rig.plan.tcs[0], &nop, EEXIT);
	stub("no leaf", rig.base + rig.plan.tcs[0], &nop, 99);
	stub("EENTER once more", rig.base + rig.plan.tcs[0], &nop, EENTER);
}

/* ---- deaths ----------------------------------------------------------------------------------------------------- */

static uint64_t fatal_value;

static int die_by_stub(void)
{
	struct encl_op op = { .op = ENCL_OP_FAULT, .value = fatal_value };

	stub_enter(rig.base + rig.plan.tcs[0], &op, EENTER);
	return 0;
}

static int live_by_vdso(void)
{
	struct encl_op op = { .op = ENCL_OP_FAULT, .value = fatal_value };

	return strncmp(enter(0, &op), "ERESUME", 7) != 0;
}

static void all_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
}

static int blocked_by_stub(void)
{
	install_caused(note_and_recover, 0);
	all_blocked();
	return die_by_stub();
}

static int blocked_by_vdso(void)
{
	all_blocked();
	return live_by_vdso();
}

static int ignored_by_stub(void)
{
	for (size_t i = 0; i < sizeof(caused) / sizeof(caused[0]); i++)
		signal(caused[i], SIG_IGN);
	return die_by_stub();
}

/* The handler of a fault runs with its signal blocked: a second fault kills. */
static void fault_again(int sig, siginfo_t *info, void *uc)
{
	(void)sig;
	(void)info;
	(void)uc;
	die_by_stub();
}

static int twice_by_stub(void)
{
	install_caused(fault_again, 0);
	return die_by_stub();
}

static int host_blocked(void)
{
	install_caused(note_and_recover, 0);
	all_blocked();
	*(volatile char *)rig.base = 1;
	return 0;
}

/* A handler that returns without a cure: the fault comes again, until the handler gives up. */
static void tenth(int sig, siginfo_t *info, void *uc)
{
	note(sig, info, uc);
	if (seen.n == 10)
		_exit(10);
}

static int returns_to_fault(void)
{
	install_caused(tenth, 0);
	return die_by_stub();
}

void topic_fatal(void)
{
	static const uint64_t values[] = { 0, 6, 14 };
	static const struct { const char *name; int (*die)(void); } ways[] = {
		{ "default", die_by_stub }, { "ignored", ignored_by_stub }, { "blocked", blocked_by_stub },
		{ "in its own handler", twice_by_stub }, { "vDSO, default", live_by_vdso },
		{ "vDSO, blocked", blocked_by_vdso }, { "handler returns", returns_to_fault },
	};

	no_core();
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		fatal_value = values[i];
		say("fault %llu", (unsigned long long)fatal_value);
		for (size_t k = 0; k < sizeof(ways) / sizeof(ways[0]); k++) {
			/* each fault uses up a frame of the enclave that all children share */
			build("grow.elf");
			say("  %s: %s", ways[k].name, child(ways[k].die));
		}
	}
	build("grow.elf");
	say("host write, blocked: %s", child(host_blocked));
	say("afterwards: %s", enter_nop(0));
}

/* ---- handlers that jump -------------------------------------------------------------------------------------------- */

static void jumps(const char *what, struct encl_op *op)
{
	build("grow.elf");
	if (!sigsetjmp(jump_to, 1))
		stub_enter(rig.base + rig.plan.tcs[0], op, EENTER);
	say_seen(what);
	say("  the next frame: %s", enter_nop(0));
	say("  once more: %s", enter_nop(0));
}

static void jump_when_inside(int sig, siginfo_t *info, void *uc)
{
	if (seen_inside(((ucontext_t *)uc)->uc_mcontext.gregs))
		note_and_jump(sig, info, uc);
	alarm(1);
}

void topic_jump(void)
{
	struct encl_op de = { .op = ENCL_OP_FAULT, .value = 0 }, ud = { .op = ENCL_OP_FAULT, .value = 6 };
	struct encl_op pf = { .op = ENCL_OP_FAULT, .value = 14 };
	static volatile uint32_t never;
	struct encl_op spin = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)&never };

	install_caused(note_and_jump, 0);
	jumps("#DE", &de);
	jumps("#UD", &ud);
	jumps("#PF", &pf);
	install(SIGALRM, jump_when_inside, 0);
	build("grow.elf");
	if (!sigsetjmp(jump_to, 1)) {
		alarm(1);
		enter(0, &spin);
	}
	alarm(0);
	say_seen("a timer, out of the vDSO");
	say("  the next frame: %s", enter_nop(0));
	static volatile int i;

	/* a hundred jumps leave nothing behind that the host needs */
	while (i++ < 100)
		if (!sigsetjmp(jump_to, 1))
			*(volatile char *)(rig.base + last_page()) = 1;
	say("a hundred jumps out of host faults: seen %d", seen.n);
	seen.n = 0;
	build("grow.elf");
	say("another enclave: %s", enter_nop(0));
}

/* ---- the callback of the vDSO ----------------------------------------------------------------------------------------- */

static int callback_returns, callback_calls;

static int callback(long rdi, long rsi, long rdx, long rsp, long r8, long r9, struct sgx_enclave_run *run)
{
	(void)rdi;
	(void)rsi;
	(void)rdx;
	(void)rsp;
	(void)r8;
	(void)r9;
	callback_calls++;
	say("  called: function %u, vector %u, data %llu", run->function, run->exception_vector,
	    (unsigned long long)run->user_data);
	int r = callback_returns;

	if (r > 0)
		callback_returns = 0;
	return r;
}

static void with_callback(const char *what, uint64_t fault, int returns)
{
	struct encl_op op = { .op = fault ? ENCL_OP_FAULT : ENCL_OP_NOP, .value = fault };
	struct sgx_enclave_run run = { .user_handler = (uintptr_t)callback, .user_data = 4711 };

	build("grow.elf");
	run.tcs = rig.base + rig.plan.tcs[0];
	callback_returns = returns;
	callback_calls = 0;
	say("%s", what);
	int r = rig_call(&run, &op, EENTER, NULL);

	say("  returned %d, function %u, %d calls", r, run.function, callback_calls);
}

static int raw_entry(struct sgx_enclave_run *run, unsigned function)
{
	struct encl_op op = { .op = ENCL_OP_NOP };

	return rig_call(run, &op, function, NULL);
}

void topic_callback(void)
{
	struct sgx_enclave_run run = { 0 };

	with_callback("0 ends it", 0, 0);
	with_callback("so do negatives", 0, -5);
	with_callback("2 enters again", 0, 2);
	with_callback("other numbers do not", 0, 77);
	with_callback("an exception", 6, 0);
	with_callback("an exception, entered again", 6, 2);
	with_callback("an exception, resumed", 6, 3);
	run.tcs = rig.base + rig.plan.tcs[0];
	say("function 0: %d", raw_entry(&run, 0));
	say("function 4: %d", raw_entry(&run, 4));
	run.reserved[0] = 1;
	say("reserved: %d", raw_entry(&run, EENTER));
	run.reserved[0] = 0;
	run.reserved[215] = 1;
	say("the last of them: %d", raw_entry(&run, EENTER));
	run.reserved[215] = 0;
	run.tcs = 0;
	say("TCS 0: %d, function %u, vector %u", raw_entry(&run, EENTER), run.function, run.exception_vector);
}
