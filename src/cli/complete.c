/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sgxctl __complete WORD...: what the last word could become, one candidate per line with a tab and a few
 * words about it.  Shells call it; it reads the same tables as everything else and the state directory.
 * A line ":files" asks the shell for file names.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/place.h"
#include "cli/cli.h"
#include "encl_ops.h"
#include "image/image.h"
#include "session/session.h"

static void candidate(const char *begin, const char *prefix, const char *word, size_t n, const char *text)
{
	if (strlen(begin) <= n && !strncmp(word, begin, strlen(begin)))
		printf("%s%.*s\t%s\n", prefix, (int)n, word, text);
}

static void complete_enclaves(const char *begin)
{
	struct session_entry *entries;
	size_t n;

	if (session_list(&entries, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		candidate(begin, "", entries[i].name, strlen(entries[i].name),
			  entries[i].alive ? "enclave" : "dead enclave");
	session_list_free(entries, n);
}

static void complete_installed(const char *begin)
{
	CLEANUP(cleanup_free) char *dir = place_find("SGXCTL_ENCLAVES", "enclaves", ENCLAVESDIR);
	DIR *d = dir ? opendir(dir) : NULL;
	struct dirent *ent;

	while (d && (ent = readdir(d))) {
		size_t n = strlen(ent->d_name);

		if (n > 4 && !strcmp(ent->d_name + n - 4, ".elf"))
			candidate(begin, "", ent->d_name, n - 4, "installed enclave");
	}
	if (d)
		closedir(d);
}

static void complete_operations(const char *begin)
{
#define OP(number, symbol, name, args, text) candidate(begin, "", name, strlen(name), text);
	ENCL_OP_TABLE(OP)
#undef OP
}

/* The values of an option, from what its help shows in their place. */
static void complete_value(const char *arg, const char *prefix, const char *begin)
{
	if (!strcmp(arg, "FORMAT")) {
		for (size_t i = 0; i < image_n_formats; i++)
			candidate(begin, prefix, image_formats[i].name, strlen(image_formats[i].name),
				  image_formats[i].what);
		return;
	}
	if (!strchr(arg, '|')) {
		if (!strcmp(arg, "FILE") || !strcmp(arg, "PEM"))
			puts(":files");
		return;
	}
	for (const char *w = arg; w; w = strchr(w, '|') ? strchr(w, '|') + 1 : NULL)
		candidate(begin, prefix, w, strcspn(w, "|"), "");
}

static void complete_options(const struct argp *argp, const char *begin)
{
	char name[128];

	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++) {
		if (!o->name || (o->flags & (OPTION_DOC | OPTION_HIDDEN)))
			continue;
		snprintf(name, sizeof(name), "--%s%s", o->name, o->arg ? "=" : "");
		candidate(begin, "", name, strlen(name), o->doc ? o->doc : "");
	}
	for (const struct argp_child *c = argp->children; c && c->argp; c++)
		complete_options(c->argp, begin);
}

static const struct argp_option *find_option(const struct argp *argp, const char *name, size_t n)
{
	for (const struct argp_option *o = argp->options; o && (o->name || o->key || o->doc); o++)
		if (o->name && strlen(o->name) == n && !strncmp(o->name, name, n))
			return o;
	for (const struct argp_child *c = argp->children; c && c->argp; c++) {
		const struct argp_option *o = find_option(c->argp, name, n);

		if (o)
			return o;
	}
	return NULL;
}

/* Does this word, an option, take the next one as its value? */
static const struct argp_option *awaits_value(const struct argp *argp, const char *word)
{
	const struct argp_option *o;

	if (strncmp(word, "--", 2) || strchr(word, '='))
		return NULL;
	o = find_option(argp, word + 2, strlen(word + 2));
	return o && o->arg ? o : NULL;
}

static void complete_argument(const struct command *c, int position, const char *begin)
{
	const char *args = c->argp->args_doc ? c->argp->args_doc : "";

	if (strstr(args, "IMAGE")) {
		complete_installed(begin);
		puts(":files");
	} else if (strstr(args, "OP") && position == 1) {
		complete_operations(begin);
	} else if (strstr(args, "PROG")) {
		puts(":files");
	} else if (strstr(args, "NAME") && (position == 0 || strstr(args, "NAME..."))) {
		complete_enclaves(begin);
	}
}

static void complete_in(const struct argp *argp, const struct command *c, int argc, char **argv)
{
	const char *begin = argv[argc - 1];
	const char *equals = strchr(begin, '=');
	const struct argp_option *o = argc > 1 ? awaits_value(argp, argv[argc - 2]) : NULL;
	char prefix[128];
	int position = 0;

	if (o) {
		complete_value(o->arg, "", begin);
	} else if (!strncmp(begin, "--", 2) && equals) {
		o = find_option(argp, begin + 2, (size_t)(equals - begin - 2));
		snprintf(prefix, sizeof(prefix), "%.*s", (int)(equals - begin + 1), begin);
		if (o && o->arg)
			complete_value(o->arg, prefix, equals + 1);
	} else if (*begin == '-') {
		complete_options(argp, begin);
	} else if (c) {
		for (int i = 0; i < argc - 1; i++)
			position += *argv[i] != '-' && !(i && awaits_value(argp, argv[i - 1]));
		complete_argument(c, position, begin);
	} else {
		for (size_t i = 0; i < n_commands; i++)
			candidate(begin, "", commands[i].name, strlen(commands[i].name), commands[i].text);
	}
}

int complete_main(int argc, char **argv)
{
	const struct command *c = NULL;
	int i;

	if (argc < 2)
		return EXIT_USAGE;
	/* the command is the first word that is neither an option nor the value of one */
	for (i = 1; i < argc - 1; i++) {
		if (*argv[i] == '-' || (i > 1 && awaits_value(&global_argp, argv[i - 1])))
			continue;
		c = command_find(argv[i]);
		break;
	}
	if (c)
		complete_in(c->argp, c, argc - i - 1, argv + i + 1);
	else if (i >= argc - 1)
		complete_in(&global_argp, NULL, argc - 1, argv + 1);
	return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}
