/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ids of checks, as the processor model reports them: LEAF.NUMBER.  Their conditions are read from the
 * model's own tables when this is built, so they exist once.
 */
#include "cli/explain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CHECK(id, condition, refusal) { id, condition, refusal },
const struct explain_check explain_checks[] = {
#include "cli/explain_checks.inc"
	{ NULL, NULL, NULL },
};
#undef CHECK

#define CHECK_CASES(id, cases) { id, cases },
static const struct {
	const char *id, *cases;
} check_cases[] = {
#include "cli/explain_codes.def"
};
#undef CHECK_CASES

/* A refusal with a code is explained by the code, any other by its own row. */
static const char *cases_of(const struct explain_check *c)
{
	size_t digits = strspn(c->refusal, "0123456789");
	uint64_t code = digits ? strtoull(c->refusal, NULL, 10) : 0;

	for (size_t i = 0; i < sizeof(check_cases) / sizeof(check_cases[0]); i++) {
		const char *id = check_cases[i].id;
		size_t bytes = strlen(id);

		if (!strcmp(id, c->id) || (id[bytes - 1] == '.' && !digits && !strncmp(id, c->id, bytes)))
			return check_cases[i].cases;
	}
	return digits && explain_sgx_find(code) ? explain_sgx_find(code)->cases : "";
}

size_t explain_add_check(struct json *readings, const char *code, const char *id)
{
	for (const struct explain_check *c = explain_checks; c->id; c++) {
		struct explain_reading r = { .code = code, .kind = "check", .name = c->id };
		size_t bytes = strcspn(c->id, ".");
		char leaf[16];

		if (strcasecmp(c->id, id) != 0 || bytes >= sizeof(leaf))
			continue;
		memcpy(leaf, c->id, bytes);
		leaf[bytes] = '\0';
		r.context = leaf;
		r.meaning = c->condition;
		r.cases = cases_of(c);
		json_add_str(explain_add(readings, &r), "refusal", c->refusal);
		return 1;
	}
	return 0;
}
