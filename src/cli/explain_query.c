/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the text of a code to everything that it can mean. */
#include "cli/explain.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "arch/sgx_names.h"
#include "arch/sgx_uapi.h"
#include "base/fmt.h"

/* ---- texts of one kind ---------------------------------------------------------------------------- */

static size_t add_errno_text(struct json *readings, const char *code, const char *text)
{
	char upper[24];
	uint64_t n;
	size_t i;

	if (!parse_u64(text + (*text == '-'), 4095, &n))
		return explain_add_errno(readings, code, (int)n);
	for (i = 0; i + 1 < sizeof(upper) && text[i]; i++)
		upper[i] = (char)toupper((unsigned char)text[i]);
	upper[i] = '\0';
	return text[i] ? 0 : explain_add_errno(readings, code, errno_from_name(upper));
}

static size_t add_sgx_text(struct json *readings, const char *code, const char *text)
{
	uint64_t n;

	if (!parse_u64(text, UINT32_MAX, &n))
		return explain_add_sgx(readings, code, n, NULL);
	if (!strncasecmp(text, "SGX_", 4))
		text += 4;
	for (const struct explain_sgx *s = explain_sgx_codes; s->meaning; s++) {
		const char *name = sgx_code_name(s->code);

		if (name && !strcasecmp(name, text))
			return explain_add_sgx(readings, code, s->code, NULL);
	}
	return 0;
}

/* "#UD", "UD", "v6" or a plain number where only a vector can be meant */
static size_t add_vector_text(struct json *readings, const char *code, const char *text)
{
	uint64_t n;

	if (!parse_u64(text, 255, &n))
		return explain_add_vector(readings, code, n);
	if ((*text == 'v' || *text == 'V') && !parse_u64(text + 1, 255, &n))
		return explain_add_vector(readings, code, n);
	for (const struct explain_vector *v = explain_vectors; v->meaning; v++) {
		const char *name = sgx_vector_name(v->number);

		if (name && (!strcasecmp(name, text) || (*name == '#' && !strcasecmp(name + 1, text))))
			return explain_add_vector(readings, code, v->number);
	}
	return 0;
}

static size_t add_error_text(struct json *readings, const char *code, const char *text)
{
	enum err_code ec = err_from_name(text);
	const struct explain_error *x = explain_error_find(text);
	struct explain_reading r = { .code = code, .kind = "error", .name = text, .context = "sgxctl" };
	struct json *j;

	if (ec == ERR_NONE)
		return 0;
	r.meaning = x ? x->meaning : err_default_hint(ec);
	r.cases = x ? x->cases : "";
	j = explain_add(readings, &r);
	json_add_int(j, "exit_status", err_exit_status(ec));
	json_add_str(j, "hint", *err_default_hint(ec) ? err_default_hint(ec) : NULL);
	return 1;
}

static size_t add_exit_text(struct json *readings, const char *code, const char *text)
{
	struct explain_reading r = { .code = code, .kind = "exit-status", .context = "sgxctl", .cases = "" };
	uint64_t n;

	if (parse_u64(text, 255, &n))
		return 0;
	for (const struct explain_exit *x = explain_exits; x->meaning; x++) {
		if (x->number != n)
			continue;
		r.name = text;
		r.meaning = x->meaning;
		explain_add(readings, &r);
		return 1;
	}
	return 0;
}

static size_t add_case_text(struct json *readings, const char *code, const char *text)
{
	const struct explain_case *c = explain_case_find(text, strlen(text));
	struct explain_reading r = { .code = code, .kind = "case" };

	if (!c)
		return 0;
	r.name = r.cases = c->slug;
	r.meaning = c->cause;
	explain_add(readings, &r);
	return 1;
}

static size_t add_number_of(struct json *readings, const char *code, const char *text,
			    size_t (*add)(struct json *, const char *, uint64_t))
{
	uint64_t n;

	return parse_u64(text, UINT64_MAX, &n) ? 0 : add(readings, code, n);
}

