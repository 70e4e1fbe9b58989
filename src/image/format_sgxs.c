/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGXS streams: the very records that the processor hashes, in a file.  This is their grammar: which record may
 * come where.  What becomes of the pages is sgxs_runs.c.
 *
 * Authority: Fortanix, "SGX stream format" and "Enhanced SGX stream format" (canonical streams, UNSIZED,
 *            UNMEASRD); Intel SDM Vol. 3D, ECREATE, EADD, EEXTEND.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fmt.h"
#include "image/record.h"
#include "image/sgxs.h"

#define WINDOW_BYTES ((size_t)1 << 20)

/* The stream, seen through a window; what is taken stays valid until more is taken. */
struct source {
	struct image_mem *mem;
	const uint8_t *window;
	uint8_t *buf;           /* of the window, when the file is read by the piece */
	size_t n, at;
	uint64_t off;           /* of the window, in the file */
};

struct parser {
	struct source in;
	struct sgxs_runs runs;
	const char *args;
	bool created, unsized;
	uint64_t size;          /* 0: still open */
	uint64_t next_off;      /* the least offset of the next page */
	uint64_t n_eextend, n_unmeasrd;
};

static int refuse(uint64_t file_off, struct err *e, const char *why)
{
	err_set(e, ERR_BAD_LAYOUT, 0, "SGXS stream, byte 0x%llx: %s", (unsigned long long)file_off, why);
	err_hint(e, "only canonical streams are read, see sgxctl-enclave(7)");
	return err_offset(e, file_off);
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static bool zero_from(const uint8_t record[RECORD_BYTES], size_t at)
{
	for (; at < RECORD_BYTES; at++) {
		if (record[at])
			return false;
	}
	return true;
}

/* ---- the window ---------------------------------------------------------------------------- */

static int source_init(struct source *s, struct image_mem *mem, struct err *e)
{
	s->mem = mem;
	s->window = mem->bytes;
	s->n = mem->n_bytes;
	if (!mem->unread)
		return 0;
	s->buf = malloc(WINDOW_BYTES);
	if (!s->buf)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for reading a stream");
	memcpy(s->buf, mem->bytes, mem->n_bytes);
	s->window = s->buf;
	return 0;
}

static int source_refill(struct source *s, struct err *e)
{
	size_t left = s->n - s->at, more;

	memmove(s->buf, s->buf + s->at, left);
	s->off += s->at;
	s->at = 0;
	if (image_mem_next(s->mem, s->buf + left, WINDOW_BYTES - left, &more, e) < 0)
		return -1;
	s->n = left + more;
	return 0;
}

/* *ret_n is less than bytes when the stream ends before. */
static int source_take(struct source *s, size_t bytes, const uint8_t **ret, size_t *ret_n, struct err *e)
{
	if (s->n - s->at < bytes && s->buf && source_refill(s, e) < 0)
		return -1;
	*ret = s->window + s->at;
	*ret_n = s->n - s->at < bytes ? s->n - s->at : bytes;
	s->at += *ret_n;
	return 0;
}

/* ---- records ------------------------------------------------------------------------------- */

static int take_first(struct parser *p, const uint8_t *record, uint64_t at, struct err *e)
{
	struct plan *plan = &p->runs.b.p;

	if (p->created)
		return refuse(at, e, "a second record that begins an enclave");
	memcpy(&plan->ssaframesize, record + RECORD_SSAFRAMESIZE, sizeof(plan->ssaframesize));
	if (!plan->ssaframesize)
		return refuse(at + RECORD_SSAFRAMESIZE, e, "SSAFRAMESIZE is 0");
	if (!zero_from(record, RECORD_SIZE_END))
		return refuse(at, e, "bytes behind SIZE are not zero");
	p->created = true;
	return 0;
}

static int on_ecreate(struct parser *p, const uint8_t *record, const uint8_t *data, uint64_t at, struct err *e)
{
	(void)data;
	if (take_first(p, record, at, e) < 0)
		return -1;
	p->size = get64(record + RECORD_SIZE);
	if (p->size < PLAN_MIN_SIZE || p->size > PLAN_MAX_SIZE || p->size & (p->size - 1))
		return refuse(at + RECORD_SIZE, e, "SIZE is no power of two that an enclave can have");
	if (!p->args)
		return 0;
	err_set(e, ERR_UNKNOWN_FORMAT, 0, "the size of this stream is decided: it is 0x%llx",
		(unsigned long long)p->size);
	return err_hint(e, "use --format sgxs");
}

/* The size is open: whoever wants one says so, because MRENCLAVE depends on it. */
static int on_unsized(struct parser *p, const uint8_t *record, const uint8_t *data, uint64_t at, struct err *e)
{
	(void)data;
	if (take_first(p, record, at, e) < 0)
		return -1;
	if (!p->args) {
		refuse(at, e, "UNSIZED: the size of the enclave is not decided");
		return err_hint(e, "--format sgxs:fit takes the smallest size that fits, as sgxs-append does, "
				"--format sgxs:SIZE another one");
	}
	if (strcmp(p->args, "fit") && (parse_size(p->args, PLAN_MAX_SIZE, &p->size) < 0 || !p->size))
		return err_set(e, ERR_UNKNOWN_FORMAT, 0, "'%s' is neither 'fit' nor the size of an enclave", p->args);
	p->unsized = true;
	p->runs.wants_size = true;
	p->runs.size_at = get64(record + RECORD_SIZE);
	if (p->runs.size_at % sizeof(uint64_t))
		return refuse(at + RECORD_SIZE, e, "the place for SIZE is not aligned to 8 bytes");
	return 0;
}

static int on_eadd(struct parser *p, const uint8_t *record, const uint8_t *data, uint64_t at, struct err *e)
{
	uint64_t off = get64(record + RECORD_OFFSET), end = p->size ? p->size : PLAN_MAX_SIZE;

	(void)data;
	if (!p->created)
		return refuse(at, e, "EADD before ECREATE");
	if (!page_aligned(off))
		return refuse(at + RECORD_OFFSET, e, "EADD of an offset that is no multiple of 4096");
	if (off < p->next_off)
		return refuse(at + RECORD_OFFSET, e, "EADD of an offset that is not above the one before");
	if (off > end - SGX_PAGE_SIZE)
		return refuse(at + RECORD_OFFSET, e, "EADD of a page outside the enclave");
	if (!zero_from(record, RECORD_SECINFO_END))
		return refuse(at + RECORD_SECINFO_END, e, "reserved bytes of SECINFO are not zero");
	p->next_off = off + SGX_PAGE_SIZE;
	return sgxs_runs_page(&p->runs, off, get64(record + RECORD_SECINFO), at, e);
}

static int take_chunk(struct parser *p, const uint8_t *record, const uint8_t *data, bool measured, uint64_t at,
		      struct err *e)
{
	uint64_t off = get64(record + RECORD_OFFSET), page = p->next_off - SGX_PAGE_SIZE;

	if (!p->next_off)
		return refuse(at, e, "contents before the first EADD");
	if (off % SGX_EEXTEND_BYTES)
		return refuse(at + RECORD_OFFSET, e, "contents at an offset that is no multiple of 256");
	if (off - page >= SGX_PAGE_SIZE)
		return refuse(at + RECORD_OFFSET, e, "contents outside the page of the EADD before");
	if (!zero_from(record, RECORD_OFFSET_END))
		return refuse(at + RECORD_OFFSET_END, e, "bytes behind the offset are not zero");
	if (!sgxs_runs_chunk(&p->runs, (unsigned int)((off - page) / SGX_EEXTEND_BYTES), measured, data))
		return refuse(at + RECORD_OFFSET, e, "contents for an offset that has some");
	return 0;
}

static int on_eextend(struct parser *p, const uint8_t *record, const uint8_t *data, uint64_t at, struct err *e)
{
	p->n_eextend++;
	return take_chunk(p, record, data, true, at, e);
}

static int on_unmeasrd(struct parser *p, const uint8_t *record, const uint8_t *data, uint64_t at, struct err *e)
{
	p->n_unmeasrd++;
	return take_chunk(p, record, data, false, at, e);
}

static const struct record_kind {
	const char *tag;
	bool data;
	int (*take)(struct parser *p, const uint8_t *record, const uint8_t *data, uint64_t at, struct err *e);
} kinds[] = {
	{ RECORD_EADD, false, on_eadd },
	{ RECORD_EEXTEND, true, on_eextend },
	{ RECORD_UNMEASRD, true, on_unmeasrd },
	{ RECORD_ECREATE, false, on_ecreate },
	{ RECORD_UNSIZED, false, on_unsized },
};

static const struct record_kind *record_kind(const uint8_t *record)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!memcmp(record, kinds[i].tag, RECORD_TAG_BYTES))
			return &kinds[i];
	}
	return NULL;
}

