/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From a plan to an initialised, mapped enclave.  MRENCLAVE for our own signature is measured by a second
 * thread while the pages are added: both walk the same plan.
 *
 * Authority: <asm/sgx.h>.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "device/internal.h"

#define LOWEST_ADDRESS 0x10000u /* vm.mmap_min_addr of a usual kernel */

struct measure_job {
	pthread_t thread;
	bool started;
	const struct plan *plan;
	uint8_t mrenclave[32];
	int r;
	struct err e;
};

static void *measure_main(void *arg)
{
	struct measure_job *j = arg;

	j->r = plan_measure(j->plan, j->mrenclave, NULL, NULL, &j->e);
	return NULL;
}

/* ---- SECS ---------------------------------------------------------------------------------------- */

/* The SIGSTRUCT to initialise with; NULL: it is made here, with the key. */
static const struct sgx_arch_sigstruct *given_sigstruct(const struct encl *en, const struct encl_opts *o)
{
	if (o->sigstruct)
		return o->sigstruct;
	return !o->key && en->plan.has_sigstruct ? &en->plan.sigstruct : NULL;
}

static int fill_secs(struct encl *en, const struct encl_opts *o, struct err *e)
{
	const struct sgx_arch_sigstruct *sig = given_sigstruct(en, o);
	struct plan_host host;

	device_host(en->dev, &host);    /* where it does not tell, create() finds out */
	if (plan_secs(&en->plan, sig, o->debug, &host, &en->secs, e) || (sig && plan_host_has(&host, sig, e)))
		return -1;
	en->debug = en->secs.attributes.flags & SGX_ATTR_DEBUG;
	return 0;
}

/* Gives up one wish the signature leaves free; false when there is none left. */
static bool wish_less(struct encl *en, const struct encl_opts *o)
{
	const struct sgx_arch_sigstruct *sig = given_sigstruct(en, o);
	struct sgx_arch_secs *s = &en->secs;
	uint64_t xfree = sig ? ~sig->attributemask.xfrm : ~(uint64_t)0;
	uint32_t mfree = sig ? ~sig->miscmask : ~0u;

	if (s->attributes.xfrm & xfree & ~(uint64_t)3) {
		s->attributes.xfrm &= ~xfree | 3;
		return true;
	}
	if (s->miscselect & mfree) {
		s->miscselect &= ~mfree;
		return true;
	}
	return false;
}

/* ECREATE's refusals are all one EIO: what the CPU lacks is found by asking for less. */
static int create(struct encl *en, const struct encl_opts *o, struct err *e)
{
	struct sgx_arch_secs wished = en->secs;
	struct sgx_enclave_create arg;
	struct retry again = { 0 };
	long r;

	for (;;) {
		struct sgx_arch_secs secs = en->secs;

		arg.src = (uint64_t)(uintptr_t)&secs;
		r = encl_ioctl(en, SGX_IOC_ENCLAVE_CREATE, &arg);
		if (r >= 0)
			break;
		if (r == -EIO && wish_less(en, o))
			continue;
		if (r == -ENOMEM || !retry_again(&again, (int)-r)) {
			en->secs = wished;
			return encl_explain_create(en, (int)-r, e);
		}
	}
	en->state = ENCL_CREATED;
	return 0;
}

static int provision(struct encl *en, struct err *e)
{
	struct sgx_enclave_provision arg;
	int fd = en->dev->ops->open(en->dev, SGX_DEV_PROVISION, O_RDONLY | O_CLOEXEC);
	long r;

	if (fd < 0)
		return err_set(e, ERR_DEVICE_ACCESS, -fd, "cannot open %s, which PROVISIONKEY needs",
			       SGX_DEV_PROVISION);
	arg.fd = (uint32_t)fd;
	r = encl_ioctl(en, SGX_IOC_ENCLAVE_PROVISION, &arg);
	en->dev->ops->close(en->dev, fd);
	if (r < 0)
		return err_set(e, ERR_CREATE, (int)-r, "PROVISION failed");
	return 0;
}

/* ---- mappings ------------------------------------------------------------------------------------ */

static int run_prot(const struct plan_run *run)
{
	unsigned rwx = plan_run_pt(run) == SGX_PT_TCS ? RWX_RW : plan_run_rwx(run);

	return (rwx & SGX_SECINFO_R ? PROT_READ : 0) | (rwx & SGX_SECINFO_W ? PROT_WRITE : 0) |
	       (rwx & SGX_SECINFO_X ? PROT_EXEC : 0);
}

