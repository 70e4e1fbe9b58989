/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What codes mean: errnos and return values of each call on the device, result codes of the leafs, page-fault
 * error codes, EXITINFO, vectors, this tool's own errors.  All facts are rows of explain_*.def; the code here
 * finds the rows that a text can mean and makes them a document.
 *
 * Context: normal.  Nothing here needs a device or a keeper.
 */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

/* ---- the facts -------------------------------------------------------------------------------- */

struct explain_case {
	const char *slug, *cause, *confirm, *remedy;
};
struct explain_call {
	const char *name;
	const char *kind;       /* "errno", "return" or "leaf": what a plain number means here */
	const char *what;
};
struct explain_call_result {
	const char *call, *result, *meaning, *cases;
};
struct explain_sgx {
	uint32_t code;
	const char *leafs, *meaning, *cases;
};
struct explain_pf {
	uint32_t mask, value;
	const char *meaning, *cases;
};
struct explain_vector {
	unsigned int number;
	const char *meaning, *cases;
};
struct explain_exit {
	unsigned int number;
	const char *meaning;
};
struct explain_secinfo {
	uint32_t flags;
	const char *meaning;
};
struct explain_error {
	const char *code, *meaning, *cases;
};
struct explain_check {
	const char *id, *condition, *refusal;
};

/* Each table ends with a row whose first string is NULL (the meaning, where a number comes first). */
extern const struct explain_case explain_cases[];
extern const struct explain_call explain_calls[];
extern const struct explain_call_result explain_call_results[];
extern const struct explain_sgx explain_sgx_codes[];
extern const struct explain_pf explain_pf_codes[];
extern const struct explain_vector explain_vectors[];
extern const struct explain_exit explain_exits[];
extern const struct explain_secinfo explain_secinfos[];
extern const struct explain_error explain_errors[];
extern const struct explain_check explain_checks[];

const struct explain_case *explain_case_find(const char *slug, size_t bytes);
/* By its name in any case, with or without SGX_IOC_ENCLAVE_, '-' for '_'. */
const struct explain_call *explain_call_find(const char *name, size_t bytes);
const struct explain_sgx *explain_sgx_find(uint64_t code);
const struct explain_pf *explain_pf_find(uint64_t code);        /* NULL: bits that are no #PF error code */
const struct explain_vector *explain_vector_find(uint64_t number);
const struct explain_error *explain_error_find(const char *code);

/* ---- readings ----------------------------------------------------------------------------------- */

/* One thing that a text can mean. */
struct explain_reading {
	const char *code;       /* the text */
	const char *kind;       /* "errno", "return", "sgx-code", "pf", "run", ... */
	const char *name;       /* "EBUSY", "PAGE_ATTRIBUTES_MISMATCH" */
	const char *context;    /* the call or leafs; NULL: anywhere */
	const char *meaning;
	const char *cases;      /* slugs */
};
/* Appends it to readings; returns the object, for what else it has to say. */
struct json *explain_add(struct json *readings, const struct explain_reading *r);

/* Each appends what it knows and returns how many readings that were. */
size_t explain_add_calls(struct json *readings, const char *code, const struct explain_call *call,
			 const char *result);
size_t explain_add_errno(struct json *readings, const char *code, int sys);
size_t explain_add_signal(struct json *readings, const char *code, const char *text);
size_t explain_add_return(struct json *readings, const char *code, uint64_t value);
size_t explain_add_sgx(struct json *readings, const char *code, uint64_t value, const char *context);
size_t explain_add_pf(struct json *readings, const char *code, uint64_t value, const char *context);
size_t explain_add_vector(struct json *readings, const char *code, uint64_t number);
size_t explain_add_exitinfo(struct json *readings, const char *code, uint64_t value);
size_t explain_add_secinfo(struct json *readings, const char *code, uint64_t value);
size_t explain_add_encls(struct json *readings, const char *code, uint64_t value);
size_t explain_add_run(struct json *readings, const char *code);
size_t explain_add_check(struct json *readings, const char *code, const char *id);

/* ---- questions ------------------------------------------------------------------------------------ */

#define EXPLAIN_MAX_CODES 64
#define EXPLAIN_MAX_BYTES 128   /* of one code */

/*
 * sgxctl.explain/1 for these codes.  context: the call they come from, or NULL; a first code that is a call's
 * name is the context of the others.  NULL with ERR_UNKNOWN_CODE, ERR_USAGE or ERR_NO_MEMORY.
 */
struct json *explain_document(const char *const *codes, size_t n_codes, const char *context, struct err *e);
/* sgxctl.explain-list/1: everything that has a row.  NULL with ERR_NO_MEMORY. */
struct json *explain_list(struct err *e);
/* doc when it is whole, else NULL with ERR_NO_MEMORY. */
struct json *explain_whole(struct json *doc, struct err *e);

/* Either document for people, at most `columns` wide. */
void explain_print_text(const struct json *doc, unsigned int columns, FILE *out);

#endif
