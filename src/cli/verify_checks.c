/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The checks of verify, each with what was expected and what is there: of the SIGSTRUCT by itself, of the
 * measurement, and of what is demanded against what the device offers.
 *
 * Authority: Intel SDM Vol. 3D, ECREATE and EINIT ("Operation").
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "base/cleanup.h"
#include "base/text.h"
#include "cli/verify.h"
#include "session/session.h"

DEFINE_CLEANUP_PTR(json_freep, struct json, json_free)

#define XFRM_LEGACY 0x3u        /* x87 and SSE */
#define XFRM_AVX    0x4u
#define XFRM_MPX    0x18u
#define XFRM_AVX512 0xe0u
#define XFRM_AMX    0x60000u

struct checking {
	const struct verified *v;
	struct json *list;
	unsigned int failed;
	bool signed_well, out_of_memory;
};

enum outcome { RIGHT, WRONG, UNKNOWN };

/* expected and actual: NULL = there is no such value. */
static struct json *add(struct checking *c, const char *name, enum outcome outcome, const char *expected,
			const char *actual, const char *message)
{
	struct json *o = json_push_obj(c->list);

	json_add_str(o, "name", name);
	if (outcome == UNKNOWN)
		json_add_null(o, "ok");
	else
		json_add_bool(o, "ok", outcome == RIGHT);
	c->failed += outcome == WRONG;
	if (outcome == WRONG) {
		json_add_str(o, "expected", expected);
		json_add_str(o, "actual", actual);
	}
	if (outcome != RIGHT)
		json_add_str(o, "message", message);
	return o;
}

static void add_bytes(struct checking *c, const char *name, bool right, const uint8_t expected[32],
		      const uint8_t actual[32], const char *message)
{
	char want[65], got[65];

	hex_encode(want, expected, 32);
	hex_encode(got, actual, 32);
	add(c, name, right ? RIGHT : WRONG, want, got, message);
}

/* ---- the SIGSTRUCT by itself --------------------------------------------------------------------- */

/* A number where the whole field is shown as one, else bytes. */
static char *value_text(const struct sigstruct_finding *f, const uint8_t *value)
{
	const struct sigstruct_field *field = sigstruct_field_find(f->field);
	char *text;

	if (field && field->number && field->bytes == f->bytes)
		return sigstruct_field_text(field, value);
	text = malloc(2 * f->bytes + 1);
	if (text)
		hex_encode(text, value, f->bytes);
	return text;
}

static bool is_of_signature(const char *field)
{
	return !strcmp(field, "modulus") || !strcmp(field, "signature") || !strcmp(field, "q1") ||
	       !strcmp(field, "q2");
}

static void add_finding(void *arg, const struct sigstruct_finding *f)
{
	CLEANUP(cleanup_free) char *expected = NULL;
	CLEANUP(cleanup_free) char *actual = NULL;
	struct checking *c = arg;

	if (f->wrong && f->expected)
		expected = value_text(f, f->expected);
	if (f->wrong && f->actual)
		actual = value_text(f, f->actual);
	if (f->wrong && ((f->expected && !expected) || (f->actual && !actual)))
		c->out_of_memory = true;
	if (f->wrong && is_of_signature(f->field))
		c->signed_well = false;
	json_add_size(add(c, f->field, f->wrong ? WRONG : RIGHT, expected, actual, f->wrong), "at", f->off);
}

/* ---- what is demanded, and what there is --------------------------------------------------------- */

/* "... does not offer: PROVISIONKEY KSS" */
static void missing_text(const struct sgx_name *table, uint64_t bits, char *buf, size_t bytes)
{
	char names[400];

	sgx_bits_text(table, bits, names, sizeof(names));
	snprintf(buf, bytes, "the signer demands what the device does not offer: %s", names);
}

/* Bits that the SIGSTRUCT pins to 1. */
static void check_pinned(struct checking *c, const char *name, uint64_t pinned, uint64_t offered,
			 const struct sgx_name *table)
{
	char message[512], expected[32], actual[32];

	missing_text(table, pinned & ~offered, message, sizeof(message));
	snprintf(expected, sizeof(expected), "0x%llx", (unsigned long long)(pinned & offered));
	snprintf(actual, sizeof(actual), "0x%llx", (unsigned long long)pinned);
	if (!c->v->offers.host.known)
		add(c, name, UNKNOWN, NULL, NULL, "the device does not tell what it offers");
	else
		add(c, name, pinned & ~offered ? WRONG : RIGHT, expected, actual, message);
}

