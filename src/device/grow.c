/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Growing a running enclave: choose a strategy, bring the pages in, have the enclave accept them, bring the
 * mapping down to the final rights.  Work that was done before a failure is accepted and reported.
 *
 * Pages the ledger knows are never mapped over or touched: of the strategies only the ioctl can tell them
 * from fresh ones.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "device/internal.h"

const char *grow_strategy_name(enum grow_strategy s)
{
	static const char *const names[] = {
		[GROW_AUTO] = "auto", [GROW_IOCTL] = "ioctl", [GROW_TOUCH] = "touch",
			[GROW_ACCEPT] = "accept",
		[GROW_ACCESS] = "access",
	};

	return names[s];
}

/* ---- shared by the strategies -------------------------------------------------------------------- */

void grow_note(struct encl *en, uint64_t off, uint64_t pages, bool accepted, unsigned rwx)
{
	const struct page_note n = {
		.off = off, .pages = pages, .origin = PAGE_EAUG, .pt = SGX_PT_REG, .rwx = rwx,
		.accepted = accepted, .pending = !accepted,
	};

	ledger_set(en, &n);
}

static void note_outside(struct encl *en, uint64_t off, uint64_t pages, bool accepted, unsigned rwx)
{
	if (!pages || ledger_reserve(en, NULL))
		return;
	__atomic_fetch_add(&en->augmented, pages - ledger_known(en, off, pages), __ATOMIC_RELAXED);
	grow_note(en, off, pages, accepted, rwx);
}

void encl_note_accepted(struct encl *en, uint64_t off, uint64_t pages, unsigned rwx)
{
	note_outside(en, off, pages, true, rwx);
}

void encl_note_pending(struct encl *en, uint64_t off, uint64_t pages)
{
	note_outside(en, off, pages, false, RWX_RW);
}

void grow_progress(const struct grow_ctx *g, uint64_t done)
{
	if (g->q->progress)
		g->q->progress(g->q->progress_arg, done, g->q->pages);
}

/*
 * How a fresh page gets its first rights: with contents, or without W, by EACCEPTCOPY in one step; otherwise
 * by EACCEPT, which leaves RW (X is added, R taken away afterwards: see finish_rights).
 */
enum encl_op_number grow_accept_op(const struct grow_request *q, uint64_t *ret_flags)
{
	bool sealed = (q->rwx & SGX_SECINFO_R) && !(q->rwx & SGX_SECINFO_W);

	if (q->copy_from || sealed) {
		*ret_flags = q->rwx | SGX_SECINFO_REG;
		return ENCL_OP_ACCEPTCOPY;
	}
	*ret_flags = RWX_RW | SGX_SECINFO_REG | SGX_SECINFO_PENDING;
	return ENCL_OP_ACCEPT;
}

unsigned grow_accept_rwx(const struct grow_request *q)
{
	uint64_t flags;

	return grow_accept_op(q, &flags) == ENCL_OP_ACCEPT ? RWX_RW : q->rwx;
}

int grow_fault_err(struct grow_ctx *g, const struct encl_exit *x, struct err *e)
{
	struct encl *en = g->en;
	uint64_t off = x->addr - en->base;
	struct model_counters c;

	if (x->function != SGX_ERESUME || x->vector != SGX_VEC_PF || (x->errcd & SGX_PFEC_P) ||
	    off - g->off >= PAGES_TO_BYTES(g->pages))
		return encl_fault_err(en, x, e);
	if (!model_get_counters(en, &c) && c.epc_used >= c.epc_total) {
		err_set(e, ERR_NO_EPC, 0, "no EPC page for offset 0x%llx", (unsigned long long)off);
		return err_offset(e, off);
	}
	err_set(e, ERR_AUGMENT, 0,
		"the kernel could not add the page at offset 0x%llx (page fault, error code 0x%x)",
		(unsigned long long)off, x->errcd);
	err_hint(e, "the EPC may be full, or this kernel or CPU has no SGX2: see 'sgxctl info'");
	return err_offset(e, off);
}

/* ---- accepting ----------------------------------------------------------------------------------- */

struct span {
	uint64_t off, pages;
};

/* The part of the request that was augmented, k of its pages. */
static struct span grown(const struct grow_ctx *g, uint64_t k)
{
	struct span s = { g->off, k };

	if (g->q->down)
		s.off += PAGES_TO_BYTES(g->pages - k);
	return s;
}

/* Contents for the page at off. */
static uint64_t copy_src(const struct grow_ctx *g, uint64_t off)
{
	return g->q->copy_from ? (uint64_t)(uintptr_t)g->q->copy_from + (off - g->q->off) : 0;
}

static int accept_span(struct grow_ctx *g, struct span s, struct err *e)
{
	struct encl *en = g->en;
	struct encl_op op = { .addr = en->base + s.off, .pages = s.pages, .src = copy_src(g, s.off) };
	uint64_t done;
	int r;

	if (ledger_reserve(en, e))
		return -1;
	op.op = grow_accept_op(g->q, &op.flags);
	op.opt = g->q->down ? ENCL_OPT_DOWN : 0;
	r = encl_run_op(en, &op, &g->r->exit, e);
	done = encl_op_done(&op);
	g->r->accepted_pages += done;
	grow_note(en, g->q->down ? s.off + PAGES_TO_BYTES(s.pages - done) : s.off, done, true,
		  grow_accept_rwx(g->q));
	if (r)
		return -1;
	g->r->sgx = op.sgx;
	if (op.status != ENCL_OK)
		return encl_op_err(en, &op, ERR_ACCEPT, op.op == ENCL_OP_ACCEPT ? "EACCEPT" : "EACCEPTCOPY",
				   e);
	return 0;
}

