/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key, IV and authenticated header of evicted pages. */
#include "machine/leaf/paging.h"

#include "machine/mem.h"

void paging_key(struct sgxm *m, uint8_t key[16])
{
	uint8_t label[8 + 32];

	mem_put64(label, 0x0000474e49474150ull);        /* "PAGING" */
	mem_copy(label + 8, m->platform->report_keyid, 32);
	m->ops->cmac(m->host, m->platform->root_key, label, sizeof(label), key);
}

void paging_iv(uint64_t version, uint8_t iv[12])
{
	mem_zero(iv, 12);
	mem_put64(iv, version);
}

void paging_header_fill(struct paging_header *h, uint64_t eid, uint64_t linaddr,
			const struct sgx_arch_secinfo *secinfo, const uint8_t reserved[40])
{
	mem_zero(h, sizeof(*h));
	h->eid = eid;
	h->linaddr = linaddr;
	mem_copy(h->secinfo, secinfo, sizeof(h->secinfo));
	mem_copy(h->reserved, reserved, sizeof(h->reserved));
}