static const char *xfrm_fault(uint64_t xfrm)
{
	if ((xfrm & XFRM_LEGACY) != XFRM_LEGACY)
		return "XFRM without x87 and SSE: ECREATE refuses it";
	if (xfrm & XFRM_AVX512 && (xfrm & (XFRM_AVX512 | XFRM_AVX)) != (XFRM_AVX512 | XFRM_AVX))
		return "XFRM has AVX-512 in part, or without AVX: ECREATE refuses it";
	if (xfrm & XFRM_MPX && (xfrm & XFRM_MPX) != XFRM_MPX)
		return "XFRM has MPX in part: ECREATE refuses it";
	if (xfrm & XFRM_AMX && (xfrm & XFRM_AMX) != XFRM_AMX)
		return "XFRM has AMX in part: ECREATE refuses it";
	return NULL;
}

static bool is_zero(const uint8_t *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (p[i])
			return false;
	}
	return true;
}

/* What ECREATE and EINIT say of the SECS that a loader makes for this SIGSTRUCT. */
static void check_secs(struct checking *c, const struct sgx_arch_secs *secs)
{
	const struct sgx_arch_sigstruct *s = c->v->sig;
	uint64_t pinned_off = s->attributemask.xfrm & ~s->attributes.xfrm & XFRM_LEGACY;
	uint64_t xfrm = pinned_off ? s->attributes.xfrm & s->attributemask.xfrm : secs->attributes.xfrm;
	const char *fault = pinned_off ? xfrm_fault(~pinned_off) : xfrm_fault(xfrm);
	bool ids = !is_zero(s->isvfamilyid, sizeof(s->isvfamilyid)) ||
		   !is_zero(s->isvextprodid, sizeof(s->isvextprodid));
	bool kss = secs->attributes.flags & SGX_ATTR_KSS;
	char text[32];

	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)xfrm);
	add(c, "xfrm-legal", fault ? WRONG : RIGHT, NULL, text, fault);
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)secs->attributes.flags);
	add(c, "kss", ids && !kss ? WRONG : RIGHT, "KSS", text,
	    "ISVFAMILYID or ISVEXTPRODID is set for an enclave without KSS: EINIT refuses it");
	add(c, "mode64bit", secs->attributes.flags & SGX_ATTR_MODE64BIT ? RIGHT : WRONG, "MODE64BIT", text,
	    "the signer demands an enclave for 32-bit code");
	add(c, "init", s->attributes.flags & s->attributemask.flags & SGX_ATTR_INIT ? WRONG : RIGHT, "0", "1",
	    "the signer demands INIT before EINIT: nothing can have that");
	snprintf(text, sizeof(text), "0x%x", s->cet_attributes & s->cet_attributes_mask);
	add(c, "cet_attributes", s->cet_attributes & s->cet_attributes_mask ? WRONG : RIGHT, "0x0", text,
	    "the signer demands CET attributes, which no loader gives");
}

static int check_policy(struct checking *c, struct err *e)
{
	const struct sgx_arch_sigstruct *s = c->v->sig;
	const struct offers *o = &c->v->offers;
	const struct plan unwishing = { .format = "sigstruct" };
	const struct plan *p = c->v->plan ? c->v->plan : &unwishing;
	struct sgx_arch_secs secs;
	char size[32], limit[32];
	bool too_large;

	check_pinned(c, "attributes.flags", s->attributes.flags & s->attributemask.flags & ~(uint64_t)SGX_ATTR_INIT,
		     o->host.attributes, sgx_attr_bit_names);
	check_pinned(c, "attributes.xfrm", s->attributes.xfrm & s->attributemask.xfrm, o->host.xfrm,
		     sgx_xfrm_bit_names);
	check_pinned(c, "miscselect", s->miscselect & s->miscmask, o->host.miscselect, sgx_misc_bit_names);
	if (plan_secs(p, s, -1, &o->host, &secs, e) < 0)
		return -1;
	check_secs(c, &secs);
	if (!c->v->plan)
		return 0;
	snprintf(size, sizeof(size), "0x%llx", (unsigned long long)p->size);
	snprintf(limit, sizeof(limit), "at most 2^%llu", (unsigned long long)o->max_size_log2);
	too_large = o->max_size_log2 < 64 && p->size > (uint64_t)1 << o->max_size_log2;
	add(c, "size", too_large ? WRONG : RIGHT, limit, size,
	    "the device has no enclaves of this size");
	return 0;
}

