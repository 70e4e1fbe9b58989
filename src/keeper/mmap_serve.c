/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host's half of an enclave that gets memory by a trapped SYSCALL (the mmap enclave).
 *
 * By EEXIT: #UD comes out, the host enters the handler at CSSA 1; it leaves with a request in the operation
 * structure; the host serves it, enters again, and resumes the payload when the handler has finished.
 * By doorbell: the handler traps a second time; the host enters a second-level handler at CSSA 2, serves the
 * request when that one left, and resumes frame by frame.
 * Both follow from one rule: an exception is answered by EENTER, an exit at depth > 0 by serving what is
 * asked, then by EENTER while a request awaits the answer there, else by ERESUME.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fmt.h"
#include "keeper/keeper.h"

#define MAX_DEPTH 4             /* nested exceptions before the enclave counts as lost */
#define MAX_STEPS 1024          /* entries for one operation */
#define SYS_MMAP 9

struct serving {
	struct encl *en;
	struct encl_tcs *t;
	struct encl_op *op;
	bool by_ioctl;          /* AUGMENT before the mmap; else the pages come with the first EACCEPTCOPY */
	bool answered;          /* the pending request has its result */
};

static int rights_prot(uint64_t rwx)
{
	/* the pages are filled by EACCEPTCOPY, which writes, whatever rights they end with */
	return PROT_READ | PROT_WRITE | (rwx & SGX_SECINFO_X ? PROT_EXEC : 0);
}

static int64_t serve_mmap(struct serving *s)
{
	struct encl *en = s->en;
	uint64_t off = s->op->req_addr - en->base, pages = s->op->req_bytes / SGX_PAGE_SIZE;
	struct grow_request q = { .off = off, .pages = pages, .strategy = GROW_IOCTL, .rwx = PERM_RW };
	struct grow_result g;
	struct err e = { 0 };

	if (s->op->req_op != SYS_MMAP || s->op->req_addr % SGX_PAGE_SIZE || s->op->req_bytes % SGX_PAGE_SIZE)
		return -ENOSYS;
	if (s->op->req_rights & SGX_SECINFO_X)
		q.rwx |= SGX_SECINFO_X;
	if (s->by_ioctl)
		return encl_grow(en, &q, &g, &e) ? -(e.sys ? e.sys : ENOMEM) : 0;
	return encl_map(en, off, pages, rights_prot(s->op->req_rights), &e) ? -(e.sys ? e.sys : ENOMEM) : 0;
}

static void serve_request(struct serving *s)
{
	if (!s->op->req_pending || s->answered)
		return;
	s->op->req_result = (uint64_t)serve_mmap(s);
	s->answered = true;
}

static int prot_of(uint64_t rwx)
{
	return (rwx & SGX_SECINFO_R ? PROT_READ : 0) | (rwx & SGX_SECINFO_W ? PROT_WRITE : 0) |
	       (rwx & SGX_SECINFO_X ? PROT_EXEC : 0);
}

/* The enclave has taken the pages: note it, bring the mapping down to the rights asked for. */
static int finish(struct serving *s, uint64_t addr, uint64_t bytes, uint64_t rights, struct err *e)
{
	uint64_t off = addr - s->en->base, pages = bytes / SGX_PAGE_SIZE;

	if (!pages || (int64_t)s->op->value < 0)
		return 0;
	encl_note_accepted(s->en, off, pages, (unsigned)rights & SGX_SECINFO_RWX);
	if (prot_of(rights) == rights_prot(rights))
		return 0;
	return encl_mprotect(s->en, off, pages, prot_of(rights), e);
}

static int run(struct serving *s, struct encl_exit *x, struct err *e)
{
	unsigned function = SGX_EENTER;

	for (unsigned steps = 0; steps < MAX_STEPS; steps++) {
		encl_enter(s->en, s->t, function, s->op, x);
		if (x->ret)
			return err_set(e, ERR_ENTRY_REFUSED, -x->ret, "the vDSO refused the entry");
		if (x->fault) {
			/* only system calls are expected; anything else is the enclave's end */
			if (x->function != SGX_ERESUME || x->vector != SGX_VEC_UD || s->t->depth > MAX_DEPTH)
				return encl_fault_err(s->en, x, e);
			function = SGX_EENTER;
			s->answered = false;
			continue;
		}
		if (!s->t->depth)
			return 0;
		if (s->op->status != ENCL_OK)
			return err_set(e, ERR_OP_FAILED, 0,
				       "the handler of the enclave ended with status %llu",
				       (unsigned long long)s->op->status);
		if (s->op->req_pending && !s->answered) {
			serve_request(s);
			/*
			 * with a doorbell the frame that asked is one below; without, it waits for an entry
			 */
			function = s->t->depth > 1 ? SGX_ERESUME : SGX_EENTER;
		} else {
			function = SGX_ERESUME;
		}
	}
	return err_set(e, ERR_OP_FAILED, ELOOP, "the enclave came back %d times without an end", MAX_STEPS);
}

int mmap_serve(struct encl *en, bool by_ioctl, struct encl_op *op, struct encl_exit *x, struct err *e)
{
	struct serving s = { .en = en, .by_ioctl = by_ioctl, .op = op };
	int r;

	memset(x, 0, sizeof(*x));
	s.t = encl_tcs_get(en);
	if (!s.t)
		return err_set(e, ERR_NO_FREE_TCS, EBUSY, "none of the %zu TCSs is free", en->n_tcs);
	r = run(&s, x, e);
	encl_count_leafs(en, op);
	encl_tcs_put(en, s.t);
	if (!r && op->status == ENCL_OK)
		r = finish(&s, op->req_addr, op->req_bytes, op->req_rights, e);
	return r;
}
