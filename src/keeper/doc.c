/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the options of requests, writing what all documents share. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "arch/sgx_names.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/fmt.h"
#include "keeper/keeper.h"

#define PROGRESS_EVERY_NS (NS_PER_SEC / 5)

/* ---- options ------------------------------------------------------------------------------------- */

static int bad_type(const char *key, const char *what, struct err *e)
{
	return err_set(e, ERR_PROTOCOL, 0, "\"%s\" of the request is no %s", key, what);
}

int arg_u64(const struct json *body, const char *key, uint64_t *ret, struct err *e)
{
	const struct json *j = json_get(body, key);

	return !j || !json_u64(j, ret) ? 0 : bad_type(key, "number", e);
}

int arg_bool(const struct json *body, const char *key, bool *ret, struct err *e)
{
	const struct json *j = json_get(body, key);

	return !j || !json_bool(j, ret) ? 0 : bad_type(key, "boolean", e);
}

int arg_str(const struct json *body, const char *key, const char **ret, struct err *e)
{
	const struct json *j = json_get(body, key);

	if (!j || json_is_null(j))
		return 0;
	if (!json_str(j))
		return bad_type(key, "string", e);
	*ret = json_str(j);
	return 0;
}

int arg_perm(const struct json *body, const char *key, unsigned *ret, struct err *e)
{
	const char *s = NULL;

	if (arg_str(body, key, &s, e))
		return -1;
	if (s && perm_parse(s, ret))
		return err_set(e, ERR_USAGE, EINVAL, "'%s' are no page rights", s);
	return 0;
}

int arg_range(const struct json *body, uint64_t *ret_off, uint64_t *ret_pages, struct err *e)
{
	uint64_t bytes = 0;

	if (!json_get(body, "offset"))
		return err_set(e, ERR_USAGE, 0, "an offset is needed");
	if (arg_u64(body, "offset", ret_off, e) || arg_u64(body, "length", &bytes, e))
		return -1;
	if (bytes % SGX_PAGE_SIZE)
		return err_set(e, ERR_BAD_RANGE, EINVAL, "the length is no multiple of 4096");
	*ret_pages = bytes / SGX_PAGE_SIZE;
	return arg_u64(body, "pages", ret_pages, e);
}

int arg_device(const struct json *body, struct dev_config *ret, struct err *e)
{
	const char *device = "auto", *kernel = "rfc";

	if (arg_str(body, "device", &device, e) || arg_str(body, "kernel", &kernel, e) ||
	    arg_u64(body, "epc", &ret->epc_bytes, e) || arg_bool(body, "no_sgx2", &ret->no_sgx2, e))
		return -1;
	if (!strcmp(device, "auto"))
		ret->kind = DEV_AUTO;
	else if (!strcmp(device, "kernel"))
		ret->kind = DEV_KERNEL;
	else if (!strcmp(device, "emulated"))
		ret->kind = DEV_EMULATED;
	else
		return err_set(e, ERR_USAGE, EINVAL, "'%s' is no device", device);
	if (!strcmp(kernel, "rfc"))
		ret->kernel_mode = DEV_KERNEL_RFC;
	else if (!strcmp(kernel, "upstream"))
		ret->kernel_mode = DEV_KERNEL_UPSTREAM;
	else if (!strcmp(kernel, "fixed"))
		ret->kernel_mode = DEV_KERNEL_FIXED;
	else
		return err_set(e, ERR_USAGE, EINVAL, "'%s' is no kernel that can be played", kernel);
	return 0;
}

int arg_strategy(const struct json *body, enum grow_strategy *ret, struct err *e)
{
	const char *s = NULL;

	if (arg_str(body, "strategy", &s, e))
		return -1;
	for (enum grow_strategy g = GROW_AUTO; s && g <= GROW_ACCESS; g++) {
		if (!strcmp(s, grow_strategy_name(g))) {
			*ret = g;
			return 0;
		}
	}
	return s ? err_set(e, ERR_USAGE, EINVAL, "'%s' is no strategy", s) : 0;
}

/* ---- documents ----------------------------------------------------------------------------------- */

struct json *doc_begin(const struct keeper *k, const char *command, bool ok)
{
	struct json *doc = json_object();
	char schema[64];

	snprintf(schema, sizeof(schema), "sgxctl.%s/1", command);
	json_add_str(doc, "schema", schema);
	json_add_bool(doc, "ok", ok);
	if (k->name[0])
		json_add_str(doc, "enclave", k->name);
	if (k->dev)
		json_add_str(doc, "device", sgx_dev_name(k->dev));
	return doc;
}

