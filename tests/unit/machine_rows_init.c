/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EINIT, with real signatures and real launch tokens. */
#include "machine_rows.h"

#include <string.h>

#include "emul/emul_crypto.h"
#include "machine/keys.h"
#include "machine_sign.h"

#define SIG ((struct sgx_arch_sigstruct *)host_mem(MEM_SIGSTRUCT))
#define TOKEN ((struct sgx_einittoken *)host_mem(MEM_TOKEN))
#define R (&host.r)
#define SECS (host_secs(SECS_EPA))

/* A launch token as a launch enclave of signer `le_key` would make it */
static void make_token(const struct sgx_attributes *le_attributes)
{
	struct key_inputs in = { .keyname = SGX_KEY_EINITTOKEN };
	struct sgx_einittoken *t = TOKEN;
	uint8_t key[16];

	memset(t, 0, sizeof(*t));
	t->valid = 1;
	t->attributes = SECS->a.attributes;
	emul_sha256_final(NULL, &SECS->sha, t->mrenclave);
	sign_mrsigner(1, t->mrsigner);
	memcpy(t->cpusvnle, host.platform.cpusvn, 16);
	t->isvprodidle = 20;
	t->isvsvnle = 2;
	t->maskedattributesle = *le_attributes;
	t->keyid[5] = 5;

	/* written from the table of key derivation, column EINITTOKEN */
	in.isvprodid = t->isvprodidle;
	in.isvsvn = t->isvsvnle;
	in.attributes = t->maskedattributesle;
	memcpy(in.cpusvn, t->cpusvnle, 16);
	memcpy(in.keyid, t->keyid, 32);
	memcpy(in.mrsigner, host.m.lepubkeyhash, 32);
	memcpy(in.owner_epoch, host.platform.owner_epoch, 16);
	key_seal_fuses(in.seal_fuses);
	key_padding(in.padding);
	emul_cmac(NULL, host.platform.root_key, &in, sizeof(in), key);
	emul_cmac(NULL, key, t, 192, t->mac);
}

static void structure(void)
{
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->header[0] ^= 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->header[15] ^= 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->header2[0] ^= 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->header2[15] ^= 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->vendor = 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->exponent = 65537);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->reserved1[83] = 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->reserved2[1] = 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->reserved3[15] = 1);
	CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT, SIG->reserved4[11] = 1);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->modulus[0] ^= 2);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->signature[200] ^= 1);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->q1[0] ^= 1);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->q2[383] ^= 1);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->enclavehash[0] ^= 1);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->date ^= 1);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, SIG->vendor = 0x8086);
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, memset(SIG->modulus, 0, 384));
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, memset(SIG->signature, 0xff, 384));
	CODE("EINIT.5", SGXC_INVALID_SIGNATURE, memset(SIG->signature, 0, 384); memset(SIG->q1, 0, 384);
	     memset(SIG->q2, 0, 384));
}

static void demands(void)
{
	CODE("EINIT.8", SGXC_INVALID_SIG_STRUCT, SIG->isvfamilyid[0] = 1; host_resign(0));
	CODE("EINIT.8", SGXC_INVALID_SIG_STRUCT, SIG->isvextprodid[0] = 1; host_resign(0));
	GP("EINIT.9", SECS->initialized = 1);
	GP("EINIT.9", SECS->measure_lock = 1);
	CODE("EINIT.10", SGXC_INVALID_MEASUREMENT, SIG->enclavehash[0] ^= 1; host_resign(0));
	CODE("EINIT.11", SGXC_INVALID_ATTRIBUTE, SECS->a.attributes.flags |= SGX_ATTR_EINITTOKENKEY;
	     host.m.lepubkeyhash[0] ^= 1);
	CODE("EINIT.12", SGXC_INVALID_ATTRIBUTE,
	     SIG->attributes.flags ^= SGX_ATTR_PROVISIONKEY; host_resign(0));
	CODE("EINIT.12", SGXC_INVALID_ATTRIBUTE, SIG->attributes.xfrm ^= 4; host_resign(0));
	ACCEPTED(NULL, SIG->attributes.flags ^= SGX_ATTR_DEBUG; host_resign(0));
	CODE("EINIT.13", SGXC_INVALID_ATTRIBUTE, SIG->miscselect ^= 1; host_resign(0));
	ACCEPTED(NULL, SIG->miscselect ^= 1; SIG->miscmask = 0; host_resign(0));
	CODE("EINIT.14", SGXC_INVALID_ATTRIBUTE, SIG->cet_attributes = 1; SIG->cet_attributes_mask = 1;
	     host_resign(0));
	CODE("EINIT.15", SGXC_INVALID_EINITTOKEN, host_trust(1));
	CODE("EINIT.15", SGXC_INVALID_EINITTOKEN, host_resign(1));
}

