/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Operations that run something: EXEC SPIN FAULT CPUSTATE STACK BENCH. */
#include "../bench_kernel.h"
#include "encl.h"
#include "run.h"

uint64_t op_exec(struct encl_ctx *c)
{
	uint64_t (*f)(uint64_t) = (uint64_t (*)(uint64_t))c->in.addr;

	if (!encl_inside(c, c->in.addr, 1))
		return ENCL_BAD_ARG;
	c->out->value = f(c->in.value);
	return ENCL_OK;
}

static bool host_flag_ok(const struct encl_ctx *c)
{
	return !(c->in.addr & 3) && encl_outside(c, c->in.addr, sizeof(uint32_t));
}

uint64_t op_spin(struct encl_ctx *c)
{
	const volatile uint32_t *flag = (const volatile uint32_t *)c->in.addr;

	if (!host_flag_ok(c))
		return ENCL_BAD_ARG;
	while (!*flag)
		__builtin_ia32_pause();
	return ENCL_OK;
}

/* Whoever handles the exception may step over the instruction: then the operation ends normally. */
uint64_t op_fault(struct encl_ctx *c)
{
	switch (c->in.value) {
	case 0:   run_fault_de(); break;
	case 3:   run_fault_bp(); break;
	case 6:   run_fault_ud(); break;
	case 13:  run_fault_gp(); break;
	case 14:  run_fault_pf(); break;
	case 17:  run_fault_ac(); break;
	case 19:  run_fault_xm(); break;
	case 256: run_fault_syscall(); break;
	case 257: run_fault_cpuid(); break;
	case 258: run_fault_int80(); break;
	case 259: run_fault_in(); break;
	case 260: run_fault_jump(); break;
	default:  return ENCL_BAD_ARG;
	}
	return ENCL_OK;
}

uint64_t op_cpustate(struct encl_ctx *c)
{
	uint64_t pattern[RUN_CPUSTATE_REGS];
	uint64_t x = c->in.value;

	if (!host_flag_ok(c))
		return ENCL_BAD_ARG;
	for (size_t i = 0; i < RUN_CPUSTATE_REGS; i++) {
		x = x * 0x5851f42d4c957f2du + 0x14057b7ef767814fu;
		pattern[i] = x;
	}
	pattern[0] = c->in.addr;        /* RAX is what the spin loop reads through */
	c->out->value = run_cpustate(pattern);
	return ENCL_OK;
}

uint64_t op_stack(struct encl_ctx *c)
{
	uint64_t levels = c->in.value;

	/* more than ELRANGE could hold would walk out of it, into whatever the host mapped there */
	if (levels > c->tls->stack_top_off / SGX_PAGE_SIZE)
		return ENCL_BAD_ARG;
	c->out->value = run_stack(levels, &c->out->done);
	return ENCL_OK;
}

/* Each thread of the image has its own share of the heap, so that two do not disturb each other's result. */
uint64_t op_bench(struct encl_ctx *c)
{
	uint64_t share = c->tls->heap_bytes / encl_ntcs & SGX_PAGE_MASK;
	uint64_t at = c->tls->heap_off + c->tls->tcs_index * share;

	if (c->tls->tcs_index >= encl_ntcs || c->in.pages > share / SGX_PAGE_SIZE)
		return ENCL_BAD_ARG;
	c->out->value = bench_kernel((uint64_t *)(c->base + at),
				     c->in.pages * (SGX_PAGE_SIZE / sizeof(uint64_t)), c->in.value);
	return ENCL_OK;
}
