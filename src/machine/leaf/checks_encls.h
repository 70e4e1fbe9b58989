/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The check tables of the ENCLS leafs, as leaf_table.c lists them.  The numbers are the rows:
 * a gap is a check that this CPU (64-bit mode, no CET) cannot meet.
 *
 * Authority: Intel SDM Vol. 3D, the operation section of each leaf.
 */
#ifndef MACHINE_LEAF_CHECKS_ENCLS_H
#define MACHINE_LEAF_CHECKS_ENCLS_H

#include "machine/machine.h"

static const struct sgxm_check encls_checks[] = {
	{ "ENCLS.6", "the CPU lacks the leaf (SGX2 leafs: CPUID.12H.0:EAX[1] = 0)", "#GP(0)" },
	{ "ENCLS.9", "the page walk of an operand in ordinary memory refuses", "#PF(operand)" },
};

static const struct sgxm_check ecreate_checks[] = {
	{ "ECREATE.1", "RBX is not 32-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "ECREATE.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "ECREATE.3", "PAGEINFO.SRCPGE is not 4096-aligned, or SECINFO not 64-aligned", "#GP(0)" },
	{ "ECREATE.4", "PAGEINFO.LINADDR or SECS is not 0", "#GP(0)" },
	{ "ECREATE.5", "a reserved part of SECINFO is not 0, or its type is not SECS", "#GP(0)" },
	{ "ECREATE.6", "another leaf uses the page", "#GP(0)" },
	{ "ECREATE.7", "EPCM[RCX].VALID = 1", "#PF(RCX)" },
	{ "ECREATE.8", "XFRM[1:0] is not 3", "#GP(0)" },
	{ "ECREATE.9", "XFRM is no value that XCR0 can hold on this CPU", "#GP(0)" },
	{ "ECREATE.10", "CET_ATTRIBUTES or CET_LEG_BITMAP_OFFSET is not 0", "#GP(0)" },
	{ "ECREATE.11", "MISCSELECT has a bit that the CPU lacks", "#GP(0)" },
	{ "ECREATE.12", "SSAFRAMESIZE pages cannot hold XSAVE area, misc area and GPRSGX", "#GP(0)" },
	{ "ECREATE.13", "BASEADDR is not canonical (32-bit enclave: above 4 GiB)", "#GP(0)" },
	{ "ECREATE.14", "SIZE is not below the limit of CPUID.12H.0:EDX", "#GP(0)" },
	{ "ECREATE.15", "SIZE is below 8192, or no power of two", "#GP(0)" },
	{ "ECREATE.16", "BASEADDR is no multiple of SIZE", "#GP(0)" },
	{ "ECREATE.17", "ATTRIBUTES has INIT, or a bit that the CPU lacks", "#GP(0)" },
	{ "ECREATE.18", "a reserved byte of the SECS is not 0", "#GP(0)" },
	{ "ECREATE.19", "CONFIGID or CONFIGSVN is not 0 without KSS", "#GP(0)" },
};

static const struct sgxm_check eadd_checks[] = {
	{ "EADD.1", "RBX is not 32-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "EADD.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EADD.3", "PAGEINFO.SRCPGE, SECS or LINADDR is not 4096-aligned, or SECINFO not 64-aligned",
	  "#GP(0)" },
	{ "EADD.4", "PAGEINFO.SECS is not in the EPC", "#PF(SECS)" },
	{ "EADD.5", "a reserved part of SECINFO is not 0, or its type is neither REG nor TCS", "#GP(0)" },
	{ "EADD.6", "another leaf uses the page", "#GP(0)" },
	{ "EADD.7", "EPCM[RCX].VALID = 1", "#PF(RCX)" },
	{ "EADD.8", "another leaf uses the SECS", "#GP(0)" },
	{ "EADD.9", "PAGEINFO.SECS is no valid SECS", "#PF(SECS)" },
	{ "EADD.10", "TCS: the reserved area is not 0, or (32-bit) a limit does not end in FFF", "#GP(0)" },
	{ "EADD.11", "REG: W without R", "#GP(0)" },
	{ "EADD.13", "LINADDR is outside ELRANGE", "#GP(0)" },
	{ "EADD.14", "another leaf measures or initialises the enclave", "#GP(0)" },
	{ "EADD.15", "the enclave is initialised", "#GP(0)" },
};

