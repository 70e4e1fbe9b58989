/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What really happened.  Calls are counted where they are made; what only the CPU or the kernel sees
 * (asynchronous exits, page-table entries) comes from a model, or is unknown.
 */
#include "device/internal.h"

void encl_counters_get(struct encl *en, struct encl_counters *c)
{
	struct model_counters m;

#define LOAD(f) c->f = __atomic_load_n(&en->counters.f, __ATOMIC_RELAXED);
	ENCL_COUNTERS(LOAD)
#undef LOAD
	/* those of a program's enclave are the program's, as far as anybody can tell */
	if (en->adopted || model_get_counters(en, &m)) {
		c->aexs = COUNTER_UNKNOWN;
		c->ptes = COUNTER_UNKNOWN;
	} else {
		c->aexs = m.aexs;
		c->ptes = m.ptes;
	}
}

int encl_counters_total(struct encl *en, struct encl_counters *c, uint64_t *ret_augmented)
{
	struct model_counters m;

	if (model_get_counters(en, &m))
		return -1;
	*c = (struct encl_counters){
		.ioctls = COUNTER_UNKNOWN, .mmaps = COUNTER_UNKNOWN, .user_exits = COUNTER_UNKNOWN,
		.host_faults = m.host_faults, .eenters = m.eenters, .eexits = m.eexits, .eresumes = m.eresumes,
		.aexs = m.aexs, .eaccepts = m.eaccepts, .eacceptcopies = m.eacceptcopies, .ptes = m.ptes,
	};
	*ret_augmented = m.eaugs;
	return 0;
}

void encl_counters_sub(const struct encl_counters *after, const struct encl_counters *before,
		       struct encl_counters *ret_diff)
{
#define SUB(f) ret_diff->f = after->f == COUNTER_UNKNOWN || before->f == COUNTER_UNKNOWN ? \
		COUNTER_UNKNOWN : after->f - before->f;
	ENCL_COUNTERS(SUB)
#undef SUB
}
