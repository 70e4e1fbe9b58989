/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages without a header, as in the sample of Intel's common loader: the file is the enclave from offset 0 on, every
 * page measured, SSAFRAMESIZE 1.  What kind each page is says the user: --format raw:KIND,KIND...
 *
 * Authority: Intel, SampleCommonLoader of the SGX SDK, as described in sgxctl-enclave(7).
 */
#include <string.h>

#include "base/cleanup.h"
#include "image/internal.h"

#define DEFAULT_KINDS "tcs,rwx"
#define SSAFRAMESIZE  1u

static const struct raw_kind {
	const char *word;
	uint64_t secinfo;
	const char *what;
} kinds[] = {
	{ "tcs", SGX_SECINFO_TCS, "tcs" },
	{ "r", SGX_SECINFO_REG | SGX_SECINFO_R, "rodata" },
	{ "rw", SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W, "data" },
	{ "rx", SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X, "text" },
	{ "rwx", SGX_SECINFO_REG | SGX_SECINFO_RWX, "text" },
};

/* The kind whose word is at *at, which moves behind it and its comma. */
static const struct raw_kind *next_kind(const char **at, struct err *e)
{
	size_t n = strcspn(*at, ",");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i].word) == n && !memcmp(kinds[i].word, *at, n)) {
			*at += n + ((*at)[n] == ',');
			return &kinds[i];
		}
	}
	err_set(e, ERR_UNKNOWN_FORMAT, 0, "'%.*s' is no kind of page", (int)(n < 64 ? n : 64), *at);
	err_hint(e, "kinds are tcs, r, rw, rx and rwx: --format raw:tcs,rx,rw");
	return NULL;
}

/* One run per stretch of pages of a kind. */
static int add_runs(struct plan_build *b, const struct image_file *file, struct err *e)
{
	bool chosen = file->args && *file->args;
	const char *words = chosen ? file->args : DEFAULT_KINDS;
	uint64_t pages = file->n_bytes / SGX_PAGE_SIZE, done = 0;
	const struct raw_kind *kind = NULL, *next;

	while (done < pages) {
		struct plan_run run = { .off = done * SGX_PAGE_SIZE, .chunks = PLAN_CHUNKS_ALL };

		next = *words ? next_kind(&words, e) : kind;
		if (!next)
			return -1;
		kind = next;
		run.pages = *words ? 1 : pages - done;
		run.secinfo = kind->secinfo;
		run.what = kind->what;
		run.data = file->bytes + run.off;
		run.data_bytes = run.pages * SGX_PAGE_SIZE;
		if (plan_build_run(b, &run, e) < 0)
			return -1;
		done += run.pages;
	}
	if (!*words || !chosen)
		return 0;
	err_set(e, ERR_BAD_LAYOUT, 0, "the image has %llu pages, fewer than --format names",
		(unsigned long long)pages);
	return err_offset(e, file->n_bytes);
}

static int raw_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
		     struct plan *ret_plan, struct err *e)
{
	CLEANUP(plan_build_release) struct plan_build b = { 0 };

	(void)opts;
	if (!file->n_bytes || !page_aligned(file->n_bytes)) {
		err_set(e, ERR_BAD_LAYOUT, 0, "a raw image is whole pages, this file has %llu bytes",
			(unsigned long long)file->n_bytes);
		return err_offset(e, file->n_bytes);
	}
	if (add_runs(&b, file, e) < 0)
		return -1;
	plan_build_nssa(&b);
	if (file->sigstruct &&
	    plan_set_sigstruct(&b.p, file->sigstruct, UINT64_MAX, e, "the SIGSTRUCT given") < 0)
		return -1;
	image_wish_as_signed(&b.p);
	b.p.format = "raw";
	b.p.size = plan_size_for(file->n_bytes);
	b.p.ssaframesize = SSAFRAMESIZE;
	return plan_build_finish(&b, mem, ret_plan, e);
}

/* There is nothing to tell it by. */
static bool raw_detect(const struct image_file *file)
{
	(void)file;
	return false;
}

const struct image_reader image_reader_raw = {
	.takes_args = true, .fixed_size = true, .detect = raw_detect, .parse = raw_parse,
};
