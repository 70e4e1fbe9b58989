/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* augment: grow the enclave; what was done before a failure is in the same document. */
#include <errno.h>
#include <sys/mman.h>

#include "keeper/keeper.h"

struct contents {
	void *map;
	uint64_t bytes, map_bytes;
};

/* The contents padded to the whole range; the file may be shorter than that, not longer. */
static int get_contents(const struct request *r, struct grow_request *q, struct contents *c, struct err *e)
{
	uint64_t want = q->pages * SGX_PAGE_SIZE;

	if (q->pages > KEEPER_MAX_COPY_PAGES)
		return err_set(e, ERR_TOO_BIG, EFBIG, "contents for more than %llu pages at once",
			       (unsigned long long)KEEPER_MAX_COPY_PAGES);
	if (request_contents(r, 0, want, &c->map, &c->bytes, &c->map_bytes, e))
		return -1;
	if (c->map_bytes < want) {
		void *p = mremap(c->map, c->map_bytes, want, MREMAP_MAYMOVE);

		if (p == MAP_FAILED)
			return err_set(e, ERR_NO_MEMORY, errno, "no memory for the contents");
		c->map = p;
		c->map_bytes = want;
	}
	q->copy_from = c->map;
	return 0;
}

static struct json *augment_doc(const struct keeper *k, const struct grow_request *q,
				const struct grow_result *g,
				int result, const struct err *e)
{
	struct json *doc = doc_begin(k, "augment", !result);
	char perm[4];

	json_add_hex(doc, "offset", q->off);
	json_add_str(doc, "strategy", grow_strategy_name(g->strategy));
	json_add_size(doc, "requested_pages", q->pages);
	json_add_size(doc, "augmented_pages", g->augmented_pages);
	json_add_size(doc, "accepted_pages", g->accepted_pages);
	json_add_str(doc, "perm", perm_word(q->rwx, perm));
	doc_counters(doc, &g->counters);
	doc_round_trips(doc, &g->counters, g->augmented_pages);
	json_add_size(doc, "elapsed_ns", g->elapsed_ns);
	if (result)
		doc_exit(doc, k->encl, &g->exit);
	return doc_end(doc, result, e);
}

struct json *req_augment(struct keeper *k, struct request *r, struct err *e)
{
	struct grow_request q = { .rwx = PERM_RW, .progress = request_progress, .progress_arg = r };
	struct contents c = { .map = MAP_FAILED };
	struct grow_result g;
	bool copy = false;
	struct json *doc = NULL;
	int result;

	if (arg_range(r->body, &q.off, &q.pages, e) || arg_strategy(r->body, &q.strategy, e) ||
	    arg_bool(r->body, "accept", &q.accept, e) || arg_perm(r->body, "perm", &q.rwx, e) ||
	    arg_bool(r->body, "down", &q.down, e) || arg_bool(r->body, "copy", &copy, e))
		return NULL;
	if (!copy || !get_contents(r, &q, &c, e)) {
		result = encl_grow(k->encl, &q, &g, e);
		doc = augment_doc(k, &q, &g, result, e);
	}
	if (c.map != MAP_FAILED)
		munmap(c.map, c.map_bytes);
	return doc;
}
