/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The contract of emul_vdso_enter towards its caller: user handlers, reserved bytes, nested entries, blocked
 * signals, RFLAGS, segment bases.
 */
#include <asm/prctl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emul_rig.h"
#include "tap.h"

#define GROW 0x100000u
#define EENTER 2
#define ERESUME 3
#define EEXIT 4
#define RFLAGS_DF 0x400u
#define RFLAGS_AC 0x40000u

static struct rig rig;

static bool caught(const struct sgx_enclave_run *run, unsigned function, unsigned vector)
{
	return run->function == function && run->exception_vector == vector;
}

/* ---- user handlers -------------------------------------------------------------------------------------- */

static int answers[4], n_answers;
static unsigned seen[4];
static struct sgx_enclave_run *seen_run;

/* Answers from the list; what it was asked is kept. */
__attribute__((used))
static int handler_body(long rdi, long rsi, long rdx, long ursp, long r8, long r9, struct sgx_enclave_run *run)
{
	(void)rdi, (void)rsi, (void)rdx, (void)ursp, (void)r8, (void)r9;
	seen_run = run;
	seen[n_answers] = run->function;
	return answers[n_answers++];
}

/* An entry again takes RDI as the handler leaves it. */
__attribute__((used)) static struct encl_op *next_op;
int handler(long rdi, long rsi, long rdx, long ursp, long r8, long r9, struct sgx_enclave_run *run);
__asm__(".text; .type handler, @function; handler:"
	"pushq 8(%rsp); call handler_body; add $8, %rsp; mov next_op(%rip), %rdi; ret; .size handler, . - handler");

static int with_handler(struct encl_op *op, struct sgx_enclave_run *run, int first, int second)
{
	*run = (struct sgx_enclave_run){ .tcs = rig.base + rig.plan.tcs[0], .user_handler = (uintptr_t)handler };
	answers[0] = first;
	answers[1] = second;
	n_answers = 0;
	next_op = op;
	return rig_call(run, op, EENTER, NULL);
}

static void handlers(void)
{
	struct encl_op op = { .op = ENCL_OP_NOP }, fault = { .op = ENCL_OP_FAULT, .value = 6 };
	struct sgx_enclave_run run;

	is_u64(with_handler(&op, &run, 0, 0), 0, "a handler that returns 0 ends the call with 0");
	ok(n_answers == 1 && seen[0] == EEXIT && seen_run == &run, "it was called once, for EEXIT");
	is_u64(with_handler(&op, &run, -77, 0), (uint64_t)-77, "what a handler returns below 0 is returned");
	is_u64(with_handler(&op, &run, EENTER, -5), (uint64_t)-5, "EENTER makes it enter again");
	ok(n_answers == 2 && seen[1] == EEXIT, "and the handler is called again");
	is_u64(with_handler(&op, &run, ERESUME, -6), (uint64_t)-6, "ERESUME without a frame faults, and the handler hears it");
	ok(n_answers == 2 && seen[1] == ERESUME && run.exception_vector == 13, "with function 3 and vector 13");
	is_u64(with_handler(&op, &run, 5, 0), (uint64_t)-22, "a positive answer that is no entry is -EINVAL");
	is_u64(with_handler(&fault, &run, 0, 0), 0, "an exception calls the handler");
	ok(n_answers == 1 && seen[0] == ERESUME && run.exception_vector == 6, "with function 3 and vector 6");
	/* the faulted frame stays: let the other tests have a TCS without one */
	rig_free(&rig);
	rig_build(&rig, "grow.elf", true);
}

static void reserved(void)
{
	struct encl_op op = { .op = ENCL_OP_NOP, .status = 99 };
	struct sgx_enclave_run run;
	size_t first = offsetof(struct sgx_enclave_run, reserved);
	unsigned refused = 0;

	for (size_t i = first; i < sizeof(run); i++) {
		run = (struct sgx_enclave_run){ .tcs = rig.base + rig.plan.tcs[0] };
		((uint8_t *)&run)[i] = 1;
		refused += rig_call(&run, &op, EENTER, NULL) == -22 && run.function == 0;
	}
	is_u64(refused, sizeof(run) - first, "each reserved byte that is set is -EINVAL");
	is_u64(op.status, 99, "and nothing was entered");
	run = (struct sgx_enclave_run){ .tcs = rig.base + rig.plan.tcs[0] };
	is_u64(rig_call(&run, &op, 1, NULL), (uint64_t)-22, "function 1 is -EINVAL");
	is_u64(rig_call(&run, &op, UINT32_MAX, NULL), (uint64_t)-22, "function 2^32 - 1 is -EINVAL");
}

