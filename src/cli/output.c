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
			err_set(e, errno == ENOMEM ? ERR_NO_MEMORY : ERR_BUG, errno,
				"the answer cannot be written as JSON");
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

	/* others mean standard output by it, which is where the document goes */
	if (!strcmp(path, "-")) {
		err_set(e, ERR_USAGE, 0, "'-' is no file: standard output has the document");
		return err_hint(e, "name a file, a pipe or a device; ./- is a file of this name");
	}
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

static struct {
	uint64_t begin, shown;          /* when; 0: not yet */
	uint64_t done, total;           /* the last news */
	bool terminal;
} progress;

static void progress_line(uint64_t now)
{
	fprintf(stderr, "\r%s: ", cli.who);
	if (progress.done < progress.total)
		fprintf(stderr, "%llu of %llu (%u %%), ", (unsigned long long)progress.done,
			(unsigned long long)progress.total,
			(unsigned int)((double)progress.done * 100.0 / (double)progress.total));
	fprintf(stderr, "%llu s\033[K", (unsigned long long)((now - progress.begin) / NS_PER_SEC));
}

void progress_show(void *arg, uint64_t done, uint64_t total)
{
	uint64_t now = now_ns();

	(void)arg;
	if (!progress.begin) {
		progress.begin = now;
		progress.terminal = isatty(STDERR_FILENO);
	}
	if (total) {
		progress.done = done;
		progress.total = total;
	}
	if (!progress.terminal || now - progress.begin < PROGRESS_AFTER ||
	    (progress.shown && now - progress.shown < PROGRESS_EVERY))
		return;
	progress.shown = now;
	progress_line(now);
}

void progress_end(void)
{
	if (progress.shown)
		fputs("\r\033[K", stderr);
	progress.begin = progress.shown = progress.total = 0;
}
