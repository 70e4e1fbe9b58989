/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Image files -> one plan, and what is done with a plan off-line: measuring and signing.
 * A plan is the ordered list of EADD/EEXTEND steps that builds the enclave; measuring, loading and
 * inspecting all walk the same plan, so what is hashed is what is loaded.
 *
 * Context: normal; no signal context.  Nothing here prints.
 */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arch/sgx_arch.h"
#include "base/err.h"

/* Limits on what a file may ask for; exceeding one is ERR_TOO_BIG or ERR_BAD_LAYOUT. */
#define PLAN_MAX_PAGES   ((uint64_t)1 << 33)    /* 32 TiB of EADD */
#define PLAN_MAX_RUNS    (1u << 20)
#define PLAN_MAX_TCS     65536u
#define PLAN_MAX_FILE    ((uint64_t)1 << 32)    /* image file bytes */

/*
 * A run: `pages` consecutive pages of one kind.  Content: `data_bytes` bytes from `data` placed at
 * data_lead bytes into the first page, everything else zero (data NULL: all zero).  The plan keeps
 * the file mapped, so runs are cheap whatever they cover.
 */
struct plan_run {
	uint64_t off;           /* from the ELRANGE base, page aligned */
	uint64_t pages;
	uint64_t secinfo;       /* SECINFO.FLAGS: 0x100 TCS, 0x203 RW, ... */
	bool measured;          /* all 16 EEXTENDs per page, or none */
	const uint8_t *data;    /* NULL = zero pages; points into memory the plan owns */
	uint64_t data_bytes;
	uint64_t data_lead;     /* < 4096 */
	const char *what;       /* "text", "data", "tcs", "ssa", "stack", "heap", ...: static */
};

/* Free ELRANGE that the image intends for pages added at run time. */
struct plan_dynamic {
	uint64_t off, pages;
	const char *what;       /* "reserve" */
};

struct plan {
	const char *format;     /* "sgxctl", "kernel": static */
	uint64_t size;          /* SECS.SIZE */
	uint32_t ssaframesize;
	uint32_t miscselect;    /* wished; the loader intersects with the device */
	struct sgx_attributes attributes;       /* wished (MODE64BIT, XFRM...), DEBUG decided at load */
	uint32_t nssa;          /* frames per TCS of the image, 0 = unknown */
	struct plan_run *runs;
	size_t n_runs;
	struct plan_dynamic *dynamic;
	size_t n_dynamic;
	uint64_t *tcs;          /* offsets of the TCS pages, in EADD order */
	size_t n_tcs;
	uint64_t pages_added, pages_measured;
	bool op_interface;      /* the enclave speaks encl_ops.h (declared in its note) */
	uint64_t dyn_entry;     /* OENTRY for TCSs made at run time, 0 = none */
	void *priv;             /* owned: file mapping, patched copies */
};

struct image_opts {
	const char *format;     /* NULL = detect */
	uint64_t heap_bytes;    /* UINT64_MAX = as the image says; kernel format: default 4096 */
	uint64_t reserve_bytes; /* UINT64_MAX = as the image says */
};
#define IMAGE_OPTS_DEFAULT ((struct image_opts){ NULL, UINT64_MAX, UINT64_MAX })

/*
 * Reads the image at path into *ret_plan (caller: plan_release).  On failure *ret_plan is untouched
 * and e says what and at which offset of the file.
 */
int image_open(const char *path, const struct image_opts *opts, struct plan *ret_plan, struct err *e);
/* The same from memory (copied); for tests and fuzzers. */
int image_parse(const void *data, size_t bytes, const struct image_opts *opts, struct plan *ret_plan,
		struct err *e);
void plan_release(struct plan *p);

/* The 4096 bytes of page i of a run into buf. */
void plan_run_page(const struct plan_run *r, uint64_t i, uint8_t buf[4096]);
/* A pointer to the page when the file holds it whole (no copy), else NULL. */
const uint8_t *plan_run_page_direct(const struct plan_run *r, uint64_t i);

/* One line per format: name, what, detector, parser. */
struct image_format {
	const char *name, *what;
};
extern const struct image_format image_formats[];
extern const size_t image_n_formats;

/* ---- measuring --------------------------------------------------------------------------- */

typedef void (*image_progress)(void *arg, uint64_t done_pages, uint64_t total_pages);

/* MRENCLAVE of a plan.  progress may be NULL; it is called a few times a second at most. */
int plan_measure(const struct plan *p, uint8_t mrenclave[32], image_progress progress, void *arg,
		 struct err *e);

/* ---- signing ------------------------------------------------------------------------------ */

struct sign_params {
	uint32_t date;                          /* BCD yyyymmdd */
	uint32_t vendor, swdefined;
	uint32_t miscselect, miscmask;
	struct sgx_attributes attributes, attributemask;
	uint16_t isvprodid, isvsvn;
	uint8_t isvfamilyid[16], isvextprodid[16];
};
/* Neutral values: debug policy free, XFRM free beyond x87/SSE, date fixed: signing is reproducible. */
void sign_params_default(struct sign_params *sp, const struct plan *p);

struct sign_key;        /* RSA-3072, e = 3 */
int sign_key_load(const char *pem_path, struct sign_key **ret_key, struct err *e);
/* The per-user key: loaded from path, created there (0600, atomically, directories made) on first use. */
int sign_key_user(const char *path, struct sign_key **ret_key, bool *ret_created, struct err *e);
/* $XDG_DATA_HOME/sgxctl/signing-key.pem, else $HOME/.local/share/...; -1 when there is no home. */
int sign_key_user_path(char *buf, size_t bytes, struct err *e);
void sign_key_free(struct sign_key *k);

int sigstruct_sign(const struct sign_params *sp, const uint8_t mrenclave[32], const struct sign_key *k,
		   struct sgx_arch_sigstruct *ret_sig, struct err *e);
/* Reads a 1808-byte file and checks the constants (header, exponent, reserved bytes). */
int sigstruct_load(const char *path, struct sgx_arch_sigstruct *ret_sig, struct err *e);
/* Constants only; ERR_BAD_SIGSTRUCT names the field and its offset. */
int sigstruct_check(const struct sgx_arch_sigstruct *s, struct err *e);
/* RSA signature, Q1 and Q2.  0 valid; -1 ERR_BAD_SIGSTRUCT. */
int sigstruct_verify(const struct sgx_arch_sigstruct *s, struct err *e);
void sigstruct_mrsigner(const struct sgx_arch_sigstruct *s, uint8_t mrsigner[32]);

#endif
