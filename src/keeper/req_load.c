/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load: claim the name, read the image, build the enclave, publish, listen. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "keeper/keeper.h"

DEFINE_CLEANUP_PTR(key_freep, struct sign_key, sign_key_free)

struct load {
	const char *name, *stem, *image, *format, *sigstruct, *key, *exec;
	bool debug, has_debug;
	struct image_opts image_opts;
};

static int parse(const struct json *body, struct load *l, struct dev_config *dev, struct err *e)
{
	l->stem = "enclave";
	l->image_opts = IMAGE_OPTS_DEFAULT;
	if (arg_str(body, "name", &l->name, e) || arg_str(body, "stem", &l->stem, e) ||
	    arg_str(body, "image", &l->image, e) || arg_str(body, "format", &l->format, e) ||
	    arg_str(body, "sigstruct", &l->sigstruct, e) || arg_str(body, "key", &l->key, e) ||
	    arg_str(body, "exec", &l->exec, e) || arg_str(body, "libpal", &l->image_opts.libpal, e) ||
	    arg_bool(body, "debug", &l->debug, e) || arg_u64(body, "heap", &l->image_opts.heap_bytes, e) ||
	    arg_u64(body, "reserve", &l->image_opts.reserve_bytes, e) || arg_device(body, dev, e))
		return -1;
	if (!l->image)
		return err_set(e, ERR_PROTOCOL, 0, "the request names no image");
	l->has_debug = json_get(body, "debug");
	l->image_opts.format = l->format;
	l->image_opts.sigstruct = l->sigstruct;
	l->image_opts.exec = l->exec;
	return 0;
}

static int get_key(const struct load *l, struct sign_key **ret_key, struct err *e)
{
	char path[4096];
	bool created;

	if (l->key)
		return sign_key_load(l->key, NULL, ret_key, e);
	if (sign_key_user_path(path, sizeof(path), e))
		return -1;
	return sign_key_user(path, ret_key, &created, e);
}

static int build(struct keeper *k, struct request *r, const struct load *l, struct err *e)
{
	CLEANUP(key_freep) struct sign_key *key = NULL;
	struct encl_opts o = {
		.debug = l->has_debug ? l->debug : -1, .progress = request_progress, .progress_arg = r,
	};
	struct plan plan;

	/* everything a file can be wrong about first: no device is opened for it */
	if (image_open(l->image, &l->image_opts, &plan, e))
		return -1;
	/* a key that was named is there to sign with; else what the image is signed with counts */
	if (plan_can_load(&plan, e) ||
	    ((l->key || !plan.has_sigstruct) && !l->sigstruct && get_key(l, &key, e)) ||
	    sgx_dev_open(&k->dev_config, &k->dev, e)) {
		plan_release(&plan);
		return -1;
	}
	o.key = key;
	return encl_build(k->dev, &plan, &o, &k->encl, e);
}

static const char *kernel_word(const struct keeper *k)
{
	static const char *const words[] = { "rfc", "upstream", "fixed" };

	return strcmp(sgx_dev_name(k->dev), "emulated") ? NULL : words[k->dev_config.kernel_mode];
}

static void add_identity(struct json *doc, const struct keeper *k)
{
	const struct encl *en = k->encl;

	if (kernel_word(k))
		json_add_str(doc, "kernel", kernel_word(k));
	doc_elrange(doc, en);
	json_add_bool(doc, "debug", en->debug);
	json_add_bytes(doc, "mrenclave", en->secs.mrenclave, sizeof(en->secs.mrenclave));
	json_add_bytes(doc, "mrsigner", en->secs.mrsigner, sizeof(en->secs.mrsigner));
	json_add_str(doc, "image", k->image);
	json_add_str(doc, "format", en->plan.format);
}

static struct json *load_doc(struct keeper *k, uint64_t elapsed)
{
	const struct encl *en = k->encl;
	struct json *doc = doc_begin(k, "load", true), *o;

	json_add_int(doc, "pid", getpid());
	add_identity(doc, k);
	o = json_add_obj(doc, "pages");
	json_add_size(o, "added", en->plan.pages_added);
	json_add_size(o, "measured", en->plan.pages_measured);
	o = json_add_arr(doc, "tcs");
	for (size_t i = 0; i < en->plan.n_tcs; i++)
		json_push_hex(o, en->plan.tcs[i]);
	json_add_bool(doc, "op_interface", en->plan.op_interface);
	json_add_size(doc, "elapsed_ns", elapsed);
	return doc;
}

static int publish(struct keeper *k, struct err *e)
{
	struct json *info = json_object();
	int r;

	json_add_str(info, "state", "running");
	json_add_str(info, "device", sgx_dev_name(k->dev));
	add_identity(info, k);
	r = session_slot_publish(k->slot, info, e);
	json_free(info);
	return r;
}

struct json *req_load(struct keeper *k, struct request *r, struct err *e)
{
	uint64_t start = now_ns();
	struct load l = { 0 };

	if (parse(r->body, &l, &k->dev_config, e) || session_claim(l.name, l.stem, &k->slot, e))
		return NULL;
	strcpy(k->name, session_slot_name(k->slot));
	k->image = strdup(l.image);
	if (!k->image) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a path");
		return NULL;
	}
	if (build(k, r, &l, e))
		return NULL;
	k->listen_fd = session_slot_listen(k->slot, e);
	if (k->listen_fd < 0 || publish(k, e)) {
		encl_free(k->encl);
		k->encl = NULL;
		return NULL;
	}
	return load_doc(k, now_ns() - start);
}