static size_t add_pf_plain(struct json *readings, const char *code, uint64_t value)
{
	return explain_add_pf(readings, code, value, NULL);
}

/* 0xc018a409: the ioctl's own number */
static size_t add_ioctl_number(struct json *readings, const char *code, uint64_t value)
{
	const char *name = sgx_ioctl_name((unsigned long)value);
	const struct explain_call *call = name ? explain_call_find(name, strlen(name)) : NULL;
	struct explain_reading r = { .code = code, .kind = "ioctl", .cases = "unknown-ioctl" };

	if (!call)
		return 0;
	r.name = name;
	r.context = SGX_DEV_ENCLAVE;
	r.meaning = call->what;
	explain_add(readings, &r);
	return 1;
}

/* ---- "KIND:TEXT" ------------------------------------------------------------------------------------ */

static size_t add_pf_text(struct json *j, const char *c, const char *t)
{
	return add_number_of(j, c, t, add_pf_plain);
}
static size_t add_exitinfo_text(struct json *j, const char *c, const char *t)
{
	return add_number_of(j, c, t, explain_add_exitinfo);
}
static size_t add_secinfo_text(struct json *j, const char *c, const char *t)
{
	return add_number_of(j, c, t, explain_add_secinfo);
}
static size_t add_return_text(struct json *j, const char *c, const char *t)
{
	return add_number_of(j, c, t, explain_add_return);
}
static size_t add_ioctl_text(struct json *j, const char *c, const char *t)
{
	return add_number_of(j, c, t, add_ioctl_number);
}

static const struct {
	const char *name;
	size_t (*add)(struct json *readings, const char *code, const char *text);
} kinds[] = {
	{ "errno", add_errno_text },
	{ "return", add_return_text },
	{ "sgx", add_sgx_text },
	{ "pf", add_pf_text },
	{ "exitinfo", add_exitinfo_text },
	{ "secinfo", add_secinfo_text },
	{ "signal", explain_add_signal },
	{ "vector", add_vector_text },
	{ "error", add_error_text },
	{ "exit", add_exit_text },
	{ "check", explain_add_check },
	{ "case", add_case_text },
	{ "ioctl", add_ioctl_text },
};

static size_t add_headed(struct json *readings, const char *code)
{
	size_t bytes = strcspn(code, ":");
	const struct explain_call *call;

	if (!code[bytes])
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].name) == bytes && !strncasecmp(kinds[i].name, code, bytes))
			return kinds[i].add(readings, code, code + bytes + 1);
	}
	call = explain_call_find(code, bytes);
	return call ? explain_add_calls(readings, code, call, code + bytes + 1) : 0;
}

/* ---- bare texts: every reading, the likely ones first ----------------------------------------------- */

static size_t add_hex(struct json *readings, const char *code, uint64_t n)
{
	size_t found = explain_add_exitinfo(readings, code, n & 0x80000000u ? n : UINT64_MAX);
	const struct explain_pf *pf = explain_pf_find(n);
	bool is_common = pf && pf->mask == UINT32_MAX;

	found += add_ioctl_number(readings, code, n);
	found += explain_add_encls(readings, code, n);
	if (is_common)
		found += add_pf_plain(readings, code, n);
	if (n >= 0x100)
		found += explain_add_secinfo(readings, code, n);
	found += explain_add_sgx(readings, code, n, NULL);
	if (!is_common)
		found += add_pf_plain(readings, code, n);
	return found;
}

/* Programs print error codes and vectors in decimal, too: those that enclaves really meet are offered. */
static size_t add_decimal(struct json *readings, const char *code, uint64_t n)
{
	size_t found = explain_add_return(readings, code, n);
	const struct explain_pf *pf = explain_pf_find(n);

	found += explain_add_sgx(readings, code, n, NULL);
	if (n && n <= 4095)
		found += explain_add_errno(readings, code, (int)n);
	if (pf && pf->mask == UINT32_MAX)
		found += add_pf_plain(readings, code, n);
	if (n && n < 32)
		found += explain_add_vector(readings, code, n);
	found += add_exit_text(readings, code, code);
	found += explain_add_encls(readings, code, n);
	return found;
}

