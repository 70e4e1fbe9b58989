/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From rows to readings: errnos, return values and results of calls and leafs. */
#include "cli/explain.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "arch/sgx_names.h"
#include "base/fmt.h"

static void add_causes(struct json *reading, const char *cases)
{
	struct json *causes = json_add_arr(reading, "causes");

	while (*cases) {
		size_t bytes = strcspn(cases, " ");
		const struct explain_case *c = explain_case_find(cases, bytes);
		struct json *cause = json_push_obj(causes);

		json_add_strn(cause, "case", cases, bytes);
		json_add_str(cause, "cause", c ? c->cause : NULL);
		json_add_str(cause, "confirm", c ? c->confirm : NULL);
		json_add_str(cause, "remedy", c ? c->remedy : NULL);
		cases += bytes;
		cases += strspn(cases, " ");
	}
}

struct json *explain_add(struct json *readings, const struct explain_reading *r)
{
	struct json *j = json_push_obj(readings);

	json_add_str(j, "code", r->code);
	json_add_str(j, "kind", r->kind);
	json_add_str(j, "name", r->name);
	json_add_str(j, "context", r->context);
	json_add_str(j, "meaning", r->meaning);
	add_causes(j, r->cases);
	return j;
}

/* "EFAULT" is the errno of the rows "EFAULT" and "EFAULT:20" */
static bool is_result(const char *row, const char *result, size_t bytes)
{
	return !strncmp(row, result, bytes) && (row[bytes] == '\0' || row[bytes] == ':');
}

static void add_row(struct json *readings, const char *code, const struct explain_call_result *r)
{
	bool is_errno = r->result[0] == 'E', is_signal = r->result[0] == 'S';
	bool is_leaf = !strcmp(explain_call_find(r->call, strlen(r->call))->kind, "leaf");
	struct explain_reading reading = {
		.code = code, .context = r->call, .meaning = r->meaning, .cases = r->cases,
		.kind = is_errno ? "errno" : is_signal ? "signal" : is_leaf ? "leaf-result" : "return",
	};
	size_t bytes = strcspn(r->result, ":");
	char name[24];
	struct json *j;

	snprintf(name, sizeof(name), "%.*s", (int)bytes, r->result);
	reading.name = name;
	j = explain_add(readings, &reading);
	if (r->result[bytes])
		json_add_int(j, "result", strtol(r->result + bytes + 1, NULL, 10));
}

/* The rows of call (NULL: of all calls that are no leafs) for one result; NULL result: all of them. */
static size_t add_rows(struct json *readings, const char *code, const struct explain_call *call,
		       const char *result, size_t bytes)
{
	size_t n = 0;

	for (const struct explain_call_result *r = explain_call_results; r->call; r++) {
		if (call && strcmp(call->name, r->call) != 0)
			continue;
		if (result && !is_result(r->result, result, bytes))
			continue;
		if (!call && !strcmp(explain_call_find(r->call, strlen(r->call))->kind, "leaf"))
			continue;
		add_row(readings, code, r);
		n++;
	}
	return n;
}

size_t explain_add_errno(struct json *readings, const char *code, int sys)
{
	const char *name = errno_name(sys);
	struct explain_reading r = {
		.code = code, .kind = "errno", .name = name, .meaning = name ? strerror(sys) : NULL,
		.cases = "not-by-driver",
	};
	size_t n;

	if (!name)
		return 0;
	n = add_rows(readings, code, NULL, name, strlen(name));
	if (n)
		return n;
	explain_add(readings, &r);
	return 1;
}

size_t explain_add_signal(struct json *readings, const char *code, const char *text)
{
	char upper[16];
	size_t i;

	for (i = 0; i + 1 < sizeof(upper) && text[i]; i++)
		upper[i] = (char)toupper((unsigned char)text[i]);
	upper[i] = '\0';
	return text[i] || strncmp(upper, "SIG", 3) != 0 ? 0 : add_rows(readings, code, NULL, upper, i);
}

size_t explain_add_return(struct json *readings, const char *code, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	return add_rows(readings, code, NULL, text, strlen(text));
}

