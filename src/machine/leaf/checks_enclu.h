/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The check tables of the ENCLU leafs and of accesses, as leaf_table.c lists them.  The numbers are the rows:
 * a gap is a check that this CPU (64-bit mode, no CET) cannot meet.
 *
 * Authority: Intel SDM Vol. 3D, the operation section of each leaf; "Access control requirements".
 */
#ifndef MACHINE_LEAF_CHECKS_ENCLU_H
#define MACHINE_LEAF_CHECKS_ENCLU_H

#include "machine/machine.h"

static const struct sgxm_check enclu_checks[] = {
	{ "ENCLU.7", "the CPU lacks the leaf (SGX2 leafs: CPUID.12H.0:EAX[1] = 0)", "#GP(0)" },
	{ "ENCLU.10", "EENTER or ERESUME inside an enclave", "#GP(0)" },
	{ "ENCLU.11", "any other leaf outside an enclave", "#GP(0)" },
};

static const struct sgxm_check ereport_checks[] = {
	{ "EREPORT.1", "RBX is not 512-aligned, or outside ELRANGE", "#GP(0)" },
	{ "EREPORT.2", "RBX is on no readable page of the enclave", "#PF(RBX)" },
	{ "EREPORT.3", "RCX is not 128-aligned, or outside ELRANGE", "#GP(0)" },
	{ "EREPORT.4", "RCX is on no readable page of the enclave", "#PF(RCX)" },
	{ "EREPORT.5", "RDX is not 512-aligned, or outside ELRANGE", "#GP(0)" },
	{ "EREPORT.6", "RDX is on no writable page of the enclave", "#PF(RDX)" },
	{ "EREPORT.7", "a reserved part of TARGETINFO is not 0", "#GP(0)" },
};

static const struct sgxm_check egetkey_checks[] = {
	{ "EGETKEY.1", "RBX is not 512-aligned, outside ELRANGE, or on no readable page of the enclave",
	  "#GP(0), #PF(RBX)" },
	{ "EGETKEY.2", "RCX is not 16-aligned, outside ELRANGE, or on no writable page of the enclave",
	  "#GP(0), #PF(RCX)" },
	{ "EGETKEY.3", "a reserved part of KEYREQUEST is not 0", "#GP(0)" },
	{ "EGETKEY.4", "KEYPOLICY[5:2] or CONFIGSVN is not 0 without KSS", "#GP(0)" },
	{ "EGETKEY.5", "KEYNAME is unknown", "256 INVALID_KEYNAME" },
	{ "EGETKEY.6", "the enclave lacks the attribute for the key", "2 INVALID_ATTRIBUTE" },
	{ "EGETKEY.7", "CPUSVN is beyond the CPU's", "32 INVALID_CPUSVN" },
	{ "EGETKEY.8", "ISVSVN is beyond the enclave's", "64 INVALID_ISVSVN" },
	{ "EGETKEY.9", "SEAL: CONFIGSVN is beyond the enclave's", "64 INVALID_ISVSVN" },
};

static const struct sgxm_check eenter_checks[] = {
	{ "EENTER.2", "RBX is not 4096-aligned", "#GP(0)" },
	{ "EENTER.3", "RBX does not resolve within the EPC", "#PF(RBX)" },
	{ "EENTER.4", "the AEP is not canonical", "#GP(0)" },
	{ "EENTER.5", "another leaf has the TCS for itself", "#GP(0)" },
	{ "EENTER.6", "RBX is no valid TCS at its address, or BLOCKED, PENDING or MODIFIED", "#PF(RBX)" },
	{ "EENTER.7", "OSSA, OFSBASE or OGSBASE is not page aligned", "#GP(0)" },
	{ "EENTER.8", "TCS.FLAGS has a reserved bit", "#GP(0)" },
	{ "EENTER.9", "the enclave is not initialised", "#GP(0)" },
	{ "EENTER.10", "a 32-bit enclave", "#GP(0)" },
	{ "EENTER.11", "SECS.ATTRIBUTES.XFRM is not a subset of XCR0", "#GP(0)" },
	{ "EENTER.12", "opt-out, and TCS and SECS differ in AEXNOTIFY", "#GP(0)" },
	{ "EENTER.13", "CSSA >= NSSA: no SSA frame is left", "#GP(0)" },
	{ "EENTER.14", "a page of the XSAVE area of frame CSSA is refused", "#PF(page)" },
	{ "EENTER.15", "the page of GPRSGX of frame CSSA is refused", "#PF(page)" },
	{ "EENTER.16", "BASEADDR + OENTRY is not canonical", "#GP(0)" },
	{ "EENTER.17", "BASEADDR + OFSBASE or + OGSBASE is not canonical", "#GP(0)" },
	{ "EENTER.18", "TCS.STATE is not INACTIVE: the TCS is in use", "#GP(0)" },
};

