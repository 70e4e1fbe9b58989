/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl list: what the folders in the state directory say; no keeper is asked. */
#include <string.h>

#include "cli/cli.h"
#include "session/session.h"

const struct argp cmd_list_argp = {
	.children = output_children,
	.doc = "Lists the enclaves of this user; a dead one is what a killed keeper left."
	       "\vSee sgxctl-list(1).",
};

/* The info document's own words, except where we know better. */
static void add_entry(struct json *list, const struct session_entry *entry)
{
	struct json *o = json_push_obj(list);
	const char *state = json_str(json_get(entry->info, "state"));

	json_add_str(o, "enclave", entry->name);
	json_add_str(o, "state", !entry->alive ? "dead" : state ? state : "starting");
	for (const struct json *m = json_first(entry->info); m; m = json_next(m)) {
		const char *key = json_key(m);

		if (!strcmp(key, "enclave") || !strcmp(key, "state") || !strcmp(key, "schema") ||
		    !strcmp(key, "ok"))
			continue;
		if (!strcmp(key, "pid") && entry->pid)
			json_add_int(o, key, entry->pid);
		else
			json_add_take(o, key, json_clone(m));
	}
}

int cmd_list(int argc, char **argv)
{
	struct session_entry *entries;
	struct err e = { 0 };
	struct json *doc, *list;
	size_t n;

	if (cli_parse(&cmd_list_argp, argc, argv, NULL, NULL) < 0)
		return EXIT_USAGE;
	if (session_list(&entries, &n, &e) < 0)
		return cli_fail(&e);
	doc = json_object();
	json_add_str(doc, "schema", "sgxctl.list/1");
	json_add_bool(doc, "ok", true);
	list = json_add_arr(doc, "enclaves");
	for (size_t i = 0; i < n; i++)
		add_entry(list, &entries[i]);
	session_list_free(entries, n);
	return cli_reply(doc);
}
