/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Growing when the device stops half way, lies, or refuses: counts, ledger and errors must tell the truth. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "device_rig.h"
#include "tap.h"

#define STEPS(a) (a), sizeof(a) / sizeof((a)[0])
#define AUGMENT(r, fn) { SCRIPT_IOCTL, SGX_IOC_ENCLAVE_AUGMENT_PAGES, (r), (fn), { 0 } }
#define CALL(what) { SCRIPT_##what, 0, SCRIPT_OBLIGE, NULL, { 0 } }
#define PAGES 8

static struct grow_request request(enum grow_strategy strategy)
{
	return (struct grow_request){
		.off = RIG_FREE, .pages = PAGES, .strategy = strategy, .accept = true, .rwx = RWX_RW,
	};
}

static void three(void *arg)
{
	((struct sgx_enclave_augment_pages *)arg)->count = 3 * SGX_PAGE_SIZE;
}

static void none(void *arg)
{
	((struct sgx_enclave_augment_pages *)arg)->count = 0;
}

static uint64_t seen_offset, seen_length;

static void see(void *arg)
{
	const struct sgx_enclave_augment_pages *a = arg;

	seen_offset = a->offset;
	seen_length = a->length;
}

/* ---- the ioctl ----------------------------------------------------------------------------------- */

static void test_short_counts(void)
{
	static const struct script_step steps[] = {
		CALL(MMAP), AUGMENT(0, three), AUGMENT(-EINTR, none), AUGMENT(-EBUSY,
									      NULL), AUGMENT(SCRIPT_OBLIGE,
											     see),
		CALL(ENTER),
	};
	struct grow_request q = request(GROW_IOCTL);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct err e = { 0 };

	script_expect(s, STEPS(steps));
	ok(!encl_grow(en, &q, &r, &e), "AUGMENT goes on after a short count, EINTR and another's EBUSY (%s)",
	   e.msg);
	is_u64(script_left(s), 0, "every call of the script was made");
	is_u64(seen_offset, RIG_FREE + 3 * SGX_PAGE_SIZE, "from where it was");
	is_u64(seen_length, 5 * SGX_PAGE_SIZE, "with what is left");
	is_u64(r.augmented_pages, PAGES, "all pages are counted");
	is_u64(r.accepted_pages, PAGES, "and accepted");
	is_u64(r.counters.ioctls, 4, "four ioctls were made");
	is_u64(r.counters.eenters, 1, "and one entry");
	encl_free(en);
	script_free(s);
}

/* The RFC's 2: what was added is accepted and reported, what was not is unmapped again. */
static void test_two(void)
{
	static const struct script_step steps[] = {
		CALL(MMAP), AUGMENT(2, three), CALL(PEEK), CALL(MMAP), CALL(ENTER),
	};
	struct grow_request q = request(GROW_IOCTL);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct page_note n;
	struct err e = { 0 };

	script_expect(s, STEPS(steps));
	ok(encl_grow(en, &q, &r, &e) == -1, "a returned 2 is a failure");
	is_u64((uint64_t)e.returned, 2, "which the error shows");
	ok(e.code == ERR_PAGE_EXISTS, "a page that a debugger can read is there (%s)", err_name(e.code));
	is_u64(e.offset, RIG_FREE + 3 * SGX_PAGE_SIZE, "at the page behind the last one added");
	is_u64(r.augmented_pages, 3, "three pages were added");
	is_u64(r.accepted_pages, 3, "and accepted");
	is_u64(script_left(s), 0, "every call of the script was made");
	ok(ledger_get(en, RIG_FREE, &n) && n.pages == 3 && n.accepted, "the ledger knows three");
	is_u64(ledger_free_up(en, RIG_FREE + 3 * SGX_PAGE_SIZE, 5), 5, "and no more");
	encl_free(en);
	script_free(s);
}