/* What follows the name of a call: "EFAULT", "EFAULT:20", "2", "-22", "#PF", "0x8007" */
struct result {
	char text[24];          /* errno and vector in upper case, numbers in decimal */
	bool is_number, is_hex, has_field;
	uint64_t number, field;
};

static bool parse_result(const char *s, struct result *x)
{
	size_t bytes = strcspn(s, ":"), sign = s[0] == '-';

	*x = (struct result){ .has_field = s[bytes] == ':' };
	if (!bytes || bytes >= sizeof(x->text))
		return false;
	if (x->has_field && parse_u64(s + bytes + 1, UINT32_MAX, &x->field))
		return false;
	for (size_t i = 0; i < bytes; i++)
		x->text[i] = (char)toupper((unsigned char)s[i]);
	x->is_hex = !strncmp(x->text, "0X", 2);
	if (x->is_hex)
		x->text[1] = 'x';
	x->is_number = !parse_u64(x->text + sign, UINT32_MAX, &x->number);
	if (x->is_number)
		snprintf(x->text, sizeof(x->text), "%s%" PRIu64, sign ? "-" : "", x->number);
	return true;
}

static size_t add_leaf_result(struct json *readings, const char *code, const struct explain_call *call,
			      const struct result *x)
{
	size_t n = add_rows(readings, code, call, x->text, strlen(x->text));

	if (n || !x->is_number)
		return n;
	if (x->is_hex && explain_pf_find(x->number)) {
		n = add_rows(readings, code, call, "#PF", 3);
		return n + explain_add_pf(readings, code, x->number, call->name);
	}
	return explain_add_sgx(readings, code, x->number, NULL);
}

/* An errno together with what the field `result` of the structure holds */
static size_t add_errno_field(struct json *readings, const char *code, const struct explain_call *call,
			      const char *name, uint64_t field)
{
	char both[64];
	size_t n;

	snprintf(both, sizeof(both), "%s:%" PRIu64, name, field);
	n = add_rows(readings, code, call, both, strlen(both));
	if (n)
		return n;
	n = explain_add_sgx(readings, code, field, call->name);
	return n ? n + add_rows(readings, code, call, name, strlen(name)) : 0;
}

size_t explain_add_calls(struct json *readings, const char *code, const struct explain_call *call,
			 const char *result)
{
	struct explain_reading foreign = {
		.code = code, .kind = "errno", .context = call->name, .cases = "not-by-driver",
	};
	struct result x;
	size_t n;
	int sys;

	if (!result)
		return add_rows(readings, code, call, NULL, 0);
	if (!parse_result(result, &x))
		return 0;
	if (!strcmp(call->kind, "leaf"))
		return x.has_field ? 0 : add_leaf_result(readings, code, call, &x);

	n = x.has_field ? 0 : add_rows(readings, code, call, x.text, strlen(x.text));
	if (!n && x.is_number && x.text[0] != '-' && x.number)
		n = add_rows(readings, code, call, "n", 1);
	if (n)
		return n;

	sys = x.is_number ? (int)(x.number & 0xfff) : errno_from_name(x.text);
	foreign.name = x.number > 0xfff ? NULL : errno_name(sys);
	if (!foreign.name)
		return 0;
	if (x.has_field)
		return add_errno_field(readings, code, call, foreign.name, x.field);
	n = add_rows(readings, code, call, foreign.name, strlen(foreign.name));
	if (n)
		return n;
	/* a known errno that this call never returns is worth saying, too */
	foreign.meaning = strerror(sys);
	explain_add(readings, &foreign);
	return 1;
}

size_t explain_add_sgx(struct json *readings, const char *code, uint64_t value, const char *context)
{
	const struct explain_sgx *s = explain_sgx_find(value);
	struct explain_reading r = { .code = code, .kind = "sgx-code", .context = context };

	if (!s)
		return 0;
	r.name = sgx_code_name(value);
	r.context = context ? context : s->leafs;
	r.meaning = s->meaning;
	r.cases = s->cases;
	explain_add(readings, &r);
	return 1;
}
