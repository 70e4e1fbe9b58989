/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of documents about image files, and what a device offers to them: for inspect, verify, diff, sign. */
#ifndef CLI_IMAGE_DOC_H
#define CLI_IMAGE_DOC_H

#include "base/json.h"
#include "image/image.h"

/* Adds key: {flags, xfrm, names, xfrm_names}. */
void attributes_doc(struct json *obj, const char *key, const struct sgx_attributes *a);
/* Adds the fields of a SIGSTRUCT that are signed, decoded. */
void sigstruct_fields_doc(struct json *obj, const struct sgx_arch_sigstruct *s);
/* Adds these, the key, and whether its signature is valid. */
int sigstruct_doc(struct json *obj, const struct sgx_arch_sigstruct *s, struct err *e);
/* A field's value as documents have it: "0x1f" for numbers, bare hex for bytes; for free(), NULL: no memory. */
char *sigstruct_field_text(const struct sigstruct_field *f, const void *value);
const struct sigstruct_field *sigstruct_field_find(const char *name);
/* Adds key: {section, section_offset, symbol, symbol_offset}, those that are known; nothing when none is. */
void place_doc(struct json *obj, const char *key, const struct plan *p, uint64_t off);
/* Adds type, perm, measured, chunks (where only some of each page are), what. */
void run_doc(struct json *obj, const struct plan_run *r);

/* What a device offers (offers.c). */
struct offers {
	char device[16];
	struct plan_host host;
	uint64_t max_size_log2;
};
/* Asks for the device that the options mean; no enclave is made. */
int offers_ask(struct offers *ret, struct err *e);

#endif
