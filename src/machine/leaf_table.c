/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of leafs and their checks, for documents and coverage. */
#include "machine/leaf/checks_encls.h"
#include "machine/leaf/checks_enclu.h"

/* LEAF(NAME, name, user, sgx2, status) */
#define LEAF(NAME, name, is_user, is_sgx2, is_status) \
	{ #NAME, SGX_##NAME, is_user, is_sgx2, is_status, name##_checks, \
	  sizeof(name##_checks) / sizeof(name##_checks[0]) }
#define NO_LEAF(NAME, name, is_user) \
	{ #NAME, SGXM_NO_LEAF, is_user, false, false, name##_checks, \
	  sizeof(name##_checks) / sizeof(name##_checks[0]) }

const struct sgxm_leaf sgxm_leafs[] = {
	LEAF(ECREATE, ecreate, false, false, false),
	LEAF(EADD, eadd, false, false, false),
	LEAF(EINIT, einit, false, false, true),
	LEAF(EREMOVE, eremove, false, false, true),
	LEAF(EDBGRD, edbgrd, false, false, true),
	LEAF(EDBGWR, edbgwr, false, false, true),
	LEAF(EEXTEND, eextend, false, false, false),
	LEAF(ELDB, eldb, false, false, true),
	LEAF(ELDU, eldu, false, false, true),
	LEAF(EBLOCK, eblock, false, false, true),
	LEAF(EPA, epa, false, false, false),
	LEAF(EWB, ewb, false, false, true),
	LEAF(ETRACK, etrack, false, false, true),
	LEAF(EAUG, eaug, false, true, false),
	LEAF(EMODPR, emodpr, false, true, true),
	LEAF(EMODT, emodt, false, true, true),
	LEAF(EREPORT, ereport, true, false, false),
	LEAF(EGETKEY, egetkey, true, false, true),
	LEAF(EENTER, eenter, true, false, false),
	LEAF(ERESUME, eresume, true, false, false),
	LEAF(EEXIT, eexit, true, false, false),
	LEAF(EACCEPT, eaccept, true, true, true),
	LEAF(EMODPE, emodpe, true, true, false),
	LEAF(EACCEPTCOPY, eacceptcopy, true, true, true),
	LEAF(EDECCSSA, edeccssa, true, false, false),
	NO_LEAF(ENCLS, encls, false),
	NO_LEAF(ENCLU, enclu, true),
	NO_LEAF(ACCESS, access, true),
	NO_LEAF(EPCM, epcm, true),
};

const size_t sgxm_n_leafs = sizeof(sgxm_leafs) / sizeof(sgxm_leafs[0]);
