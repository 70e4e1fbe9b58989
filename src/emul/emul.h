/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulated device: the Linux SGX driver as a model, on the CPU model of machine/, with enclave
 * code running natively and ENCLU trapped.
 *
 * An emulated enclave is one memfd: page contents at offset = linear address - ELRANGE base, SECS, EPCM
 * and the driver's records behind them.  The fd is the capability, as in Linux: dup, fork and passing it
 * on do what they do with the real device, and the enclave ends with its last fd and mapping.
 * Per process are only the things that are per process in Linux: mappings and page-table entries.
 *
 * Results are those of the system calls they stand for: >= 0, or -errno.
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx, <asm/sgx.h>; the AUGMENT RFC of 4 March 2022.
 */
#ifndef EMUL_EMUL_H
#define EMUL_EMUL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arch/sgx_arch.h"
#include "arch/sgx_uapi.h"

enum emul_kernel { EMUL_KERNEL_RFC, EMUL_KERNEL_UPSTREAM, EMUL_KERNEL_FIXED };

struct emul_config {
	enum emul_kernel kernel;
	uint64_t epc_pages;             /* 0 = EMUL_EPC_PAGES_DEFAULT */
	bool no_sgx2;
	/*
	 * A promise: no thread that enters an enclave ever has SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP or SIGSYS blocked.
	 * Without it each entry through emul_vdso_enter unblocks them, at the price of a system call.
	 */
	bool trap_signals_open;
	/*
	 * This process looks at enclaves of others, by their fds: it makes none, maps none, enters none, does not count as
	 * one of their users and is charged for nothing.
	 */
	bool observer;
};
#define EMUL_EPC_PAGES_DEFAULT ((uint64_t)2 << 18)      /* 2 GiB */
/* ELRANGEs of 2^45 bytes and more do not fit a process together with their alias. */
#define EMUL_MAX_SIZE_LOG2 45

/*
 * Sets the process up once: arena, signal handlers, Syscall User Dispatch check, the pool of EPC pages.
 * -ENOSYS: this kernel or CPU lacks what trapping needs.  Calling it again with another config is -EBUSY.
 */
int emul_setup(const struct emul_config *cfg);

/* What an enclave may ask of the device, set up or not. */
struct emul_offers {
	uint64_t attributes, xfrm;
	uint32_t miscselect;
	unsigned int max_size_log2;     /* of SECS.SIZE, 64-bit */
};
void emul_offers_get(struct emul_offers *ret);

/*
 * Before emul_setup, when the program starts: finds the pool of EPC pages that the program before this one shares with
 * whom it executes, or makes one, which then stays open over exec.
 */
void emul_pool_prepare(const struct emul_config *cfg);

int emul_open(const char *path, int flags);             /* a new enclave, or a provision token */
int emul_close(int fd);
long emul_ioctl(int fd, unsigned long cmd, void *arg);
bool emul_is_enclave_fd(int fd);

int64_t emul_mmap(uint64_t la, uint64_t bytes, int prot, int flags, int fd, uint64_t off);
int emul_munmap(uint64_t la, uint64_t bytes);
int emul_mprotect(uint64_t la, uint64_t bytes, int prot);
/* Of ranges that hold enclave mappings (emul_range_has_enclave). */
int emul_madvise(uint64_t la, uint64_t bytes, int advice);
int emul_mlock(uint64_t la, uint64_t bytes);            /* mlock2 too */
int emul_msync(uint64_t la, uint64_t bytes, int flags);
int64_t emul_mremap(uint64_t la, uint64_t old_bytes, uint64_t bytes, int flags, uint64_t to);

/* A one-byte load by host code: 0 and the byte (0xff: the abort page), -SIGBUS or -SIGSEGV. */
int emul_touch(uint64_t la, uint8_t *ret_byte);

/* As __vdso_sgx_enter_enclave, same C shape and register rules (R12-R15 not preserved). */
int emul_vdso_enter(unsigned long rdi, unsigned long rsi, unsigned long rdx, unsigned int function,
		    unsigned long r8, unsigned long r9, struct sgx_enclave_run *run);

