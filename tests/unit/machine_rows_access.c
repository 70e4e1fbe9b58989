/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ordinary accesses of enclave code. */
#include "machine_rows.h"

#include <string.h>

#define E(epa) (*host_epcm(epa))
#define O(epa) (*host_owner(epa))
#define DATA EPC_OF(OFF_DATA)
#define LA (BASE + OFF_DATA + 0x123)

static void refused(const char *id, uint64_t la, enum sgxm_access access, enum sgxm_walk walk, uint64_t epa,
		    uint32_t pfec)
{
	struct sgxm_out out = sgxm_access(&host.m, &host.cpu, la, access, walk, epa);

	ok(out.kind == SGXM_PF && out.addr == la && out.pfec == pfec && !strcmp(out.check, id),
	   "access: %s refuses with %#x", id, pfec);
	rows_saw(id);
}

static bool allowed(uint64_t la, enum sgxm_access access, enum sgxm_walk walk, uint64_t epa)
{
	return sgxm_access(&host.m, &host.cpu, la, access, walk, epa).kind == SGXM_DONE;
}

/* Each bit of the EPCM entry, refused alike for all three kinds of access */
static void spoiled(const char *id, uint64_t set, uint64_t clear)
{
	rows_restore();
	E(DATA).word = (E(DATA).word | set) & ~clear;
	refused(id, LA, SGXM_READ, SGXM_WALK_EPC, DATA, FEC_R);
	refused(id, LA, SGXM_WRITE, SGXM_WALK_EPC, DATA, FEC_W);
	refused(id, LA, SGXM_FETCH, SGXM_WALK_EPC, DATA, FEC_X);
	is_u64(sgxm_epcm_usable(&E(DATA)), 0, "access: %s leaves nothing usable", id);
}

void rows_access(void)
{
	struct sgxm_out out;

	host_start(ATTR_TEST);
	ok(allowed(LA, SGXM_FETCH, SGXM_WALK_EPC, DATA), "access: from outside there is no EPCM check");
	host_enter(&host.cpu, OFF_TCS);
	E(DATA).word |= SGXM_E_X;
	rows_begin("access", true);

	out = sgxm_access(&host.m, &host.cpu, BASE + SIZE, SGXM_FETCH, SGXM_WALK_PF, 0);
	ok(out.kind == SGXM_GP && !strcmp(out.check, "ACCESS.2"),
	   "access: a fetch outside ELRANGE is #GP first");
	rows_saw("ACCESS.2");
	refused("ACCESS.3", LA, SGXM_WRITE, SGXM_WALK_PF, 0, 0x6);
	refused("ACCESS.3", BASE + SIZE, SGXM_READ, SGXM_WALK_PF, 0, 0x4);
	refused("ACCESS.8", LA, SGXM_READ, SGXM_WALK_MEM, 0, FEC_R);
	refused("ACCESS.8", LA, SGXM_WRITE, SGXM_WALK_EPC, 0x1000, FEC_W);
	ok(allowed(BASE - 1, SGXM_WRITE, SGXM_WALK_MEM, 0),
	   "access: data outside ELRANGE is ordinary memory");
	ok(allowed(BASE + SIZE, SGXM_READ, SGXM_WALK_EPC, DATA),
	   "access: EPC outside ELRANGE is an abort page");

	spoiled("EPCM.1", 0, SGXM_E_VALID);
	spoiled("EPCM.2", SGXM_E_BLOCKED, 0);
	spoiled("EPCM.4", SGX_PT_TCS << SGXM_E_PT_SHIFT, SGX_PT_REG << SGXM_E_PT_SHIFT);
	spoiled("EPCM.4", SGX_PT_TRIM << SGXM_E_PT_SHIFT, SGX_PT_REG << SGXM_E_PT_SHIFT);
	spoiled("EPCM.5", SGXM_E_PENDING, 0);
	spoiled("EPCM.6", SGXM_E_MODIFIED, 0);
	spoiled("EPCM.8", 0, SGXM_E_R | SGXM_E_W | SGXM_E_X);
	rows_restore();
	O(DATA).secs_epa += 0x1000;
	refused("EPCM.3", LA, SGXM_READ, SGXM_WALK_EPC, DATA, FEC_R);
	rows_restore();
	O(DATA).la += 0x1000;
	refused("EPCM.7", LA, SGXM_READ, SGXM_WALK_EPC, DATA, FEC_R);

	rows_restore();
	E(DATA).word |= SGXM_E_PR;
	ok(allowed(LA, SGXM_READ, SGXM_WALK_EPC, DATA) && allowed(LA, SGXM_WRITE, SGXM_WALK_EPC, DATA) &&
	   allowed(LA, SGXM_FETCH, SGXM_WALK_EPC, DATA), "access: PR does not matter");
	is_u64(sgxm_epcm_usable(&E(DATA)), 7, "access: everything is usable");
	ok(allowed(BASE + OFF_XO, SGXM_FETCH, SGXM_WALK_EPC, EPC_OF(OFF_XO)),
	   "access: an execute-only page runs");
	refused("EPCM.8", BASE + OFF_XO, SGXM_READ, SGXM_WALK_EPC, EPC_OF(OFF_XO), FEC_R);
	refused("EPCM.8", BASE + OFF_RO, SGXM_WRITE, SGXM_WALK_EPC, EPC_OF(OFF_RO), FEC_W);
}
