/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dump-secs: the SECS field by field, each with its source. */
#include <errno.h>

#include "arch/sgx_names.h"
#include "base/fd.h"
#include "keeper/keeper.h"

static void add_names(struct json *o, const char *key, const struct sgx_name *table, uint64_t bits)
{
	const char *names[SGX_MAX_BITS];
	size_t n = sgx_bit_names(table, bits, names);
	struct json *list = json_add_arr(o, key);

	for (size_t i = 0; i < n; i++)
		json_push_str(list, names[i]);
}

static void add_secs(struct json *doc, const struct secs_view *v)
{
	const struct sgx_arch_secs *s = &v->secs;
	struct json *o = json_add_obj(doc, "secs"), *attr;

	json_add_size(o, "size", s->size);
	json_add_hex(o, "base", s->baseaddr);
	json_add_size(o, "ssaframesize", s->ssaframesize);
	json_add_hex(o, "miscselect", s->miscselect);
	attr = json_add_obj(o, "attributes");
	json_add_hex(attr, "flags", s->attributes.flags);
	json_add_hex(attr, "xfrm", s->attributes.xfrm);
	add_names(attr, "names", sgx_attr_bit_names, s->attributes.flags);
	add_names(attr, "xfrm_names", sgx_xfrm_bit_names, s->attributes.xfrm);
	json_add_bytes(o, "mrenclave", s->mrenclave, sizeof(s->mrenclave));
	json_add_bytes(o, "mrsigner", s->mrsigner, sizeof(s->mrsigner));
	json_add_size(o, "isvprodid", s->isvprodid);
	json_add_size(o, "isvsvn", s->isvsvn);
	json_add_bytes(o, "configid", s->configid, sizeof(s->configid));
	json_add_size(o, "configsvn", s->configsvn);
	if (v->has_eid) {
		json_add_hex(o, "eid", v->eid);
		json_add_size(o, "children", v->children);
	}
}

static void add_sources(struct json *doc, const struct secs_view *v)
{
	struct json *o = json_add_obj(doc, "sources");

#define SOURCE(f) json_add_str(o, #f, secs_source_name(v->f));
	SOURCE(size) SOURCE(base) SOURCE(ssaframesize) SOURCE(miscselect) SOURCE(attributes) SOURCE(xfrm)
	SOURCE(mrenclave) SOURCE(mrsigner) SOURCE(isvprodid) SOURCE(isvsvn) SOURCE(configid) SOURCE(configsvn)
#undef SOURCE
	if (v->has_eid) {
		json_add_str(o, "eid", secs_source_name(SRC_EPC));
		json_add_str(o, "children", secs_source_name(SRC_EPC));
	}
}

/* The 4096 bytes into the client's file, or as hex. */
static int give_raw(const struct request *r, struct json *doc, const struct secs_view *v, struct err *e)
{
	bool raw = false;

	if (arg_bool(r->body, "raw", &raw, e))
		return -1;
	if (r->n_fds) {
		if (write_full(r->fds[0], &v->secs, sizeof(v->secs)))
			return err_set(e, ERR_IO, errno, "the SECS cannot be written to the file");
	} else if (raw) {
		json_add_bytes(doc, "raw", &v->secs, sizeof(v->secs));
	}
	return 0;
}

struct json *req_dump_secs(struct keeper *k, struct request *r, struct err *e)
{
	struct secs_view v;
	struct json *doc;

	if (encl_secs(k->encl, &v, e))
		return NULL;
	doc = doc_begin(k, "dump-secs", true);
	add_secs(doc, &v);
	add_sources(doc, &v);
	json_add_bool(doc, "inferred", !v.raw);
	if (give_raw(r, doc, &v, e)) {
		json_free(doc);
		return NULL;
	}
	return doc;
}
