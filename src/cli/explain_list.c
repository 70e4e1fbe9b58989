/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that has a row, as codes that explain takes. */
#include <inttypes.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "cli/explain.h"

static void add_entry(struct json *entries, const char *kind, const char *code, const char *meaning)
{
	struct json *j = json_push_obj(entries);

	json_add_str(j, "kind", kind);
	json_add_str(j, "code", code);
	json_add_str(j, "meaning", meaning);
}

static void add_call_rows(struct json *entries)
{
	char code[64];

	for (const struct explain_call_result *r = explain_call_results; r->call; r++) {
		snprintf(code, sizeof(code), "%s:%s", r->call, r->result);
		add_entry(entries, "result", code, r->meaning);
	}
}

static void add_numbers(struct json *entries)
{
	char code[64];

	for (const struct explain_sgx *s = explain_sgx_codes; s->meaning; s++)
		add_entry(entries, "sgx-code", sgx_code_name(s->code), s->meaning);
	for (const struct explain_pf *p = explain_pf_codes; p->meaning; p++) {
		if (p->mask != UINT32_MAX)
			continue;
		snprintf(code, sizeof(code), "pf:0x%" PRIx32, p->value);
		add_entry(entries, "pf-error-code", code, p->meaning);
	}
	for (const struct explain_vector *v = explain_vectors; v->meaning; v++)
		add_entry(entries, "vector", sgx_vector_name(v->number), v->meaning);
	for (const struct explain_secinfo *s = explain_secinfos; s->meaning; s++) {
		snprintf(code, sizeof(code), "secinfo:0x%" PRIx32, s->flags);
		add_entry(entries, "secinfo", code, s->meaning);
	}
	for (const struct explain_exit *x = explain_exits; x->meaning; x++) {
		snprintf(code, sizeof(code), "exit:%u", x->number);
		add_entry(entries, "exit-status", code, x->meaning);
	}
}

struct json *explain_list(struct err *e)
{
	struct json *doc = json_object(), *entries;

	json_add_str(doc, "schema", "sgxctl.explain-list/1");
	json_add_bool(doc, "ok", true);
	entries = json_add_arr(doc, "entries");
	add_call_rows(entries);
	add_numbers(entries);
	for (int i = ERR_NONE + 1; i < ERR_N_CODES; i++) {
		const char *name = err_name((enum err_code)i);
		const struct explain_error *x = explain_error_find(name);

		add_entry(entries, "error", name, x ? x->meaning : err_default_hint((enum err_code)i));
	}
	for (const struct explain_check *c = explain_checks; c->id; c++)
		add_entry(entries, "check", c->id, c->condition);
	for (const struct explain_case *c = explain_cases; c->slug; c++)
		add_entry(entries, "case", c->slug, c->cause);
	return explain_whole(doc, e);
}