static const struct sgxm_check eresume_checks[] = {
	{ "ERESUME.2", "RBX is not 4096-aligned", "#GP(0)" },
	{ "ERESUME.3", "RBX does not resolve within the EPC", "#PF(RBX)" },
	{ "ERESUME.4", "the AEP is not canonical", "#GP(0)" },
	{ "ERESUME.5", "another leaf has the TCS for itself", "#GP(0)" },
	{ "ERESUME.6", "RBX is no valid TCS at its address, or BLOCKED, PENDING or MODIFIED", "#PF(RBX)" },
	{ "ERESUME.7", "OSSA, OFSBASE or OGSBASE is not page aligned", "#GP(0)" },
	{ "ERESUME.8", "TCS.FLAGS has a reserved bit", "#GP(0)" },
	{ "ERESUME.9", "the enclave is not initialised", "#GP(0)" },
	{ "ERESUME.10", "a 32-bit enclave", "#GP(0)" },
	{ "ERESUME.11", "SECS.ATTRIBUTES.XFRM is not a subset of XCR0", "#GP(0)" },
	{ "ERESUME.12", "opt-out, and TCS and SECS differ in AEXNOTIFY", "#GP(0)" },
	{ "ERESUME.13", "CSSA = 0: nothing to resume", "#GP(0)" },
	{ "ERESUME.14", "a page of frame CSSA - 1 is refused", "#PF(page)" },
	{ "ERESUME.15", "AEX-notify: CSSA >= NSSA, or a page of frame CSSA is refused",
	  "#GP(0), #PF(page)" },
	{ "ERESUME.16", "the address to run at is not canonical", "#GP(0)" },
	{ "ERESUME.17", "the FS or GS base is not canonical", "#GP(0)" },
	{ "ERESUME.18", "TCS.STATE is not INACTIVE: the TCS is in use", "#GP(0)" },
	{ "ERESUME.20", "XRSTOR of the frame would fault (XSTATE_BV, header, MXCSR)", "#GP(0)" },
};

static const struct sgxm_check eexit_checks[] = {
	{ "EEXIT.1", "RBX is not canonical", "#GP(0)" },
};

static const struct sgxm_check eaccept_checks[] = {
	{ "EACCEPT.1", "RBX is not 64-aligned, or outside ELRANGE", "#GP(0)" },
	{ "EACCEPT.2", "RBX does not resolve within the EPC", "#PF(RBX)" },
	{ "EACCEPT.3", "RBX is on no readable page of the enclave", "#PF(RBX)" },
	{ "EACCEPT.4", "a reserved part of SECINFO is not 0", "#GP(0)" },
	{ "EACCEPT.5", "RCX is not 4096-aligned, or outside ELRANGE", "#GP(0)" },
	{ "EACCEPT.6", "RCX does not resolve within the EPC", "#PF(RCX)" },
	{ "EACCEPT.7", "SECINFO is neither REG with PENDING or PR, nor TCS or TRIM with MODIFIED",
	  "#GP(0)" },
	{ "EACCEPT.8", "RCX is not VALID, BLOCKED, SECS or VA, or of another enclave", "#PF(RCX)" },
	{ "EACCEPT.9", "another leaf uses the page", "#GP(0)" },
	{ "EACCEPT.10", "the page changed before it was locked", "#PF(RCX)" },
	{ "EACCEPT.11", "address, PENDING, MODIFIED, RWX or type differ from the request",
	  "19 PAGE_ATTRIBUTES_MISMATCH" },
	{ "EACCEPT.12", "tracking is not complete", "11 NOT_TRACKED" },
	{ "EACCEPT.13", "TCS: not the image of an idle TCS", "#GP(0)" },
};

