/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The CPU model's host: where an enclave's EPC pages and EPCM entries are.
 *
 * EPC addresses are per enclave: the SECS at EMUL_EPA_SECS, the page at ELRANGE offset o at
 * EMUL_EPA_PAGES + o, nothing else.  ENCLS memory operands are the driver's own structures.
 *
 * Context: any, including signal handlers; and EENTER without a trap, where the vector registers belong to
 *          the caller: compiled with general registers only.
 */
#include <string.h>

#include "emul/driver.h"
#include "emul/emul_crypto.h"

static struct sgxm_epcm *host_epcm(void *host, uint64_t epa)
{
	struct emul_encl *en = host;
	uint64_t off = epa - EMUL_EPA_PAGES;

	if ((epa & SGX_PAGE_MASK) == EMUL_EPA_SECS)
		return en->secs_epcm;
	if (off < en->sh->size && en->epcm)
		return &en->epcm[off >> SGX_PAGE_SHIFT];
	return NULL;
}

static uint8_t *host_page(void *host, uint64_t epa)
{
	struct emul_encl *en = host;

	return epa == EMUL_EPA_SECS ? en->secs : en->alias + (epa - EMUL_EPA_PAGES);
}

/* Pages have fixed places, so where one lies says whose it is. */
static struct sgxm_owner host_owner(void *host, uint64_t epa)
{
	const struct emul_encl *en = host;

	if ((epa & SGX_PAGE_MASK) == EMUL_EPA_SECS)
		return (struct sgxm_owner){ 0 };
	return (struct sgxm_owner){ en->sh->base + ((epa & SGX_PAGE_MASK) - EMUL_EPA_PAGES), EMUL_EPA_SECS };
}

static void host_set_owner(void *host, uint64_t epa, struct sgxm_owner owner)
{
	struct sgxm_owner place = host_owner(host, epa);

	if (owner.la != place.la || owner.secs_epa != place.secs_epa)
		__builtin_trap();       /* the driver confused its pages: nothing that follows could be right */
}

/* Memory of a page that never had one is zero already, and touching it would allocate it. */
static void host_zero(void *host, uint64_t epa)
{
	struct emul_encl *en = host;

	if (epa == EMUL_EPA_SECS)
		memset(en->secs, 0, SGX_PAGE_SIZE);
	else if (emul_rec_load(&en->rec[(epa - EMUL_EPA_PAGES) >> SGX_PAGE_SHIFT]) & EMUL_REC_DIRTY)
		memset(en->alias + (epa - EMUL_EPA_PAGES), 0, SGX_PAGE_SIZE);
}

static int host_read(void *host, uint64_t addr, void *dst, size_t bytes)
{
	(void)host;
	memcpy(dst, (const void *)(uintptr_t)addr, bytes);
	return 0;
}

static int host_write(void *host, uint64_t addr, const void *src, size_t bytes)
{
	(void)host;
	memcpy((void *)(uintptr_t)addr, src, bytes);
	return 0;
}

static uint64_t host_new_eid(void *host)
{
	(void)host;
	return atomic_fetch_add(&emul_pool->next_eid, 1) + 1;
}

const struct sgxm_ops emul_machine_ops = {
	.epcm = host_epcm, .page = host_page, .owner = host_owner, .set_owner = host_set_owner, .zero = host_zero,
	.read = host_read, .write = host_write, .walk = emul_walk, .new_eid = host_new_eid,
	.sha256_init = emul_sha256_init, .sha256_update = emul_sha256_update,
	.sha256_final = emul_sha256_final, .rsa3072 = emul_rsa3072, .cmac = emul_cmac,
	.gcm_seal = emul_gcm_seal, .gcm_open = emul_gcm_open,
};

/* ---- what refused ---------------------------------------------------------------------------------- */

struct sgxm_out emul_note(struct emul_encl *en, struct sgxm_out out, uint64_t off)
{
	struct emul_last_refusal *r = &en->sh->refusal;
	size_t i = 0;

	if (out.kind == SGXM_DONE)
		return out;
	for (; out.check && out.check[i] && i < sizeof(r->check) - 1; i++)
		r->check[i] = out.check[i];
	r->check[i] = 0;
	r->kind = out.kind;
	r->code = out.code;
	r->addr = out.addr;
	r->off = off;
	r->serial++;
	return out;
}
