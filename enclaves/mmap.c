/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The mmap enclave: a payload gets memory as an ordinary program does, by executing SYSCALL.
 *
 *   CSSA 0  op MMAP executes SYSCALL: #UD, AEX, frame 0
 *   CSSA 1  the handler finds mmap in frame 0, takes a range from its own ledger, writes the request to the
 *           op structure, and lets the host act: by EEXIT and a second entry (opt 0), or by a SYSCALL of its own,
 *           the doorbell (opt 1); then EACCEPTCOPYs zeros into each page, patches frame 0 (RAX, RIP), leaves
 *   CSSA 2  doorbell only: steps frame 1 over the doorbell; the host acts and resumes both frames
 *
 * What the host says decides whether a mapping succeeds, never where it is: addresses come from the ledger, and
 * a page leaves the ledger before it is accepted, so none is ever accepted twice.
 *
 * Authority: Intel SDM Vol. 3D, SGX enclave operation, AEX; the system call numbers and flags of Linux x86-64.
 */
#include "lib/encl.h"
#include "lib/enclu.h"
#include "mmap_ledger.h"
#include "mmap_syscall.h"

#define MMAP_BYDOORBELL 1u

enum mmap_state {
	MMAP_IDLE = 0,
	MMAP_REQUESTED,         /* left by EEXIT; the next entry at CSSA 1 goes on */
	MMAP_RINGING,           /* the doorbell is about to trap, or has trapped */
	MMAP_RUNG,              /* the second-level handler has stepped over it */
};

/* What a thread remembers between entries; in its own TLS page. */
struct mmap_thread {
	uint64_t state;         /* enum mmap_state */
	uint64_t by_doorbell;
	uint64_t la, pages, rights;
};
_Static_assert(sizeof(struct mmap_thread) <= sizeof(((struct encl_tls *)0)->scratch), "scratch");

static struct mmap_thread *mmap_thread(const struct encl_ctx *c)
{
	return (struct mmap_thread *)c->tls->scratch;
}

static struct sgx_gprsgx *ssa_gpr(const struct encl_ctx *c, uint64_t frame)
{
	uint64_t end = c->tls->ssa_off + (frame + 1) * c->tls->ssaframe_bytes;

	return (struct sgx_gprsgx *)(c->base + end - sizeof(struct sgx_gprsgx));
}

/* #UD at the bytes of SYSCALL: RIP is where the thread executed, so it can be read. */
static bool frame_is_syscall(const struct sgx_gprsgx *g)
{
	const uint8_t *insn = (const uint8_t *)g->rip;

	return g->exitinfo == (SGX_EXITINFO_VALID | SGX_EXITINFO_TYPE_HW | SGX_VEC_UD) &&
	       insn[0] == 0x0f && insn[1] == 0x05;
}

static void frame_return(struct sgx_gprsgx *g, uint64_t rax)
{
	g->rax = rax;
	g->rip += 2;
}

/* Checks the arguments and takes the range; 0 or -errno. */
static int64_t request_prepare(const struct encl_ctx *c, const struct sgx_gprsgx *g, struct mmap_thread *t)
{
	uint64_t reserve_la = c->base + c->tls->reserve_off;
	uint64_t pages = g->rsi / SGX_PAGE_SIZE + (g->rsi % SGX_PAGE_SIZE != 0);
	uint64_t prot = g->rdx, flags = g->r10;
	int64_t page;

	if (!pages || prot & ~(uint64_t)(LINUX_PROT_READ | LINUX_PROT_WRITE | LINUX_PROT_EXEC) ||
	    flags & ~(uint64_t)(LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS | LINUX_MAP_FIXED_NOREPLACE) ||
	    !(flags & LINUX_MAP_ANONYMOUS) || g->rdi % SGX_PAGE_SIZE)
		return -LINUX_EINVAL;

	if (flags & LINUX_MAP_FIXED_NOREPLACE) {
		if (g->rdi < reserve_la || g->rdi - reserve_la >= c->tls->reserve_bytes)
			return -LINUX_ENOMEM;
		page = (int64_t)((g->rdi - reserve_la) / SGX_PAGE_SIZE);
		if (!ledger_take_at(c->tls, (uint64_t)page, pages))
			return -LINUX_EEXIST;
	} else {
		page = ledger_take(c->tls, pages);
		if (page < 0)
			return -LINUX_ENOMEM;
	}
	t->la = reserve_la + (uint64_t)page * SGX_PAGE_SIZE;
	t->pages = pages;
	/* EPCM knows no W without R, and Linux gives R with W too; the R of PROT bits is that of SECINFO */
	t->rights = prot & LINUX_PROT_WRITE ? prot | LINUX_PROT_READ : prot;
	return 0;
}

static void request_write(const struct encl_ctx *c, const struct mmap_thread *t)
{
	volatile struct encl_op *out = c->out;

	out->req_addr = t->la;
	out->req_bytes = t->pages * SGX_PAGE_SIZE;
	out->req_rights = t->rights;
	out->req_op = LINUX_SYS_MMAP;
	out->req_pending = 1;
}

/*
 * Accepts what the host says it mapped; the address, or -errno.  A refused page means that the host lied:
 * pages accepted by then stay out of the ledger for good, those not reached go back.
 */
