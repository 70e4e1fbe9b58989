/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The image library on a command line, for the tests that compare it with other implementations:
 *
 *     image_tool measure IMAGE [FORMAT|- [HEAP [RESERVE]]]   MRENCLAVE, or "error: CODE ..." and exit 1
 *                                                            IMAGE_LIBPAL is the libpal of a manifest
 *     image_tool sgxs IMAGE FORMAT|- EXEC|- OUT              the image as an SGXS stream, and its MRENCLAVE
 *     image_tool show IMAGE [FORMAT]                         the plan, one thing per line
 *     image_tool locate IMAGE OFFSET                         section and symbol there
 *     image_tool peak IMAGE                                  MRENCLAVE, and the largest RSS in KiB
 *     image_tool sign IMAGE KEY OUT                          a SIGSTRUCT file
 *     image_tool verify SIGSTRUCT                            MRSIGNER, or an error
 *     image_tool user-key PATH                               "created" or "found"
 *     image_tool bench BYTES                                 speed of measuring / speed of raw SHA-256
 */
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fd.h"
#include "base/fmt.h"
#include "base/text.h"
#include "image/image.h"

static int fail(const struct err *e)
{
	printf("error: %s", err_name(e->code));
	if (e->has_offset)
		printf(" at 0x%llx", (unsigned long long)e->offset);
	printf(": %s\n", e->msg);
	return 1;
}

static void print_hash(const uint8_t hash[32])
{
	char text[65];

	hex_encode(text, hash, 32);
	puts(text);
}

static int measure(int argc, char **argv)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	uint8_t hash[32];
	struct plan p;

	opts.libpal = getenv("IMAGE_LIBPAL");
	if (argc > 3 && strcmp(argv[3], "-"))
		opts.format = argv[3];
	if ((argc > 4 && parse_size(argv[4], UINT64_MAX, &opts.heap_bytes) < 0) ||
	    (argc > 5 && parse_size(argv[5], UINT64_MAX, &opts.reserve_bytes) < 0))
		return 64;
	if (image_open(argv[2], &opts, &p, &e) < 0)
		return fail(&e);
	if (plan_measure(&p, hash, NULL, NULL, &e) < 0) {
		plan_release(&p);
		return fail(&e);
	}
	print_hash(hash);
	plan_release(&p);
	return 0;
}

static int write_sgxs(char **argv)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	uint64_t bytes, off;
	struct err e = { 0 };
	uint8_t hash[32];
	struct plan p;
	int fd, r;

	if (strcmp(argv[3], "-"))
		opts.format = argv[3];
	if (strcmp(argv[4], "-"))
		opts.exec = argv[4];
	if (image_open(argv[2], &opts, &p, &e) < 0)
		return fail(&e);
	if (!plan_ascends(&p, &off))
		printf("descends at 0x%llx\n", (unsigned long long)off);
	fd = open(argv[5], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	r = plan_write_sgxs(&p, fd, &bytes, hash, NULL, NULL, &e);
	plan_release(&p);
	if (r < 0)
		return fail(&e);
	print_hash(hash);
	return close(fd) < 0;
}

static void show_runs(const struct plan *p)
{
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		printf("run 0x%llx %llu 0x%llx %04x %08x %s\n", (unsigned long long)r->off,
		       (unsigned long long)r->pages, (unsigned long long)r->secinfo, r->chunks, r->fill,
		       r->what);
	}
	for (size_t i = 0; i < p->n_dynamic; i++)
		printf("dynamic 0x%llx %llu %s\n", (unsigned long long)p->dynamic[i].off,
		       (unsigned long long)p->dynamic[i].pages, p->dynamic[i].what);
	for (size_t i = 0; i < p->n_tcs; i++)
		printf("tcs 0x%llx\n", (unsigned long long)p->tcs[i]);
}

static void show_words(const struct plan *p)
{
	for (size_t i = 0; i < p->n_blocks; i++)
		printf("block %s 0x%llx 0x%llx%s\n", p->blocks[i].version,
		       (unsigned long long)p->blocks[i].file_off, (unsigned long long)p->blocks[i].bytes,
		       p->blocks[i].chosen ? " chosen" : "");
	for (size_t i = 0; i < p->n_facts; i++) {
		const struct plan_fact *f = &p->facts[i];

		if (f->kind == PLAN_FACT_TEXT)
			printf("fact %s %s\n", f->key, f->text);
		else
			printf(f->kind == PLAN_FACT_HEX ? "fact %s 0x%llx\n" : "fact %s %llu\n", f->key,
			       (unsigned long long)f->value);
	}
	if (p->has_sigstruct)
		printf("sigstruct 0x%llx %s\n", (unsigned long long)p->sigstruct_off, p->sigstruct_from);
	if (p->no_measure)
		printf("no-measure %s\n", p->no_measure);
	if (p->no_run)
		printf("no-run %s\n", p->no_run);
}

static int show(int argc, char **argv)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	struct plan p;

	opts.format = argc > 3 ? argv[3] : NULL;
	opts.libpal = getenv("IMAGE_LIBPAL");
	if (image_open(argv[2], &opts, &p, &e) < 0)
		return fail(&e);
	printf("format %s\nsize 0x%llx\n", p.format, (unsigned long long)p.size);
	if (p.has_base)
		printf("base 0x%llx\n", (unsigned long long)p.base);
	printf("ssaframesize %u\nnssa %u\nmiscselect 0x%x\nflags 0x%llx\nxfrm 0x%llx\n", p.ssaframesize,
	       p.nssa, p.miscselect, (unsigned long long)p.attributes.flags,
	       (unsigned long long)p.attributes.xfrm);
	printf("pages %llu %llu\n", (unsigned long long)p.pages_added, (unsigned long long)p.pages_measured);
	show_runs(&p);
	show_words(&p);
	plan_release(&p);
	return 0;
}