static void bad_tcs(void)
{
	static const struct { uint64_t off; unsigned vector, error; const char *what; } rows[] = {
		{ 1, 13, 0, "an unaligned TCS is #GP" },
		{ GROW, 14, 0x4, "no mapping at the TCS is #PF" },
	};
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct sgx_enclave_run run;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run = (struct sgx_enclave_run){ .tcs = rig.base + rows[i].off };
		is_u64(rig_call(&run, &op, EENTER, NULL), 0, "%s", rows[i].what);
		ok(caught(&run, EENTER, rows[i].vector) && (run.exception_error_code & 0x4) == rows[i].error,
		   "and run names EENTER, got function %u vector %u error 0x%x", run.function, run.exception_vector,
		   run.exception_error_code);
	}
	run = (struct sgx_enclave_run){ .tcs = 0x1000 };
	rig_call(&run, &op, EENTER, NULL);
	ok(caught(&run, EENTER, 14), "a TCS in no enclave is #PF");
}

/* ---- nesting ------------------------------------------------------------------------------------------------ */

#define NSSA 4

static void nesting(void)
{
	struct encl_op op[NSSA], nop = { .op = ENCL_OP_NOP }, accept;
	struct sgx_enclave_run run;
	unsigned good = 0;

	for (unsigned i = 0; i < NSSA; i++) {
		op[i] = (struct encl_op){ .op = ENCL_OP_WRITE, .addr = rig.base + GROW + i * 4096, .value = i + 1 };
		rig_enter(&rig, 0, EENTER, &op[i], &run);
		good += caught(&run, ERESUME, 14) && run.exception_addr == op[i].addr;
	}
	is_u64(good, NSSA, "an entry per SSA frame, each faults");
	rig_enter(&rig, 0, EENTER, &nop, &run);
	ok(caught(&run, EENTER, 13), "one more EENTER is #GP: function %u vector %u", run.function, run.exception_vector);
	rig_map(&rig, GROW, NSSA, PROT_READ | PROT_WRITE);
	accept = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = rig.base + GROW, .pages = NSSA, .flags = 0x20b };
	is_u64(rig_op(&rig, 1, &accept), ENCL_OK, "another thread brings the pages");
	for (unsigned i = good = 0; i < NSSA; i++) {
		rig_enter(&rig, 0, ERESUME, &nop, &run);
		good += run.function == EEXIT && op[NSSA - 1 - i].status == ENCL_OK;
	}
	is_u64(good, NSSA, "ERESUME unwinds them, last in first out");
	rig_enter(&rig, 0, ERESUME, &nop, &run);
	ok(caught(&run, ERESUME, 13), "then ERESUME is #GP");
	for (unsigned i = good = 0; i < NSSA; i++) {
		struct encl_op read = { .op = ENCL_OP_READ, .addr = op[i].addr };

		good += rig_op(&rig, 0, &read) == ENCL_OK && read.value == i + 1;
	}
	is_u64(good, NSSA, "every write is there, and the TCS can be entered");
}

/* ---- blocked signals --------------------------------------------------------------------------------------- */

static bool all_blocked(void)
{
	static const int traps[] = { SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP, SIGSYS, SIGALRM };
	sigset_t now;
	bool all = true;

	pthread_sigmask(SIG_SETMASK, NULL, &now);
	for (size_t i = 0; i < sizeof(traps) / sizeof(traps[0]); i++)
		all = all && sigismember(&now, traps[i]);
	return all;
}

static int blocked_in_handler;

static int mask_handler(long rdi, long rsi, long rdx, long ursp, long r8, long r9, struct sgx_enclave_run *run)
{
	(void)rdi, (void)rsi, (void)rdx, (void)ursp, (void)r8, (void)r9;
	blocked_in_handler = all_blocked();
	return run->function == ERESUME ? -1 : 0;
}

/* Everything blocked before the first entry of this thread, and again before the second. */
static void *blocked_thread(void *arg)
{
	struct encl_op op = { .op = ENCL_OP_NOP }, fault = { .op = ENCL_OP_WRITE, .addr = rig.base + GROW + 0x10000 };
	struct sgx_enclave_run run;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	is_u64(rig_op(&rig, 0, &op), ENCL_OK, "a thread with all signals blocked enters and leaves");
	ok(all_blocked(), "and finds them blocked");
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	rig_enter(&rig, 0, EENTER, &fault, &run);
	ok(caught(&run, ERESUME, 14) && all_blocked(), "it hears of an exception, with signals blocked");
	rig_map(&rig, GROW + 0x10000, 1, PROT_READ | PROT_WRITE);
	struct encl_op accept = { .op = ENCL_OP_ACCEPT, .addr = fault.addr, .pages = 1, .flags = 0x20b };

	is_u64(rig_op(&rig, 0, &accept), ENCL_OK, "it enters at CSSA 1");
	rig_enter(&rig, 0, ERESUME, &fault, &run);
	ok(run.function == EEXIT && fault.status == ENCL_OK && all_blocked(), "ERESUME works, with signals blocked after it");
	rig_enter(&rig, 0, ERESUME, &fault, &run);
	ok(caught(&run, ERESUME, 13) && all_blocked(), "an ERESUME that is refused leaves them blocked");
	run = (struct sgx_enclave_run){ .tcs = rig.base + 1 };
	rig_call(&run, &op, EENTER, NULL);
	ok(caught(&run, EENTER, 13) && all_blocked(), "so does an EENTER that is refused");
	run = (struct sgx_enclave_run){ .tcs = rig.base + rig.plan.tcs[0], .user_handler = (uintptr_t)mask_handler };
	is_u64(rig_call(&run, &op, EENTER, NULL), 0, "a user handler is called");
	ok(blocked_in_handler, "with the signals of its caller blocked");
	return arg;
}

