/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Why a call was refused.  The driver answers with one errno where the CPU had many reasons; here the reason
 * is worked out again from what the tool knows (plan, SIGSTRUCT, ledger) or asked from a model.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "arch/sgx_names.h"
#include "base/fmt.h"
#include "device/internal.h"

/* ---- building ------------------------------------------------------------------------------------ */

int encl_explain_create(struct encl *en, int sys, struct err *e)
{
	const struct sgx_arch_secs *s = &en->secs;

	switch (sys) {
	case ENOMEM:
		err_set(e, ERR_NO_EPC, sys, "CREATE found no free EPC page");
		break;
	case EINVAL:
		err_set(e, ERR_CREATE, sys, "CREATE refused the size 0x%llx: it is no power of two",
			(unsigned long long)s->size);
		break;
	case EIO:
		err_set(e, ERR_CREATE, sys,
			"ECREATE faulted: the CPU takes no enclave of size 0x%llx, SSAFRAMESIZE %u, MISCSELECT "
			"0x%x, ATTRIBUTES 0x%llx, XFRM 0x%llx", (unsigned long long)s->size, s->ssaframesize,
			s->miscselect, (unsigned long long)s->attributes.flags,
			(unsigned long long)s->attributes.xfrm);
		err_hint(e,
			 "'sgxctl info' shows the largest size and the attributes of this CPU; an XFRM with "
			    "more features needs a larger SSAFRAMESIZE");
		break;
	default:
		err_set(e, ERR_CREATE, sys, "CREATE failed");
	}
	return encl_add_refusal(en, "ECREATE", e);
}

static int init_eacces(const struct encl *en, struct err *e)
{
	/* what the driver allows without being asked */
	uint64_t denied = en->secs.attributes.flags &
		~(uint64_t)(SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_KSS | SGX_ATTR_INIT);
	char names[SGX_BITS_TEXT];

	sgx_bits_text(sgx_attr_bit_names, denied, names, sizeof(names));
	err_set(e, ERR_INIT, EACCES, "the driver does not grant attributes 0x%llx (%s)",
		(unsigned long long)denied, names);
	return err_hint(e, "PROVISIONKEY needs an open %s; EINITTOKENKEY is never granted",
			SGX_DEV_PROVISION);
}

/* EPERM: EINIT returned a code that the driver keeps to itself. */
static int init_eperm(struct encl *en, struct err *e)
{
	const struct sgx_arch_sigstruct *sig = &en->sigstruct;
	const struct sgx_arch_secs *secs = &en->secs;
	uint8_t mrenclave[32];
	struct err why = { 0 };

	if (plan_measure(&en->plan, mrenclave, NULL, NULL, &why))
		return err_set(e, ERR_INIT, EPERM,
			       "EINIT refused the enclave, and it cannot be measured again: %s", why.msg);
	if (memcmp(mrenclave, sig->enclavehash, sizeof(mrenclave)))
		return err_set(e, ERR_SIGSTRUCT_MISMATCH, EPERM,
			       "the SIGSTRUCT was made for another MRENCLAVE");
	if (sigstruct_verify(sig, &why)) {
		err_set(e, ERR_BAD_SIGSTRUCT, EPERM, "EINIT refused the SIGSTRUCT: %s", why.msg);
		return -1;
	}
	if (((secs->attributes.flags ^ sig->attributes.flags) & sig->attributemask.flags & ~(uint64_t)SGX_ATTR_INIT) ||
	    ((secs->attributes.xfrm ^ sig->attributes.xfrm) & sig->attributemask.xfrm) ||
	    ((secs->miscselect ^ sig->miscselect) & sig->miscmask)) {
		err_set(e, ERR_SIGSTRUCT_MISMATCH, EPERM,
			"ATTRIBUTES 0x%llx, XFRM 0x%llx or MISCSELECT 0x%x differ from what the SIGSTRUCT demands",
			(unsigned long long)secs->attributes.flags, (unsigned long long)secs->attributes.xfrm,
			secs->miscselect);
		return err_hint(e, "the device cannot give the enclave what its SIGSTRUCT demands");
	}
	return err_set(e, ERR_INIT, EPERM, "EINIT refused the enclave");
}

int encl_explain_init(struct encl *en, int sys, struct err *e)
{
	switch (sys) {
	case EPERM:
		init_eperm(en, e);
		break;
	case EACCES:
		init_eacces(en, e);
		break;
	case EINVAL:
		err_set(e, ERR_INIT, sys,
			"the driver refused the SIGSTRUCT before EINIT: its vendor, or attribute, XFRM or MISCSELECT "
			"bits that this CPU reserves");
		break;
	case EIO:
		err_set(e, ERR_INIT, sys,
			"EINIT faulted: the EPC contents may be lost (suspend), load again");
		break;
	default:
		err_set(e, ERR_INIT, sys, "INIT failed");
	}
	return encl_add_refusal(en, "EINIT", e);
}

/* ---- pages --------------------------------------------------------------------------------------- */

struct present {
	bool any;
};

static int saw_page(void *arg, const struct model_range *r)
{
	((struct present *)arg)->any |= r->valid;
	return 0;
}

