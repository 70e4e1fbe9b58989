/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Names of numbers: what scripts and people read must not drift from the manual's spelling. */
#include "arch/sgx_names.h"

#include <string.h>

#include "arch/sgx_arch.h"
#include "arch/sgx_uapi.h"
#include "tap.h"

static bool named(const char *got, const char *want)
{
	return got && !strcmp(got, want);
}

static void test_table_is_a_bijection(const char *what, const struct sgx_name *table)
{
	size_t n = 0, clashes = 0, lost = 0;

	for (const struct sgx_name *a = table; a->name; a++, n++) {
		uint64_t value;

		for (const struct sgx_name *b = table; b != a; b++)
			clashes += b->value == a->value || !strcmp(a->name, b->name);
		if (!named(sgx_name_of(table, a->value), a->name) ||
		    sgx_name_value(table, a->name, &value) < 0 || value != a->value)
			lost++;
	}
	ok(n && !clashes && !lost, "%s: %zu names, each found both ways, none twice", what, n);
}

static void test_bits(void)
{
	const char *names[SGX_MAX_BITS];
	char text[SGX_BITS_TEXT];

	is_u64(sgx_bit_names(sgx_attr_bit_names, SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT, names), 2,
	       "two attribute bits give two names");
	ok(named(names[0], "DEBUG") && named(names[1], "MODE64BIT"), "lowest bit first");
	is_u64(sgx_bit_names(sgx_attr_bit_names, (uint64_t)1 << 63 | 8, names), 2,
	       "bits without a name are not left out");
	ok(named(names[0], "bit3") && named(names[1], "bit63"), "they are called by their number");
	is_u64(sgx_bit_names(sgx_xfrm_bit_names, UINT64_MAX, names), 64, "all 64 bits fit the array");
	is_u64(sgx_bit_names(sgx_xfrm_bit_names, 0, names), 0, "no bits, no names");
	sgx_bits_text(sgx_xfrm_bit_names, 7, text, sizeof(text));
	ok(!strcmp(text, "X87 SSE AVX"), "bits as words");
	sgx_bits_text(sgx_xfrm_bit_names, 0, text, sizeof(text));
	ok(!strcmp(text, "none"), "no bits have a word too");
	memset(text, 'x', sizeof(text));
	sgx_bits_text(sgx_xfrm_bit_names, UINT64_MAX, text, 8);
	ok(!strcmp(text, "X87 SSE") && text[8] == 'x', "what does not fit is cut, and nothing is written behind it");
}

int main(void)
{
	uint64_t value = 7;

	test_table_is_a_bijection("codes", sgx_code_names);
	test_table_is_a_bijection("page types", sgx_page_type_names);
	test_table_is_a_bijection("SECINFO bits", sgx_secinfo_bit_names);
	test_table_is_a_bijection("attributes", sgx_attr_bit_names);
	test_table_is_a_bijection("XFRM", sgx_xfrm_bit_names);
	test_table_is_a_bijection("MISCSELECT", sgx_misc_bit_names);
	test_table_is_a_bijection("vectors", sgx_vector_names);
	test_table_is_a_bijection("#PF error code", sgx_pfec_bit_names);
	test_table_is_a_bijection("exit types", sgx_exit_type_names);
	test_table_is_a_bijection("ENCLS", sgx_encls_names);
	test_table_is_a_bijection("ENCLU", sgx_enclu_names);
	test_table_is_a_bijection("ioctls", sgx_ioctl_names);
	test_bits();

	ok(named(sgx_code_name(19), "PAGE_ATTRIBUTES_MISMATCH"), "code 19");
	ok(named(sgx_code_name(128), "UNMASKED_EVENT"), "code 128");
	ok(!sgx_code_name(22) && !sgx_code_name(0x40000013), "unassigned codes have no name");
	ok(named(sgx_page_type_name(SGX_PT_TRIM), "trim"), "page types are lower case");
	ok(named(sgx_vector_name(14), "#PF"), "vector 14");
	ok(named(sgx_encls_name(0x0d), "EAUG") && named(sgx_enclu_name(7), "EACCEPTCOPY"), "leafs");
	ok(!sgx_enclu_name(10), "leaf 10 of ENCLU does not exist");
	ok(named(sgx_ioctl_name(0xc018a409), "SGX_IOC_ENCLAVE_AUGMENT_PAGES"), "ioctl of the RFC");
	ok(named(sgx_ioctl_name(0xc030a401), "SGX_IOC_ENCLAVE_ADD_PAGES"), "ioctl of the kernel");
	ok(sgx_name_value(sgx_code_names, "PAGE_ATTRIBUTES", &value) < 0 && value == 7,
	   "the beginning of a name is not the name, and nothing is written");
	is_u64(sgx_sigstruct_header[4], 0xe1, "SIGSTRUCT.HEADER as bytes in memory order");
	is_u64(sgx_sigstruct_header2[12], 1, "SIGSTRUCT.HEADER2 as bytes in memory order");
	return tap_done();
}
