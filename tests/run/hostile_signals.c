/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signals that are sent, to threads that are inside. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "hostile.h"

#ifndef SS_AUTODISARM             /* <linux/signal.h> has it, and more that clashes */
#define SS_AUTODISARM (1u << 31)
#endif

static bool taken(int sig)
{
	return sig != SIGKILL && sig != SIGSTOP && sig != 32 && sig != 33;
}

/* Sends until a handler met the enclave. */
struct sender { pthread_t to; int sig; int n; bool value; };

static void *send_until(void *arg)
{
	struct sender *s = arg;

	while (!*stop_flag && s->n++ < 2000) {
		nap_ms(2);
		if (*stop_flag)
			break;
		if (s->value)
			pthread_sigqueue(s->to, s->sig, (union sigval){ .sival_int = 4711 });
		else
			pthread_kill(s->to, s->sig);
	}
	*stop_flag = 1;
	return NULL;
}

/* This thread spins inside on TCS t until `sig` found it there. */
static void spin_for(unsigned t, int sig, bool value, bool own_stub)
{
	struct sender s = { .to = pthread_self(), .sig = sig, .value = value };
	struct encl_op op = { .op = ENCL_OP_CPUSTATE, .value = 99, .addr = (uintptr_t)stop_flag };
	pthread_t id;
	sigset_t all, old;
	const char *how;

	*stop_flag = 0;
	seen.n = 0;
	/* the sender gets none of them */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_create(&id, NULL, send_until, &s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (own_stub)
		how = stub_enter(rig.base + rig.plan.tcs[t], &op, EENTER) ? "recovered" : "EEXIT";
	else
		how = enter(t, &op);
	pthread_join(id, NULL);
	if (strncmp(how, "EEXIT", 5) || op.value)
		say("signal %d: %s, %llu registers changed", sig, how, (unsigned long long)op.value);
}

void topic_inside(void)
{
	stop_flag = shared_page();
	build("grow.elf");
	for (int own = 0; own < 2; own++) {
		for (int sig = 1; sig <= 64; sig++) {
			if (!taken(sig))
				continue;
			install(sig, note_inside, 0);
			spin_for(0, sig, false, own);
			seen.n = seen.n > 0;
			say_seen(own ? "sent, own stub" : "sent, vDSO");
		}
	}
	install(SIGRTMIN + 3, note_inside, 0);
	spin_for(0, SIGRTMIN + 3, true, false);
	say("queued: code %d, value %d, from %s", seen.info.si_code, seen.info.si_value.sival_int,
	    seen.info.si_pid == getpid() ? "here" : "elsewhere");
}

/* ---- stacks -------------------------------------------------------------------------------------------------- */

static _Alignas(16) char other_stack[65536];
static const char *nested_result[2];

/* A handler that enters, on another TCS and on the interrupted one. */
static void enter_again(int sig, siginfo_t *info, void *uc)
{
	if (!seen_inside(((ucontext_t *)uc)->uc_mcontext.gregs) || *stop_flag)
		return;
	note(sig, info, uc);
	nested_result[0] = enter_nop(1);
	nested_result[1] = enter_nop(0);
	*stop_flag = 1;
}

static void touch_stack(int sig, siginfo_t *info, void *uc)
{
	/* deep enough to leave what a mistaken stack would hold behind */
	volatile char deep[8192];

	memset((void *)(uintptr_t)deep, sig, sizeof(deep));
	note_inside(sig, info, uc);
}

static const char *where(void)
{
	return seen.stack - (uintptr_t)other_stack < sizeof(other_stack) ? "alternate" : "own";
}

void topic_stacks(void)
{
	stack_t ss = { .ss_sp = other_stack, .ss_size = sizeof(other_stack) }, was;

	stop_flag = shared_page();
	build("threads.elf");
	sigaltstack(&ss, NULL);
	install(SIGUSR1, touch_stack, SA_ONSTACK);
	install(SIGUSR2, touch_stack, 0);
	for (int own = 0; own < 2; own++) {
		spin_for(0, SIGUSR1, false, own);
		say("SA_ONSTACK: %s stack", where());
		spin_for(0, SIGUSR2, false, own);
		say("without: %s stack", where());
	}
	sigaltstack(NULL, &was);
	say("sigaltstack says: %s, flags %d", was.ss_sp == other_stack ? "as set" : "another", was.ss_flags);
	ss.ss_flags = (int)SS_AUTODISARM;
	say("SS_AUTODISARM: %s", result_of(sigaltstack(&ss, NULL)));
	spin_for(0, SIGUSR1, false, false);
	sigaltstack(NULL, &was);
	say("then: %s stack, %s, flags 0x%x", where(), was.ss_sp == other_stack ? "as set" : "another", (unsigned)was.ss_flags);
	ss = (stack_t){ .ss_flags = SS_DISABLE };
	say("SS_DISABLE: %s", result_of(sigaltstack(&ss, NULL)));
	spin_for(0, SIGUSR1, false, false);
	say("disabled: %s stack", where());
	ss = (stack_t){ .ss_sp = other_stack, .ss_size = 100 };
	say("too small: %s", result_of(sigaltstack(&ss, NULL)));
	install(SIGUSR1, enter_again, 0);
	spin_for(0, SIGUSR1, false, false);
	say("entered in the handler: other TCS %s; the same %s", nested_result[0], nested_result[1]);
	say("afterwards: %s", enter_nop(0));
}

/* ---- masks ----------------------------------------------------------------------------------------------------- */

static const char *members(const sigset_t *set)
{
	static char text[4][80];
	static unsigned next;
	static const int looked[] = { SIGUSR1, SIGUSR2, SIGSEGV, SIGILL, SIGTRAP, SIGALRM };
	char *t = text[next++ % 4];

	*t = 0;
	for (size_t i = 0; i < sizeof(looked) / sizeof(looked[0]); i++)
		if (sigismember(set, looked[i]))
			strcat(strcat(t, " "), sigabbrev_np(looked[i]));
	return *t ? t : " none";
}

static void say_masks(const char *what)
{
	sigset_t now;

	sigprocmask(SIG_BLOCK, NULL, &now);
	say("%s: blocked in the handler%s; in the context%s; afterwards%s", what, members(&seen.blocked_in_handler),
	    members(&seen.blocked_in_context), members(&now));
}

static void unblock_in_context(int sig, siginfo_t *info, void *ctx)
{
	ucontext_t *uc = ctx;

	note_inside(sig, info, uc);
	if (*stop_flag)
		sigaddset(&uc->uc_sigmask, SIGUSR2);
}

void topic_masks(void)
{
	struct sigaction sa = { .sa_sigaction = note_inside, .sa_flags = SA_SIGINFO }, now;
	sigset_t set;

	stop_flag = shared_page();
	build("grow.elf");
	sigaddset(&sa.sa_mask, SIGSEGV);
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	spin_for(0, SIGUSR1, false, false);
	say_masks("sa_mask");
	install(SIGUSR1, note_inside, SA_NODEFER);
	spin_for(0, SIGUSR1, false, false);
	say_masks("SA_NODEFER");
	install(SIGUSR1, unblock_in_context, 0);
	spin_for(0, SIGUSR1, false, false);
	say_masks("changed in the context");
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigaddset(&set, SIGTRAP);
	sigaddset(&set, SIGILL);
	sigprocmask(SIG_SETMASK, &set, NULL);
	install(SIGUSR1, note_inside, 0);
	spin_for(0, SIGUSR1, false, false);
	say_masks("faults blocked");
	say("entered with them blocked: %s", enter_nop(0));
	raise(SIGSEGV);
	sigpending(&set);
	say("pending:%s", members(&set));
	signal(SIGSEGV, SIG_IGN);
	sigpending(&set);
	say("pending when ignored:%s", members(&set));
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	install(SIGUSR1, note_inside, SA_RESETHAND);
	seen.n = 0;
	raise(SIGUSR1);         /* outside: the handler does not note it */
	sigaction(SIGUSR1, NULL, &now);
	say("SA_RESETHAND: %s", now.sa_handler == SIG_DFL ? "default" : "kept");
	struct timespec brief = { 0, 0 };

	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	install(SIGSEGV, note, 0);
	raise(SIGSEGV);
	say("sigtimedwait for SIGSEGV: %d", sigtimedwait(&set, NULL, &brief));
	say("and again: %s", result_of(sigtimedwait(&set, NULL, &brief)));
}

/* ---- timers ----------------------------------------------------------------------------------------------------- */

#define THREADS 8
#define TICKS   400

static volatile int ticks, met, odd;

static void tick(int sig, siginfo_t *info, void *ctx)
{
	const greg_t *g = ((ucontext_t *)ctx)->uc_mcontext.gregs;

	(void)sig;
	(void)info;
	if (g[REG_RAX] == ERESUME && g[REG_RIP] == g[REG_RCX]) {
		__atomic_add_fetch(&met, 1, __ATOMIC_RELAXED);
		if (g[REG_R8] || g[REG_R15] || g[REG_RSI] || !seen_inside(g))
			__atomic_add_fetch(&odd, 1, __ATOMIC_RELAXED);
	}
	if (__atomic_add_fetch(&ticks, 1, __ATOMIC_RELAXED) >= TICKS)
		*stop_flag = 1;
}

static void *hold(void *arg)
{
	unsigned t = (unsigned)(uintptr_t)arg;
	struct encl_op op = { .op = ENCL_OP_CPUSTATE, .value = 1000 + t, .addr = (uintptr_t)stop_flag };
	const char *how = enter(t, &op);

	return (void *)(uintptr_t)(strcmp(how, "EEXIT, status 0") ? 100 : op.value);
}

void topic_timer(void)
{
	struct itimerval every = { { 0, 1000 }, { 0, 1000 } }, never = { 0 };
	pthread_t id[THREADS];
	int wrong = 0;

	stop_flag = shared_page();
	build("threads.elf");
	install(SIGALRM, tick, SA_RESTART);
	install(SIGVTALRM, tick, SA_RESTART);
	setitimer(ITIMER_REAL, &every, NULL);
	setitimer(ITIMER_VIRTUAL, &every, NULL);
	for (uintptr_t t = 0; t < THREADS; t++)
		pthread_create(&id[t], NULL, hold, (void *)t);
	for (unsigned t = 0; t < THREADS; t++) {
		void *changed;

		pthread_join(id[t], &changed);
		wrong += changed != NULL;
	}
	setitimer(ITIMER_REAL, &never, NULL);
	setitimer(ITIMER_VIRTUAL, &never, NULL);
	say("8 threads on 8 TCSs, timers at 1 kHz: %d threads with changed registers", wrong);
	say("ticks met an enclave: %s; odd registers: %d", met > 20 ? "often" : "hardly", odd);
}