int encl_page_present(struct encl *en, uint64_t off)
{
	struct present p = { 0 };
	struct page_note n;
	uint8_t byte;
	ssize_t got;

	if (!model_each_range(en, off, 1, saw_page, &p))
		return p.any;
	if (ledger_get(en, off, &n))
		return 1;
	if (!en->debug)
		return -1;
	/* the driver answers EIO where no page is, and adds none; elsewhere this is no enclave mapping */
	got = en->dev->ops->peek(en->dev, en->base + off, &byte, sizeof(byte));
	return got == 1 ? 1 : got == -EIO ? 0 : -1;
}

static bool model_epc_full(struct encl *en)
{
	struct model_counters c;

	return !model_get_counters(en, &c) && c.epc_used >= c.epc_total;
}

int encl_explain_augment(struct encl *en, uint64_t off, long returned, int sys, struct err *e)
{
	unsigned long long o = off;
	int present = encl_page_present(en, off);

	if (sys == ENOTTY) {
		err_set(e, ERR_NO_AUGMENT_IOCTL, sys, "this kernel has no AUGMENT_PAGES ioctl");
		if (en->adopted)
			err_hint(e, "here pages come when the enclave itself touches or accepts them; "
				 "'sgxctl run --kernel=rfc' has the ioctl");
	} else if (sys == EBUSY && present != 1) {
		err_set(e, ERR_AUGMENT, sys, "another process keeps using this enclave's fd");
	} else if (present == 1) {
		err_set(e, ERR_PAGE_EXISTS, sys, "there is a page at offset 0x%llx already", o);
	} else if (en->sgx2 < 0) {
		err_set(e, ERR_NO_SGX2, sys, "the page at offset 0x%llx cannot be added: no SGX2 here (%s)",
			o,
			errno_name(-en->sgx2));
	} else if (sys == EINVAL) {
		err_set(e, ERR_AUGMENT, sys, en->state == ENCL_INITIALIZED ?
			"AUGMENT_PAGES refused the range at offset 0x%llx" :
			"AUGMENT_PAGES needs an initialised enclave (offset 0x%llx)", o);
	} else if (sys == ENOMEM || returned == SGX_AUGMENT_RFC_REFUSED || model_epc_full(en)) {
		err_set(e, ERR_NO_EPC, sys, "no EPC page for offset 0x%llx", o);
	} else {
		err_set(e, ERR_AUGMENT, sys, "the page at offset 0x%llx could not be added", o);
	}
	if (e)
		e->returned = returned;
	err_offset(e, off);
	return encl_add_refusal(en, NULL, e);
}

/* ---- mappings ------------------------------------------------------------------------------------ */

static unsigned prot_rwx(int prot)
{
	return (prot & PROT_READ ? SGX_SECINFO_R : 0u) | (prot & PROT_WRITE ? SGX_SECINFO_W : 0u) |
	       (prot & PROT_EXEC ? SGX_SECINFO_X : 0u);
}

int encl_explain_map(struct encl *en, uint64_t off, uint64_t pages, int prot, int sys, struct err *e)
{
	unsigned long long o = off, n = pages;
	char perm[4];

	perm_str(prot_rwx(prot), perm);
	switch (sys) {
	case EACCES:
		err_set(e, ERR_MAP, sys,
			"the driver refuses to map %llu pages at offset 0x%llx %s: a page there "
			"was added with fewer rights", n, o, perm);
		if (ledger_known(en, off, pages) == 0)
			err_hint(e, "no page is known there: does this process have READ_IMPLIES_EXEC "
				    "(/proc/self/personality), or is /dev mounted noexec?");
		break;
	case EPERM:
		err_set(e, ERR_DEVICE_NOEXEC, sys, "offset 0x%llx cannot be mapped %s", o, perm);
		break;
	case ENOMEM:
		err_set(e, ERR_MAP, sys, "no memory to map %llu pages at offset 0x%llx %s", n, o, perm);
		err_hint(e, "enclave mappings never merge: vm.max_map_count may be used up");
		break;
	default:
		err_set(e, ERR_MAP, sys, "cannot map %llu pages at offset 0x%llx %s", n, o, perm);
	}
	return err_offset(e, off);
}

/* ---- exits --------------------------------------------------------------------------------------- */

static const char *access_word(unsigned errcd)
{
	return errcd & SGX_PFEC_I ? "fetch" : errcd & SGX_PFEC_W ? "write" : "read";
}

/* The sentence that a page fault deserves: who refused, and what is known of the page. */
static void explain_pf(struct encl *en, const struct encl_exit *x, uint64_t off, char *why, size_t bytes)
{
	struct page_note n;
	bool known = ledger_get(en, off, &n);

	if (x->errcd & SGX_PFEC_SGX) {
		if (!known)
			snprintf(why, bytes,
				 "the EPCM refused it: the page was just added and awaits EACCEPT, or "
				 "the EPC was lost");
		else if (n.pt == SGX_PT_TRIM)
			snprintf(why, bytes, "the page is trimmed");
		else if (n.pending)
			snprintf(why, bytes,
				 "the page is pending: the enclave has not accepted it (EACCEPT)");
		else if (n.modified || n.pr)
			snprintf(why, bytes,
				 "the page was modified, and the enclave has not accepted that (EACCEPT)");
		else
			snprintf(why, bytes, "the EPCM rights of the page do not allow it");
	} else if (x->errcd & SGX_PFEC_P) {
		snprintf(why, bytes, "the mapping does not allow it");
	} else {
		snprintf(why, bytes, known ? "the mapping does not allow it, or exceeds the page's rights" :
			 "no page is there and none could be added: not mapped, mapped without the right, or no "
			 "EPC left");
	}
}

