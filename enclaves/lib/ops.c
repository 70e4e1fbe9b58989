/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One entry: take the request over from the host, run the operation, hand the status back. */
#include "encl.h"
#include "tls_offsets.h"

_Static_assert(offsetof(struct encl_tls, self_off) == TLS_SELF_OFF, "tls_offsets.h");
_Static_assert(offsetof(struct encl_tls, tcs_off) == TLS_TCS_OFF, "tls_offsets.h");
_Static_assert(offsetof(struct encl_tls, stack_top_off) == TLS_STACK_TOP_OFF, "tls_offsets.h");
_Static_assert(offsetof(struct encl_tls, stack_bytes) == TLS_STACK_BYTES, "tls_offsets.h");
_Static_assert(offsetof(struct encl_tls, handler_stack_top_off) == TLS_HANDLER_TOP_OFF, "tls_offsets.h");

bool encl_begin(struct encl_ctx *ret_c, uint64_t op_la, struct encl_tls *tls, uint64_t base, uint64_t cssa)
{
	volatile struct encl_op *op = (volatile struct encl_op *)op_la;

	ret_c->tls = tls;
	ret_c->base = base;
	ret_c->cssa = cssa;
	if (op_la & 7 || !encl_outside(ret_c, op_la, sizeof(*op)))
		return false;
	ret_c->out = op;
	ret_c->in = (struct encl_args){
		.op = op->op, .addr = op->addr, .pages = op->pages, .flags = op->flags, .src = op->src,
		.dst = op->dst, .bytes = op->bytes, .value = op->value, .opt = op->opt,
	};
	return true;
}

static uint64_t dispatch(struct encl_ctx *c)
{
	switch (c->in.op) {
	case ENCL_OP_NOP:        return ENCL_OK;
	case ENCL_OP_READ:       return op_read(c);
	case ENCL_OP_WRITE:      return op_write(c);
	case ENCL_OP_TOUCH:      return op_touch(c);
	case ENCL_OP_FILL:       return op_fill(c);
	case ENCL_OP_CHECKSUM:   return op_checksum(c);
	case ENCL_OP_ACCEPT:     return op_accept(c);
	case ENCL_OP_ACCEPTCOPY: return op_acceptcopy(c);
	case ENCL_OP_EXTEND:     return op_extend(c);
	case ENCL_OP_REPORT:     return op_report(c);
	case ENCL_OP_GETKEY:     return op_getkey(c);
	case ENCL_OP_COPYIN:     return op_copyin(c);
	case ENCL_OP_COPYOUT:    return op_copyout(c);
	case ENCL_OP_INIT_TCS:   return op_init_tcs(c);
	case ENCL_OP_EXEC:       return op_exec(c);
	case ENCL_OP_SPIN:       return op_spin(c);
	case ENCL_OP_FAULT:      return op_fault(c);
	case ENCL_OP_CPUSTATE:   return op_cpustate(c);
	case ENCL_OP_SELF:       return op_self(c);
	case ENCL_OP_STACK:      return op_stack(c);
	case ENCL_OP_BENCH:      return op_bench(c);
	default:                 return ENCL_BAD_OP;
	}
}

uint64_t encl_run_with(struct encl_ctx *c, uint64_t (*operation)(struct encl_ctx *))
{
	volatile struct encl_op *out = c->out;
	uint64_t status;

	out->done = 0;
	out->refused = 0;
	out->sgx = 0;
	out->eaccepts = 0;
	out->eacceptcopies = 0;
	out->emodpes = 0;
	status = operation(c);
	out->status = status;
	return status;
}

uint64_t encl_run(struct encl_ctx *c)
{
	return encl_run_with(c, dispatch);
}
