/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The document of diff: where two measurements part, then every difference: SECS, pages, SIGSTRUCT. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/diff.h"
#include "cli/image_doc.h"

DEFINE_CLEANUP_PTR(json_freep, struct json, json_free)

static const char *const side_keys[2] = { "a", "b" };

int diff_open(struct diff *d, struct err *e)
{
	for (int i = 0; i < 2; i++) {
		if ((d->measured ? measure_open : measure_open_only)(&d->side[i], e) < 0)
			return -1;
	}
	return 0;
}

void diff_close(struct diff *d)
{
	for (int i = 0; i < 2; i++)
		measure_close(&d->side[i]);
}

/* ---- what is compared ------------------------------------------------------------------------- */

static void side_doc(struct json *doc, const struct diff *d, int i)
{
	const struct measured *m = &d->side[i];
	const struct plan *p = &m->plan;
	struct json *o = json_add_obj(doc, side_keys[i]), *pages;
	uint8_t mrsigner[32];

	json_add_str(o, "image", m->path);
	json_add_str(o, "format", p->format);
	if (d->measured)
		json_add_bytes(o, "mrenclave", m->mrenclave, sizeof(m->mrenclave));
	else
		json_add_null(o, "mrenclave");
	if (p->has_sigstruct) {
		sigstruct_mrsigner(&p->sigstruct, mrsigner);
		json_add_bytes(o, "mrsigner", mrsigner, sizeof(mrsigner));
	}
	json_add_size(json_add_obj(o, "elrange"), "size", p->size);
	pages = json_add_obj(o, "pages");
	json_add_size(pages, "added", p->pages_added);
	json_add_size(pages, "measured", p->pages_measured);
}

/* ---- where they part -------------------------------------------------------------------------- */

static void record_doc(struct json *o, const char *key, const struct plan *p, const struct plan_record *r,
		       uint64_t place)
{
	struct json *rec = json_add_obj(o, key);
	bool create = !strcmp(r->leaf, "ECREATE");

	json_add_str(rec, "leaf", r->leaf);
	if (create) {
		json_add_size(rec, "ssaframesize", p->ssaframesize);
		json_add_size(rec, "size", p->size);
	} else if (strcmp(r->leaf, "EINIT")) {
		json_add_hex(rec, "offset", r->off);
		if (!strcmp(r->leaf, "EADD"))
			json_add_hex(rec, "secinfo", r->secinfo);
		place_doc(rec, "place", p, place);
	}
}

static void parting_doc(struct json *doc, const struct diff *d)
{
	struct plan_parting at;
	struct json *o;
	bool data;

	plan_compare(&d->side[0].plan, &d->side[1].plan, &at);
	json_add_bool(doc, "same_mrenclave", at.record == UINT64_MAX);
	if (at.record == UINT64_MAX) {
		json_add_null(doc, "first_difference");
		return;
	}
	data = !strcmp(at.what, "data");
	o = json_add_obj(doc, "first_difference");
	json_add_size(o, "record", at.record);
	json_add_str(o, "what", at.what);
	record_doc(o, "a", &d->side[0].plan, &at.a, data ? at.byte : at.a.off);
	record_doc(o, "b", &d->side[1].plan, &at.b, data ? at.byte : at.b.off);
	if (data)
		json_add_hex(o, "byte", at.byte);
}

/* ---- differences ------------------------------------------------------------------------------ */

struct telling {
	const struct diff *d;
	struct json *list;
	uint64_t n;
};

/* NULL beyond the limit. */
static struct json *tell(struct telling *t, const char *kind, bool measured)
{
	struct json *o;

	if (t->n++ >= t->d->limit)
		return NULL;
	o = json_push_obj(t->list);
	json_add_str(o, "kind", kind);
	json_add_bool(o, "measured", measured);
	return o;
}

