/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of formats, and the way from a file to a plan: read, look, choose, parse. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "image/internal.h"

/* A format is one file with an image_reader, and a line in each of these tables, in order of detection. */
const struct image_format image_formats[] = {
	{ "sgxs", "SGXS stream of Fortanix' tools; sgxs:fit or sgxs:SIZE for one whose size is open" },
	{ "sgxctl", "ELF with an sgxctl note that declares threads, stacks, heap and reserve" },
	{ "sdk", "signed shared object of the Intel SGX SDK (metadata 1.3 to 3.x); sdk:2, sdk:3 choose a block" },
	{ "oe", "Open Enclave SDK: ELF with a section .oeinfo" },
	{ "gramine", "Gramine: the .manifest.sgx, with --libpal; gramine:1, gramine:2 say how thread blocks are" },
	{ "enarx", "ELF of Enarx' SGX shim; --exec names the program that it runs" },
	{ "kernel", "ELF of the Linux kernel's SGX selftests: TCS pages in the first segment" },
	{ "raw", "pages without a header: raw:KIND,KIND... of tcs, r, rw, rx, rwx; the last is repeated" },
};
static const struct image_reader *const readers[] = {
	&image_reader_sgxs,
	&image_reader_sgxctl,
	&image_reader_sdk,
	&image_reader_oe,
	&image_reader_gramine,
	&image_reader_enarx,
	&image_reader_kernel,
	&image_reader_raw,
};
const size_t image_n_formats = sizeof(image_formats) / sizeof(image_formats[0]);
_Static_assert(sizeof(image_formats) / sizeof(image_formats[0]) == sizeof(readers) / sizeof(readers[0]),
	       "every format has a reader");

DEFINE_CLEANUP_PTR(image_mem_freep, struct image_mem, image_mem_free)

