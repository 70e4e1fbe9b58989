/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The script provider; see its header.  Addresses are never dereferenced, so they need no memory. */
#include "device/device_script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FIRST_FD   1000
#define MAX_FDS    64
#define MAX_RANGES 256
#define FIRST_LA   (((uint64_t)1 << 44) + SGX_PAGE_SIZE)        /* aligned to nothing an enclave wants */
#define MODEL_NR   0x80         /* ioctl numbers from here on are questions to a model */

struct range {
	uint64_t la, bytes;
};

struct script {
	struct sgx_dev dev;
	const struct script_step *steps;
	size_t n_steps, at;
	unsigned fail_in;
	int fail_sys;
	bool failed;
	bool fds[MAX_FDS];
	struct range ranges[MAX_RANGES];
	size_t n_ranges;
	uint64_t next_la;
};

static struct script *of(struct sgx_dev *d)
{
	return (struct script *)d;
}

__attribute__((noreturn))
static void deviates(const struct script *s, const char *what)
{
	fprintf(stderr, "script: step %zu of %zu: %s\n", s->at + 1, s->n_steps, what);
	abort();
}

/* ---- what is mapped ------------------------------------------------------------------------------ */

static void add_range(struct script *s, uint64_t la, uint64_t bytes)
{
	if (!bytes)
		return;
	if (s->n_ranges == MAX_RANGES)
		deviates(s, "too many mappings");
	s->ranges[s->n_ranges++] = (struct range){ la, bytes };
}

static void drop_range(struct script *s, uint64_t la, uint64_t bytes)
{
	uint64_t end = la + bytes;

	for (size_t i = 0; i < s->n_ranges;) {
		struct range r = s->ranges[i];
		uint64_t r_end = r.la + r.bytes;

		if (r_end <= la || r.la >= end) {
			i++;
			continue;
		}
		s->ranges[i] = s->ranges[--s->n_ranges];
		if (r.la < la)
			add_range(s, r.la, la - r.la);
		if (r_end > end)
			add_range(s, end, r_end - end);
	}
}

/* ---- the script ---------------------------------------------------------------------------------- */

/* The step this call is, or NULL when there is no script (any more). */
static const struct script_step *next(struct script *s, enum script_call call, unsigned long cmd)
{
	const struct script_step *step;
	char text[96];

	if (s->at == s->n_steps)
		return NULL;
	step = &s->steps[s->at];
	if (step->call != call || (call == SCRIPT_IOCTL && step->cmd != cmd)) {
		snprintf(text, sizeof(text), "expected call %d (0x%lx), got %d (0x%lx)", step->call,
			 step->cmd, call, cmd);
		deviates(s, text);
	}
	s->at++;
	return step;
}

/* 0, or -errno that this call is to fail with. */
static int fails(struct script *s)
{
	if (!s->fail_in || --s->fail_in)
		return 0;
	s->failed = true;
	return -s->fail_sys;
}

/* True when the call is answered already, with *ret. */
static bool scripted(struct script *s, enum script_call call, unsigned long cmd, void *arg, int64_t *ret)
{
	const struct script_step *step = next(s, call, cmd);

	if (step && step->look)
		step->look(arg);
	if (step && step->result != SCRIPT_OBLIGE) {
		*ret = step->result;
		return true;
	}
	*ret = fails(s);
	return *ret != 0;
}

/* ---- the calls ----------------------------------------------------------------------------------- */

static int script_open(struct sgx_dev *d, const char *path, int flags)
{
	struct script *s = of(d);
	int64_t r;

	(void)path;
	(void)flags;
	if (scripted(s, SCRIPT_OPEN, 0, NULL, &r))
		return (int)r;
	for (int i = 0; i < MAX_FDS; i++) {
		if (!s->fds[i]) {
			s->fds[i] = true;
			return FIRST_FD + i;
		}
	}
	return -EMFILE;
}

