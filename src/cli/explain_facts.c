/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The tables of explain_*.def and how rows are found. */
#include "cli/explain.h"

#include <string.h>
#include <strings.h>

#define PF_KNOWN_BITS 0x807fu

#define CASE(slug, cause, confirm, remedy) { slug, cause, confirm, remedy },
const struct explain_case explain_cases[] = {
#include "cli/explain_cases.def"
#include "cli/explain_cases_run.def"
#include "cli/explain_cases_leaf.def"
#include "cli/explain_cases_host.def"
	{ NULL, NULL, NULL, NULL },
};
#undef CASE

#define CALL(name, kind, what) { name, kind, what },
const struct explain_call explain_calls[] = {
#include "cli/explain_calls.def"
	{ NULL, NULL, NULL },
};
#undef CALL

#define CALL_RESULT(call, result, meaning, cases) { call, result, meaning, cases },
const struct explain_call_result explain_call_results[] = {
#include "cli/explain_calls.def"
	{ NULL, NULL, NULL, NULL },
};
#undef CALL_RESULT

#define SGX_RESULT(code, leafs, meaning, cases) { code, leafs, meaning, cases },
const struct explain_sgx explain_sgx_codes[] = {
#include "cli/explain_codes.def"
	{ 0, NULL, NULL, NULL },
};
#undef SGX_RESULT

#define PF_CODE(mask, value, meaning, cases) { mask, value, meaning, cases },
const struct explain_pf explain_pf_codes[] = {
#include "cli/explain_codes.def"
	{ 0, 0, NULL, NULL },
};
#undef PF_CODE

#define VECTOR(number, meaning, cases) { number, meaning, cases },
const struct explain_vector explain_vectors[] = {
#include "cli/explain_codes.def"
	{ 0, NULL, NULL },
};
#undef VECTOR

#define EXIT_STATUS(number, meaning) { number, meaning },
const struct explain_exit explain_exits[] = {
#include "cli/explain_codes.def"
	{ 0, NULL },
};
#undef EXIT_STATUS

#define SECINFO_USE(flags, meaning) { flags, meaning },
const struct explain_secinfo explain_secinfos[] = {
#include "cli/explain_codes.def"
	{ 0, NULL },
};
#undef SECINFO_USE

#define ERROR_MEANING(code, meaning, cases) { code, meaning, cases },
const struct explain_error explain_errors[] = {
#include "cli/explain_errors.def"
	{ NULL, NULL, NULL },
};
#undef ERROR_MEANING

const struct explain_case *explain_case_find(const char *slug, size_t bytes)
{
	for (const struct explain_case *c = explain_cases; c->slug; c++) {
		if (strlen(c->slug) == bytes && !memcmp(c->slug, slug, bytes))
			return c;
	}
	return NULL;
}

static bool same_word(char a, char b)
{
	if (a == '-')
		a = '_';
	return !strncasecmp(&a, &b, 1);
}

static bool is_call_name(const struct explain_call *c, const char *name, size_t bytes)
{
	size_t i;

	if (strlen(c->name) != bytes)
		return false;
	for (i = 0; i < bytes && same_word(name[i], c->name[i]); i++)
		;
	return i == bytes;
}

const struct explain_call *explain_call_find(const char *name, size_t bytes)
{
	static const char *const prefixes[] = { "SGX_IOC_ENCLAVE_", "SGX_IOC_", "" };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		size_t skip = strlen(prefixes[i]);

		if (bytes < skip || strncasecmp(name, prefixes[i], skip) != 0)
			continue;
		for (const struct explain_call *c = explain_calls; c->name; c++) {
			if (is_call_name(c, name + skip, bytes - skip))
				return c;
		}
	}
	return NULL;
}

const struct explain_sgx *explain_sgx_find(uint64_t code)
{
	for (const struct explain_sgx *s = explain_sgx_codes; s->meaning; s++) {
		if (s->code == code)
			return s;
	}
	return NULL;
}

const struct explain_pf *explain_pf_find(uint64_t code)
{
	if (code & ~(uint64_t)PF_KNOWN_BITS)
		return NULL;
	for (const struct explain_pf *p = explain_pf_codes; p->meaning; p++) {
		if ((code & p->mask) == p->value)
			return p;
	}
	return NULL;
}

const struct explain_vector *explain_vector_find(uint64_t number)
{
	for (const struct explain_vector *v = explain_vectors; v->meaning; v++) {
		if (v->number == number)
			return v;
	}
	return NULL;
}

const struct explain_error *explain_error_find(const char *code)
{
	for (const struct explain_error *x = explain_errors; x->code; x++) {
		if (!strcmp(x->code, code))
			return x;
	}
	return NULL;
}
