/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sgxctl run --probe of a static program: the document. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "shim/cpuid.h"
#include "shim/static_exec.h"

static void add_cpuid(struct json *doc, const struct static_cpuid_state *s)
{
	static const char *const means[] = { NULL, "none", "fault", "rewrite" };
	struct cpuid_regs max = { 0 }, seven = { .eax = 7 }, sgx = { .eax = 0x12 }, epc = { .eax = 0x12, .ecx = 2 };
	struct json *c = json_add_obj(doc, "cpuid");

	json_add_bool(c, "can_fault", s->can_fault);
	json_add_str(c, "means", means[s->means]);
	json_add_str(c, "leaf_12h", s->means == CPUID_OFF ? "native" : "emulated");
	if (s->means == CPUID_REWRITE) {
		json_add_size(c, "sites", (uint64_t)s->sites);
		json_add_size(c, "functions", s->functions);
		json_add_size(c, "doubtful_functions", s->doubtful);
	}
	if (s->means == CPUID_OFF) {
		json_add_str(c, "why", s->error == -ENOSYS ? "built without an instruction decoder" :
				       s->error ? strerror(-s->error) : "asked for");
		return;
	}
	cpuid_answer(&max);
	cpuid_answer(&seven);
	cpuid_answer(&sgx);
	cpuid_answer(&epc);
	json_add_hex(c, "max_leaf", max.eax);
	json_add_bool(c, "sgx", seven.ebx >> 2 & 1);
	json_add_bool(c, "sgx_lc", seven.ecx >> 30 & 1);
	json_add_bool(c, "sgx1", sgx.eax & 1);
	json_add_bool(c, "sgx2", sgx.eax >> 1 & 1);
	json_add_size(c, "epc_bytes", (uint64_t)epc.edx << 32 | (epc.ecx & 0xfffff000u));
}

int static_probe(const char *path, const char *loader, const struct static_cpuid_state *s)
{
	struct json *doc = json_object();
	char *text;

	json_add_str(doc, "schema", "sgxctl.run/1");
	json_add_bool(doc, "ok", true);
	json_add_str(doc, "program", path);
	json_add_str(doc, "loader", *loader ? loader : NULL);
	json_add_str(doc, "linking", *loader ? "musl" : "static");
	json_add_null(doc, "library");
	add_cpuid(doc, s);
	text = json_print(doc, false);
	if (!text || puts(text) < 0 || fflush(stdout)) {
		perror("sgxctl run");
		return 1;
	}
	free(text);
	return 0;
}