/* /proc/PID/mem on enclave memory of this process: bytes or -errno */
ssize_t emul_peek(uint64_t la, void *buf, size_t bytes);
ssize_t emul_poke(uint64_t la, const void *buf, size_t bytes);

/*
 * sigaction(2) for programs whose threads enter enclaves: the emulator owns SIGSEGV, SIGILL, SIGBUS, SIGFPE, SIGTRAP
 * and SIGSYS, and a handler of any other signal must see the state after the AEX.  0 or -errno.
 */
int emul_sigaction(int sig, const struct sigaction *act, struct sigaction *old);
/*
 * The mask and the alternate stack that the program believes it has.  The six are never really blocked: they pend
 * here when they were sent, and end the process when they were caused.  0 or -errno.
 */
int emul_sigmask(int how, const sigset_t *set, sigset_t *old);
uint64_t emul_sigmask_held(void);       /* of the six, as the kernel has masks; for a new thread: */
void emul_sigmask_inherit(uint64_t held);
void emul_sigmask_left_handlers(void); /* by a jump that restored the mask which they were called with */
void emul_sigmask_adopt(void);          /* this thread's real mask becomes what it believes */
int emul_sigaltstack(const stack_t *ss, stack_t *old);
uint64_t emul_sigpending(void);         /* of the six, those that wait for this thread */
/* Around a fork that is not fork(3), whose handlers do the same.  Nothing but the system call may come between. */
void emul_fork_prepare(void);
void emul_fork_done(bool child);

/* ---- what hosts of other people's programs ask ---------------------------------------------------------- */

/* By size alone, without attaching: cheap, and true for the fds of other processes' emulators. */
bool emul_looks_like_enclave(int fd);
bool emul_is_device_size(uint64_t bytes);
bool emul_is_token_fd(int fd);
bool emul_is_own_fd(int fd);            /* one that the emulator keeps for itself */
int emul_move_own_fd(int fd);           /* somebody wants its number: 0 or -errno */
bool emul_range_has_enclave(uint64_t la, uint64_t bytes);
struct emul_mapping {
	uint64_t start, end;
	int prot, may;                  /* and what mprotect may raise it to */
};
bool emul_mapping_at(uint64_t la, struct emul_mapping *ret);

/*
 * Told to whoever shows the enclaves of this process to others, with all signals blocked: enclave `slot` can be entered
 * (it passed INIT here, or came from another process), its file is own_fd; this process lets go of it, and (sole) no other
 * process uses it.
 */
extern void (*emul_on_ready)(unsigned slot, int own_fd);
extern void (*emul_on_gone)(unsigned slot, bool sole);
bool emul_is_sole(unsigned slot);
/* A word that travels with the enclave, for those two: NUL-terminated, empty at first. */
#define EMUL_LABEL_BYTES 72
char *emul_label(unsigned slot);
/* Where this process keeps what Linux would keep of the enclave: for emul_observe() of another. */
uint64_t emul_where(unsigned slot);

/* ---- what an observer asks ------------------------------------------------------------------------------ */

/*
 * Process pid keeps its mappings of the enclave of fd as emul_where() said there: EMUL_IOC_GET_PAGES shows these from
 * now on, as long as the process may be read.
 */
void emul_observe(int fd, uint32_t pid, uint64_t where);
/* emul_peek() and emul_poke() by offset, of an enclave that nobody here has mapped. */
ssize_t emul_peek_at(int fd, uint64_t off, void *buf, size_t bytes);
ssize_t emul_poke_at(int fd, uint64_t off, const void *buf, size_t bytes);
/* The enclave behind fd, for who did not make it; -ENOTTY: it is none. */
struct emul_identity {
	enum emul_kernel kernel;
	bool no_sgx2, initialized, debug;
	uint64_t base, size;
};
int emul_identify(int fd, struct emul_identity *ret);

