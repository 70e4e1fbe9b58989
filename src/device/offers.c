/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an enclave may have on a device: attributes, XSAVE features, MISCSELECT, size.
 *
 * Authority: Intel SDM Vol. 2A, CPUID leaf 12H; Linux 6.1 arch/x86/kernel/cpu/sgx/driver.c and
 *            arch/x86/include/asm/sgx.h for what the driver takes away from that.
 */
#include <cpuid.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "device/internal.h"

#define LEAF_SGX 0x12u
#define XFRM_LEGACY 3u  /* x87 and SSE */
/* What the driver lets through, if the CPU has it; EINITTOKENKEY is there, and granted to nobody. */
#define ATTR_DRIVER (SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_PROVISIONKEY | SGX_ATTR_KSS)
#define MISC_DRIVER SGX_MISC_EXINFO

uint64_t device_xcr0(void)
{
	uint32_t a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return XFRM_LEGACY;
	__asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (uint64_t)d << 32 | a;
}

/* Linux 6.2 and later let enclaves have AEX-notify. */
static bool driver_has_aexnotify(void)
{
	unsigned int major, minor;
	struct utsname u;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 2));
}

static uint64_t cpu_xfrm(uint32_t low, uint32_t high)
{
	return ((uint64_t)high << 32 | low) & device_xcr0();
}

static void kernel_offers(struct dev_offers *ret)
{
	uint32_t a = 0, b = 0, c = 0, d = 0, misc, size;

	*ret = (struct dev_offers){
		.device = "kernel", .attributes = UINT64_MAX, .xfrm = device_xcr0(), .miscselect = UINT32_MAX,
		.max_size_log2 = 64,
	};
	if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & (1u << 2)))
		return;         /* the driver found SGX where we do not: under a hypervisor that hides it */
	if (!__get_cpuid_count(LEAF_SGX, 0, &a, &misc, &c, &size) || !(a & 1) ||
	    !__get_cpuid_count(LEAF_SGX, 1, &a, &b, &c, &d))
		return;
	ret->known = true;
	ret->attributes = ((uint64_t)b << 32 | a) &
			  (ATTR_DRIVER | (driver_has_aexnotify() ? SGX_ATTR_AEXNOTIFY : 0));
	ret->xfrm = cpu_xfrm(c, d);
	ret->miscselect = misc & MISC_DRIVER;
	ret->max_size_log2 = size >> 8 & 0xff;
}

void device_host(const struct sgx_dev *d, struct plan_host *ret)
{
	struct dev_offers o;

	*ret = (struct plan_host){ .attributes = UINT64_MAX, .xfrm = device_xcr0(), .miscselect = UINT32_MAX };
	if (!strcmp(sgx_dev_name(d), "kernel"))
		kernel_offers(&o);
	else if (!strcmp(sgx_dev_name(d), "emulated"))
		sgx_dev_emul_offers(&o);
	else
		return;         /* a script of a test says itself what is refused */
	*ret = (struct plan_host){ o.known, o.attributes, o.xfrm, o.miscselect };
}

int sgx_dev_offers(const struct dev_config *cfg, struct dev_offers *ret, struct err *e)
{
	struct sgx_dev *d = NULL;

	if (cfg->kind == DEV_EMULATED || (sgx_dev_kernel_new(&d, e) && cfg->kind == DEV_AUTO)) {
		if (e)
			err_clear(e);
		sgx_dev_emul_offers(ret);
		return 0;
	}
	if (!d)
		return -1;
	sgx_dev_free(d);
	kernel_offers(ret);
	return 0;
}
