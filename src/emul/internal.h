/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside the emulated device: what its files share.  Three parts:
 *   device.c ioc_*.c epc.c host.c   the driver: enclaves, ioctls, EPC accounting
 *   mm.c fault.c                    what Linux keeps per process: mappings, page-table entries, faults
 *   paging.c reclaim.c              pages on their way out of the EPC and back
 *   native_*.{c,S}                  threads that run enclave code: traps, signals, entry and exit
 *
 * Locks, always taken in this order, always with all signals blocked (a signal handler may enter the
 * enclave and need them): emul_reclaim_lock (this process), emul_shared.evictor (all processes; only tried),
 * emul_shared.mutex of one enclave (all processes; stands for encl->lock), then emul_encl.mm_lock (this process; stands for mmap_lock).  Code in native_* runs in signal context.
 */
#ifndef EMUL_INTERNAL_H
#define EMUL_INTERNAL_H

#include <signal.h>
#include <stdatomic.h>

#include "emul/emul.h"
#include "machine/machine.h"

/* ---- the enclave file ---------------------------------------------------------------------- */

/*
 * Offset 0: page contents.  The rest lies beyond the largest ELRANGE, so one formula serves all sizes.
 */
#define EMUL_OFF_SHARED  ((uint64_t)1 << 46)                    /* struct emul_shared, one page */
#define EMUL_OFF_SECS    (EMUL_OFF_SHARED + 0x1000)             /* EPC page of the SECS */
#define EMUL_OFF_RECORDS (EMUL_OFF_SHARED + 0x100000)           /* struct emul_record per page */
#define EMUL_OFF_EPCM    (EMUL_OFF_SHARED + ((uint64_t)1 << 40))        /* struct sgxm_epcm per page */
#define EMUL_OFF_SLOTS   (EMUL_OFF_EPCM + ((uint64_t)1 << 37))          /* uint32_t per page: version slot + 1 */
#define EMUL_OFF_INSIDE  (EMUL_OFF_EPCM + ((uint64_t)1 << 39))          /* struct emul_inside per page */
#define EMUL_OFF_VA_EPCM (EMUL_OFF_EPCM + ((uint64_t)1 << 38))          /* struct sgxm_epcm per VA page */
#define EMUL_OFF_VA      (EMUL_OFF_SHARED + ((uint64_t)1 << 41))        /* VA pages */
#define EMUL_OFF_PCMD    (EMUL_OFF_SHARED + ((uint64_t)1 << 42))        /* struct sgx_pcmd per page */
#define EMUL_OFF_BACKING ((uint64_t)1 << 47)                            /* what EWB wrote, SECS behind the last page */

/* EPC addresses as the CPU model sees them, per enclave. */
#define EMUL_EPA_SECS    0x1000u
#define EMUL_EPA_PAGES   ((uint64_t)1 << 46)    /* + offset from the ELRANGE base */
#define EMUL_EPA_VA      ((uint64_t)1 << 47)    /* + 4096 * number of the VA page */

/* What the driver remembers of a page (struct sgx_encl_page). */
/*
 * Who is inside by a TCS, and since which epoch: for when it is killed there (recover.c).  And how many entries by it are
 * being tried: as long as either says so, reclaiming leaves the TCS and its SSA alone.
 */
struct emul_inside {
	_Atomic uint32_t tid;
	uint32_t epoch;
	_Atomic uint32_t entering;
	uint32_t spare;
};

struct emul_record {
	_Atomic uint16_t word;
};
#define EMUL_REC_EXISTS   0x8000u
#define EMUL_REC_DIRTY    0x4000u       /* the memory was used before: EAUG must zero it */
#define EMUL_REC_AUGMENTED 0x2000u      /* came by EAUG */
#define EMUL_REC_SWAPPED  0x0100u       /* not in the EPC: the contents are in the backing store */
#define EMUL_REC_FRESH    0x1000u       /* came since other processes last looked for pages to reclaim */
#define EMUL_REC_LEAVING  0x0200u       /* being reclaimed: who needs it waits for emul_shared.mutex */
#define EMUL_REC_OUT      (EMUL_REC_SWAPPED | EMUL_REC_LEAVING)
#define EMUL_REC_MAX_MASK 0x0007u       /* vm_max_prot_bits as SGX_SECINFO_R.. */
#define EMUL_REC_PT_SHIFT 4             /* page type, 4 bits */
#define EMUL_REC_PT_MASK  0x00f0u

