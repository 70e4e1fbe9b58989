/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SGX2 operations on ranges: RESTRICT, MODIFY_TYPES, REMOVE by ioctl; EACCEPT, EMODPE by one entry.
 * The ioctls want count and result zero at every call and never advance the range themselves.
 */
#include <errno.h>
#include <stdio.h>

#include "arch/sgx_names.h"
#include "device/internal.h"

/* What the three ioctls have in common. */
struct range_call {
	uint64_t offset, length;
	uint64_t value;         /* permissions or page type */
	uint64_t result, count; /* out */
};

struct range_kind {
	enum err_code code;
	const char *name;
	long (*call)(struct encl *en, struct range_call *c);
	void (*note)(struct encl *en, uint64_t off, uint64_t pages, uint64_t value);
};

/* ---- explanations -------------------------------------------------------------------------------- */

static const char *type_name(unsigned pt)
{
	const char *name = sgx_page_type_name(pt);

	return name ? name : "unknown";
}

static int explain_efault(struct encl *en, const struct range_kind *k, uint64_t off, uint64_t result,
			  struct err *e)
{
	const char *code = sgx_code_name(result);
	unsigned long long o = off;

	if (result == SGXC_PAGE_NOT_MODIFIABLE)
		err_set(e, ERR_NOT_ACCEPTED, EFAULT, "the page at offset 0x%llx awaits EACCEPT", o);
	else if (result)
		err_set(e, k->code, EFAULT, "%s refused the page at offset 0x%llx: %s (%llu)", k->name, o,
			code ? code : "unknown code", (unsigned long long)result);
	else if (encl_page_present(en, off) != 1)
		err_set(e, ERR_NO_PAGE, EFAULT, "no page at offset 0x%llx", o);
	else
		err_set(e, k->code, EFAULT, "%s faulted on the page at offset 0x%llx", k->name, o);
	if (e)
		e->sgx = (uint32_t)result;
	return -1;
}

static int explain_einval(struct encl *en, const struct range_kind *k, uint64_t off, uint64_t value,
			  struct err *e)
{
	struct page_note n;

	if (en->state != ENCL_INITIALIZED)
		return err_set(e, k->code, EINVAL, "%s needs an initialised enclave", k->name);
	if (ledger_get(en, off, &n))
		return err_set(e, k->code, EINVAL,
			       "%s cannot be done to the %s page at offset 0x%llx (value 0x%llx)",
			       k->name, type_name(n.pt), (unsigned long long)off, (unsigned long long)value);
	return err_set(e, k->code, EINVAL, "%s refused the page at offset 0x%llx", k->name,
		       (unsigned long long)off);
}

static int explain_eperm(struct encl *en, const struct range_kind *k, uint64_t off, struct err *e)
{
	struct page_note n;

	if (k->code != ERR_REMOVE) {
		err_set(e, k->code, EPERM, "the page at offset 0x%llx may not become a TCS",
			(unsigned long long)off);
		return err_hint(e, "it must have been added readable and writable");
	}
	if (ledger_get(en, off, &n) && n.pt != SGX_PT_TRIM) {
		err_set(e, k->code, EPERM, "the page at offset 0x%llx is not trimmed",
			(unsigned long long)off);
		return err_hint(e,
				"'sgxctl modify-type --type trim' comes first, then 'sgxctl accept', then this");
	}
	err_set(e, ERR_NOT_ACCEPTED, EPERM, "the trimmed page at offset 0x%llx was not accepted",
		(unsigned long long)off);
	return err_hint(e, en->adopted ? "the enclave itself must accept it, then the page can be removed" :
			"'sgxctl accept --type trim' comes first, then this");
}

