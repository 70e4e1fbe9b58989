/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * call: enter the enclave once, with an operation of its interface or (call_raw.c) with registers, or resume an
 * entry that an exception stopped.  Addresses are offsets from the ELRANGE base; host memory is the keeper's: src
 * from the client's first file, dst to its second (or into the document).
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch/sgx_names.h"
#include "base/clock.h"
#include "base/fd.h"
#include "keeper/call.h"

#define SPIN_POLL_US 20000

struct call *call_new(struct err *e)
{
	struct call *c = calloc(1, sizeof(*c));

	if (!c)
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a call");
	return c;
}

void call_free(struct call *c)
{
	if (!c)
		return;
	if (c->src)
		munmap(c->src, c->src_map_bytes);
	if (c->mem)
		munmap(c->mem, c->src_map_bytes);
	free(c->dst);
	free(c);
}

static const struct {
	const char *name;
	uint64_t number;
} operations[] = {
#define OPERATION(number, symbol, name, args, text) { name, number },
	ENCL_OP_TABLE(OPERATION)
#undef OPERATION
};

static const char *status_name(uint64_t status)
{
	switch (status) {
	case ENCL_OK: return "ok";
	case ENCL_REFUSED: return "refused";
	case ENCL_BAD_OP: return "bad-op";
	case ENCL_BAD_ARG: return "bad-arg";
	default: return "failed";
	}
}

static int find_operation(struct call *c, const char *name, struct err *e)
{
	for (size_t i = 0; name && i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (!strcmp(name, operations[i].name)) {
			c->op.op = operations[i].number;
			c->name = operations[i].name;
			return 0;
		}
	}
	return err_set(e, ERR_NO_OP, 0, "there is no operation '%.40s'", name ? name : "");
}

static const char *operation_name(uint64_t number)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].number == number)
			return operations[i].name;
	return "unknown";
}

static bool waits_for_host(uint64_t op)
{
	return op == ENCL_OP_SPIN || op == ENCL_OP_CPUSTATE;
}

/* Bytes an operation writes to host memory. */
static uint64_t dst_bytes(const struct encl_op *op)
{
	switch (op->op) {
	case ENCL_OP_REPORT: return sizeof(struct sgx_report);
	case ENCL_OP_GETKEY: return 16;
	case ENCL_OP_SELF: return sizeof(struct encl_tls);
	case ENCL_OP_COPYOUT: return op->bytes;
	default: return 0;
	}
}

/* Bytes it reads there; 0: none. */
static uint64_t src_bytes(const struct encl_op *op)
{
	switch (op->op) {
	case ENCL_OP_ACCEPTCOPY:
		return (op->opt & ENCL_OPT_CHUNK ? 1 : op->pages) * SGX_PAGE_SIZE;
	case ENCL_OP_REPORT: return sizeof(struct sgx_targetinfo) + 64;
	case ENCL_OP_GETKEY: return sizeof(struct sgx_keyrequest);
	case ENCL_OP_COPYIN: return op->bytes;
	default: return 0;
	}
}

static int get_src(const struct request *r, struct call *c, struct err *e)
{
	uint64_t need = src_bytes(&c->op), got;

	if (!need || !r->n_fds)
		return 0;
	if (need > KEEPER_MAX_COPY_PAGES * SGX_PAGE_SIZE)
		return err_set(e, ERR_TOO_BIG, EFBIG, "%llu bytes of contents are too many", (unsigned long long)need);
	if (request_contents(r, 0, need, &c->src, &got, &c->src_map_bytes, e))
		return -1;
	if (!got)
		return 0;       /* an empty file stands for "nothing" beside a dst */
	if (c->src_map_bytes < need) {
		void *p = mremap(c->src, c->src_map_bytes, need, MREMAP_MAYMOVE);

		if (p == MAP_FAILED)
			return err_set(e, ERR_NO_MEMORY, errno, "no memory for the contents");
		c->src = p;
		c->src_map_bytes = need;
	}
	c->op.src = (uint64_t)(uintptr_t)c->src;
	return 0;
}

