/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_PROVISION: an fd of /dev/sgx_provision is the right to PROVISIONKEY.
 *
 * No check of the state: before CREATE it succeeds and is lost there, after INIT it has no effect.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_provision; driver.c,
 *            sgx_set_attribute.
 */
#include <errno.h>

#include "emul/driver.h"

long emul_ioc_provision(struct emul_call *c)
{
	struct sgx_enclave_provision arg;

	/* struct unreadable -> EFAULT */
	if (emul_user_read(&arg, c->arg, sizeof(arg)))
		return -EFAULT;
	/* not open, O_PATH, or another file -> EINVAL; only the low 32 bits count */
	if (!emul_is_provision_fd((int)(uint32_t)arg.fd))
		return -EINVAL;
	c->en->sh->attributes_mask |= SGX_ATTR_PROVISIONKEY;
	return 0;
}
