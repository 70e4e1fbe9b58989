/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors as documents, and back. */
#include <stdio.h>
#include <string.h>

#include "session/internal.h"

void session_error_add(struct json *doc, const struct err *e)
{
	struct json *o = json_add_obj(doc, "error");
	const char *hint = *e->hint ? e->hint : err_default_hint(e->code);

	json_add_str(o, "code", err_name(e->code));
	json_add_str(o, "message", e->msg);
	if (*hint)
		json_add_str(o, "hint", hint);
	if (e->sys) {
		const char *name = errno_name(e->sys);
		char number[16];

		snprintf(number, sizeof(number), "%d", e->sys);
		json_add_str(o, "errno", name ? name : number);
	}
	if (e->returned)
		json_add_int(o, "returned", e->returned);
	if (e->sgx)
		json_add_size(o, "sgx", e->sgx);
	if (*e->check)
		json_add_str(o, "check", e->check);
	if (e->has_offset)
		json_add_hex(o, "offset", e->offset);
}

struct json *session_error_doc(const struct err *e)
{
	struct json *doc = json_object();

	json_add_str(doc, "schema", "sgxctl.error/1");
	json_add_bool(doc, "ok", false);
	session_error_add(doc, e);
	return doc;
}

void session_error_from_doc(const struct json *doc, struct err *e)
{
	const struct json *o = json_get(doc, "error");
	const char *code = json_str(json_get(o, "code"));
	const char *message = json_str(json_get(o, "message"));
	const char *hint = json_str(json_get(o, "hint"));
	const char *name = json_str(json_get(o, "errno"));
	const char *check = json_str(json_get(o, "check"));
	enum err_code known = code ? err_from_name(code) : ERR_NONE;
	int64_t returned;
	uint64_t u;

	if (known != ERR_NONE)
		err_set(e, known, 0, "%s", message ? message : "");
	else
		err_set(e, ERR_PROTOCOL, 0, "the keeper reports an unknown error '%s': %s", code ? code : "",
			message ? message : "");
	if (hint)
		err_hint(e, "%s", hint);
	if (name)
		e->sys = errno_from_name(name);
	if (json_int(json_get(o, "returned"), &returned) == 0)
		e->returned = (long)returned;
	if (json_u64(json_get(o, "sgx"), &u) == 0 && u <= UINT32_MAX)
		e->sgx = (uint32_t)u;
	if (check)
		snprintf(e->check, sizeof(e->check), "%s", check);
	if (json_u64(json_get(o, "offset"), &u) == 0)
		err_offset(e, u);
}