#define EMUL_OFF_PATCHES (EMUL_OFF_SHARED + 0x2000)             /* struct emul_patches, one page */

/* ENCLU sites rewritten by native_patch.c: offsets from the ELRANGE base, append-only. */
#define EMUL_MAX_PATCHES 510
struct emul_patches {
	_Atomic uint32_t n;
	uint32_t spare[3];
	_Atomic uint64_t off[EMUL_MAX_PATCHES];
};
_Static_assert(sizeof(struct emul_patches) <= 4096, "one page");

#define EMUL_MAGIC 0x6c74637867735545ull

/* A mutex that lives in shared memory and survives its holder: the word is the holder's thread id. */
struct emul_mutex {
	_Atomic uint32_t owner;
	_Atomic uint32_t waiters;
};

#define EMUL_ZAPS  16u
#define EMUL_USERS 32u          /* processes that are told; more of them hear of it when they enter */

struct emul_shared {
	uint64_t magic;
	uint32_t version;
	uint32_t kernel;                /* enum emul_kernel */
	uint32_t no_sgx2;
	_Atomic uint32_t busy;          /* the driver's ioctl flag: holder's thread id, 0 = free */
	struct emul_mutex mutex;
	_Atomic uint32_t created, initialized, debug;
	uint64_t base, size;
	uint64_t attributes_mask;       /* what INIT allows */
	uint64_t page_count;            /* records; every 512th (with the SECS) costs a VA page */
	uint64_t va_pages;
	uint64_t va_hint;               /* slot to look at first */
	_Atomic uint64_t guest_hand;    /* page that reclaiming by other processes looks at next */
	uint32_t secs_out;              /* the SECS is in the backing store */
	_Atomic uint32_t forks;         /* children that have not said yet that they use the enclave */
	_Atomic uint32_t strangers;     /* set: processes use it that the pool does not know */
	_Atomic uint32_t unlisted;      /* set: processes use it that have no entry of user[] */
	_Atomic uint64_t epc_used;      /* EPC pages this enclave holds: SECS, VA, pages */
	_Atomic uint64_t eenters, eexits, eresumes, aexs, kernel_faults, host_faults, ptes;
	_Atomic uint64_t eaugs, eaccepts, eacceptcopies;
	_Atomic uint64_t ewbs, eldus;
	struct sgxm_epcm secs_epcm;     /* EPCM entry of the SECS page */
	struct emul_last_refusal refusal;
	uint64_t pool_id;               /* the pool that is charged for this enclave; 0 = none */
	uint64_t pool_total;            /* its size, for processes with another pool */
	uint32_t charge;                /* index of emul_pool.charges */
	char label[EMUL_LABEL_BYTES];
	/* elsewhere.c: page-table entries that every process has to drop; written under mutex */
	_Atomic uint64_t zap_serial;    /* how many there were */
	struct { uint64_t la, bytes, drop; } zap[EMUL_ZAPS];    /* the last, by serial */
	struct {
		_Atomic uint32_t pid;           /* 0 = free */
		int32_t own_fd;
		_Atomic uint64_t done;          /* up to this serial */
	} user[EMUL_USERS];
	/* threads that use contents of pages at the moment, by user; the last: of processes without an entry */
	_Atomic uint32_t looks[EMUL_USERS + 1];
	struct emul_mutex evictor;      /* held while pages of this enclave are made ready to leave */
};
_Static_assert(sizeof(struct emul_shared) <= 4096, "one page");

/* ---- the device: the EPC that all its enclaves share ------------------------------------------- */

/* What one enclave holds of the pool, and for whom: a killed process gives nothing back by itself. */
#define EMUL_CHARGE_PIDS 14
#define EMUL_MAX_CHARGES 1024
struct emul_charge {
	_Atomic uint64_t pages;
	dev_t dev;
	ino_t ino;
	uint32_t pids[EMUL_CHARGE_PIDS];
	uint32_t lost;                  /* one of them went without letting go */
	uint32_t visitor;               /* process that reclaims from it and is none of them */
};

#define EMUL_POOL_MAGIC 0x6c6f6f7078677331ull

