/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_MODIFY_TYPES.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_modify_types,
 *            sgx_enclave_modify_types.
 */
#include <errno.h>

#include "emul/driver.h"

#define PAGE_TYPE_MASK 0xffu
#define PROT_TCS       (SGX_SECINFO_R | SGX_SECINFO_W)

static bool transition_allowed(unsigned from, unsigned to)
{
	if (from == SGX_PT_REG)
		return to == SGX_PT_TCS || to == SGX_PT_TRIM;
	return from == SGX_PT_TCS && to == SGX_PT_TRIM;
}

struct modification {
	struct sgx_arch_secinfo secinfo;
	__u64 *ret_code;
};

static int modify_page(struct emul_encl *en, uint64_t off, uint64_t bytes, void *arg, uint64_t *ret_done)
{
	struct modification *m = arg;
	struct emul_record *rec = &en->rec[off >> SGX_PAGE_SHIFT];
	unsigned to = (unsigned)(m->secinfo.flags >> SGX_SECINFO_PT_SHIFT);
	uint16_t was = emul_rec_load(rec);
	unsigned max = was & EMUL_REC_MAX_MASK;
	struct sgxm_out out;
	unsigned tries = 0;
	int r;

	/* no page -> EFAULT */
	if (!(was & EMUL_REC_EXISTS))
		return -EFAULT;
	/* swapped out and reload impossible -> EFAULT */
	r = emul_load_page(en, off >> SGX_PAGE_SHIFT);
	if (r)
		return r;
	was = emul_rec_load(rec);
	/* transition -> EINVAL */
	if (!transition_allowed(emul_rec_pt(was), to))
		return -EINVAL;
	if (to == SGX_PT_TCS) {
		/* maximum rights below RW -> EPERM */
		if (~max & PROT_TCS)
			return -EPERM;
		max = PROT_TCS;
		atomic_store(&rec->word, emul_rec_make(emul_rec_pt(was), max) | (was & EMUL_REC_AUGMENTED));
		emul_zap_everywhere(en, en->sh->base + off, SGX_PAGE_SIZE);
	}
	/* EMODT faulted -> EFAULT; refused -> EFAULT and its code.  The maximum is put back. */
	do
		out = sgxm_emodt(&en->machine, (uintptr_t)&m->secinfo, EMUL_EPA_PAGES + off);
	while (emul_conflict(en, &out, &tries));
	emul_note(en, out, off);
	if (out.kind == SGXM_CODE)
		*m->ret_code = out.code;
	if (out.kind != SGXM_DONE) {
		atomic_store(&rec->word, was);
		return -EFAULT;
	}
	/* ETRACK failed twice -> EFAULT, and the record keeps the old type */
	r = emul_etrack(en);
	if (r)
		return r;
	atomic_store(&rec->word, emul_rec_make(to, max) | (was & EMUL_REC_AUGMENTED));
	*ret_done = bytes;
	return 0;
}

static int modify_range(struct emul_encl *en, struct sgx_enclave_modify_types *arg)
{
	struct modification m = { { .flags = SGX_SECINFO_PT(arg->page_type) }, &arg->result };

	/* neither TCS nor TRIM -> EINVAL, after which the struct is written back */
	if (arg->page_type != SGX_PT_TCS && arg->page_type != SGX_PT_TRIM)
		return -EINVAL;
	return emul_for_stretches(en, arg->offset, arg->length, &(struct emul_stretches){
		.work = modify_page, .arg = &m, .bytes = SGX_PAGE_SIZE, .narrows = true }, &arg->count);
}

long emul_ioc_modify(struct emul_call *c)
{
	struct sgx_enclave_modify_types arg;
	int r = emul_sgx2_args(c, &arg, sizeof(arg));

	if (r)
		return r;
	/* page type wider than its field -> EINVAL */
	if (arg.page_type & ~(uint64_t)PAGE_TYPE_MASK)
		return -EINVAL;
	/* outputs not zero -> EINVAL */
	if (arg.result || arg.count)
		return -EINVAL;
	r = modify_range(c->en, &arg);
	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : r;
}
