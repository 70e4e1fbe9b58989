/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Making CPUID trap, and what happens then.
 *
 * Authority: arch_prctl(2), ARCH_SET_CPUID; Intel SDM Vol. 3A, "CPUID faulting".
 * Context: setup while the program does not run; cpuid_trap in the signal handler.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "emul/raw.h"
#include "shim/cpuid.h"

#ifndef ARCH_GET_CPUID
#define ARCH_GET_CPUID 0x1011
#define ARCH_SET_CPUID 0x1012
#endif
#define VECTOR_GP 13

static const uint8_t trap_bytes[INSN_BYTES] = { 0xf4, 0x90 };         /* hlt; nop */

static bool faulting;
static uint64_t *sites;                 /* ascending */
static size_t n_sites;

int cpuid_fault_on(void)
{
	long r = raw2(SYS_arch_prctl, ARCH_SET_CPUID, 0);

	faulting = !r;
	return (int)r;
}

bool shim_cpuid_can_fault(void)
{
	/* asks for what is so already, and fails where it could not be otherwise */
	return raw2(SYS_arch_prctl, ARCH_SET_CPUID, 1) == 0;
}

static int by_address(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Text is private, so that this is a copy of the pages; nobody else sees it. */
static int patch(uint64_t at)
{
	uint64_t first = at & SGX_PAGE_MASK, end = ((at + INSN_BYTES - 1) | ~SGX_PAGE_MASK) + 1;
	void *page = (void *)(uintptr_t)first;

	if (memcmp((void *)(uintptr_t)at, insn_bytes[INSN_CPUID], INSN_BYTES))
		return 1;
	if (mprotect(page, end - first, PROT_READ | PROT_WRITE))
		return -errno;
	memcpy((void *)(uintptr_t)at, trap_bytes, INSN_BYTES);
	return mprotect(page, end - first, PROT_READ | PROT_EXEC) ? -errno : 0;
}

long cpuid_rewrite(const struct insn_sites *s, uint64_t bias)
{
	uint64_t *all = realloc(sites, (n_sites + s->n + 1) * sizeof(*all));
	long done = 0;

	if (!all)
		return -ENOMEM;
	sites = all;
	for (size_t i = 0; i < s->n; i++) {
		int r = patch(s->addr[i] + bias);

		if (r < 0)
			return r;
		if (!r) {
			sites[n_sites++] = s->addr[i] + bias;
			done++;
		}
	}
	qsort(sites, n_sites, sizeof(*sites), by_address);
	return done;
}

static bool is_site(uint64_t rip)
{
	size_t low = 0, high = n_sites;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (sites[mid] == rip)
			return true;
		if (sites[mid] < rip)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

bool cpuid_trap(const siginfo_t *info, ucontext_t *uc)
{
	greg_t *g = uc->uc_mcontext.gregs;
	uint64_t rip = (uint64_t)g[REG_RIP];

	if (info->si_code <= 0 || g[REG_TRAPNO] != VECTOR_GP)
		return false;
	if (!is_site(rip) && !(faulting && !memcmp((void *)(uintptr_t)rip, insn_bytes[INSN_CPUID], INSN_BYTES)))
		return false;
	struct cpuid_regs r = { .eax = (uint32_t)g[REG_RAX], .ecx = (uint32_t)g[REG_RCX] };

	if (faulting)
		raw2(SYS_arch_prctl, ARCH_SET_CPUID, 1);
	cpuid_answer(&r);
	if (faulting)
		raw2(SYS_arch_prctl, ARCH_SET_CPUID, 0);
	g[REG_RAX] = r.eax;
	g[REG_RBX] = r.ebx;
	g[REG_RCX] = r.ecx;
	g[REG_RDX] = r.edx;
	g[REG_RIP] = (greg_t)(rip + INSN_BYTES);
	return true;
}
