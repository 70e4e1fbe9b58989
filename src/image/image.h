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

/* plan_run.chunks: bit i is the EEXTEND of bytes [256 * i, 256 * (i + 1)) of each page. */
#define PLAN_CHUNKS_PER_PAGE (SGX_PAGE_SIZE / SGX_EEXTEND_BYTES)
#define PLAN_CHUNKS_ALL      0xffffu

/*
 * A run: `pages` consecutive pages of one kind.  Content: `data_bytes` bytes from `data` placed at
 * data_lead bytes into the first page, the bytes outside filled with the pattern `fill` (data NULL: all of
 * them).  With present, data is the chunks whose bits are set, of every page the same ones, one behind the
 * other.  The plan owns the file's bytes, so runs are cheap whatever they cover.
 */
struct plan_run {
	uint64_t off;           /* from the ELRANGE base, page aligned */
	uint64_t pages;
	uint64_t secinfo;       /* SECINFO.FLAGS: 0x100 TCS, 0x203 RW, ... */
	uint16_t chunks;        /* what is measured of each page: PLAN_CHUNKS_ALL, 0 none, or some */
	uint32_t fill;          /* little-endian, repeated from the start of the page */
	const uint8_t *chunk_order;     /* NULL = ascending; else the number of a chunk per set bit */
	const uint8_t *data;    /* NULL = no data; points into memory the plan owns */
	uint64_t data_bytes;
	uint64_t data_lead;     /* < 4096 */
	uint16_t present;       /* 0 = data is contiguous; else a bit for each 256 bytes of a page that it has */
	const char *what;       /* "text", "data", "tcs", "ssa", "stack", "heap", ...: static */
};

/* Does any of it count for MRENCLAVE? */
static inline bool plan_run_measured(const struct plan_run *r)
{
	return r->chunks;
}

/* Measured in a way that the driver's ADD_PAGES cannot ask for: pages in part, or chunks out of order. */
static inline bool plan_run_partial(const struct plan_run *r)
{
	return r->chunks && (r->chunks != PLAN_CHUNKS_ALL || r->chunk_order);
}

/* Free ELRANGE that the image intends for pages added at run time. */
struct plan_dynamic {
	uint64_t off, pages;
	const char *what;       /* "reserve", "heap", "stack", "reserved", "user", "threads": static */
};

/* One of the metadata blocks of a file that is signed several times, for run-times of several ages. */
struct plan_block {
	char version[24];       /* "2.4" */
	uint64_t file_off, bytes;
	uint64_t secs_size;
	struct sgx_arch_sigstruct sigstruct;
	bool chosen;            /* the plan is this block's */
};

/* Something that a format says beside pages, for people who look into the file. */
enum plan_fact_kind { PLAN_FACT_SIZE, PLAN_FACT_HEX, PLAN_FACT_BOOL, PLAN_FACT_TEXT };
struct plan_fact {
	const char *key;        /* as in documents: "tcs_policy"; static */
	enum plan_fact_kind kind;
	uint64_t value;         /* SIZE (bytes or a count), HEX, BOOL */
	char *text;             /* TEXT, else NULL */
};

/* What a SIGSTRUCT says beside MRENCLAVE and the signer. */
struct sign_params {
	uint32_t date;                          /* BCD yyyymmdd */
	uint32_t vendor, swdefined;
	uint32_t miscselect, miscmask;
	uint8_t cet_attributes, cet_attributes_mask;
	struct sgx_attributes attributes, attributemask;
	uint16_t isvprodid, isvsvn;
	uint8_t isvfamilyid[16], isvextprodid[16];
};

struct plan {
	const char *format;     /* "sgxctl", "kernel", "sdk", ...: static */
	uint64_t size;          /* SECS.SIZE */
	bool has_base;          /* the image demands base as SECS.BASEADDR; else any aligned one will do */
	uint64_t base;
	uint32_t ssaframesize;
	uint32_t miscselect;    /* wished, see plan_secs() */
	struct sgx_attributes attributes;       /* wished (MODE64BIT, XFRM...), see plan_secs() */
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
	bool has_sigstruct;     /* the image is signed, or has a SIGSTRUCT beside it; not checked */
	struct sgx_arch_sigstruct sigstruct;
	uint64_t sigstruct_off; /* in the file; UINT64_MAX: a file of its own */
	char *sigstruct_from;   /* "metadata block 2.4 at 0x8006d", "x.sig" */
	const char *no_measure; /* why MRENCLAVE is not known although the layout is, NULL = it is: static */
	bool has_sign_params;   /* the image says how it is to be signed */
	struct sign_params sign_params;         /* its date is not used */
	const char *no_run;     /* why it can be measured but not run, NULL = it can: static */
	struct plan_block *blocks;
	size_t n_blocks;
	struct plan_fact *facts;
	size_t n_facts;
	void *priv;             /* owned: the file's bytes, what was made of them, names */
};

