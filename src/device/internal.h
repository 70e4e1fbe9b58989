/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of the device layer share: the ledger, retried ioctls, entries that survive a lost
 * race, and the view of a model's inside (answered by the emulated device alone).
 */
#ifndef DEVICE_INTERNAL_H
#define DEVICE_INTERNAL_H

#include "device/device.h"

#define PAGES_TO_BYTES(n) ((uint64_t)(n) << SGX_PAGE_SHIFT)
#define BYTES_TO_PAGES(n) ((uint64_t)(n) >> SGX_PAGE_SHIFT)

/* Rights of EAUG pages: what EACCEPT must name, and what the driver lets be mapped. */
#define RWX_RW (SGX_SECINFO_R | SGX_SECINFO_W)

#define encl_count(en, field, n) __atomic_fetch_add(&(en)->counters.field, (uint64_t)(n), __ATOMIC_RELAXED)

/* ---- arguments ----------------------------------------------------------------------------------- */

/* ERR_BAD_RANGE unless [off, off + pages * 4096) lies in ELRANGE and pages > 0. */
int encl_check_range(const struct encl *en, uint64_t off, uint64_t pages, struct err *e);
/* ERR_USAGE for W without R or bits beyond RWX. */
int encl_check_rwx(unsigned rwx, struct err *e);

/* ---- building (encl_add.c) ----------------------------------------------------------------------- */

static inline unsigned plan_run_pt(const struct plan_run *run)
{
	return (unsigned)(run->secinfo >> SGX_SECINFO_PT_SHIFT) & 0xff;
}

static inline unsigned plan_run_rwx(const struct plan_run *run)
{
	return (unsigned)run->secinfo & SGX_SECINFO_RWX;
}

/* Every run of the plan, noted in the ledger as it comes. */
int encl_add_pages(struct encl *en, const struct encl_opts *o, struct err *e);

/* ---- the ledger (ledger.c) ----------------------------------------------------------------------- */

/* Makes room, so that the next ledger_set or ledger_apply cannot fail. */
int ledger_reserve(struct encl *en, struct err *e);
/* Replaces what is known of n's range; a ledger_reserve came before.  Takes en->lock, as all of these do. */
void ledger_set(struct encl *en, const struct page_note *n);
void ledger_clear(struct encl *en, uint64_t off, uint64_t pages);
/* Changes the notes inside the range, splitting those that cross its ends. */
void ledger_apply(struct encl *en, uint64_t off, uint64_t pages,
		  void (*change)(struct page_note *n, const void *arg), const void *arg);
/* The note that covers off; false when there is none. */
bool ledger_get(struct encl *en, uint64_t off, struct page_note *ret);
/* Pages from off on that no note covers, at most pages. */
uint64_t ledger_free_up(struct encl *en, uint64_t off, uint64_t pages);
/* The same counted from the end of the range downwards. */
uint64_t ledger_free_down(struct encl *en, uint64_t off, uint64_t pages);
/* Pages of the range that have notes. */
uint64_t ledger_known(struct encl *en, uint64_t off, uint64_t pages);

/* ---- ioctls (encl_ioctl.c) ----------------------------------------------------------------------- */

/* How long a call may go without progress while the device says EAGAIN or EBUSY. */
#define RETRY_LIMIT_NS ((uint64_t)10 * 1000000000)
struct retry {
	uint64_t deadline_ns;   /* 0: not waiting yet */
};
/* After an error that another try may cure: sleeps when that is needed; false = give up. */
bool retry_again(struct retry *r, int sys);
static inline void retry_progress(struct retry *r) { r->deadline_ns = 0; }

/* Not counted: probes and questions to a model. */
long encl_ioctl_quiet(struct encl *en, unsigned long cmd, void *arg);
/* Which SGX2 calls this device has; once, after INIT. */
void encl_probe_features(struct encl *en);
/*
 * Fills e->check, e being complete, when a model remembers that it refused just this: this leaf, or (NULL)
 * something with the same page or code.  With a leaf also e->sgx.  Returns -1.
 */
int encl_add_refusal(struct encl *en, const char *leaf, struct err *e);
/* The same for a fault with this vector that came out of the enclave. */
int encl_add_fault_refusal(struct encl *en, unsigned vector, struct err *e);

/* Maps what had an enclave mapping back to reserved address space. */
int encl_reserve_again(struct encl *en, uint64_t off, uint64_t pages, struct err *e);

/* ---- entries (encl_enter.c) ---------------------------------------------------------------------- */

/*
 * One operation to its EEXIT, ERESUMEd once per page when a page fault with P=0 came out: the driver of
 * Linux 6.1 reports one to the loser of a race for the same page, though the page is there.
 * Adds the leafs that completed to the counters.
 */
int encl_run_op(struct encl *en, struct encl_op *op, struct encl_exit *x, struct err *e);
/* Pages an operation says it did; an enclave may say anything. */
static inline uint64_t encl_op_done(const struct encl_op *op)
{
	return op->done < op->pages ? op->done : op->pages;
}
/* A page has become a TCS; forgotten when there is no room for more. */
void encl_tcs_add(struct encl *en, uint64_t off);
void encl_tcs_release(struct encl_tcs *t);
/* Turns op->status into an error that names the page (for operations over ranges from op->addr). */
int encl_op_err(const struct encl *en, const struct encl_op *op, enum err_code code, const char *leaf,
		struct err *e);

