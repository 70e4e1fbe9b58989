/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Codes that are made of bits: #PF error codes, EXITINFO, SECINFO flags, runs, and the numbers that stand
 * for an exception.
 *
 * Authority: Intel SDM Vol. 3D, "Asynchronous enclave exits" (EXITINFO), "Access control"; Linux 6.1
 *            arch/x86/kernel/cpu/sgx/encls.h (faults of ENCLS).
 */
#include "cli/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "arch/sgx_arch.h"
#include "arch/sgx_names.h"
#include "base/fmt.h"

#define ENCLS_FAULT 0x40000000u         /* + vector: how Linux notes that an ENCLS faulted */

static void push(struct json *arr, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void push(struct json *arr, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_push_str(arr, text);
}

static void decode_pf(struct json *reading, uint64_t v)
{
	struct json *d = json_add_arr(reading, "decoded");

	push(d, v & SGX_PFEC_P ? "P = 1: a page-table entry is present" : "P = 0: no page-table entry is present");
	if (v & SGX_PFEC_I)
		push(d, "I = 1: an instruction fetch");
	else
		push(d, v & SGX_PFEC_W ? "W = 1: a write" : "W = 0: a read");
	push(d, v & SGX_PFEC_U ? "U = 1: by enclave or program" : "U = 0: by the kernel");
	if (v & SGX_PFEC_RSVD)
		push(d, "RSVD = 1: reserved bits in a page-table entry");
	if (v & SGX_PFEC_PK)
		push(d, "PK = 1: refused by a protection key");
	if (v & SGX_PFEC_SS)
		push(d, "SS = 1: a shadow-stack access");
	push(d, v & SGX_PFEC_SGX ? "SGX = 1: the EPCM refused; the kernel never repairs this" :
	     "SGX = 0: refused by mapping or page table, not by the EPCM");
}

size_t explain_add_pf(struct json *readings, const char *code, uint64_t value, const char *context)
{
	const struct explain_pf *p = explain_pf_find(value);
	struct explain_reading r = { .code = code, .kind = "pf-error-code", .context = context };
	char name[24];

	if (!p)
		return 0;
	snprintf(name, sizeof(name), "0x%" PRIx64, value);
	r.name = name;
	r.meaning = p->meaning;
	r.cases = p->cases;
	decode_pf(explain_add(readings, &r), value);
	return 1;
}

size_t explain_add_vector(struct json *readings, const char *code, uint64_t number)
{
	const struct explain_vector *v = explain_vector_find(number);
	struct explain_reading r = { .code = code, .kind = "vector" };

	if (!v)
		return 0;
	r.name = sgx_vector_name(v->number);
	r.meaning = v->meaning;
	r.cases = v->cases;
	push(json_add_arr(explain_add(readings, &r), "decoded"), "vector %u", v->number);
	return 1;
}

size_t explain_add_exitinfo(struct json *readings, const char *code, uint64_t value)
{
	const struct explain_vector *v = explain_vector_find(value & 0xff);
	const char *type = sgx_name_of(sgx_exit_type_names, value >> 8 & 7);
	struct explain_reading r = { .code = code, .kind = "exitinfo", .context = "SSA.GPRSGX" };
	struct json *d;

	if (value >> 32 || value & 0x7ffff800)
		return 0;
	if (!(value & SGX_EXITINFO_VALID)) {
		r.name = "no exception";
		r.meaning = "the enclave was left by an interrupt, or by #PF or #GP without EXINFO in its MISCSELECT: "
			    "the CPU then records nothing";
		r.cases = "";
		explain_add(readings, &r);
		return 1;
	}
	if (!v || !type)
		return 0;
	r.name = sgx_vector_name(v->number);
	r.meaning = v->meaning;
	r.cases = v->cases;
	d = json_add_arr(explain_add(readings, &r), "decoded");
	push(d, "VALID = 1: an exception ended the run");
	push(d, "TYPE = %" PRIu64 ": %s exception", value >> 8 & 7, type);
	push(d, "VECTOR = %u: %s", v->number, r.name);
	return 1;
}

size_t explain_add_secinfo(struct json *readings, const char *code, uint64_t value)
{
	const char *pt = sgx_page_type_name((unsigned int)(value >> SGX_SECINFO_PT_SHIFT & 0xff));
	const char *names[SGX_MAX_BITS];
	struct explain_reading r = {
		.code = code, .kind = "secinfo", .name = "SECINFO.FLAGS", .cases = "",
		.meaning = "no step of adding, changing or removing pages uses these flags",
	};
	struct json *d;
	size_t n;

	if (!pt || value & ~(uint64_t)(SGX_SECINFO_PT_MASK | 0x3f))
		return 0;
	for (const struct explain_secinfo *s = explain_secinfos; s->meaning; s++) {
		if (s->flags == value)
			r.meaning = s->meaning;
	}
	d = json_add_arr(explain_add(readings, &r), "decoded");
	push(d, "page type %s", pt);
	n = sgx_bit_names(sgx_secinfo_bit_names, value & 0x3f, names);
	for (size_t i = 0; i < n; i++)
		json_push_str(d, names[i]);
	return 1;
}

size_t explain_add_encls(struct json *readings, const char *code, uint64_t value)
{
	const struct explain_vector *v = explain_vector_find(value & ~(uint64_t)ENCLS_FAULT);
	struct explain_reading r = {
		.code = code, .kind = "encls-fault", .context = "dmesg", .cases = "sgx2-leaf-fault epc-lost",
		.meaning = "the kernel's way to note that an ENCLS leaf faulted, instead of returning a code",
	};

	if (value < ENCLS_FAULT || !v)
		return 0;
	r.name = sgx_vector_name(v->number);
	push(json_add_arr(explain_add(readings, &r), "decoded"), "0x%x + vector %u", ENCLS_FAULT, v->number);
	return 1;
}

/* ---- a run: vVECTOR/ERRORCODE[/FUNCTION], as struct sgx_enclave_run holds them ----------------- */

struct run {
	uint64_t vector, errcd, function;
};

static bool parse_run(const char *code, struct run *x)
{
	char part[3][24] = { "", "0", "3" };
	uint64_t *const to[3] = { &x->vector, &x->errcd, &x->function };
	size_t n = 0;

	if (*code != 'v' && *code != 'V')
		return false;
	for (code++; n < 3; n++) {
		size_t bytes = strcspn(code, "/");

		if (!bytes || bytes >= sizeof(part[n]))
			return false;
		memcpy(part[n], code, bytes);
		part[n][bytes] = '\0';
		code += bytes;
		if (!*code)
			break;
		code++;
	}
	if (!n || *code)
		return false;
	for (n = 0; n < 3; n++) {
		if (parse_u64(part[n], UINT32_MAX, to[n]))
			return false;
	}
	return x->function >= 2 && x->function <= 4;
}

static const char *run_meaning(const struct run *x, const struct explain_pf *pf,
			       const struct explain_vector *v)
{
	if (x->function == SGX_EEXIT)
		return "a normal EEXIT: vector and error code are left from an earlier run and mean nothing";
	if (x->function == SGX_EENTER)
		return "EENTER itself faulted: no enclave code ran";
	return pf ? pf->meaning : v->meaning;
}

static const char *run_cases(const struct run *x, const struct explain_pf *pf, const struct explain_vector *v)
{
	if (x->function == SGX_EEXIT)
		return "vdso-zero";
	if (x->function == SGX_EENTER && x->vector == SGX_VEC_PF)
		return "entry-tcs-missing epc-lost";
	if (x->function == SGX_EENTER && x->vector == SGX_VEC_GP)
		return "entry-tcs-busy entry-unaligned";
	if (x->vector == SGX_VEC_GP)
		return "gp-inside resume-cssa-zero entry-tcs-busy secinfo-operand";
	return pf ? pf->cases : v->cases;
}

size_t explain_add_run(struct json *readings, const char *code)
{
	const struct explain_pf *pf = NULL;
	const struct explain_vector *v;
	struct explain_reading r = { .code = code, .kind = "run", .context = "enter" };
	struct json *j;
	struct run x;
	char name[64];

	if (!parse_run(code, &x))
		return 0;
	v = explain_vector_find(x.vector);
	if (x.vector == SGX_VEC_PF)
		pf = explain_pf_find(x.errcd);
	if (!v || (x.vector == SGX_VEC_PF && !pf))
		return 0;

	snprintf(name, sizeof(name), "%s, error code 0x%" PRIx64 ", function %s", sgx_vector_name(v->number),
		 x.errcd, sgx_enclu_name((unsigned int)x.function));
	r.name = name;
	r.meaning = run_meaning(&x, pf, v);
	r.cases = run_cases(&x, pf, v);
	j = explain_add(readings, &r);
	if (pf && x.function != SGX_EEXIT)
		decode_pf(j, x.errcd);
	return 1;
}
