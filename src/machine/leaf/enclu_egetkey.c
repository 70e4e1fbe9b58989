/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* EGETKEY: RBX = KEYREQUEST, RCX = key.  Authority: Intel SDM Vol. 3D, "EGETKEY". */
#include "machine/keys.h"
#include "machine/leaf/leaf_out.h"
#include "machine/operand.h"

#define REQUEST_ALIGN 512u
#define KEY_BYTES     16u
#define POLICY_KNOWN  0x3fu
#define POLICY_OF_KSS (SGX_KEYPOLICY_NOISVPRODID | SGX_KEYPOLICY_CONFIGID | SGX_KEYPOLICY_ISVFAMILYID | \
		       SGX_KEYPOLICY_ISVEXTPRODID)
/* take part in every key, whatever the request masks out */
#define ATTR_ALWAYS   (SGX_ATTR_INIT | SGX_ATTR_DEBUG)

static bool request_reserved_set(const struct sgx_keyrequest *r)
{
	return r->reserved1 || r->keypolicy & ~POLICY_KNOWN || !mem_is_zero(r->reserved2,
									    sizeof(r->reserved2));
}

/* What the request may choose for all keys but REPORT */
static void requested(const struct sgx_keyrequest *r, const struct sgxm_secs *s, struct key_inputs *in)
{
	in->isvsvn = r->isvsvn;
	mem_copy(in->cpusvn, r->cpusvn, sizeof(in->cpusvn));
	in->attributes.flags = (r->attributemask.flags | ATTR_ALWAYS) & s->a.attributes.flags;
	in->attributes.xfrm = r->attributemask.xfrm & s->a.attributes.xfrm;
	in->miscselect = r->miscmask & s->a.miscselect;
	in->cet_attributes = r->cet_attributes_mask & s->a.cet_attributes;
	mem_copy(in->padding, s->padding, sizeof(in->padding));
}

/* The masks too, so that a looser request gives another key */
static void masked(const struct sgx_keyrequest *r, struct key_inputs *in)
{
	in->attributemask = r->attributemask;
	in->miscmask = ~r->miscmask;
	in->cet_attributes_mask = (uint8_t)~r->cet_attributes_mask;
}

/* The identities that KEYPOLICY selects: SEAL and PROVISION_SEAL */
static void by_policy(const struct sgx_keyrequest *r, const struct sgxm_secs *s, struct key_inputs *in)
{
	in->keypolicy = r->keypolicy;
	if (!(r->keypolicy & SGX_KEYPOLICY_NOISVPRODID))
		in->isvprodid = s->a.isvprodid;
	if (r->keypolicy & SGX_KEYPOLICY_CONFIGID) {
		mem_copy(in->configid, s->a.configid, sizeof(in->configid));
		in->configsvn = r->configsvn;
	}
	if (r->keypolicy & SGX_KEYPOLICY_ISVFAMILYID)
		mem_copy(in->isvfamilyid, s->isvfamilyid, sizeof(in->isvfamilyid));
	if (r->keypolicy & SGX_KEYPOLICY_ISVEXTPRODID)
		mem_copy(in->isvextprodid, s->isvextprodid, sizeof(in->isvextprodid));
}

static void inputs_of_seal(const struct sgx_keyrequest *r, const struct sgxm_secs *s,
			   struct key_inputs *in)
{
	requested(r, s, in);
	masked(r, in);
	by_policy(r, s, in);
	if (r->keypolicy & SGX_KEYPOLICY_MRENCLAVE)
		mem_copy(in->mrenclave, s->a.mrenclave, sizeof(in->mrenclave));
	if (r->keypolicy & SGX_KEYPOLICY_MRSIGNER)
		mem_copy(in->mrsigner, s->a.mrsigner, sizeof(in->mrsigner));
	mem_copy(in->keyid, r->keyid, sizeof(in->keyid));
}

static void inputs_of_report(struct sgxm *m, const struct sgx_keyrequest *r, const struct sgxm_secs *s,
			     struct key_inputs *in)
{
	in->configsvn = s->a.configsvn;
	in->cet_attributes = s->a.cet_attributes;
	in->miscselect = s->a.miscselect;
	in->attributes = s->a.attributes;
	mem_copy(in->cpusvn, m->platform->cpusvn, sizeof(in->cpusvn));
	mem_copy(in->keyid, r->keyid, sizeof(in->keyid));
	mem_copy(in->mrenclave, s->a.mrenclave, sizeof(in->mrenclave));
	mem_copy(in->configid, s->a.configid, sizeof(in->configid));
	key_padding(in->padding);
}

static void inputs_of_einittoken(const struct sgx_keyrequest *r, const struct sgxm_secs *s,
				 struct key_inputs *in)
{
	requested(r, s, in);
	in->isvprodid = s->a.isvprodid;
	mem_copy(in->mrsigner, s->a.mrsigner, sizeof(in->mrsigner));
	mem_copy(in->keyid, r->keyid, sizeof(in->keyid));
}

static void inputs_of_provision(const struct sgx_keyrequest *r, const struct sgxm_secs *s,
				struct key_inputs *in)
{
	requested(r, s, in);
	masked(r, in);
	mem_copy(in->mrsigner, s->a.mrsigner, sizeof(in->mrsigner));
	if (r->keyname == SGX_KEY_PROVISION)
		in->isvprodid = s->a.isvprodid;
	else
		by_policy(r, s, in);
}

