/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EREPORT and EGETKEY. */
#include "machine_rows.h"

#include <string.h>

#include "emul/emul_crypto.h"

#define R (&host.r)
#define E(epa) (*host_epcm(epa))
#define IN_EPA EPC_OF(OFF_DATA)
#define IN_LA (BASE + OFF_DATA)
#define DATA_EPA EPC_OF(OFF_RO)
#define DATA_LA (BASE + OFF_RO)
#define OUT_EPA EPC_OF(OFF_SSA2)
#define OUT_LA (BASE + OFF_SSA2)
#define TARGET ((struct sgx_targetinfo *)host_page(IN_EPA))
#define REQUEST ((struct sgx_keyrequest *)host_page(IN_EPA))
#define REPORT ((struct sgx_report *)host_page(OUT_EPA))
#define SECS host_secs(SECS_EPA)

static void start(unsigned leaf, uint64_t attributes)
{
	host_start(attributes);
	host_enter(&host.cpu, OFF_TCS);
	memset(host_page(IN_EPA), 0, 4096);
	*R = (struct sgxm_regs){ .rax = leaf, .rbx = IN_LA, .rip = BASE + OENTRY, .rflags = 0xad7 };
}

/* An operand whose page is refused; w: 2 for a write */
#define PAGE_OPERAND(id, la, at, permission, w) do { \
	PF(id, la, 0x4u | (w), host_unmap(la)); \
	PF(id, la, 0x8005u | (w), host_pte(la)->epa = 0); \
	PF(id, la, 0x8005u | (w), E(at).word |= SGXM_E_PENDING); \
	PF(id, la, 0x8005u | (w), E(at).word &= ~(uint64_t)(permission)); \
} while (0)

static void ereport(void)
{
	uint8_t mac[16], key[16];

	start(SGX_EREPORT, ATTR_TEST);
	R->rcx = DATA_LA;
	R->rdx = OUT_LA;
	rows_begin("EREPORT", true);
	GP("EREPORT.1", R->rbx += 256);
	GP("EREPORT.1", R->rbx = BASE + SIZE);
	PAGE_OPERAND("EREPORT.2", IN_LA, IN_EPA, SGXM_E_R, 0);
	GP("EREPORT.3", R->rcx += 64);
	GP("EREPORT.3", R->rcx = BASE - 128);
	PAGE_OPERAND("EREPORT.4", DATA_LA, DATA_EPA, SGXM_E_R, 0);
	GP("EREPORT.5", R->rdx += 256);
	GP("EREPORT.5", R->rdx = BASE + SIZE);
	PAGE_OPERAND("EREPORT.6", OUT_LA, OUT_EPA, SGXM_E_W, 2);
	GP("EREPORT.7", TARGET->reserved1 = 1);
	GP("EREPORT.7", TARGET->reserved2[7] = 1);
	GP("EREPORT.7", TARGET->reserved3[383] = 1);
	ACCEPTED(NULL, (void)0);
	ok(!memcmp(REPORT->mrenclave, SECS->a.mrenclave, 32) && !memcmp(REPORT->mrsigner, SECS->a.mrsigner,
									32) &&
	   REPORT->isvprodid == 5 && REPORT->isvsvn == 3 && REPORT->miscselect == SGX_MISC_EXINFO &&
	   REPORT->attributes.flags == (ATTR_TEST | SGX_ATTR_INIT) && REPORT->attributes.xfrm == 7,
	   "EREPORT: the identity of the enclave");
	ok(!memcmp(REPORT->reportdata, host_page(DATA_EPA), 64), "EREPORT: the caller's data");
	ok(!memcmp(REPORT->cpusvn, host.platform.cpusvn, 16), "EREPORT: the version of the CPU");

	/* the target is this enclave itself: EGETKEY(REPORT) with the report's KEYID verifies it */
	rows_restore();
	memcpy(TARGET->measurement, SECS->a.mrenclave, 32);
	TARGET->attributes = SECS->a.attributes;
	TARGET->miscselect = SECS->a.miscselect;
	is_u64(host_enclu(SGX_EREPORT, IN_LA, DATA_LA, OUT_LA).kind, SGXM_DONE, "EREPORT: to oneself");
	memset(REQUEST, 0, sizeof(*REQUEST));
	REQUEST->keyname = SGX_KEY_REPORT;
	memcpy(REQUEST->keyid, REPORT->keyid, 32);
	is_u64(host_enclu(SGX_EGETKEY, IN_LA, OUT_LA + 0x200, 0).kind, SGXM_DONE, "EGETKEY: the report key");
	memcpy(key, host_page(OUT_EPA) + 0x200, 16);
	emul_cmac(NULL, key, REPORT, 384, mac);
	ok(!memcmp(mac, REPORT->mac, 16), "EREPORT: the report key verifies the MAC over 384 bytes");
}

