/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rows of check tests.  Each starts from a copy of the same machine and operands that the leaf
 * accepts, spoils one thing, and states the one outcome: fault, code, address, check id.  On a
 * refusal everything that software could see must be as before.
 */
#ifndef TESTS_UNIT_MACHINE_ROWS_H
#define TESTS_UNIT_MACHINE_ROWS_H

#include "machine_host.h"

/* tap.h counts per file, so the rows of several files go through one place */
bool rows_ok(bool ok, const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void rows_is_u64(uint64_t got, uint64_t want, const char *file, int line, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
int rows_done(void);

#define ok(cond, ...) rows_ok((cond), __FILE__, __LINE__, __VA_ARGS__)
#define is_u64(got, want, ...) rows_is_u64((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, __VA_ARGS__)

/* Take the machine as it is, host.r included, as the start of the next rows */
void rows_begin(const char *leaf, bool user);

/* Back to the start */
void rows_restore(void);

/* Run the leaf and compare; file and line are of the row */
void rows_check(const char *file, int line, const char *id, enum sgxm_kind kind, uint32_t code, bool cf,
		uint64_t addr, uint32_t pfec, const char *how);

/* The leaf accepts what rows_begin() took; the machine stays as it made it */
void rows_accept(const char *file, int line, const char *id);

#define ROW(id, kind, code, cf, addr, pfec, ...) do { \
	rows_restore(); \
	__VA_ARGS__; \
	rows_check(__FILE__, __LINE__, id, kind, code, cf, addr, pfec, #__VA_ARGS__); \
} while (0)

#define GP(id, ...) ROW(id, SGXM_GP, 0, false, 0, 0, __VA_ARGS__)
#define PF(id, addr, pfec, ...) ROW(id, SGXM_PF, 0, false, addr, pfec, __VA_ARGS__)
#define CODE(id, code, ...) ROW(id, SGXM_CODE, code, false, 0, 0, __VA_ARGS__)
#define CODE_CF(id, code, ...) ROW(id, SGXM_CODE, code, true, 0, 0, __VA_ARGS__)
/* accepted; id is NULL unless the success has a row of its own */
#define ACCEPTED(id, ...) do { \
	rows_restore(); \
	__VA_ARGS__; \
	rows_accept(__FILE__, __LINE__, id); \
} while (0)

/* Page-fault error codes of EPCM refusals: ring 0; ring 3 read, write, fetch */
#define FEC_S 0x8001u
#define FEC_R 0x8005u
#define FEC_W 0x8007u
#define FEC_X 0x8015u

/* Note a check that was seen by other means */
void rows_saw(const char *id);

/* Every id of sgxm_leafs was seen, and every id seen is in sgxm_leafs */
void rows_coverage(void);

/* The rows of each group */
void rows_build(void);
void rows_init(void);
void rows_pages(void);
void rows_paging(void);
void rows_entry(void);
void rows_accepting(void);
void rows_keys(void);
void rows_access(void);

#endif
