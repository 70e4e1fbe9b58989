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
	if (model_get_counters(en, &m)) {
		c->aexs = COUNTER_UNKNOWN;
		c->ptes = COUNTER_UNKNOWN;
	} else {
		c->aexs = m.aexs;
		c->ptes = m.ptes;
	}
}

void encl_counters_sub(const struct encl_counters *after, const struct encl_counters *before,
		       struct encl_counters *ret_diff)
{
#define SUB(f) ret_diff->f = after->f == COUNTER_UNKNOWN || before->f == COUNTER_UNKNOWN ? \
		COUNTER_UNKNOWN : after->f - before->f;
	ENCL_COUNTERS(SUB)
#undef SUB
}
