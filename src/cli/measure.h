/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image files that are measured here, in the command: for measure, sign, verify, diff and dump-secs --image. */
#ifndef CLI_MEASURE_H
#define CLI_MEASURE_H

#include <argp.h>

#include "base/json.h"
#include "image/image.h"

struct measured {
	const char *word;               /* in: the IMAGE argument */
	struct image_opts opts;         /* in */
	char *path;
	struct plan plan;
	uint8_t mrenclave[32];
	uint64_t elapsed_ns;            /* of measuring alone */
};

/* Finds, reads and measures the image; on success the caller ends with measure_close(). */
int measure_open(struct measured *m, struct err *e);
/* Without measuring it. */
int measure_open_only(struct measured *m, struct err *e);
void measure_close(struct measured *m);
/* Adds image, format, mrenclave, pages, elrange, tcs, elapsed_ns. */
void measure_doc(const struct measured *m, struct json *doc);

/* Is this file a SIGSTRUCT and nothing else?  Then it is in *ret_sig. */
bool image_is_sigstruct(const char *path, struct sgx_arch_sigstruct *ret_sig);

/* --sgxs-out and --force. */
struct sgxs_out {
	const char *path;               /* NULL: not asked for */
	bool force;
};
extern const struct argp sgxs_argp;
/*
 * Writes the measured image as o says, with sig (NULL: it has none) beside it, and adds "sgxs" to doc.  -1:
 * nothing was written.
 */
int sgxs_out(const struct sgxs_out *o, const struct measured *m, const struct sgx_arch_sigstruct *sig,
	     struct json *doc, struct err *e);

/* Options that say how an image is read: --format --heap --reserve --sigstruct --exec. */
extern const struct argp image_argp;

#endif