static void refuse(int64_t result, void (*look)(void *), int64_t peek, enum err_code code)
{
	struct script_step steps[] = { CALL(MMAP), AUGMENT(result, look),
				       { SCRIPT_PEEK, 0, peek, NULL, { 0 } } };
	struct grow_request q = request(GROW_IOCTL);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct err e = { 0 };

	script_expect(s, STEPS(steps));
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == code, "AUGMENT answering %lld with %s: %s (%s)",
	   (long long)result, peek == -EIO ? "no page there" : "a page there", err_name(code), e.msg);
	is_u64(r.augmented_pages, 0, "nothing is counted");
	encl_free(en);
	script_free(s);
}

static void test_refusals(void)
{
	refuse(2, none, -EIO, ERR_NO_EPC);
	refuse(2, none, 1, ERR_PAGE_EXISTS);
	refuse(-ENOMEM, none, -EIO, ERR_NO_EPC);
	refuse(-EEXIST, none, 1, ERR_PAGE_EXISTS);
	refuse(-EINVAL, NULL, -EIO, ERR_AUGMENT);
	refuse(-EIO, none, -EIO, ERR_AUGMENT);
}

static void test_no_ioctl(void)
{
	static const struct script_step build[] = {
		CALL(MMAP), CALL(MUNMAP), CALL(MUNMAP), CALL(OPEN),
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_CREATE, SCRIPT_OBLIGE, NULL, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_ADD_PAGES, SCRIPT_OBLIGE, NULL, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_ADD_PAGES, SCRIPT_OBLIGE, NULL, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_ADD_PAGES, SCRIPT_OBLIGE, NULL, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_INIT, SCRIPT_OBLIGE, NULL, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_MODIFY_TYPES, SCRIPT_OBLIGE, NULL, { 0 } },
		AUGMENT(-ENOTTY, NULL),
	};
	static const struct script_step refused[] = { AUGMENT(-ENOTTY, NULL) };
	struct grow_request q = request(GROW_IOCTL);
	struct script *s = script_new();
	struct grow_result r;
	struct err e = { 0 };
	struct encl *en;

	script_expect(s, STEPS(build));
	en = rig_need(s);
	script_expect(s, STEPS(refused));
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_NO_AUGMENT_IOCTL,
	   "a kernel without the ioctl is named so");
	q.strategy = GROW_AUTO;
	ok(!encl_grow(en, &q, &r, &e) && r.strategy == GROW_TOUCH, "and auto touches there");
	encl_free(en);
	script_free(s);
}

/* ---- the ledger decides -------------------------------------------------------------------------- */

static void test_existing(enum grow_strategy strategy)
{
	struct grow_request q = request(strategy);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct err e = { 0 };

	q.off += 4 * SGX_PAGE_SIZE;
	ok(!encl_grow(en, &q, &r, &e), "%s: pages 4 to 11 are added", grow_strategy_name(strategy));
	q.off = RIG_FREE;
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_PAGE_EXISTS,
	   "pages 0 to 7 are refused for page 4");
	is_u64(e.offset, RIG_FREE + 4 * SGX_PAGE_SIZE, "which the error names");
	is_u64(r.augmented_pages, 4, "those before it are added");
	is_u64(r.accepted_pages, 4, "and accepted");
	q.off = RIG_FREE + 8 * SGX_PAGE_SIZE;
	q.down = true;
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_PAGE_EXISTS,
	   "downwards, pages 15 to 8 are refused for 11");
	is_u64(e.offset, RIG_FREE + 11 * SGX_PAGE_SIZE, "which the error names");
	is_u64(r.accepted_pages, 4, "those above it are added and accepted");
	is_u64(ledger_known(en, RIG_FREE, 16), 16, "the ledger knows them all");
	encl_free(en);
	script_free(s);
}

/* ---- touching and entering ----------------------------------------------------------------------- */

static void real_byte(void *arg)
{
	*(uint8_t *)arg = 0x17;
}