static int rwx_prot(unsigned rwx)
{
	return (rwx & SGX_SECINFO_R ? PROT_READ : 0) | (rwx & SGX_SECINFO_W ? PROT_WRITE : 0) |
	       (rwx & SGX_SECINFO_X ? PROT_EXEC : 0);
}

/* EPCM rights that EACCEPT could not give, then the mapping. */
static int finish_rights(struct grow_ctx *g, struct span s, struct err *e)
{
	unsigned have = grow_accept_rwx(g->q), want = g->q->rwx;
	uint64_t done;

	if (want & ~have) {
		if (encl_extend(g->en, s.off, s.pages, want | have | SGX_SECINFO_REG, &done, e))
			return -1;
		have |= want;
	}
	if (have & ~want) {
		if (encl_restrict(g->en, s.off, s.pages, want, &done, e) ||
		    encl_accept(g->en, s.off, s.pages, want | SGX_SECINFO_REG | SGX_SECINFO_PR, &done, e))
			return -1;
	}
	if (rwx_prot(want) != g->prot)
		return encl_mprotect(g->en, s.off, s.pages, rwx_prot(want), e);
	return 0;
}

/* ---- the request --------------------------------------------------------------------------------- */

static bool accepts_itself(enum grow_strategy s)
{
	return s == GROW_ACCEPT || s == GROW_ACCESS;
}

static int check(struct encl *en, const struct grow_request *q, enum grow_strategy s, struct err *e)
{
	if (encl_check_range(en, q->off, q->pages, e) || encl_check_rwx(q->rwx, e))
		return -1;
	if (q->copy_from && !(q->rwx & SGX_SECINFO_R))
		return err_set(e, ERR_USAGE, EINVAL, "a page with contents must be readable");
	if ((q->accept || q->copy_from || accepts_itself(s)) && encl_need_ops(en, e))
		return -1;
	if (s != GROW_IOCTL && encl_need_entry(en, e))
		return -1;
	if (s == GROW_IOCTL)
		return 0;       /* the device itself says what it lacks */
	if (en->state != ENCL_INITIALIZED)
		return err_set(e, ERR_AUGMENT, EINVAL, "pages can only be added by %s after INIT",
			       grow_strategy_name(s));
	if (en->sgx2 < 0)
		return err_set(e, ERR_NO_SGX2, -en->sgx2, "the kernel adds no pages on faults here");
	return 0;
}

static int bring_in(struct grow_ctx *g, enum grow_strategy s, struct err *e)
{
	if (ledger_reserve(g->en, e))
		return -1;
	switch (s) {
	case GROW_IOCTL: return grow_by_ioctl(g, e);
	case GROW_TOUCH: return grow_by_touch(g, e);
	case GROW_ACCEPT: return grow_by_accept(g, e);
	case GROW_ACCESS: return grow_by_access(g, e);
	case GROW_AUTO: break;
	}
	return err_set(e, ERR_BUG, 0, "no strategy was chosen");
}

static int exists_err(struct grow_ctx *g, struct err *e)
{
	uint64_t off = g->q->down ? g->off - SGX_PAGE_SIZE : g->off + PAGES_TO_BYTES(g->pages);

	err_set(e, ERR_PAGE_EXISTS, 0, "there is a page at offset 0x%llx already", (unsigned long long)off);
	return err_offset(e, off);
}

/* Narrow the request to what no known page stands in. */
static void find_free(struct grow_ctx *g)
{
	const struct grow_request *q = g->q;

	if (q->down) {
		g->pages = ledger_free_down(g->en, q->off, q->pages);
		g->off = q->off + PAGES_TO_BYTES(q->pages - g->pages);
	} else {
		g->pages = ledger_free_up(g->en, q->off, q->pages);
		g->off = q->off;
	}
}

static int work(struct grow_ctx *g, enum grow_strategy s, struct err *e)
{
	struct err later = { 0 };
	struct span done;
	int r = 0;

	find_free(g);
	if (g->pages || s == GROW_IOCTL)
		r = bring_in(g, s, e);
	if (!r && g->pages < g->q->pages)
		r = exists_err(g, e);
	__atomic_fetch_add(&g->en->augmented, g->r->augmented_pages, __ATOMIC_RELAXED);

	/* what came in is used, also when the rest did not; the first failure is the one reported */
	done = grown(g, g->r->augmented_pages);
	if (done.pages && (g->q->accept || g->q->copy_from) && !accepts_itself(s) &&
	    accept_span(g, done, &later)) {
		if (!r && e)
			*e = later;
		r = -1;
	}
	done = grown(g, g->r->accepted_pages);
	if (done.pages && finish_rights(g, done, &later)) {
		if (!r && e)
			*e = later;
		r = -1;
	}
	return r;
}

int encl_grow(struct encl *en, const struct grow_request *q, struct grow_result *r, struct err *e)
{
	struct grow_ctx g = { .en = en, .q = q, .r = r };
	struct encl_counters before, after;
	uint64_t start = now_ns();
	int result;

	memset(r, 0, sizeof(*r));
	r->strategy = q->strategy != GROW_AUTO ? q->strategy :
		      en->augment_ioctl == 1 || en->adopted ? GROW_IOCTL : GROW_TOUCH;
	encl_forget_refusals(en);
	encl_counters_get(en, &before);
	g.prot = PROT_READ | PROT_WRITE | (q->rwx & SGX_SECINFO_X ? PROT_EXEC : 0);
	result = check(en, q, r->strategy, e);
	if (!result)
		result = work(&g, r->strategy, e);
	encl_counters_get(en, &after);
	encl_counters_sub(&after, &before, &r->counters);
	r->elapsed_ns = now_ns() - start;
	return result;
}