static const struct sgxm_check emodpe_checks[] = {
	{ "EMODPE.1", "RBX is not 64-aligned, RCX not 4096-aligned, or one is outside ELRANGE", "#GP(0)" },
	{ "EMODPE.2", "RBX or RCX does not resolve within the EPC", "#PF(operand)" },
	{ "EMODPE.3", "RBX is on no readable page of the enclave", "#PF(RBX)" },
	{ "EMODPE.4", "a reserved part of SECINFO is not 0", "#GP(0)" },
	{ "EMODPE.5", "RCX is not VALID, PENDING, MODIFIED, BLOCKED, not REG, or of another enclave",
	  "#PF(RCX)" },
	{ "EMODPE.6", "another SGX2 leaf uses the page", "#GP(0)" },
	{ "EMODPE.7", "the page changed before it was locked, or has another address", "#PF(RCX)" },
	{ "EMODPE.8", "the result would be W without R", "#GP(0)" },
};

static const struct sgxm_check eacceptcopy_checks[] = {
	{ "EACCEPTCOPY.1", "RBX is not 64-aligned, or RCX or RDX not 4096-aligned", "#GP(0)" },
	{ "EACCEPTCOPY.2", "RBX, RCX or RDX is outside ELRANGE", "#GP(0)" },
	{ "EACCEPTCOPY.3", "RBX, RCX or RDX does not resolve within the EPC", "#PF(operand)" },
	{ "EACCEPTCOPY.4", "RBX is on no readable page of the enclave", "#PF(RBX)" },
	{ "EACCEPTCOPY.5", "a reserved part of SECINFO is not 0, W without R, or not REG", "#GP(0)" },
	{ "EACCEPTCOPY.6", "RDX is no readable page of the enclave", "#PF(RDX)" },
	{ "EACCEPTCOPY.7", "RCX is no pending REG page of the enclave", "19 PAGE_ATTRIBUTES_MISMATCH" },
	{ "EACCEPTCOPY.8", "another SGX2 leaf uses the destination", "#GP(0)" },
	{ "EACCEPTCOPY.9", "the destination changed before it was locked, is not rw-, or has another address",
	  "19 PAGE_ATTRIBUTES_MISMATCH" },
};

static const struct sgxm_check edeccssa_checks[] = {
	{ "EDECCSSA.1", "CSSA = 0", "#GP(0)" },
	{ "EDECCSSA.2", "a page of the XSAVE area of frame CSSA - 1 is refused", "#PF(page)" },
	{ "EDECCSSA.3", "the page of GPRSGX of frame CSSA - 1 is refused", "#PF(page)" },
};

static const struct sgxm_check access_checks[] = {
	{ "ACCESS.2", "a fetch outside ELRANGE", "#GP(0)" },
	{ "ACCESS.3", "the ordinary page walk refuses", "#PF(address) without the SGX bit" },
	{ "ACCESS.8", "inside ELRANGE, but mapped to no EPC page", "#PF(address), SGX" },
};

static const struct sgxm_check epcm_checks[] = {
	{ "EPCM.1", "VALID = 0", "#PF(address), SGX" },
	{ "EPCM.2", "BLOCKED = 1", "#PF(address), SGX" },
	{ "EPCM.3", "the page belongs to another enclave", "#PF(address), SGX" },
	{ "EPCM.4", "the page type is not REG", "#PF(address), SGX" },
	{ "EPCM.5", "PENDING = 1", "#PF(address), SGX" },
	{ "EPCM.6", "MODIFIED = 1", "#PF(address), SGX" },
	{ "EPCM.7", "the page belongs to another linear address", "#PF(address), SGX" },
	{ "EPCM.8", "the permission that the access needs is missing", "#PF(address), SGX" },
};

#endif