static void tell_number(struct telling *t, const char *kind, bool measured, uint64_t a, uint64_t b)
{
	struct json *o = a == b ? NULL : tell(t, kind, measured);

	if (!o)
		return;
	json_add_hex(o, "a_value", a);
	json_add_hex(o, "b_value", b);
}

/* null: the loader chooses. */
static void tell_base(struct telling *t, const struct plan *a, const struct plan *b)
{
	struct json *o;

	if (a->has_base == b->has_base) {
		tell_number(t, "base", false, a->base, b->base);
		return;
	}
	o = tell(t, "base", false);
	if (a->has_base)
		json_add_hex(o, "a_value", a->base);
	else
		json_add_null(o, "a_value");
	if (b->has_base)
		json_add_hex(o, "b_value", b->base);
	else
		json_add_null(o, "b_value");
}

static void tell_secs(struct telling *t)
{
	const struct plan *a = &t->d->side[0].plan, *b = &t->d->side[1].plan;

	tell_number(t, "size", true, a->size, b->size);
	tell_number(t, "ssaframesize", true, a->ssaframesize, b->ssaframesize);
	tell_base(t, a, b);
	tell_number(t, "attributes", false, a->attributes.flags, b->attributes.flags);
	tell_number(t, "xfrm", false, a->attributes.xfrm, b->attributes.xfrm);
	tell_number(t, "miscselect", false, a->miscselect, b->miscselect);
}

static void page_side(struct json *o, const char *key, const struct plan *p, const struct plan_run *r, uint64_t off)
{
	struct json *s;

	if (!r)
		return;
	s = json_add_obj(o, key);
	run_doc(s, r);
	place_doc(s, "place", p, off);
}

static void tell_page(struct telling *t, const struct plan_diff *g)
{
	struct json *o = tell(t, plan_diff_name(g->kind), g->measured), *list;
	/* of contents people want to know the variable, not the page */
	uint64_t at = g->n_ranges ? g->ranges[0].off : g->off;
	bool elsewhere = g->kind == PLAN_DIFF_MOVED || g->kind == PLAN_DIFF_ORDER;

	if (!o)
		return;
	json_add_hex(o, "offset", g->off);
	json_add_size(o, "pages", g->pages);
	if (elsewhere)
		json_add_hex(o, "to", g->to);
	page_side(o, "a", &t->d->side[0].plan, g->a, at);
	page_side(o, "b", &t->d->side[1].plan, g->b, g->kind == PLAN_DIFF_MOVED ? g->to : at);
	if (g->kind != PLAN_DIFF_CONTENT)
		return;
	json_add_size(o, "bytes", g->bytes);
	json_add_size(o, "ranges_total", g->all_ranges);
	list = json_add_arr(o, "ranges");
	for (size_t i = 0; i < g->n_ranges; i++) {
		struct json *r = json_push_obj(list);

		json_add_hex(r, "offset", g->ranges[i].off);
		json_add_size(r, "bytes", g->ranges[i].bytes);
	}
}

static int tell_pages(struct telling *t, struct err *e)
{
	struct plan_diffs diffs;
	uint64_t before = t->n;

	if (plan_diff(&t->d->side[0].plan, &t->d->side[1].plan, t->d->limit, &diffs, e) < 0)
		return -1;
	for (size_t i = 0; i < diffs.n; i++)
		tell_page(t, &diffs.v[i]);
	t->n = before + diffs.all;      /* those beyond the limit are counted, too */
	plan_diffs_release(&diffs);
	return 0;
}

static bool says(const struct plan *p, const struct plan_dynamic *d)
{
	for (size_t i = 0; i < p->n_dynamic; i++) {
		const struct plan_dynamic *o = &p->dynamic[i];

		if (o->off == d->off && o->pages == d->pages && !strcmp(o->what, d->what))
			return true;
	}
	return false;
}

