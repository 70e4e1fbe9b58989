/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ioctls on an enclave: one at a time (the driver answers EBUSY to a second one at once), counted, and
 * the policy for trying again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "device/internal.h"

long encl_ioctl_quiet(struct encl *en, unsigned long cmd, void *arg)
{
	long r;

	pthread_mutex_lock(&en->ioctl_lock);
	r = en->dev->ops->ioctl(en->dev, en->fd, cmd, arg);
	pthread_mutex_unlock(&en->ioctl_lock);
	return r;
}

long encl_ioctl(struct encl *en, unsigned long cmd, void *arg)
{
	encl_count(en, ioctls, 1);
	return encl_ioctl_quiet(en, cmd, arg);
}

/*
 * EINTR: at once.  EAGAIN (pages are being reclaimed) and EBUSY (another process holds the busy flag):
 * after a millisecond, until nothing has moved for RETRY_LIMIT_NS.
 */
bool retry_again(struct retry *r, int sys)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t now;

	if (sys == EINTR)
		return true;
	if (sys != EAGAIN && sys != EBUSY)
		return false;
	now = now_ns();
	if (!r->deadline_ns)
		r->deadline_ns = now + RETRY_LIMIT_NS;
	if (now >= r->deadline_ns)
		return false;
	nanosleep(&pause, NULL);
	return true;
}

/*
 * A zeroed argument does nothing anywhere: a kernel that knows the call answers EINVAL (length 0), one that
 * does not ENOTTY, and a CPU without SGX2 is ENODEV before any look at the argument.
 */
static int probe(struct encl *en, unsigned long cmd, void *zeroed)
{
	struct retry again = { 0 };
	long r;

	do
		r = encl_ioctl_quiet(en, cmd, zeroed);
	while (r == -EBUSY && retry_again(&again, EBUSY));
	return r == -EINVAL ? 1 : r < 0 ? (int)r : -ENOTTY;
}

void encl_probe_features(struct encl *en)
{
	struct sgx_enclave_modify_types modt = { 0 };
	struct sgx_enclave_augment_pages aug = { 0 };

	if (en->sgx2 || en->state != ENCL_INITIALIZED)
		return;
	en->sgx2 = probe(en, SGX_IOC_ENCLAVE_MODIFY_TYPES, &modt);
	en->augment_ioctl = probe(en, SGX_IOC_ENCLAVE_AUGMENT_PAGES, &aug);
}

static _Thread_local uint64_t refusals_before;

void encl_forget_refusals(struct encl *en)
{
	struct model_refusal r;

	refusals_before = model_last_refusal(en, &r) ? 0 : r.serial;
}

/* The last refusal, if it is younger than the work of this thread. */
static bool fresh_refusal(struct encl *en, struct model_refusal *r)
{
	return !model_last_refusal(en, r) && r->check[0] && r->serial != refusals_before;
}

/* The model keeps one refusal per enclave: it is this error's own only when leaf, page or code agree. */
static bool refusal_fits(const struct err *e, const char *leaf, const struct model_refusal *r)
{
	size_t len = leaf ? strlen(leaf) : 0;

	if (leaf)
		return !strncmp(r->check, leaf, len) && r->check[len] == '.';
	if (e->sgx)
		return r->sgx == e->sgx;
	return e->has_offset && r->off / SGX_PAGE_SIZE == e->offset / SGX_PAGE_SIZE;
}

int encl_add_refusal(struct encl *en, const char *leaf, struct err *e)
{
	struct model_refusal r;

	if (!e || !fresh_refusal(en, &r) || !refusal_fits(e, leaf, &r))
		return -1;
	snprintf(e->check, sizeof(e->check), "%s", r.check);
	/* the driver keeps EINIT's code to itself; of pages it tells what it wants to tell */
	if (leaf && !e->sgx)
		e->sgx = r.sgx;
	return -1;
}

int encl_add_fault_refusal(struct encl *en, unsigned vector, struct err *e)
{
	struct model_refusal r;

	/* page faults are told apart by their page */
	if (vector == SGX_VEC_PF)
		return encl_add_refusal(en, NULL, e);
	if (e && fresh_refusal(en, &r) && r.vector == vector)
		snprintf(e->check, sizeof(e->check), "%s", r.check);
	return -1;
}