/* One mmap per stretch of equal rights: enclave mappings never merge by themselves. */
static int map_segments(struct encl *en, struct err *e)
{
	const struct plan *p = &en->plan;

	for (size_t i = 0; i < p->n_runs;) {
		uint64_t off = p->runs[i].off, pages = 0;
		int prot = run_prot(&p->runs[i]);

		for (; i < p->n_runs && p->runs[i].off == off + PAGES_TO_BYTES(pages) &&
		       run_prot(&p->runs[i]) == prot; i++)
			pages += p->runs[i].pages;
		if (encl_map(en, off, pages, prot, e))
			return -1;
	}
	return 0;
}

/* Anywhere, aligned to its size. */
static int reserve_anywhere(struct encl *en, struct err *e)
{
	const struct sgx_dev_ops *ops = en->dev->ops;
	uint64_t size = en->plan.size, base, at;
	int64_t r = ops->mmap(en->dev, 0, size * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
			      -1, 0);

	if (r < 0)
		return err_set(e, ERR_TOO_BIG, (int)-r, "no address space for an enclave of 0x%llx bytes",
			       (unsigned long long)size);
	at = (uint64_t)r;
	base = (at + size - 1) & ~(size - 1);
	if (base > at)
		ops->munmap(en->dev, at, base - at);
	if (at + size > base)
		ops->munmap(en->dev, base + size, at + size - base);
	en->base = base;
	return 0;
}