static void test_touch(void)
{
	static const struct script_step race[] = {
		CALL(MMAP), CALL(TOUCH), { SCRIPT_TOUCH, 0, -SIGBUS, NULL, { 0 } }, CALL(TOUCH),
	};
	static const struct script_step gone[] = {
		CALL(MMAP), CALL(TOUCH), { SCRIPT_TOUCH, 0, -SIGBUS, NULL, { 0 } }, { SCRIPT_TOUCH, 0,
										      -SIGBUS, NULL, { 0 } },
	};
	static const struct script_step lie[] = { CALL(MMAP), { SCRIPT_TOUCH, 0, 0, real_byte, { 0 } } };
	struct grow_request q = request(GROW_TOUCH);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct err e = { 0 };

	script_expect(s, STEPS(race));
	ok(!encl_grow(en, &q, &r, &e) && r.augmented_pages == PAGES,
	   "one SIGBUS is a lost race and touched again");
	q.off += PAGES * SGX_PAGE_SIZE;
	script_expect(s, STEPS(gone));
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_AUGMENT, "two are not (%s)", e.msg);
	is_u64(r.augmented_pages, 1, "what came before is counted");
	q.off += PAGES * SGX_PAGE_SIZE;
	script_expect(s, STEPS(lie));
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_AUGMENT && r.augmented_pages == 0,
	   "a page that the host can read is no enclave page");
	encl_free(en);
	script_free(s);
}

static void five_then_19(void *arg)
{
	struct encl_op *op = arg;

	op->done = 5;
	op->eaccepts = 5;
	op->sgx = SGXC_PAGE_ATTRIBUTES_MISMATCH;
	op->status = ENCL_REFUSED;
}

static void absurd(void *arg)
{
	((struct encl_op *)arg)->done = UINT64_MAX;
}

static void test_enclave_says(void)
{
	static const struct script_step refused[] = {
		CALL(MMAP), { SCRIPT_ENTER, 0, 0, five_then_19, { 0 } },
	};
	static const struct script_step lies[] = { CALL(MMAP),
						   { SCRIPT_ENTER, 0, SCRIPT_OBLIGE, absurd, { 0 } } };
	struct grow_request q = request(GROW_ACCEPT);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct err e = { 0 };

	script_expect(s, STEPS(refused));
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_ACCEPT, "a refused EACCEPT is accept-failed");
	is_u64(e.sgx, 19, "with its code");
	is_u64(e.offset, RIG_FREE + 5 * SGX_PAGE_SIZE, "and its page");
	is_u64(r.accepted_pages, 5, "the pages before it count");
	q.off += PAGES * SGX_PAGE_SIZE;
	script_expect(s, STEPS(lies));
	ok(!encl_grow(en, &q, &r, &e), "an enclave may say anything");
	is_u64(r.accepted_pages, PAGES, "more than was asked for is not believed");
	encl_free(en);
	script_free(s);
}

static void test_lost_race(void)
{
	struct grow_request q = request(GROW_ACCEPT);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct encl_exit lost = { .function = SGX_ERESUME, .vector = SGX_VEC_PF, .errcd = SGX_PFEC_U };
	struct script_step steps[] = {
		CALL(MMAP), { SCRIPT_ENTER, 0, 0, NULL, lost }, CALL(ENTER),
		CALL(MMAP), { SCRIPT_ENTER, 0, 0, NULL, lost }, { SCRIPT_ENTER, 0, 0, NULL, lost },
	};
	struct grow_result r;
	struct err e = { 0 };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		steps[i].exit.addr = steps[i].exit.function ? en->base + RIG_FREE + (i < 3 ? 0 :
										     PAGES * SGX_PAGE_SIZE) :
											     0;
	script_expect(s, STEPS(steps));
	ok(!encl_grow(en, &q, &r, &e), "a page fault without an entry is resumed once");
	is_u64(r.counters.eresumes, 1, "by one ERESUME");
	is_u64(r.counters.user_exits, 1, "that answers one exit");
	q.off += PAGES * SGX_PAGE_SIZE;
	ok(encl_grow(en, &q, &r, &e) == -1 && e.code == ERR_AUGMENT, "the second time it is an error (%s)",
	   e.msg);
	is_u64(e.offset, q.off, "at that page");
	ok(r.exit.fault && r.exit.errcd == SGX_PFEC_U, "the exception is reported");
	encl_free(en);
	script_free(s);
}

/* ---- SGX2 ioctls --------------------------------------------------------------------------------- */

static bool clean_input;

static void two_again(void *arg)
{
	struct sgx_enclave_modify_types *a = arg;

	clean_input &= !a->count && !a->result;
	a->count = 2 * SGX_PAGE_SIZE;
}

