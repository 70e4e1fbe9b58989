/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Threads that run enclave code natively: the thread block and the frame that assembly and C share.
 * Offsets used by native_entry.S are asserted at the end.
 */
#ifndef EMUL_NATIVE_H
#define EMUL_NATIVE_H

/*
 * All alternate signal stacks come out of one arena of naturally aligned slots; the thread block is
 * the first page of its slot, so the handler finds it by masking RSP, without TLS: in enclave mode
 * FS and GS belong to the enclave.
 */
#define NATIVE_SLOT_BYTES 0x40000
#define NATIVE_SLOTS      4096

#define TB_IN_ENCLAVE 0
#define TB_HOST_FS    8
#define TB_HOST_GS    16
#define TB_ENCL_FS    24
#define TB_ENCL_GS    32
#define TB_SELECTOR   40
#define TB_OWN_FS     48
#define TB_PROGRAM_FS 56

/* struct native_frame: the register file, then the rest */
#define NF_RAX 0
#define NF_RCX 8
#define NF_RDX 16
#define NF_RBX 24
#define NF_RSP 32
#define NF_RBP 40
#define NF_RSI 48
#define NF_RDI 56
#define NF_R8  64
#define NF_R9  72
#define NF_R10 80
#define NF_R11 88
#define NF_R12 96
#define NF_R13 104
#define NF_R14 112
#define NF_R15 120
#define NF_RFLAGS 128
#define NF_RIP 136
#define NF_FS  144
#define NF_GS  152
#define NF_TB  160
#define NF_SLOT 192
#define NF_VECTOR 168
#define NF_ERRCD 176
#define NF_ADDR 184
#define NF_TARGET 200           /* the 8 bytes just below the RSP that the enclave sees */
#define NF_BYTES 208

/* Syscall User Dispatch selector values */
#define NATIVE_ALLOW 0
#define NATIVE_BLOCK 1

/* native_fsgsbase: what works of RDFSBASE and relatives */
#define NATIVE_BASES_READ  1
#define NATIVE_BASES_WRITE 2
#define NATIVE_BASES_ALL   3

#ifndef __ASSEMBLER__

#include <asm/prctl.h>
#include <signal.h>
#include <ucontext.h>

#include "emul/internal.h"
#include "emul/raw.h"

/*
 * What a thread inside an enclave is.  Entries nest when a signal handler enters an enclave while
 * an entry of the same thread is being prepared; each has its own, last in first out.
 */
struct native_inside {
	struct sgxm_cpu cpu;
	struct emul_encl *en;
	struct native_frame *frame;     /* registers to load, valid until the jump into the enclave */
	uint64_t tcs_la;                /* of the entry, set before the leaf */
};
#define NATIVE_MAX_INSIDE 8
#define NATIVE_MAX_ABORT  4

struct native_frame {
	struct sgxm_regs regs;
	struct native_tb *tb;
	uint64_t vector, errcd, addr;   /* when the entry itself faulted */
	struct native_inside *inside;
	uint64_t target;
};

struct native_tb {
	struct native_inside *in_enclave;       /* NULL in host mode */
	uint64_t host_fs, host_gs;
	uint64_t encl_fs, encl_gs;
	uint8_t selector;
	uint8_t masked;                 /* some trap signal is blocked or waits, as the program believes: native_mask.c */
	uint8_t armed;                  /* alternate stack and syscall dispatch are set */
	int tid;
	/*
	 * A program with a libc of its own (static ones) has its own FS in host mode, where ours has no TLS: handlers load
	 * own_fs and leave with program_fs.  0: the program's FS is ours.
	 */
	uint64_t own_fs, program_fs;
	unsigned n_inside;
	struct native_inside inside[NATIVE_MAX_INSIDE];
	stack_t program_stack;          /* the alternate stack the program asked for */
	_Atomic uint32_t *looking;      /* between native_look_begin() and native_look_end(): who is counted there */
	/* native_abort.c: an instruction is being run on stand-ins for these pages */
	struct emul_encl *abort_en;
	uint64_t abort_la[NATIVE_MAX_ABORT];
	uint64_t abort_mask;            /* the signal mask it is to have again */
	unsigned n_abort;
	uint8_t abort_placed;
};

/* native_entry.S */
extern uint8_t native_aep[], native_after[], native_fixup[];
extern uint8_t native_commit_start[], native_commit_end[];
extern uint8_t native_restorer[], native_restorer_end[];
extern uint8_t native_handler_return[];         /* where handlers of the program return to */
void native_sigentry(int sig, siginfo_t *info, void *uc);
/* Not 0: emul_vdso_enter is called with an FS that is not ours, so EENTER traps too. */
extern uint8_t native_entry_traps;
extern uint64_t native_arena, native_arena_bytes;
/*
 * NATIVE_BASES_WRITE: the kernel keeps what the instructions write.  Without it bases are written by arch_prctl(2).
 * NATIVE_BASES_READ: they read the bases; without it they are #UD, and enclaves get them from native_bases.c.
 * Under some hypervisors they read and write, but the kernel does not know and puts its own values back whenever it
 * switches threads: there the writing ones of enclaves are made to trap (native_patch_bases).
 */
