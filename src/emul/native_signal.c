/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's own signal dispositions, kept beside ours, and its handlers run as the kernel would have
 * run them: on the program's stack, with the context after the AEX, never on the emulator's stack
 * (a handler may enter an enclave again).
 *
 * Authority: Linux 6.1 arch/x86/kernel/signal.c (frame layout, flags); Linux x86-64 signal ABI.
 * Context:   forward() in the signal handler; emul_sigaction in normal context.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emul/native.h"
#include "emul/raw.h"

#define SA_RESTORER_FLAG 0x04000000
#define KERNEL_UC_BYTES  304            /* struct ucontext of the kernel: up to its 8-byte signal mask */
#define SIGINFO_BYTES    128
#define XSAVE_MAGIC1     0x46505853u
#define RED_ZONE         128

struct kernel_sigaction {
	void *handler;
	unsigned long flags;
	void *restorer;
	uint64_t mask;
};

static struct kernel_sigaction program[65];

static const int trap_signals[] = { SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP, SIGSYS };
#define N_TRAP (sizeof(trap_signals) / sizeof(trap_signals[0]))

static uint64_t bit(int sig)
{
	return (uint64_t)1 << (sig - 1);
}

uint64_t native_trap_mask(void)
{
	uint64_t m = 0;

	for (size_t i = 0; i < N_TRAP; i++)
		m |= bit(trap_signals[i]);
	return m;
}

bool native_is_trap_signal(int sig)
{
	return sig >= 1 && sig <= 64 && native_trap_mask() & bit(sig);
}

uint64_t native_unblock_traps(void)
{
	uint64_t traps = native_trap_mask(), was = 0;

	raw4(SYS_rt_sigprocmask, SIG_UNBLOCK, &traps, &was, sizeof(was));
	return was & traps;
}

static int raw_sigaction(int sig, const struct kernel_sigaction *act, struct kernel_sigaction *old)
{
	return syscall(SYS_rt_sigaction, sig, act, old, sizeof(uint64_t)) ? -errno : 0;
}

static int install_ours(int sig, unsigned long flags, struct kernel_sigaction *old)
{
	struct kernel_sigaction ours = {
		.handler = (void *)native_sigentry,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER_FLAG |
			 (flags & (SA_RESTART | SA_NOCLDSTOP | SA_NOCLDWAIT)),
		.restorer = native_restorer,
		.mask = UINT64_MAX };

	return raw_sigaction(sig, &ours, old);
}

_Static_assert(sizeof(program) == NATIVE_SIGNALS_BYTES, "native.h");

void native_signals_save(void *table)
{
	__builtin_memcpy(table, program, sizeof(program));
}

void native_signals_put_back(const void *table)
{
	__builtin_memcpy(program, table, sizeof(program));
}

int native_signals_setup(void)
{
	for (size_t i = 0; i < N_TRAP; i++) {
		/* SIGSYS also comes from elsewhere.c, which is no business of the program's system calls */
		int r = install_ours(trap_signals[i], trap_signals[i] == SIGSYS ? SA_RESTART : 0,
				     &program[trap_signals[i]]);

		if (r)
			return r;
	}
	return 0;
}

int emul_sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct kernel_sigaction want, was;

	if (sig < 1 || sig > 64 || sig == SIGKILL || sig == SIGSTOP)
		return -EINVAL;
	if (!act || native_is_trap_signal(sig)) {
		was = program[sig];
		if (!native_is_trap_signal(sig)) {
			int r = raw_sigaction(sig, NULL, &was);

			if (r)
				return r;
			if (was.handler == (void *)native_sigentry)
				was = program[sig];
		}
	}
	if (act) {
		want = (struct kernel_sigaction){ .handler = (void *)act->sa_handler, .flags = (unsigned long)act->sa_flags };
		__builtin_memcpy(&want.mask, &act->sa_mask, sizeof(want.mask));
		if (!native_is_trap_signal(sig)) {
			bool function = want.handler != (void *)SIG_DFL && want.handler != (void *)SIG_IGN;
			struct kernel_sigaction kernel;
			struct kernel_sigaction before = program[sig];

			program[sig] = want;
			int r = function ? install_ours(sig, want.flags, &kernel) : raw_sigaction(sig, &want, &kernel);

			if (r) {
				program[sig] = before;
				return r;
			}
			was = kernel.handler == (void *)native_sigentry ? before : kernel;
		} else {
			program[sig] = want;
			if (want.handler == (void *)SIG_IGN)
				native_ignore(sig);
		}
	}
	if (old) {
		__builtin_memset(old, 0, sizeof(*old));
		old->sa_handler = (void (*)(int))was.handler;
		old->sa_flags = (int)(was.flags & ~(unsigned long)SA_RESTORER_FLAG);
		__builtin_memcpy(&old->sa_mask, &was.mask, sizeof(was.mask));
	}
	return 0;
}