/* 1 a record was taken, 0 the stream has ended. */
static int next_record(struct parser *p, struct err *e)
{
	uint64_t at = p->in.off + p->in.at;
	const struct record_kind *kind;
	uint8_t record[RECORD_BYTES];
	const uint8_t *bytes;
	size_t n;

	if (source_take(&p->in, RECORD_BYTES, &bytes, &n, e) < 0)
		return -1;
	if (!n && at)
		return 0;
	if (n < RECORD_BYTES)
		return refuse(at + n, e, "the stream ends inside a record");
	memcpy(record, bytes, sizeof(record));
	kind = record_kind(record);
	if (!kind)
		return refuse(at, e, "no record of SGXS begins like this");
	if (kind->data) {
		if (source_take(&p->in, SGX_EEXTEND_BYTES, &bytes, &n, e) < 0)
			return -1;
		if (n < SGX_EEXTEND_BYTES)
			return refuse(at + RECORD_BYTES + n, e, "the stream ends inside the contents of a page");
	}
	return kind->take(p, record, bytes, at, e) < 0 ? -1 : 1;
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int finish_size(struct parser *p, struct err *e)
{
	if (!p->size)
		p->size = plan_size_for(p->next_off);
	if (p->unsized && !p->runs.size_slot)
		return refuse(RECORD_SIZE, e, "UNSIZED: the stream has no contents where SIZE is to be put");
	if (p->unsized)
		memcpy(p->runs.size_slot, &p->size, sizeof(p->size));
	p->runs.b.p.size = p->size;
	return 0;
}

static int add_facts(struct parser *p, struct err *e)
{
	struct plan_build *b = &p->runs.b;

	if (plan_build_fact(b, "eadd_records", PLAN_FACT_SIZE, b->p.pages_added, e) < 0 ||
	    plan_build_fact(b, "eextend_records", PLAN_FACT_SIZE, p->n_eextend, e) < 0 ||
	    plan_build_fact(b, "unmeasrd_records", PLAN_FACT_SIZE, p->n_unmeasrd, e) < 0 ||
	    plan_build_fact(b, "unsized", PLAN_FACT_BOOL, p->unsized, e) < 0)
		return -1;
	return p->unsized ? plan_build_fact(b, "size_offset", PLAN_FACT_HEX, p->runs.size_at, e) : 0;
}

static void parser_release(struct parser *p)
{
	free(p->in.buf);
	plan_build_release(&p->runs.b);
}

static int sgxs_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
		      struct plan *ret_plan, struct err *e)
{
	CLEANUP(parser_release) struct parser p = { .args = file->args };
	struct plan *plan = &p.runs.b.p;
	int r;

