/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ranges of pages on the command line. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"
#include "session/session.h"

#define PAGE 4096u
#define MAX_PAGES (UINT64_MAX / PAGE)

error_t range_option(struct range *r, int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case KEY_OFFSET:
		r->has_offset = true;
		return option_size(state, "offset", arg, UINT64_MAX, &r->offset);
	case KEY_PAGES:
		r->has_pages = true;
		return option_u64(state, "pages", arg, MAX_PAGES, &r->pages);
	case KEY_LENGTH:
		r->has_length = true;
		return option_size(state, "length", arg, UINT64_MAX, &r->length);
	case KEY_ABSOLUTE:
		r->absolute = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

error_t range_complete(struct range *r, enum range_needs needs, struct argp_state *state)
{
	const char *wrong = NULL;

	if (r->has_pages && r->has_length)
		wrong = "--pages and --length exclude each other";
	else if (needs != RANGE_OPTIONAL && !r->has_offset)
		wrong = "--offset is missing";
	else if (needs == RANGE_WHOLE && !r->has_pages && !r->has_length)
		wrong = "--pages or --length is missing";
	else if ((r->has_pages && !r->pages) || (r->has_length && !r->length))
		wrong = "the range is empty";
	if (!wrong)
		return 0;
	argp_error(state, "%s", wrong);
	return EINVAL;
}

int address_to_offset(const char *name, uint64_t address, uint64_t *ret_offset, struct err *e)
{
	struct session_entry *entries;
	uint64_t base = 0;
	int found = 0;
	size_t n;

	if (session_list(&entries, &n, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(entries[i].name, name))
			continue;
		found = json_u64(json_path(entries[i].info, "elrange.base"), &base) == 0 ? 2 : 1;
	}
	session_list_free(entries, n);
	if (!found)
		return err_set(e, ERR_NO_ENCLAVE, 0, "there is no enclave '%s'", name);
	if (found == 1)
		return err_set(e, ERR_BUSY, 0, "the ELRANGE of enclave '%s' is not known yet", name);
	*ret_offset = address - base;
	return 0;
}

int range_request(const struct range *r, const char *name, struct json *request, struct err *e)
{
	uint64_t offset = r->offset;

	if (r->has_length && r->length % PAGE)
		return err_set(e, ERR_BAD_RANGE, 0, "--length %llu is no multiple of %u",
			       (unsigned long long)r->length, PAGE);
	if (r->has_offset && r->absolute && address_to_offset(name, r->offset, &offset, e) < 0)
		return -1;
	if (r->has_offset)
		request_u64(request, "offset", offset);
	if (r->has_pages || r->has_length)
		request_u64(request, "pages", r->has_length ? r->length / PAGE : r->pages);
	return 0;
}