static void blocked(void)
{
	pthread_t t;

	pthread_create(&t, NULL, blocked_thread, NULL);
	pthread_join(t, NULL);
}

/* ---- the first entry of a thread, in a signal handler ------------------------------------------------------ */

static volatile sig_atomic_t alarms;
static volatile uint32_t spin_until;

static void on_alarm(int sig)
{
	(void)sig;
	if (++alarms == 50)
		spin_until = 1;
}

#define OWN_STACK_BYTES 0x10000
static unsigned first_good;

static void on_first(int sig)
{
	struct encl_op op = { .op = ENCL_OP_NOP };

	(void)sig;
	first_good += rig_op(&rig, 1, &op) == ENCL_OK;
}

/* With an alternate stack of its own, or without; the second signal finds the thread inside. */
static void *first_thread(void *own_stack)
{
	stack_t mine = { .ss_sp = own_stack, .ss_size = OWN_STACK_BYTES }, now;
	struct encl_op spin = { .op = ENCL_OP_SPIN, .addr = (uintptr_t)&spin_until };

	if (own_stack)
		sigaltstack(&mine, NULL);
	pthread_kill(pthread_self(), SIGUSR1);
	ualarm(1000, 1000);
	first_good += rig_op(&rig, 0, &spin) == ENCL_OK;
	ualarm(0, 0);
	sigaltstack(NULL, &now);
	return now.ss_flags & SS_DISABLE || now.ss_sp == own_stack ? NULL : own_stack ? own_stack : &first_good;
}

