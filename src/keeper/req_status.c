/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* status: what the keeper itself knows; never enters the enclave, never waits for it. */
#include <unistd.h>

#include "base/clock.h"
#include "keeper/keeper.h"

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

struct json *req_status(struct keeper *k, struct request *r, struct err *e)
{
	struct encl *en = k->encl;
	struct json *doc = doc_begin(k, "status", true), *o;
	struct encl_counters c;

	(void)r;
	(void)e;
	json_add_int(doc, "pid", getpid());
	json_add_str(doc, "state", "running");
	json_add_str(doc, "image", k->image);
	json_add_str(doc, "format", en->plan.format);
	json_add_bool(doc, "op_interface", en->plan.op_interface);
	doc_elrange(doc, en);
	json_add_bool(doc, "debug", en->debug);
	json_add_bytes(doc, "mrenclave", en->secs.mrenclave, sizeof(en->secs.mrenclave));
	json_add_bytes(doc, "mrsigner", en->secs.mrsigner, sizeof(en->secs.mrsigner));
	o = json_add_obj(doc, "pages");
	json_add_size(o, "added", en->plan.pages_added);
	json_add_size(o, "augmented", __atomic_load_n(&en->augmented, __ATOMIC_RELAXED));
	json_add_size(o, "removed", __atomic_load_n(&en->removed, __ATOMIC_RELAXED));
	add_tcs(doc, en);
	json_add_size(doc, "requests", atomic_load(&k->requests));
	json_add_size(doc, "active_requests", atomic_load(&k->workers));
	json_add_size(doc, "uptime_ns", now_ns() - k->started_ns);
	encl_counters_get(en, &c);
	doc_counters(doc, &c);
	return doc;
}