static void key_rows(void)
{
	GP("EGETKEY.1", R->rbx += 256);
	GP("EGETKEY.1", R->rbx = BASE + SIZE);
	PAGE_OPERAND("EGETKEY.1", IN_LA, IN_EPA, SGXM_E_R, 0);
	GP("EGETKEY.2", R->rcx += 8);
	GP("EGETKEY.2", R->rcx = BASE + SIZE);
	PAGE_OPERAND("EGETKEY.2", OUT_LA, OUT_EPA, SGXM_E_W, 2);
	GP("EGETKEY.3", REQUEST->reserved1 = 1);
	GP("EGETKEY.3", REQUEST->reserved2[433] = 1);
	GP("EGETKEY.3", REQUEST->keypolicy |= 0x40);
	GP("EGETKEY.4", REQUEST->keypolicy |= SGX_KEYPOLICY_NOISVPRODID);
	GP("EGETKEY.4", REQUEST->keypolicy |= SGX_KEYPOLICY_ISVEXTPRODID);
	GP("EGETKEY.4", REQUEST->configsvn = 1);
	CODE("EGETKEY.5", SGXC_INVALID_KEYNAME, REQUEST->keyname = 9);
	CODE("EGETKEY.5", SGXC_INVALID_KEYNAME, REQUEST->keyname = 5);
	CODE("EGETKEY.6", SGXC_INVALID_ATTRIBUTE, REQUEST->keyname = SGX_KEY_EINITTOKEN);
	CODE("EGETKEY.6", SGXC_INVALID_ATTRIBUTE, REQUEST->keyname = SGX_KEY_PROVISION);
	CODE("EGETKEY.6", SGXC_INVALID_ATTRIBUTE, REQUEST->keyname = SGX_KEY_PROVISION_SEAL);
	CODE("EGETKEY.7", SGXC_INVALID_CPUSVN, REQUEST->cpusvn[0] = 3);
	CODE("EGETKEY.8", SGXC_INVALID_ISVSVN, REQUEST->isvsvn = 4);
	CODE("EGETKEY.9", SGXC_INVALID_ISVSVN,
	     SECS->a.attributes.flags |= SGX_ATTR_KSS; REQUEST->configsvn = 1);
	ACCEPTED(NULL, REQUEST->keyname = SGX_KEY_EINITTOKEN;
		 SECS->a.attributes.flags |= SGX_ATTR_EINITTOKENKEY);
	ACCEPTED(NULL,
		 REQUEST->keyname = SGX_KEY_PROVISION; SECS->a.attributes.flags |= SGX_ATTR_PROVISIONKEY);
	ACCEPTED(NULL, REQUEST->keyname = SGX_KEY_REPORT; REQUEST->isvsvn = 99; REQUEST->cpusvn[0] = 99);
	ACCEPTED(NULL, (void)0);
}

/* Does this change of identity or request give another key?  (The start is a request to SEAL.) */
static uint8_t first_key[16];

static bool key_differs(void)
{
	bool done = sgxm_enclu(&host.m, &host.cpu, R, 3, NULL, 0).kind == SGXM_DONE;

	return done && memcmp(first_key, host_page(OUT_EPA), 16);
}

static void take_first_key(void)
{
	rows_restore();
	ok(key_differs(), "EGETKEY: a key");
	memcpy(first_key, host_page(OUT_EPA), 16);
}

#define KEY(want, what, ...) do { \
	rows_restore(); \
	__VA_ARGS__; \
	ok(key_differs() == (want), "EGETKEY: %s %s the key", what, (want) ? "changes" : "does not change"); \
} while (0)

