/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pages: the page map, run-length coded. */
#include <stdlib.h>
#include <sys/mman.h>

#include "arch/sgx_names.h"
#include "base/cleanup.h"
#include "keeper/keeper.h"

static void add_vma(struct json *o, int vma)
{
	char perm[4];

	if (vma == -1)
		json_add_str(o, "vma", "unmapped");
	else if (vma < 0)
		json_add_null(o, "vma");
	else
		json_add_str(o, "vma", perm_word((vma & PROT_READ ? SGX_SECINFO_R : 0u) |
						 (vma & PROT_WRITE ? SGX_SECINFO_W : 0u) |
						 (vma & PROT_EXEC ? SGX_SECINFO_X : 0u), perm));
}

static void add_range(struct json *list, const struct page_range *p)
{
	struct json *o = json_push_obj(list);
	char perm[4];

	json_add_hex(o, "offset", p->off);
	json_add_size(o, "pages", p->pages);
	json_add_str(o, "type", p->valid ? sgx_page_type_name(p->pt) : "none");
	json_add_str(o, "perm", perm_word(p->valid ? p->rwx : 0, perm));
	json_add_bool(o, "pending", p->pending);
	json_add_bool(o, "modified", p->modified);
	json_add_bool(o, "pr", p->pr);
	json_add_bool(o, "blocked", p->blocked);
	if (p->pte < 0)
		json_add_null(o, "pte");
	else
		json_add_bool(o, "pte", p->pte);
	add_vma(o, p->vma);
	if (p->valid)
		json_add_str(o, "origin", p->origin == PAGE_EADD ? "eadd" : "eaug");
	json_add_str(o, "source", p->source);
	json_add_str(o, "what", p->what);
}

struct json *req_pages(struct keeper *k, struct request *r, struct err *e)
{
	CLEANUP(cleanup_free) struct page_range *ranges = NULL;
	uint64_t off = 0, pages = k->encl->size / SGX_PAGE_SIZE;
	struct json *doc, *list;
	size_t n;

	if (json_get(r->body, "offset") && arg_range(r->body, &off, &pages, e))
		return NULL;
	if (!json_get(r->body, "pages") && !json_get(r->body, "length"))
		pages = off < k->encl->size ? (k->encl->size - off) / SGX_PAGE_SIZE : 1;
	if (encl_pages(k->encl, off, pages, &ranges, &n, e))
		return NULL;
	doc = doc_begin(k, "pages", true);
	doc_elrange(doc, k->encl);
	list = json_add_arr(doc, "ranges");
	for (size_t i = 0; i < n; i++)
		add_range(list, &ranges[i]);
	return doc;
}
