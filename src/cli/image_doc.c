/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parts of documents about image files: SIGSTRUCT decoded, attributes by name, places by symbol. */
#include "cli/image_doc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "base/fmt.h"
#include "base/text.h"

#define HEADER_TYPE_OFF 12      /* in HEADER: a u32 of which bit 31 marks a debug-type SIGSTRUCT */
#define HEADER_DEBUG    0x80000000u
#define VENDOR_INTEL    0x8086u

static void add_bits(struct json *obj, const char *key, const struct sgx_name *table, uint64_t bits)
{
	const char *names[SGX_MAX_BITS];
	size_t n = sgx_bit_names(table, bits, names);
	struct json *list = json_add_arr(obj, key);

	for (size_t i = 0; i < n; i++)
		json_push_str(list, names[i]);
}

void attributes_doc(struct json *obj, const char *key, const struct sgx_attributes *a)
{
	struct json *o = json_add_obj(obj, key);

	json_add_hex(o, "flags", a->flags);
	json_add_hex(o, "xfrm", a->xfrm);
	add_bits(o, "names", sgx_attr_bit_names, a->flags);
	add_bits(o, "xfrm_names", sgx_xfrm_bit_names, a->xfrm);
}

/* The bits that a loader may choose. */
static void add_free(struct json *o, const struct sgx_arch_sigstruct *s)
{
	struct json *f = json_add_obj(o, "free");

	json_add_hex(f, "flags", ~s->attributemask.flags);
	json_add_hex(f, "xfrm", ~s->attributemask.xfrm);
	json_add_hex(f, "miscselect", (uint32_t)~s->miscmask);
	add_bits(f, "names", sgx_attr_bit_names, ~s->attributemask.flags);
	add_bits(f, "xfrm_names", sgx_xfrm_bit_names, ~s->attributemask.xfrm);
	add_bits(f, "miscselect_names", sgx_misc_bit_names, (uint32_t)~s->miscmask);
}

/* ---- what the numbers mean -------------------------------------------------------------------- */

static void add_debug(struct json *o, const struct sgx_arch_sigstruct *s)
{
	bool pinned = s->attributemask.flags & SGX_ATTR_DEBUG, set = s->attributes.flags & SGX_ATTR_DEBUG;
	struct json *d = json_add_obj(o, "debug");

	json_add_str(d, "policy", !pinned ? "free" : set ? "debug" : "production");
	if (!s->attributemask.flags)
		json_add_str(d, "text", "ATTRIBUTEMASK is empty: any flags will do, DEBUG among them");
	else if (pinned)
		json_add_str(d, "text", set ? "debug enclaves alone" : "enclaves without DEBUG alone");
	else
		json_add_str(d, "text", set ? "the loader decides: DEBUG is set, but not in the mask" : "the loader decides");
}

/* yyyy-mm-dd, when it is a date. */
static void add_day(struct json *o, const char *key, unsigned int year, unsigned int month, unsigned int day)
{
	char text[48];

	if (year < 1990 || year > 2199 || month < 1 || month > 12 || day < 1 || day > 31)
		return;
	snprintf(text, sizeof(text), "%04u-%02u-%02u", year, month, day);
	json_add_str(o, key, text);
}

/* A number whose nibbles are decimal digits; 0 for any other. */
static unsigned int from_bcd(uint32_t v)
{
	unsigned int n = 0;

	for (int shift = 28; shift >= 0; shift -= 4) {
		if ((v >> shift & 15) > 9)
			return 0;
		n = n * 10 + (v >> shift & 15);
	}
	return n;
}

/* Signers write it as BCD, or as year, month, day in binary, from either end. */
static void add_date(struct json *o, uint32_t date)
{
	struct json *d = json_add_obj(o, "date");
	unsigned int bcd = from_bcd(date);

	json_add_hex(d, "raw", date);
	add_day(d, "bcd", bcd / 10000, bcd / 100 % 100, bcd % 100);
	if ((date & 0xffff) >= 1990 && (date & 0xffff) < 2200)
		add_day(d, "binary", date & 0xffff, date >> 16 & 0xff, date >> 24);
	else
		add_day(d, "binary", date >> 16, date >> 8 & 0xff, date & 0xff);
}

static void add_header(struct json *o, const struct sgx_arch_sigstruct *s)
{
	uint32_t type;

	memcpy(&type, s->header + HEADER_TYPE_OFF, sizeof(type));
	json_add_bytes(o, "header", s->header, sizeof(s->header));
	json_add_str(o, "header_type", !type ? "production" : type == HEADER_DEBUG ? "debug" : "unknown");
	json_add_hex(o, "vendor", s->vendor);
	json_add_str(o, "vendor_name", !s->vendor ? "none" : s->vendor == VENDOR_INTEL ? "Intel" : "unknown");
	add_date(o, s->date);
	json_add_bytes(o, "header2", s->header2, sizeof(s->header2));
	json_add_hex(o, "swdefined", s->swdefined);
}

