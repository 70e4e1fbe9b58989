/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tracking word of a SECS.
 *
 *   bits 17:0    logical processors that entered in the current epoch
 *   bits 35:18   ... that entered before it and have not left
 *   bit  36      an IPI happened in this epoch: all who are inside count as current
 *   bits 63:37   epoch, 1 ... 2^27 - 1, then 1 again
 *
 * A thread remembers the epoch of its entry.  At its exit that epoch says which counter it is in,
 * except after sgxm_ipi(), which moves everybody to the current one: hence bit 36.
 */
#include "machine/track.h"

#include "machine/epcm.h"

#define COUNT_BITS 18
#define COUNT_MAX  ((1ull << COUNT_BITS) - 1)
#define PREV_SHIFT COUNT_BITS
#define IPI        (1ull << 36)
#define EPOCH_SHIFT 37
#define EPOCH_MAX  ((1ull << 27) - 1)

static uint64_t cur_of(uint64_t w) { return w & COUNT_MAX; }
static uint64_t prev_of(uint64_t w) { return (w >> PREV_SHIFT) & COUNT_MAX; }
static uint32_t epoch_of(uint64_t w) { return (uint32_t)(w >> EPOCH_SHIFT); }

static uint64_t load(const struct sgxm_secs *s)
{
	return __atomic_load_n(&s->track, __ATOMIC_ACQUIRE);
}

static bool swap(struct sgxm_secs *s, uint64_t *from, uint64_t to)
{
	return __atomic_compare_exchange_n(&s->track, from, to, true, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

void track_init(struct sgxm_secs *s)
{
	__atomic_store_n(&s->track, 1ull << EPOCH_SHIFT, __ATOMIC_RELEASE);
}

bool track_enter(struct sgxm_secs *s, uint32_t *ret_epoch)
{
	uint64_t w = load(s);

	do {
		/* the sum, so that an IPI cannot overflow the current count either */
		if (cur_of(w) + prev_of(w) >= COUNT_MAX)
			return false;
	} while (!swap(s, &w, w + 1));
	*ret_epoch = epoch_of(w);
	return true;
}

void track_leave(struct sgxm_secs *s, uint32_t epoch)
{
	uint64_t w = load(s), one;

	do {
		one = (w & IPI) || epoch == epoch_of(w) ? 1 : 1ull << PREV_SHIFT;
		/* a count that is 0 already belongs to a SECS that somebody scribbled over */
		if (!(w & (one * COUNT_MAX)))
			return;
	} while (!swap(s, &w, w - one));
}

void track_refresh(struct sgxm_secs *s, uint32_t *epoch)
{
	uint64_t w = load(s);
	bool current;

	do {
		current = (w & IPI) || *epoch == epoch_of(w) || !prev_of(w);
	} while (!current && !swap(s, &w, w - (1ull << PREV_SHIFT) + 1));
	*epoch = epoch_of(w);
}

bool track_advance(struct sgxm_secs *s)
{
	uint64_t w = load(s), next;

	do {
		if (prev_of(w))
			return false;
		next = epoch_of(w) >= EPOCH_MAX ? 1 : epoch_of(w) + 1ull;
	} while (!swap(s, &w, next << EPOCH_SHIFT | cur_of(w) << PREV_SHIFT));
	return true;
}

uint32_t track_stamp(const struct sgxm_secs *s)
{
	return epoch_of(load(s));
}

bool track_is_complete(const struct sgxm_secs *s, uint32_t stamp)
{
	uint64_t w = load(s);
	uint32_t next = stamp >= EPOCH_MAX ? 1 : stamp + 1;

	if (!stamp)
		return true;
	if (stamp == epoch_of(w))
		return false;
	return next != epoch_of(w) || prev_of(w) == 0;
}

unsigned track_inside(const struct sgxm_secs *s)
{
	uint64_t w = load(s);

	return (unsigned)(cur_of(w) + prev_of(w));
}

static struct sgxm_secs *secs_at(struct sgxm *m, uint64_t secs_epa)
{
	const struct sgxm_epcm *e = m->ops->epcm(m->host, secs_epa);

	return e && epcm_is_secs(e) ? (void *)m->ops->page(m->host, secs_epa) : NULL;
}

unsigned sgxm_ipi(struct sgxm *m, uint64_t secs_epa)
{
	struct sgxm_secs *s = secs_at(m, secs_epa);
	uint64_t w, inside;

	if (!s)
		return 0;
	w = load(s);
	do {
		inside = cur_of(w) + prev_of(w);
	} while (!swap(s, &w, (uint64_t)epoch_of(w) << EPOCH_SHIFT | IPI | inside));
	return (unsigned)inside;
}

unsigned sgxm_threads_inside(struct sgxm *m, uint64_t secs_epa)
{
	const struct sgxm_secs *s = secs_at(m, secs_epa);

	return s ? track_inside(s) : 0;
}
