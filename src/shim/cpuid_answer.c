/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What CPUID returns.
 *
 * Authority: Intel SDM Vol. 2A, CPUID; Vol. 3D, "Intel SGX Resource Enumeration Leaves".
 * Context: any; cpuid_answer also in signal handlers.
 */
#include <cpuid.h>

#include "emul/internal.h"
#include "shim/cpuid.h"

#define LEAF_SGX     0x12u
#define F7_EBX_SGX   (1u << 2)
#define F7_ECX_LC    (1u << 30)
#define S0_SGX1      (1u << 0)
#define S0_SGX2      (1u << 1)
#define EPC_TYPE     1u                 /* subleaf describes a section */
#define EPC_PROTECTED 1u                /* confidentiality and integrity */
#define EPC_BASE     0x8000000000u      /* beyond any real memory: nothing is to be found there */

static uint64_t epc_bytes;
static uint32_t native_max;

void cpuid_answer_setup(const struct emul_config *cfg)
{
	epc_bytes = (cfg->epc_pages ? cfg->epc_pages : EMUL_EPC_PAGES_DEFAULT) << SGX_PAGE_SHIFT;
	native_max = (uint32_t)__get_cpuid_max(0, NULL);
}

static void leaf_sgx(struct cpuid_regs *r)
{
	const struct sgxm_platform *p = emul_platform();
	uint32_t sub = r->ecx;

	*r = (struct cpuid_regs){ 0 };
	switch (sub) {
	case 0:
		r->eax = S0_SGX1 | (p->sgx2 ? S0_SGX2 : 0);
		r->ebx = p->miscselect;
		r->edx = (uint32_t)p->max_size_log2_64 << 8 | p->max_size_log2_32;
		break;
	case 1:
		r->eax = (uint32_t)p->attributes;
		r->ebx = (uint32_t)(p->attributes >> 32);
		r->ecx = (uint32_t)p->xfrm;
		r->edx = (uint32_t)(p->xfrm >> 32);
		break;
	case 2:
		r->eax = EPC_TYPE | (uint32_t)(EPC_BASE & 0xfffff000u);
		r->ebx = (uint32_t)(EPC_BASE >> 32) & 0xfffffu;
		r->ecx = EPC_PROTECTED | (uint32_t)(epc_bytes & 0xfffff000u);
		r->edx = (uint32_t)(epc_bytes >> 32) & 0xfffffu;
		break;
	}
}

void cpuid_answer(struct cpuid_regs *r)
{
	uint32_t leaf = r->eax, sub = r->ecx;

	if (leaf == LEAF_SGX) {
		leaf_sgx(r);
		return;
	}
	if (leaf > native_max && leaf < LEAF_SGX) {     /* between the real maximum and ours */
		*r = (struct cpuid_regs){ 0 };
		return;
	}
	__cpuid_count(leaf, sub, r->eax, r->ebx, r->ecx, r->edx);
	if (leaf == 0 && r->eax < LEAF_SGX)
		r->eax = LEAF_SGX;
	if (leaf == 7 && sub == 0) {
		r->ebx |= F7_EBX_SGX;
		r->ecx |= F7_ECX_LC;
	}
}