struct image_opts {
	const char *format;     /* NULL = detect; "NAME" or "NAME:ARGUMENTS", what a format takes it says */
	uint64_t heap_bytes;    /* UINT64_MAX = as the image says; kernel format: default 4096 */
	uint64_t reserve_bytes; /* UINT64_MAX = as the image says */
	const char *sigstruct;  /* path, instead of what the image has; NULL = the image's */
	const char *exec;       /* path of the second ELF file of formats that have one, or NULL */
	const char *libpal;     /* path of the PAL that a manifest runs on, or NULL */
};
#define IMAGE_OPTS_DEFAULT ((struct image_opts){ .heap_bytes = UINT64_MAX, .reserve_bytes = UINT64_MAX })

/*
 * Reads the image at path into *ret_plan (caller: plan_release).  On failure *ret_plan is untouched
 * and e says what and at which offset of the file.
 */
int image_open(const char *path, const struct image_opts *opts, struct plan *ret_plan, struct err *e);
/* The same from memory (copied); for tests and fuzzers. */
int image_parse(const void *data, size_t bytes, const struct image_opts *opts, struct plan *ret_plan,
		struct err *e);
void plan_release(struct plan *p);
/* The path of a companion: what path's name ends in (".sgxs") becomes ext (".sig").  For free(); NULL: no memory. */
char *image_companion_path(const char *path, const char *ext);

/* The 4096 bytes of page i of a run into buf. */
void plan_run_page(const struct plan_run *r, uint64_t i, uint8_t buf[4096]);
/* SHA-256 of that page. */
void plan_run_page_digest(const struct plan_run *r, uint64_t i, uint8_t digest[32]);
/* A pointer to the page when the file holds it whole (no copy), else NULL. */
const uint8_t *plan_run_page_direct(const struct plan_run *r, uint64_t i);
/* How many of its pages, from the first on, may hold data; the others are fill. */
uint64_t plan_run_data_pages(const struct plan_run *r);

/* The runs of a plan by offset; the plan must outlive it. */
struct plan_index {
	const struct plan_run **by_off;
	size_t n;
};
int plan_index_init(struct plan_index *x, const struct plan *p, struct err *e);
void plan_index_release(struct plan_index *x);
/* The run that adds the page at off (anywhere in it), NULL = none. */
const struct plan_run *plan_index_find(const struct plan_index *x, uint64_t off);

/* What is at an offset of the enclave, as far as section headers and symbols of the file tell. */
struct plan_place {
	const char *section, *symbol;   /* the plan's; NULL = none */
	uint64_t section_off, symbol_off;       /* from their start */
};
/*
 * The section at off, and the nearest symbol before it in that section.  0 when one of them is known, -1
 * when none is (then *ret is empty).  The first call reads the tables: not for two threads at once.
 */
int plan_locate(const struct plan *p, uint64_t off, struct plan_place *ret);

/* One line per format, in the order of detection. */
struct image_format {
	const char *name, *what;
};
extern const struct image_format image_formats[];
extern const size_t image_n_formats;

/* ---- measuring --------------------------------------------------------------------------- */

typedef void (*image_progress)(void *arg, uint64_t done_pages, uint64_t total_pages);

/*
 * MRENCLAVE of a plan; ERR_UNSUPPORTED when p->no_measure says that it is not known.  progress may be NULL; it is
 * called a few times a second at most.
 */
int plan_measure(const struct plan *p, uint8_t mrenclave[32], image_progress progress, void *arg,
		 struct err *e);

/* ---- SGXS --------------------------------------------------------------------------------- */

/* Are pages added in ascending order, as a canonical stream has them?  *ret_off: the first that is not. */
bool plan_ascends(const struct plan *p, uint64_t *ret_off);
/*
 * Writes the plan as an SGXS stream of *ret_bytes to fd.  *ret_mrenclave is hashed from what is written, so it
 * is what plan_measure() says.  ERR_IO when it cannot be written; a part of it may be then.
 */
int plan_write_sgxs(const struct plan *p, int fd, uint64_t *ret_bytes, uint8_t ret_mrenclave[32],
		    image_progress progress, void *arg, struct err *e);
/* ---- comparing --------------------------------------------------------------------------- */

/* One record of what is hashed. */
struct plan_record {
	const char *leaf;       /* "ECREATE", "EADD", "EEXTEND", "EINIT" where the stream ends: static */
	uint64_t off;           /* of the page or chunk */
	uint64_t secinfo;       /* EADD */
};

