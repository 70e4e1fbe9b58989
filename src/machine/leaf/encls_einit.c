/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EINIT: RBX = SIGSTRUCT, RCX = SECS, RDX = EINITTOKEN.  Authority: Intel SDM Vol. 3D, "EINIT". */
#include "machine/keys.h"
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

#define VENDOR_INTEL 0x8086u
#define RSA_EXPONENT 3u

static bool is_well_formed(const struct sgx_arch_sigstruct *sig)
{
	return mem_get64(sig->header) == 0x000000e100000006ull &&
	       mem_get64(sig->header + 8) == 0x0000000000010000ull &&
	       (sig->vendor == 0 || sig->vendor == VENDOR_INTEL) &&
	       mem_get64(sig->header2) == 0x0000006000000101ull &&
	       mem_get64(sig->header2 + 8) == 0x0000000100000060ull &&
	       sig->exponent == RSA_EXPONENT &&
	       mem_is_zero(sig->reserved1, sizeof(sig->reserved1)) &&
	       mem_is_zero(sig->reserved2, sizeof(sig->reserved2)) &&
	       mem_is_zero(sig->reserved3, sizeof(sig->reserved3)) &&
	       mem_is_zero(sig->reserved4, sizeof(sig->reserved4));
}

static void sha256(struct sgxm *m, const void *a, size_t a_bytes, const void *b, size_t b_bytes,
		   uint8_t digest[32])
{
	struct sgxm_sha256 s;

	m->ops->sha256_init(m->host, &s);
	m->ops->sha256_update(m->host, &s, a, a_bytes);
	if (b_bytes)
		m->ops->sha256_update(m->host, &s, b, b_bytes);
	m->ops->sha256_final(m->host, &s, digest);
}

/* S^3 mod N, by the quotients, must be the one encoding of the digest of the signed bytes */
static bool is_signed(struct sgxm *m, const struct sgx_arch_sigstruct *sig)
{
	const uint8_t *bytes = (const void *)sig;
	uint8_t em[384], expected[352], digest[32];

	if (m->ops->rsa3072(m->host, sig->modulus, sig->signature, sig->q1, sig->q2, em))
		return false;
	sha256(m, bytes, SGX_SIGSTRUCT_SIGNED1_LEN, bytes + SGX_SIGSTRUCT_SIGNED2_OFF,
	       SGX_SIGSTRUCT_SIGNED2_LEN, digest);
	key_padding(expected);
	return mem_equal(em, expected, sizeof(expected)) && mem_equal(em + sizeof(expected), digest, 32);
}

static bool has_family_ids(const struct sgx_arch_sigstruct *sig)
{
	return !mem_is_zero(sig->isvfamilyid, sizeof(sig->isvfamilyid)) ||
	       !mem_is_zero(sig->isvextprodid, sizeof(sig->isvextprodid));
}

static bool attributes_match(const struct sgx_attributes *a, const struct sgx_attributes *b,
			     const struct sgx_attributes *mask)
{
	return !((a->flags ^ b->flags) & mask->flags) && !((a->xfrm ^ b->xfrm) & mask->xfrm);
}

static bool token_reserved_set(const struct sgx_einittoken *t)
{
	return t->valid & ~1u || !mem_is_zero(t->reserved1, sizeof(t->reserved1)) ||
	       !mem_is_zero(t->reserved2, sizeof(t->reserved2)) ||
	       !mem_is_zero(t->reserved3, sizeof(t->reserved3)) ||
	       !mem_is_zero(t->reserved4, sizeof(t->reserved4));
}

/* The launch key of the launch enclave that the token names, over the token's first 192 bytes */
static bool token_is_authentic(struct sgxm *m, const struct sgx_einittoken *t)
{
	struct key_inputs in;
	uint8_t key[16], mac[16];

	mem_zero(&in, sizeof(in));
	in.keyname = SGX_KEY_EINITTOKEN;
	in.isvprodid = t->isvprodidle;
	in.isvsvn = t->isvsvnle;
	in.miscselect = t->maskedmiscselectle;
	in.attributes = t->maskedattributesle;
	mem_copy(in.cpusvn, t->cpusvnle, sizeof(in.cpusvn));
	mem_copy(in.keyid, t->keyid, sizeof(in.keyid));
	mem_copy(in.mrsigner, m->lepubkeyhash, sizeof(in.mrsigner));
	mem_copy(in.owner_epoch, m->platform->owner_epoch, sizeof(in.owner_epoch));
	key_seal_fuses(in.seal_fuses);
	key_padding(in.padding);
	key_derive(m, &in, key);
	m->ops->cmac(m->host, key, t, offsetof(struct sgx_einittoken, cpusvnle), mac);
	return mem_equal(mac, t->mac, sizeof(mac));
}

