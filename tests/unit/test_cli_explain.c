/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * explain answers everything that it may be asked: every code of every table, every case by some way, and no
 * answer is empty.
 */
#include <string.h>

#include "arch/sgx_names.h"
#include "cli/explain.h"
#include "tap.h"

static struct json *ask(const char *code)
{
	const char *codes[] = { code };
	struct err e = { 0 };

	return explain_document(codes, 1, NULL, &e);
}

static bool is_full(const struct json *reading, const char *key)
{
	const char *s = json_str(json_get(reading, key));

	return s && *s;
}

/* Every reading has a kind, a meaning, and causes that say how to confirm them and what to do. */
static bool is_answer(const struct json *doc)
{
	const struct json *readings = json_get(doc, "readings"), *r, *c;

	if (!json_len(readings) || json_error(doc))
		return false;
	for (r = json_first(readings); r; r = json_next(r)) {
		if (!is_full(r, "code") || !is_full(r, "kind") || !is_full(r, "name") || !is_full(r, "meaning"))
			return false;
		for (c = json_first(json_get(r, "causes")); c; c = json_next(c)) {
			if (!is_full(c, "case") || !is_full(c, "cause") || !is_full(c, "confirm") ||
			    !is_full(c, "remedy"))
				return false;
		}
	}
	return true;
}

static bool has_cause(const struct json *doc, const char *slug)
{
	const struct json *r, *c;

	for (r = json_first(json_get(doc, "readings")); r; r = json_next(r)) {
		for (c = json_first(json_get(r, "causes")); c; c = json_next(c)) {
			const char *s = json_str(json_get(c, "case"));

			if (s && !strcmp(s, slug))
				return true;
		}
	}
	return false;
}

static bool has_reading(const struct json *doc, const char *kind)
{
	const struct json *r;

	for (r = json_first(json_get(doc, "readings")); r; r = json_next(r)) {
		if (!strcmp(json_str(json_get(r, "kind")), kind))
			return true;
	}
	return false;
}

static bool answers(const char *code)
{
	struct json *doc = ask(code);
	bool good = is_answer(doc);

	json_free(doc);
	return good;
}

static bool answers_as(const char *code, const char *kind)
{
	struct json *doc = ask(code);
	bool good = is_answer(doc) && has_reading(doc, kind);

	json_free(doc);
	return good;
}

/* ---- the tables ----------------------------------------------------------------------------------- */

static void test_errors(void)
{
	int missing = 0;

	for (int i = ERR_NONE + 1; i < ERR_N_CODES; i++) {
		const char *name = err_name((enum err_code)i);

		ok(answers_as(name, "error"), "the error code %s is explained", name);
		missing += !explain_error_find(name);
	}
	is_u64(missing, 0, "every code of errors.def has a row of its own");
	for (const struct explain_error *x = explain_errors; x->code; x++)
		ok(err_from_name(x->code) != ERR_NONE, "the row %s is a code of errors.def", x->code);
}

static void test_sgx_codes(void)
{
	char code[16];

	for (unsigned int n = 0; n <= 256; n++) {
		if (!sgx_code_name(n))
			continue;
		snprintf(code, sizeof(code), "sgx:%u", n);
		ok(answers_as(code, "sgx-code"), "%s is explained", code);
		ok(answers_as(sgx_code_name(n), "sgx-code"), "%s is explained", sgx_code_name(n));
		snprintf(code, sizeof(code), "%u", n);
		ok(answers_as(code, "sgx-code"), "a bare %s may be an SGX code", code);
	}
	ok(!ask("sgx:22") && !ask("sgx:257"), "a number that no leaf returns is unknown");
}

static void test_pf_codes(void)
{
	static const unsigned int seen[] = { 0x4, 0x6, 0x14, 0x5, 0x7, 0x15, 0x8005, 0x8007, 0x8015 };
	char code[32];
	bool all = true;

	for (size_t i = 0; i < sizeof(seen) / sizeof(seen[0]); i++) {
		snprintf(code, sizeof(code), "0x%x", seen[i]);
		ok(answers_as(code, "pf-error-code"), "%s is explained", code);
		snprintf(code, sizeof(code), "v14/0x%x/3", seen[i]);
		ok(answers_as(code, "run"), "%s is explained", code);
	}
	for (unsigned int n = 0; n <= 0x7f; n++) {
		snprintf(code, sizeof(code), "pf:0x%x", n);
		all &= answers(code);
		snprintf(code, sizeof(code), "pf:0x%x", n | 0x8000);
		all &= answers(code);
	}
	ok(all, "every combination of known bits is explained");
	ok(!ask("pf:0x100") && !ask("pf:0x18000"), "bits that no page fault has are unknown");
}

