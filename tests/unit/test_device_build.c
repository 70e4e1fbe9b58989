/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Building an enclave when the device interrupts, stops half way, or refuses; nothing may be left of a
 * failure.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "device_rig.h"
#include "tap.h"

#define STEPS(a) (a), sizeof(a) / sizeof((a)[0])
#define IOCTL(name, r, fn) { SCRIPT_IOCTL, SGX_IOC_ENCLAVE_##name, (r), (fn), { 0 } }
#define CALL(what) { SCRIPT_##what, 0, SCRIPT_OBLIGE, NULL, { 0 } }

/* ---- order --------------------------------------------------------------------------------------- */

static uint64_t seen_offset, seen_length, seen_flags, seen_misc;

static void see_create(void *arg)
{
	const struct sgx_enclave_create *a = arg;
	const struct sgx_arch_secs *secs = (const void *)(uintptr_t)a->src;

	seen_flags = secs->attributes.flags;
	seen_misc = secs->miscselect;
	seen_offset = secs->baseaddr;
}

static void see_add(void *arg)
{
	const struct sgx_enclave_add_pages *a = arg;

	seen_offset = a->offset;
	seen_length = a->length;
	seen_flags = a->flags;
}

static const struct script_step whole_build[] = {
	CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN),
	IOCTL(CREATE, SCRIPT_OBLIGE, see_create),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL), IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, see_add),
	IOCTL(INIT, SCRIPT_OBLIGE, NULL), IOCTL(MODIFY_TYPES, SCRIPT_OBLIGE, NULL),
	IOCTL(AUGMENT_PAGES, SCRIPT_OBLIGE, NULL),
	CALL(MMAP), CALL(MMAP),
};

static void test_order(void)
{
	struct script *s = script_new();
	struct err e = { 0 };
	struct encl *en;

	script_expect(s, STEPS(whole_build));
	en = rig_build(s, 4, &e);
	ok(en, "an enclave is built by CREATE, ADD_PAGES, INIT and one mmap per stretch of equal rights (%s)",
	   e.msg);
	is_u64(script_left(s), 0, "every call of the script was made");
	is_u64(seen_offset, 0x6000, "the last run is added where the plan says");
	is_u64(seen_length, 2 * SGX_PAGE_SIZE, "and whole, the tail of its data included");
	is_u64(seen_flags, SGX_PAGE_MEASURE, "and measured");
	is_u64(en->base % en->size, 0, "ELRANGE is aligned to its size");
	ok(en->debug, "without a wish and a SIGSTRUCT that leaves DEBUG free it is a debug enclave");
	ok(en->sgx2 == 1 && en->augment_ioctl == 1, "what the device has was found out");
	encl_free(en);
	is_u64(script_open_fds(s), 0, "no descriptor is left");
	is_u64(script_mapped(s), 0, "no mapping is left");
	script_free(s);
}

/* ---- partial counts ------------------------------------------------------------------------------ */

static void one_page(void *arg)
{
	((struct sgx_enclave_add_pages *)arg)->count = SGX_PAGE_SIZE;
}

static void no_page(void *arg)
{
	((struct sgx_enclave_add_pages *)arg)->count = 0;
}

static void too_many(void *arg)
{
	struct sgx_enclave_add_pages *a = arg;

	a->count = a->length + SGX_PAGE_SIZE;
}

/* The run of four pages, piecemeal: a signal between pages, one before, someone else's ioctl. */
static const struct script_step piecemeal[] = {
	CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN), IOCTL(CREATE, SCRIPT_OBLIGE, NULL),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL),
	IOCTL(ADD_PAGES, 0, one_page), IOCTL(ADD_PAGES, -EINTR, no_page), IOCTL(ADD_PAGES, -EINTR, one_page),
	IOCTL(ADD_PAGES, -EBUSY, NULL), IOCTL(ADD_PAGES, SCRIPT_OBLIGE, see_add),
};