static size_t add_word(struct json *readings, const char *code)
{
	const struct explain_call *call = explain_call_find(code, strlen(code));
	size_t n = add_errno_text(readings, code, code);

	if (call)
		n += explain_add_calls(readings, code, call, NULL);
	n += add_sgx_text(readings, code, code);
	n += explain_add_signal(readings, code, code);
	n += add_vector_text(readings, code, code);
	n += explain_add_run(readings, code);
	n += add_error_text(readings, code, code);
	n += explain_add_check(readings, code, code);
	n += add_case_text(readings, code, code);
	return n;
}

static size_t add_code(struct json *readings, const char *code, const struct explain_call *context)
{
	uint64_t n;

	if (context && !strchr(code, '/'))
		return explain_add_calls(readings, code, context, code);
	if (strchr(code, ':'))
		return add_headed(readings, code);
	if (!parse_u64(code, UINT64_MAX, &n))
		return strpbrk(code, "xX") ? add_hex(readings, code, n) : add_decimal(readings, code, n);
	if (*code == '-')
		return add_errno_text(readings, code, code);
	return add_word(readings, code);
}

/* ---- the document --------------------------------------------------------------------------------------- */

static int unknown(struct err *e, const char *code, const struct explain_call *context)
{
	if (context)
		err_set(e, ERR_UNKNOWN_CODE, 0, "'%.100s' is no result of %s", code, context->what);
	else
		err_set(e, ERR_UNKNOWN_CODE, 0, "unknown code '%.100s'", code);
	return err_hint(e, "'sgxctl explain --list --text' shows what is known");
}

static void join_codes(char *dst, size_t bytes, const char *const *codes, size_t n)
{
	size_t at = 0;

	dst[0] = '\0';
	for (size_t i = 0; i < n && at < bytes; i++) {
		int w = snprintf(dst + at, bytes - at, "%s%s", i ? " " : "", codes[i]);

		at += w > 0 ? (size_t)w : 0;
	}
}

struct json *explain_whole(struct json *doc, struct err *e)
{
	if (doc && !json_error(doc))
		return doc;
	json_free(doc);
	err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the answer");
	return NULL;
}

struct json *explain_document(const char *const *codes, size_t n_codes, const char *context, struct err *e)
{
	const struct explain_call *call = context ? explain_call_find(context, strlen(context)) : NULL;
	char joined[EXPLAIN_MAX_CODES * (EXPLAIN_MAX_BYTES + 1)];
	struct json *doc, *readings;
	size_t i = 0;

	if (context && !call) {
		err_set(e, ERR_UNKNOWN_CODE, 0, "'%.100s' is no call on the device", context);
		return NULL;
	}
	if (!n_codes || n_codes > EXPLAIN_MAX_CODES) {
		err_set(e, ERR_USAGE, 0, "1 to %d codes are explained at a time", EXPLAIN_MAX_CODES);
		return NULL;
	}
	for (i = 0; i < n_codes; i++) {
		if (strlen(codes[i]) > EXPLAIN_MAX_BYTES) {
			unknown(e, codes[i], NULL);
			return NULL;
		}
	}
	if (!call && n_codes > 1)
		call = explain_call_find(codes[0], strlen(codes[0]));

	join_codes(joined, sizeof(joined), codes, n_codes);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.explain/1");
	json_add_bool(doc, "ok", true);
	json_add_str(doc, "code", joined);
	readings = json_add_arr(doc, "readings");
	for (i = call && !context; i < n_codes; i++) {
		if (!add_code(readings, codes[i], call)) {
			unknown(e, codes[i], call);
			json_free(doc);
			return NULL;
		}
	}
	return explain_whole(doc, e);
}