struct emul_pool {              /* shared memory, see pool.c */
	uint64_t magic, bytes;
	uint64_t id;                    /* random */
	uint64_t total;                 /* EPC pages */
	_Atomic uint64_t used;
	_Atomic uint64_t next_eid;
	struct emul_config config;
	struct emul_mutex lock;         /* of the charges' owners; taken last */
	uint32_t n_charges;             /* entries ever used; lock */
	struct emul_charge charges[EMUL_MAX_CHARGES];
};
extern struct emul_pool *emul_pool;     /* NULL before emul_setup */

int emul_pool_open(const struct emul_config *cfg);
bool emul_is_pool_fd(int fd);
void emul_pool_move_fd(int fd);         /* that one */
bool emul_epc_take(struct emul_shared *sh, uint64_t pages);     /* false: not enough are free */
void emul_epc_give(struct emul_shared *sh, uint64_t pages);
uint64_t emul_epc_free(void);           /* pages of the pool */
bool emul_epc_sweep(void);              /* pages of enclaves whose processes were killed: did any come back? */
bool emul_epc_low(const struct emul_shared *sh);        /* fewer are free than reclaiming starts at */
bool emul_epc_high(const struct emul_shared *sh);       /* as many are free as it stops at */
bool emul_is_guest_fd(int fd);           /* the file of an enclave that is reclaimed from, of another process */
void emul_guest_wait(void);             /* ... until it is done */
bool emul_epc_is_home(const struct emul_shared *sh);    /* charged to the pool of this process */

/* reclaim.c: the number of a page that is none */
#define EMUL_NO_PAGE UINT64_MAX

/* ---- this process ------------------------------------------------------------------------------- */

struct emul_vma {
	uint64_t start, end;            /* linear addresses */
	uint8_t prot;                   /* PROT_READ | PROT_WRITE | PROT_EXEC */
	uint8_t may;                    /* what mprotect may raise it to (O_RDONLY fds: no write) */
	uint8_t dead;                   /* fork lost the driver's bookkeeping: every touch is SIGBUS */
	uint8_t unplaced;               /* mapped before CREATE: the file offset is not right yet */
	uint8_t no_fork;                /* MADV_DONTFORK; for a driver's mapping there is no way back */
};

/* An enclave this process has opened or inherited.  Slots are never freed, only reused when idle. */
struct emul_encl {
	_Atomic uint32_t live;
	dev_t dev;
	ino_t ino;
	int own_fd;                     /* private duplicate: maps new ranges, keeps the file */
	_Atomic int fds;                /* emul_open/attach minus emul_close */
	_Atomic uint32_t users;         /* calls in flight: keep the slot while another thread closes the fd */
	struct emul_shared *sh;
	uint8_t *secs;                  /* the SECS page */
	struct emul_patches *patches;
	/* set when the size is known (CREATE, or attach to a created one) */
	_Atomic uint32_t mapped;
	_Atomic uint64_t base, size;    /* of ELRANGE; size 0 while not mapped */
	uint8_t *alias;                 /* all of ELRANGE, always RW: how the models touch contents */
	struct sgxm_epcm *epcm;         /* [page]; the SECS has its own entry below */
	struct sgxm_epcm *secs_epcm;    /* in the enclave file, behind struct emul_shared */
	struct emul_record *rec;
	struct emul_inside *inside;     /* [page] */
	uint8_t *pte;                   /* EMUL_PTE_* per page; private: page tables are per process */
	/* paging, mapped when the first page goes out or comes in; sh->mutex */
	uint64_t *va;                   /* version slots: the VA pages */
	struct sgxm_epcm *va_epcm;
	uint32_t *slot;                 /* [page], and of the SECS behind the last */
	struct sgx_pcmd *pcmd;          /* the same */
	uint64_t hand;                  /* page that reclaiming looks at next; emul_reclaim_lock */
	bool is_guest;                  /* of another process: see emul_encl_visit() */
	uint8_t *bounce;                /* ADD_PAGES: source pages on their way, EMUL_BOUNCE_BYTES or NULL */
	struct sgxm machine;
	/* mappings, guarded by mm_lock */
	struct emul_mutex mm_lock;
	struct emul_vma *vma;
	size_t n_vma, cap_vma;
	_Atomic uint64_t zap_done;      /* of sh->zap_serial; mm_lock */
	_Atomic uint32_t zap_wanted;    /* whoever unlocks mm_lock looks again */
	uint32_t user;                  /* our entry of sh->user; EMUL_USERS = none */
};
#define EMUL_MAX_ENCLAVES 1024
#define EMUL_BOUNCE_BYTES 0x10000u
extern struct emul_encl emul_encls[EMUL_MAX_ENCLAVES];
extern _Atomic uint32_t emul_n_encls;   /* slots ever used */

