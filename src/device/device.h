/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The device layer: choosing a provider, and what is written once above the seam: building an
 * enclave from a plan, entering it, growing it, and counting what really happened.
 *
 * Context: normal.  One struct encl may be used by several threads: ioctls are serialised by its
 * lock (the driver answers EBUSY otherwise), entries run in parallel on different TCSs.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <pthread.h>
#include <stdbool.h>

#include "device/seam.h"
#include "encl_ops.h"
#include "image/image.h"

/* ---- providers ----------------------------------------------------------------------------------- */

enum dev_kind { DEV_AUTO, DEV_KERNEL, DEV_EMULATED };

enum dev_kernel_mode { DEV_KERNEL_RFC, DEV_KERNEL_UPSTREAM, DEV_KERNEL_FIXED };  /* --kernel=, emulated only */

struct dev_config {
	enum dev_kind kind;
	enum dev_kernel_mode kernel_mode;
	uint64_t epc_bytes;             /* emulated: EPC size; 0 = default */
	bool no_sgx2;                   /* emulated: an SGX1 CPU */
};

/* kind AUTO: the kernel's device where it can be opened and mapped executable, else the emulated one. */
int sgx_dev_open(const struct dev_config *cfg, struct sgx_dev **ret_dev, struct err *e);
int sgx_dev_kernel_new(struct sgx_dev **ret_dev, struct err *e);
int sgx_dev_emul_new(const struct dev_config *cfg, struct sgx_dev **ret_dev, struct err *e);
void sgx_dev_free(struct sgx_dev *d);
static inline const char *sgx_dev_name(const struct sgx_dev *d) { return d->ops->name; }

/* What an enclave may have on a device. */
struct dev_offers {
	const char *device;             /* "kernel", "emulated": static */
	bool known;                     /* false: this CPU does not tell, the rest is everything */
	uint64_t attributes, xfrm;
	uint32_t miscselect;
	unsigned max_size_log2;         /* of SECS.SIZE */
};
/* Of the device that cfg means; no enclave is asked for, and the emulated one need not work here. */
int sgx_dev_offers(const struct dev_config *cfg, struct dev_offers *ret, struct err *e);
/* The emulated one's; device_emul.c. */
void sgx_dev_emul_offers(struct dev_offers *ret);

/* One probe of `sgxctl info`. */
struct dev_probe {
	const char *name;               /* "cpuid-sgx2", "node-enclave", ...: static */
	enum { PROBE_NO, PROBE_YES, PROBE_UNKNOWN } pass;
	char value[128];                /* what was seen */
	char message[256];              /* what it means, what to do; "" when all is well */
};
#define DEV_MAX_PROBES 48
/* Fills probes, returns their number; *ret_auto says what DEV_AUTO would take, why in reason. */
size_t sgx_dev_probe(struct dev_probe probes[DEV_MAX_PROBES], enum dev_kind *ret_auto, char reason[256]);

/* ---- counters ------------------------------------------------------------------------------------ */

#define COUNTER_UNKNOWN UINT64_MAX      /* this device cannot say: null in documents */

/* What really happened, each counted where it happens (see sgxctl-json(5) "counters"). */
#define ENCL_COUNTERS(X) \
	X(ioctls) X(mmaps) X(host_faults) X(eenters) X(eexits) X(eresumes) X(aexs) X(user_exits) \
	X(eaccepts) X(eacceptcopies) X(ptes)
struct encl_counters {
#define ENCL_COUNTER_FIELD(f) uint64_t f;
	ENCL_COUNTERS(ENCL_COUNTER_FIELD)
#undef ENCL_COUNTER_FIELD
};

/* ---- an enclave ---------------------------------------------------------------------------------- */

enum encl_state { ENCL_NEW, ENCL_CREATED, ENCL_INITIALIZED };

/* What the tool itself knows of a range: the ledger.  Kept sorted, merged, non-overlapping. */
enum page_origin { PAGE_EADD, PAGE_EAUG };
struct page_note {
	uint64_t off, pages;
	enum page_origin origin;
	unsigned pt;                    /* enum sgx_page_type as last set by an ioctl */
	unsigned rwx;                   /* EPCM rights as far as known */
	bool accepted;                  /* false: PENDING or MODIFIED or PR outstanding */
	bool pending, modified, pr;
};

struct encl_tcs {
	uint64_t off;
	bool busy;                      /* an entry runs on it */
	bool dynamic;                   /* made at run time: entered only by name, its stack is small */
	unsigned depth;                 /* CSSA as far as the host can know: exceptions not yet resumed */
	void *stack;                    /* host stack of its entries, made with the first */
};
#define ENCL_MAX_DYNAMIC_TCS 64 /* remembered for encl_tcs_at */

