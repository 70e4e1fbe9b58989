/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tables of names, and the two constants of SIGSTRUCT.
 *
 * Authority: Intel SDM Vol. 3D, "Enclave access control and data structures", "SGX instruction references"
 *            (error codes); Vol. 1, "Managing state using the XSAVE feature set"; <asm/sgx.h>.
 * Context:   freestanding: no libc is called, so that the processor model can link it.
 */
#include "arch/sgx_names.h"

#include <stdbool.h>

#include "arch/sgx_arch.h"
#include "arch/sgx_uapi.h"

const uint8_t sgx_sigstruct_header[16] = {
	0x06, 0x00, 0x00, 0x00, 0xe1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00,
};
const uint8_t sgx_sigstruct_header2[16] = {
	0x01, 0x01, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00, 0x60, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,
};

#define END { 0, NULL }

const struct sgx_name sgx_code_names[] = {
	{ SGXC_SUCCESS, "SUCCESS" }, { SGXC_INVALID_SIG_STRUCT, "INVALID_SIG_STRUCT" },
	{ SGXC_INVALID_ATTRIBUTE, "INVALID_ATTRIBUTE" }, { SGXC_BLKSTATE, "BLKSTATE" },
	{ SGXC_INVALID_MEASUREMENT, "INVALID_MEASUREMENT" }, { SGXC_NOTBLOCKABLE, "NOTBLOCKABLE" },
	{ SGXC_PG_INVLD, "PG_INVLD" }, { SGXC_EPC_PAGE_CONFLICT, "EPC_PAGE_CONFLICT" },
	{ SGXC_INVALID_SIGNATURE, "INVALID_SIGNATURE" }, { SGXC_MAC_COMPARE_FAIL, "MAC_COMPARE_FAIL" },
	{ SGXC_PAGE_NOT_BLOCKED, "PAGE_NOT_BLOCKED" }, { SGXC_NOT_TRACKED, "NOT_TRACKED" },
	{ SGXC_VA_SLOT_OCCUPIED, "VA_SLOT_OCCUPIED" }, { SGXC_CHILD_PRESENT, "CHILD_PRESENT" },
	{ SGXC_ENCLAVE_ACT, "ENCLAVE_ACT" }, { SGXC_ENTRYEPOCH_LOCKED, "ENTRYEPOCH_LOCKED" },
	{ SGXC_INVALID_EINITTOKEN, "INVALID_EINITTOKEN" }, { SGXC_PREV_TRK_INCMPL, "PREV_TRK_INCMPL" },
	{ SGXC_PG_IS_SECS, "PG_IS_SECS" },
	{ SGXC_PAGE_ATTRIBUTES_MISMATCH, "PAGE_ATTRIBUTES_MISMATCH" },
	{ SGXC_PAGE_NOT_MODIFIABLE, "PAGE_NOT_MODIFIABLE" },
	{ SGXC_PAGE_NOT_DEBUGGABLE, "PAGE_NOT_DEBUGGABLE" }, { 25, "INVALID_COUNTER" },
	{ 26, "PG_NONEPC" }, { 27, "TRACK_NOT_REQUIRED" }, { 28, "INVALID_REPORTMACSTRUCT" },
	{ 29, "INSUFFICIENT_ENTROPY" }, { 30, "EPC_NOT_READY" }, { 31, "NO_UPDATE" },
	{ SGXC_INVALID_CPUSVN, "INVALID_CPUSVN" }, { SGXC_INVALID_ISVSVN, "INVALID_ISVSVN" },
	{ SGXC_UNMASKED_EVENT, "UNMASKED_EVENT" }, { SGXC_INVALID_KEYNAME, "INVALID_KEYNAME" },
	END,
};

const struct sgx_name sgx_page_type_names[] = {
	{ SGX_PT_SECS, "secs" }, { SGX_PT_TCS, "tcs" }, { SGX_PT_REG, "reg" }, { SGX_PT_VA, "va" },
	{ SGX_PT_TRIM, "trim" }, { SGX_PT_SS_FIRST, "ss-first" }, { SGX_PT_SS_REST, "ss-rest" },
	END,
};

const struct sgx_name sgx_secinfo_bit_names[] = {
	{ SGX_SECINFO_R, "r" }, { SGX_SECINFO_W, "w" }, { SGX_SECINFO_X, "x" },
	{ SGX_SECINFO_PENDING, "pending" }, { SGX_SECINFO_MODIFIED, "modified" },
	{ SGX_SECINFO_PR, "pr" },
	END,
};

