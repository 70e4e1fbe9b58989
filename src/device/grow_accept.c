/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * EACCEPT first: the enclave accepts pages that are not there yet; each EACCEPT faults, the kernel adds the
 * page, and the instruction runs again.  One entry for the whole range, one asynchronous exit per page.
 */
#include "device/internal.h"

int grow_by_accept(struct grow_ctx *g, struct err *e)
{
	struct encl *en = g->en;
	const struct grow_request *q = g->q;
	struct encl_op op = { .addr = en->base + g->off, .pages = g->pages };
	uint64_t done;
	int r;

	if (encl_map(en, g->off, g->pages, g->prot, e))
		return -1;
	op.op = grow_accept_op(q, &op.flags);
	op.opt = q->down ? ENCL_OPT_DOWN : 0;
	if (q->copy_from)
		op.src = (uint64_t)(uintptr_t)q->copy_from + (g->off - q->off);
	r = encl_run_op(en, &op, &g->r->exit, e);
	if (r && g->r->exit.fault)
		grow_fault_err(g, &g->r->exit, e);
	done = encl_op_done(&op);
	g->r->augmented_pages = done;
	g->r->accepted_pages = done;
	grow_note(en, q->down ? g->off + PAGES_TO_BYTES(g->pages - done) : g->off, done, true,
		  grow_accept_rwx(q));
	if (done < g->pages)
		encl_reserve_again(en, q->down ? g->off : g->off + PAGES_TO_BYTES(done), g->pages - done,
				   NULL);
	if (!r && op.status != ENCL_OK) {
		g->r->sgx = op.sgx;
		r = encl_op_err(en, &op, ERR_ACCEPT, op.op == ENCL_OP_ACCEPT ? "EACCEPT" : "EACCEPTCOPY", e);
	}
	return r;
}