static void test_partial(void)
{
	struct script *s = script_new();
	struct err e = { 0 };
	struct encl *en;
	struct page_note n;

	script_expect(s, STEPS(piecemeal));
	en = rig_build(s, 4, &e);
	ok(en, "ADD_PAGES goes on after short counts, EINTR and another's EBUSY (%s)", e.msg);
	is_u64(seen_offset, 0x2000 + 2 * SGX_PAGE_SIZE, "from where it was");
	is_u64(seen_length, 2 * SGX_PAGE_SIZE, "with what is left");
	ok(en && ledger_get(en, 0x2000, &n) && n.pages == 4, "the ledger knows the whole run");
	encl_free(en);
	script_free(s);
}

/* ADD_PAGES of the second run answers r with the count that look fills in. */
static void refused_add(int64_t r, void (*look)(void *), enum err_code code, const char *what)
{
	struct script_step steps[] = {
		CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN), IOCTL(CREATE, SCRIPT_OBLIGE, NULL),
		IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL), IOCTL(ADD_PAGES, r, look),
	};
	struct script *s = script_new();
	struct err e = { 0 };

	script_expect(s, STEPS(steps));
	ok(!rig_build(s, 4, &e), "%s fails the build", what);
	ok(e.code == code, "with %s (%s: %s)", err_name(code), err_name(e.code), e.msg);
	is_u64(script_open_fds(s) + script_mapped(s), 0, "and leaves nothing");
	script_free(s);
}

static void test_refused(void)
{
	refused_add(-EBUSY, one_page, ERR_ADD_PAGES, "a page that is there already");
	refused_add(-ENOMEM, no_page, ERR_NO_EPC, "a full EPC");
	refused_add(-EIO, no_page, ERR_ADD_PAGES, "an EADD that faults");
	refused_add(0, NULL, ERR_ADD_PAGES, "success without a count");
	refused_add(0, too_many, ERR_ADD_PAGES, "a count beyond the request");
}

/* ---- CREATE asks for less ------------------------------------------------------------------------ */

static const struct script_step asks_less[] = {
	CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN),
	IOCTL(CREATE, -EIO, see_create), IOCTL(CREATE, SCRIPT_OBLIGE, see_create),
};

static void test_create(void)
{
	struct script *s = script_new();
	struct err e = { 0 };
	struct encl *en;

	script_expect(s, STEPS(asks_less));
	en = rig_build(s, 1, &e);
	ok(en && !seen_misc,
	   "an ECREATE that faults is tried again without EXINFO, which the SIGSTRUCT leaves free");
	encl_free(en);
	script_free(s);
}

/* ---- debug policy -------------------------------------------------------------------------------- */

static void policy(uint64_t sig_flags, uint64_t mask, int wish, bool works, bool debug)
{
	struct sgx_arch_sigstruct sig = { .attributes.flags = sig_flags, .attributemask.flags = mask };
	const struct encl_opts o = { .debug = wish, .sigstruct = &sig };
	struct script *s = script_new();
	struct plan p = rig_plan(1);
	struct encl *en = NULL;
	struct err e = { 0 };
	int r = encl_build(script_dev(s), &p, &o, &en, &e);

	ok(!r == works, "DEBUG %s in the mask, %s in the SIGSTRUCT, wish %d: %s", mask ? "is" : "is not",
	   sig_flags & SGX_ATTR_DEBUG ? "set" : "clear", wish, works ? "built" : "refused");
	if (works && en)
		ok(en->debug == debug && !(en->secs.attributes.flags & SGX_ATTR_DEBUG) == !debug, "as %s",
		   debug ? "debug enclave" : "production enclave");
	else
		ok(e.code == ERR_SIGSTRUCT_MISMATCH, "with sigstruct-mismatch");
	encl_free(en);
	script_free(s);
}

static void test_policy(void)
{
	const uint64_t d = SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT, p = SGX_ATTR_MODE64BIT;

	policy(p, 0, -1, true, true);
	policy(p, 0, 0, true, false);
	policy(p, 0, 1, true, true);
	policy(p, SGX_ATTR_DEBUG, -1, true, false);
	policy(p, SGX_ATTR_DEBUG, 0, true, false);
	policy(p, SGX_ATTR_DEBUG, 1, false, false);
	policy(d, SGX_ATTR_DEBUG, -1, true, true);
	policy(d, SGX_ATTR_DEBUG, 0, false, false);
	policy(d, SGX_ATTR_DEBUG, 1, true, true);
}

