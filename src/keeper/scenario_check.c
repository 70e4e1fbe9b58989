/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Comparing: each comparison is an entry of "checks", whether it held or not. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "keeper/scenario.h"

static bool record(struct scenario_run *s, const char *what, bool ok, const char *expected, const char *got)
{
	struct json *o = json_push_obj(s->checks);

	json_add_str(o, "name", what);
	json_add_bool(o, "ok", ok);
	json_add_str(o, "expected", expected);
	json_add_str(o, "got", got);
	s->failed += !ok;
	return ok;
}

bool check_u64(struct scenario_run *s, const char *what, uint64_t expected, uint64_t got)
{
	char a[24], b[24];

	snprintf(a, sizeof(a), "%" PRIu64, expected);
	snprintf(b, sizeof(b), "%" PRIu64, got);
	return record(s, what, expected == got, a, b);
}

bool check_hex(struct scenario_run *s, const char *what, uint64_t expected, uint64_t got)
{
	char a[24], b[24];

	snprintf(a, sizeof(a), "0x%" PRIx64, expected);
	snprintf(b, sizeof(b), "0x%" PRIx64, got);
	return record(s, what, expected == got, a, b);
}

bool check_true(struct scenario_run *s, const char *what, bool got)
{
	return record(s, what, got, "yes", got ? "yes" : "no");
}

bool check_done(struct scenario_run *s, const char *what, int result, const struct err *e)
{
	char got[640];

	snprintf(got, sizeof(got), "%s: %s", err_name(e->code), e->msg);
	return record(s, what, !result, "done", result ? got : "done");
}

bool check_error(struct scenario_run *s, const char *what, enum err_code expected, int result,
		 const struct err *e)
{
	return record(s, what, result && e->code == expected, err_name(expected), result ? err_name(e->code) :
		      "done");
}

static void return_text(long r, char *buf, size_t bytes)
{
	const char *name = r < 0 ? errno_name((int)-r) : NULL;

	if (name)
		snprintf(buf, bytes, "%s", name);
	else
		snprintf(buf, bytes, "%ld", r);
}

bool check_return(struct scenario_run *s, const char *what, long expected, long got)
{
	char a[32], b[32];

	return_text(expected, a, sizeof(a));
	return_text(got, b, sizeof(b));
	return record(s, what, expected == got, a, b);
}

static void exit_text(const struct scenario_run *s, const struct encl_exit *x, char *buf, size_t bytes)
{
	const char *name = sgx_vector_name(x->vector);

	if (x->ret)
		snprintf(buf, bytes, "vDSO returned %d", x->ret);
	else if (!x->fault)
		snprintf(buf, bytes, "EEXIT");
	else if (x->vector == SGX_VEC_PF && x->addr - s->en->base < s->en->size)
		snprintf(buf, bytes, "%s 0x%x at offset 0x%" PRIx64, name, x->errcd, x->addr - s->en->base);
	else
		snprintf(buf, bytes, "%s 0x%x at 0x%" PRIx64, name ? name : "?", x->errcd, x->addr);
}

bool check_fault(struct scenario_run *s, const char *what, unsigned errcd, uint64_t off,
		 const struct encl_exit *x)
{
	char expected[96], got[96];

	snprintf(expected, sizeof(expected), "#PF 0x%x at offset 0x%" PRIx64, errcd, off);
	exit_text(s, x, got, sizeof(got));
	return record(s, what, x->fault && x->function == SGX_ERESUME && x->vector == SGX_VEC_PF &&
		      x->errcd == errcd && x->addr == s->en->base + off, expected, got);
}

static void status_text(const struct scenario_run *s, const struct encl_op *op, const struct encl_exit *x,
			char *buf,
			size_t bytes)
{
	const char *code = sgx_code_name(op->sgx);

	if (x->fault || x->ret)
		exit_text(s, x, buf, bytes);
	else if (op->status == ENCL_OK)
		snprintf(buf, bytes, "ok");
	else if (op->status == ENCL_REFUSED)
		snprintf(buf, bytes, "%s (%" PRIu64 ") at page %" PRIu64, code ? code : "?", op->sgx,
			 op->done);
	else
		snprintf(buf, bytes, "status %" PRIu64 " at page %" PRIu64, op->status, op->done);
}

bool check_ok(struct scenario_run *s, const char *what, const struct encl_op *op, const struct encl_exit *x)
{
	char got[96];

	status_text(s, op, x, got, sizeof(got));
	return record(s, what, !strcmp(got, "ok"), "ok", got);
}

bool check_refused(struct scenario_run *s, const char *what, uint64_t code, uint64_t done,
		   const struct encl_op *op, const struct encl_exit *x)
{
	const char *name = sgx_code_name(code);
	char expected[96], got[96];

	snprintf(expected, sizeof(expected), "%s (%" PRIu64 ") at page %" PRIu64, name ? name : "?", code,
		 done);
	status_text(s, op, x, got, sizeof(got));
	return record(s, what, !strcmp(got, expected), expected, got);
}

void check_counter(struct scenario_run *s, const char *what, uint64_t expected, uint64_t got)
{
	if (got != COUNTER_UNKNOWN)
		check_u64(s, what, expected, got);
}

void scenario_skip(struct scenario_run *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->skip, sizeof(s->skip), fmt, ap);
	va_end(ap);
}
