/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filling and naming errors.  Nothing here prints: the command does, once. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* A message longer than this before escaping is cut: it is one line for people. */
#define ERR_RAW_BYTES 1024

static const struct {
	const char *name, *hint;
	int exit_status;
} err_table[ERR_N_CODES] = {
	[ERR_NONE] = { "none", "", EXIT_DONE },
#define SGXCTL_ERR(symbol, code, exit_status, hint) [ERR_##symbol] = { code, hint, exit_status },
#include "base/errors.def"
#undef SGXCTL_ERR
};

static void format_line(char *dst, size_t dst_bytes, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));
static void format_line(char *dst, size_t dst_bytes, const char *fmt, va_list ap)
{
	char raw[ERR_RAW_BYTES];
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);

	if (n < 0)
		raw[0] = '\0';
	text_escape(dst, dst_bytes, raw, strlen(raw));
}

int err_set(struct err *e, enum err_code code, int sys, const char *fmt, ...)
{
	char msg[sizeof(((struct err *)0)->msg)];
	va_list ap;

	if (!e)
		return -1;
	/* The arguments may point into *e, so it is cleared only after they were formatted. */
	va_start(ap, fmt);
	format_line(msg, sizeof(msg), fmt, ap);
	va_end(ap);

	err_clear(e);
	e->code = code;
	e->sys = sys;
	memcpy(e->msg, msg, sizeof(msg));
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char msg[sizeof(((struct err *)0)->msg)];
	size_t used;
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	format_line(msg, sizeof(msg), fmt, ap);
	va_end(ap);

	/* The old message is escaped already: this only joins, and cuts between characters. */
	used = strlen(msg);
	used += text_escape(msg + used, sizeof(msg) - used, ": ", 2);
	if (used < sizeof(msg))
		text_escape(msg + used, sizeof(msg) - used, e->msg, strlen(e->msg));
	memcpy(e->msg, msg, sizeof(msg));
	return -1;
}

int err_hint(struct err *e, const char *fmt, ...)
{
	char hint[sizeof(((struct err *)0)->hint)];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	format_line(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	memcpy(e->hint, hint, sizeof(hint));
	return -1;
}

int err_offset(struct err *e, uint64_t offset)
{
	if (!e)
		return -1;
	e->has_offset = true;
	e->offset = offset;
	return -1;
}

void err_clear(struct err *e)
{
	memset(e, 0, sizeof(*e));
}

const char *err_name(enum err_code code)
{
	return (unsigned int)code < ERR_N_CODES ? err_table[code].name : err_table[ERR_BUG].name;
}

int err_exit_status(enum err_code code)
{
	return (unsigned int)code < ERR_N_CODES ? err_table[code].exit_status : EXIT_BUG;
}

const char *err_default_hint(enum err_code code)
{
	return (unsigned int)code < ERR_N_CODES ? err_table[code].hint : err_table[ERR_BUG].hint;
}

enum err_code err_from_name(const char *name)
{
	for (unsigned int i = ERR_NONE + 1; i < ERR_N_CODES; i++) {
		if (!strcmp(err_table[i].name, name))
			return (enum err_code)i;
	}
	return ERR_NONE;
}