/* What the CPU did, told while it happens: signal context, general registers only. */
enum emul_event_kind { EMUL_EVENT_LEAF, EMUL_EVENT_REFUSED, EMUL_EVENT_AEX };
struct emul_event {
	enum emul_event_kind kind;
	uint32_t leaf;
	uint64_t tcs, rip, rbx, rcx, rdx;       /* registers before a leaf; RIP of the AEX */
	uint64_t code;                          /* a leaf's result in RAX */
	bool exception;                         /* an AEX with a vector, or always when refused */
	uint8_t vector;
	uint32_t errcd;
	uint64_t addr;
	const char *check;                      /* the one that refused; NULL */
};
extern void (*emul_on_event)(const struct emul_event *ev);     /* NULL: nobody listens */

/* ---- extra ioctls: what only a model can know.  On the kernel's fd they are ENOTTY. ---------------- */

#define EMUL_IOC_GET_SECS     _IOWR(SGX_MAGIC, 0x80, struct emul_get_secs)
#define EMUL_IOC_GET_PAGES    _IOWR(SGX_MAGIC, 0x81, struct emul_get_pages)
#define EMUL_IOC_GET_COUNTERS _IOWR(SGX_MAGIC, 0x82, struct emul_get_counters)
#define EMUL_IOC_LAST_REFUSAL _IOWR(SGX_MAGIC, 0x83, struct emul_last_refusal)

struct emul_get_secs {
	uint64_t secs;          /* in: where to put 4096 bytes: the SECS without hidden state */
	uint64_t eid, children, threads_inside, epoch;  /* out */
	uint64_t padding;       /* in: 0 or where to put the 352 bytes of PKCS#1 padding */
};

#define EMUL_PTE_UNKNOWN    2
#define EMUL_VMA_UNKNOWN    (-2)
#define EMUL_PAGE_OUT       1u
#define EMUL_PAGE_AUGMENTED 2u  /* came by EAUG */
/* Run-length coded; call again from next_off until n == 0. */
struct emul_page_range {
	uint64_t off, pages;
	uint32_t word;          /* SGXM_E_* bits without locks; 0 = no page */
	uint16_t pte;           /* 1 present in this process; to an observer EMUL_PTE_UNKNOWN */
	int16_t vma;            /* PROT_* in this process, -1 = not mapped; to an observer EMUL_VMA_UNKNOWN */
	uint32_t max_prot;      /* driver's record: SGX_SECINFO_R.., bit 31: the record exists */
	uint32_t out;           /* EMUL_PAGE_OUT: not in the EPC, word is what comes back; EMUL_PAGE_AUGMENTED */
};
struct emul_get_pages {
	uint64_t off, length;   /* in: bytes, page aligned */
	uint64_t ranges;        /* in: struct emul_page_range array */
	uint64_t capacity;      /* in: entries */
	uint64_t n;             /* out: entries filled */
	uint64_t next_off;      /* out: where to go on */
};

/* Since the enclave was created, all processes. */
struct emul_get_counters {
	uint64_t eenters, eexits, eresumes, aexs;       /* by the CPU model; eresumes: every ERESUME, also at the AEP */
	uint64_t kernel_faults;         /* faults the driver model resolved, from the enclave */
	uint64_t host_faults;           /* faults by host accesses, resolved */
	uint64_t ptes;                  /* page-table entries installed */
	uint64_t eaugs, eaccepts, eacceptcopies;
	uint64_t epc_used, epc_total;   /* pages, of the whole device */
	uint64_t ewbs, eldus;           /* pages written out of the EPC, and loaded back */
};

/* Which check refused last on this fd, and how: for errors that name it. */
struct emul_last_refusal {
	char check[24];         /* "EAUG.8"; "" = none */
	uint32_t kind;          /* enum sgxm_kind */
	uint32_t code;
	uint64_t addr, off;
	uint64_t serial;        /* counts refusals from 1 on */
};

#endif