	(void)opts;
	sgxs_runs_init(&p.runs, mem->bytes);
	if (source_init(&p.in, mem, e) < 0)
		return -1;
	do
		r = next_record(&p, e);
	while (r > 0);
	if (r < 0 || sgxs_runs_end(&p.runs, e) < 0 || finish_size(&p, e) < 0 || add_facts(&p, e) < 0 ||
	    image_companion_sigstruct(file, ".sig", plan, e) < 0)
		return -1;
	image_mem_trim(mem, (size_t)(p.runs.out - mem->bytes));
	image_wish_as_signed(plan);
	plan_build_nssa(&p.runs.b);
	plan->format = "sgxs";
	if (!plan->n_tcs)
		plan->no_run = "it has no TCS";
	return plan_build_finish(&p.runs.b, mem, ret_plan, e);
}

static bool sgxs_detect(const struct image_file *file)
{
	return file->n_bytes >= RECORD_TAG_BYTES &&
	       (!memcmp(file->bytes, RECORD_ECREATE, RECORD_TAG_BYTES) ||
		!memcmp(file->bytes, RECORD_UNSIZED, RECORD_TAG_BYTES));
}

const struct image_reader image_reader_sgxs = {
	.streams = true, .takes_args = true, .fixed_size = true, .detect = sgxs_detect, .parse = sgxs_parse,
};