/* Signer 1 launches by a token of signer 0's launch enclave */
static void tokens(void)
{
	static const struct sgx_attributes production = { SGX_ATTR_INIT | SGX_ATTR_EINITTOKENKEY, 3 };
	static const struct sgx_attributes debug = { SGX_ATTR_INIT | SGX_ATTR_DEBUG, 3 };

	rows_restore();
	host_resign(1);
	make_token(&production);
	rows_begin("EINIT by token", false);
	CODE("EINIT.15", SGXC_INVALID_EINITTOKEN, TOKEN->valid = 0);
	CODE("EINIT.16", SGXC_INVALID_EINITTOKEN, SECS->a.attributes.flags &= ~(uint64_t)SGX_ATTR_DEBUG;
	     make_token(&debug));
	CODE("EINIT.17", SGXC_INVALID_EINITTOKEN, TOKEN->valid |= 2);
	CODE("EINIT.17", SGXC_INVALID_EINITTOKEN, TOKEN->reserved1[0] = 1);
	CODE("EINIT.17", SGXC_INVALID_EINITTOKEN, TOKEN->reserved2[0] = 1);
	CODE("EINIT.17", SGXC_INVALID_EINITTOKEN, TOKEN->reserved3[0] = 1);
	CODE("EINIT.17", SGXC_INVALID_EINITTOKEN, TOKEN->reserved4[0] = 1);
	CODE("EINIT.18", SGXC_INVALID_CPUSVN, TOKEN->cpusvnle[15] = 1);
	CODE("EINIT.19", SGXC_INVALID_EINITTOKEN, TOKEN->mac[0] ^= 1);
	CODE("EINIT.19", SGXC_INVALID_EINITTOKEN, TOKEN->mrenclave[0] ^= 1);
	CODE("EINIT.19", SGXC_INVALID_EINITTOKEN, TOKEN->isvsvnle++);
	CODE("EINIT.19", SGXC_INVALID_EINITTOKEN, host_trust(1));
	CODE("EINIT.20", SGXC_INVALID_MEASUREMENT, host_resign(0));
	CODE("EINIT.21", SGXC_INVALID_ATTRIBUTE, SECS->a.attributes.flags ^= SGX_ATTR_DEBUG);
	ACCEPTED(NULL, make_token(&debug));
	ACCEPTED(NULL, (void)0);
}

void rows_init(void)
{
	host_build(ATTR_TEST);
	host_sigstruct(SECS_EPA, 0);
	host_trust(0);
	*R = (struct sgxm_regs){ .rax = SGX_EINIT, .rbx = MEM_SIGSTRUCT, .rcx = SECS_EPA, .rdx = MEM_TOKEN,
				 .rflags = 0xad7 };
	rows_begin("EINIT", false);

	GP("EINIT.1", R->rbx += 64);
	GP("EINIT.1", R->rcx += 64);
	GP("EINIT.1", R->rdx += 256);
	PF("EINIT.2", 0x1000, FEC_S, R->rcx = 0x1000);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rbx = MEM_NOWHERE);
	PF("ENCLS.9", MEM_NOWHERE, 0, R->rdx = MEM_NOWHERE);
	structure();
	GP("EINIT.6", host_lock_exclusive(SECS_EPA));
	PF("EINIT.7", EPA(1), FEC_S, R->rcx = EPA(1));
	PF("EINIT.7", EPA(FREE), FEC_S, R->rcx = EPA(FREE));
	demands();

	ACCEPTED(NULL, (void)0);
	ok(SECS->a.attributes.flags & SGX_ATTR_INIT && SECS->initialized,
	   "EINIT: the enclave is initialised");
	ok(!memcmp(SECS->a.mrenclave, SIG->enclavehash, 32), "EINIT: MRENCLAVE is the measurement");
	ok(!memcmp(SECS->a.mrsigner, host.m.lepubkeyhash, 32), "EINIT: MRSIGNER is the hash of the modulus");
	ok(SECS->a.isvprodid == 5 && SECS->a.isvsvn == 3, "EINIT: product and version of SIGSTRUCT");
	is_u64(R->rax, 0, "EINIT: RAX is 0");
	is_u64(R->rflags, 0x202, "EINIT: the arithmetic flags are cleared");
	tokens();

	host_build(ATTR_TEST | SGX_ATTR_KSS);
	host_sigstruct(SECS_EPA, 0);
	host_trust(0);
	SIG->isvfamilyid[1] = 7;
	SIG->isvextprodid[2] = 8;
	host_resign(0);
	is_u64(host_einit(SECS_EPA).kind, SGXM_DONE, "EINIT: family and product ids with KSS");
	ok(SECS->isvfamilyid[1] == 7 && SECS->isvextprodid[2] == 8, "EINIT: ... are kept");
}
