/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ADD_PAGES for every run of a plan: copied by the piece into anonymous memory, resumed after short counts, with
 * signals held back.
 *
 * Authority: <asm/sgx.h>; Linux 6.1 arch/x86/kernel/cpu/sgx for partial counts and restarts.
 */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#include "device/internal.h"

/* Pages copied per ADD_PAGES: large enough to make the call cheap, small enough to stay in the cache. */
#define ADD_CHUNK_PAGES 256u

struct adder {
	struct encl *en;
	const struct encl_opts *o;
	uint8_t *copy, *same;           /* ADD_CHUNK_PAGES each; same: what follows the data of a run */
	uint32_t fill;                  /* that same is full of */
	uint64_t done;
};

static int add_err(struct adder *a, const struct plan_run *run, uint64_t off, int sys, struct err *e)
{
	const char *what = run->what ? run->what : "page";

	if (sys == ENOMEM)
		err_set(e, ERR_NO_EPC, sys, "no EPC page for %s at offset 0x%llx", what,
			(unsigned long long)off);
	else if (sys == EBUSY)
		err_set(e, ERR_ADD_PAGES, sys, "a page is already at offset 0x%llx (%s)",
			(unsigned long long)off,
			what);
	else
		err_set(e, ERR_ADD_PAGES, sys, "cannot add %s at offset 0x%llx (SECINFO 0x%llx)", what,
			(unsigned long long)off, (unsigned long long)run->secinfo);
	err_offset(e, off);
	return encl_add_refusal(a->en, NULL, e);
}

/*
 * Pages [off, off + pages) from src.  A short count with result 0 is a signal between pages; EBUSY with count
 * untouched is somebody else's ioctl, with count written it is a page that is there.
 */
static int add_span(struct adder *a, const struct plan_run *run, uint64_t off, const uint8_t *src,
		    uint64_t pages, struct err *e)
{
	struct sgx_arch_secinfo secinfo = { .flags = run->secinfo };
	uint64_t done = 0, bytes = PAGES_TO_BYTES(pages);
	struct retry again = { 0 };

	while (done < bytes) {
		struct sgx_enclave_add_pages arg = {
			.src = (uint64_t)(uintptr_t)src + done,
			.offset = off + done,
			.length = bytes - done,
			.secinfo = (uint64_t)(uintptr_t)&secinfo,
			.flags = plan_run_measured(run) ? SGX_PAGE_MEASURE : 0,
			.count = UINT64_MAX,
		};
		long r = encl_ioctl(a->en, SGX_IOC_ENCLAVE_ADD_PAGES, &arg);
		bool untouched = arg.count == UINT64_MAX;
		int sys = r < 0 ? (int)-r : 0;

		if (untouched ? !sys : arg.count > bytes - done)
			return err_set(e, ERR_ADD_PAGES, 0, "ADD_PAGES reports no sensible count");
		if (!untouched && arg.count) {
			done += arg.count;
			retry_progress(&again);
			if (!sys)
				continue;
		}
		if ((sys == EBUSY && !untouched) || !retry_again(&again, sys ? sys : EAGAIN))
			return add_err(a, run, off + done, sys, e);
	}
	return 0;
}

/* Pages without data of this run: equal ones, so they are made once. */
static const uint8_t *fill_pages(struct adder *a, const struct plan_run *run)
{
	const struct plan_run blank = { .pages = 1, .fill = run->fill };

	for (uint64_t i = 0; a->fill != run->fill && i < ADD_CHUNK_PAGES; i++)
		plan_run_page(&blank, 0, a->same + PAGES_TO_BYTES(i));
	a->fill = run->fill;
	return a->same;
}

static int add_run(struct adder *a, const struct plan_run *run, struct err *e)
{
	uint64_t filled = plan_run_data_pages(run), at = 0;

	while (at < run->pages) {
		bool blank = at >= filled;
		uint64_t left = (blank ? run->pages : filled) - at;
		uint64_t n = left < ADD_CHUNK_PAGES ? left : ADD_CHUNK_PAGES;

		/* always from anonymous memory: a file on a noexec mount is no source for enclave pages */
		for (uint64_t i = 0; !blank && i < n; i++)
			plan_run_page(run, at + i, a->copy + PAGES_TO_BYTES(i));
		if (add_span(a, run, run->off + PAGES_TO_BYTES(at),
			     blank ? fill_pages(a, run) : a->copy, n, e))
			return -1;
		at += n;
		a->done += n;
		if (a->o->progress)
			a->o->progress(a->o->progress_arg, a->done, a->en->plan.pages_added);
	}
	return 0;
}

static int note_run(struct encl *en, const struct plan_run *run, struct err *e)
{
	const struct page_note n = {
		.off = run->off, .pages = run->pages, .origin = PAGE_EADD, .pt = plan_run_pt(run),
		.rwx = plan_run_rwx(run),
		.accepted = true,
	};

	if (ledger_reserve(en, e))
		return -1;
	ledger_set(en, &n);
	return 0;
}

/*
 * Signals are held back: one that arrives while EPC is reclaimed makes the kernel restart the call from its
 * first page, which then exists.  The synchronous ones stay open, they belong to this thread.
 */
static void block_signals(sigset_t *old)
{
	static const int keep[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS };
	sigset_t all;

	sigfillset(&all);
	for (size_t i = 0; i < sizeof(keep) / sizeof(keep[0]); i++)
		sigdelset(&all, keep[i]);
	pthread_sigmask(SIG_BLOCK, &all, old);
}

int encl_add_pages(struct encl *en, const struct encl_opts *o, struct err *e)
{
	const size_t bytes = PAGES_TO_BYTES(2 * ADD_CHUNK_PAGES);
	struct adder a = { .en = en, .o = o };
	sigset_t old;
	int r = 0;

	a.copy = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a.copy == MAP_FAILED)
		return err_set(e, ERR_NO_MEMORY, errno, "no memory to copy pages from");
	a.same = a.copy + PAGES_TO_BYTES(ADD_CHUNK_PAGES);
	block_signals(&old);
	for (size_t i = 0; i < en->plan.n_runs && !r; i++) {
		r = add_run(&a, &en->plan.runs[i], e);
		if (!r)
			r = note_run(en, &en->plan.runs[i], e);
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(a.copy, bytes);
	return r;
}