/* Where the image wants to be.  The lowest pages of the address space are nobody's: they stay as they are. */
static int reserve_at_base(struct encl *en, struct err *e)
{
	const struct plan *p = &en->plan;
	uint64_t low = p->base < LOWEST_ADDRESS ? LOWEST_ADDRESS : p->base, end = p->base + p->size;
	int64_t r;

	if (p->base & (p->size - 1) || end <= low)
		return err_set(e, ERR_BAD_LAYOUT, 0,
			       "the image of 0x%llx bytes demands the base address 0x%llx",
			       (unsigned long long)p->size, (unsigned long long)p->base);
	r = en->dev->ops->mmap(en->dev, low, end - low, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (r >= 0 && (uint64_t)r != low) {     /* a kernel older than MAP_FIXED_NOREPLACE put it elsewhere */
		en->dev->ops->munmap(en->dev, (uint64_t)r, end - low);
		r = -EEXIST;
	}
	if (r < 0) {
		err_set(e, ERR_MAP, (int)-r,
			"the image demands addresses 0x%llx to 0x%llx, which cannot be had in this process",
			(unsigned long long)p->base, (unsigned long long)end);
		return err_hint(e, r == -EPERM ? "vm.mmap_min_addr forbids addresses that low" :
				"what is mapped there moves with every start: try again");
	}
	en->base = p->base;
	return 0;
}

static int reserve(struct encl *en, struct err *e)
{
	uint64_t size = en->plan.size;

	if (!size || (size & (size - 1)) || size > (uint64_t)1 << 46)
		return err_set(e, ERR_BAD_LAYOUT, 0,
			       "the enclave size 0x%llx is no power of two that fits an "
			       "address space", (unsigned long long)size);
	if ((en->plan.has_base ? reserve_at_base : reserve_anywhere)(en, e))
		return -1;
	en->size = size;
	en->secs.baseaddr = en->base;
	return 0;
}

/* ---- signing and INIT ---------------------------------------------------------------------------- */

static int sign(struct encl *en, const struct encl_opts *o, struct measure_job *job, struct err *e)
{
	struct sign_params sp;

	pthread_join(job->thread, NULL);
	job->started = false;
	if (job->r) {
		if (e)
			*e = job->e;
		return err_wrap(e, "measuring");
	}
	sign_params_default(&sp, &en->plan);
	if (en->plan.has_sign_params) {
		/* what the image wants pinned is pinned at what this enclave has */
		sp.attributes.flags = en->secs.attributes.flags & sp.attributemask.flags;
		sp.attributes.xfrm = en->secs.attributes.xfrm & sp.attributemask.xfrm;
		sp.miscselect = en->secs.miscselect & sp.miscmask;
	}
	return sigstruct_sign(&sp, job->mrenclave, o->key, &en->sigstruct, e);
}

static void adopt_identity(struct encl *en)
{
	const struct sgx_arch_sigstruct *sig = &en->sigstruct;

	en->secs.attributes.flags |= SGX_ATTR_INIT;
	memcpy(en->secs.mrenclave, sig->enclavehash, sizeof(en->secs.mrenclave));
	sigstruct_mrsigner(sig, en->secs.mrsigner);
	en->secs.isvprodid = sig->isvprodid;
	en->secs.isvsvn = sig->isvsvn;
}

static int init(struct encl *en, struct err *e)
{
	struct sgx_enclave_init arg = { .sigstruct = (uint64_t)(uintptr_t)&en->sigstruct };
	struct retry again = { 0 };
	long r;

	do
		r = encl_ioctl(en, SGX_IOC_ENCLAVE_INIT, &arg);
	while (r < 0 && retry_again(&again, (int)-r));
	if (r < 0)
		return encl_explain_init(en, (int)-r, e);
	en->state = ENCL_INITIALIZED;
	adopt_identity(en);
	encl_probe_features(en);
	return 0;
}

int encl_init(struct encl *en, struct err *e)
{
	if (init(en, e))
		return -1;
	return en->no_map ? 0 : map_segments(en, e);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int build(struct encl *en, const struct encl_opts *o, struct measure_job *job, struct err *e)
{
	const struct sgx_arch_sigstruct *sig = given_sigstruct(en, o);

	/* what came with the image was not checked; what a caller gives may be wrong on purpose */
	if (sig == &en->plan.sigstruct && sigstruct_check(sig, e))
		return err_wrap(e, "'%s'", en->plan.sigstruct_from);
	if (sig)
		en->sigstruct = *sig;
	else if (!o->key)
		return err_set(e, ERR_BUG, 0, "neither a SIGSTRUCT nor a key was given");
	if (plan_can_load(&en->plan, e) || fill_secs(en, o, e))
		return -1;
	if (!sig) {
		job->plan = &en->plan;
		if (pthread_create(&job->thread, NULL, measure_main, job))
			return err_set(e, ERR_NO_MEMORY, EAGAIN, "cannot start a thread to measure");
		job->started = true;
	}
	if (reserve(en, e))
		return -1;
	en->fd = en->dev->ops->open(en->dev, SGX_DEV_ENCLAVE, O_RDWR | O_CLOEXEC);
	if (en->fd < 0)
		return err_set(e, ERR_DEVICE_ACCESS, -en->fd, "cannot open %s", SGX_DEV_ENCLAVE);
	encl_forget_refusals(en);
	if (create(en, o, e))
		return -1;
	if ((en->secs.attributes.flags & SGX_ATTR_PROVISIONKEY) && provision(en, e))
		return -1;
	if (encl_add_pages(en, o, e))
		return -1;
	if (job->started && sign(en, o, job, e))
		return -1;
	en->signed_here = !sig;
	return o->stop_before_init ? 0 : encl_init(en, e);
}

static struct encl *encl_new(struct sgx_dev *dev, struct plan *plan, const struct encl_opts *o)
{
	struct encl *en = calloc(1, sizeof(*en));

	if (!en)
		return NULL;
	en->tcs = calloc(plan->n_tcs + ENCL_MAX_DYNAMIC_TCS, sizeof(*en->tcs));
	if (!en->tcs) {
		free(en);
		return NULL;
	}
	en->n_tcs = plan->n_tcs;
	for (size_t i = 0; i < en->n_tcs; i++)
		en->tcs[i].off = plan->tcs[i];
	en->dev = dev;
	en->fd = -1;
	en->no_map = o->no_map;
	en->plan = *plan;
	memset(plan, 0, sizeof(*plan));
	pthread_mutex_init(&en->ioctl_lock, NULL);
	pthread_mutex_init(&en->lock, NULL);
	pthread_cond_init(&en->tcs_free, NULL);
	return en;
}

int encl_build(struct sgx_dev *dev, struct plan *plan, const struct encl_opts *opts, struct encl **ret_encl,
	       struct err *e)
{
	struct measure_job job = { 0 };
	struct encl *en = encl_new(dev, plan, opts);
	int r;

	if (!en) {
		plan_release(plan);
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the enclave");
	}
	r = build(en, opts, &job, e);
	if (job.started)
		pthread_join(job.thread, NULL);
	if (r) {
		encl_free(en);
		return -1;
	}
	*ret_encl = en;
	return 0;
}

void encl_free(struct encl *en)
{
	if (!en)
		return;
	if (en->size && !en->adopted)
		en->dev->ops->munmap(en->dev, en->base, en->size);
	if (en->fd >= 0)
		en->dev->ops->close(en->dev, en->fd);
	plan_release(&en->plan);
	for (size_t i = 0; i < en->n_tcs; i++)
		encl_tcs_release(&en->tcs[i]);
	free(en->tcs);
	free(en->notes);
	pthread_cond_destroy(&en->tcs_free);
	pthread_mutex_destroy(&en->lock);
	pthread_mutex_destroy(&en->ioctl_lock);
	free(en);
}
