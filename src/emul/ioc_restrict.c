/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS.
 *
 * Records and page-table entries keep the old rights: later violations show the SGX error bit.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_restrict_permissions,
 *            sgx_enclave_restrict_permissions.
 */
#include <errno.h>

#include "emul/driver.h"

struct restriction {
	struct sgx_arch_secinfo secinfo;
	__u64 *ret_code;
};

static int restrict_page(struct emul_encl *en, uint64_t off, uint64_t bytes, void *arg, uint64_t *ret_done)
{
	struct restriction *to = arg;
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
	/* not a regular page -> EINVAL */
	if (emul_rec_pt(rec) != SGX_PT_REG)
		return -EINVAL;
	/* EMODPR faulted -> EFAULT; refused -> EFAULT and its code */
	do
		out = sgxm_emodpr(&en->machine, (uintptr_t)&to->secinfo, EMUL_EPA_PAGES + off);
	while (emul_conflict(en, &out, &tries));
	emul_note(en, out, off);
	if (out.kind == SGXM_CODE)
		*to->ret_code = out.code;
	if (out.kind != SGXM_DONE)
		return -EFAULT;
	/* ETRACK failed twice -> EFAULT */
	r = emul_etrack(en);
	*ret_done = r ? 0 : bytes;
	return r;
}

static int restrict_range(struct emul_encl *en, struct sgx_enclave_restrict_permissions *arg)
{
	struct restriction to = { { .flags = arg->permissions & SGX_SECINFO_RWX }, &arg->result };

	return emul_for_stretches(en, arg->offset, arg->length, &(struct emul_stretches){
		.work = restrict_page, .arg = &to, .bytes = SGX_PAGE_SIZE, .narrows = true }, &arg->count);
}

long emul_ioc_restrict(struct emul_call *c)
{
	struct sgx_enclave_restrict_permissions arg;
	int r = emul_sgx2_args(c, &arg, sizeof(arg));

	if (r)
		return r;
	/* permissions outside RWX -> EINVAL */
	if (arg.permissions & ~(uint64_t)SGX_SECINFO_RWX)
		return -EINVAL;
	/* W without R -> EINVAL; none at all is fine */
	if (arg.permissions & SGX_SECINFO_W && !(arg.permissions & SGX_SECINFO_R))
		return -EINVAL;
	/* outputs not zero -> EINVAL */
	if (arg.result || arg.count)
		return -EINVAL;
	r = restrict_range(c->en, &arg);
	return emul_user_write(c->arg, &arg, sizeof(arg)) ? -EFAULT : r;
}