/* Ranges for pages that come at run time. */
static void tell_dynamic(struct telling *t)
{
	for (int side = 0; side < 2; side++) {
		const struct plan *p = &t->d->side[side].plan, *other = &t->d->side[!side].plan;

		for (size_t i = 0; i < p->n_dynamic; i++) {
			struct json *o = says(other, &p->dynamic[i]) ? NULL : tell(t, "dynamic", false);

			if (!o)
				continue;
			json_add_hex(o, "offset", p->dynamic[i].off);
			json_add_size(o, "pages", p->dynamic[i].pages);
			json_add_str(json_add_obj(o, side_keys[side]), "what", p->dynamic[i].what);
		}
	}
}

/* ---- signatures ------------------------------------------------------------------------------- */

static int tell_field(struct telling *t, const struct sigstruct_field *f, struct err *e)
{
	const struct sgx_arch_sigstruct *sig[2] = { &t->d->side[0].plan.sigstruct, &t->d->side[1].plan.sigstruct };
	struct json *o = tell(t, "sigstruct", false);

	if (!o)
		return 0;
	json_add_str(o, "field", f->name);
	for (int i = 0; i < 2; i++) {
		CLEANUP(cleanup_free) char *text = sigstruct_field_text(f, (const uint8_t *)sig[i] + f->off);

		if (!text)
			return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the differences");
		json_add_str(o, i ? "b_value" : "a_value", text);
	}
	return 0;
}

static void tell_signer(struct telling *t)
{
	struct json *o = tell(t, "signer", false);

	for (int i = 0; o && i < 2; i++) {
		uint8_t mrsigner[32];

		sigstruct_mrsigner(&t->d->side[i].plan.sigstruct, mrsigner);
		json_add_bytes(o, i ? "b_value" : "a_value", mrsigner, sizeof(mrsigner));
	}
}

static bool follows_from_others(const char *name)
{
	return !strcmp(name, "signature") || !strcmp(name, "q1") || !strcmp(name, "q2");
}

static int tell_sigstructs(struct telling *t, struct err *e)
{
	const struct plan *a = &t->d->side[0].plan, *b = &t->d->side[1].plan;
	bool any = false;

	if (a->has_sigstruct != b->has_sigstruct) {
		struct json *o = tell(t, "signed", false);

		json_add_bool(o, "a_signed", a->has_sigstruct);
		json_add_bool(o, "b_signed", b->has_sigstruct);
		return 0;
	}
	if (!a->has_sigstruct)
		return 0;
	for (const struct sigstruct_field *f = sigstruct_fields; f->name; f++) {
		const uint8_t *x = (const uint8_t *)&a->sigstruct + f->off, *y = (const uint8_t *)&b->sigstruct + f->off;

		/* of equal bytes by the same key there is one signature: a second one is worth telling */
		if (!memcmp(x, y, f->bytes) || (follows_from_others(f->name) && any))
			continue;
		any = true;
		if (!strcmp(f->name, "modulus"))
			tell_signer(t);
		else if (tell_field(t, f, e) < 0)
			return -1;
	}
	return 0;
}

struct json *diff_doc(const struct diff *d, bool *ret_same, struct err *e)
{
	CLEANUP(json_freep) struct json *doc = json_object();
	CLEANUP(json_freep) struct json *list = json_array();
	struct telling t = { .d = d, .list = list };

	json_add_str(doc, "schema", "sgxctl.diff/1");
	json_add_bool(doc, "ok", true);
	tell_secs(&t);
	if (tell_pages(&t, e) < 0)
		return NULL;
	tell_dynamic(&t);
	if (tell_sigstructs(&t, e) < 0)
		return NULL;
	*ret_same = !t.n;
	json_add_bool(doc, "same", *ret_same);
	side_doc(doc, d, 0);
	side_doc(doc, d, 1);
	parting_doc(doc, d);
	json_add_size(doc, "differences_total", t.n);
	json_add_take(doc, "differences", STEAL_PTR(list));
	return STEAL_PTR(doc);
}
