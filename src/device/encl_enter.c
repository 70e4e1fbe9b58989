/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entering: the pool of TCSs, one EENTER or ERESUME, and whole operations. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "device/internal.h"

#define HOST_STACK_BYTES ((size_t)128 << 10)    /* signal handlers may run on it */
#define HOST_OP_SLOTS (SGX_PAGE_SIZE / sizeof(struct encl_op))  /* on the page above it */

struct encl_tcs *encl_tcs_get(struct encl *en)
{
	struct encl_tcs *found = NULL;

	pthread_mutex_lock(&en->lock);
	for (size_t i = 0; i < en->n_tcs && !found; i++)
		if (!en->tcs[i].busy && !en->tcs[i].depth && !en->tcs[i].dynamic)
			found = &en->tcs[i];
	if (found)
		found->busy = true;
	pthread_mutex_unlock(&en->lock);
	return found;
}

void encl_tcs_put(struct encl *en, struct encl_tcs *t)
{
	pthread_mutex_lock(&en->lock);
	t->busy = false;
	pthread_cond_signal(&en->tcs_free);
	pthread_mutex_unlock(&en->lock);
}

struct encl_tcs *encl_tcs_at(struct encl *en, uint64_t off)
{
	struct encl_tcs *found = NULL;

	pthread_mutex_lock(&en->lock);
	for (size_t i = 0; i < en->n_tcs && !found; i++)
		if (en->tcs[i].off == off && !en->tcs[i].busy)
			found = &en->tcs[i];
	if (found)
		found->busy = true;
	pthread_mutex_unlock(&en->lock);
	return found;
}

void encl_tcs_add(struct encl *en, uint64_t off)
{
	struct encl_tcs *t = NULL;

	pthread_mutex_lock(&en->lock);
	for (size_t i = 0; i < en->n_tcs && !t; i++)
		if (en->tcs[i].off == off)
			t = &en->tcs[i];
	/* the array was made with room: pointers into it are held by running threads */
	if (!t && en->n_tcs < en->plan.n_tcs + ENCL_MAX_DYNAMIC_TCS)
		t = &en->tcs[en->n_tcs++];
	if (t && !t->busy)
		*t = (struct encl_tcs){ .off = off, .dynamic = true, .stack = t->stack };
	pthread_mutex_unlock(&en->lock);
}

/* CSSA as the exits tell it; the host cannot read it. */
static void track_depth(struct encl_tcs *t, unsigned function, const struct encl_exit *x)
{
	if (x->ret)
		return;
	if (x->fault && function == SGX_EENTER && x->function == SGX_ERESUME)
		t->depth++;             /* entered, then left by an exception */
	else if (!x->fault && function == SGX_ERESUME && t->depth)
		t->depth--;             /* resumed the last frame and came to its EEXIT */
}