/* ---- explanations (explain.c) -------------------------------------------------------------------- */

/* INIT was refused with sys: recompute why. */
int encl_explain_init(struct encl *en, int sys, struct err *e);
int encl_explain_create(struct encl *en, int sys, struct err *e);
/* AUGMENT could not add the page at off: returned is 2 or 0 with sys set. */
int encl_explain_augment(struct encl *en, uint64_t off, long returned, int sys, struct err *e);
/* mmap or mprotect was refused. */
int encl_explain_map(struct encl *en, uint64_t off, uint64_t pages, int prot, int sys, struct err *e);
/* Is there a page?  1 yes, 0 no, -1 unknown; asks the ledger, a model, a debugger's read. */
int encl_page_present(struct encl *en, uint64_t off);

/* ---- growth strategies (grow_*.c) ---------------------------------------------------------------- */

struct grow_ctx {
	struct encl *en;
	const struct grow_request *q;
	struct grow_result *r;
	int prot;               /* of the mapping while the pages are brought in */
	uint64_t off, pages;    /* the part of the request that no known page stands in */
};
/*
 * Each brings pages in, counts them in r->augmented_pages (from the low end, or the high end when
 * q->down) and keeps the ledger; accepting strategies count r->accepted_pages too.
 */
int grow_by_ioctl(struct grow_ctx *g, struct err *e);
int grow_by_touch(struct grow_ctx *g, struct err *e);
int grow_by_accept(struct grow_ctx *g, struct err *e);
int grow_by_access(struct grow_ctx *g, struct err *e);
/* Fault errors that mean "no page could be added"; code AUGMENT, NO_EPC... */
int grow_fault_err(struct grow_ctx *g, const struct encl_exit *x, struct err *e);
void grow_note(struct encl *en, uint64_t off, uint64_t pages, bool accepted, unsigned rwx);
/* SECINFO.FLAGS and operation that accept a page of this request. */
enum encl_op_number grow_accept_op(const struct grow_request *q, uint64_t *ret_flags);
/* Rights that pages of this request have right after grow_accept_op. */
unsigned grow_accept_rwx(const struct grow_request *q);
void grow_progress(const struct grow_ctx *g, uint64_t done);

/* ---- the inside of a model (device_emul.c) ------------------------------------------------------- */

struct model_secs {
	struct sgx_arch_secs secs;
	uint64_t eid, children;
};
struct model_range {
	uint64_t off, pages;
	bool valid, pending, modified, pr, blocked;
	unsigned pt, rwx;
	bool pte;
	int vma;                /* PROT_*, -1 = not mapped */
};
struct model_counters {
	uint64_t aexs, host_faults, ptes, epc_used, epc_total;
};
struct model_refusal {
	char check[24];         /* "" = none yet */
	uint32_t sgx;           /* result code, 0 for a fault */
	unsigned vector;        /* of a fault, else 0 */
	uint64_t off;           /* page */
	uint64_t serial;        /* counts refusals */
};
/* 0, or -errno: -ENOTTY on devices that are no model. */
int model_get_secs(struct encl *en, struct model_secs *ret);
/* Calls fn for each range of equal pages; stops when it returns non-zero and returns that. */
int model_each_range(struct encl *en, uint64_t off, uint64_t pages,
		     int (*fn)(void *arg, const struct model_range *r), void *arg);
int model_get_counters(struct encl *en, struct model_counters *ret);
int model_last_refusal(struct encl *en, struct model_refusal *ret);

/* ---- entering, touching (enter_thunk.S, touch.c, vdso.c) ----------------------------------------- */

/* fn is __vdso_sgx_enter_enclave or a function of its shape; MXCSR, FCW, RFLAGS and R12-R15 survive. */
int device_enter_thunk(struct sgx_enter_regs *regs, unsigned function, struct sgx_enclave_run *run, void *fn);
/* Installs the SIGSEGV and SIGBUS handlers once; they pass on what is not theirs. */
int device_touch_setup(void);
/* One load; 0 and the byte, or -SIGSEGV, -SIGBUS. */
int device_touch(uint64_t la, uint8_t *ret_byte);
/* The enclave's mappings in [base, base + size), ascending; caller frees *ret.  0 or -errno. */
struct device_vma {
	uint64_t start, end;
	int prot;
};
int device_maps(uint64_t base, uint64_t size, struct device_vma **ret, size_t *ret_n);
/* PROT_* at la or -1, and up to where (at most end) that holds. */
int device_maps_at(const struct device_vma *v, size_t n, uint64_t la, uint64_t end, uint64_t *ret_stop);
/* NULL: the kernel was built without SGX. */
void *device_vdso_enter(void);

/* offers.c: the XSAVE features that the kernel enabled. */
uint64_t device_xcr0(void);
/* The same in a given vDSO image of at most bytes (for tests). */
void *device_vdso_symbol(const void *image, const char *name);

#endif