const struct sgx_name sgx_attr_bit_names[] = {
	{ SGX_ATTR_INIT, "INIT" }, { SGX_ATTR_DEBUG, "DEBUG" }, { SGX_ATTR_MODE64BIT, "MODE64BIT" },
	{ SGX_ATTR_PROVISIONKEY, "PROVISIONKEY" }, { SGX_ATTR_EINITTOKENKEY, "EINITTOKENKEY" },
	{ SGX_ATTR_CET, "CET" }, { SGX_ATTR_KSS, "KSS" }, { SGX_ATTR_AEXNOTIFY, "AEXNOTIFY" },
	END,
};

const struct sgx_name sgx_xfrm_bit_names[] = {
	{ (uint64_t)1 << 0, "X87" }, { (uint64_t)1 << 1, "SSE" }, { (uint64_t)1 << 2, "AVX" },
	{ (uint64_t)1 << 3, "BNDREGS" }, { (uint64_t)1 << 4, "BNDCSR" },
	{ (uint64_t)1 << 5, "OPMASK" }, { (uint64_t)1 << 6, "ZMM_HI256" },
	{ (uint64_t)1 << 7, "HI16_ZMM" }, { (uint64_t)1 << 8, "PT" }, { (uint64_t)1 << 9, "PKRU" },
	{ (uint64_t)1 << 10, "PASID" }, { (uint64_t)1 << 11, "CET_U" }, { (uint64_t)1 << 12, "CET_S" },
	{ (uint64_t)1 << 13, "HDC" }, { (uint64_t)1 << 14, "UINTR" }, { (uint64_t)1 << 15, "LBR" },
	{ (uint64_t)1 << 16, "HWP" }, { (uint64_t)1 << 17, "TILECFG" },
	{ (uint64_t)1 << 18, "TILEDATA" }, { (uint64_t)1 << 19, "APX" },
	END,
};

const struct sgx_name sgx_misc_bit_names[] = {
	{ SGX_MISC_EXINFO, "EXINFO" }, { SGX_MISC_CPINFO, "CPINFO" },
	END,
};

const struct sgx_name sgx_vector_names[] = {
	{ SGX_VEC_DE, "#DE" }, { SGX_VEC_DB, "#DB" }, { 2, "NMI" }, { SGX_VEC_BP, "#BP" },
	{ 4, "#OF" }, { SGX_VEC_BR, "#BR" }, { SGX_VEC_UD, "#UD" }, { SGX_VEC_NM, "#NM" },
	{ 8, "#DF" }, { 10, "#TS" }, { 11, "#NP" }, { 12, "#SS" }, { SGX_VEC_GP, "#GP" },
	{ SGX_VEC_PF, "#PF" }, { SGX_VEC_MF, "#MF" }, { SGX_VEC_AC, "#AC" }, { 18, "#MC" },
	{ SGX_VEC_XM, "#XM" }, { 20, "#VE" }, { SGX_VEC_CP, "#CP" },
	END,
};

const struct sgx_name sgx_pfec_bit_names[] = {
	{ SGX_PFEC_P, "P" }, { SGX_PFEC_W, "W" }, { SGX_PFEC_U, "U" }, { SGX_PFEC_RSVD, "RSVD" },
	{ SGX_PFEC_I, "I" }, { SGX_PFEC_PK, "PK" }, { SGX_PFEC_SS, "SS" }, { SGX_PFEC_SGX, "SGX" },
	END,
};

const struct sgx_name sgx_exit_type_names[] = {
	{ 3, "hardware" }, { 6, "software" },
	END,
};

const struct sgx_name sgx_encls_names[] = {
	{ SGX_ECREATE, "ECREATE" }, { SGX_EADD, "EADD" }, { SGX_EINIT, "EINIT" },
	{ SGX_EREMOVE, "EREMOVE" }, { SGX_EDBGRD, "EDBGRD" }, { SGX_EDBGWR, "EDBGWR" },
	{ SGX_EEXTEND, "EEXTEND" }, { SGX_ELDB, "ELDB" }, { SGX_ELDU, "ELDU" },
	{ SGX_EBLOCK, "EBLOCK" }, { SGX_EPA, "EPA" }, { SGX_EWB, "EWB" }, { SGX_ETRACK, "ETRACK" },
	{ SGX_EAUG, "EAUG" }, { SGX_EMODPR, "EMODPR" }, { SGX_EMODT, "EMODT" }, { 0x10, "ERDINFO" },
	{ 0x11, "ETRACKC" }, { 0x12, "ELDBC" }, { 0x13, "ELDUC" }, { 0x18, "EUPDATESVN" },
	END,
};

