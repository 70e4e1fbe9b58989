/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps that scenarios are made of. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "keeper/scenario.h"

/* A kernel does not say what it is; how it refuses a page that every enclave has tells. */
static bool refuses_by_eexist(struct scenario_run *s)
{
	struct sgx_enclave_augment_pages a = { .offset = s->en->plan.tcs[0], .length = SGX_PAGE_SIZE };

	return encl_ioctl(s->en, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &a) == -EEXIST;
}

bool scenario_kernel_is_fixed(struct scenario_run *s)
{
	if (!strcmp(sgx_dev_name(s->env->k->dev), "emulated"))
		return s->env->k->dev_config.kernel_mode == DEV_KERNEL_FIXED;
	if (!s->env->kernel_fixed)
		s->env->kernel_fixed = refuses_by_eexist(s) ? 1 : -1;
	return s->env->kernel_fixed > 0;
}

bool scenario_room(struct scenario_run *s, uint64_t pages, uint64_t *ret_off)
{
	struct scenario_env *env = s->env;
	struct err e = { 0 };
	uint64_t from = env->next_off;

	if (!from && s->en->plan.n_dynamic)
		from = s->en->plan.dynamic[0].off;
	/* one page is left between: what overruns a range must not land in the next */
	if (!check_done(s, "find a free range", encl_find_free(s->en, from, pages + 1, ret_off, &e), &e))
		return false;
	env->next_off = *ret_off + (pages + 1) * SGX_PAGE_SIZE;
	return true;
}

bool scenario_grow(struct scenario_run *s, uint64_t off, uint64_t pages, struct grow_result *r)
{
	struct grow_request q = {
		.off = off, .pages = pages, .strategy = s->strategy, .accept = true, .rwx = PERM_RW,
	};
	struct err e = { 0 };
	int result = encl_grow(s->en, &q, r, &e);
	bool counted;

	if (!check_done(s, "grow", result, &e))
		return false;
	counted = check_u64(s, "pages augmented", pages, r->augmented_pages);
	return check_u64(s, "pages accepted", pages, r->accepted_pages) && counted;
}

bool scenario_bring(struct scenario_run *s, uint64_t off, uint64_t pages)
{
	struct grow_request q = { .off = off, .pages = pages, .strategy = s->strategy, .rwx = PERM_RW };
	struct grow_result r;
	struct err e = { 0 };

	if (s->strategy == GROW_ACCEPT || s->strategy == GROW_ACCESS)
		return check_done(s, "map", encl_map(s->en, off, pages, PROT_READ | PROT_WRITE, &e), &e);
	if (s->strategy == GROW_AUTO)
		q.strategy = s->en->augment_ioctl == 1 ? GROW_IOCTL : GROW_TOUCH;
	return check_done(s, "augment", encl_grow(s->en, &q, &r, &e), &e);
}

struct encl_op op_at(const struct scenario_run *s, enum encl_op_number number, uint64_t off, uint64_t pages)
{
	return (struct encl_op){ .op = number, .addr = s->en->base + off, .pages = pages };
}

void scenario_op(struct scenario_run *s, struct encl_op *op, struct encl_exit *x)
{
	struct err e = { 0 };

	if (encl_call(s->en, op, x, &e) && !x->fault && !x->ret)
		check_done(s, "enter", -1, &e);
}

bool scenario_word(struct scenario_run *s, const char *what, uint64_t off, uint64_t value)
{
	struct encl_op op = op_at(s, ENCL_OP_WRITE, off, 0);
	struct encl_exit x;

	op.value = value;
	scenario_op(s, &op, &x);
	if (!check_ok(s, what, &op, &x))
		return false;
	op.op = ENCL_OP_READ;
	op.value = 0;
	scenario_op(s, &op, &x);
	return check_ok(s, what, &op, &x) && check_hex(s, "it reads back", value, op.value);
}

bool scenario_fill(struct scenario_run *s, const char *what, uint64_t off, uint64_t pages, uint64_t value)
{
	struct encl_op op = op_at(s, ENCL_OP_FILL, off, pages);
	struct encl_exit x;

	op.value = value;
	scenario_op(s, &op, &x);
	if (!check_ok(s, what, &op, &x))
		return false;
	op.op = ENCL_OP_CHECKSUM;
	op.value = 0;
	scenario_op(s, &op, &x);
	return check_ok(s, what, &op, &x) &&
	       check_hex(s, "checksum", value * pages * (SGX_PAGE_SIZE / sizeof(uint64_t)), op.value);
}

bool scenario_accept(struct scenario_run *s, const char *what, uint64_t off, uint64_t pages, uint64_t flags)
{
	struct err e = { 0 };
	uint64_t done;

	return check_done(s, what, encl_accept(s->en, off, pages, flags, &done, &e), &e);
}

bool scenario_start(struct scenario_run *s, struct stopped *st, const struct encl_op *op)
{
	memset(st, 0, sizeof(*st));
	st->op = *op;
	st->t = encl_tcs_get(s->en);
	if (!check_true(s, "a TCS is free", st->t))
		return false;
	encl_enter(s->en, st->t, SGX_EENTER, &st->op, &st->x);
	return true;
}

void scenario_resume(struct scenario_run *s, struct stopped *st)
{
	encl_enter(s->en, st->t, SGX_ERESUME, &st->op, &st->x);
}

void scenario_finish(struct scenario_run *s, struct stopped *st)
{
	if (st->t)
		encl_tcs_put(s->en, st->t);
	st->t = NULL;
}
