/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one shape of all requests that do one thing to a range of pages: count what was done, say why it
 * stopped.
 */
#include "keeper/req_range.h"

#include "base/clock.h"

struct json *range_request_run(struct keeper *k, const struct request *r, const char *command, range_fn fn,
			       uint64_t value, const char *done_key,
			       void (*describe)(struct json *doc, uint64_t value), struct err *e)
{
	struct encl_counters before, after, diff;
	uint64_t off, pages, done = 0, start;
	struct json *doc;
	int result;

	if (arg_range(r->body, &off, &pages, e))
		return NULL;
	start = now_ns();
	encl_counters_get(k->encl, &before);
	result = fn(k->encl, off, pages, value, &done, e);
	encl_counters_get(k->encl, &after);
	encl_counters_sub(&after, &before, &diff);
	doc = doc_begin(k, command, !result);
	json_add_hex(doc, "offset", off);
	if (describe)
		describe(doc, value);
	json_add_size(doc, "requested_pages", pages);
	json_add_size(doc, done_key, done);
	doc_counters(doc, &diff);
	json_add_size(doc, "elapsed_ns", now_ns() - start);
	return doc_end(doc, result, e);
}

void describe_perm(struct json *doc, uint64_t rwx)
{
	char perm[4];

	json_add_str(doc, "perm", perm_word((unsigned)rwx & SGX_SECINFO_RWX, perm));
}

void describe_flags(struct json *doc, uint64_t flags)
{
	json_add_hex(doc, "flags", flags);
}