uint8_t *native_xsave(ucontext_t *uc, size_t *ret_bytes)
{
	uint8_t *p = (uint8_t *)uc->uc_mcontext.fpregs;
	uint32_t magic, bytes;

	__builtin_memcpy(&magic, p + 464, 4);
	__builtin_memcpy(&bytes, p + 480, 4);
	*ret_bytes = magic == XSAVE_MAGIC1 ? bytes : 512;
	return p;
}

/* Bytes of the whole floating-point part of the frame, with its trailing magic. */
static size_t xsave_frame_bytes(ucontext_t *uc)
{
	uint8_t *p = (uint8_t *)uc->uc_mcontext.fpregs;
	uint32_t magic, bytes;

	__builtin_memcpy(&magic, p + 464, 4);
	__builtin_memcpy(&bytes, p + 468, 4);
	return magic == XSAVE_MAGIC1 ? bytes : 512;
}

static uint64_t stack_for(const struct kernel_sigaction *act, const struct native_tb *tb, uint64_t rsp)
{
	uint64_t sp = tb ? (uint64_t)(uintptr_t)tb->program_stack.ss_sp : 0;

	if (act->flags & SA_ONSTACK && sp && !native_on_program_stack(tb, rsp))
		return sp + tb->program_stack.ss_size;
	return rsp - RED_ZONE;
}

/* What a handler has blocked: by its disposition, before that was reset. */
static uint64_t blocked_by(int sig, const struct kernel_sigaction *act)
{
	return act->mask | (act->flags & SA_NODEFER ? 0 : bit(sig));
}

static void mask_get(const ucontext_t *uc, uint64_t *ret)
{
	__builtin_memcpy(ret, &uc->uc_sigmask, sizeof(*ret));
}

static void mask_put(ucontext_t *uc, uint64_t mask)
{
	__builtin_memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
}

/* A frame as the kernel makes it, and behind it what is needed when the handler is done. */
struct frame {
	uint64_t ret;
	uint8_t uc[KERNEL_UC_BYTES], info[SIGINFO_BYTES];
	struct native_tb *tb;
	uint64_t added;
};

/* The thread's own alternate stack is ours, whatever the program has. */
static void put_our_stack(ucontext_t *uc, struct native_tb *tb)
{
	native_sigaltstack(tb, (uint64_t)uc->uc_mcontext.gregs[REG_RSP], &uc->uc_stack, NULL);
	uc->uc_stack = native_thread_stack(tb);
}

/* The context that a handler leaves is the program's; it becomes the one that the kernel is to restore. */
static void take_back(ucontext_t *uc, struct native_tb *tb, uint64_t added)
{
	uint64_t mask;

	mask_get(uc, &mask);
	native_handler_end(mask, added);
	mask_put(uc, mask & ~native_trap_mask());
	if (tb)
		put_our_stack(uc, tb);
}

void native_handler_done(void *at_uc)
{
	struct frame *f = (void *)((uint8_t *)at_uc - offsetof(struct frame, uc));
	struct native_tb *tb = f->tb;
	uint64_t fs = 0, mask;

	mask_get(at_uc, &mask);
	if (tb && tb->own_fs && !tb->masked && !(mask & native_trap_mask())) {
		put_our_stack(at_uc, tb);
		return;
	}
	if (tb && tb->own_fs) {         /* our TLS is elsewhere */
		raw2(SYS_arch_prctl, ARCH_GET_FS, &fs);
		raw2(SYS_arch_prctl, ARCH_SET_FS, tb->own_fs);
	}
	/* it may have entered its first enclave */
	take_back(at_uc, tb ? tb : native_thread_peek(), f->added);
	if (fs)
		raw2(SYS_arch_prctl, ARCH_SET_FS, fs);
}