static int range_err(struct encl *en, const struct range_kind *k, const struct range_call *c, uint64_t off,
		     int sys, struct err *e)
{
	switch (sys) {
	case EFAULT: explain_efault(en, k, off, c->result, e); break;
	case EINVAL: explain_einval(en, k, off, c->value, e); break;
	case EPERM: explain_eperm(en, k, off, e); break;
	case EAGAIN:
	case EBUSY:
		err_set(e, ERR_EAGAIN_RECLAIM, sys, "%s made no progress at offset 0x%llx", k->name,
			(unsigned long long)off);
		break;
	case ENODEV:
	case ENOTTY:
		err_set(e, ERR_NO_SGX2, sys, "%s is not to be had here", k->name);
		break;
	default:
		err_set(e, k->code, sys, "%s failed at offset 0x%llx", k->name, (unsigned long long)off);
	}
	err_offset(e, off);
	return encl_add_refusal(en, NULL, e);
}

/* ---- the loop ------------------------------------------------------------------------------------ */

static int range_op(struct encl *en, const struct range_kind *k, uint64_t off, uint64_t pages, uint64_t value,
		    uint64_t *ret_done, struct err *e)
{
	uint64_t done = 0, bytes = PAGES_TO_BYTES(pages);
	struct retry again = { 0 };
	int r = 0;

	*ret_done = 0;
	encl_forget_refusals(en);
	if (encl_check_range(en, off, pages, e))
		return -1;
	while (done < bytes) {
		struct range_call c = { .offset = off + done, .length = bytes - done, .value = value };
		long ret;
		int sys;

		if (ledger_reserve(en, e)) {
			r = -1;
			break;
		}
		ret = k->call(en, &c);
		sys = ret < 0 ? (int)-ret : ret > 0 ? EIO : 0;
		if (c.count > bytes - done) {
			r = err_set(e, k->code, EIO, "%s reports more pages than asked for", k->name);
			break;
		}
		k->note(en, off + done, BYTES_TO_PAGES(c.count), value);
		done += c.count;
		if (c.count)
			retry_progress(&again);
		if (!sys && c.count)
			continue;
		if (!retry_again(&again, sys ? sys : EAGAIN)) {
			r = range_err(en, k, &c, off + done, sys ? sys : EAGAIN, e);
			break;
		}
	}
	*ret_done = BYTES_TO_PAGES(done);
	return r;
}

/* ---- RESTRICT_PERMISSIONS ------------------------------------------------------------------------ */

static long call_restrict(struct encl *en, struct range_call *c)
{
	struct sgx_enclave_restrict_permissions a = {
		.offset = c->offset, .length = c->length, .permissions = c->value,
	};
	long r = encl_ioctl(en, SGX_IOC_ENCLAVE_RESTRICT_PERMISSIONS, &a);

	c->result = a.result;
	c->count = a.count;
	return r;
}

static void change_restrict(struct page_note *n, const void *arg)
{
	n->rwx &= *(const unsigned *)arg;
	n->pr = true;
	n->accepted = false;
}

static void note_restrict(struct encl *en, uint64_t off, uint64_t pages, uint64_t value)
{
	unsigned rwx = (unsigned)value;

	ledger_apply(en, off, pages, change_restrict, &rwx);
}

int encl_restrict(struct encl *en, uint64_t off, uint64_t pages, unsigned rwx, uint64_t *ret_done,
		  struct err *e)
{
	static const struct range_kind kind = {
		ERR_RESTRICT, "RESTRICT_PERMISSIONS", call_restrict, note_restrict,
	};

	*ret_done = 0;
	return encl_check_rwx(rwx, e) ? -1 : range_op(en, &kind, off, pages, rwx, ret_done, e);
}

/* ---- MODIFY_TYPES -------------------------------------------------------------------------------- */

static long call_modify(struct encl *en, struct range_call *c)
{
	struct sgx_enclave_modify_types a = {
		.offset = c->offset, .length = c->length, .page_type = c->value,
	};
	long r = encl_ioctl(en, SGX_IOC_ENCLAVE_MODIFY_TYPES, &a);

	c->result = a.result;
	c->count = a.count;
	return r;
}

static void change_type(struct page_note *n, const void *arg)
{
	n->pt = *(const unsigned *)arg;
	n->rwx = 0;
	n->modified = true;
	n->accepted = false;
}

static void note_type(struct encl *en, uint64_t off, uint64_t pages, uint64_t value)
{
	unsigned pt = (unsigned)value;

	ledger_apply(en, off, pages, change_type, &pt);
}