/* err already says why this is no ELF file, if it is none. */
static int unknown_format(const struct image_file *file, struct err *e)
{
	if (!file->elf)
		return -1;
	return err_set(e, ERR_UNKNOWN_FORMAT, 0,
		       "an ELF file of no known enclave format: no sgxctl note, no section .note.sgxmeta or .oeinfo, "
		       "and no TCS pages in its first segment");
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

/* NAME[:ARGUMENTS]: is it this format? */
static bool is_named(const char *word, const char *name)
{
	size_t n = strcspn(word, ":");

	return n == strlen(name) && !memcmp(word, name, n);
}

static const struct image_reader *choose_named(struct image_file *file, const char *word, struct err *e)
{
	const char *colon = strchr(word, ':');

	for (size_t i = 0; i < image_n_formats; i++) {
		if (!is_named(word, image_formats[i].name))
			continue;
		if (readers[i]->needs_elf && !file->elf)
			return NULL;
		if (colon && !readers[i]->takes_args) {
			err_set(e, ERR_UNKNOWN_FORMAT, 0, "the image format '%s' takes nothing after a colon",
				image_formats[i].name);
			err_hint(e, "use --format %s", image_formats[i].name);
			return NULL;
		}
		file->args = colon ? colon + 1 : NULL;
		return readers[i];
	}
	unknown_name(word, e);
	return NULL;
}

/* NULL: e says why, which for a file that had to be ELF is what elf_image_open said. */
static const struct image_reader *choose(struct image_file *file, const char *word, struct err *e)
{
	if (word)
		return choose_named(file, word, e);
	for (size_t i = 0; i < image_n_formats; i++) {
		if ((file->elf || !readers[i]->needs_elf) && readers[i]->detect(file))
			return readers[i];
	}
	unknown_format(file, e);
	return NULL;
}

/* Is it of a format that reads the file by itself?  Asked when only the head of it is here. */
static bool is_streamed(const struct image_file *file, const char *word)
{
	for (size_t i = 0; i < image_n_formats; i++) {
		if (readers[i]->streams && (word ? is_named(word, image_formats[i].name) : readers[i]->detect(file)))
			return true;
	}
	return false;
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

static int check_sizes(const struct image_reader *reader, const struct image_opts *opts, struct err *e)
{
	if (check_size("heap", opts->heap_bytes, e) < 0 || check_size("reserve", opts->reserve_bytes, e) < 0)
		return -1;
	if (!reader->fixed_size || (opts->heap_bytes == UINT64_MAX && opts->reserve_bytes == UINT64_MAX))
		return 0;
	err_set(e, ERR_UNSUPPORTED, 0, "an image of this format says itself which pages there are and how large "
		"the enclave is");
	return err_hint(e, "leave out --heap and --reserve");
}

/* Consumes mem: it belongs to the plan, or is freed. */
static int parse_mem(struct image_mem *owned, const char *path, const struct image_opts *opts,
		     const struct sgx_arch_sigstruct *sig, struct plan *ret_plan, struct err *e)
{
	CLEANUP(image_mem_freep) struct image_mem *mem = owned;
	CLEANUP(elf_image_release) struct elf_image elf = { 0 };
	struct image_file file = {
		.path = path, .bytes = mem->bytes, .n_bytes = mem->n_bytes, .sigstruct = sig,
	};
	const struct image_reader *reader;
	struct err elf_err = { 0 };
	struct plan p;

	if (!is_streamed(&file, opts->format)) {
		if (image_mem_load(mem, e) < 0)
			return -1;
		file.n_bytes = mem->n_bytes;
		if (!elf_image_open(mem->bytes, mem->n_bytes, &elf, &elf_err))
			file.elf = &elf;
	}
	reader = choose(&file, opts->format, &elf_err);
	if (!reader) {
		if (e)
			*e = elf_err;
		return -1;
	}
	if (check_sizes(reader, opts, e) < 0 || reader->parse(&file, opts, mem, &p, e) < 0)
		return -1;
	STEAL_PTR(mem);
	if (sig && plan_set_sigstruct(&p, sig, UINT64_MAX, e, "%s", opts->sigstruct) < 0) {
		plan_release(&p);
		return -1;
	}
	*ret_plan = p;
	return 0;
}

/* The SIGSTRUCT that the options name: *ret_sig is NULL when they name none. */
static int read_sigstruct(const struct image_opts *opts, struct sgx_arch_sigstruct *room,
			  const struct sgx_arch_sigstruct **ret_sig, struct err *e)
{
	*ret_sig = opts->sigstruct ? room : NULL;
	return opts->sigstruct ? sigstruct_read(opts->sigstruct, room, e) : 0;
}

int image_open(const char *path, const struct image_opts *opts, struct plan *ret_plan, struct err *e)
{
	const struct image_opts defaults = IMAGE_OPTS_DEFAULT;
	const struct sgx_arch_sigstruct *sig;
	struct sgx_arch_sigstruct room;
	struct image_mem *mem;

	if (!opts)
		opts = &defaults;
	if (read_sigstruct(opts, &room, &sig, e) < 0 || image_mem_open(path, &mem, e) < 0)
		return -1;
	if (parse_mem(mem, path, opts, sig, ret_plan, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

int image_parse(const void *data, size_t bytes, const struct image_opts *opts, struct plan *ret_plan,
		struct err *e)
{
	const struct image_opts defaults = IMAGE_OPTS_DEFAULT;
	const struct sgx_arch_sigstruct *sig;
	struct sgx_arch_sigstruct room;
	struct image_mem *mem;

	if (!opts)
		opts = &defaults;
	if (read_sigstruct(opts, &room, &sig, e) < 0 || image_mem_copy(data, bytes, &mem, e) < 0)
		return -1;
	return parse_mem(mem, NULL, opts, sig, ret_plan, e);
}

char *image_companion_path(const char *path, const char *ext)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	size_t stem = dot ? (size_t)(dot - path) : strlen(path);
	char *ret = NULL;

	return asprintf(&ret, "%.*s%s", (int)stem, path, ext) < 0 ? NULL : ret;
}

int image_companion_sigstruct(const struct image_file *file, const char *ext, struct plan *p, struct err *e)
{
	CLEANUP(cleanup_free) char *path = NULL;
	struct sgx_arch_sigstruct sig;

	if (file->sigstruct)    /* where it came from is said when the plan is complete */
		return plan_set_sigstruct(p, file->sigstruct, UINT64_MAX, e, "the given one") < 0 ? -1 : 1;
	if (!file->path)
		return 0;
	path = image_companion_path(file->path, ext);
	if (!path)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a path");
	if (access(path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (sigstruct_read(path, &sig, e) < 0)
		return -1;
	return plan_set_sigstruct(p, &sig, UINT64_MAX, e, "%s", path) < 0 ? -1 : 1;
}

void image_wish_as_signed(struct plan *p)
{
	p->attributes = (struct sgx_attributes){ SGX_ATTR_MODE64BIT, SGX_XFRM_LEGACY };
	if (!p->has_sigstruct)
		return;
	p->attributes = p->sigstruct.attributes;
	p->miscselect = p->sigstruct.miscselect;
}
