/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "image/image.h"
#include "plan_check.h"

/* What is not measured here is slow, not different. */
#define MEASURE_PAGES 2048u

unsigned long fuzz_taken, fuzz_refused;

static _Noreturn void wrong(const struct fuzz_target *t, const char *why)
{
	fprintf(stderr, "fuzz target %s: %s\n", t->name, why);
	abort();
}

static void check_refusal(const struct fuzz_target *t, const struct err *e)
{
	fuzz_refused++;
	if (e->code == ERR_NONE || e->code == ERR_BUG || !e->msg[0])
		wrong(t, "refused without a reason");
}

static volatile unsigned int sink;

static void check_plan(const struct fuzz_target *t, struct plan *p)
{
	const char *why = plan_unsound(p);
	struct err e = { 0 };
	uint8_t hash[32];

	fuzz_taken++;
	if (why)
		wrong(t, why);
	sink += plan_read(p);
	if (!p->no_measure && p->pages_added <= MEASURE_PAGES && plan_measure(p, hash, NULL, NULL, &e) < 0)
		wrong(t, e.msg);
	if (p->has_sigstruct && sigstruct_check(&p->sigstruct, &e) == 0)
		sink += (unsigned)sigstruct_verify(&p->sigstruct, &e);
	plan_release(p);
}

static const char *in_dir(const struct fuzz_target *t, const char *name, char *buf, size_t room)
{
	const char *dir = getenv("FUZZ_DIR");

	if (!dir)
		wrong(t, "FUZZ_DIR is not set");
	snprintf(buf, room, "%s/%s", dir, name);
	return buf;
}

/* A file of these bytes that has a name. */
static int named(const uint8_t *data, size_t bytes, char *buf, size_t room)
{
	int fd = memfd_create("fuzz", 0);

	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		abort();
	snprintf(buf, room, "/proc/self/fd/%d", fd);
	return fd;
}

static void set_companion(const struct fuzz_target *t, struct image_opts *o, const char *path)
{
	if (!strncmp(t->format, "enarx", 5))
		o->exec = path;
	else
		o->libpal = path;
}

static void one_image(const struct fuzz_target *t, const uint8_t *data, size_t bytes)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	char path[4096], other[4096];
	struct err e = { 0 };
	struct plan p;
	int fd = -1, r;

	opts.format = t->format;
	if (t->main) {
		fd = named(data, bytes, other, sizeof(other));
		set_companion(t, &opts, other);
		r = image_open(in_dir(t, t->main, path, sizeof(path)), &opts, &p, &e);
	} else {
		if (t->companion)
			set_companion(t, &opts, in_dir(t, t->companion, other, sizeof(other)));
		r = image_parse(data, bytes, &opts, &p, &e);
	}
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		check_refusal(t, &e);
		return;
	}
	if (e.code != ERR_NONE)
		wrong(t, "taken, with an error left behind");
	check_plan(t, &p);
}

static void one_sigstruct(const struct fuzz_target *t, const uint8_t *data, size_t bytes)
{
	struct sgx_arch_sigstruct s;
	struct err e = { 0 };
	uint8_t signer[32];
	char path[64];
	int fd = named(data, bytes, path, sizeof(path));
	int r = sigstruct_load(path, &s, &e);

	close(fd);
	if (r < 0) {
		check_refusal(t, &e);
		return;
	}
	fuzz_taken++;
	sigstruct_mrsigner(&s, signer);
	if (sigstruct_verify(&s, &e) < 0 && e.code != ERR_BAD_SIGSTRUCT)
		wrong(t, "not verified for another reason than the signature");
	sink += signer[0];
}

const struct fuzz_target fuzz_targets[] = {
	{ .name = "detect", .one = one_image },
	{ .name = "sgxctl", .one = one_image, .format = "sgxctl" },
	{ .name = "kernel", .one = one_image, .format = "kernel" },
	{ .name = "sdk", .one = one_image, .format = "sdk" },
	{ .name = "sgxs", .one = one_image, .format = "sgxs:fit" },
	{ .name = "raw", .one = one_image, .format = "raw:tcs,rwx" },
	{ .name = "oe", .one = one_image, .format = "oe" },
	{ .name = "enarx", .one = one_image, .format = "enarx", .companion = "exec" },
	{ .name = "enarx-exec", .one = one_image, .format = "enarx", .main = "shim" },
	{ .name = "gramine", .one = one_image, .format = "gramine:2", .companion = "libpal" },
	{ .name = "gramine-libpal", .one = one_image, .format = "gramine:2", .main = "manifest" },
	{ .name = "sigstruct", .one = one_sigstruct },
	{ 0 },
};

static bool is_read(const char *format)
{
	size_t n = strcspn(format, ":");

	for (size_t i = 0; i < image_n_formats; i++)
		if (!strncmp(image_formats[i].name, format, n) && !image_formats[i].name[n])
			return true;
	return false;
}

const struct fuzz_target *fuzz_target(const char *name)
{
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
		if (!strcmp(t->name, name))
			return !t->format || is_read(t->format) ? t : NULL;
	return NULL;
}
