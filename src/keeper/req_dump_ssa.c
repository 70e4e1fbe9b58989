/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dump-ssa: the registers that exceptions left in the SSA frames of stopped threads. */
#include <errno.h>

#include "arch/sgx_names.h"
#include "keeper/debug_view.h"

#define MAX_FRAMES 64u          /* per thread; CSSA comes from enclave memory */

struct out {
	struct keeper *k;
	struct json *frames;
};

static void add_gpr(struct json *frame, const struct sgx_gprsgx *g)
{
	struct json *o = json_add_obj(frame, "registers");

#define GPR(r) json_add_hex(o, #r, g->r);
	GPR(rax) GPR(rcx) GPR(rdx) GPR(rbx) GPR(rsp) GPR(rbp) GPR(rsi) GPR(rdi)
	GPR(r8) GPR(r9) GPR(r10) GPR(r11) GPR(r12) GPR(r13) GPR(r14) GPR(r15)
	GPR(rflags) GPR(rip) GPR(ursp) GPR(urbp) GPR(fsbase) GPR(gsbase)
#undef GPR
}

static void add_exitinfo(struct json *frame, uint32_t exitinfo)
{
	struct json *o = json_add_obj(frame, "exitinfo");

	json_add_hex(o, "raw", exitinfo);
	json_add_bool(o, "valid", exitinfo & SGX_EXITINFO_VALID);
	json_add_size(o, "vector", exitinfo & 0xff);
	json_add_str(o, "exception", exitinfo & SGX_EXITINFO_VALID ? sgx_vector_name(exitinfo & 0xff) : NULL);
	json_add_str(o, "type", sgx_name_of(sgx_exit_type_names, exitinfo >> 8 & 7));
}

/* Frame `index` of the TCS: GPRSGX is its end, EXINFO right below when MISCSELECT has it. */
static int add_frame(struct out *out, uint64_t tcs, const struct sgx_arch_tcs *t, uint32_t index,
		     struct err *e)
{
	struct encl *en = out->k->encl;
	uint64_t frame_bytes = (uint64_t)en->secs.ssaframesize * SGX_PAGE_SIZE;
	uint64_t end = t->ossa + (index + 1) * frame_bytes;
	struct sgx_exinfo x = { 0 };
	struct sgx_gprsgx g;
	struct json *o;

	if (encl_peek(en, end - sizeof(g), &g, sizeof(g), e) != (ssize_t)sizeof(g))
		return -1;
	o = json_push_obj(out->frames);
	json_add_hex(o, "tcs", tcs);
	json_add_size(o, "frame", index);
	json_add_hex(o, "offset", t->ossa + index * frame_bytes);
	json_add_hex(o, "gprsgx_offset", end - sizeof(g));
	add_exitinfo(o, g.exitinfo);
	/* other exceptions leave in EXINFO what was there */
	if ((en->secs.miscselect & SGX_MISC_EXINFO) && (g.exitinfo & SGX_EXITINFO_VALID) &&
	    ((g.exitinfo & 0xff) == SGX_VEC_PF || (g.exitinfo & 0xff) == SGX_VEC_GP) &&
	    encl_peek(en, end - sizeof(g) - sizeof(x), &x, sizeof(x), NULL) == (ssize_t)sizeof(x)) {
		struct json *ex = json_add_obj(o, "exinfo");

		json_add_hex(ex, "maddr", x.maddr);
		json_add_hex(ex, "errcd", x.errcd);
	}
	if (g.rip - en->base < en->size)
		json_add_hex(o, "rip_offset", g.rip - en->base);
	add_gpr(o, &g);
	return 0;
}

static int add_thread(void *arg, uint64_t off, struct err *e)
{
	struct out *out = arg;
	struct sgx_arch_tcs t;

	if (view_tcs(out->k->encl, off, &t, e))
		return -1;
	for (uint32_t i = 0; i < t.cssa && i < MAX_FRAMES; i++)
		if (add_frame(out, off, &t, i, e))
			return -1;
	return 0;
}

struct json *req_dump_ssa(struct keeper *k, struct request *r, struct err *e)
{
	struct json *doc = doc_begin(k, "dump-ssa", true);
	struct out out = { k, json_add_arr(doc, "frames") };

	if (view_each_tcs(k, r, add_thread, &out, e)) {
		json_free(doc);
		return NULL;
	}
	return doc;
}
