/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Errors: filled, wrapped, cut, named; and the names of errnos. */
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "tap.h"

static void test_set_and_wrap(void)
{
	struct err e = { .sgx = 19, .check = "EAUG.6", .hint = "old" };
	char big[2000];

	ok(err_set(&e, ERR_PAGE_EXISTS, EBUSY, "page at 0x%x", 0x5000) == -1, "err_set returns -1");
	ok(e.code == ERR_PAGE_EXISTS && e.sys == EBUSY && !strcmp(e.msg, "page at 0x5000"),
	   "and fills the error");
	ok(!e.sgx && !e.check[0] && !e.hint[0] && !e.has_offset, "nothing of an older error is left");
	err_offset(&e, 0x5000);
	err_hint(&e, "look at %s", "pages");
	ok(err_wrap(&e, "enclave '%s'", "demo") == -1, "err_wrap returns -1");
	ok(!strcmp(e.msg, "enclave 'demo': page at 0x5000"), "and puts the context in front");
	ok(e.code == ERR_PAGE_EXISTS && e.sys == EBUSY && e.has_offset && e.offset == 0x5000 &&
	   !strcmp(e.hint, "look at pages"), "everything else is kept");

	err_set(&e, ERR_IO, 0, "again: %s", e.msg);
	ok(!strcmp(e.msg, "again: enclave 'demo': page at 0x5000"), "a message may be made of the old one");

	err_set(&e, ERR_NO_IMAGE, 0, "a\nb\x1b[2J\xff%s", "\xc3\xa9");
	ok(!strcmp(e.msg, "a\\nb\\x1b[2J\\xff\xc3\xa9"), "control characters and bad UTF-8 are escaped");

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_IO, 0, "%s", big);
	is_u64(strlen(e.msg), sizeof(e.msg) - 1, "a long message is cut");
	err_wrap(&e, "%s", big);
	is_u64(strlen(e.msg), sizeof(e.msg) - 1, "so is long context");
	ok(err_set(NULL, ERR_IO, 0, "x") == -1 && err_wrap(NULL, "x") == -1 && err_hint(NULL, "x") == -1 &&
	   err_offset(NULL, 1) == -1, "no error object is no problem");
}

static void test_names(void)
{
	bool found = true, sound = true;

	for (int i = ERR_NONE + 1; i < ERR_N_CODES; i++) {
		enum err_code code = (enum err_code)i;
		int status = err_exit_status(code);

		found &= err_from_name(err_name(code)) == code;
		sound &= status != EXIT_DONE && status != 77 && status != 99;
		for (const char *p = err_name(code); *p; p++)
			sound &= (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-';
	}
	ok(found, "each of %d codes is found by its name", ERR_N_CODES - 1);
	ok(sound, "names are kebab-case, exit statuses are neither 0 nor a test harness's");
	ok(err_from_name("none") == ERR_NONE && err_from_name("page") == ERR_NONE,
	   "unknown names give ERR_NONE");
	ok(!strcmp(err_name(ERR_NONE), "none") && err_exit_status(ERR_NONE) == EXIT_DONE,
	   "no error is no failure");
	ok(err_exit_status((enum err_code)9999) == EXIT_BUG, "a code that does not exist is our bug");
}

static void test_errno_names(void)
{
	int known = 0;
	bool both_ways = true;

	for (int i = -1; i < 300; i++) {
		const char *name = errno_name(i);

		if (!name)
			continue;
		known++;
		both_ways &= errno_from_name(name) == i;
	}
	is_u64(known, 131, "Linux has 131 errnos");
	ok(both_ways, "each is found by its name");
	ok(!strcmp(errno_name(EPERM), "EPERM") && !strcmp(errno_name(EHWPOISON), "EHWPOISON"),
	   "first and last");
	ok(!errno_name(0) && !errno_name(-EBUSY) && !errno_name(41) && !errno_name(4096),
	   "others have no name");
	ok(errno_from_name("EWOULDBLOCK") == EAGAIN && errno_from_name("ENOTSUP") == EOPNOTSUPP, "aliases");
	ok(!errno_from_name("EBUS") && !errno_from_name(""), "unknown names give 0");
}

int main(void)
{
	test_set_and_wrap();
	test_names();
	test_errno_names();
	return tap_done();
}