/* ---- the whole -------------------------------------------------------------------------------- */

struct problems {
	struct json *list;
	bool signed_well;
};

static void add_problem(void *arg, const struct sigstruct_finding *f)
{
	struct problems *p = arg;
	struct json *o;

	if (!f->wrong)
		return;
	if (!strcmp(f->field, "modulus") || !strcmp(f->field, "signature") || !strcmp(f->field, "q1") ||
	    !strcmp(f->field, "q2"))
		p->signed_well = false;
	o = json_push_obj(p->list);
	json_add_str(o, "field", f->field);
	json_add_size(o, "at", f->off);
	json_add_str(o, "message", f->wrong);
}

static int add_signature(struct json *o, const struct sgx_arch_sigstruct *s, struct err *e)
{
	struct problems p = { .list = json_array(), .signed_well = true };
	struct json *sig;

	if (sigstruct_examine(s, add_problem, &p, e) < 0) {
		json_free(p.list);
		return -1;
	}
	sig = json_add_obj(o, "signature");
	json_add_bool(sig, "valid", p.signed_well);
	json_add_take(o, "problems", p.list);
	return 0;
}

void sigstruct_fields_doc(struct json *o, const struct sgx_arch_sigstruct *s)
{
	json_add_bytes(o, "enclavehash", s->enclavehash, sizeof(s->enclavehash));
	json_add_size(o, "isvprodid", s->isvprodid);
	json_add_size(o, "isvsvn", s->isvsvn);
	add_debug(o, s);
	attributes_doc(o, "attributes", &s->attributes);
	attributes_doc(o, "attributemask", &s->attributemask);
	json_add_hex(o, "miscselect", s->miscselect);
	json_add_hex(o, "miscmask", s->miscmask);
	add_bits(o, "miscselect_names", sgx_misc_bit_names, s->miscselect);
	add_free(o, s);
	json_add_bool(o, "kss", s->attributes.flags & s->attributemask.flags & SGX_ATTR_KSS);
	json_add_bytes(o, "isvfamilyid", s->isvfamilyid, sizeof(s->isvfamilyid));
	json_add_bytes(o, "isvextprodid", s->isvextprodid, sizeof(s->isvextprodid));
	json_add_hex(o, "cet_attributes", s->cet_attributes);
	json_add_hex(o, "cet_attributes_mask", s->cet_attributes_mask);
	add_header(o, s);
	json_add_size(o, "exponent", s->exponent);
}

int sigstruct_doc(struct json *o, const struct sgx_arch_sigstruct *s, struct err *e)
{
	uint8_t mrsigner[32];

	sigstruct_mrsigner(s, mrsigner);
	json_add_bytes(o, "mrsigner", mrsigner, sizeof(mrsigner));
	sigstruct_fields_doc(o, s);
	json_add_bytes(o, "modulus", s->modulus, sizeof(s->modulus));
	return add_signature(o, s, e);
}

const struct sigstruct_field *sigstruct_field_find(const char *name)
{
	const struct sigstruct_field *f = sigstruct_fields;

	while (f->name && strcmp(f->name, name))
		f++;
	return f->name ? f : NULL;
}

char *sigstruct_field_text(const struct sigstruct_field *f, const void *value)
{
	uint64_t number = 0;
	char *text;

	if (f->number) {
		memcpy(&number, value, f->bytes);
		return asprintf(&text, "0x%llx", (unsigned long long)number) < 0 ? NULL : text;
	}
	text = malloc(2 * (size_t)f->bytes + 1);
	if (text)
		hex_encode(text, value, f->bytes);
	return text;
}

void place_doc(struct json *obj, const char *key, const struct plan *p, uint64_t off)
{
	struct plan_place place;
	struct json *o;

	if (plan_locate(p, off, &place) < 0)
		return;
	o = json_add_obj(obj, key);
	if (place.section) {
		json_add_str(o, "section", place.section);
		json_add_hex(o, "section_offset", place.section_off);
	}
	if (place.symbol) {
		json_add_str(o, "symbol", place.symbol);
		json_add_hex(o, "symbol_offset", place.symbol_off);
	}
}

void run_doc(struct json *o, const struct plan_run *r)
{
	const char *type = sgx_page_type_name((unsigned int)(r->secinfo >> SGX_SECINFO_PT_SHIFT & 0xff));
	char perm[4];

	json_add_str(o, "type", type);
	json_add_str(o, "perm", perm_str((unsigned int)r->secinfo & SGX_SECINFO_RWX, perm));
	json_add_bool(o, "measured", plan_run_measured(r));
	if (plan_run_partial(r)) {
		json_add_hex(o, "chunks", r->chunks);
		json_add_bool(o, "chunks_in_order", !r->chunk_order);
	}
	json_add_str(o, "what", r->what);
}