static void test_calls(void)
{
	char code[128];

	for (const struct explain_call_result *r = explain_call_results; r->call; r++) {
		struct json *doc;

		if (!strcmp(r->result, "n"))
			continue;
		snprintf(code, sizeof(code), "%s:%s", r->call, r->result);
		doc = ask(code);
		ok(is_answer(doc) && explain_call_find(r->call, strlen(r->call)), "%s is explained", code);
		json_free(doc);
	}
	for (const struct explain_call *c = explain_calls; c->name; c++)
		ok(answers(c->name), "all results of %s are listed", c->name);
	for (const struct sgx_name *n = sgx_ioctl_names; n->name; n++)
		ok(explain_call_find(n->name, strlen(n->name)), "%s is a call that explain knows", n->name);
}

/* What each ioctl can return on Linux 6.1 and with the AUGMENT patch: written down apart from the tables. */
static void test_ioctl_errnos(void)
{
	static const struct {
		const char *call, *errnos;
	} rows[] = {
		{ "CREATE", "EBUSY EINVAL EFAULT ENOMEM EINTR ENFILE EIO ENOTTY EBADF" },
		{ "ADD_PAGES", "EBUSY EINVAL EFAULT EINTR ENOMEM EACCES EIO ENOTTY EBADF 0" },
		{ "INIT", "EBUSY EINVAL EFAULT ENOMEM EACCES ENOENT EINTR EIO EPERM ENOTTY EBADF" },
		{ "PROVISION", "EBUSY EFAULT EINVAL ENOTTY EBADF" },
		{ "VEPC_REMOVE_ALL", "EINVAL EBUSY ENOTTY EBADF 3" },
		{ "RESTRICT_PERMISSIONS", "EBUSY ENODEV EINVAL EFAULT EAGAIN ENOTTY EBADF EFAULT:20 EFAULT:7 EFAULT:0" },
		{ "MODIFY_TYPES", "EBUSY ENODEV EINVAL EFAULT EAGAIN EPERM ENOTTY EBADF EFAULT:20 EFAULT:7 EFAULT:0" },
		{ "REMOVE_PAGES", "EBUSY ENODEV EINVAL EFAULT EAGAIN EPERM ENOTTY EBADF" },
		{ "AUGMENT_PAGES", "EBUSY EINVAL EFAULT EINTR ENOMEM ENOTTY EBADF 2 0" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (const char *s = rows[i].errnos; *s; s += strspn(s, " ")) {
			size_t bytes = strcspn(s, " ");
			char code[64];
			struct json *doc;

			snprintf(code, sizeof(code), "%s:%.*s", rows[i].call, (int)bytes, s);
			doc = ask(code);
			ok(is_answer(doc) && !has_cause(doc, "not-by-driver"), "%s has causes of its own", code);
			json_free(doc);
			s += bytes;
		}
	}
}

/* Each way in which adding pages goes wrong: how it shows itself, and the cause that must be named. */
static void test_symptoms(void)
{
	static const struct {
		const char *code, *slug;
	} rows[] = {
		{ "AUGMENT_PAGES:ENOTTY", "augment-not-merged" },
		{ "AUGMENT_PAGES:2", "augment-page-exists" },
		{ "AUGMENT_PAGES:2", "epc-exhausted" },
		{ "AUGMENT_PAGES:2", "augment-no-sgx2" },
		{ "AUGMENT_PAGES:2", "augment-signal-swallowed" },
		{ "AUGMENT_PAGES:0", "short-count-signal" },
		{ "AUGMENT_PAGES:EINTR", "signal-before-first" },
		{ "AUGMENT_PAGES:EINVAL", "not-initialized" },
		{ "AUGMENT_PAGES:EINVAL", "bad-range" },
		{ "AUGMENT_PAGES:EBUSY", "concurrent-ioctl" },
		{ "augment-secs-evicted", "augment-secs-evicted" },
		{ "MODIFY_TYPES:ENODEV", "no-sgx2-cpu" },
		{ "MODIFY_TYPES:ENOTTY", "kernel-before-6.0" },
		{ "v14/0x4", "no-vma" },
		{ "v14/0x6", "vma-lacks-right" },
		{ "v14/0x6", "fault-race" },
		{ "v14/0x4", "fault-epc-gone" },
		{ "v14/0x4", "fault-no-sgx2" },
		{ "v14/0x4", "fork-vma-dead" },
		{ "v14/0x6", "eldu-failed" },
		{ "v14/0x6/3", "vma-exceeds-page" },
		{ "v14/0x8007", "page-pending" },
		{ "v14/0x8007", "epcm-lacks-write" },
		{ "v14/0x8005", "page-trimmed" },
		{ "v14/0x8005", "epcm-no-rights" },
		{ "v14/0x8005", "epc-lost" },
		{ "v14/0x7", "vma-forbids-present" },
		{ "v14/0x5", "vma-forbids-present" },
		{ "v14/0x15", "vma-lacks-exec" },
		{ "v14/0x8015", "epcm-lacks-exec" },
		{ "fault-spin", "fault-spin" },
		{ "fault-oom", "fault-oom" },
		{ "v14/0x4/2", "entry-tcs-missing" },
		{ "v13/0/2", "entry-tcs-busy" },
		{ "v13/0/3", "gp-inside" },
		{ "v13/0/3", "resume-cssa-zero" },
		{ "v6/0/3", "illegal-instruction" },
		{ "EACCEPT:19", "accept-mismatch" },
		{ "EACCEPT:11", "tracking-incomplete" },
		{ "EACCEPT:#GP", "secinfo-operand" },
		{ "EACCEPT:#PF", "secinfo-page" },
		{ "EACCEPTCOPY:19", "acceptcopy-mismatch" },
		{ "EACCEPTCOPY:0x6", "acceptcopy-not-writable" },
		{ "EACCEPTCOPY:0x7", "acceptcopy-not-writable" },
		{ "abort-page", "abort-page" },
		{ "page-zero", "page-zero" },
		{ "madvise:0", "populate-no-op" },
		{ "madvise:EINVAL", "madvise-special" },
		{ "mmap:EACCES", "mmap-outside" },
		{ "mmap:EACCES", "mmap-page-rights" },
		{ "mmap:EACCES", "mmap-personality" },
		{ "mmap:EACCES", "mmap-fd-mode" },
		{ "mmap:EPERM", "noexec-dev" },
		{ "mmap:EINVAL", "mmap-flags" },
		{ "mmap:ENOMEM", "vma-limit" },
		{ "mmap:EINTR", "mmap-signal" },
		{ "host-touch-signal", "host-touch-signal" },
		{ "SIGBUS", "host-touch-signal" },
		{ "signal:sigsegv", "no-vma" },
		{ "touch:0xff", "abort-page" },
		{ "RESTRICT_PERMISSIONS:EFAULT:20", "not-accepted-yet" },
		{ "MODIFY_TYPES:EFAULT:0", "sgx2-no-page" },
		{ "MODIFY_TYPES:EINVAL", "struct-not-reset" },
		{ "REMOVE_PAGES:EPERM", "remove-not-trimmed" },
		{ "REMOVE_PAGES:EPERM", "remove-not-accepted" },
		{ "remove-race", "remove-race" },
		{ "page-readded", "page-readded" },
		{ "eremove-leak", "eremove-leak" },
		{ "INIT:EACCES", "init-attribute" },
		{ "INIT:EPERM", "einit-code-hidden" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct json *doc = ask(rows[i].code);

		ok(is_answer(doc) && has_cause(doc, rows[i].slug), "%s names %s", rows[i].code, rows[i].slug);
		json_free(doc);
	}
}

static void test_cases(void)
{
	for (const struct explain_case *c = explain_cases; c->slug; c++) {
		ok(answers_as(c->slug, "case"), "the case %s is explained", c->slug);
		ok(explain_case_find(c->slug, strlen(c->slug)) == c, "%s is there once", c->slug);
	}
}

static void test_checks(void)
{
	size_t n = 0;

	for (const struct explain_check *c = explain_checks; c->id; c++, n++) {
		if (!answers_as(c->id, "check"))
			ok(false, "the check %s is explained", c->id);
	}
	ok(n > 200, "the %zu checks of the processor model are explained", n);
	ok(answers_as("check:eaug.8", "check"), "the case of letters does not matter");
	ok(!ask("EAUG.99") && !ask("EAUG.") && !ask("check:"), "a check that does not exist is unknown");
}

/* ---- questions ------------------------------------------------------------------------------------------ */

static void test_ambiguous(void)
{
	static const char *const kinds[] = { "return", "sgx-code", "errno", "exit-status" };
	struct json *doc = ask("2");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		ok(has_reading(doc, kinds[i]), "a bare 2 may be a %s", kinds[i]);
	json_free(doc);
	ok(answers_as("0x80000306", "exitinfo") && answers_as("exitinfo:0x80000603", "exitinfo"),
	   "EXITINFO is decoded");
	ok(answers_as("exitinfo:0", "exitinfo") && !ask("exitinfo:0x80000706") && !ask("exitinfo:0x80000306ff"),
	   "EXITINFO with impossible bits is unknown");
	ok(answers_as("#UD", "vector") && answers_as("ud", "vector") && answers_as("v14", "vector"),
	   "vectors have a name and a number");
	ok(answers_as("0x20b", "secinfo") && answers_as("0x4000000e", "encls-fault") &&
	   answers_as("0xc018a409", "ioctl"), "flags, noted faults and command numbers are recognised");
	ok(answers_as("EDOM", "errno") && answers_as("INIT:EDOM", "errno"), "a foreign errno is said to be one");
	ok(answers_as("enter:-22", "return") && answers_as("-22", "errno"), "negative numbers are errnos");
}

static void test_context(void)
{
	const char *two[] = { "SGX_IOC_ENCLAVE_AUGMENT_PAGES", "2" }, *one[] = { "efault" };
	struct err e = { 0 };
	struct json *doc = explain_document(two, 2, NULL, &e);

	ok(is_answer(doc) && json_len(json_get(doc, "readings")) == 1, "a call before a code is its context");
	json_free(doc);
	doc = explain_document(one, 1, "modify-types", &e);
	ok(is_answer(doc) && json_len(json_get(doc, "readings")) == 3, "--ioctl gives the context");
	json_free(doc);
	ok(!explain_document(one, 1, "bogus", &e) && e.code == ERR_UNKNOWN_CODE, "an unknown call is refused");
	ok(!explain_document(one, 0, NULL, &e) && e.code == ERR_USAGE, "nothing to explain is a usage error");
}

static void test_hostile(void)
{
	static const char *const bad[] = {
		"", " ", ":", "::", "a:", ":a", "\033[31m", "\xff\xfe", "v", "v/", "v14/", "v14//3", "v14/0x6/3/1",
		"v14/0x6/9", "v99", "v14/0x100", "0x", "0xg", "99999999999999999999", "--", "-", "-x", "sgx:", "pf:",
		"SIG", "SIGNONE", "errno:", "errno:0", "errno:9999", "exit:77", "INIT:", "INIT::", "INIT:EPERM:", "INIT:EPERM:x",
		"MODIFY_TYPES:EFAULT:-1", "MODIFY_TYPES:EFAULT:23", "EACCEPT:EPERM", "%s%n", "case:", "secinfo:0x7ff00",
	};
	char longest[EXPLAIN_MAX_BYTES + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!ask(bad[i]), "bad code %zu is unknown", i);
	memset(longest, 'E', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ok(!ask(longest), "a code that is too long is unknown");
	longest[EXPLAIN_MAX_BYTES] = '\0';
	ok(!ask(longest), "the longest code is taken, and unknown");
}

static void test_text(void)
{
	struct err e = { 0 };
	struct json *list = explain_list(&e);
	const struct json *entry;
	FILE *out = tmpfile();
	long long bytes = 0;

	ok(json_len(json_get(list, "entries")) > 500 && !json_error(list), "the list holds everything");
	for (entry = json_first(json_get(list, "entries")); entry; entry = json_next(entry)) {
		struct json *doc = ask(json_str(json_get(entry, "code")));
		long long before = bytes;

		/* the n of a row stands for a number */
		if (!strcmp(json_str(json_get(entry, "code")), "VEPC_REMOVE_ALL:n"))
			continue;
		if (doc)
			explain_print_text(doc, 80, out);
		bytes = ftell(out);
		if (bytes <= before)
			ok(false, "%s is listed and has a text", json_str(json_get(entry, "code")));
		json_free(doc);
	}
	ok(bytes > 100000, "everything listed has a text");
	explain_print_text(list, 0, out);
	json_free(list);
	fclose(out);
}

int main(void)
{
	test_errors();
	test_sgx_codes();
	test_pf_codes();
	test_calls();
	test_ioctl_errnos();
	test_symptoms();
	test_cases();
	test_checks();
	test_ambiguous();
	test_context();
	test_hostile();
	test_text();
	return tap_done();
}
