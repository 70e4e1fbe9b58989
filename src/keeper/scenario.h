/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * accept-test: one scenario is one function and one row of its file's table.  It drives the enclave, compares
 * what happened with what must happen, and goes on after a comparison that failed when it can.
 */
#ifndef KEEPER_SCENARIO_H
#define KEEPER_SCENARIO_H

#include "keeper/keeper.h"

/* Strategies a scenario is repeated for; 0: it has none, and runs once. */
#define ON_IOCTL  (1u << GROW_IOCTL)
#define ON_TOUCH  (1u << GROW_TOUCH)
#define ON_ACCEPT (1u << GROW_ACCEPT)
#define ON_ACCESS (1u << GROW_ACCESS)
#define ON_ALL    (ON_IOCTL | ON_TOUCH | ON_ACCEPT | ON_ACCESS)

#define NEEDS_SGX2   0x1u       /* pages can be added at all */
#define NEEDS_FRESH  0x2u       /* an enclave of its own */
#define NEEDS_AUGMENT 0x4u      /* the AUGMENT_PAGES ioctl */

/* What all scenarios of one run share. */
struct scenario_env {
	struct keeper *k;               /* k->encl: the named enclave, or NULL */
	struct sign_key *key;
	uint64_t pages;                 /* --pages; 0: each scenario's own number */
	uint64_t next_off;              /* in the named enclave: from here on nothing was used */
	int kernel_fixed;               /* what scenario_kernel_is_fixed found out: 0 nothing yet, 1 yes, -1 no */
	struct request *request;
};

struct scenario_run {
	struct scenario_env *env;
	const struct scenario *scenario;
	struct encl *en;
	enum grow_strategy strategy;
	uint64_t pages;                 /* as the document says; scenarios may change it */
	struct json *checks;
	unsigned failed;
	char skip[160];                 /* reason; "" = it ran */
	bool has_counters;              /* counters are those of the growth alone */
	struct encl_counters counters;
};

struct scenario {
	const char *name, *text;
	unsigned strategies, needs;
	const char *image;              /* of a fresh enclave */
	uint64_t pages;                 /* default */
	void (*run)(struct scenario_run *s);
	bool before_init;               /* the fresh enclave is left uninitialised */
};

extern const struct scenario scenarios_accept[], scenarios_refuse[], scenarios_range[], scenarios_grow[],
	scenarios_change[], scenarios_threads[], scenarios_mmap[];

/* ---- comparing (scenario_check.c) ---------------------------------------------------------------- */

/* All return whether it held. */
bool check_u64(struct scenario_run *s, const char *what, uint64_t expected, uint64_t got);
bool check_hex(struct scenario_run *s, const char *what, uint64_t expected, uint64_t got);
bool check_true(struct scenario_run *s, const char *what, bool got);
/* A call that must have succeeded: got is its error code otherwise. */
bool check_done(struct scenario_run *s, const char *what, int result, const struct err *e);
/* A call that must have failed with this code. */
bool check_error(struct scenario_run *s, const char *what, enum err_code expected, int result,
		 const struct err *e);
/* An errno or positive return value of a raw call. */
bool check_return(struct scenario_run *s, const char *what, long expected, long got);
/* A page fault out of the enclave at page off. */
bool check_fault(struct scenario_run *s, const char *what, unsigned errcd, uint64_t off,
		 const struct encl_exit *x);
/* The operation came to its EEXIT and says OK. */
bool check_ok(struct scenario_run *s, const char *what, const struct encl_op *op, const struct encl_exit *x);
/* The operation's leaf refused with this code at page `done`. */
bool check_refused(struct scenario_run *s, const char *what, uint64_t code, uint64_t done,
		   const struct encl_op *op, const struct encl_exit *x);
/* EPC pages that hold what --pages asks for, several times. */
static inline uint64_t scenario_epc_pages(uint64_t pages) { return (pages + 512) * 4; }

/* A counter; unknown ones are not compared, and with little EPC swapping may add to it. */
void check_counter(struct scenario_run *s, const char *what, uint64_t expected, uint64_t got);
void scenario_skip(struct scenario_run *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* ---- doing (scenario_do.c) ----------------------------------------------------------------------- */

/* A kernel that answers AUGMENT with real errnos, and installs page-table entries with the pages. */
bool scenario_kernel_is_fixed(struct scenario_run *s);
/* Room for pages that nothing used yet; false (and a failed check) when there is none. */
bool scenario_room(struct scenario_run *s, uint64_t pages, uint64_t *ret_off);
/* Grow by the scenario's strategy, RW, accepted; checks success and the counts. */
bool scenario_grow(struct scenario_run *s, uint64_t off, uint64_t pages, struct grow_result *r);
/* Bring pages in without accepting them where the strategy can; otherwise only map them. */
bool scenario_bring(struct scenario_run *s, uint64_t off, uint64_t pages);
/* One operation on a TCS of its own, to whatever end. */
void scenario_op(struct scenario_run *s, struct encl_op *op, struct encl_exit *x);
struct encl_op op_at(const struct scenario_run *s, enum encl_op_number number, uint64_t off, uint64_t pages);
/* WRITE then READ of one word at off, checked. */
bool scenario_word(struct scenario_run *s, const char *what, uint64_t off, uint64_t value);
/* FILL and CHECKSUM of a range, checked. */
bool scenario_fill(struct scenario_run *s, const char *what, uint64_t off, uint64_t pages, uint64_t value);
/* EACCEPT of the range with flags, checked to return 0. */
bool scenario_accept(struct scenario_run *s, const char *what, uint64_t off, uint64_t pages, uint64_t flags);

/* A thread that is stopped on purpose: its operation, its TCS. */
struct stopped {
	struct encl_tcs *t;
	struct encl_op op;
	struct encl_exit x;
};
/* Enters with op on a TCS that is kept until scenario_finish. */
bool scenario_start(struct scenario_run *s, struct stopped *st, const struct encl_op *op);
/* ERESUME; st->x says what came of it. */
void scenario_resume(struct scenario_run *s, struct stopped *st);
void scenario_finish(struct scenario_run *s, struct stopped *st);

#define FRESH_FLAGS (SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_PENDING)

#endif
