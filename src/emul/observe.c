/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enclaves of other processes, seen from one that only holds their file: who they are, and what the process that uses
 * them keeps to itself - its mappings and page-table entries, read out of its memory.
 *
 * The other process runs meanwhile and its locks are its own, so what was read is taken when it was the same twice.
 * Where it may not be read (ptrace(2), "Ptrace access mode checking": PTRACE_MODE_ATTACH), nothing is known.
 *
 * Context: normal, all signals blocked.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "emul/driver.h"
#include "emul/encl.h"
#include "emul/raw.h"

#define TRIES    8
#define MAX_VMAS ((size_t)1 << 20)

/* The process, and its struct emul_encl; by slot. */
static struct {
	uint32_t pid;
	uint64_t where;
} watched[EMUL_MAX_ENCLAVES];

uint64_t emul_where(unsigned slot) { return (uintptr_t)&emul_encls[slot]; }

int emul_identify(int fd, struct emul_identity *ret)
{
	struct emul_encl *en;
	sigset_t old;

	emul_sig_block(&old);
	en = emul_encl_hold(fd);
	if (en) {
		*ret = (struct emul_identity){
			.kernel = (enum emul_kernel)en->sh->kernel, .no_sgx2 = en->sh->no_sgx2,
			.initialized = atomic_load(&en->sh->initialized), .debug = atomic_load(&en->sh->debug),
			.base = en->sh->base, .size = en->sh->size,
		};
		emul_encl_drop(en);
	}
	emul_sig_restore(&old);
	return en ? 0 : -ENOTTY;
}

void emul_observe(int fd, uint32_t pid, uint64_t where)
{
	struct emul_encl *en;
	sigset_t old;

	emul_sig_block(&old);
	en = emul_encl_hold(fd);
	if (en) {
		watched[en - emul_encls].pid = pid;
		watched[en - emul_encls].where = where;
		emul_encl_drop(en);
	}
	emul_sig_restore(&old);
}

static bool fetch(uint32_t pid, void *dst, uint64_t from, size_t bytes)
{
	struct iovec here = { dst, bytes }, there = { (void *)(uintptr_t)from, bytes };

	return raw6(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0) == (long)bytes;
}

/* Its record of the same enclave, at a moment when it was changing no mapping. */
static bool fetch_record(const struct emul_encl *en, struct emul_encl *ret)
{
	uint32_t pid = watched[en - emul_encls].pid;

	return pid && fetch(pid, ret, watched[en - emul_encls].where, sizeof(*ret)) && ret->dev == en->dev &&
	       ret->ino == en->ino && atomic_load(&ret->live) && atomic_load(&ret->base) == en->sh->base &&
	       atomic_load(&ret->size) == en->sh->size && !atomic_load(&ret->mm_lock.owner);
}

static bool is_settled(const struct emul_encl *en, const struct emul_encl *was)
{
	struct emul_encl now;

	return fetch_record(en, &now) && now.vma == was->vma && now.n_vma == was->n_vma && now.pte == was->pte;
}

/* Addresses that no list of the program's own making could hold are not believed. */
static bool is_sane(const struct emul_vma *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].start >= v[i].end || (i && v[i].start < v[i - 1].end))
			return false;
	return true;
}

static bool take_vmas(struct emul_encl *en, const struct emul_encl *theirs)
{
	size_t n = theirs->n_vma, bytes = n * sizeof(*en->vma);
	struct emul_vma *v = NULL;

	if (n > MAX_VMAS)
		return false;
	if (n) {
		v = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (v == MAP_FAILED)
			return false;
		if (!fetch(watched[en - emul_encls].pid, v, (uintptr_t)theirs->vma, bytes) ||
		    !is_settled(en, theirs) || !is_sane(v, n)) {
			munmap(v, bytes);
			return false;
		}
	}
	if (en->vma)
		munmap(en->vma, en->cap_vma * sizeof(*en->vma));
	en->vma = v;
	en->n_vma = en->cap_vma = n;
	return true;
}

bool emul_observe_vmas(struct emul_encl *en)
{
	struct emul_encl theirs;

	for (int i = 0; i < TRIES; i++) {
		if (fetch_record(en, &theirs) && take_vmas(en, &theirs))
			return true;
		raw0(SYS_sched_yield);
	}
	return false;
}

bool emul_observe_ptes(struct emul_encl *en, uint64_t first, uint64_t n)
{
	uint64_t pages = en->sh->size >> SGX_PAGE_SHIFT;
	struct emul_encl theirs;

	n = first + n < pages ? n : pages - first;
	for (int i = 0; i < TRIES; i++) {
		if (fetch_record(en, &theirs) &&
		    fetch(watched[en - emul_encls].pid, en->pte + first, (uintptr_t)theirs.pte + first, n) &&
		    is_settled(en, &theirs))
			return true;
		raw0(SYS_sched_yield);
	}
	return false;
}