static int script_close(struct sgx_dev *d, int fd)
{
	struct script *s = of(d);
	int64_t r;

	if (fd < FIRST_FD || fd >= FIRST_FD + MAX_FDS || !s->fds[fd - FIRST_FD])
		deviates(s, "close of a descriptor that is not open");
	s->fds[fd - FIRST_FD] = false;
	/* whatever it answers, the descriptor is gone */
	return scripted(s, SCRIPT_CLOSE, 0, NULL, &r) ? (int)r : 0;
}

static long oblige_ioctl(unsigned long cmd, void *arg)
{
	switch (cmd) {
	case SGX_IOC_ENCLAVE_ADD_PAGES: {
		struct sgx_enclave_add_pages *a = arg;

		a->count = a->length;
		return 0;
	}
	case SGX_IOC_ENCLAVE_AUGMENT_PAGES: {
		struct sgx_enclave_augment_pages *a = arg;

		if (!a->length)
			return -EINVAL;
		a->count = a->length;
		return 0;
	}
	case SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS:
	case SGX_IOC_ENCLAVE_MODIFY_TYPES: {
		struct sgx_enclave_modify_types *a = arg;

		if (!a->length || a->count || a->result)
			return -EINVAL;
		a->count = a->length;
		return 0;
	}
	case SGX_IOC_ENCLAVE_REMOVE_PAGES: {
		struct sgx_enclave_remove_pages *a = arg;

		if (!a->length || a->count)
			return -EINVAL;
		a->count = a->length;
		return 0;
	}
	default:
		return 0;
	}
}

static long script_ioctl(struct sgx_dev *d, int fd, unsigned long cmd, void *arg)
{
	struct script *s = of(d);
	int64_t r;

	if (_IOC_NR(cmd) >= MODEL_NR)
		return -ENOTTY;
	if (fd < FIRST_FD || fd >= FIRST_FD + MAX_FDS || !s->fds[fd - FIRST_FD])
		deviates(s, "ioctl on a descriptor that is not open");
	return scripted(s, SCRIPT_IOCTL, cmd, arg, &r) ? (long)r : oblige_ioctl(cmd, arg);
}

static int64_t script_mmap(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot, int flags, int fd,
			   uint64_t off)
{
	struct script *s = of(d);
	int64_t r;

	(void)prot;
	(void)fd;
	(void)off;
	if (scripted(s, SCRIPT_MMAP, 0, NULL, &r)) {
		/* a MAP_FIXED that fails has removed what was there */
		if (flags & MAP_FIXED)
			drop_range(s, la, bytes);
		return r;
	}
	if (flags & MAP_FIXED) {
		drop_range(s, la, bytes);
	} else if (!(flags & MAP_FIXED_NOREPLACE)) {
		la = s->next_la;
		s->next_la += bytes + SGX_PAGE_SIZE;
	}
	add_range(s, la, bytes);
	return (int64_t)la;
}

static int script_munmap(struct sgx_dev *d, uint64_t la, uint64_t bytes)
{
	struct script *s = of(d);
	int64_t r;

	if (scripted(s, SCRIPT_MUNMAP, 0, NULL, &r))
		return (int)r;
	drop_range(s, la, bytes);
	return 0;
}

static int script_mprotect(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot)
{
	int64_t r;

	(void)la;
	(void)bytes;
	(void)prot;
	return scripted(of(d), SCRIPT_MPROTECT, 0, NULL, &r) ? (int)r : 0;
}

/* TOUCH finds every page pending: one fault per page, the next when it is resumed.  True: it faulted. */
static bool touch_faults(const struct encl_op *op, unsigned function, struct sgx_enclave_run *run,
			 uint64_t *done)
{
	*done = function == SGX_ERESUME ? op->done + 1 : 0;
	if (*done >= op->pages)
		return false;
	run->function = SGX_ERESUME;
	run->exception_vector = SGX_VEC_PF;
	run->exception_error_code = SGX_PFEC_SGX | SGX_PFEC_U | SGX_PFEC_W | SGX_PFEC_P;
	run->exception_addr = op->addr + *done * SGX_PAGE_SIZE;
	return true;
}