/* ---- what the plan demands ----------------------------------------------------------------------- */

/* As the reader of a file leaves it: what every SIGSTRUCT has in common is there, as encl_build sees to. */
static void sign_itself(struct plan *p)
{
	p->has_sigstruct = true;
	memcpy(p->sigstruct.header, sgx_sigstruct_header, sizeof(p->sigstruct.header));
	memcpy(p->sigstruct.header2, sgx_sigstruct_header2, sizeof(p->sigstruct.header2));
	p->sigstruct.exponent = 3;
}

/* Builds with what the image itself is signed with; 0 and the enclave freed, or the code of the error. */
static enum err_code built(struct script *s, struct plan *p, struct encl *ret_copy)
{
	const struct encl_opts o = { .debug = -1 };
	struct encl *en = NULL;
	struct err e = { 0 };

	if (encl_build(script_dev(s), p, &o, &en, &e))
		return e.code;
	*ret_copy = *en;
	encl_free(en);
	return ERR_NONE;
}

static void see_init(void *arg)
{
	const struct sgx_enclave_init *a = arg;

	seen_flags = ((const struct sgx_arch_sigstruct *)(uintptr_t)a->sigstruct)->date;
}

static const struct script_step own_sigstruct[] = {
	CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN), IOCTL(CREATE, SCRIPT_OBLIGE, see_create),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL), IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, NULL), IOCTL(INIT, SCRIPT_OBLIGE, see_init),
};

static void test_own_sigstruct(void)
{
	struct script *s = script_new();
	struct plan p = rig_plan(1);
	struct encl en = { 0 };

	sign_itself(&p);
	p.sigstruct.date = 0x20240229;
	p.sigstruct.miscmask = 1;
	script_expect(s, STEPS(own_sigstruct));
	ok(built(s, &p, &en) == ERR_NONE && seen_flags == 0x20240229,
	   "an image is initialised with its own SIGSTRUCT");
	ok(!en.signed_here && !seen_misc, "which pins what it pins");
	script_free(s);
	s = script_new();
	p = rig_plan(1);
	ok(built(s, &p, &en) == ERR_BUG,
	   "without one, and without a key, there is nothing to initialise with");
	script_free(s);
}

static const struct script_step at_base[] = {
	CALL(MMAP), CALL(OPEN), IOCTL(CREATE, SCRIPT_OBLIGE, see_create),
};

static void demands_base(uint64_t base, enum err_code code, const char *what)
{
	struct script *s = script_new();
	struct plan p = rig_plan(1);
	struct encl en = { 0 };

	sign_itself(&p);
	p.has_base = true;
	p.base = base;
	seen_offset = 1;
	if (code == ERR_NONE)
		script_expect(s, STEPS(at_base));
	ok(built(s, &p, &en) == code, "%s: %s", what, err_name(code));
	if (code == ERR_NONE)
		ok(seen_offset == base && en.base == base && en.size == RIG_SIZE, "CREATE got it");
	is_u64(script_open_fds(s) + script_mapped(s), 0, "and nothing is left of it");
	script_free(s);
}

/* Something else stands where the image wants to be. */
static void test_base_taken(int64_t answer)
{
	const struct script_step steps[] = { { SCRIPT_MMAP, 0, answer, NULL, { 0 } } };
	struct script *s = script_new();
	struct plan p = rig_plan(1);
	struct encl en = { 0 };

	sign_itself(&p);
	p.has_base = true;
	p.base = (uint64_t)1 << 40;
	script_expect(s, steps, 1);
	ok(built(s, &p, &en) == ERR_MAP, "addresses that cannot be had are an error");
	script_free(s);
}