int encl_modify_type(struct encl *en, uint64_t off, uint64_t pages, unsigned pt, uint64_t *ret_done,
		     struct err *e)
{
	static const struct range_kind kind = { ERR_MODIFY_TYPE, "MODIFY_TYPES", call_modify, note_type };

	return range_op(en, &kind, off, pages, pt, ret_done, e);
}

/* ---- REMOVE_PAGES -------------------------------------------------------------------------------- */

static long call_remove(struct encl *en, struct range_call *c)
{
	struct sgx_enclave_remove_pages a = { .offset = c->offset, .length = c->length };
	long r = encl_ioctl(en, SGX_IOC_ENCLAVE_REMOVE_PAGES, &a);

	c->count = a.count;
	return r;
}

static void note_remove(struct encl *en, uint64_t off, uint64_t pages, uint64_t value)
{
	(void)value;
	ledger_clear(en, off, pages);
	__atomic_fetch_add(&en->removed, pages, __ATOMIC_RELAXED);
}

int encl_remove(struct encl *en, uint64_t off, uint64_t pages, uint64_t *ret_done, struct err *e)
{
	static const struct range_kind kind = { ERR_REMOVE, "REMOVE_PAGES", call_remove, note_remove };

	return range_op(en, &kind, off, pages, 0, ret_done, e);
}

/* ---- EACCEPT, EMODPE ----------------------------------------------------------------------------- */

static void change_accept(struct page_note *n, const void *arg)
{
	uint64_t flags = *(const uint64_t *)arg;

	n->pt = (unsigned)(flags >> SGX_SECINFO_PT_SHIFT) & 0xff;
	if (n->pt == SGX_PT_REG)
		n->rwx = (unsigned)flags & SGX_SECINFO_RWX;
	n->accepted = true;
	n->pending = n->modified = n->pr = false;
}

static int leaf_op(struct encl *en, struct encl_op *op, uint64_t off, uint64_t pages, enum err_code code,
		   const char *leaf, uint64_t *ret_done, struct err *e)
{
	struct encl_exit x;
	int r;

	*ret_done = 0;
	encl_forget_refusals(en);
	if (encl_check_range(en, off, pages, e) || encl_need_ops(en, e) || ledger_reserve(en, e))
		return -1;
	op->addr = en->base + off;
	op->pages = pages;
	r = encl_run_op(en, op, &x, e);
	*ret_done = encl_op_done(op);
	if (r)
		return -1;
	return op->status == ENCL_OK ? 0 : encl_op_err(en, op, code, leaf, e);
}

int encl_accept(struct encl *en, uint64_t off, uint64_t pages, uint64_t flags, uint64_t *ret_done,
		struct err *e)
{
	struct encl_op op = { .op = ENCL_OP_ACCEPT, .flags = flags };
	int r = leaf_op(en, &op, off, pages, ERR_ACCEPT, "EACCEPT", ret_done, e);

	/* a fresh page may have come by a fault of its own, then this is the first that is heard of it */
	if (flags & SGX_SECINFO_PENDING)
		encl_note_accepted(en, off, *ret_done, (unsigned)flags & SGX_SECINFO_RWX);
	else
		ledger_apply(en, off, *ret_done, change_accept, &flags);
	if (flags == (SGX_SECINFO_TCS | SGX_SECINFO_MODIFIED))
		for (uint64_t i = 0; i < *ret_done; i++)
			encl_tcs_add(en, off + PAGES_TO_BYTES(i));
	return r;
}

static void change_extend(struct page_note *n, const void *arg)
{
	n->rwx |= *(const unsigned *)arg;
}

int encl_extend(struct encl *en, uint64_t off, uint64_t pages, uint64_t flags, uint64_t *ret_done,
		struct err *e)
{
	struct encl_op op = { .op = ENCL_OP_EXTEND, .flags = flags };
	unsigned rwx = (unsigned)flags & SGX_SECINFO_RWX;
	int r = leaf_op(en, &op, off, pages, ERR_ACCEPT, "EMODPE", ret_done, e);

	ledger_apply(en, off, *ret_done, change_extend, &rwx);
	return r;
}