static void code_20(void *arg)
{
	struct sgx_enclave_modify_types *a = arg;

	clean_input &= !a->count && !a->result;
	a->result = SGXC_PAGE_NOT_MODIFIABLE;
}

static void test_ranges(void)
{
	static const struct script_step steps[] = {
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_MODIFY_TYPES, -EAGAIN, two_again, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_MODIFY_TYPES, -EINTR, two_again, { 0 } },
		{ SCRIPT_IOCTL, SGX_IOC_ENCLAVE_MODIFY_TYPES, -EFAULT, code_20, { 0 } },
	};
	struct grow_request q = request(GROW_TOUCH);
	struct script *s = script_new();
	struct encl *en = rig_need(s);
	struct grow_result r;
	struct err e = { 0 };
	uint64_t done;
	struct page_note n;

	ok(!encl_grow(en, &q, &r, &e), "pages are there");
	clean_input = true;
	script_expect(s, STEPS(steps));
	ok(encl_modify_type(en, RIG_FREE, PAGES, SGX_PT_TRIM, &done, &e) == -1 && e.code == ERR_NOT_ACCEPTED,
	   "MODIFY_TYPES goes on after EAGAIN and EINTR, and result 20 is not-accepted");
	ok(clean_input, "count and result are zero at every call");
	is_u64(done, 4, "the pages done are counted");
	is_u64(e.offset, RIG_FREE + 4 * SGX_PAGE_SIZE, "the next one is named");
	ok(ledger_get(en, RIG_FREE, &n) && n.pages == 4 && n.pt == SGX_PT_TRIM && n.modified,
	   "the ledger has those");
	ok(ledger_get(en, RIG_FREE + 4 * SGX_PAGE_SIZE, &n) && n.pages == 4 && n.pt == SGX_PT_REG,
	   "and not the others");
	encl_free(en);
	script_free(s);
}

/* ---- every call fails once ----------------------------------------------------------------------- */

static void anomaly(enum grow_strategy strategy, unsigned rwx, int sys)
{
	unsigned n, bad = 0;

	for (n = 1; n < 200; n++) {
		struct script *s = script_new();
		struct encl *en = rig_need(s);
		struct grow_request q = request(strategy);
		struct grow_result r;
		struct err e = { 0 };
		uint64_t mapped = script_mapped(s);
		int result;
		bool failed;

		q.rwx = rwx;
		script_fail_nth(s, n, sys);
		result = encl_grow(en, &q, &r, &e);
		failed = script_failed(s);
		script_fail_nth(s, 0, 0);
		bad += result ? e.code == ERR_NONE || !e.msg[0] : r.accepted_pages != PAGES;
		bad += r.accepted_pages > r.augmented_pages || r.augmented_pages > PAGES;
		bad += ledger_known(en, RIG_FREE, PAGES) != r.augmented_pages;
		/* ELRANGE must stay reserved, whatever failed */
		bad += script_mapped(s) != mapped;
		encl_free(en);
		bad += script_open_fds(s) != 0;
		script_free(s);
		if (!failed)
			break;
	}
	ok(n > 2 && n < 200, "%s, rights %u: each of %u calls was failed with %s",
	   grow_strategy_name(strategy), rwx, n - 1, errno_name(sys));
	is_u64(bad, 0, "each time errors, counts, ledger and reservation were right");
}

int main(void)
{
	test_short_counts();
	test_two();
	test_refusals();
	test_no_ioctl();
	for (enum grow_strategy s = GROW_TOUCH; s <= GROW_ACCEPT; s++)
		test_existing(s);
	test_touch();
	test_enclave_says();
	test_lost_race();
	test_ranges();
	for (enum grow_strategy s = GROW_IOCTL; s <= GROW_ACCESS; s++) {
		anomaly(s, RWX_RW, ENOMEM);
		anomaly(s, SGX_SECINFO_RWX, EIO);
		anomaly(s, 0, EPERM);
		anomaly(s, SGX_SECINFO_R | SGX_SECINFO_X, EINTR);
	}
	return tap_done();
}
