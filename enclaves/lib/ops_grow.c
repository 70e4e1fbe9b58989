/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations that change pages: ACCEPT ACCEPTCOPY EXTEND INIT_TCS.  A range is one entry: the loops are here.
 * SECINFO and staging page are on the stack, so they are private to a thread and to a nested entry.
 */
#include "enclu.h"
#include "encl.h"

__attribute__((aligned(4096)))
const uint8_t encl_zero_page[SGX_PAGE_SIZE];

struct walk {
	struct encl_ctx *c;
	uint64_t done, refused;
	bool stop;
};

/* The page to work on next, in the order the caller asked for. */
static uint64_t walk_index(const struct walk *w)
{
	return w->c->in.opt & ENCL_OPT_DOWN ? w->c->in.pages - 1 - w->done : w->done;
}

static bool walk_more(const struct walk *w)
{
	return !w->stop && w->done < w->c->in.pages;
}

/* Takes the leaf's answer for the current page; true when it was accepted. */
static bool walk_took(struct walk *w, uint64_t code)
{
	volatile struct encl_op *out = w->c->out;

	if (code) {
		out->sgx = code;
		if (!(w->c->in.opt & ENCL_OPT_KEEP)) {
			w->stop = true;
			return false;
		}
		out->refused = ++w->refused;
	}
	out->done = ++w->done;
	return !code;
}

static uint64_t walk_status(const struct walk *w)
{
	return w->stop || w->refused ? ENCL_REFUSED : ENCL_OK;
}

uint64_t op_accept(struct encl_ctx *c)
{
	struct sgx_arch_secinfo si = { .flags = c->in.flags };
	struct walk w = { .c = c };
	uint64_t accepted = 0;

	if (!encl_pages_ok(c, true) || c->in.opt & ~(uint64_t)(ENCL_OPT_DOWN | ENCL_OPT_KEEP))
		return ENCL_BAD_ARG;
	while (walk_more(&w)) {
		uint64_t la = c->in.addr + walk_index(&w) * SGX_PAGE_SIZE;

		if (walk_took(&w, enclu_eaccept(&si, la)))
			c->out->eaccepts = ++accepted;
	}
	return walk_status(&w);
}

static uint64_t acceptcopy_zeros(struct encl_ctx *c)
{
	struct sgx_arch_secinfo si = { .flags = c->in.flags };
	struct walk w = { .c = c };
	uint64_t accepted = 0;

	while (walk_more(&w)) {
		uint64_t la = c->in.addr + walk_index(&w) * SGX_PAGE_SIZE;

		if (walk_took(&w, enclu_eacceptcopy(&si, la, encl_zero_page)))
			c->out->eacceptcopies = ++accepted;
	}
	return walk_status(&w);
}

/* noinline: only this path may cost two pages of stack */
__attribute__((noinline))
static uint64_t acceptcopy_host(struct encl_ctx *c)
{
	_Alignas(4096) uint8_t staging[SGX_PAGE_SIZE];
	struct sgx_arch_secinfo si = { .flags = c->in.flags };
	struct walk w = { .c = c };
	bool one_page = c->in.opt & ENCL_OPT_CHUNK;
	uint64_t accepted = 0;

	if (!encl_outside(c, c->in.src, (one_page ? 1 : c->in.pages) * SGX_PAGE_SIZE))
		return ENCL_BAD_ARG;
	if (one_page)
		memcpy(staging, (const void *)c->in.src, SGX_PAGE_SIZE);
	while (walk_more(&w)) {
		uint64_t at = walk_index(&w) * SGX_PAGE_SIZE;

		if (!one_page)
			memcpy(staging, (const void *)(c->in.src + at), SGX_PAGE_SIZE);
		if (walk_took(&w, enclu_eacceptcopy(&si, c->in.addr + at, staging)))
			c->out->eacceptcopies = ++accepted;
	}
	return walk_status(&w);
}

uint64_t op_acceptcopy(struct encl_ctx *c)
{
	if (!encl_pages_ok(c, true) ||
	    c->in.opt & ~(uint64_t)(ENCL_OPT_DOWN | ENCL_OPT_KEEP | ENCL_OPT_CHUNK))
		return ENCL_BAD_ARG;
	if (!c->in.src)
		return acceptcopy_zeros(c);
	if (c->cssa && c->tls->tcs_index == ENCL_TCS_DYNAMIC)
		return ENCL_BAD_OP;     /* the rest of a TLS page cannot hold the staging page */
	return acceptcopy_host(c);
}

uint64_t op_extend(struct encl_ctx *c)
{
	struct sgx_arch_secinfo si = { .flags = c->in.flags };
	struct walk w = { .c = c };

	if (!encl_pages_ok(c, true) || c->in.opt & ~(uint64_t)ENCL_OPT_DOWN)
		return ENCL_BAD_ARG;
	while (walk_more(&w)) {
		enclu_emodpe(&si, c->in.addr + walk_index(&w) * SGX_PAGE_SIZE);
		walk_took(&w, 0);
		c->out->emodpes = w.done;
	}
	return walk_status(&w);
}

uint64_t op_init_tcs(struct encl_ctx *c)
{
	struct sgx_arch_tcs *tcs = (struct sgx_arch_tcs *)c->in.addr;
	uint64_t ossa = c->in.value, tls_off = c->in.opt;
	const struct encl_tls *own = c->tls;
	struct encl_tls *tls;

	if ((c->in.addr | ossa | tls_off) & (SGX_PAGE_SIZE - 1) ||
	    !encl_inside(c, c->in.addr, SGX_PAGE_SIZE) ||
	    !encl_inside(c, c->base + ossa, ENCL_DYN_NSSA * own->ssaframe_bytes) ||
	    !encl_inside(c, c->base + tls_off, SGX_PAGE_SIZE))
		return ENCL_BAD_ARG;

	memset(tcs, 0, sizeof(*tcs));
	tcs->ossa = ossa;
	tcs->nssa = ENCL_DYN_NSSA;
	tcs->oentry = (uint64_t)encl_entry - c->base;
	tcs->ofsbase = tls_off;
	tcs->ogsbase = tls_off;
	tcs->fslimit = UINT32_MAX;
	tcs->gslimit = UINT32_MAX;

	tls = (struct encl_tls *)(c->base + tls_off);
	memset(tls, 0, SGX_PAGE_SIZE);
	tls->self_off = tls_off;
	tls->tcs_off = c->in.addr - c->base;
	tls->stack_top_off = tls_off;
	tls->ssa_off = ossa;
	tls->nssa = ENCL_DYN_NSSA;
	tls->ssaframe_bytes = own->ssaframe_bytes;
	tls->heap_off = own->heap_off;
	tls->heap_bytes = own->heap_bytes;
	tls->reserve_off = own->reserve_off;
	tls->reserve_bytes = own->reserve_bytes;
	tls->elrange_bytes = own->elrange_bytes;
	tls->tcs_index = ENCL_TCS_DYNAMIC;
	tls->handler_stack_top_off = tls_off + SGX_PAGE_SIZE;
	return ENCL_OK;
}
