/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers: the document on standard output, what went wrong on standard error, an exit status. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "cli/cli.h"
#include "session/session.h"

/* A string of a document, safe for a terminal, without end or beginning. */
static void say(const char *text)
{
	char buf[2048];

	text_escape(buf, sizeof(buf), text, strlen(text));
	fputs(buf, stderr);
}

static void say_error(const struct json *doc)
{
	const struct json *error = json_get(doc, "error");
	const char *message = json_str(json_get(error, "message"));
	const char *hint = json_str(json_get(error, "hint"));

	if (message) {
		fprintf(stderr, "%s: ", cli.who);
		say(message);
		fputc('\n', stderr);
	}
	if (hint && *hint) {
		fputs("hint: ", stderr);
		say(hint);
		fputc('\n', stderr);
	}
}

int cli_status(const struct json *doc)
{
	const char *code = json_str(json_path(doc, "error.code"));
	enum err_code known = code ? err_from_name(code) : ERR_NONE;
	bool done = false;

	if (json_bool(json_get(doc, "ok"), &done) == 0 && done)
		return EXIT_DONE;
	return known == ERR_NONE ? EXIT_FAILED : err_exit_status(known);
}

/* The text for standard output, for free(). */
static char *compose(const struct json *doc, size_t *ret_bytes, struct err *e)
{
	char *text = NULL, *json;
	FILE *f = open_memstream(&text, ret_bytes);
	bool bad;

	if (!f) {
		err_set(e, ERR_NO_MEMORY, errno, "no memory for the answer");
		return NULL;
	}
	if (cli.mode == OUTPUT_JSON) {
		json = json_print(doc, isatty(STDOUT_FILENO));
		if (!json) {
			err_set(e, errno == ENOMEM ? ERR_NO_MEMORY : ERR_BUG, errno, "the answer cannot be written as JSON");
			fclose(f);
			free(text);
			return NULL;
		}
		fputs(json, f);
		fputc('\n', f);
		free(json);
	} else if (cli.mode == OUTPUT_TEXT) {
		render_text(doc, f);
	} else if (cli_status(doc) == EXIT_DONE || json_path(doc, "error") == NULL) {
		render_quiet(doc, f);
	}
	bad = ferror(f);
	if (fclose(f) || bad) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the answer");
		free(text);
		return NULL;
	}
	return text;
}

int cli_reply_text(struct json *doc, const char *text, size_t bytes)
{
	struct err e = { 0 };
	int status = cli_status(doc);

	say_error(doc);
	json_free(doc);
	if (write_stdout(text, bytes, &e) < 0) {
		fprintf(stderr, "%s: %s\n", cli.who, e.msg);
		return status == EXIT_DONE ? err_exit_status(e.code) : status;
	}
	return status;
}

int cli_reply(struct json *doc)
{
	CLEANUP(cleanup_free) char *text = NULL;
	struct err e = { 0 };
	size_t bytes = 0;

	text = compose(doc, &bytes, &e);
	if (text)
		return cli_reply_text(doc, text, bytes);
	say_error(doc);
	json_free(doc);
	fprintf(stderr, "%s: %s\n", cli.who, e.msg);
	return err_exit_status(e.code);
}

int cli_fail(const struct err *e)
{
	return cli_reply(session_error_doc(e));
}

int write_user_file(const char *path, const void *buf, size_t bytes, struct err *e)
{
	CLEANUP(cleanup_close) int fd = -1;
	struct stat st;

	/* a device or a pipe must not be replaced by a file */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 || write_full(fd, buf, bytes) < 0)
			return err_set(e, ERR_IO, errno, "cannot write '%s'", path);
		return 0;
	}
	if (write_file_atomic(AT_FDCWD, path, buf, bytes, 0644, 0) < 0)
		return err_set(e, ERR_IO, errno, "cannot write '%s'", path);
	return 0;
}

/* ---- progress ------------------------------------------------------------------------------------- */

#define PROGRESS_AFTER (NS_PER_SEC)
#define PROGRESS_EVERY (NS_PER_SEC / 5)

static uint64_t progress_begin, progress_last;

void progress_show(void *arg, uint64_t done, uint64_t total)
{
	uint64_t now = now_ns();

	(void)arg;
	if (!progress_begin) {
		progress_begin = now;
		progress_last = isatty(STDERR_FILENO) ? now : UINT64_MAX;
	}
	if (progress_last == UINT64_MAX || now - progress_begin < PROGRESS_AFTER || now - progress_last < PROGRESS_EVERY)
		return;
	progress_last = now;
	fprintf(stderr, "\r%s: %llu of %llu (%u %%)\033[K", cli.who, (unsigned long long)done, (unsigned long long)total,
		total ? (unsigned int)((double)done * 100.0 / (double)total) : 0);
}

void progress_end(void)
{
	if (progress_begin && progress_last != UINT64_MAX && progress_last - progress_begin >= PROGRESS_AFTER)
		fputs("\r\033[K", stderr);
	progress_begin = progress_last = 0;
}
