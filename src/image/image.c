/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of formats, and the way from a file to a plan: read, look, choose, parse. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/internal.h"

/* A format is one file with an image_reader, and one line in each of these two tables. */
const struct image_format image_formats[] = {
	{ "sgxctl", "ELF with an sgxctl note that declares threads, stacks, heap and reserve" },
	{ "kernel", "ELF of the Linux kernel's SGX selftests: TCS pages in the first segment" },
};
static const struct image_reader *const readers[] = {
	&image_reader_sgxctl,
	&image_reader_kernel,
};
const size_t image_n_formats = sizeof(image_formats) / sizeof(image_formats[0]);
_Static_assert(sizeof(image_formats) / sizeof(image_formats[0]) == sizeof(readers) / sizeof(readers[0]),
	       "every format has a reader");

/* Formats of other projects that people will try. */
static const struct {
	const char *section, *what;
} strangers[] = {
	{ ".note.sgxmeta", "an Intel SGX SDK enclave" },
	{ ".oeinfo", "an Open Enclave SDK enclave" },
};

DEFINE_CLEANUP_PTR(image_mem_freep, struct image_mem, image_mem_free)

static int unknown_format(const struct elf_image *img, struct err *e)
{
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
		if (!elf_image_has_section(img, strangers[i].section))
			continue;
		err_set(e, ERR_UNKNOWN_FORMAT, 0, "this is %s (section %s), a format that is not read",
			strangers[i].what, strangers[i].section);
		return err_hint(e, "build the enclave with an sgxctl note, see sgxctl-enclave(7)");
	}
	return err_set(e, ERR_UNKNOWN_FORMAT, 0,
		       "ELF file without an sgxctl note, and its first segment holds no TCS pages");
}

static int unknown_name(const char *name, struct err *e)
{
	char known[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < image_n_formats && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used, "%s%s", i ? ", " : "",
					 image_formats[i].name);
	err_set(e, ERR_UNKNOWN_FORMAT, 0, "unknown image format '%s'", name);
	return err_hint(e, "formats are: %s", known);
}

static const struct image_reader *choose(const struct elf_image *img, const char *name, struct err *e)
{
	for (size_t i = 0; i < image_n_formats; i++) {
		if (name ? !strcmp(name, image_formats[i].name) : readers[i]->detect(img))
			return readers[i];
	}
	if (name)
		unknown_name(name, e);
	else
		unknown_format(img, e);
	return NULL;
}

/* UINT64_MAX stands for the image's own choice. */
static int check_size(const char *what, uint64_t bytes, struct err *e)
{
	if (bytes == UINT64_MAX || page_aligned(bytes))
		return 0;
	err_set(e, ERR_BAD_LAYOUT, 0, "%s of %llu bytes is no multiple of 4096", what,
		(unsigned long long)bytes);
	return err_hint(e, "sizes are whole pages: the suffixes K, M, G and T help");
}

/* Consumes mem: it belongs to the plan, or is freed. */
static int parse_mem(struct image_mem *owned, const struct image_opts *opts, struct plan *ret_plan,
		     struct err *e)
{
	CLEANUP(image_mem_freep) struct image_mem *mem = owned;
	CLEANUP(elf_image_release) struct elf_image img = { 0 };
	const struct image_opts defaults = IMAGE_OPTS_DEFAULT;
	const struct image_reader *reader;

	if (!opts)
		opts = &defaults;
	if (check_size("heap", opts->heap_bytes, e) < 0 ||
	    check_size("reserve", opts->reserve_bytes, e) < 0 ||
	    elf_image_open(mem->bytes, mem->n_bytes, &img, e) < 0)
		return -1;
	reader = choose(&img, opts->format, e);
	if (!reader || reader->parse(&img, opts, mem, ret_plan, e) < 0)
		return -1;
	STEAL_PTR(mem);
	return 0;
}

int image_open(const char *path, const struct image_opts *opts, struct plan *ret_plan, struct err *e)
{
	struct image_mem *mem;

	if (image_mem_read(path, &mem, e) < 0)
		return -1;
	if (parse_mem(mem, opts, ret_plan, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

int image_parse(const void *data, size_t bytes, const struct image_opts *opts, struct plan *ret_plan,
		struct err *e)
{
	struct image_mem *mem;

	if (image_mem_copy(data, bytes, &mem, e) < 0)
		return -1;
	return parse_mem(mem, opts, ret_plan, e);
}