static void commit(struct sgxm_secs *s, const struct sgx_arch_sigstruct *sig, const uint8_t mrenclave[32],
		   const uint8_t mrsigner[32])
{
	mem_copy(s->a.mrenclave, mrenclave, 32);
	mem_copy(s->a.mrsigner, mrsigner, 32);
	s->a.isvprodid = sig->isvprodid;
	s->a.isvsvn = sig->isvsvn;
	mem_copy(s->isvfamilyid, sig->isvfamilyid, sizeof(s->isvfamilyid));
	mem_copy(s->isvextprodid, sig->isvextprodid, sizeof(s->isvextprodid));
	key_padding(s->padding);
	s->a.attributes.flags |= SGX_ATTR_INIT;
	__atomic_store_n(&s->initialized, 1, __ATOMIC_RELEASE);
}

/* Checks 15 to 21: may this signer launch? */
static struct sgxm_out check_launch(struct sgxm *m, const struct sgxm_secs *s,
				    const struct sgx_einittoken *t, const uint8_t mrenclave[32],
				    const uint8_t mrsigner[32])
{
	/* EINIT.15: no token, and the signer is not IA32_SGXLEPUBKEYHASH -> INVALID_EINITTOKEN */
	if (!(t->valid & 1)) {
		if (!mem_equal(mrsigner, m->lepubkeyhash, 32))
			OUT_CODE("EINIT.15", SGXC_INVALID_EINITTOKEN);
		OUT_DONE();
	}

	/* EINIT.16: a debug launch enclave's token for a production enclave -> INVALID_EINITTOKEN */
	if (t->maskedattributesle.flags & SGX_ATTR_DEBUG && !(s->a.attributes.flags & SGX_ATTR_DEBUG))
		OUT_CODE("EINIT.16", SGXC_INVALID_EINITTOKEN);

	/* EINIT.17: a reserved part of the token is not 0 -> INVALID_EINITTOKEN */
	if (token_reserved_set(t))
		OUT_CODE("EINIT.17", SGXC_INVALID_EINITTOKEN);

	/* EINIT.18: the token is of a newer CPU -> INVALID_CPUSVN */
	if (!cpusvn_within(t->cpusvnle, m->platform->cpusvn))
		OUT_CODE("EINIT.18", SGXC_INVALID_CPUSVN);

	/* EINIT.19: the MAC of the token is wrong -> INVALID_EINITTOKEN */
	if (!token_is_authentic(m, t))
		OUT_CODE("EINIT.19", SGXC_INVALID_EINITTOKEN);

	/* EINIT.20: the token is for another enclave or signer -> INVALID_MEASUREMENT */
	if (!mem_equal(t->mrenclave, mrenclave, 32) || !mem_equal(t->mrsigner, mrsigner, 32))
		OUT_CODE("EINIT.20", SGXC_INVALID_MEASUREMENT);

	/* EINIT.21: the token is for other attributes -> INVALID_ATTRIBUTE */
	if (t->attributes.flags != s->a.attributes.flags || t->attributes.xfrm != s->a.attributes.xfrm)
		OUT_CODE("EINIT.21", SGXC_INVALID_ATTRIBUTE);
	OUT_DONE();
}

struct sgxm_out sgxm_einit(struct sgxm *m, uint64_t sigstruct, uint64_t secs_epa, uint64_t token)
{
	struct sgx_arch_sigstruct sig;
	struct sgx_einittoken t;
	uint8_t mrenclave[32], mrsigner[32];
	struct sgxm_out out;
	struct sgxm_epcm *e;
	struct sgxm_secs *s;
	EPCM_HOLD(hold);
	SECS_HOLD(measuring);

