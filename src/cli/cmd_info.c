/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl info: a keeper of its own probes the machine. */
#include "cli/cli.h"

const struct argp cmd_info_argp = {
	.children = device_children,
	.doc = "Shows what this machine offers for SGX, probe by probe, and which device --device=auto takes."
	       "\vSee sgxctl-info(1).",
};

int cmd_info(int argc, char **argv)
{
	struct json *request;

	if (cli_parse(&cmd_info_argp, argc, argv, NULL, NULL) < 0)
		return EXIT_USAGE;
	request = request_new("info");
	request_device(request);
	return request_run(NULL, request);
}
