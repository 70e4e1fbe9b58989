/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: what the keeper itself knows; never enters the enclave, never waits for it. */
#include <unistd.h>

#include "base/clock.h"
#include "keeper/debug_view.h"

static void add_tcs(struct json *doc, struct encl *en)
{
	struct json *list = json_add_arr(doc, "tcs");

	pthread_mutex_lock(&en->lock);
	for (size_t i = 0; i < en->n_tcs; i++) {
		const struct encl_tcs *t = &en->tcs[i];
		struct json *o = json_push_obj(list);

		json_add_hex(o, "offset", t->off);
		json_add_bool(o, "busy", t->busy);
		json_add_size(o, "depth", t->depth);
		json_add_bool(o, "dynamic", t->dynamic);
	}
	pthread_mutex_unlock(&en->lock);
}

/* What a debugger sees of them; of a production enclave nothing. */
static void add_tcs_from_outside(struct json *doc, struct encl *en)
{
	struct json *list = json_add_arr(doc, "tcs");
	struct sgx_arch_tcs t;

	for (size_t i = 0; i < en->n_tcs; i++) {
		struct json *o = json_push_obj(list);
		bool seen = en->debug && !view_tcs(en, en->tcs[i].off, &t, NULL);

		json_add_hex(o, "offset", en->tcs[i].off);
		if (seen)
			json_add_bool(o, "busy", t.state != SGX_TCS_INACTIVE);
		else
			json_add_null(o, "busy");
		if (seen)
			json_add_size(o, "depth", t.cssa);
		else
			json_add_null(o, "depth");
		json_add_bool(o, "dynamic", en->tcs[i].dynamic);
	}
}

static void add_pages(struct json *doc, const struct encl *en)
{
	struct json *o = json_add_obj(doc, "pages");

	json_add_size(o, "added", en->plan.pages_added);
	json_add_size(o, "augmented", __atomic_load_n(&en->augmented, __ATOMIC_RELAXED));
	json_add_size(o, "removed", __atomic_load_n(&en->removed, __ATOMIC_RELAXED));
}

static void add_program_pages(struct json *doc, uint64_t augmented)
{
	struct json *o = json_add_obj(doc, "pages");

	json_add_null(o, "added");
	json_add_size(o, "augmented", augmented);
	json_add_null(o, "removed");
}

/* Of a program's enclave: what the device has seen, and nothing of this keeper, which lives for this answer alone. */
static struct json *program_status(struct keeper *k)
{
	struct json *doc = doc_begin(k, "status", true);
	struct encl *en = k->encl;
	struct encl_counters c;
	uint64_t augmented;

	json_add_str(doc, "origin", "run");
	json_add_int(doc, "pid", k->program.pid);
	json_add_str(doc, "state", "running");
	json_add_str(doc, "program", k->program.path);
	json_add_str(doc, "image", NULL);
	doc_elrange(doc, en);
	json_add_bool(doc, "debug", en->debug);
	json_add_bytes(doc, "mrenclave", en->secs.mrenclave, sizeof(en->secs.mrenclave));
	if (encl_counters_total(en, &c, &augmented)) {
		json_free(doc);
		return NULL;
	}
	add_program_pages(doc, augmented);
	add_tcs_from_outside(doc, en);
	json_add_size(doc, "uptime_ns", now_ns() - k->program.since_ns);
	doc_counters(doc, &c);
	return doc;
}

struct json *req_status(struct keeper *k, struct request *r, struct err *e)
{
	struct encl *en = k->encl;
	struct encl_counters c;
	struct json *doc;

	(void)r;
	if (k->program.pid) {
		doc = program_status(k);
		if (!doc)
			err_set(e, ERR_IO, 0, "the counters of the enclave cannot be read");
		return doc;
	}
	doc = doc_begin(k, "status", true);
	json_add_str(doc, "origin", "load");
	json_add_int(doc, "pid", getpid());
	json_add_str(doc, "state", "running");
	json_add_str(doc, "image", k->image);
	json_add_str(doc, "format", en->plan.format);
	json_add_bool(doc, "op_interface", en->plan.op_interface);
	doc_elrange(doc, en);
	json_add_bool(doc, "debug", en->debug);
	json_add_bytes(doc, "mrenclave", en->secs.mrenclave, sizeof(en->secs.mrenclave));
	json_add_bytes(doc, "mrsigner", en->secs.mrsigner, sizeof(en->secs.mrsigner));
	add_pages(doc, en);
	add_tcs(doc, en);
	json_add_size(doc, "requests", atomic_load(&k->requests));
	json_add_size(doc, "active_requests", atomic_load(&k->workers));
	json_add_size(doc, "uptime_ns", now_ns() - k->started_ns);
	encl_counters_get(en, &c);
	doc_counters(doc, &c);
	return doc;
}