/* See struct sgx_enter_regs; the page below stays inaccessible. */
static uint64_t host_stack(struct encl_tcs *t)
{
	uint8_t *p = t->stack;

	if (!p) {
		p = mmap(NULL, HOST_STACK_BYTES + SGX_PAGE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
		if (p == MAP_FAILED)
			return 0;
		mprotect(p, SGX_PAGE_SIZE, PROT_NONE);
		t->stack = p;
	}
	return (uint64_t)(uintptr_t)p + HOST_STACK_BYTES;
}

void encl_tcs_release(struct encl_tcs *t)
{
	if (t->stack)
		munmap(t->stack, HOST_STACK_BYTES + SGX_PAGE_SIZE);
	t->stack = NULL;
}

void encl_enter_raw(struct encl *en, struct encl_tcs *t, unsigned function, struct sgx_enter_regs *regs,
		    struct encl_exit *x)
{
	struct sgx_enclave_run run = { .tcs = en->base + t->off };

	if (function == SGX_EENTER)
		encl_count(en, eenters, 1);
	else if (function == SGX_ERESUME)
		encl_count(en, eresumes, 1);
	memset(x, 0, sizeof(*x));
	regs->host_stack = host_stack(t);
	if (!regs->host_stack) {
		x->ret = -ENOMEM;
		return;
	}
	x->ret = en->dev->ops->enter(en->dev, function, regs, &run);
	x->function = run.function;
	x->fault = !x->ret && run.function != SGX_EEXIT;
	if (x->fault) {
		x->vector = run.exception_vector;
		x->errcd = run.exception_error_code;
		x->addr = run.exception_addr;
		encl_count(en, user_exits, 1);
	} else if (!x->ret) {
		encl_count(en, eexits, 1);
	}
	track_depth(t, function, x);
}

/*
 * Where the operation of the entry at this depth lies for the enclave: with the TCS, not with the caller,
 * because an entry that an exception stopped may be resumed long after its caller has gone.  NULL: too deep,
 * or no memory.
 */
static struct encl_op *op_slot(struct encl_tcs *t, unsigned depth)
{
	uint64_t top = host_stack(t);

	return top && depth < HOST_OP_SLOTS ? (struct encl_op *)(uintptr_t)top + depth : NULL;
}

/* The operation that the innermost stopped entry of this TCS works on. */
static struct encl_op *stopped_slot(struct encl_tcs *t)
{
	return t->depth ? op_slot(t, t->depth - 1) : NULL;
}

void encl_enter(struct encl *en, struct encl_tcs *t, unsigned function, struct encl_op *op,
		struct encl_exit *x)
{
	struct encl_op *slot = function == SGX_ERESUME ? stopped_slot(t) : op_slot(t, t->depth);
	struct sgx_enter_regs regs = { .rdi = (uint64_t)(uintptr_t)(slot ? slot : op) };

	if (slot)
		*slot = *op;
	encl_enter_raw(en, t, function, &regs, x);
	if (slot)
		*op = *slot;
}

int encl_stopped_op(struct encl_tcs *t, struct encl_op *ret_op)
{
	struct encl_op *slot = stopped_slot(t);

	if (!slot)
		return -1;
	*ret_op = *slot;
	return 0;
}

int encl_need_entry(const struct encl *en, struct err *e)
{
	if (!en->adopted)
		return 0;
	err_set(e, ERR_OF_PROGRAM, 0, "the enclave belongs to a program, which alone enters it");
	return err_hint(e, "without --accept, 'sgxctl augment' adds pages from outside; the enclave must accept them itself");
}

int encl_need_ops(const struct encl *en, struct err *e)
{
	if (encl_need_entry(en, e))
		return -1;
	if (en->plan.op_interface)
		return 0;
	return err_set(e, ERR_NO_INTERFACE, 0, "this enclave does not declare the operation interface");
}

void encl_count_leafs(struct encl *en, const struct encl_op *op)
{
	encl_count(en, eaccepts, op->eaccepts);
	encl_count(en, eacceptcopies, op->eacceptcopies);
}

/* Page fault without a page-table entry: worth one ERESUME per address. */
static bool lost_race(const struct encl_exit *x)
{
	return x->fault && x->function == SGX_ERESUME && x->vector == SGX_VEC_PF &&
	       !(x->errcd & (SGX_PFEC_P | SGX_PFEC_SGX));
}

/* By EENTER or ERESUME to the next EEXIT or exception. */
static int run_op(struct encl *en, struct encl_tcs *t, unsigned function, struct encl_op *op,
		  struct encl_exit *x, struct err *e)
{
	uint64_t last = UINT64_MAX;

	encl_enter(en, t, function, op, x);
	while (lost_race(x) && x->addr != last && x->addr - en->base < en->size) {
		last = x->addr;
		encl_enter(en, t, SGX_ERESUME, op, x);
	}
	if (x->ret)
		return err_set(e, ERR_ENTRY_REFUSED, -x->ret, "the vDSO refused the entry");
	return x->fault ? encl_fault_err(en, x, e) : 0;
}

int encl_run_op_on(struct encl *en, struct encl_tcs *t, struct encl_op *op, struct encl_exit *x,
		   struct err *e)
{
	int r = run_op(en, t, SGX_EENTER, op, x, e);

	encl_count_leafs(en, op);
	return r;
}

int encl_resume_op(struct encl *en, struct encl_tcs *t, struct encl_op *op, struct encl_exit *x,
		   struct err *e)
{
	/* the enclave counts from the EENTER on: what it had done when it stopped is counted already */
	struct encl_op fresh, before = *op;
	int r = run_op(en, t, SGX_ERESUME, op, x, e);

	fresh = *op;
	fresh.eaccepts -= before.eaccepts;
	fresh.eacceptcopies -= before.eacceptcopies;
	encl_count_leafs(en, &fresh);
	return r;
}

int encl_run_op(struct encl *en, struct encl_op *op, struct encl_exit *x, struct err *e)
{
	struct encl_tcs *t;
	int r;

	memset(x, 0, sizeof(*x));
	t = encl_tcs_get(en);
	if (!t)
		return err_set(e, ERR_NO_FREE_TCS, EBUSY, "none of the %zu TCSs is free", en->n_tcs);
	r = encl_run_op_on(en, t, op, x, e);
	encl_tcs_put(en, t);
	return r;
}

int encl_call(struct encl *en, struct encl_op *op, struct encl_exit *x, struct err *e)
{
	if (encl_need_ops(en, e)) {
		memset(x, 0, sizeof(*x));
		return -1;
	}
	return encl_run_op(en, op, x, e);
}
