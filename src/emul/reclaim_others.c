/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pages of other processes leave the EPC that they share with this one.  Linux has one list for the machine; here whoever
 * needs a page opens the file of another process' enclave (which its user may, as the listing of enclaves does), does to it
 * what the driver does, and has that process drop its page-table entries (elsewhere.c).  The largest holder comes first, so
 * that one who has more than its part gives, however idle; between those with equal parts each reclaims from itself.
 *
 * Context: emul_reclaim_lock held, no other lock, signals blocked; also in signal handlers and between EENTER and the enclave.
 */
#include <unistd.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

#define ENOUGH    64u           /* pages from one visit, which costs a dozen mappings */

static struct emul_encl guest;  /* emul_reclaim_lock */
static _Atomic int guest_fd = -1;

bool emul_is_guest_fd(int fd)
{
	return fd >= 0 && fd == atomic_load(&guest_fd);
}

void emul_guest_wait(void)
{
	sigset_t old;

	emul_sig_block(&old);
	emul_lock(&emul_reclaim_lock);
	emul_unlock(&emul_reclaim_lock);
	emul_sig_restore(&old);
}

static bool visit(const struct emul_holder *h)
{
	for (unsigned i = 0; i < EMUL_CHARGE_PIDS; i++) {
		int fd = h->pids[i] ? emul_process_open_file(h->pids[i], h->dev, h->ino) : -1;

		if (fd < 0)
			continue;
		fd = emul_fd_high(fd);
		atomic_store(&guest_fd, fd);
		if (emul_encl_visit(&guest, fd, h->dev, h->ino))
			return true;
		atomic_store(&guest_fd, -1);
		raw1(SYS_close, fd);
	}
	return false;
}

static void leave(void)
{
	emul_encl_leave(&guest);
	atomic_store(&guest_fd, -1);
}

/* To the end of the enclave, all around it, and taking what came lately too: each at most once without a page. */
static unsigned reclaim_guest(void)
{
	unsigned freed = 0, ends = 0;

	while (freed < ENOUGH && ends < 3) {
		bool at_end;
		unsigned n = emul_shrink(&guest, ends < 2 ? EMUL_UNUSED_ONLY : EMUL_USED_TOO, &at_end);

		freed += n;
		ends += at_end;
		if (!n && !at_end)      /* somebody inside could not be had out of it */
			break;
	}
	return freed;
}

unsigned emul_reclaim_others(bool *busy)
{
	struct emul_holder h = { .pages = UINT64_MAX };
	unsigned freed = 0;

	while (!freed && emul_epc_next_holder(&h)) {
		if (!emul_epc_visit(&h)) {
			*busy = true;
			continue;
		}
		if (visit(&h)) {
			freed = reclaim_guest();
			leave();
		}
		emul_epc_leave(&h);
	}
	return freed;
}
