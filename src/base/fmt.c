/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parsing and printing of numbers, sizes and rights.  strtoull accepts too much to be used here. */
#include "base/fmt.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Digits from s on; *ret_end is the first character that is none.  -1 with errno. */
static int scan_number(const char *s, uint64_t *ret, const char **ret_end)
{
	unsigned int base = 10;
	bool any = false, over = false;
	uint64_t v = 0;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X')) {
		base = 16;
		s += 2;
	}
	for (;; s++) {
		unsigned int digit;

		if (*s >= '0' && *s <= '9')
			digit = (unsigned int)(*s - '0');
		else if (base == 16 && *s >= 'a' && *s <= 'f')
			digit = (unsigned int)(*s - 'a') + 10;
		else if (base == 16 && *s >= 'A' && *s <= 'F')
			digit = (unsigned int)(*s - 'A') + 10;
		else
			break;
		any = true;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
			over = true;
	}
	if (!any) {
		errno = EINVAL;
		return -1;
	}
	*ret = over ? UINT64_MAX : v;
	*ret_end = s;
	errno = over ? ERANGE : 0;
	return 0;
}

static int finish(bool over, uint64_t v, uint64_t max, uint64_t *ret)
{
	if (over || v > max) {
		errno = ERANGE;
		return -1;
	}
	*ret = v;
	return 0;
}

int parse_u64(const char *s, uint64_t max, uint64_t *ret)
{
	const char *end;
	uint64_t v;

	if (scan_number(s, &v, &end) < 0)
		return -1;
	if (*end) {
		errno = EINVAL;
		return -1;
	}
	return finish(errno == ERANGE, v, max, ret);
}

int parse_size(const char *s, uint64_t max, uint64_t *ret)
{
	static const char suffixes[] = "KMGTkmgt";
	const char *end, *suffix;
	uint64_t v;
	bool over;

	if (scan_number(s, &v, &end) < 0)
		return -1;
	over = errno == ERANGE;
	if (*end) {
		suffix = strchr(suffixes, *end);
		if (!suffix || end[1]) {
			errno = EINVAL;
			return -1;
		}
		if (__builtin_mul_overflow(v, (uint64_t)1 << (10 * ((suffix - suffixes) % 4 + 1)), &v))
			over = true;
	}
	return finish(over, v, max, ret);
}

const char *fmt_size(char buf[FMT_SIZE_BYTES], uint64_t bytes)
{
	static const char units[] = "KMGTPE";
	unsigned int n = 0;

	while (n < 6 && bytes >> (10 * (n + 1)))
		n++;
	if (!n) {
		snprintf(buf, FMT_SIZE_BYTES, "%u", (unsigned int)bytes);
		return buf;
	}

	uint64_t unit = (uint64_t)1 << (10 * n);
	unsigned int whole = (unsigned int)(bytes / unit);
	unsigned int tenth = (unsigned int)((bytes % unit >> (10 * (n - 1))) * 10 / 1024);

	if (bytes % unit)
		snprintf(buf, FMT_SIZE_BYTES, "%u.%u%c", whole, tenth, units[n - 1]);
	else
		snprintf(buf, FMT_SIZE_BYTES, "%u%c", whole, units[n - 1]);
	return buf;
}

int perm_parse(const char *s, unsigned int *ret)
{
	static const char letters[] = "rwx";
	unsigned int perm = 0;
	size_t at = 0;

	if (!*s)
		return -1;
	for (; *s; s++) {
		if (*s == '-') {
			if (at++ >= 3)
				return -1;
			continue;
		}
		while (at < 3 && letters[at] != *s)
			at++;
		if (at == 3)
			return -1;
		perm |= 1u << at++;
	}
	*ret = perm;
	return 0;
}

const char *perm_str(unsigned int perm, char buf[4])
{
	buf[0] = perm & PERM_R ? 'r' : '-';
	buf[1] = perm & PERM_W ? 'w' : '-';
	buf[2] = perm & PERM_X ? 'x' : '-';
	buf[3] = '\0';
	return buf;
}