/* As a test enclave would, for operations on ranges. */
static void oblige_op(struct encl_op *op, unsigned function, struct sgx_enclave_run *run)
{
	if (op->op == ENCL_OP_TOUCH && touch_faults(op, function, run, &op->done))
		return;
	op->status = ENCL_OK;
	op->done = op->pages;
	if (op->op == ENCL_OP_ACCEPT)
		op->eaccepts = op->pages;
	else if (op->op == ENCL_OP_ACCEPTCOPY)
		op->eacceptcopies = op->pages;
}

static int script_enter(struct sgx_dev *d, unsigned function, struct sgx_enter_regs *regs,
			struct sgx_enclave_run *run)
{
	struct script *s = of(d);
	const struct script_step *step = next(s, SCRIPT_ENTER, 0);
	struct encl_op *op = (struct encl_op *)(uintptr_t)regs->rdi;

	run->function = SGX_EEXIT;
	if (step && step->result != SCRIPT_OBLIGE) {
		if (step->look)
			step->look(op);
		if (step->exit.function) {
			run->function = step->exit.function;
			run->exception_vector = (uint16_t)step->exit.vector;
			run->exception_error_code = (uint16_t)step->exit.errcd;
			run->exception_addr = step->exit.addr;
		}
		return (int)step->result;
	}
	if (fails(s)) {
		run->function = function == SGX_ERESUME ? SGX_ERESUME : SGX_EENTER;
		run->exception_vector = SGX_VEC_PF;
		run->exception_error_code = SGX_PFEC_U;
		return 0;
	}
	oblige_op(op, function, run);
	if (step && step->look)
		step->look(op);
	return 0;
}

static ssize_t script_peek(struct sgx_dev *d, uint64_t la, void *buf, size_t bytes)
{
	int64_t r;

	(void)la;
	if (scripted(of(d), SCRIPT_PEEK, 0, NULL, &r))
		return r;
	memset(buf, 0, bytes);
	return (ssize_t)bytes;
}

static ssize_t script_poke(struct sgx_dev *d, uint64_t la, const void *buf, size_t bytes)
{
	int64_t r;

	(void)la;
	(void)buf;
	return scripted(of(d), SCRIPT_POKE, 0, NULL, &r) ? r : (ssize_t)bytes;
}

static int script_touch(struct sgx_dev *d, uint64_t la, uint8_t *ret_byte)
{
	int64_t r;

	(void)la;
	if (scripted(of(d), SCRIPT_TOUCH, 0, ret_byte, &r))
		return (int)r;
	*ret_byte = 0xff;
	return 0;
}

static void script_destroy(struct sgx_dev *d)
{
	free(of(d));
}

static const struct sgx_dev_ops script_ops = {
	.name = "script",
	.open = script_open,
	.close = script_close,
	.ioctl = script_ioctl,
	.mmap = script_mmap,
	.munmap = script_munmap,
	.mprotect = script_mprotect,
	.enter = script_enter,
	.peek = script_peek,
	.poke = script_poke,
	.touch = script_touch,
	.destroy = script_destroy,
};

/* ---- for tests ----------------------------------------------------------------------------------- */

struct script *script_new(void)
{
	struct script *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->dev.ops = &script_ops;
	s->next_la = FIRST_LA;
	return s;
}

struct sgx_dev *script_dev(struct script *s)
{
	return &s->dev;
}

void script_expect(struct script *s, const struct script_step *steps, size_t n)
{
	s->steps = steps;
	s->n_steps = n;
	s->at = 0;
}

void script_fail_nth(struct script *s, unsigned nth, int sys)
{
	s->fail_in = nth;
	s->fail_sys = sys;
	s->failed = false;
}

bool script_failed(const struct script *s)
{
	return s->failed;
}

size_t script_left(const struct script *s)
{
	return s->n_steps - s->at;
}

unsigned script_open_fds(const struct script *s)
{
	unsigned n = 0;

	for (int i = 0; i < MAX_FDS; i++)
		n += s->fds[i];
	return n;
}

uint64_t script_mapped(const struct script *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->n_ranges; i++)
		bytes += s->ranges[i].bytes;
	return bytes;
}

void script_free(struct script *s)
{
	free(s);
}