static void run_handler(int sig, const siginfo_t *info, ucontext_t *uc, struct native_tb *tb,
			const struct kernel_sigaction *act)
{
	greg_t *g = uc->uc_mcontext.gregs;
	size_t xbytes = xsave_frame_bytes(uc);
	uint64_t x = (stack_for(act, tb, (uint64_t)g[REG_RSP]) - xbytes) & ~(uint64_t)63;
	uint64_t sp = ((x - sizeof(struct frame)) & ~(uint64_t)15) - 8;
	struct frame *frame = (void *)(uintptr_t)sp;
	ucontext_t *copy = (void *)frame->uc;   /* its first KERNEL_UC_BYTES */
	uint64_t mask, more = blocked_by(sig, act);

	__builtin_memcpy((void *)(uintptr_t)x, uc->uc_mcontext.fpregs, xbytes);
	frame->ret = (uint64_t)(uintptr_t)native_handler_return;
	__builtin_memcpy(frame->uc, uc, KERNEL_UC_BYTES);
	copy->uc_mcontext.fpregs = (void *)(uintptr_t)x;
	__builtin_memcpy(frame->info, info, SIGINFO_BYTES);
	mask_get(uc, &mask);
	mask_put(copy, mask | native_held());
	if (tb)
		copy->uc_stack = native_program_stack_use(tb);
	frame->tb = tb;
	frame->added = native_handler_begin(more);

	g[REG_RIP] = (greg_t)(uintptr_t)act->handler;
	g[REG_RSP] = (greg_t)sp;
	g[REG_RDI] = sig;
	g[REG_RSI] = (greg_t)(uintptr_t)frame->info;
	g[REG_RDX] = (greg_t)(uintptr_t)frame->uc;
	g[REG_RAX] = 0;
	g[REG_EFL] &= ~(greg_t)(0x400 | SGXM_RFLAGS_RF | SGXM_RFLAGS_TF);
	mask_put(uc, (mask | more) & ~native_trap_mask());
}

/*
 * This thread never entered, so the kernel put the frame on the stack the program uses: the context is the program's,
 * and its handler can simply be called.
 */
static void call_handler(int sig, siginfo_t *info, ucontext_t *uc, const struct kernel_sigaction *act)
{
	uint64_t mask, now, more = blocked_by(sig, act), added;

	mask_get(uc, &mask);
	now = (mask | more) & ~native_trap_mask();
	mask_put(uc, mask | native_held());
	added = native_handler_begin(more);
	raw4(SYS_rt_sigprocmask, SIG_SETMASK, &now, NULL, sizeof(now));
	((void (*)(int, siginfo_t *, void *))act->handler)(sig, info, uc);
	/* if it entered an enclave, the thread has our stack now, which sigreturn must leave in place */
	take_back(uc, native_thread_peek(), added);
}

static bool on_our_stack(const void *p)
{
	return (uint64_t)(uintptr_t)p - native_arena < native_arena_bytes;
}

/*
 * This thread never entered, and our SA_ONSTACK brought us to the alternate stack of the program, whose handler did
 * not ask for it: that stack may be too small for it.
 */
static bool on_borrowed_stack(const ucontext_t *uc, const struct kernel_sigaction *act)
{
	uint64_t sp = (uint64_t)(uintptr_t)uc->uc_stack.ss_sp, rsp = (uint64_t)uc->uc_mcontext.gregs[REG_RSP];

	return !(act->flags & SA_ONSTACK) && !(uc->uc_stack.ss_flags & SS_DISABLE) &&
	       (uint64_t)(uintptr_t)uc - sp < uc->uc_stack.ss_size && rsp - sp >= uc->uc_stack.ss_size;
}

void native_forward(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb)
{
	struct kernel_sigaction act = program[sig];
	bool trap = native_is_trap_signal(sig), sync = trap && info->si_code > 0;

	if (trap && native_is_held(sig)) {
		if (!sync) {
			native_hold(sig, info);
			return;
		}
		act.handler = (void *)SIG_DFL;  /* what the kernel does with a fault that is blocked */
	}
	if (act.handler == (void *)SIG_IGN && !sync)
		return;
	if (act.handler == (void *)SIG_DFL || act.handler == (void *)SIG_IGN) {
		/* The default action, as if the signal had met it: it is pending until our return unblocks it. */
		struct kernel_sigaction dfl = { 0 };
		uint64_t mask;

		raw_sigaction(sig, &dfl, NULL);
		mask_get(uc, &mask);
		mask_put(uc, mask & ~bit(sig));
		syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), sig);
		return;
	}
	if (act.flags & SA_RESETHAND)
		program[sig].handler = (void *)SIG_DFL;
	if (on_our_stack(uc) || on_borrowed_stack(uc, &act))
		run_handler(sig, info, uc, tb, &act);
	else
		call_handler(sig, info, uc, &act);
}