const struct sgx_name sgx_enclu_names[] = {
	{ SGX_EREPORT, "EREPORT" }, { SGX_EGETKEY, "EGETKEY" }, { SGX_EENTER, "EENTER" },
	{ SGX_ERESUME, "ERESUME" }, { SGX_EEXIT, "EEXIT" }, { SGX_EACCEPT, "EACCEPT" },
	{ SGX_EMODPE, "EMODPE" }, { SGX_EACCEPTCOPY, "EACCEPTCOPY" }, { 8, "EVERIFYREPORT2" },
	{ SGX_EDECCSSA, "EDECCSSA" },
	END,
};

#define IOC(name) { name, #name }
const struct sgx_name sgx_ioctl_names[] = {
	IOC(SGX_IOC_ENCLAVE_CREATE),
	IOC(SGX_IOC_ENCLAVE_ADD_PAGES),
	IOC(SGX_IOC_ENCLAVE_INIT),
	IOC(SGX_IOC_ENCLAVE_PROVISION),
	IOC(SGX_IOC_VEPC_REMOVE_ALL),
	IOC(SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS),
	IOC(SGX_IOC_ENCLAVE_MODIFY_TYPES),
	IOC(SGX_IOC_ENCLAVE_REMOVE_PAGES),
	IOC(SGX_IOC_ENCLAVE_AUGMENT_PAGES),
	END,
};
#undef IOC

/* What a bit is called when its table does not know it. */
static const char *const plain_bit_names[SGX_MAX_BITS] = {
	"bit0", "bit1", "bit2", "bit3", "bit4", "bit5", "bit6", "bit7", "bit8", "bit9", "bit10",
	"bit11", "bit12", "bit13", "bit14", "bit15", "bit16", "bit17", "bit18", "bit19", "bit20",
	"bit21", "bit22", "bit23", "bit24", "bit25", "bit26", "bit27", "bit28", "bit29", "bit30",
	"bit31", "bit32", "bit33", "bit34", "bit35", "bit36", "bit37", "bit38", "bit39", "bit40",
	"bit41", "bit42", "bit43", "bit44", "bit45", "bit46", "bit47", "bit48", "bit49", "bit50",
	"bit51", "bit52", "bit53", "bit54", "bit55", "bit56", "bit57", "bit58", "bit59", "bit60",
	"bit61", "bit62", "bit63",
};

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

const char *sgx_name_of(const struct sgx_name *table, uint64_t value)
{
	for (; table->name; table++) {
		if (table->value == value)
			return table->name;
	}
	return NULL;
}

int sgx_name_value(const struct sgx_name *table, const char *name, uint64_t *ret_value)
{
	for (; table->name; table++) {
		if (same(table->name, name)) {
			*ret_value = table->value;
			return 0;
		}
	}
	return -1;
}

const char *sgx_code_name(uint64_t code)
{
	return sgx_name_of(sgx_code_names, code);
}

const char *sgx_page_type_name(unsigned int pt)
{
	return sgx_name_of(sgx_page_type_names, pt);
}

const char *sgx_vector_name(unsigned int vector)
{
	return sgx_name_of(sgx_vector_names, vector);
}

const char *sgx_encls_name(unsigned int leaf)
{
	return sgx_name_of(sgx_encls_names, leaf);
}

const char *sgx_enclu_name(unsigned int leaf)
{
	return sgx_name_of(sgx_enclu_names, leaf);
}

const char *sgx_ioctl_name(unsigned long cmd)
{
	return sgx_name_of(sgx_ioctl_names, cmd);
}

size_t sgx_bit_names(const struct sgx_name *table, uint64_t bits, const char *names[SGX_MAX_BITS])
{
	size_t n = 0;

	for (unsigned int i = 0; i < SGX_MAX_BITS; i++) {
		uint64_t bit = (uint64_t)1 << i;
		const char *name;

		if (!(bits & bit))
			continue;
		name = sgx_name_of(table, bit);
		names[n++] = name ? name : plain_bit_names[i];
	}
	return n;
}

void sgx_bits_text(const struct sgx_name *table, uint64_t bits, char *buf, size_t bytes)
{
	const char *names[SGX_MAX_BITS];
	size_t n = sgx_bit_names(table, bits, names), at = 0;

	if (!n)
		names[n++] = "none";
	for (size_t i = 0; i < n; i++) {
		if (i && at + 1 < bytes)
			buf[at++] = ' ';
		for (const char *c = names[i]; *c && at + 1 < bytes; c++)
			buf[at++] = *c;
	}
	buf[at] = '\0';
}