	/* EINIT.1: RBX or RCX is not 4096-aligned, or RDX not 512-aligned -> #GP(0) */
	if (!is_aligned(sigstruct | secs_epa, SGX_PAGE_SIZE) || !is_aligned(token, 512))
		OUT_GP("EINIT.1");

	/* EINIT.2: RCX is not EPC -> #PF(RCX) */
	e = epcm_at(m, secs_epa);
	if (!e)
		OUT_PF("EINIT.2", secs_epa, PFEC_S_SGX);
	OUT_PF_UNLESS_READ(m, sigstruct, &sig, sizeof(sig));
	OUT_PF_UNLESS_READ(m, token, &t, sizeof(t));

	/* EINIT.3: headers, vendor, exponent or reserved parts are wrong -> INVALID_SIG_STRUCT */
	if (!is_well_formed(&sig))
		OUT_CODE("EINIT.3", SGXC_INVALID_SIG_STRUCT);

	/* EINIT.5: the RSA verification fails -> INVALID_SIGNATURE */
	if (!is_signed(m, &sig))
		OUT_CODE("EINIT.5", SGXC_INVALID_SIGNATURE);

	/* EINIT.6: the SECS is in use by another leaf -> #GP(0) */
	if (!epcm_try_shared(&hold, e))
		OUT_GP("EINIT.6");

	/* EINIT.7: RCX is not VALID, or no SECS -> #PF(RCX) */
	if (!epcm_is_secs(e))
		OUT_PF("EINIT.7", secs_epa, PFEC_S_SGX);
	s = secs_page(m, secs_epa);

	/* EINIT.8: ISVFAMILYID or ISVEXTPRODID without KSS -> INVALID_SIG_STRUCT */
	if (!(s->a.attributes.flags & SGX_ATTR_KSS) && has_family_ids(&sig))
		OUT_CODE("EINIT.8", SGXC_INVALID_SIG_STRUCT);

	/* EINIT.9: another leaf measures, or the enclave is initialised -> #GP(0) */
	if (!secs_try(&measuring, &s->measure_lock) || secs_is_initialized(s))
		OUT_GP("EINIT.9");
	m->ops->sha256_final(m->host, &s->sha, mrenclave);
	sha256(m, sig.modulus, sizeof(sig.modulus), NULL, 0, mrsigner);

	/* EINIT.10: the measurement is not ENCLAVEHASH -> INVALID_MEASUREMENT */
	if (!mem_equal(mrenclave, sig.enclavehash, 32))
		OUT_CODE("EINIT.10", SGXC_INVALID_MEASUREMENT);

	/* EINIT.11: EINITTOKENKEY for a signer that is not IA32_SGXLEPUBKEYHASH -> INVALID_ATTRIBUTE */
	if (s->a.attributes.flags & SGX_ATTR_EINITTOKENKEY && !mem_equal(mrsigner, m->lepubkeyhash, 32))
		OUT_CODE("EINIT.11", SGXC_INVALID_ATTRIBUTE);

	/* EINIT.12: ATTRIBUTES are not what the signer demands -> INVALID_ATTRIBUTE */
	if (!attributes_match(&s->a.attributes, &sig.attributes, &sig.attributemask))
		OUT_CODE("EINIT.12", SGXC_INVALID_ATTRIBUTE);

	/* EINIT.13: nor MISCSELECT -> INVALID_ATTRIBUTE */
	if ((s->a.miscselect ^ sig.miscselect) & sig.miscmask)
		OUT_CODE("EINIT.13", SGXC_INVALID_ATTRIBUTE);

	/* EINIT.14: nor CET_ATTRIBUTES -> INVALID_ATTRIBUTE */
	if ((s->a.cet_attributes ^ sig.cet_attributes) & sig.cet_attributes_mask)
		OUT_CODE("EINIT.14", SGXC_INVALID_ATTRIBUTE);

	/* EINIT.15 ... EINIT.21: the launch decision */
	out = check_launch(m, s, &t, mrenclave, mrsigner);
	if (out.kind == SGXM_DONE)
		commit(s, &sig, mrenclave, mrsigner);
	return out;
}