static void refused_plan(struct plan p, const char *what)
{
	struct script *s = script_new();
	struct encl en = { 0 };

	sign_itself(&p);
	script_expect(s, STEPS(at_base));
	ok(built(s, &p, &en) == ERR_UNSUPPORTED, "%s is refused", what);
	is_u64(script_left(s), 3, "before anything is asked of a device");
	script_free(s);
}

static void test_demands(void)
{
	static const uint8_t order[16] = { 1, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	struct plan p;

	test_own_sigstruct();
	demands_base((uint64_t)1 << 40, ERR_NONE, "an image that demands its base");
	demands_base(0, ERR_NONE, "one that demands 0");
	demands_base(((uint64_t)1 << 40) + RIG_SIZE / 2, ERR_BAD_LAYOUT,
		     "one that demands a base that is not aligned");
	demands_base(0 - (uint64_t)RIG_SIZE, ERR_BAD_LAYOUT, "one that demands the end of the world");
	test_base_taken(-EEXIST);
	test_base_taken((int64_t)1 << 41);
	p = rig_plan(1);
	p.no_run = "for the test";
	refused_plan(p, "an image that cannot be run");
	p = rig_plan(1);
	p.runs[2].chunks = 0x7fff;
	refused_plan(p, "a page measured in part");
	p = rig_plan(1);
	p.runs[2].chunk_order = order;
	refused_plan(p, "a page measured out of order");
}

/* ---- pages of a pattern -------------------------------------------------------------------------- */

static unsigned seen_wrong, seen_pages;

static void see_pattern(void *arg)
{
	const struct sgx_enclave_add_pages *a = arg;
	const uint8_t *src = (const uint8_t *)(uintptr_t)a->src;

	for (uint64_t i = 0; a->offset == 0x2000 && i < a->length; i++)
		seen_wrong += src[i] != (uint8_t[]){ 0x44, 0x33, 0x22, 0x11 }[i % 4];
	for (uint64_t i = 0; a->offset != 0x2000 && i < a->length; i++)
		seen_wrong += a->offset == 0 ? src[i] != 0 : i >= 0x1800 && src[i] != 0;
	seen_pages += (unsigned)(a->length / SGX_PAGE_SIZE);
}

static const struct script_step patterned[] = {
	CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN), IOCTL(CREATE, SCRIPT_OBLIGE, NULL),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, see_pattern), IOCTL(ADD_PAGES, SCRIPT_OBLIGE, see_pattern),
	IOCTL(ADD_PAGES, SCRIPT_OBLIGE, see_pattern),
};

static void test_pattern(void)
{
	struct script *s = script_new();
	struct plan p = rig_plan(3);
	struct encl en = { 0 };

	sign_itself(&p);
	p.runs[1].fill = 0x11223344;
	script_expect(s, STEPS(patterned));
	ok(built(s, &p, &en) == ERR_NONE && seen_pages == 7 && !seen_wrong,
	   "a run of a pattern is added as such, zeros before and behind it as zeros");
	script_free(s);
}

/* ---- every call fails once ----------------------------------------------------------------------- */

static void anomaly(int sys)
{
	unsigned n, bad = 0;

	for (n = 1; n < 100; n++) {
		struct script *s = script_new();
		struct err e = { 0 };
		struct encl *en;
		bool failed;

		script_fail_nth(s, n, sys);
		en = rig_build(s, 300, &e);
		failed = script_failed(s);
		script_fail_nth(s, 0, 0);
		/* a munmap that fails leaves a mapping: that is its own fault, not ours */
		if (!en)
			bad += e.code == ERR_NONE || !e.msg[0] || script_open_fds(s);
		encl_free(en);
		bad += script_open_fds(s) != 0;
		script_free(s);
		if (!failed)
			break;
	}
	ok(n > 10 && n < 100, "a build makes %u calls, each of which was failed with %s", n - 1,
	   errno_name(sys));
	is_u64(bad, 0, "each time with an error code, nothing open, nothing half-made");
}

int main(void)
{
	test_order();
	test_partial();
	test_refused();
	test_create();
	test_policy();
	test_demands();
	test_pattern();
	anomaly(ENOMEM);
	anomaly(EPERM);
	anomaly(EINTR);
	return tap_done();
}
