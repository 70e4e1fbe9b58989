/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of mappings share: the list (mm.c), page-table entries (mm_pte.c), the rarer calls (mm_calls.c). */
#ifndef EMUL_MM_H
#define EMUL_MM_H

#include "emul/internal.h"

/* The part of [la, la+bytes) inside ELRANGE, as page indices; false when there is none. */
bool emul_mm_clip(const struct emul_encl *en, uint64_t la, uint64_t bytes, uint64_t *ret_first, uint64_t *ret_end);
/* Take away from the real mapping of pages [first, end) what is not wanted; mm_lock held. */
void emul_pte_narrow(struct emul_encl *en, uint64_t first, uint64_t end);
/* The range is no longer mapped at all: forget its entries without touching the real mapping; mm_lock held. */
void emul_pte_forget(struct emul_encl *en, uint64_t la, uint64_t bytes);
/* Entries that are there get the rights of prot; mm_lock held. */
void emul_pte_protect(struct emul_encl *en, uint64_t la, uint64_t bytes, unsigned prot);
/* The enclave mapping that holds la, up to *ret_stop; NULL: *ret_stop is where the next one above begins, or end. */
struct emul_encl *emul_next_mapping(uint64_t la, uint64_t end, uint64_t *ret_stop);
/* MADV_DONTFORK of what is mapped in [la, end): 0 or -errno. */
int emul_vma_dont_fork(struct emul_encl *en, uint64_t la, uint64_t end);
/* This process is a forked child: those stayed with its parent.  mm_lock held. */
void emul_vmas_forked(struct emul_encl *en);

#endif
