/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors: one object, filled once where the failure is seen, given context on the way up, and
 * printed once, by the command.  Codes, exit statuses and hints come from errors.def.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

enum err_code {
	ERR_NONE = 0,
#define SGXCTL_ERR(symbol, code, exit_status, hint) ERR_##symbol,
#include "base/errors.def"
#undef SGXCTL_ERR
	ERR_N_CODES,
};

/* Exit statuses of the command line (a contract). */
enum {
	EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_ENCLAVE_FAULT = 2, EXIT_NO_ENCLAVE = 3,
	EXIT_UNSUPPORTED = 4, EXIT_USAGE = 64, EXIT_BUG = 70,
};

struct err {
	enum err_code code;
	int sys;                /* errno of the failing call, 0 = none */
	long returned;          /* positive return value of an ioctl that did not succeed, 0 = none */
	uint32_t sgx;           /* SGX result code, 0 = none */
	char check[24];         /* "EAUG.6" when the model knows it, else "" */
	bool has_offset;
	uint64_t offset;        /* from the ELRANGE base, or into the file: the message says which */
	char msg[512];          /* one line, lower case, no full stop; control characters escaped */
	char hint[256];         /* overrides the table's hint when not empty */
};

/* Fills e (replacing what was there) and returns -1.  e may be NULL. */
int err_set(struct err *e, enum err_code code, int sys, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts "context: " in front of the message, keeps everything else; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Chainable details, all return -1 so that a failing path can end with one of them. */
int err_hint(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int err_offset(struct err *e, uint64_t offset);

void err_clear(struct err *e);
const char *err_name(enum err_code code);               /* "page-exists"; "none" */
int err_exit_status(enum err_code code);
const char *err_default_hint(enum err_code code);       /* "" when there is none */
enum err_code err_from_name(const char *name);          /* ERR_NONE when unknown */

/* "EBUSY" for EBUSY; NULL when unknown.  Symbolic names, not strerror text. */
const char *errno_name(int sys);
/* The number of "EBUSY", 0 when unknown. */
int errno_from_name(const char *name);

#endif