/* Where two measurements part. */
struct plan_parting {
	uint64_t record;        /* equal records before it; UINT64_MAX = MRENCLAVE is the same */
	struct plan_record a, b;
	const char *what;       /* "ssaframesize", "size", "leaf", "offset", "secinfo", "data": static */
	uint64_t byte;          /* "data": offset in the enclave of the first byte that differs */
};
void plan_compare(const struct plan *a, const struct plan *b, struct plan_parting *ret);

enum plan_diff_kind {
	PLAN_DIFF_ADDED,        /* pages that only b has */
	PLAN_DIFF_MISSING,      /* pages that only a has */
	PLAN_DIFF_MOVED,        /* the same pages at `to` in b */
	PLAN_DIFF_TYPE,         /* the rest: pages at the same offset */
	PLAN_DIFF_RIGHTS,
	PLAN_DIFF_MEASURED,     /* other chunks are measured */
	PLAN_DIFF_CHUNK_ORDER,  /* the same, in another order */
	PLAN_DIFF_CONTENT,
	PLAN_DIFF_ORDER,        /* a adds the page at off where b adds the one at `to` */
};
const char *plan_diff_name(enum plan_diff_kind kind);

struct plan_bytes {
	uint64_t off, bytes;
};

/* A group of pages, one after another, that differ in the same way. */
struct plan_diff {
	enum plan_diff_kind kind;
	bool measured;          /* MRENCLAVE shows it */
	uint64_t off, pages;    /* ORDER: as many pages are at such places */
	uint64_t to;
	const struct plan_run *a, *b;   /* of the first page; NULL = none */
	uint64_t bytes;         /* CONTENT: so many differ */
	struct plan_bytes *ranges;      /* CONTENT: where, joined over fewer than 8 equal bytes; the first ones */
	size_t n_ranges, all_ranges;
};
#define PLAN_DIFF_MAX_RANGES 64u        /* of one group */

struct plan_diffs {
	struct plan_diff *v;    /* by offset */
	size_t n;               /* at most the limit */
	uint64_t all;           /* groups that there are */
};

/*
 * Every difference of pages, at most limit groups of them.  Stretches of fill are compared as a whole, however
 * long they are; memory goes with what differs.  Both plans must outlive *ret (plan_diffs_release).
 */
int plan_diff(const struct plan *a, const struct plan *b, size_t limit, struct plan_diffs *ret, struct err *e);
void plan_diffs_release(struct plan_diffs *d);

/* ---- what ECREATE gets ------------------------------------------------------------------- */

/* What of a SECS a device can give. */
struct plan_host {
	bool known;             /* false: the device does not tell; the rest is the most that can be hoped for */
	uint64_t attributes;    /* without INIT */
	uint64_t xfrm;          /* XSAVE features that an enclave may use */
	uint32_t miscselect;
};

/*
 * SIZE, SSAFRAMESIZE, ATTRIBUTES, MISCSELECT and, when the image demands one, BASEADDR into *ret_secs, the
 * rest zero.  Bits that sig pins are as signed, the others as the image wishes and the host can.
 * sig: NULL = still to be signed.  debug: 1, 0, -1 = as sig allows, debug where it leaves the choice;
 * ERR_SIGSTRUCT_MISMATCH when sig pins the opposite.
 */
int plan_secs(const struct plan *p, const struct sgx_arch_sigstruct *sig, int debug,
	      const struct plan_host *host, struct sgx_arch_secs *ret_secs, struct err *e);

/*
 * Has the device every bit that sig demands, set and masked, of ATTRIBUTES, XFRM and MISCSELECT?  ERR_UNSUPPORTED
 * names the field, the bits, and what there is.  Yes, where host is not known: the device will say.
 */
int plan_host_has(const struct plan_host *host, const struct sgx_arch_sigstruct *sig, struct err *e);

/* Could a driver build it at all?  ERR_NO_TCS, ERR_UNSUPPORTED (no_run, pages measured in part). */
int plan_can_load(const struct plan *p, struct err *e);

/* ---- SIGSTRUCT ----------------------------------------------------------------------------- */

/*
 * What the image asks for (plan.sign_params), else neutral values: debug policy free, XFRM free beyond
 * x87/SSE.  The date is fixed: signing is reproducible.
 */
void sign_params_default(struct sign_params *sp, const struct plan *p);
/* What another SIGSTRUCT says. */
void sign_params_from(struct sign_params *sp, const struct sgx_arch_sigstruct *sig);

