/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* --sgxs-out: an image that was measured as an SGXS stream, with its SIGSTRUCT beside it. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "cli/cli.h"
#include "cli/measure.h"

enum { KEY_SGXS_OUT = 0x3100, KEY_FORCE };

static const struct argp_option options[] = {
	{ "sgxs-out", KEY_SGXS_OUT, "FILE", 0,
	  "write the image as an SGXS stream, and its SIGSTRUCT to a file of that name with .sig", 0 },
	{ "force", KEY_FORCE, NULL, 0,
	  "write a stream that is not canonical, when the order of the pages wants it", 0 },
	{ 0 }
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct sgxs_out *o = state->input;

	switch (key) {
	case KEY_SGXS_OUT:
		o->path = arg;
		return 0;
	case KEY_FORCE:
		o->force = true;
		return 0;
	case ARGP_KEY_END:
		if (!o->force || o->path)
			return 0;
		argp_error(state, "--force goes with --sgxs-out");
		return EINVAL;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp sgxs_argp = { .options = options, .parser = parse };

static int io_error(const char *path, struct err *e)
{
	return err_set(e, ERR_IO, errno, "cannot write '%s': %s", path, strerror(errno));
}

static int check_order(const struct sgxs_out *o, const struct plan *p, bool *ret_canonical, struct err *e)
{
	uint64_t off;

	*ret_canonical = plan_ascends(p, &off);
	if (*ret_canonical || o->force)
		return 0;
	err_set(e, ERR_UNSUPPORTED, 0,
		"the page at offset 0x%llx is added after one above it: an SGXS stream has pages in ascending order, "
		"and another order is another MRENCLAVE", (unsigned long long)off);
	err_hint(e, "--force writes them as they come: SHA-256 of that file is MRENCLAVE still, but readers of SGXS "
		 "refuse it");
	return err_offset(e, off);
}

/* Readers take what is beside a stream for its SIGSTRUCT: that must not be another enclave's. */
static int check_beside(const struct measured *m, const char *sig_path, struct err *e)
{
	struct sgx_arch_sigstruct there;

	if (access(sig_path, F_OK) < 0 && errno == ENOENT)
		return 0;
	if (!sigstruct_load(sig_path, &there, NULL) &&
	    !memcmp(there.enclavehash, m->mrenclave, sizeof(m->mrenclave)))
		return 0;
	err_set(e, ERR_SIGSTRUCT_MISMATCH, 0, "'%s' is not of this enclave, and would be taken for its SIGSTRUCT",
		sig_path);
	return err_hint(e, "choose another name, or remove it");
}

struct written {
	uint64_t bytes;
	uint8_t mrenclave[32];
};

static int write_stream(const struct measured *m, int fd, struct written *w, struct err *e)
{
	int r = plan_write_sgxs(&m->plan, fd, &w->bytes, w->mrenclave, progress_show, NULL, e);

	progress_end();
	if (!r && memcmp(w->mrenclave, m->mrenclave, sizeof(w->mrenclave)))
		r = err_set(e, ERR_BUG, 0, "the stream that was written has another MRENCLAVE");
	return r;
}

/* A pipe or a device is written into; there is no file beside it. */
static int write_special(const struct sgxs_out *o, const struct measured *m, struct written *w, struct err *e)
{
	CLEANUP(cleanup_close) int fd = open(o->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return io_error(o->path, e);
	return write_stream(m, fd, w, e) < 0 ? err_wrap(e, "'%s'", o->path) : 0;
}

/* Both files or none: the stream gets its name when the SIGSTRUCT has its own. */
static int write_files(const struct sgxs_out *o, const struct measured *m, const struct sgx_arch_sigstruct *sig,
		       const char *sig_path, struct written *w, struct err *e)
{
	CLEANUP(file_writer_abandon) struct file_writer f;

	if (file_writer_begin(&f, AT_FDCWD, o->path) < 0)
		return io_error(o->path, e);
	if (write_stream(m, f.fd, w, e) < 0)
		return err_wrap(e, "'%s'", o->path);
	if (sig && write_user_file(sig_path, sig, sizeof(*sig), e) < 0)
		return -1;
	return file_writer_commit(&f, 0644, 0) < 0 ? io_error(o->path, e) : 0;
}

static void add_losses(const struct plan *p, struct json *sgxs)
{
	struct json *list = json_add_arr(sgxs, "not_in_stream");

	if (p->has_base)
		json_push_str(list, "base");
	if (p->n_dynamic)
		json_push_str(list, "dynamic");
}

int sgxs_out(const struct sgxs_out *o, const struct measured *m, const struct sgx_arch_sigstruct *sig,
	     struct json *doc, struct err *e)
{
	CLEANUP(cleanup_free) char *sig_path = NULL;
	bool canonical, special;
	struct written w;
	struct json *sgxs;
	struct stat st;

	if (!o->path)
		return 0;
	sig_path = image_companion_path(o->path, ".sig");
	if (!sig_path)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a path");
	if (!strcmp(o->path, "-") || !strcmp(o->path, sig_path))
		return err_set(e, ERR_USAGE, 0, "--sgxs-out: '%s' is no name for a stream", o->path);
	if (check_order(o, &m->plan, &canonical, e) < 0)
		return -1;
	special = stat(o->path, &st) == 0 && !S_ISREG(st.st_mode);
	if (!special && !sig && check_beside(m, sig_path, e) < 0)
		return -1;
	if ((special ? write_special(o, m, &w, e) : write_files(o, m, sig, sig_path, &w, e)) < 0)
		return -1;
	sgxs = json_add_obj(doc, "sgxs");
	json_add_str(sgxs, "path", o->path);
	json_add_size(sgxs, "bytes", w.bytes);
	if (sig && !special)
		json_add_str(sgxs, "sigstruct", sig_path);
	json_add_bool(sgxs, "canonical", canonical);
	add_losses(&m->plan, sgxs);
	return 0;
}