static int locate(const char *path, const char *offset)
{
	struct plan_place place;
	struct err e = { 0 };
	struct plan p;
	uint64_t off;

	if (parse_u64(offset, UINT64_MAX, &off) < 0)
		return 64;
	if (image_open(path, NULL, &p, &e) < 0)
		return fail(&e);
	if (plan_locate(&p, off, &place) < 0)
		puts("nowhere");
	else
		printf("%s+0x%llx %s+0x%llx\n", place.section ? place.section : "-",
		       (unsigned long long)place.section_off, place.symbol ? place.symbol : "-",
		       (unsigned long long)place.symbol_off);
	plan_release(&p);
	return 0;
}

static int peak(int argc, char **argv)
{
	struct rusage use;
	int r = measure(argc, argv);

	getrusage(RUSAGE_SELF, &use);
	printf("%ld\n", use.ru_maxrss);
	return r;
}

static int sign(char **argv)
{
	struct sgx_arch_sigstruct sig;
	struct sign_params sp;
	struct sign_key *key;
	struct err e = { 0 };
	uint8_t hash[32];
	struct plan p;

	if (image_open(argv[2], NULL, &p, &e) < 0 || plan_measure(&p, hash, NULL, NULL, &e) < 0 ||
	    sign_key_load(argv[3], NULL, &key, &e) < 0)
		return fail(&e);
	sign_params_default(&sp, &p);
	if (sigstruct_sign(&sp, hash, key, &sig, &e) < 0)
		return fail(&e);
	sign_key_free(key);
	plan_release(&p);
	if (write_file_atomic(AT_FDCWD, argv[4], &sig, sizeof(sig), 0644, 0) < 0) {
		perror(argv[4]);
		return 1;
	}
	return 0;
}

static int verify(const char *path)
{
	struct sgx_arch_sigstruct sig;
	struct err e = { 0 };
	uint8_t mrsigner[32];

	if (sigstruct_load(path, &sig, &e) < 0 || sigstruct_verify(&sig, &e) < 0)
		return fail(&e);
	sigstruct_mrsigner(&sig, mrsigner);
	print_hash(mrsigner);
	return 0;
}

static int user_key(const char *path)
{
	struct sign_key *key;
	struct err e = { 0 };
	bool created;

	if (sign_key_user(path, &key, &created, &e) < 0)
		return fail(&e);
	sign_key_free(key);
	puts(created ? "created" : "found");
	return 0;
}

/* Measures one run of pages, against one digest over as many bytes as that hashes. */
static int bench(const char *size)
{
	uint64_t bytes, t0, t1, t2, hashed, best = 0;
	struct plan_run run = { .secinfo = 0x203, .chunks = PLAN_CHUNKS_ALL, .what = "data" };
	struct plan p = { .format = "sgxctl", .ssaframesize = 1, .runs = &run, .n_runs = 1 };
	uint8_t hash[32], *data;

	if (parse_size(size, (uint64_t)1 << 30, &bytes) < 0 || bytes < 4096)
		return 64;
	run.pages = bytes / 4096;
	hashed = run.pages * 5184;
	data = malloc(hashed);
	if (!data)
		return 1;
	for (uint64_t i = 0; i < hashed; i++)
		data[i] = (uint8_t)(i * 31 ^ i >> 8);
	run.data = data;
	run.data_bytes = run.pages * 4096;
	p.size = (uint64_t)1 << 40;
	p.pages_added = run.pages;
	for (int i = 0; i < 7; i++) {
		t0 = now_ns();
		if (!EVP_Digest(data, hashed, hash, NULL, EVP_sha256(), NULL))
			return 1;
		t1 = now_ns();
		if (plan_measure(&p, hash, NULL, NULL, NULL) < 0)
			return 1;
		t2 = now_ns();
		if ((t1 - t0) * 1000 / (t2 - t1) > best)
			best = (t1 - t0) * 1000 / (t2 - t1);
	}
	printf("%llu.%03llu\n", (unsigned long long)best / 1000, (unsigned long long)best % 1000);
	free(data);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc >= 3 && !strcmp(argv[1], "measure"))
		return measure(argc, argv);
	if (argc == 6 && !strcmp(argv[1], "sgxs"))
		return write_sgxs(argv);
	if (argc >= 3 && !strcmp(argv[1], "show"))
		return show(argc, argv);
	if (argc == 4 && !strcmp(argv[1], "locate"))
		return locate(argv[2], argv[3]);
	if (argc == 3 && !strcmp(argv[1], "peak"))
		return peak(argc, argv);
	if (argc == 5 && !strcmp(argv[1], "sign"))
		return sign(argv);
	if (argc == 3 && !strcmp(argv[1], "verify"))
		return verify(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "user-key"))
		return user_key(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "bench"))
		return bench(argv[2]);
	fprintf(stderr, "usage: image_tool measure|sgxs|show|locate|peak|sign|verify|user-key|bench ...\n");
	return 64;
}
