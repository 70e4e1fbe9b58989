/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The abort page: host code that loads from a page which enclave code may not use either (pending, modified, a TCS)
 * reads ones, and its stores vanish.  The instruction is run once on a page of ones put in the place of the real one.
 *
 * The list of mappings stays locked and signals stay blocked for that one instruction, so nobody widens or meets the
 * stand-in; what comes next is the trap after it, or another fault of it.
 * Authority: Intel SDM Vol. 3D, "Access control"; Linux gives the page-table entry whoever touches.
 */
#include <sys/mman.h>

#include "emul/native.h"
#include "emul/raw.h"

static bool put_stand_in(uint64_t la)
{
	long p = raw6(SYS_mmap, la, SGX_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p != (long)la)
		return false;
	__builtin_memset((void *)la, SGXM_ABORT_BYTE, SGX_PAGE_SIZE);
	return true;
}

static void put_back(struct emul_encl *en, uint64_t la)
{
	raw6(SYS_mmap, la, SGX_PAGE_SIZE, PROT_NONE, MAP_SHARED | MAP_FIXED, en->own_fd, la - en->sh->base);
	en->pte[emul_page_index(en, la)] &= EMUL_PTE_PRESENT | EMUL_PTE_RIGHTS_MASK;
}

static void put_all_back(struct native_tb *tb, unsigned n)
{
	while (n)
		put_back(tb->abort_en, tb->abort_la[--n]);
	emul_unlock(&tb->abort_en->mm_lock);
	tb->abort_placed = 0;
}

bool native_abort_go_on(struct native_tb *tb)
{
	emul_lock(&tb->abort_en->mm_lock);
	for (unsigned i = 0; i < tb->n_abort; i++) {
		if (put_stand_in(tb->abort_la[i]))
			continue;
		put_all_back(tb, i + 1);
		return false;
	}
	tb->abort_placed = 1;
	return true;
}

bool native_abort_add(struct native_tb *tb, struct emul_encl *en, uint64_t la, ucontext_t *uc)
{
	if (tb->n_abort == NATIVE_MAX_ABORT || (tb->n_abort && tb->abort_en != en))
		return false;
	if (!tb->n_abort) {
		uint64_t mask = ~native_trap_mask();

		__builtin_memcpy(&tb->abort_mask, &uc->uc_sigmask, sizeof(mask));
		__builtin_memcpy(&uc->uc_sigmask, &mask, sizeof(mask));
	}
	tb->abort_en = en;
	tb->abort_la[tb->n_abort++] = la & SGX_PAGE_MASK;
	return native_abort_go_on(tb);
}

void native_abort_pause(struct native_tb *tb)
{
	if (tb->abort_placed)
		put_all_back(tb, tb->n_abort);
}

void native_abort_end(struct native_tb *tb, ucontext_t *uc)
{
	native_abort_pause(tb);
	__builtin_memcpy(&uc->uc_sigmask, &tb->abort_mask, sizeof(tb->abort_mask));
	tb->n_abort = 0;
}
