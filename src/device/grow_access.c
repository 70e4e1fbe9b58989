/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Access first, what happens to a program that nobody prepared: the enclave writes to the page (reads one
 * that is to be read-only), the kernel adds it, the access faults again because the page is pending; only now
 * the enclave is entered to accept it, and then resumed.  Per page: two faults, one exit to the host, one
 * entry, one ERESUME.
 */
#include "device/internal.h"

struct access_run {
	struct grow_ctx *g;
	struct encl_tcs *writer, *helper;       /* helper may be the writer itself, at CSSA 1 */
	uint64_t missing;       /* page that faulted without an entry last: retried once */
};

/* The op that repairs one page, on the helper. */
static int accept_page(struct access_run *a, uint64_t off, struct err *e)
{
	struct grow_ctx *g = a->g;
	struct encl *en = g->en;
	struct encl_op op = { .addr = en->base + off, .pages = 1 };
	struct encl_exit x;

	op.op = grow_accept_op(g->q, &op.flags);
	if (g->q->copy_from)
		op.src = (uint64_t)(uintptr_t)g->q->copy_from + (off - g->q->off);
	if (ledger_reserve(en, e))
		return -1;
	if (encl_run_op_on(en, a->helper, &op, &x, e)) {
		g->r->exit = x;
		return -1;
	}
	if (op.status != ENCL_OK) {
		g->r->sgx = op.sgx;
		return encl_op_err(en, &op, ERR_ACCEPT, op.op == ENCL_OP_ACCEPT ? "EACCEPT" : "EACCEPTCOPY",
				   e);
	}
	grow_note(en, off, 1, true, grow_accept_rwx(g->q));
	g->r->augmented_pages++;
	g->r->accepted_pages++;
	if (!(g->r->accepted_pages % 1024))
		grow_progress(g, g->r->accepted_pages);
	return 0;
}

/* 0: repaired, resume; -1: this exit ends the work. */
static int serve(struct access_run *a, const struct encl_exit *x, struct err *e)
{
	struct grow_ctx *g = a->g;
	uint64_t off = x->addr - g->en->base;

	if (x->function != SGX_ERESUME || x->vector != SGX_VEC_PF || off < g->off ||
	    off - g->off >= PAGES_TO_BYTES(g->pages))
		return encl_fault_err(g->en, x, e);
	if (x->errcd & SGX_PFEC_SGX)
		return accept_page(a, off, e);
	if (!(x->errcd & SGX_PFEC_P) && a->missing != off) {
		a->missing = off;
		return 0;
	}
	return grow_fault_err(g, x, e);
}

static int access_range(struct access_run *a, uint64_t off, uint64_t pages, struct err *e)
{
	struct encl *en = a->g->en;
	/* a page that is accepted without W could never be written: read it instead */
	bool writable = grow_accept_rwx(a->g->q) & SGX_SECINFO_W;
	struct encl_op op = { .op = ENCL_OP_TOUCH, .addr = en->base + off, .pages = pages,
			      .flags = writable };
	struct encl_exit x;

	encl_enter(en, a->writer, SGX_EENTER, &op, &x);
	while (x.fault) {
		a->g->r->exit = x;
		if (serve(a, &x, e))
			return -1;
		encl_enter(en, a->writer, SGX_ERESUME, &op, &x);
	}
	if (x.ret)
		return err_set(e, ERR_ENTRY_REFUSED, -x.ret, "the vDSO refused the entry");
	if (op.status != ENCL_OK)
		return encl_op_err(en, &op, ERR_OP_FAILED, "the access", e);
	return 0;
}

static int access_all(struct access_run *a, struct err *e)
{
	const struct grow_ctx *g = a->g;

	if (!g->q->down)
		return access_range(a, g->off, g->pages, e);
	for (uint64_t i = g->pages; i-- > 0;)
		if (access_range(a, g->off + PAGES_TO_BYTES(i), 1, e))
			return -1;
	return 0;
}

int grow_by_access(struct grow_ctx *g, struct err *e)
{
	struct encl *en = g->en;
	struct access_run a = { .g = g, .missing = UINT64_MAX };
	uint64_t done;
	int r;

	a.writer = encl_tcs_get(en);
	if (!a.writer)
		return err_set(e, ERR_NO_FREE_TCS, 0, "none of the %zu TCSs is free", en->n_tcs);
	a.helper = encl_tcs_get(en);
	if (!a.helper && en->plan.nssa >= 2)
		a.helper = a.writer;
	if (a.helper)
		r = encl_map(en, g->off, g->pages, g->prot, e) ? -1 : access_all(&a, e);
	else
		r = err_set(e, ERR_NO_FREE_TCS, 0,
			    "accepting during a fault needs a second TCS or SSA frame");
	done = g->r->accepted_pages;
	if (!r && done < g->pages)
		r = err_set(e, ERR_PAGE_EXISTS, 0, "%llu of the pages could be used at once: they were there",
			    (unsigned long long)(g->pages - done));
	if (a.helper && done < g->pages)
		encl_reserve_again(en, g->q->down ? g->off : g->off + PAGES_TO_BYTES(done), g->pages - done,
				   NULL);
	if (a.helper && a.helper != a.writer)
		encl_tcs_put(en, a.helper);
	encl_tcs_put(en, a.writer);
	return r;
}