struct encl {
	struct sgx_dev *dev;
	int fd;
	enum encl_state state;
	uint64_t base, size;            /* ELRANGE */
	bool debug;
	bool no_map;                    /* as the options said */
	bool signed_here;               /* SIGSTRUCT made by this tool, from its own measurement */
	struct sgx_arch_secs secs;      /* as given to CREATE; mrenclave etc. as measured/sigstruct say */
	struct sgx_arch_sigstruct sigstruct;
	struct plan plan;               /* owned */
	struct encl_tcs *tcs;
	size_t n_tcs;
	struct page_note *notes;
	size_t n_notes, cap_notes;
	uint64_t augmented, removed;    /* pages, ever */
	int sgx2;                       /* 1 the SGX2 ioctls work, 0 not asked yet, -errno why not */
	int augment_ioctl;              /* the same of AUGMENT_PAGES */
	struct encl_counters counters;
	pthread_mutex_t ioctl_lock;     /* one ioctl at a time */
	pthread_mutex_t lock;           /* everything else in here */
	pthread_cond_t tcs_free;
};

struct encl_opts {
	int debug;                      /* 1 debug, 0 production, -1 as the SIGSTRUCT allows (debug if free) */
	const struct sgx_arch_sigstruct *sigstruct;     /* NULL: with key sign here, else the image's own */
	const struct sign_key *key;                     /* may be NULL when there is a SIGSTRUCT */
	image_progress progress;        /* may be NULL */
	void *progress_arg;
	bool stop_before_init;          /* for scenarios: leave it CREATED with all pages added */
	bool no_map;                    /* do not mmap anything but the reservation */
};

/*
 * CREATE, ADD_PAGES (resumed on partial counts), INIT, and the mmaps of the segments.  Takes over
 * *plan (released by encl_free, also on failure).  On failure nothing is left behind.
 */
int encl_build(struct sgx_dev *dev, struct plan *plan, const struct encl_opts *opts, struct encl **ret_encl,
	       struct err *e);
int encl_init(struct encl *en, struct err *e);          /* INIT of one that stopped before */
void encl_free(struct encl *en);

/* ---- entering ------------------------------------------------------------------------------------ */

struct encl_exit {
	int ret;                        /* of the vDSO function */
	unsigned function;              /* 2 EENTER, 3 ERESUME, 4 EEXIT */
	unsigned vector, errcd;
	uint64_t addr;                  /* page address of a #PF */
	bool fault;                     /* an exception came out (function != 4) */
};

/* Take a free TCS (depth 0) and give it back.  NULL: none is free. */
struct encl_tcs *encl_tcs_get(struct encl *en);
void encl_tcs_put(struct encl *en, struct encl_tcs *t);
/* Take the TCS at this offset, whatever its depth; NULL: not known, or in use. */
struct encl_tcs *encl_tcs_at(struct encl *en, uint64_t off);

/*
 * One EENTER (function 2) or ERESUME (3) on this TCS; RDI leads to a copy of op, which is brought up to date
 * afterwards; counts; never fails by itself.
 */
void encl_enter(struct encl *en, struct encl_tcs *t, unsigned function, struct encl_op *op,
		struct encl_exit *x);
/* The raw form: registers in, registers out. */
void encl_enter_raw(struct encl *en, struct encl_tcs *t, unsigned function, struct sgx_enter_regs *regs,
		    struct encl_exit *x);
/* Get a TCS, enter, put.  0: op ran to EEXIT (op->status says how it went); -1: e = enclave-fault etc.,
 * *x describes it; the TCS then stays stopped (depth 1) for the debugger. */
int encl_call(struct encl *en, struct encl_op *op, struct encl_exit *x, struct err *e);
/* The same on a TCS that the caller took, at any depth. */
int encl_run_op_on(struct encl *en, struct encl_tcs *t, struct encl_op *op, struct encl_exit *x,
		   struct err *e);
/* Copies the operation of the innermost entry that an exception stopped on this TCS; -1: none is known. */
int encl_stopped_op(struct encl_tcs *t, struct encl_op *ret_op);
/* ERESUMEs that entry; op is what encl_stopped_op() gave, and the operation as it is afterwards. */
int encl_resume_op(struct encl *en, struct encl_tcs *t, struct encl_op *op, struct encl_exit *x,
		   struct err *e);
/* ERR_NO_INTERFACE unless the enclave declares the operation interface. */
int encl_need_ops(const struct encl *en, struct err *e);
/* For those who drive entries themselves: adds the leafs that op says it completed to the counters. */
void encl_count_leafs(struct encl *en, const struct encl_op *op);
/* Pages that enclave code took by itself (EACCEPTCOPY with these rights). */
void encl_note_accepted(struct encl *en, uint64_t off, uint64_t pages, unsigned rwx);
/* Pages that a raw AUGMENT added. */
void encl_note_pending(struct encl *en, uint64_t off, uint64_t pages);
/*
 * Errors name the check of a model that refused; for this thread, what was refused up to now is no cause any more.
 * The functions below call it where they begin; whoever drives entries himself calls it before the first.
 */