static void first_in_handler(void)
{
	struct sigaction first = { .sa_handler = on_first, .sa_flags = SA_ONSTACK }, alarm = { .sa_handler = on_alarm };
	/* a mapping of its own: AddressSanitizer unmaps the stack it finds at the end of a thread */
	void *stack = mmap(NULL, OWN_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *own[] = { NULL, stack == MAP_FAILED ? NULL : stack }, *ret;
	sigset_t set, old;
	pthread_t t;

	emul_sigaction(SIGUSR1, &first, NULL);
	emul_sigaction(SIGALRM, &alarm, NULL);
	for (size_t i = 0; i < 2; i++) {
		alarms = first_good = 0;
		spin_until = 0;
		pthread_create(&t, NULL, first_thread, own[i]);
		sigemptyset(&set);
		sigaddset(&set, SIGALRM);
		pthread_sigmask(SIG_BLOCK, &set, &old);
		pthread_join(t, &ret);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
		ok(ret && first_good == 2, "a thread first enters in a handler%s, then goes on with signals",
		   own[i] ? " on its own alternate stack" : "");
	}
}

/* ---- RFLAGS ------------------------------------------------------------------------------------------------- */

extern const uint8_t exit_code[], spin_code[], bases_code[];
extern uint8_t native_after[];

static bool put_code(uint64_t off, const uint8_t *code)
{
	struct encl_op op = { .op = ENCL_OP_ACCEPTCOPY, .addr = rig.base + off, .pages = 1, .flags = 0x205,
			      .src = (uintptr_t)code };

	return rig_map(&rig, off, 1, PROT_READ | PROT_WRITE | PROT_EXEC) > 0 && rig_op(&rig, 0, &op) == ENCL_OK;
}

static void flags(void)
{
	uint64_t rflags = 0x202 | RFLAGS_AC;
	struct sgx_enclave_run run = { .tcs = rig.base + rig.plan.tcs[0] };
	struct encl_op op = { .op = ENCL_OP_NOP };

	rig_call(&run, &op, EENTER, &rflags);
	ok(run.function == EEXIT && op.status == ENCL_OK, "a caller with AC set enters");
	run = (struct sgx_enclave_run){ .tcs = rig.base + 1 };
	rflags = 0x202 | RFLAGS_AC;
	rig_call(&run, &op, EENTER, &rflags);
	ok(caught(&run, EENTER, 13) && rflags & RFLAGS_AC, "and keeps it when the entry is refused");

	ok(put_code(GROW + 0x20000, exit_code), "code that sets DF and AC, then EEXITs");
	op = (struct encl_op){ .op = ENCL_OP_EXEC, .addr = rig.base + GROW + 0x20000, .value = (uintptr_t)native_after };
	run = (struct sgx_enclave_run){ .tcs = rig.base + rig.plan.tcs[0] };
	rflags = 0x202;
	is_u64(rig_call(&run, &op, EENTER, &rflags), 0, "it leaves");
	ok(run.function == EEXIT && rflags & RFLAGS_DF && rflags & RFLAGS_AC, "EEXIT hands DF and AC out: 0x%llx",
	   (unsigned long long)rflags);
	run.user_handler = (uintptr_t)handler;
	answers[0] = n_answers = 0;
	rflags = 0x202;
	is_u64(rig_call(&run, &op, EENTER, &rflags), 0, "it leaves to a handler");
	ok(!(rflags & RFLAGS_DF), "which runs with DF clear");

	alarms = 0;
	spin_until = 0;
	ok(put_code(GROW + 0x21000, spin_code), "code that sets DF and AC, then waits");
	op = (struct encl_op){ .op = ENCL_OP_EXEC, .addr = rig.base + GROW + 0x21000, .value = (uintptr_t)&spin_until };
	/* the flags come out with EEXIT, and compiled code may not be ready for AC */
	run = (struct sgx_enclave_run){ .tcs = rig.base + rig.plan.tcs[0] };
	rflags = 0x202;
	ualarm(1000, 1000);
	is_u64(rig_call(&run, &op, EENTER, &rflags), 0, "it waits through %d signals", 50);
	ualarm(0, 0);
	ok(op.status == ENCL_OK && op.value & RFLAGS_DF && op.value & RFLAGS_AC, "and has DF and AC at the end: 0x%llx",
	   (unsigned long long)op.value);
}

/* ---- segment bases ---------------------------------------------------------------------------------------------- */

#define HOST_GS 0x7c7c000u

static unsigned wrong_gs;

static uint64_t get_gs(void)
{
	uint64_t gs = 0;

	syscall(SYS_arch_prctl, ARCH_GET_GS, &gs);
	return gs;
}

static void set_gs(uint64_t gs)
{
	syscall(SYS_arch_prctl, ARCH_SET_GS, gs);
}

static void on_alarm_gs(int sig)
{
	wrong_gs += get_gs() != HOST_GS;
	on_alarm(sig);
}

static void bases(void)
{
	struct sigaction sa = { .sa_handler = on_alarm_gs };
	uint64_t host_gs = get_gs();
	struct encl_op op = { .op = ENCL_OP_NOP };
	struct sgx_enclave_run run;

	ok(put_code(GROW + 0x22000, bases_code), "code that sets FS and GS bases, then waits");
	set_gs(HOST_GS);
	rig_op(&rig, 0, &op);
	is_u64(get_gs(), HOST_GS, "EEXIT gives the host's GS back");
	rig_map(&rig, GROW + 0x23000, 1, PROT_READ | PROT_WRITE);
	op = (struct encl_op){ .op = ENCL_OP_ACCEPT, .addr = rig.base + GROW + 0x23000, .pages = 1, .flags = 0x20b };
	is_u64(rig_op(&rig, 0, &op), ENCL_OK, "EACCEPT, with an EAUG and a resumed AEX in it");
	is_u64(get_gs(), HOST_GS, "the host's GS is as it was");

	alarms = 0;
	spin_until = 0;
	emul_sigaction(SIGALRM, &sa, NULL);
	op = (struct encl_op){ .op = ENCL_OP_EXEC, .addr = rig.base + GROW + 0x22000, .value = (uintptr_t)&spin_until };
	ualarm(1000, 1000);
	is_u64(rig_op(&rig, 0, &op), ENCL_OK, "it waits through signals");
	ualarm(0, 0);
	is_u64(op.value, 0, "and its bases are the same after each");
	is_u64(wrong_gs, 0, "the handlers ran with the host's GS");

	op = (struct encl_op){ .op = ENCL_OP_FAULT, .value = 6 };
	is_u64(rig_enter(&rig, 0, EENTER, &op, &run), 0, "an exception in the enclave");
	ok(caught(&run, ERESUME, 6) && get_gs() == HOST_GS, "comes out with the host's GS");
	set_gs(host_gs);
}

int main(void)
{
	struct emul_config cfg = { .kernel = EMUL_KERNEL_RFC };
	int s = emul_setup(&cfg);

	if (s) {
		printf("Bail out! emul_setup: %d\n", s);
		return 1;
	}
	rig_build(&rig, "grow.elf", true);
	handlers();
	reserved();
	bad_tcs();
	nesting();
	blocked();
	first_in_handler();
	flags();
	bases();
	rig_free(&rig);
	return tap_done();
}
