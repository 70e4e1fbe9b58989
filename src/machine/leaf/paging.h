/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What EWB writes and ELDU, ELDB read back: AES-GCM of a page, bound to its owner, address and
 * SECINFO by the additional data, and to one version slot by the IV.
 *
 * Authority: Intel SDM Vol. 3D, "EWB", "ELDB/ELDU".  The key is derived per boot (report_keyid).
 */
#ifndef MACHINE_LEAF_PAGING_H
#define MACHINE_LEAF_PAGING_H

#include "machine/machine.h"

/* The authenticated header of a page outside the EPC */
struct paging_header {
	uint64_t eid;
	uint64_t linaddr;
	uint8_t  secinfo[64];
	uint8_t  reserved[40];
	uint8_t  pad[8];
};
_Static_assert(sizeof(struct paging_header) == 128, "EWB header");

void paging_key(struct sgxm *m, uint8_t key[16]);
void paging_iv(uint64_t version, uint8_t iv[12]);
void paging_header_fill(struct paging_header *h, uint64_t eid, uint64_t linaddr,
			const struct sgx_arch_secinfo *secinfo, const uint8_t reserved[40]);

/* The 8-byte slot of a VA page */
static inline uint64_t *va_slot(struct sgxm *m, uint64_t va_epa)
{
	return (uint64_t *)(void *)(m->ops->page(m->host, va_epa & SGX_PAGE_MASK) +
				    (va_epa & (SGX_PAGE_SIZE - 1)));
}

#endif