static void collect(struct sgxm *m, const struct sgx_keyrequest *r, const struct sgxm_secs *s,
		    struct key_inputs *in)
{
	bool provision = r->keyname == SGX_KEY_PROVISION || r->keyname == SGX_KEY_PROVISION_SEAL;

	mem_zero(in, sizeof(*in));
	in->keyname = r->keyname;
	if (r->keyname == SGX_KEY_SEAL)
		inputs_of_seal(r, s, in);
	else if (r->keyname == SGX_KEY_REPORT)
		inputs_of_report(m, r, s, in);
	else if (r->keyname == SGX_KEY_EINITTOKEN)
		inputs_of_einittoken(r, s, in);
	else
		inputs_of_provision(r, s, in);
	/* provisioning outlives an owner, and PROVISION even the fuses of sealing */
	if (!provision)
		mem_copy(in->owner_epoch, m->platform->owner_epoch, sizeof(in->owner_epoch));
	if (r->keyname != SGX_KEY_PROVISION)
		key_seal_fuses(in->seal_fuses);
}

/* Checks 5 to 9: may this enclave have this key? */
static struct sgxm_out check_request(struct sgxm *m, const struct sgx_keyrequest *r,
				     const struct sgxm_secs *s)
{
	bool provision = r->keyname == SGX_KEY_PROVISION || r->keyname == SGX_KEY_PROVISION_SEAL;

	/* EGETKEY.5: KEYNAME is unknown -> INVALID_KEYNAME */
	if (r->keyname > SGX_KEY_SEAL)
		OUT_CODE("EGETKEY.5", SGXC_INVALID_KEYNAME);

	/* EGETKEY.6: the enclave lacks the attribute for the key -> INVALID_ATTRIBUTE */
	if ((r->keyname == SGX_KEY_EINITTOKEN && !(s->a.attributes.flags & SGX_ATTR_EINITTOKENKEY)) ||
	    (provision && !(s->a.attributes.flags & SGX_ATTR_PROVISIONKEY)))
		OUT_CODE("EGETKEY.6", SGXC_INVALID_ATTRIBUTE);
	if (r->keyname == SGX_KEY_REPORT)
		OUT_DONE();

	/* EGETKEY.7: CPUSVN of a newer CPU -> INVALID_CPUSVN */
	if (!cpusvn_within(r->cpusvn, m->platform->cpusvn))
		OUT_CODE("EGETKEY.7", SGXC_INVALID_CPUSVN);

	/* EGETKEY.8: ISVSVN of a newer enclave -> INVALID_ISVSVN */
	if (r->isvsvn > s->a.isvsvn)
		OUT_CODE("EGETKEY.8", SGXC_INVALID_ISVSVN);

	/* EGETKEY.9: SEAL: CONFIGSVN of a newer configuration -> INVALID_ISVSVN */
	if (r->keyname == SGX_KEY_SEAL && r->configsvn > s->a.configsvn)
		OUT_CODE("EGETKEY.9", SGXC_INVALID_ISVSVN);
	OUT_DONE();
}

struct sgxm_out sgxm_egetkey(struct sgxm *m, struct sgxm_cpu *cpu, struct sgxm_regs *regs)
{
	const struct sgxm_secs *s;
	struct operand request, output;
	struct sgx_keyrequest r;
	struct key_inputs in;
	struct sgxm_out out;
	uint8_t key[KEY_BYTES];

	OUT_GP_IF_OUTSIDE(cpu);

	/* EGETKEY.1: RBX is not 512-aligned or outside ELRANGE -> #GP(0); page refused -> #PF(RBX) */
	if (!is_aligned(regs->rbx, REQUEST_ALIGN) || !in_elrange(cpu, regs->rbx))
		OUT_GP("EGETKEY.1");
	if (!operand_walk(m, cpu, regs->rbx, SGXM_READ, &request, &out))
		OUT_AS("EGETKEY.1", out);
	if (!operand_owned(m, &request, cpu->secs_epa, regs->rbx, SGX_SECINFO_R))
		OUT_PF("EGETKEY.1", regs->rbx, PFEC_U_SGX_R);

	/* EGETKEY.2: RCX is not 16-aligned or outside ELRANGE -> #GP(0); page refused -> #PF(RCX) */
	if (!is_aligned(regs->rcx, KEY_BYTES) || !in_elrange(cpu, regs->rcx))
		OUT_GP("EGETKEY.2");
	if (!operand_walk(m, cpu, regs->rcx, SGXM_WRITE, &output, &out))
		OUT_AS("EGETKEY.2", out);
	if (!operand_owned(m, &output, cpu->secs_epa, regs->rcx, SGX_SECINFO_W))
		OUT_PF("EGETKEY.2", regs->rcx, PFEC_U_SGX_W);

	/* EGETKEY.3: a reserved part of KEYREQUEST is not 0 -> #GP(0) */
	mem_copy(&r, request.bytes, sizeof(r));
	if (request_reserved_set(&r))
		OUT_GP("EGETKEY.3");

	/* EGETKEY.4: policies or CONFIGSVN of KSS without KSS -> #GP(0) */
	s = secs_page(m, cpu->secs_epa);
	if (!(s->a.attributes.flags & SGX_ATTR_KSS) && (r.keypolicy & POLICY_OF_KSS || r.configsvn))
		OUT_GP("EGETKEY.4");

	/* EGETKEY.5 ... EGETKEY.9 */
	out = check_request(m, &r, s);
	if (out.kind != SGXM_DONE)
		return out;
	collect(m, &r, s, &in);
	key_derive(m, &in, key);
	mem_copy(output.bytes, key, sizeof(key));
	OUT_DONE();
}
