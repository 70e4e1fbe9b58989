/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl-keeper: the process that holds one enclave, and what its requests share.  A request is one file
 * req_NAME.c with one function and one row in requests[] (loop.c); documents are built here and nowhere else.
 *
 * Context: each request runs in a thread of its own; the enclave's locks are in device/.
 */
#ifndef KEEPER_KEEPER_H
#define KEEPER_KEEPER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "device/device.h"
#include "session/session.h"

#define KEEPER_MAX_WORKERS 64           /* requests served at once */
#define KEEPER_REQUEST_MS 10000         /* a peer must have sent its whole request by then */
#define KEEPER_MAX_COPY_PAGES ((uint64_t)1 << 18)       /* of --copy-from: 1 GiB */
#define PERM_RW (SGX_SECINFO_R | SGX_SECINFO_W)
#define KEEPER_MAX_DATA ((uint64_t)1 << 22)     /* bytes in one document, as hex twice that */

struct keeper {
	struct session_slot *slot;      /* NULL for requests that are served without an enclave */
	char name[SESSION_NAME_MAX + 1];
	char *image;
	struct sgx_dev *dev;
	struct dev_config dev_config;
	struct encl *encl;
	int listen_fd;
	uint64_t started_ns;
	_Atomic unsigned workers;       /* threads that serve a request now */
	_Atomic uint64_t requests;      /* served since the start */
	pthread_mutex_t change;         /* held by requests that change pages */
	struct call *stopped;           /* entries that exceptions stopped; under encl->lock (call_stopped.c) */
};

/* One request in work. */
struct request {
	const struct json *body;
	const int *fds;
	size_t n_fds;
	int conn;               /* for progress frames, and to see whether the client is still there */
	uint64_t progress_ns;   /* when the last progress frame was sent */
};

/* Returns the reply, or NULL with e.  A failure with partial work is a document of its own (doc_end). */
typedef struct json *(*request_fn)(struct keeper *k, struct request *r, struct err *e);

#define KEEPER_REQUESTS(X) \
	X(status,      "status",      0) \
	X(augment,     "augment",     REQ_CHANGES) \
	X(accept_test, "accept-test", REQ_CHANGES) \
	X(dump_secs,   "dump-secs",   0) \
	X(pages,       "pages",       0) \
	X(call,        "call",        0) \
	X(restrict,    "restrict",    REQ_CHANGES) \
	X(modify_type, "modify-type", REQ_CHANGES) \
	X(remove,      "remove",      REQ_CHANGES) \
	X(accept,      "accept",      REQ_CHANGES) \
	X(extend,      "extend",      REQ_CHANGES) \
	X(peek,        "peek",        0) \
	X(poke,        "poke",        0) \
	X(dump_tcs,    "dump-tcs",    0) \
	X(dump_ssa,    "dump-ssa",    0) \
	X(info,        "info",        0)
#define REQ_CHANGES 1u          /* one at a time */

#define KEEPER_REQUEST_DECL(symbol, name, flags) \
	struct json *req_##symbol(struct keeper *k, struct request *r, struct err *e);
KEEPER_REQUESTS(KEEPER_REQUEST_DECL)
#undef KEEPER_REQUEST_DECL
/* Before there is an enclave: fills k, claims the name. */
struct json *req_load(struct keeper *k, struct request *r, struct err *e);
/* Without one: the keeper ends with the answer. */
struct json *req_offers(struct keeper *k, struct request *r, struct err *e);

/* ---- loop.c -------------------------------------------------------------------------------------- */

/* Serves requests until unload or a signal; does not return. */
_Noreturn void keeper_loop(struct keeper *k);
/* Clears the folder and ends the process; threads inside the enclave end with it. */
_Noreturn void keeper_exit(struct keeper *k, int status);
/* One line on stderr, which is the log: a request and why it failed. */
void keeper_log(const char *op, const struct json *doc);
/* Sends a document; one that cannot be printed or is too long is replaced by an error document. */
int keeper_reply(int conn, const struct json *doc);

/* ---- doc.c: reading requests, writing documents -------------------------------------------------- */

/* Options of a request: absent keeps *ret; a wrong type is ERR_PROTOCOL. */
int arg_u64(const struct json *body, const char *key, uint64_t *ret, struct err *e);
int arg_bool(const struct json *body, const char *key, bool *ret, struct err *e);
int arg_str(const struct json *body, const char *key, const char **ret, struct err *e);
/* "rw-" as SGX_SECINFO_R|W|X; ERR_USAGE for anything else. */
int arg_perm(const struct json *body, const char *key, unsigned *ret, struct err *e);
/* "offset" and "pages" (or "length", a multiple of 4096), both needed. */
int arg_range(const struct json *body, uint64_t *ret_off, uint64_t *ret_pages, struct err *e);
int arg_device(const struct json *body, struct dev_config *ret, struct err *e);
int arg_strategy(const struct json *body, enum grow_strategy *ret, struct err *e);

/* {"schema":"sgxctl.COMMAND/1","ok":OK,"enclave":…,"device":…}; enclave and device where k has them */
struct json *doc_begin(const struct keeper *k, const char *command, bool ok);
/* Adds "error" when result is negative; returns doc. */
struct json *doc_end(struct json *doc, int result, const struct err *e);
void doc_elrange(struct json *doc, const struct encl *en);
/* "counters"; unknown ones are null. */
void doc_counters(struct json *doc, const struct encl_counters *c);
/*
 * "round_trips_per_page": every crossing between host, kernel and enclave; null when unknown or pages is 0.
 */
void doc_round_trips(struct json *doc, const struct encl_counters *c, uint64_t pages);
/* "exception": what came out of the vDSO; nothing when there was none. */
void doc_exit(struct json *doc, const struct encl *en, const struct encl_exit *x);
const char *perm_word(unsigned rwx, char buf[4]);

/* A device's progress callback; arg is the struct request. */
void request_progress(void *request, uint64_t done, uint64_t total);
/* Has the client closed its end? */
bool request_abandoned(const struct request *r);
/* The file behind descriptor i of the request, at most limit bytes, padded with zeros to whole pages. */
int request_contents(const struct request *r, size_t i, uint64_t limit, void **ret_map, uint64_t *ret_bytes,
		     uint64_t *ret_map_bytes, struct err *e);

/* ---- mmap_serve.c -------------------------------------------------------------------------------- */

/*
 * Runs an operation of the mmap enclave and serves its trapped system calls: AUGMENT (by_ioctl), then
 * mmap, then back into the enclave.  0 when the operation came to its EEXIT.
 */
int mmap_serve(struct encl *en, bool by_ioctl, struct encl_op *op, struct encl_exit *x, struct err *e);

/* The path of an installed test enclave: $SGXCTL_ENCLAVES, else ENCLAVESDIR.  For free(). */
char *enclave_path(const char *name, struct err *e);

#endif