static int pf_err(struct encl *en, const struct encl_exit *x, struct err *e)
{
	uint64_t off = x->addr - en->base;
	char why[160];

	if (off >= en->size)
		return err_set(e, ERR_ENCLAVE_FAULT, 0,
			       "page fault outside ELRANGE: %s of 0x%llx, error code 0x%x",
			       access_word(x->errcd), (unsigned long long)x->addr, x->errcd);
	explain_pf(en, x, off, why, sizeof(why));
	err_set(e, ERR_ENCLAVE_FAULT, 0, "page fault at offset 0x%llx (%s, error code 0x%x): %s",
		(unsigned long long)off, access_word(x->errcd), x->errcd, why);
	return err_offset(e, off);
}

static int entry_err(const struct encl_exit *x, struct err *e)
{
	const char *name = sgx_vector_name(x->vector);

	err_set(e, ERR_ENTRY_REFUSED, 0, "EENTER was refused with %s, error code 0x%x", name ? name :
		"an exception",
		x->errcd);
	return err_hint(e, x->vector == SGX_VEC_GP ?
			"the TCS is in use, has no free SSA frame left (stopped after exceptions), or the enclave is "
			"not initialised" :
			"the TCS or its SSA is not there, not accepted, or was trimmed");
}

int encl_fault_err(const struct encl *en, const struct encl_exit *x, struct err *e)
{
	/* the ledger has its lock in the enclave; looking something up changes nothing else */
	struct encl *look = (struct encl *)(uintptr_t)en;
	const char *name = sgx_vector_name(x->vector);

	if (x->function == SGX_EENTER) {
		entry_err(x, e);
		return encl_add_refusal(look, "EENTER", e);
	}
	if (x->vector == SGX_VEC_PF)
		pf_err(look, x, e);
	else
		err_set(e, ERR_ENCLAVE_FAULT, 0, "the enclave raised %s (vector %u, error code 0x%x)",
			name ? name : "an exception", x->vector, x->errcd);
	return encl_add_fault_refusal(look, x->vector, e);
}

/* EACCEPT found another page than the one that was described. */
static int mismatch_hint(const struct encl *en, uint64_t off, struct err *e)
{
	struct page_note n;
	char perm[4];

	if (!ledger_get((struct encl *)(uintptr_t)en, off, &n))
		return err_hint(e, "no page is known there: was it added, and is the offset right?");
	if (n.modified)
		return err_hint(e, "its type was changed: 'sgxctl accept --type %s' (flags 0x%x)",
				n.pt == SGX_PT_TRIM ? "trim" : "tcs", n.pt << SGX_SECINFO_PT_SHIFT | SGX_SECINFO_MODIFIED);
	if (n.pr)
		return err_hint(e, "its rights were restricted: 'sgxctl accept --pr --perm %s'", perm_str(n.rwx, perm));
	if (n.pending)
		return err_hint(e, "it is a pending page with the rights rw-: 'sgxctl accept', without other flags");
	return err_hint(e, "it is accepted already, with the rights %s", perm_str(n.rwx, perm));
}

int encl_op_err(const struct encl *en, const struct encl_op *op, enum err_code code, const char *leaf,
		struct err *e)
{
	uint64_t at = op->opt & ENCL_OPT_DOWN ? op->pages - 1 - op->done : op->done;
	uint64_t off = op->addr - en->base + PAGES_TO_BYTES(at);
	const char *name;

	switch (op->status) {
	case ENCL_REFUSED:
		name = sgx_code_name(op->sgx);
		err_set(e, code, 0, "%s refused the page at offset 0x%llx: %s (%llu)", leaf,
			(unsigned long long)off, name ? name : "unknown code", (unsigned long long)op->sgx);
		if (e)
			e->sgx = (uint32_t)op->sgx;
		if (op->sgx == SGXC_PAGE_ATTRIBUTES_MISMATCH)
			mismatch_hint(en, off, e);
		err_offset(e, off);
		return encl_add_refusal((struct encl *)(uintptr_t)en, NULL, e);
	case ENCL_BAD_OP:
		return err_set(e, ERR_NO_OP, 0, "this enclave has no operation %llu",
			       (unsigned long long)op->op);
	case ENCL_BAD_ARG:
		return err_set(e, ERR_OP_FAILED, 0, "the enclave refused the arguments of the operation");
	default:
		return err_set(e, ERR_OP_FAILED, 0, "the enclave ended the operation with status %llu",
			       (unsigned long long)op->status);
	}
}