extern uint8_t native_fsgsbase;
void native_set_fs(void), native_set_gs(void), native_get_fs(void);    /* for assembly: value in RAX */

/* The segment bases of this thread.  FS is the C library's, which keeps its address at its start (x86-64 TLS ABI). */
static inline uint64_t native_host_fs(void)
{
	uint64_t fs;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(fs));
	return fs;
}
static inline uint64_t native_host_gs(void)
{
	uint64_t gs = 0;

	if (native_fsgsbase & NATIVE_BASES_READ)
		__asm__ volatile("rdgsbase %0" : "=r"(gs));
	else
		raw2(SYS_arch_prctl, ARCH_GET_GS, &gs);
	return gs;
}

/*
 * Around what uses contents of enclave pages without holding sh->mutex: leafs, code bytes.  Reclaiming takes the
 * page-table entries away first and then waits for every thread that is between the two, in any process.  No lock is
 * taken there, and signals are blocked.
 */
static inline void native_look_begin(struct native_tb *tb, struct emul_encl *en)
{
	tb->looking = emul_looks(en);
	atomic_fetch_add(tb->looking, 1);
}
static inline void native_look_end(struct native_tb *tb)
{
	atomic_fetch_sub(tb->looking, 1);
}
/*
 * Around a try to enter, which can be interrupted, and left by a jump out of the handler: then the TCS and its SSA stay in
 * the EPC for good.
 */
static inline void native_entering(struct emul_encl *en, uint64_t tcs_la, int by)
{
	atomic_fetch_add(&en->inside[(tcs_la - en->sh->base) >> SGX_PAGE_SHIFT].entering, (uint32_t)by);
}
/* Is the page at la of ELRANGE on its way out, or out? */
static inline bool native_page_out(const struct emul_encl *en, uint64_t la)
{
	uint64_t off = la - en->sh->base;

	return off < en->sh->size &&
	       atomic_load_explicit(&en->rec[off >> SGX_PAGE_SHIFT].word, memory_order_relaxed) & EMUL_REC_OUT;
}

/* The thread of tb is inside by a TCS; it is not any more. */
static inline void native_inside_note(const struct native_tb *tb, const struct native_inside *in)
{
	struct emul_inside *by = &in->en->inside[(in->tcs_la - in->en->sh->base) >> SGX_PAGE_SHIFT];

	by->epoch = in->cpu.epoch;
	atomic_store_explicit(&by->tid, (uint32_t)tb->tid, memory_order_release);
}
static inline void native_inside_clear(const struct native_tb *tb, const struct native_inside *in)
{
	uint32_t own = (uint32_t)tb->tid;

	/* somebody else may be there already */
	atomic_compare_exchange_strong_explicit(&in->en->inside[(in->tcs_la - in->en->sh->base) >> SGX_PAGE_SHIFT].tid,
						&own, 0, memory_order_relaxed, memory_order_relaxed);
}

/* native_thread.c */
struct native_tb *native_thread_spare(void);    /* a block for a child that shares memory with its parent, not armed */
void native_thread_release(struct native_tb *tb);
stack_t native_thread_stack(const struct native_tb *tb);
int native_thread_arm(struct native_tb *tb);    /* in the thread that tb is for */
int native_thread_dispatch(struct native_tb *tb);       /* the part of it that a vfork child lacks */
struct native_tb *native_thread_prepare(void);  /* this thread's block, armed; NULL: no memory */
struct native_tb *native_thread_peek(void);     /* the block if there is one */
void native_forked_child(void);

/*
 * native_enter.c: EENTER without a trap.  0: frame is ready to be loaded; 1: it faulted; 2: an ERESUME, which traps;
 * 3: no memory for the thread.  *ret_masked: the trap signals that were blocked until now.
 */
int native_eenter(struct native_frame *f, uint64_t *ret_masked);

/* native_trap.c: called by native_sigentry; tb NULL when this thread never entered.  Returns the block
 * that counts at the end, NULL when there is none. */
struct native_tb *native_trap(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb);
/* Asked first about every signal in host mode: true, it was caused by something that is emulated, and is dealt with. */
extern bool (*native_outside_hook)(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb);

/* native_signal.c */
int native_signals_setup(void);
/* A vfork child has signal dispositions of its own, but memory of its parent. */
#define NATIVE_SIGNALS_BYTES (65 * 32)
void native_signals_save(void *table);
void native_signals_put_back(const void *table);
/* Let the program's own disposition of this signal happen, on the context in uc. */
void native_forward(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb);
/* A handler returned: what it left in its frame is what sigreturn is to find. */
void native_handler_done(void *frame_at_uc);
bool native_is_trap_signal(int sig);
uint64_t native_trap_mask(void);
/* A thread that meets a trap with its signal blocked is killed.  Returns those that were blocked. */
uint64_t native_unblock_traps(void);
/* The kernel's XSAVE image in a signal frame: address and bytes of the image (without the trailer). */
uint8_t *native_xsave(ucontext_t *uc, size_t *ret_bytes);

