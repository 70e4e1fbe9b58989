/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enclaves on the script device. */
#include "device_rig.h"

#include <stdlib.h>
#include <string.h>

static void *need(void *p)
{
	if (!p)
		abort();
	return p;
}

struct plan rig_plan(uint64_t pages)
{
	static const uint8_t code[3 * SGX_PAGE_SIZE / 2] = { 0xc3 };
	struct plan p = {
		.format = "test", .size = RIG_SIZE, .ssaframesize = 1, .miscselect = SGX_MISC_EXINFO,
		.attributes = { SGX_ATTR_MODE64BIT, 3 }, .nssa = 2, .n_runs = 3, .n_tcs = 2,
		.op_interface = true,
	};

	p.runs = need(calloc(p.n_runs, sizeof(*p.runs)));
	p.tcs = need(calloc(p.n_tcs, sizeof(*p.tcs)));
	p.tcs[1] = SGX_PAGE_SIZE;
	p.runs[0] = (struct plan_run){ .off = 0, .pages = 2, .secinfo = SGX_SECINFO_TCS,
				       .chunks = PLAN_CHUNKS_ALL, .what = "tcs" };
	p.runs[1] = (struct plan_run){ .off = 0x2000, .pages = pages, .secinfo = SGX_SECINFO_REG | RWX_RW,
				       .what = "heap" };
	p.runs[2] = (struct plan_run){
		.off = 0x2000 + PAGES_TO_BYTES(pages), .pages = 2,
		.secinfo = SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_X, .chunks = PLAN_CHUNKS_ALL,
		.data = code, .data_bytes = sizeof(code), .what = "text",
	};
	p.pages_added = pages + 4;
	p.pages_measured = 4;
	return p;
}

struct encl *rig_build(struct script *s, uint64_t pages, struct err *e)
{
	static const struct sgx_arch_sigstruct sig;
	const struct encl_opts o = { .debug = -1, .sigstruct = &sig };
	struct plan p = rig_plan(pages);
	struct encl *en;

	return encl_build(script_dev(s), &p, &o, &en, e) ? NULL : en;
}

struct encl *rig_need(struct script *s)
{
	struct err e = { 0 };

	return need(rig_build(s, 4, &e));
}
