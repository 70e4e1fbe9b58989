/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries that an exception stopped.  The enclave still holds addresses of the call's memory, which therefore
 * stays until the entry is resumed to its end or the keeper ends.
 */
#include <errno.h>

#include "keeper/call.h"

static struct encl_tcs *find(struct encl *en, uint64_t number)
{
	if (number < SGX_PAGE_SIZE)
		return number < en->n_tcs ? &en->tcs[number] : NULL;
	for (size_t i = 0; i < en->n_tcs; i++)
		if (en->tcs[i].off == number)
			return &en->tcs[i];
	return NULL;
}

static struct encl_tcs *take(struct encl_tcs *t, uint64_t number, struct err *e)
{
	if (!t) {
		err_set(e, ERR_BAD_TCS, ENOENT, "there is no TCS %s0x%llx", number < SGX_PAGE_SIZE ? "with index " :
			"at offset ", (unsigned long long)number);
		return NULL;
	}
	if (t->busy) {
		err_set(e, ERR_BAD_TCS, EBUSY, "the TCS at offset 0x%llx is in use", (unsigned long long)t->off);
		err_offset(e, t->off);
		return NULL;
	}
	t->busy = true;
	return t;
}

struct encl_tcs *call_tcs_named(struct encl *en, uint64_t number, struct err *e)
{
	struct encl_tcs *t;

	pthread_mutex_lock(&en->lock);
	t = take(find(en, number), number, e);
	pthread_mutex_unlock(&en->lock);
	return t;
}

static size_t count_stopped(struct encl *en, struct encl_tcs **ret_last)
{
	size_t n = 0;

	for (size_t i = 0; i < en->n_tcs; i++) {
		if (en->tcs[i].busy || !en->tcs[i].depth)
			continue;
		*ret_last = &en->tcs[i];
		n++;
	}
	return n;
}

static struct encl_tcs *only_stopped(struct encl *en, struct err *e)
{
	struct encl_tcs *t = NULL;
	size_t n = count_stopped(en, &t);

	if (n == 1)
		return take(t, t->off, e);
	if (n)
		err_set(e, ERR_BAD_TCS, 0, "%zu TCSs are stopped: which one is to be resumed? (--tcs)", n);
	else
		err_set(e, ERR_BAD_TCS, 0, "no TCS is stopped: there is nothing to resume");
	return NULL;
}

struct encl_tcs *call_tcs_stopped(struct encl *en, bool named, uint64_t number, struct err *e)
{
	struct encl_tcs *t;

	pthread_mutex_lock(&en->lock);
	t = named ? take(find(en, number), number, e) : only_stopped(en, e);
	if (t && !t->depth) {
		t->busy = false;
		err_set(e, ERR_BAD_TCS, 0, "the TCS at offset 0x%llx is not stopped: there is nothing to resume",
			(unsigned long long)t->off);
		err_offset(e, t->off);
		t = NULL;
	}
	pthread_mutex_unlock(&en->lock);
	return t;
}

void call_keep(struct keeper *k, struct call *c)
{
	struct encl *en = k->encl;
	struct call **p = &k->stopped, *old;

	c->tcs_off = c->t->off;
	c->depth = c->t->depth;
	pthread_mutex_lock(&en->lock);
	while ((old = *p)) {
		/* of a TCS that was removed and made again meanwhile */
		if (old->tcs_off == c->tcs_off && old->depth >= c->depth) {
			*p = old->next;
			call_free(old);
		} else {
			p = &old->next;
		}
	}
	c->next = k->stopped;
	k->stopped = c;
	pthread_mutex_unlock(&en->lock);
}

struct call *call_take(struct keeper *k, const struct encl_tcs *t)
{
	struct encl *en = k->encl;
	struct call **p, *c;

	pthread_mutex_lock(&en->lock);
	for (p = &k->stopped; (c = *p); p = &c->next)
		if (c->tcs_off == t->off && c->depth == t->depth)
			break;
	if (c)
		*p = c->next;
	pthread_mutex_unlock(&en->lock);
	return c;
}