struct sign_key;        /* RSA-3072, e = 3; private, or the public half alone */
/* passphrase: NULL = none; ERR_BAD_KEY when the key needs one, or another. */
int sign_key_load(const char *pem_path, const char *passphrase, struct sign_key **ret_key, struct err *e);
/* A public key (PEM: PUBLIC KEY, RSA PUBLIC KEY), or the public half of an unprotected private one. */
int sign_key_load_public(const char *pem_path, struct sign_key **ret_key, struct err *e);
/* The per-user key: loaded from path, created there (0600, atomically, directories made) on first use. */
int sign_key_user(const char *path, struct sign_key **ret_key, bool *ret_created, struct err *e);
/* $XDG_DATA_HOME/sgxctl/signing-key.pem, else $HOME/.local/share/...; -1 when there is no home. */
int sign_key_user_path(char *buf, size_t bytes, struct err *e);
/* MRSIGNER of what this key signs. */
int sign_key_mrsigner(const struct sign_key *k, uint8_t mrsigner[32], struct err *e);
void sign_key_free(struct sign_key *k);

int sigstruct_sign(const struct sign_params *sp, const uint8_t mrenclave[32], const struct sign_key *k,
		   struct sgx_arch_sigstruct *ret_sig, struct err *e);

/* Signing in two steps, for keys that are elsewhere: what is signed, and back. */
#define SIGSTRUCT_SIGNED_BYTES (SGX_SIGSTRUCT_SIGNED1_LEN + SGX_SIGSTRUCT_SIGNED2_LEN)
#define SIGSTRUCT_RSA_BYTES    384u
/* Everything but the signature and its key. */
void sigstruct_prepare(const struct sign_params *sp, const uint8_t mrenclave[32],
		       struct sgx_arch_sigstruct *ret_sig);
/* The bytes that a signature is of: [0, 128) and [900, 1028). */
void sigstruct_signed_bytes(const struct sgx_arch_sigstruct *s, uint8_t ret[SIGSTRUCT_SIGNED_BYTES]);
void sigstruct_digest(const struct sgx_arch_sigstruct *s, uint8_t sha256[32]);
/* The SIGSTRUCT of which these are the signed bytes, without signature; constants are checked. */
int sigstruct_from_signed_bytes(const uint8_t bytes[SIGSTRUCT_SIGNED_BYTES],
				struct sgx_arch_sigstruct *ret_sig, struct err *e);
/*
 * Completes a prepared SIGSTRUCT with a PKCS#1 v1.5 SHA-256 signature, big-endian as libraries and tokens make
 * it, and the key it was made with.  ERR_BAD_SIGNATURE when it is not of these bytes by this key; *s is then
 * as before.
 */
int sigstruct_attach(struct sgx_arch_sigstruct *s, const struct sign_key *k,
		     const uint8_t signature[SIGSTRUCT_RSA_BYTES], struct err *e);

/* Reads a 1808-byte file, whatever is in it. */
int sigstruct_read(const char *path, struct sgx_arch_sigstruct *ret_sig, struct err *e);
/* The same, and the constants are right. */
int sigstruct_load(const char *path, struct sgx_arch_sigstruct *ret_sig, struct err *e);
/* Has a file of that many bytes the size and the begin of a SIGSTRUCT? */
bool sigstruct_is(const void *bytes, size_t n_bytes);
/* Constants only (header, vendor, exponent, reserved bytes); ERR_BAD_SIGSTRUCT names the field and its offset. */
int sigstruct_check(const struct sgx_arch_sigstruct *s, struct err *e);
/* RSA signature, Q1 and Q2.  0 valid; -1 ERR_BAD_SIGSTRUCT. */
int sigstruct_verify(const struct sgx_arch_sigstruct *s, struct err *e);
void sigstruct_mrsigner(const struct sgx_arch_sigstruct *s, uint8_t mrsigner[32]);

/* Every field, in the order of the structure; ends with name NULL. */
struct sigstruct_field {
	const char *name;       /* "attributes.flags": as in documents */
	uint16_t off, bytes;
	bool number;            /* little-endian; else bytes */
};
extern const struct sigstruct_field sigstruct_fields[];

/* One thing that EINIT checks of a SIGSTRUCT by itself. */
struct sigstruct_finding {
	const char *field;      /* a name of sigstruct_fields */
	size_t off;
	const char *wrong;      /* what is wrong, NULL = nothing: static */
	/* as stored; of a signature, the SHA-256 of what it is to be of and of what it is.  NULL = there is none */
	const uint8_t *expected, *actual;
	size_t bytes;
};
typedef void (*sigstruct_visit)(void *arg, const struct sigstruct_finding *f);
/* All of sigstruct_check() and sigstruct_verify(), right or wrong.  -1: no memory. */
int sigstruct_examine(const struct sgx_arch_sigstruct *s, sigstruct_visit visit, void *arg, struct err *e);

#endif
