/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_REMOVE_PAGES.
 *
 * Pages are probed in stretches and their page-table entries zapped together; the stretch then goes
 * page by page, so that count and errors are those of one page after the other.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_remove_pages,
 *            sgx_encl_remove_pages.
 */
#include <errno.h>
#include <fcntl.h>

#include "emul/driver.h"

#define STRETCH_BYTES (512u * SGX_PAGE_SIZE)

static int probe_page(struct emul_encl *en, uint64_t off)
{
	const struct sgx_arch_secinfo secinfo = { .flags = SGX_SECINFO_RWX };
	uint16_t rec = emul_rec_load(&en->rec[off >> SGX_PAGE_SHIFT]);
	struct sgxm_out out;
	unsigned tries = 0;
	int r;

	/* no page -> EFAULT */
	if (!(rec & EMUL_REC_EXISTS))
		return -EFAULT;
	/* swapped out and reload impossible -> EFAULT */
	r = emul_load_page(en, off >> SGX_PAGE_SHIFT);
	if (r)
		return r;
	/* the record says not trimmed -> EPERM */
	if (emul_rec_pt(rec) != SGX_PT_TRIM)
		return -EPERM;
	/* not accepted -> EPERM: EMODPR that takes nothing away is #PF on an accepted TRIM page alone */
	do
		out = sgxm_emodpr(&en->machine, (uintptr_t)&secinfo, EMUL_EPA_PAGES + off);
	while (emul_conflict(en, &out, &tries));
	if (out.kind != SGXM_PF) {
		emul_note(en, out, off);
		return -EPERM;
	}
	return 0;
}

/* EREMOVE of a page that passed, and what the driver kept of it.  VA pages stay with the enclave. */
static bool drop_page(struct emul_encl *en, uint64_t off)
{
	struct emul_record *rec = &en->rec[off >> SGX_PAGE_SHIFT];

	struct sgxm_out out;
	unsigned tries = 0;

	do
		out = sgxm_eremove(&en->machine, EMUL_EPA_PAGES + off);
	while (emul_conflict(en, &out, &tries));
	if (emul_note(en, out, off).kind != SGXM_DONE)
		return false;
	atomic_store(&rec->word, EMUL_REC_DIRTY);
	en->sh->page_count--;
	return true;
}

/* Memory goes back with the EPC: what the enclave holds on the host never exceeds its EPC for long. */
static void free_memory(struct emul_encl *en, uint64_t off, uint64_t bytes)
{
	if (fallocate(en->own_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)bytes))
		return;         /* the pages stay dirty and are zeroed when they are used again */
	for (uint64_t i = off >> SGX_PAGE_SHIFT; i < (off + bytes) >> SGX_PAGE_SHIFT; i++)
		atomic_store(&en->rec[i].word, 0);
}

static int remove_stretch(struct emul_encl *en, uint64_t off, uint64_t bytes, void *arg, uint64_t *ret_done)
{
	uint64_t ready = 0, done = 0;
	int r = 0;

	(void)arg;
	while (ready < bytes) {
		r = probe_page(en, off + ready);
		if (r)
			break;
		ready += SGX_PAGE_SIZE;
	}
	if (ready)
		emul_zap_everywhere(en, en->sh->base + off, ready);
	while (done < ready && drop_page(en, off + done))
		done += SGX_PAGE_SIZE;
	if (done)
		free_memory(en, off, done);
	emul_epc_give(en->sh, done / SGX_PAGE_SIZE);
	*ret_done = done;
	/* what is ready gives its EPC back, which may be all that the next one needs */
	if (r == -EMUL_NO_EPC && done)
		r = 0;
	return done < ready ? -EPERM : r;
}

long emul_ioc_remove(struct emul_call *c)
{
	struct sgx_enclave_remove_pages arg;
	int r = emul_sgx2_args(c, &arg, sizeof(arg));

	if (r)
		return r;
	/* output not zero -> EINVAL */
	if (arg.count)
		return -EINVAL;
	r = emul_for_stretches(c->en, arg.offset, arg.length, &(struct emul_stretches){
		.work = remove_stretch, .bytes = STRETCH_BYTES }, &arg.count);
	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : r;
}
