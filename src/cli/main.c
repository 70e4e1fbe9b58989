/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl: finds the command, sees to what it needs, and leaves. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/late_crypto.h"
#include "cli/cli.h"
#include "session/session.h"

struct cli cli = { .mode = OUTPUT_JSON, .who = "sgxctl" };

const struct command commands[] = {
#define SGXCTL_CMD(symbol, name, group, needs, text) \
	{ name, group, text, needs, cmd_##symbol, &cmd_##symbol##_argp },
#include "cli/commands.def"
#undef SGXCTL_CMD
};
const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* With 0, 1 or 2 closed, the next open() would become one of them.  Writing to these fails, as it should. */
static void keep_stdio_numbers(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
}

int cli_need(unsigned int needs, struct err *e)
{
	CLEANUP(cleanup_close) int fd = -1;
	char path[4096];

	if (needs & NEEDS_STATE) {
		fd = session_state_dir(path, sizeof(path), e);
		if (fd < 0)
			return -1;
	}
	if (needs & NEEDS_CRYPTO) {
		const char *why = late_crypto_load();

		if (why) {
			err_set(e, ERR_UNSUPPORTED, 0, "libcrypto cannot be loaded: %s", why);
			return err_hint(e, "install OpenSSL's libcrypto of the version that sgxctl was built with");
		}
	}
	return 0;
}

static int run_command(const struct command *c, int argc, char **argv)
{
	static char who[64];
	struct err e = { 0 };

	snprintf(who, sizeof(who), "sgxctl %s", c->name);
	cli.who = argv[0] = who;
	/* --help needs nothing */
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "--usage"))
			return c->run(argc, argv);
	if (cli_need(c->needs, &e) < 0)
		return cli_fail(&e);
	return c->run(argc, argv);
}

int main(int argc, char **argv)
{
	const struct command *c;
	struct err e = { 0 };
	char name[] = "sgxctl";
	int first = 0;

	keep_stdio_numbers();
	signal(SIGXFSZ, SIG_IGN);       /* EFBIG can be told */
	if (argc < 1)
		return EXIT_USAGE;
	if (argc > 1 && !strcmp(argv[1], "__complete"))
		return complete_main(argc - 1, argv + 1);
	argv[0] = name;
	if (cli_parse(&global_argp, argc, argv, &first, NULL) < 0)
		return EXIT_USAGE;
	if (first >= argc) {
		err_set(&e, ERR_USAGE, 0, "a command is missing");
		err_hint(&e, "'sgxctl --help' lists the commands");
		return cli_fail(&e);
	}
	c = command_find(argv[first]);
	if (!c) {
		err_set(&e, ERR_USAGE, 0, "there is no command '%s'", argv[first]);
		err_hint(&e, "'sgxctl --help' lists the commands");
		return cli_fail(&e);
	}
	return run_command(c, argc - first, argv + first);
}