static int64_t request_accept(const struct encl_ctx *c, const struct mmap_thread *t)
{
	struct sgx_arch_secinfo si = { .flags = t->rights | SGX_SECINFO_REG };
	uint64_t first = (t->la - c->base - c->tls->reserve_off) / SGX_PAGE_SIZE;
	int64_t result = (int64_t)c->out->req_result;

	if (result) {
		ledger_give(first, t->pages);
		return result < 0 && result >= -LINUX_MAX_ERRNO ? result : -LINUX_EIO;
	}
	for (uint64_t i = 0; i < t->pages; i++) {
		uint64_t code = enclu_eacceptcopy(&si, t->la + i * SGX_PAGE_SIZE, encl_zero_page);

		if (code) {
			c->out->sgx = code;
			ledger_give(first + i, t->pages - i);
			return -LINUX_EIO;
		}
		c->out->eacceptcopies = i + 1;
	}
	return (int64_t)t->la;
}

static uint64_t request_finish(const struct encl_ctx *c, struct mmap_thread *t)
{
	int64_t result = request_accept(c, t);

	c->out->req_op = 0;
	c->out->req_pending = 0;
	t->state = MMAP_IDLE;
	frame_return(ssa_gpr(c, 0), (uint64_t)result);
	return ENCL_OK;
}

static uint64_t handle_syscall(const struct encl_ctx *c, struct mmap_thread *t)
{
	struct sgx_gprsgx *g = ssa_gpr(c, 0);
	int64_t refused = g->rax == LINUX_SYS_MMAP ? request_prepare(c, g, t) : -LINUX_ENOSYS;

	if (refused) {
		frame_return(g, (uint64_t)refused);
		return ENCL_OK;
	}
	if (!t->by_doorbell) {
		t->state = MMAP_REQUESTED;
		request_write(c, t);
		return ENCL_OK;
	}
	t->state = MMAP_RINGING;
	request_write(c, t);
	mmap_doorbell();
	return request_finish(c, t);
}

static uint64_t handle(const struct encl_ctx *c)
{
	struct mmap_thread *t = mmap_thread(c);
	struct sgx_gprsgx *g = ssa_gpr(c, c->cssa - 1);

	if (!frame_is_syscall(g))
		return ENCL_UNHANDLED;
	if (c->cssa == 1)
		return t->state == MMAP_REQUESTED ? request_finish(c, t) : handle_syscall(c, t);
	if (c->cssa == 2 && t->state == MMAP_RINGING && g->rip == (uint64_t)mmap_doorbell_insn) {
		t->state = MMAP_RUNG;
		frame_return(g, 0);
		return ENCL_OK;
	}
	return ENCL_UNHANDLED;
}

static uint64_t pattern_word(uint64_t la)
{
	return la * 0x9e3779b97f4a7c15u ^ 0x6d6d6170u;
}

/* New memory must be zero; where it can be written it must keep what is written, each word its own value. */
static bool page_holds(uint64_t la, bool writable)
{
	volatile uint64_t *p = (volatile uint64_t *)la;

	for (size_t w = 0; w < SGX_PAGE_SIZE / sizeof(*p); w++) {
		if (p[w])
			return false;
		if (writable)
			p[w] = pattern_word((uint64_t)&p[w]);
	}
	for (size_t w = 0; writable && w < SGX_PAGE_SIZE / sizeof(*p); w++)
		if (p[w] != pattern_word((uint64_t)&p[w]))
			return false;
	return true;
}

static uint64_t op_mmap(struct encl_ctx *c)
{
	struct mmap_thread *t = mmap_thread(c);
	uint64_t flags = LINUX_MAP_PRIVATE | LINUX_MAP_ANONYMOUS;
	int64_t la;

	if (c->in.opt > MMAP_BYDOORBELL || c->in.pages > UINT64_MAX / SGX_PAGE_SIZE)
		return ENCL_BAD_ARG;
	t->by_doorbell = c->in.opt;
	t->state = MMAP_IDLE;
	if (c->in.addr)
		flags |= LINUX_MAP_FIXED_NOREPLACE;
	la = mmap_syscall(c->in.addr, c->in.pages * SGX_PAGE_SIZE, c->in.flags, flags);
	c->out->value = (uint64_t)la;
	if (la < 0 && la >= -LINUX_MAX_ERRNO)
		return ENCL_REFUSED;
	if (!(c->in.flags & (LINUX_PROT_READ | LINUX_PROT_WRITE)))
		return ENCL_OK;
	for (uint64_t i = 0; i < c->in.pages; i++) {
		if (!page_holds((uint64_t)la + i * SGX_PAGE_SIZE, c->in.flags & LINUX_PROT_WRITE))
			return ENCL_CORRUPT;
		c->out->done = i + 1;
	}
	return ENCL_OK;
}

/* Left out of this enclave: what would accept pages of the reserve behind the back of the ledger. */
static bool op_is_served(uint64_t op)
{
	return op != ENCL_OP_ACCEPT && op != ENCL_OP_ACCEPTCOPY && op != ENCL_OP_EXTEND && op != ENCL_OP_INIT_TCS;
}

uint64_t encl_main(uint64_t op_la, struct encl_tls *tls, uint64_t base, uint64_t cssa)
{
	struct encl_ctx c;
	uint64_t status;

	if (!encl_begin(&c, op_la, tls, base, cssa))
		return ENCL_BAD_ARG;
	if (cssa)
		status = handle(&c);
	else if (c.in.op == ENCL_OP_MMAP)
		status = encl_run_with(&c, op_mmap);
	else
		status = op_is_served(c.in.op) ? encl_run(&c) : ENCL_BAD_OP;
	c.out->status = status;
	return status;
}