struct json *doc_end(struct json *doc, int result, const struct err *e)
{
	if (result < 0) {
		struct json *error = session_error_doc(e);

		json_add_take(doc, "error", json_clone(json_get(error, "error")));
		json_free(error);
	}
	return doc;
}

void doc_elrange(struct json *doc, const struct encl *en)
{
	struct json *o = json_add_obj(doc, "elrange");

	json_add_hex(o, "base", en->base);
	json_add_size(o, "size", en->size);
}

void doc_counters(struct json *doc, const struct encl_counters *c)
{
	struct json *o = json_add_obj(doc, "counters");

#define ADD(f) \
	if (c->f == COUNTER_UNKNOWN) \
		json_add_null(o, #f); \
	else \
		json_add_size(o, #f, c->f);
	ENCL_COUNTERS(ADD)
#undef ADD
}

void doc_round_trips(struct json *doc, const struct encl_counters *c, uint64_t pages)
{
	uint64_t trips = c->ioctls + c->mmaps + c->eenters + c->eresumes + c->host_faults;

	/* exits that came out to the host are paid for by the EENTER or ERESUME that answers them */
	if (!pages || c->aexs == COUNTER_UNKNOWN)
		json_add_null(doc, "round_trips_per_page");
	else
		json_add_real(doc, "round_trips_per_page",
			      (double)(trips + c->aexs - c->user_exits) / (double)pages);
}

void doc_exit(struct json *doc, const struct encl *en, const struct encl_exit *x)
{
	struct json *o;

	if (!x->fault)
		return;
	o = json_add_obj(doc, "exception");
	json_add_size(o, "vector", x->vector);
	json_add_str(o, "name", sgx_vector_name(x->vector));
	json_add_str(o, "function", sgx_enclu_name(x->function));
	json_add_hex(o, "error_code", x->errcd);
	if (x->vector != SGX_VEC_PF)
		return;
	json_add_hex(o, "address", x->addr);
	if (x->addr - en->base < en->size)
		json_add_hex(o, "offset", x->addr - en->base);
}

const char *perm_word(unsigned rwx, char buf[4])
{
	return perm_str(rwx, buf);
}

/* ---- the client ---------------------------------------------------------------------------------- */

void request_progress(void *request, uint64_t done, uint64_t total)
{
	struct request *r = request;
	uint64_t now = now_ns();
	struct json *frame, *p;

	if (r->conn < 0 || now - r->progress_ns < PROGRESS_EVERY_NS)
		return;
	r->progress_ns = now;
	frame = json_object();
	p = json_add_obj(frame, "progress");
	json_add_size(p, "done", done);
	json_add_size(p, "total", total);
	/* a client that does not take it has lost nothing but a number */
	session_send(r->conn, frame, NULL, 0, NULL);
	json_free(frame);
}

bool request_abandoned(const struct request *r)
{
	struct pollfd p = { .fd = r->conn, .events = POLLRDHUP };

	return r->conn >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLRDHUP));
}

/* ---- descriptors --------------------------------------------------------------------------------- */

int request_contents(const struct request *r, size_t i, uint64_t limit, void **ret_map, uint64_t *ret_bytes,
		     uint64_t *ret_map_bytes, struct err *e)
{
	uint64_t bytes, map_bytes;
	struct stat st;
	ssize_t got;
	void *map;

	if (i >= r->n_fds)
		return err_set(e, ERR_PROTOCOL, 0, "the request came without its file");
	if (fstat(r->fds[i], &st) || !S_ISREG(st.st_mode))
		return err_set(e, ERR_IO, EINVAL, "the contents are no regular file");
	bytes = (uint64_t)st.st_size;
	if (bytes > limit)
		return err_set(e, ERR_TOO_BIG, EFBIG, "the file has %llu bytes, %llu are taken at most",
			       (unsigned long long)bytes, (unsigned long long)limit);
	/* a copy: the file may be cut short under a mapping, and the enclave would fault on it */
	map_bytes = (bytes + 2 * SGX_PAGE_SIZE - 1) & SGX_PAGE_MASK;
	map = mmap(NULL, map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		   0);
	if (map == MAP_FAILED)
		return err_set(e, ERR_NO_MEMORY, errno, "no memory for %llu bytes of contents",
			       (unsigned long long)bytes);
	if (lseek(r->fds[i], 0, SEEK_SET) < 0 || (got = read_full(r->fds[i], map, bytes)) < 0) {
		int sys = errno;

		munmap(map, map_bytes);
		return err_set(e, ERR_IO, sys, "the contents cannot be read");
	}
	*ret_map = map;
	*ret_bytes = (uint64_t)got;
	*ret_map_bytes = map_bytes;
	return 0;
}