static const struct sgxm_check eextend_checks[] = {
	{ "EEXTEND.1", "RBX is not 4096-aligned", "#GP(0)" },
	{ "EEXTEND.2", "RBX is not in the EPC", "#PF(RBX)" },
	{ "EEXTEND.3", "RCX is not 256-aligned", "#GP(0)" },
	{ "EEXTEND.4", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EEXTEND.5", "another leaf uses the page", "#GP(0)" },
	{ "EEXTEND.6", "EPCM[RCX].VALID = 0", "#PF(RCX)" },
	{ "EEXTEND.7", "EPCM[RCX].PT is neither REG nor TCS", "#PF(RCX)" },
	{ "EEXTEND.8", "RBX is not the SECS that owns the page", "#GP(0)" },
	{ "EEXTEND.9", "another leaf measures or initialises the enclave, or it is initialised", "#GP(0)" },
};

static const struct sgxm_check einit_checks[] = {
	{ "EINIT.1", "RBX or RCX is not 4096-aligned, or RDX not 512-aligned", "#GP(0)" },
	{ "EINIT.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EINIT.3", "SIGSTRUCT: header, vendor, exponent or a reserved part is wrong",
	  "1 INVALID_SIG_STRUCT" },
	{ "EINIT.5", "SIGSTRUCT: the signature does not verify (MODULUS, SIGNATURE, Q1, Q2)",
	  "8 INVALID_SIGNATURE" },
	{ "EINIT.6", "another leaf uses the SECS", "#GP(0)" },
	{ "EINIT.7", "RCX is no valid SECS", "#PF(RCX)" },
	{ "EINIT.8", "ISVFAMILYID or ISVEXTPRODID is not 0 without KSS", "1 INVALID_SIG_STRUCT" },
	{ "EINIT.9", "another leaf measures the enclave, or it is initialised already", "#GP(0)" },
	{ "EINIT.10", "the measurement is not SIGSTRUCT.ENCLAVEHASH", "4 INVALID_MEASUREMENT" },
	{ "EINIT.11", "EINITTOKENKEY, and MRSIGNER is not IA32_SGXLEPUBKEYHASH", "2 INVALID_ATTRIBUTE" },
	{ "EINIT.12", "ATTRIBUTES differ from SIGSTRUCT.ATTRIBUTES under ATTRIBUTEMASK",
	  "2 INVALID_ATTRIBUTE" },
	{ "EINIT.13", "MISCSELECT differs from SIGSTRUCT.MISCSELECT under MISCMASK", "2 INVALID_ATTRIBUTE" },
	{ "EINIT.14", "CET_ATTRIBUTES differ from those of SIGSTRUCT under the mask",
	  "2 INVALID_ATTRIBUTE" },
	{ "EINIT.15", "no token, and MRSIGNER is not IA32_SGXLEPUBKEYHASH", "16 INVALID_EINITTOKEN" },
	{ "EINIT.16", "a debug launch enclave's token for an enclave without DEBUG",
	  "16 INVALID_EINITTOKEN" },
	{ "EINIT.17", "a reserved part of the token is not 0", "16 INVALID_EINITTOKEN" },
	{ "EINIT.18", "the token's CPUSVN is beyond the CPU's", "32 INVALID_CPUSVN" },
	{ "EINIT.19", "the token's MAC is wrong", "16 INVALID_EINITTOKEN" },
	{ "EINIT.20", "the token is for another MRENCLAVE or MRSIGNER", "4 INVALID_MEASUREMENT" },
	{ "EINIT.21", "the token is for other ATTRIBUTES", "2 INVALID_ATTRIBUTE" },
};

static const struct sgxm_check eremove_checks[] = {
	{ "EREMOVE.1", "RCX is not 4096-aligned", "#GP(0)" },
	{ "EREMOVE.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EREMOVE.3", "another leaf uses the page", "#GP(0)" },
	{ "EREMOVE.4", "EPCM[RCX].VALID = 0", "success, nothing to do" },
	{ "EREMOVE.5", "a VA page, or a TRIM page that was accepted", "success" },
	{ "EREMOVE.6", "a SECS whose enclave has pages", "13 CHILD_PRESENT" },
	{ "EREMOVE.7", "a SECS whose enclave has none", "success" },
	{ "EREMOVE.8", "a logical processor executes in the enclave", "14 ENCLAVE_ACT" },
	{ "EREMOVE.9", "any other page", "success" },
};

static const struct sgxm_check edbgrd_checks[] = {
	{ "EDBGRD.1", "RCX is not 8-aligned", "#GP(0)" },
	{ "EDBGRD.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EDBGRD.3", "another leaf uses the page", "#GP(0)" },
	{ "EDBGRD.4", "EPCM[RCX].VALID = 0", "#PF(RCX)" },
	{ "EDBGRD.5", "EPCM[RCX].PT is none of REG, TCS, VA", "#PF(RCX)" },
	{ "EDBGRD.6", "PENDING or MODIFIED", "21 PAGE_NOT_DEBUGGABLE" },
	{ "EDBGRD.7", "TCS: beyond the defined fields", "#GP(0)" },
	{ "EDBGRD.8", "the enclave lacks DEBUG", "#GP(0)" },
};

static const struct sgxm_check edbgwr_checks[] = {
	{ "EDBGWR.1", "RCX is not 8-aligned", "#GP(0)" },
	{ "EDBGWR.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EDBGWR.3", "another leaf uses the page", "#GP(0)" },
	{ "EDBGWR.4", "EPCM[RCX].VALID = 0", "#PF(RCX)" },
	{ "EDBGWR.5", "EPCM[RCX].PT is neither REG nor TCS", "#PF(RCX)" },
	{ "EDBGWR.6", "PENDING or MODIFIED", "21 PAGE_NOT_DEBUGGABLE" },
	{ "EDBGWR.7", "TCS: any word but FLAGS", "#GP(0)" },
	{ "EDBGWR.8", "the enclave lacks DEBUG", "#GP(0)" },
};

static const struct sgxm_check eblock_checks[] = {
	{ "EBLOCK.1", "RCX is not 4096-aligned", "#GP(0)" },
	{ "EBLOCK.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EBLOCK.3", "another leaf uses the page", "7 EPC_PAGE_CONFLICT" },
	{ "EBLOCK.4", "EPCM[RCX].VALID = 0", "6 PG_INVLD" },
	{ "EBLOCK.5", "a SECS", "18 PG_IS_SECS (CF)" },
	{ "EBLOCK.6", "none of REG, TCS, TRIM", "5 NOTBLOCKABLE (CF)" },
	{ "EBLOCK.7", "BLOCKED already", "3 BLKSTATE (CF)" },
};

static const struct sgxm_check etrack_checks[] = {
	{ "ETRACK.1", "RCX is not 4096-aligned", "#GP(0)" },
	{ "ETRACK.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "ETRACK.3", "another leaf uses the SECS or its tracking resource", "#GP(0)" },
	{ "ETRACK.4", "RCX is no valid SECS", "#PF(RCX)" },
	{ "ETRACK.5", "threads of the previous cycle are still inside", "17 PREV_TRK_INCMPL" },
};

static const struct sgxm_check epa_checks[] = {
	{ "EPA.1", "RBX is not PT_VA, or RCX not 4096-aligned", "#GP(0)" },
	{ "EPA.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EPA.3", "another leaf uses the page", "#GP(0)" },
	{ "EPA.4", "EPCM[RCX].VALID = 1", "#PF(RCX)" },
};

static const struct sgxm_check ewb_checks[] = {
	{ "EWB.1", "RBX is not 32-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "EWB.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EWB.3", "RDX is not 8-aligned", "#GP(0)" },
	{ "EWB.4", "RDX is not in the EPC", "#PF(RDX)" },
	{ "EWB.5", "RCX and RDX are in one page", "#GP(0)" },
	{ "EWB.6", "PAGEINFO.LINADDR or SECS is not 0", "#GP(0)" },
	{ "EWB.7", "PAGEINFO.PCMD is not 128-aligned, or SRCPGE not 4096-aligned", "#GP(0)" },
	{ "EWB.8", "another leaf uses the page or the VA page", "#GP(0)" },
	{ "EWB.9", "EPCM[RCX].VALID = 0", "#PF(RCX)" },
	{ "EWB.10", "RDX is in no valid VA page", "#PF(RDX)" },
	{ "EWB.11", "a page of an enclave that is not BLOCKED", "10 PAGE_NOT_BLOCKED" },
	{ "EWB.12", "... whose tracking is not complete", "11 NOT_TRACKED" },
	{ "EWB.13", "a SECS whose enclave has pages", "13 CHILD_PRESENT" },
	{ "EWB.14", "the VA slot was not empty; the page is evicted all the same",
	  "12 VA_SLOT_OCCUPIED (CF)" },
};

static const struct sgxm_check eldu_checks[] = {
	{ "ELDU.1", "RBX is not 32-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "ELDU.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "ELDU.3", "RDX is not 8-aligned, or not in the EPC", "#GP(0), #PF(RDX)" },
	{ "ELDU.4", "PAGEINFO.PCMD is not 128-aligned, or SRCPGE not 4096-aligned", "#GP(0)" },
	{ "ELDU.5", "another leaf uses the page, the VA page or its slot", "#GP(0)" },
	{ "ELDU.6", "EPCM[RCX].VALID = 1", "#PF(RCX)" },
	{ "ELDU.7", "RDX is in no valid VA page", "#PF(RDX)" },
	{ "ELDU.8", "a page of an enclave: SECS is not 4096-aligned, in use, or no valid SECS",
	  "#GP(0), #PF(SECS)" },
	{ "ELDU.9", "any other page: SECS is not 0", "#GP(0)" },
	{ "ELDU.10", "page, PCMD, SECS and version do not belong together", "9 MAC_COMPARE_FAIL" },
};

static const struct sgxm_check eldb_checks[] = {
	{ "ELDB.1", "RBX is not 32-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "ELDB.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "ELDB.3", "RDX is not 8-aligned, or not in the EPC", "#GP(0), #PF(RDX)" },
	{ "ELDB.4", "PAGEINFO.PCMD is not 128-aligned, or SRCPGE not 4096-aligned", "#GP(0)" },
	{ "ELDB.5", "another leaf uses the page, the VA page or its slot", "#GP(0)" },
	{ "ELDB.6", "EPCM[RCX].VALID = 1", "#PF(RCX)" },
	{ "ELDB.7", "RDX is in no valid VA page", "#PF(RDX)" },
	{ "ELDB.8", "a page of an enclave: SECS is not 4096-aligned, in use, or no valid SECS",
	  "#GP(0), #PF(SECS)" },
	{ "ELDB.9", "any other page: SECS is not 0", "#GP(0)" },
	{ "ELDB.10", "page, PCMD, SECS and version do not belong together", "9 MAC_COMPARE_FAIL" },
};

static const struct sgxm_check eaug_checks[] = {
	{ "EAUG.1", "RBX is not 32-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "EAUG.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EAUG.3", "PAGEINFO.SECINFO is not 0", "#GP(0)" },
	{ "EAUG.4", "PAGEINFO.SECS or LINADDR is not 4096-aligned", "#GP(0)" },
	{ "EAUG.5", "PAGEINFO.SRCPGE is not 0", "#GP(0)" },
	{ "EAUG.6", "PAGEINFO.SECS is not in the EPC", "#PF(SECS)" },
	{ "EAUG.7", "another leaf uses the page", "#GP(0)" },
	{ "EAUG.8", "EPCM[RCX].VALID = 1", "#PF(RCX)" },
	{ "EAUG.10", "another leaf uses the SECS", "#GP(0)" },
	{ "EAUG.11", "PAGEINFO.SECS is no valid SECS", "#PF(SECS)" },
	{ "EAUG.12", "the enclave is not initialised", "#GP(0)" },
	{ "EAUG.13", "LINADDR is outside ELRANGE", "#GP(0)" },
};

static const struct sgxm_check emodpr_checks[] = {
	{ "EMODPR.1", "RBX is not 64-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "EMODPR.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EMODPR.3", "a reserved part of SECINFO is not 0, or W without R", "#GP(0)" },
	{ "EMODPR.4", "another leaf has the page for itself", "#GP(0)" },
	{ "EMODPR.5", "EPCM[RCX].VALID = 0", "#PF(RCX)" },
	{ "EMODPR.6", "another SGX2 leaf uses the page", "7 EPC_PAGE_CONFLICT" },
	{ "EMODPR.7", "PENDING or MODIFIED", "20 PAGE_NOT_MODIFIABLE" },
	{ "EMODPR.8", "EPCM[RCX].PT is not REG", "#PF(RCX)" },
	{ "EMODPR.9", "the enclave is not initialised", "#GP(0)" },
};

static const struct sgxm_check emodt_checks[] = {
	{ "EMODT.1", "RBX is not 64-aligned, or RCX not 4096-aligned", "#GP(0)" },
	{ "EMODT.2", "RCX is not in the EPC", "#PF(RCX)" },
	{ "EMODT.3", "a reserved part of SECINFO is not 0, or its type is neither TCS nor TRIM", "#GP(0)" },
	{ "EMODT.4", "another leaf uses the page", "7 EPC_PAGE_CONFLICT" },
	{ "EMODT.5", "EPCM[RCX].VALID = 0", "#PF(RCX)" },
	{ "EMODT.6", "another SGX2 leaf uses the page", "7 EPC_PAGE_CONFLICT" },
	{ "EMODT.7", "neither REG to TCS or TRIM, nor TCS to TRIM", "#PF(RCX)" },
	{ "EMODT.8", "PENDING or MODIFIED", "20 PAGE_NOT_MODIFIABLE" },
	{ "EMODT.9", "the enclave is not initialised", "#GP(0)" },
};

#endif
