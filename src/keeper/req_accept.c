/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * accept: EACCEPT of a range with the SECINFO the request spells: "flags", or "type", "perm" and the bits
 * "pending", "modified", "pr".  Without any of these, a fresh page: reg, rw-, pending.
 */
#include "arch/sgx_names.h"
#include "keeper/req_range.h"

static int run(struct encl *en, uint64_t off, uint64_t pages, uint64_t value, uint64_t *ret_done,
	       struct err *e)
{
	return encl_accept(en, off, pages, value, ret_done, e);
}

static int add_bit(const struct json *body, const char *key, uint64_t bit, uint64_t *flags, struct err *e)
{
	bool set = false;

	if (arg_bool(body, key, &set, e))
		return -1;
	if (set)
		*flags |= bit;
	return 0;
}

static int spell(const struct json *body, uint64_t *ret, struct err *e)
{
	uint64_t flags = 0, pt = SGX_PT_REG;
	const char *type = NULL;
	unsigned rwx = 0;

	if (add_bit(body, "pending", SGX_SECINFO_PENDING, &flags, e) ||
	    add_bit(body, "modified", SGX_SECINFO_MODIFIED, &flags, e) ||
	    add_bit(body, "pr", SGX_SECINFO_PR, &flags, e) || arg_str(body, "type", &type, e))
		return -1;
	if (type && sgx_name_value(sgx_page_type_names, type, &pt))
		return err_set(e, ERR_USAGE, 0, "'%.20s' is no page type", type);
	/* what EMODT leaves has no rights, and must be accepted as modified */
	if (pt != SGX_PT_REG && !flags)
		flags = SGX_SECINFO_MODIFIED;
	if (!flags)
		flags = SGX_SECINFO_PENDING;
	if (pt == SGX_PT_REG)
		rwx = PERM_RW;
	if (arg_perm(body, "perm", &rwx, e))
		return -1;
	*ret = flags | rwx | SGX_SECINFO_PT(pt);
	return 0;
}

struct json *req_accept(struct keeper *k, struct request *r, struct err *e)
{
	uint64_t flags = 0;

	if (json_get(r->body, "flags") ? arg_u64(r->body, "flags", &flags, e) : spell(r->body, &flags, e))
		return NULL;
	return range_request_run(k, r, "accept", run, flags, "accepted_pages", describe_flags, e);
}