/*
 * The model's page-table entry: present, and the rights of the VMA as x86 can express them (PROT_* << 1), so
 * that a page walk needs no lock.  Beside it what is really mapped (PROT_* << 4).  Written under mm_lock.
 * Accessed: set with the entry, cleared together with the real mapping when reclaiming passes; a page that is used
 * again is mapped again, so either says that it was used.
 */
#define EMUL_PTE_PRESENT 0x01u
#define EMUL_PTE_RIGHTS_SHIFT 1
#define EMUL_PTE_RIGHTS_MASK  0x0eu
#define EMUL_PTE_NATIVE_SHIFT 4
#define EMUL_PTE_NATIVE_MASK  0x70u
#define EMUL_PTE_ACCESSED     0x80u
static inline uint8_t emul_pte_rights(unsigned vma_prot)
{
	/* x86 page tables cannot express "no read": any right of the VMA reads */
	return (uint8_t)((vma_prot ? vma_prot | 1u : 0) << EMUL_PTE_RIGHTS_SHIFT);
}

/* Attaches an inherited or received fd; NULL: not ours.  The slot stays as long as the caller keeps the fd open. */
struct emul_encl *emul_encl_by_fd(int fd);
/* The same for the length of a call: the slot stays until it is dropped. */
struct emul_encl *emul_encl_hold(int fd);
void emul_encl_drop(struct emul_encl *en);
struct emul_encl *emul_encl_by_la(uint64_t la);         /* created, and la in its ELRANGE; async-signal-safe */
struct emul_encl *emul_encl_by_vma(uint64_t la);        /* has a mapping there */
/* The next entry >= i, and below end, of a table in the enclave's file that may ever have been written: others are holes. */
uint64_t emul_next_used(const struct emul_encl *en, uint64_t table_off, uint64_t entry_bytes, uint64_t i, uint64_t end);
int emul_encl_map_meta(struct emul_encl *en);           /* alias, EPCM, records, pte: once size is known */
void emul_encl_put(struct emul_encl *en);               /* after a close or munmap: release when idle */

static inline uint64_t emul_page_index(const struct emul_encl *en, uint64_t la)
{
	return (la - en->sh->base) >> SGX_PAGE_SHIFT;
}
static inline uint64_t emul_epa(const struct emul_encl *en, uint64_t la)
{
	return EMUL_EPA_PAGES + (la - en->sh->base);
}

/* signals off / back on, around every lock */
void emul_sig_block(sigset_t *old);
void emul_sig_restore(const sigset_t *old);
void emul_lock(struct emul_mutex *m);
void emul_unlock(struct emul_mutex *m);
void emul_tid_forget(void);             /* in a forked child */

/* host.c: struct sgxm_ops of an enclave; host = struct emul_encl */
extern const struct sgxm_ops emul_machine_ops;
const struct sgxm_platform *emul_platform(void);        /* of this CPU, filled at emul_setup */
void emul_platform_init(const struct emul_config *cfg);
/* remember what a leaf refused; returns out unchanged */
struct sgxm_out emul_note(struct emul_encl *en, struct sgxm_out out, uint64_t off);

/* ---- driver pieces shared by ioctls and faults (sh->mutex held) ------------------------------------- */

/*
 * EAUG of one page as the RFC ioctl and the fault path do it: VA page, EPC page, record, leaf.
 * 0, -EMUL_NO_EPC (page or VA), -EBUSY (record exists), -EFAULT (leaf refused).  In the real driver the
 * paths differ in what they do when the EPC is empty; that is the caller's business.
 */
int emul_add_dynamic_page(struct emul_encl *en, uint64_t la);

/* ---- paging.c: sh->mutex held --------------------------------------------------------------------------- */

/* Inside the driver only: no EPC page is free, which reclaiming may change. */
#define EMUL_NO_EPC 513