static void key_inputs_by_policy(void)
{
	KEY(true, "KEYPOLICY", REQUEST->keypolicy = 0);
	KEY(true, "MRENCLAVE under its policy", SECS->a.mrenclave[0] ^= 1);
	KEY(true, "MRSIGNER under its policy", SECS->a.mrsigner[0] ^= 1);
	KEY(true, "ISVPRODID", SECS->a.isvprodid++);
	KEY(true, "CONFIGID under its policy", SECS->a.configid[0] ^= 1);
	KEY(true, "CONFIGSVN under its policy", REQUEST->configsvn = 0);
	KEY(true, "ISVFAMILYID under its policy", SECS->isvfamilyid[0] ^= 1);
	KEY(true, "ISVEXTPRODID under its policy", SECS->isvextprodid[0] ^= 1);
	KEY(true, "ISVSVN", REQUEST->isvsvn = 2);
	KEY(true, "CPUSVN", REQUEST->cpusvn[0] = 1);
	KEY(true, "KEYID", REQUEST->keyid[31] = 1);
	KEY(true, "INIT, whatever the mask", SECS->a.attributes.flags ^= SGX_ATTR_INIT);
	KEY(true, "DEBUG, whatever the mask", SECS->a.attributes.flags ^= SGX_ATTR_DEBUG);
	KEY(true, "an attribute in the mask", SECS->a.attributes.flags ^= SGX_ATTR_PROVISIONKEY);
	KEY(false, "an attribute outside the mask", SECS->a.attributes.flags ^= SGX_ATTR_EINITTOKENKEY);
	KEY(true, "ATTRIBUTEMASK", REQUEST->attributemask.flags |= 1ull << 40);
	KEY(true, "XFRM in the mask", SECS->a.attributes.xfrm ^= 4);
	KEY(true, "MISCSELECT in the mask", SECS->a.miscselect ^= 1);
	KEY(true, "MISCMASK", REQUEST->miscmask |= 1u << 20);
	KEY(true, "the owner epoch", host.platform.owner_epoch[3] ^= 1);
	KEY(true, "the machine", host.platform.root_key[3] ^= 1);
	KEY(true, "the padding", SECS->padding[3] ^= 1);
	KEY(false, "the report key id of the boot", host.platform.report_keyid[0] ^= 1);
	KEY(false, "ISVSVN of the enclave", SECS->a.isvsvn++);
}

static void egetkey(void)
{
	start(SGX_EGETKEY, ATTR_TEST);
	R->rcx = OUT_LA;
	REQUEST->keyname = SGX_KEY_SEAL;
	REQUEST->keypolicy = SGX_KEYPOLICY_MRENCLAVE;
	REQUEST->isvsvn = 3;
	memcpy(REQUEST->cpusvn, host.platform.cpusvn, 16);
	rows_begin("EGETKEY", true);
	key_rows();
	take_first_key();
	KEY(false, "MRSIGNER outside the policy", SECS->a.mrsigner[0] ^= 1);

	start(SGX_EGETKEY, ATTR_TEST | SGX_ATTR_KSS);
	R->rcx = OUT_LA;
	SECS->a.configsvn = 1;
	REQUEST->keyname = SGX_KEY_SEAL;
	REQUEST->keypolicy = SGX_KEYPOLICY_MRENCLAVE | SGX_KEYPOLICY_MRSIGNER | SGX_KEYPOLICY_CONFIGID |
			     SGX_KEYPOLICY_ISVFAMILYID | SGX_KEYPOLICY_ISVEXTPRODID;
	REQUEST->configsvn = 1;
	REQUEST->isvsvn = 3;
	REQUEST->attributemask = (struct sgx_attributes){ SGX_ATTR_PROVISIONKEY, 4 };
	REQUEST->miscmask = 1;
	memcpy(REQUEST->cpusvn, host.platform.cpusvn, 16);
	rows_begin("EGETKEY", true);
	take_first_key();
	KEY(false, "asking again", (void)0);
	key_inputs_by_policy();
}

void rows_keys(void)
{
	ereport();
	egetkey();
}