/* ---- the document --------------------------------------------------------------------------------- */

static void add_offers(struct json *doc, const struct offers *o)
{
	struct json *list;

	json_add_str(doc, "device", o->device);
	if (!o->host.known) {
		json_add_null(doc, "offers");
		return;
	}
	list = json_add_obj(doc, "offers");
	attributes_doc(list, "attributes", &(struct sgx_attributes){ o->host.attributes, o->host.xfrm });
	json_add_hex(list, "miscselect", o->host.miscselect);
	json_add_size(list, "max_size_log2", o->max_size_log2);
}

/* What went wrong first stands for all of it. */
static void add_error(struct json *doc, const struct checking *c)
{
	const struct json *k = json_first(c->list);
	struct err why = { 0 };
	bool right = true;

	while (k && (json_bool(json_get(k, "ok"), &right) < 0 || right))
		k = json_next(k);
	err_set(&why, ERR_NOT_VERIFIED, 0, "%u of %zu checks failed: %s: %s", c->failed, json_len(c->list),
		json_str(json_get(k, "name")), json_str(json_get(k, "message")));
	session_error_add(doc, &why);
}

static int check_all(struct checking *c, bool *ret_matches, const uint8_t mrsigner[32], struct err *e)
{
	const struct verified *v = c->v;

	if (sigstruct_examine(v->sig, add_finding, c, e) < 0 || check_policy(c, e) < 0)
		return -1;
	*ret_matches = v->plan && !memcmp(v->mrenclave, v->sig->enclavehash, 32);
	if (v->plan)
		add_bytes(c, "enclavehash", *ret_matches, v->mrenclave, v->sig->enclavehash,
			  "the SIGSTRUCT is for another enclave: ENCLAVEHASH is not what the image measures to");
	if (v->has_signer)
		add_bytes(c, "mrsigner", !memcmp(mrsigner, v->signer, 32), v->signer, mrsigner, "another signer");
	return c->out_of_memory ? err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the checks") : 0;
}

static int fill_doc(struct json *doc, const struct checking *c, bool matches, const uint8_t mrsigner[32],
		    struct err *e)
{
	const struct verified *v = c->v;

	if (v->plan)
		json_add_bool(doc, "matches", matches);
	json_add_bool(json_add_obj(doc, "signature"), "valid", c->signed_well);
	json_add_bytes(doc, "mrsigner", mrsigner, 32);
	json_add_size(doc, "failed", c->failed);
	if (v->plan)
		json_add_str(doc, "sigstruct_from", v->plan->sigstruct_from);
	if (v->plan && v->plan->no_run)
		json_add_str(doc, "no_run", v->plan->no_run);
	add_offers(doc, &v->offers);
	return sigstruct_doc(json_add_obj(doc, "sigstruct"), v->sig, e);
}

struct json *verify_doc(const struct verified *v, const char *path, const struct measured *m, struct err *e)
{
	CLEANUP(json_freep) struct json *doc = json_object();
	CLEANUP(json_freep) struct json *list = json_array();
	struct checking c = { .v = v, .list = list, .signed_well = true };
	uint8_t mrsigner[32];
	bool matches;

	sigstruct_mrsigner(v->sig, mrsigner);
	if (check_all(&c, &matches, mrsigner, e) < 0)
		return NULL;
	json_add_str(doc, "schema", "sgxctl.verify/1");
	json_add_bool(doc, "ok", !c.failed);
	if (m)
		measure_doc(m, doc);
	else
		json_add_str(doc, "image", path);
	if (fill_doc(doc, &c, matches, mrsigner, e) < 0)
		return NULL;
	if (c.failed)
		add_error(doc, &c);
	json_add_take(doc, "checks", STEAL_PTR(list));
	return STEAL_PTR(doc);
}
