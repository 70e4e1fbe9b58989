/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The processor that the emulated device plays: an SGX2 server part with the state components of this CPU.
 */
#include <cpuid.h>
#include <string.h>

#include "emul/internal.h"

/* State components an enclave can have here: x87, SSE, AVX, AVX-512 (three), PKRU. */
#define XFRM_MODELLED 0x2e7u
#define XFRM_LEGACY   0x3u
#define MAX_SIZE_LOG2_32 31
#define MXCSR_MASK_DEFAULT 0xffbfu

/* Documented and fixed: the emulator protects nothing, and sealed data survives it. */
static struct sgxm_platform platform = {
	.miscselect = SGX_MISC_EXINFO,
	.max_size_log2_64 = EMUL_MAX_SIZE_LOG2,
	.max_size_log2_32 = MAX_SIZE_LOG2_32,
	.attributes = SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_PROVISIONKEY |
		      SGX_ATTR_EINITTOKENKEY | SGX_ATTR_KSS,
	.cpusvn = { 1 },
	.root_key = "sgxctl emulated",
	.report_keyid = "sgxctl emulated report keyid",
};

const struct sgxm_platform *emul_platform(void) { return &platform; }

static uint64_t host_xcr0(void)
{
	uint32_t a, b, c, d, lo, hi;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return XFRM_LEGACY;
	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return (uint64_t)hi << 32 | lo;
}

void emul_offers_get(struct emul_offers *ret)
{
	*ret = (struct emul_offers){
		/* the driver grants nobody EINITTOKENKEY */
		.attributes = platform.attributes & ~(uint64_t)SGX_ATTR_EINITTOKENKEY,
		.xfrm = host_xcr0() & XFRM_MODELLED, .miscselect = platform.miscselect,
		.max_size_log2 = platform.max_size_log2_64,
	};
}

static uint32_t host_mxcsr_mask(void)
{
	struct { _Alignas(16) uint8_t image[512]; } fx = { 0 };
	uint32_t mask;

	__asm__ volatile("fxsave %0" : "+m"(fx));
	memcpy(&mask, fx.image + 28, sizeof(mask));
	return mask ? mask : MXCSR_MASK_DEFAULT;
}

void emul_platform_init(const struct emul_config *cfg)
{
	platform.sgx2 = !cfg->no_sgx2;
	platform.xfrm = host_xcr0() & XFRM_MODELLED;
	platform.mxcsr_mask = host_mxcsr_mask();
	for (unsigned i = 2; i < 64; i++) {
		uint32_t bytes, off, c, d;

		if (!(platform.xfrm >> i & 1) || !__get_cpuid_count(0xd, i, &bytes, &off, &c, &d))
			continue;
		platform.xsave[i].off = off;
		platform.xsave[i].bytes = bytes;
	}
}
