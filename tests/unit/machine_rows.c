/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of check tests: run, compare, remember which checks were seen. */
#include "machine_rows.h"

#include <stdarg.h>
#include <string.h>

#undef ok
#undef is_u64
#include "tap.h"

#define MAX_IDS 512

static struct host start, before;
static const char *leaf_name;
static bool user_leaf;
static const char *seen[MAX_IDS];
static unsigned n_seen;

bool rows_ok(bool cond, const char *file, int line, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return tap_ok(cond, file, line, "%s", what);
}

void rows_is_u64(uint64_t got, uint64_t want, const char *file, int line, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!tap_ok(got == want, file, line, "%s", what))
		printf("#  got  %#llx\n#  want %#llx\n", (unsigned long long)got, (unsigned long long)want);
}

int rows_done(void)
{
	return tap_done();
}

void rows_begin(const char *leaf, bool user)
{
	leaf_name = leaf;
	user_leaf = user;
	memcpy(&start, &host, sizeof(host));
}

void rows_restore(void)
{
	memcpy(&host, &start, sizeof(host));
}

void rows_saw(const char *id)
{
	for (unsigned i = 0; i < n_seen; i++) {
		if (!strcmp(seen[i], id))
			return;
	}
	if (n_seen < MAX_IDS)
		seen[n_seen++] = id;
}

static struct sgxm_out run(void)
{
	if (user_leaf)
		return sgxm_enclu(&host.m, &host.cpu, &host.r, 3, host.xsave, sizeof(host.xsave));
	return sgxm_encls(&host.m, &host.r);
}

/* The content of pages that are VALID (and of the SECS, which hides the rest) */
static bool same_pages(void)
{
	for (unsigned i = 0; i < EPC_PAGES; i++) {
		if (host.epcm[i].word & SGXM_E_VALID && memcmp(host.epc[i], before.epc[i], 4096))
			return false;
	}
	return true;
}

static bool same_state(void)
{
	return same_pages() && !memcmp(host.epcm, before.epcm, sizeof(host.epcm)) &&
	       !memcmp(host.owner, before.owner, sizeof(host.owner)) &&
	       !memcmp(host.mem, before.mem, sizeof(host.mem)) &&
	       !memcmp(&host.cpu, &before.cpu, sizeof(host.cpu)) &&
	       !memcmp(host.xsave, before.xsave, sizeof(host.xsave));
}

/* A fault leaves the registers; a code goes to RAX and flags, and RIP behind the instruction */
static bool right_regs(const struct sgxm_out *out)
{
	struct sgxm_regs want = before.r;

	if (out->kind == SGXM_CODE) {
		want.rax = out->code;
		want.rflags = (want.rflags & ~(uint64_t)SGXM_RFLAGS_ARITH) |
			      (out->cf ? SGXM_RFLAGS_CF : 0) | (out->zf ? SGXM_RFLAGS_ZF : 0);
		want.rip += user_leaf ? 3 : 0;
	}
	return !memcmp(&host.r, &want, sizeof(want));
}

static void show(const struct sgxm_out *o)
{
	printf("#  got kind %d code %u zf %d cf %d addr %#llx pfec %#x check %s\n", o->kind, o->code, o->zf,
	       o->cf, (unsigned long long)o->addr, o->pfec, o->check ? o->check : "none");
}

void rows_check(const char *file, int line, const char *id, enum sgxm_kind kind, uint32_t code, bool cf,
		uint64_t addr, uint32_t pfec, const char *how)
{
	struct sgxm_out out;
	bool right;

	memcpy(&before, &host, sizeof(host));
	out = run();
	right = out.kind == kind && out.code == code && out.cf == cf &&
		out.zf == (kind == SGXM_CODE && !cf) && out.addr == addr && out.pfec == pfec &&
		out.check && !strcmp(out.check, id);
	if (!tap_ok(right, file, line, "%s: %s refuses: %s", leaf_name, id, how))
		show(&out);
	tap_ok(same_state() && right_regs(&out), file, line, "%s: ... and nothing visible changed",
	       leaf_name);
	if (out.check)
		rows_saw(out.check);
}

void rows_accept(const char *file, int line, const char *id)
{
	struct sgxm_out out;
	bool right;

	memcpy(&before, &host, sizeof(host));
	out = run();
	right = out.kind == SGXM_DONE && !out.code && !out.zf && !out.cf &&
		(id ? out.check && !strcmp(out.check, id) : !out.check);
	if (!tap_ok(right, file, line, "%s: accepts what is right%s%s", leaf_name, id ? ": " : "",
		    id ? id : ""))
		show(&out);
	if (out.check)
		rows_saw(out.check);
}

static bool is_seen(const char *id)
{
	for (unsigned i = 0; i < n_seen; i++) {
		if (!strcmp(seen[i], id))
			return true;
	}
	return false;
}

static bool is_listed(const char *id)
{
	for (size_t i = 0; i < sgxm_n_leafs; i++) {
		for (size_t j = 0; j < sgxm_leafs[i].n_checks; j++) {
			if (!strcmp(sgxm_leafs[i].checks[j].id, id))
				return true;
		}
	}
	return false;
}

void rows_coverage(void)
{
	for (unsigned i = 0; i < n_seen; i++)
		ok(is_listed(seen[i]), "%s is in the table of leafs", seen[i]);
	for (size_t i = 0; i < sgxm_n_leafs; i++) {
		bool all = true;

		for (size_t j = 0; j < sgxm_leafs[i].n_checks; j++) {
			if (is_seen(sgxm_leafs[i].checks[j].id))
				continue;
			printf("# never seen: %s\n", sgxm_leafs[i].checks[j].id);
			all = false;
		}
		ok(all, "every check of %s was seen", sgxm_leafs[i].name);
	}
}