/* A page, or the SECS, is brought back when it is out: 0, -EMUL_NO_EPC, -EFAULT (ELDU refused, contents lost). */
int emul_load_page(struct emul_encl *en, uint64_t page);
int emul_load_secs(struct emul_encl *en);
/* EBLOCK and EWB of pages that nobody can reach any more, marked LEAVING.  Returns EPC pages freed. */
unsigned emul_evict_pages(struct emul_encl *en, const uint64_t *pages, unsigned n);
bool emul_paging_map(struct emul_encl *en);       /* its tables; false: no room for them */
void emul_paging_unmap(struct emul_encl *en, uint64_t size);

/* ---- reclaim.c: no lock held, signals blocked ------------------------------------------------------------- */

extern struct emul_mutex emul_reclaim_lock;     /* held over a fork */
/*
 * A batch of pages leaves the EPC, of this process' enclaves or of others'.  Returns EPC pages freed, by whomever; 0:
 * nothing can be reclaimed.
 */
unsigned emul_reclaim(void);
/* What the kernel's thread of that name does when few pages are free. */
void emul_ksgxd(const struct emul_shared *sh);

/* ---- observe.c: what the process keeps that emul_observe() named; mm_lock held ------------------------------ */

/* Its mappings become en->vma, its page-table entries [first, first + n) en->pte.  False: they cannot be read. */
bool emul_observe_vmas(struct emul_encl *en);
bool emul_observe_ptes(struct emul_encl *en, uint64_t first, uint64_t n);

/* ---- mm.c ------------------------------------------------------------------------------------------- */

/* Calls that change mappings, one at a time; taken before every mm_lock, held over a fork. */
extern struct emul_mutex emul_maps_lock;
/* The VMA at la; mm_lock held. */
struct emul_vma *emul_vma_find(struct emul_encl *en, uint64_t la);
/* Drop page-table entries of a range (munmap, zap, mprotect): mm_lock held. */
void emul_pte_zap(struct emul_encl *en, uint64_t la, uint64_t bytes);
/* Bring the real mapping of a range down to what the EPCM allows: mm_lock held. */
void emul_pte_sync(struct emul_encl *en, uint64_t la, uint64_t bytes);
/* Forget that pages were used: mm_lock held. */
void emul_pte_age(struct emul_encl *en, uint64_t first, uint64_t n);
extern uint64_t emul_widen_max;         /* neighbours that are mapped along with a page */
/* The kernel zaps PTEs in every process (MODIFY_TYPES to TCS, REMOVE): takes mm_lock; sh->mutex held, see elsewhere.c. */
void emul_zap_everywhere(struct emul_encl *en, uint64_t la, uint64_t bytes);
/* EPCM rights of the range were narrowed: bring the real mappings down; takes mm_lock; sh->mutex held, too. */
void emul_sync_rights(struct emul_encl *en, uint64_t la, uint64_t bytes);
/* Bring the real mapping of a page (and alike neighbours) up to VMA & EPCM: mm_lock held.  False: it cannot be. */
bool emul_native_widen(struct emul_encl *en, struct emul_vma *v, uint64_t page);
/* Make the page-table entry of a page in VMA v: mm_lock held. */
void emul_pte_set(struct emul_encl *en, const struct emul_vma *v, uint64_t page);
/* install a PTE (AUGMENT of --kernel=fixed): takes mm_lock; false when no VMA allows it */
bool emul_pte_install(struct emul_encl *en, uint64_t la);

/* ---- elsewhere.c: the same in all other processes that have the enclave ------------------------------------ */

/* This process has it from now on, or no more; a forked child has it as its parent did. */
void emul_elsewhere_join(struct emul_encl *en, bool forked);
void emul_elsewhere_leave(struct emul_encl *en);
/*
 * Page-table entries (drop), or rights that the EPCM has no more, go there too.  sh->mutex is held, and dropped while
 * threads inside the enclave are waited for; a process that is stopped will do it before it goes on.
 */