void encl_forget_refusals(struct encl *en);
/* Fill e from an exit that was a fault. */
int encl_fault_err(const struct encl *en, const struct encl_exit *x, struct err *e);

/* ---- growing ------------------------------------------------------------------------------------- */

enum grow_strategy { GROW_AUTO, GROW_IOCTL, GROW_TOUCH, GROW_ACCEPT, GROW_ACCESS };
const char *grow_strategy_name(enum grow_strategy s);

struct grow_request {
	uint64_t off, pages;
	enum grow_strategy strategy;
	bool accept;                    /* EACCEPT after adding (implied by ACCEPT and ACCESS) */
	const void *copy_from;          /* EACCEPTCOPY contents: pages*4096 bytes, NULL = no */
	unsigned rwx;                   /* final EPCM rights; 3 = RW */
	bool down;                      /* highest page first */
	image_progress progress;
	void *progress_arg;
};

struct grow_result {
	enum grow_strategy strategy;    /* what was really used */
	uint64_t augmented_pages, accepted_pages;
	struct encl_counters counters;  /* of this operation alone */
	uint64_t elapsed_ns;
	uint64_t sgx;                   /* code of a refused leaf */
	struct encl_exit exit;          /* the last exception, if any */
};

/* Partial work is reported in *r on failure too. */
int encl_grow(struct encl *en, const struct grow_request *q, struct grow_result *r, struct err *e);

/* The other SGX2 operations on ranges.  *ret_done = pages completed, also on failure. */
int encl_restrict(struct encl *en, uint64_t off, uint64_t pages, unsigned rwx, uint64_t *ret_done,
		  struct err *e);
int encl_modify_type(struct encl *en, uint64_t off, uint64_t pages, unsigned pt, uint64_t *ret_done,
		     struct err *e);
int encl_remove(struct encl *en, uint64_t off, uint64_t pages, uint64_t *ret_done, struct err *e);
/* EACCEPT / EMODPE of a range with explicit SECINFO flags, by one entry. */
int encl_accept(struct encl *en, uint64_t off, uint64_t pages, uint64_t flags, uint64_t *ret_done,
		struct err *e);
int encl_extend(struct encl *en, uint64_t off, uint64_t pages, uint64_t flags, uint64_t *ret_done,
		struct err *e);
int encl_map(struct encl *en, uint64_t off, uint64_t pages, int prot, struct err *e);
int encl_mprotect(struct encl *en, uint64_t off, uint64_t pages, int prot, struct err *e);
int encl_unmap(struct encl *en, uint64_t off, uint64_t pages, struct err *e);

/* The lowest offset from `from` on where no known page stands for this many pages; ERR_BAD_RANGE: nowhere. */
int encl_find_free(struct encl *en, uint64_t from, uint64_t pages, uint64_t *ret_off, struct err *e);
/* Raw, counted ioctl with the EBUSY lock held; returns what the device returned. */
long encl_ioctl(struct encl *en, unsigned long cmd, void *arg);

/* Counters now (with what the device itself counts: aexs, ptes, host_faults), and differences. */
void encl_counters_get(struct encl *en, struct encl_counters *c);
void encl_counters_sub(const struct encl_counters *after, const struct encl_counters *before,
		       struct encl_counters *ret_diff);

/* ---- looking in ---------------------------------------------------------------------------------- */

enum secs_source { SRC_EPC, SRC_CREATE, SRC_SIGSTRUCT, SRC_REPORT, SRC_MEASURED };
const char *secs_source_name(enum secs_source s);

struct secs_view {
	struct sgx_arch_secs secs;
	/* where each field came from */
	enum secs_source size, base, ssaframesize, miscselect, attributes, xfrm, mrenclave, mrsigner,
		isvprodid,
		isvsvn, configid, configsvn;
	bool raw;                       /* secs is the true EPC page */
	bool has_eid;
	uint64_t eid, children;         /* emulated only */
};
int encl_secs(struct encl *en, struct secs_view *v, struct err *e);

/* One run of equal pages. */
struct page_range {
	uint64_t off, pages;
	unsigned pt, rwx;
	bool valid, pending, modified, pr, blocked;
	int pte;                        /* 1 present, 0 absent, -1 unknown */
	int vma;                        /* PROT_* of the mapping, -1 none, -2 unknown */
	const char *source;             /* "epcm" or "inferred" */
	const char *what;               /* plan's word: "text", "heap", "reserve", ""... */
	enum page_origin origin;
};
/* Run-length coded page map, caller frees *ret. */
int encl_pages(struct encl *en, uint64_t off, uint64_t pages, struct page_range **ret, size_t *ret_n,
	       struct err *e);

/* Debugger access, debug enclaves only. */
ssize_t encl_peek(struct encl *en, uint64_t off, void *buf, size_t bytes, struct err *e);
ssize_t encl_poke(struct encl *en, uint64_t off, const void *buf, size_t bytes, struct err *e);

#endif
