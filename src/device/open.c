/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which device: the kernel's where its node can be opened and mapped, else the emulated one.  CPUID is not
 * asked: a device that opens works, whatever the instruction says (virtual machines, models of silicon).
 */
#include "device/internal.h"

int sgx_dev_open(const struct dev_config *cfg, struct sgx_dev **ret_dev, struct err *e)
{
	switch (cfg->kind) {
	case DEV_KERNEL:
		return sgx_dev_kernel_new(ret_dev, e);
	case DEV_EMULATED:
		return sgx_dev_emul_new(cfg, ret_dev, e);
	case DEV_AUTO:
		break;
	}
	if (!sgx_dev_kernel_new(ret_dev, NULL))
		return 0;
	return sgx_dev_emul_new(cfg, ret_dev, e);
}

void sgx_dev_free(struct sgx_dev *d)
{
	if (d)
		d->ops->destroy(d);
}
