/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the commands share.  A command is one file cmd_NAME.c with one function cmd_NAME() and one
 * struct argp cmd_NAME_argp, and one row in commands.def: it turns arguments into a request (or does its
 * work here, where no enclave is needed), and hands the document to cli_reply().
 *
 * Context: normal, one thread.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"

/* ---- commands: one table, commands.def ------------------------------------------------------------ */

/* What the dispatcher sees to first: the state directory, libcrypto. */
enum { NEEDS_NOTHING = 0, NEEDS_STATE = 1, NEEDS_CRYPTO = 2 };
/* The same for a command that needs it only sometimes: 0, or -1 with e set. */
int cli_need(unsigned int needs, struct err *e);

struct command {
	const char *name, *group, *text;
	unsigned int needs;
	int (*run)(int argc, char **argv);      /* argv[0] is "sgxctl NAME"; returns the exit status */
	const struct argp *argp;
};
extern const struct command commands[];
extern const size_t n_commands;
const struct command *command_find(const char *name);

#define SGXCTL_CMD(symbol, name, group, needs, text) \
	int cmd_##symbol(int argc, char **argv); \
	extern const struct argp cmd_##symbol##_argp;
#include "cli/commands.def"
#undef SGXCTL_CMD

/* ---- options -------------------------------------------------------------------------------------- */

enum output_mode { OUTPUT_JSON, OUTPUT_TEXT, OUTPUT_QUIET };

/* What options said that every command has, or every command that opens a device. */
struct cli {
	enum output_mode mode;
	const char *device, *kernel;    /* NULL: not said */
	uint64_t epc_bytes;             /* 0: not said */
	bool no_sgx2;
	const char *who;                /* "sgxctl load", for messages */
};
extern struct cli cli;

extern const struct argp global_argp;           /* of sgxctl itself; its arguments are the command's */
extern const struct argp output_argp, device_argp;
extern const struct argp_child output_children[];       /* --text --json --quiet --help ... */
extern const struct argp_child device_children[];       /* those and --device --kernel --epc --no-sgx2 */

/*
 * Parses with argp; 0, or -1 when the error document and the line for people are written already
 * and the command only has to return EXIT_USAGE.  Parsers report with argp_error() and return EINVAL.
 * ret_index: where the arguments of `sgxctl` itself end; NULL for commands.
 */
int cli_parse(const struct argp *argp, int argc, char **argv, int *ret_index, void *input);

/* Values of options, strict; they report through argp_error() and return 0 or EINVAL. */
error_t option_u64(struct argp_state *state, const char *option, const char *arg, uint64_t max,
		   uint64_t *ret);
error_t option_size(struct argp_state *state, const char *option, const char *arg, uint64_t max,
		    uint64_t *ret);
/* arg must be one of the words in "a|b|c", which is also what help and completion show. */
error_t option_word(struct argp_state *state, const char *option, const char *arg, const char *words);
/* --limit N, 0 for no limit (UINT64_MAX). */
error_t option_limit(struct argp_state *state, const char *arg, uint64_t *ret);
/* "rwx", "r-x", "rw"... as bits 1 R, 2 W, 4 X. */
error_t option_perm(struct argp_state *state, const char *option, const char *arg, unsigned int *ret);
/* The one NAME of a command, checked; not 0, to be passed on, when it is none or there is one already. */
error_t argument_name(struct argp_state *state, const char *arg, const char **name);
/* The one IMAGE of a command. */
error_t argument_image(const char *arg, const char **image);
error_t need_argument(struct argp_state *state, const char *name, const char *what);

/* A range of pages: --offset and --pages or --length, --absolute. */
struct range {
	uint64_t offset, pages;
	bool has_offset, has_pages, has_length, absolute;
	uint64_t length;
};
#define KEY_OFFSET   0x1000
#define KEY_PAGES    0x1001
#define KEY_LENGTH   0x1002
#define KEY_ABSOLUTE 0x1003
#define RANGE_OPTIONS \
	{ "offset", KEY_OFFSET, "OFFSET", 0, "where the range begins, from the ELRANGE base", 1 }, \
	{ "pages", KEY_PAGES, "N", 0, "its length in pages of 4096 bytes", 1 }, \
	{ "length", KEY_LENGTH, "SIZE", 0, "its length in bytes (K, M, G: powers of 1024)", 1 }, \
	{ "absolute", KEY_ABSOLUTE, NULL, 0, "--offset is a linear address, not an offset", 1 }
enum range_needs { RANGE_OPTIONAL, RANGE_OFFSET, RANGE_WHOLE };
error_t range_option(struct range *r, int key, char *arg, struct argp_state *state);
/* For ARGP_KEY_END. */
error_t range_complete(struct range *r, enum range_needs needs, struct argp_state *state);
/* Adds "offset" and "pages" to a request; makes an absolute address an offset in enclave `name`. */
int range_request(const struct range *r, const char *name, struct json *request, struct err *e);
/* An address of enclave `name` as offset from its base (wrapping, for addresses outside). */
int address_to_offset(const char *name, uint64_t address, uint64_t *ret_offset, struct err *e);

/* ---- requests ----------------------------------------------------------------------------------- */

struct json *request_new(const char *op);
void request_u64(struct json *request, const char *key, uint64_t value);        /* hex string from 2^53 on */
void request_str(struct json *request, const char *key, const char *value);     /* NULL: left out */
/* An absolute path, because keepers run in the root directory. */
int request_path(struct json *request, const char *key, const char *path, struct err *e);
void request_device(struct json *request);
/* Sends request (consumed) to the keeper of name, or to one of its own (NULL) that ends with the reply. */
int request_send(const char *name, struct json *request, const int *fds, size_t n_fds,
		 struct json **ret_reply, struct err *e);
/* The same, and shows the reply; the exit status. */
int request_run(const char *name, struct json *request);

/* ---- image files: what load, measure and sign share (image.c) -------------------------------------- */

/* The file a word stands for: a path, or the bare name of an installed enclave.  For free(). */
char *image_find(const char *word, struct err *e);
/* Its name without folder and ".elf". */
void image_stem(char *buf, size_t bytes, const char *path);

/* ---- answers ------------------------------------------------------------------------------------ */

/* Shows a document (consumed) as the mode asks and its error on stderr; the exit status. */
int cli_reply(struct json *doc);
/* The same for a failure that has no document yet. */
int cli_fail(const struct err *e);
/* Shows text that was made from doc (consumed), with the exit status of doc. */
int cli_reply_text(struct json *doc, const char *text, size_t bytes);
/* Writes a file that the user named: whole or not at all when it is a regular file, into it when not. */
int write_user_file(const char *path, const void *buf, size_t bytes, struct err *e);
/* Exit status that a document stands for. */
int cli_status(const struct json *doc);

/* A line on stderr that moves, for work longer than a second, when there is a terminal. */
void progress_show(void *arg, uint64_t done, uint64_t total);
void progress_end(void);

/* ---- rendering: text from documents, by tables (render.c) ----------------------------------- */

void render_text(const struct json *doc, FILE *out);
void render_quiet(const struct json *doc, FILE *out);
void render_ktap(const struct json *accept_test, FILE *out);
void render_svg(const struct json *pages, FILE *out);
/* The value at "a.b.c"; NULL when a step is missing. */
const struct json *json_path(const struct json *doc, const char *path);

int complete_main(int argc, char **argv);       /* sgxctl __complete */

#endif