void emul_elsewhere_zap(struct emul_encl *en, uint64_t la, uint64_t bytes, bool drop);
/* What others asked for; mm_lock held. */
void emul_elsewhere_serve(struct emul_encl *en);
/* ... of all enclaves, when a signal says so */
bool emul_elsewhere_is_kick(int sig, const siginfo_t *info);
void emul_elsewhere_poll(void);
/* Are others out of the way? */
enum emul_way {
	EMUL_WAY_FREE,
	EMUL_WAY_BUSY,          /* later, perhaps */
	EMUL_WAY_STOPPED,       /* not before a process goes on that was stopped */
};
/*
 * Takes page-table entries away for eviction, as emul_elsewhere_zap() does, of these pages, in order: is there nobody left
 * who may use them?  sh->mutex is dropped meanwhile where others have the enclave.
 */
enum emul_way emul_elsewhere_evict(struct emul_encl *en, const uint64_t *pages, unsigned n);
/* Waits until no thread of any process is between native_look_begin() and native_look_end(). */
enum emul_way emul_elsewhere_unlooked(struct emul_encl *en);
bool emul_elsewhere_has_others(const struct emul_encl *en);
static inline _Atomic uint32_t *emul_looks(struct emul_encl *en)
{
	return &en->sh->looks[en->user];
}
static inline bool emul_elsewhere_behind(const struct emul_encl *en)
{
	return atomic_load(&en->sh->zap_serial) != atomic_load_explicit(&en->zap_done, memory_order_relaxed);
}
bool emul_trylock(struct emul_mutex *m);        /* false: held; also by this thread */
bool emul_trylock_shared(struct emul_mutex *m); /* the same; from a holder that is gone it is taken over */
bool emul_lock_is_own(const struct emul_mutex *m);

/* ---- fault.c ------------------------------------------------------------------------------------------ */

enum emul_fault {
	EMUL_FAULT_RESOLVED,    /* kernel made a PTE: an AEX happened, resume */
	EMUL_FAULT_STALE,       /* the real mapping lagged behind the model: fixed, no fault existed */
	EMUL_FAULT_SEGV_MAPERR, EMUL_FAULT_SEGV_ACCERR, EMUL_FAULT_SIGBUS,
};
/*
 * Who made the access: an instruction of enclave code; a leaf on its operand (inside, or EENTER and ERESUME), which
 * looks at the EPCM by itself; host code.
 */
enum emul_origin { EMUL_BY_ENCLAVE, EMUL_BY_LEAF, EMUL_BY_HOST };
/*
 * A fault at la in ELRANGE of en, or an ENCLU operand that did not walk.  *ret_pfec: the error code the CPU would push (final when not resolved).
 * Signal context, all signals blocked.
 */
enum emul_fault emul_fault(struct emul_encl *en, uint64_t la, enum sgxm_access access, enum emul_origin by,
			   uint32_t *ret_pfec);
/* A leaf's operand where no enclave is mapped: what the CPU and the kernel say, *ret_pfec with it.  Any context. */
enum emul_fault emul_fault_elsewhere(uint64_t la, enum sgxm_access access, uint32_t *ret_pfec);
/*
 * Did a leaf only meet a page that another leaf holds?  The holder may have been descheduled in the middle of its
 * leaf, which no CPU does, so the refusal is an artefact until it has been waited for: true = try again.
 * *tries counts from 0.  A holder that was killed there is found in the end (recover.c).
 */
bool emul_conflict(struct emul_encl *en, const struct sgxm_out *out, unsigned *tries);
/* Takes away locks that killed processes left in the enclave's file: were there any? */
bool emul_locks_recover(struct emul_encl *en);
/* EENTER found the TCS in use: true, by somebody who was killed inside, and it is not any more. */
bool emul_tcs_recover(struct emul_encl *en, const struct sgxm_out *out, uint64_t tcs_la);
/* ops->walk */
enum sgxm_walk emul_walk(void *host, struct sgxm_cpu *cpu, uint64_t la, enum sgxm_access access,
			 uint64_t *ret_epa, uint32_t *ret_pfec);

/* ---- native_*.c ------------------------------------------------------------------------------------------ */

int emul_native_setup(void);            /* arena, handlers, trap choice: 0 or -ENOSYS ... */
/*
 * An ENCLU that was executed once may have become `hlt` (its first byte), where that traps cheaper.
 * Puts the pristine bytes over buf, which holds enclave memory from la on (peek, EACCEPTCOPY, EDBGRD).
 */
void emul_native_unpatch(struct emul_encl *en, uint64_t la, uint8_t *buf, size_t bytes);

#endif