static int get_dst(struct call *c, struct err *e)
{
	c->dst_bytes = dst_bytes(&c->op);
	if (!c->dst_bytes)
		return 0;
	if (c->dst_bytes > KEEPER_MAX_COPY_PAGES * SGX_PAGE_SIZE)
		return err_set(e, ERR_TOO_BIG, EFBIG, "%llu bytes are too many", (unsigned long long)c->dst_bytes);
	/* REPORT wants 512-byte alignment */
	c->dst = aligned_alloc(SGX_PAGE_SIZE, (c->dst_bytes + SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK);
	if (!c->dst)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the result");
	memset(c->dst, 0, c->dst_bytes);
	c->op.dst = (uint64_t)(uintptr_t)c->dst;
	return 0;
}

static int parse_op(const struct keeper *k, const struct request *r, struct call *c, struct err *e)
{
	const struct json *args = json_get(r->body, "args");
	const char *name = NULL;

	if (arg_str(r->body, "call", &name, e) || find_operation(c, name, e))
		return -1;
	if (arg_u64(args, "addr", &c->op.addr, e) || arg_u64(args, "pages", &c->op.pages, e) ||
	    arg_u64(args, "flags", &c->op.flags, e) || arg_u64(args, "bytes", &c->op.bytes, e) ||
	    arg_u64(args, "value", &c->op.value, e) || arg_u64(args, "opt", &c->op.opt, e))
		return -1;
	if (waits_for_host(c->op.op))
		c->op.addr = (uint64_t)(uintptr_t)&c->flag;
	else if (c->op.op != ENCL_OP_MMAP || c->op.addr)
		c->op.addr += k->encl->base;
	return get_src(r, c, e) || get_dst(c, e) ? -1 : 0;
}

/* The innermost entry stopped on a TCS; what was stopped by another request than call is an operation too. */
static struct call *resume(struct keeper *k, bool raw, bool named, uint64_t tcs, struct err *e)
{
	struct encl_tcs *t = call_tcs_stopped(k->encl, named, tcs, e);
	struct call *c;

	if (!t)
		return NULL;
	c = call_take(k, t);
	if (!c)
		c = call_new(e);
	if (!c) {
		encl_tcs_put(k->encl, t);
		return NULL;
	}
	c->t = t;
	c->resumed = true;
	if (!c->raw)
		c->name = encl_stopped_op(t, &c->op) ? "unknown" : operation_name(c->op.op);
	if (!raw || c->raw)
		return c;
	err_set(e, ERR_BAD_TCS, 0, "the TCS at offset 0x%llx was entered with an operation, not with registers",
		(unsigned long long)t->off);
	call_keep(k, c);
	encl_tcs_put(k->encl, t);
	return NULL;
}

/* A new entry: its operation or registers, its memory, its TCS. */
static int prepare(struct keeper *k, const struct request *r, struct call *c, bool named, uint64_t tcs,
		   struct err *e)
{
	bool raw = json_get(r->body, "raw");

	if (raw ? call_raw_parse(r, c, e) : encl_need_ops(k->encl, e) || parse_op(k, r, c, e))
		return -1;
	if (!raw && c->op.op == ENCL_OP_MMAP)
		return named ? err_set(e, ERR_USAGE, 0, "mmap chooses its TCS by itself") : 0;
	if (named) {
		c->t = call_tcs_named(k->encl, tcs, e);
		return c->t ? 0 : -1;
	}
	c->t = encl_tcs_get(k->encl);
	return c->t ? 0 : err_set(e, ERR_NO_FREE_TCS, EBUSY, "none of the %zu TCSs is free", k->encl->n_tcs);
}

static struct call *parse(struct keeper *k, const struct request *r, struct err *e)
{
	bool resumes = false, named = json_get(r->body, "tcs");
	uint64_t tcs = 0;
	struct call *c;

	if (arg_bool(r->body, "resume", &resumes, e) || arg_u64(r->body, "tcs", &tcs, e))
		return NULL;
	if (resumes)
		return resume(k, json_get(r->body, "raw"), named, tcs, e);
	c = call_new(e);
	if (c && prepare(k, r, c, named, tcs, e)) {
		call_free(c);
		return NULL;
	}
	return c;
}

/* ---- spinning --------------------------------------------------------------------------------------------- */

/* Lets a waiting operation go when its time is over (value, in milliseconds) or its client is gone. */
struct release {
	struct call *c;
	const struct request *r;
	uint64_t until_ns;
	_Atomic bool over;
};

static void *release_main(void *arg)
{
	struct release *w = arg;

	while (!atomic_load(&w->over) && now_ns() < w->until_ns && !request_abandoned(w->r))
		usleep(SPIN_POLL_US);
	__atomic_store_n(&w->c->flag, 1, __ATOMIC_RELEASE);
	return NULL;
}

static int run(struct keeper *k, struct call *c, struct encl_exit *x, struct err *e)
{
	if (c->raw)
		return call_raw_enter(k->encl, c, x, e);
	if (!c->t)
		return mmap_serve(k->encl, k->encl->augment_ioctl == 1, &c->op, x, e);
	return c->resumed ? encl_resume_op(k->encl, c->t, &c->op, x, e) :
			    encl_run_op_on(k->encl, c->t, &c->op, x, e);
}

static int enter(struct keeper *k, const struct request *r, struct call *c, struct encl_exit *x, struct err *e)
{
	struct release w = { .c = c, .r = r, .until_ns = UINT64_MAX };
	const struct json *args = json_get(r->body, "args");
	bool waits = !c->raw && waits_for_host(c->op.op);
	pthread_t t;
	int result;

	if (waits && json_get(args, "ms")) {
		uint64_t ms = 0;

		if (arg_u64(args, "ms", &ms, e))
			return -1;
		w.until_ns = now_ns() + ms * 1000000;
	}
	if (waits && pthread_create(&t, NULL, release_main, &w))
		return err_set(e, ERR_NO_MEMORY, EAGAIN, "cannot start a thread");
	result = run(k, c, x, e);
	if (waits) {
		atomic_store(&w.over, true);
		pthread_join(t, NULL);
	}
	return result;
}

/* ---- the answer -------------------------------------------------------------------------------------------- */

static int op_result(const struct encl *en, const struct call *c, struct err *e)
{
	const struct encl_op *op = &c->op;
	const char *code = sgx_code_name(op->sgx);

	switch (op->status) {
	case ENCL_OK:
		return 0;
	case ENCL_REFUSED:
		if (op->op == ENCL_OP_MMAP)
			return err_set(e, ERR_OP_FAILED, (int)-(int64_t)op->value, "mmap was refused");
		err_set(e, ERR_OP_FAILED, 0, "the leaf refused with %s (%llu) after %llu pages", code ? code : "a code",
			(unsigned long long)op->sgx, (unsigned long long)op->done);
		e->sgx = (uint32_t)op->sgx;
		return op->pages ? err_offset(e, op->addr - en->base + op->done * SGX_PAGE_SIZE) : -1;
	case ENCL_BAD_OP:
		return err_set(e, ERR_NO_OP, 0, "this enclave has no operation '%s'", c->name);
	case ENCL_BAD_ARG:
		return err_set(e, ERR_OP_FAILED, EINVAL, "the enclave refused the arguments of '%s'", c->name);
	default:
		return err_set(e, ERR_OP_FAILED, 0, "'%s' ended with status %llu", c->name,
			       (unsigned long long)op->status);
	}
}

static int give_dst(const struct request *r, const struct call *c, struct json *doc, struct err *e)
{
	if (!c->dst_bytes)
		return 0;
	if (r->n_fds > 1) {
		if (write_full(r->fds[1], c->dst, c->dst_bytes))
			return err_set(e, ERR_IO, errno, "the result cannot be written to the file");
		return 0;
	}
	if (c->dst_bytes > KEEPER_MAX_DATA)
		return err_set(e, ERR_TOO_BIG, EFBIG, "the result of %llu bytes needs a file",
			       (unsigned long long)c->dst_bytes);
	json_add_bytes(doc, "data", c->dst, c->dst_bytes);
	return 0;
}

static void op_answer(const struct call *c, bool ran, const struct json *data, struct json *doc)
{
	json_add_str(doc, "call", c->name);
	if (ran)
		json_add_str(doc, "status", status_name(c->op.status));
	json_add_hex(doc, "value", c->op.value);
	json_add_size(doc, "done", c->op.done < JSON_INT_LIMIT ? c->op.done : JSON_INT_LIMIT - 1);
	json_add_hex(doc, "sgx", c->op.sgx);
	if (data)
		json_add_str(doc, "data", json_str(data));
}

/* result: of the entry. */
static struct json *call_doc(struct keeper *k, const struct request *r, const struct call *c,
			     const struct encl_exit *x, const struct encl_counters *counters, uint64_t elapsed,
			     int result, struct err *e)
{
	bool ran = !result && !x->fault;
	struct json *doc, *data = json_object();

	if (c->raw)
		result = call_raw_memory(r, c, result ? NULL : e) || result ? -1 : 0;
	else if (!result)
		result = op_result(k->encl, c, e) || give_dst(r, c, data, e) ? -1 : 0;
	doc = doc_begin(k, "call", !result);
	if (c->t)
		json_add_hex(doc, "tcs", c->t->off);
	json_add_bool(doc, "resumed", c->resumed);
	if (c->raw)
		call_raw_answer(c, x, doc);
	else
		op_answer(c, ran, json_get(data, "data"), doc);
	json_free(data);
	doc_exit(doc, k->encl, x);
	doc_counters(doc, counters);
	json_add_size(doc, "elapsed_ns", elapsed);
	return doc_end(doc, result, e);
}

struct json *req_call(struct keeper *k, struct request *r, struct err *e)
{
	struct encl_counters before, after, diff;
	struct encl_exit x = { 0 };
	struct call *c = parse(k, r, e);
	struct encl_tcs *t;
	struct json *doc;
	uint64_t start;
	int result;

	if (!c)
		return NULL;
	start = now_ns();
	encl_forget_refusals(k->encl);
	encl_counters_get(k->encl, &before);
	result = enter(k, r, c, &x, e);
	encl_counters_get(k->encl, &after);
	encl_counters_sub(&after, &before, &diff);
	doc = call_doc(k, r, c, &x, &diff, now_ns() - start, result, e);
	t = c->t;
	/* stopped by an exception: the enclave still knows the addresses of c */
	if (t && x.fault && x.function == SGX_ERESUME)
		call_keep(k, c);
	else
		call_free(c);
	if (t)
		encl_tcs_put(k->encl, t);
	return doc;
}