/* native_mask.c: trap signals that the program believes blocked */
bool native_is_held(int sig);
void native_hold(int sig, const siginfo_t *info);
/* What waits is dropped: the program ignores the signal from now on. */
void native_ignore(int sig);
uint64_t native_held(void);
/* What was sent and is free now comes at once, or when this handler returns: true when there was any. */
bool native_held_set(uint64_t mask);
int native_take_pending(uint64_t among, siginfo_t *ret);        /* a signal's number, or 0 */
/*
 * A handler of the program begins, with these blocked besides; and ends, with the mask that its context has then.  The
 * result of the first goes to the second.
 */
uint64_t native_handler_begin(uint64_t mask);
void native_handler_end(uint64_t mask, uint64_t added_before);
/* Alternate stacks of the program: is rsp on it, as the kernel sees it; it is about to be used; sigaltstack(2). */
bool native_on_program_stack(const struct native_tb *tb, uint64_t rsp);
stack_t native_program_stack_use(struct native_tb *tb);         /* what goes into the frame */
int native_sigaltstack(struct native_tb *tb, uint64_t rsp, const stack_t *ss, stack_t *ret_old);

/* native_abort.c: false: it cannot be done.  The caller sets RFLAGS.TF where there are stand-ins. */
bool native_abort_add(struct native_tb *tb, struct emul_encl *en, uint64_t la, ucontext_t *uc);
bool native_abort_go_on(struct native_tb *tb);
void native_abort_pause(struct native_tb *tb);
void native_abort_end(struct native_tb *tb, ucontext_t *uc);

/* native_bases.c: the instruction at RIP, when it is one on a segment base; BASES_GP: it is refused with #GP(0) */
enum native_bases { BASES_NONE, BASES_DONE, BASES_GP };
enum native_bases native_bases_emulate(struct native_tb *tb, struct native_inside *in, struct sgxm_regs *regs);

/* native_event.c: to whoever listens.  before: registers at the ENCLU. */
void native_tell_leaf(const struct sgxm_regs *before, uint64_t tcs, uint64_t code, const char *check);
void native_tell_refused(const struct sgxm_regs *before, uint8_t vector, uint32_t errcd, uint64_t addr,
			 const char *check);
void native_tell_aex(uint64_t tcs, uint64_t rip, const struct sgxm_event *ev);

/* native_patch.c */
void native_patch_setup(void);
void native_bases_setup(void);
void native_patch_bases(struct emul_encl *en, uint64_t page, uint64_t pages);  /* that are about to become executable */
bool native_patched_at(struct emul_encl *en, uint64_t la);
/* Is there an ENCLU at la of this enclave, as itself or rewritten? */
bool native_enclu_at(struct emul_encl *en, uint64_t la);
void native_patch_site(struct emul_encl *en, uint64_t la);
void native_patch_copied(struct emul_encl *en, uint64_t src_la, uint64_t dst_la);

_Static_assert(offsetof(struct native_tb, in_enclave) == TB_IN_ENCLAVE, "native_entry.S");
_Static_assert(offsetof(struct native_tb, host_fs) == TB_HOST_FS, "native_entry.S");
_Static_assert(offsetof(struct native_tb, host_gs) == TB_HOST_GS, "native_entry.S");
_Static_assert(offsetof(struct native_tb, encl_fs) == TB_ENCL_FS, "native_entry.S");
_Static_assert(offsetof(struct native_tb, encl_gs) == TB_ENCL_GS, "native_entry.S");
_Static_assert(offsetof(struct native_tb, selector) == TB_SELECTOR, "native_entry.S");
_Static_assert(offsetof(struct native_tb, own_fs) == TB_OWN_FS, "native_entry.S");
_Static_assert(offsetof(struct native_tb, program_fs) == TB_PROGRAM_FS, "native_entry.S");
_Static_assert(offsetof(struct native_frame, regs.rflags) == NF_RFLAGS, "native_entry.S");
_Static_assert(offsetof(struct native_frame, regs.rip) == NF_RIP, "native_entry.S");
_Static_assert(offsetof(struct native_frame, regs.gsbase) == NF_GS, "native_entry.S");
_Static_assert(offsetof(struct native_frame, tb) == NF_TB, "native_entry.S");
_Static_assert(offsetof(struct native_frame, addr) == NF_ADDR, "native_entry.S");
_Static_assert(offsetof(struct native_frame, inside) == NF_SLOT, "native_entry.S");
_Static_assert(offsetof(struct native_frame, target) == NF_TARGET, "native_entry.S");
_Static_assert(sizeof(struct native_frame) == NF_BYTES && NF_TARGET == NF_BYTES - 8, "native_entry.S");

#endif
#endif
