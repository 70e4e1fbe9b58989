/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The enclave that a program has built, for someone who holds its file: what build and ledger would know comes from the
 * model, and what needs a mapping or an entry is the program's.
 */
#include <errno.h>
#include <stdlib.h>

#include "device/internal.h"

/* Each page that is a TCS now. */
static int add_tcs(void *arg, const struct model_range *r)
{
	struct encl *en = arg;

	if (!r->valid || r->pt != SGX_PT_TCS)
		return 0;
	struct encl_tcs *t = reallocarray(en->tcs, en->n_tcs + r->pages, sizeof(*t));

	if (!t)
		return -ENOMEM;
	en->tcs = t;
	for (uint64_t i = 0; i < r->pages; i++)
		en->tcs[en->n_tcs++] = (struct encl_tcs){
			.off = r->off + PAGES_TO_BYTES(i), .dynamic = r->augmented,
		};
	return 0;
}

static int adopt(struct encl *en, int pid, uint64_t address, struct err *e)
{
	struct model_secs m;
	int r = model_adopt(en->dev, en->fd, pid, address, &en->kernel_mode);

	if (!r)
		r = model_get_secs(en, &m);
	if (r)
		return err_set(e, r == -ENOMEM ? ERR_NO_MEMORY : ERR_IO, -r, "the program's file is no enclave of this version");
	en->secs = m.secs;
	en->base = m.secs.baseaddr;
	en->size = en->plan.size = m.secs.size;
	en->debug = m.secs.attributes.flags & SGX_ATTR_DEBUG;
	en->state = m.secs.attributes.flags & SGX_ATTR_INIT ? ENCL_INITIALIZED : ENCL_CREATED;
	r = model_each_range(en, 0, BYTES_TO_PAGES(en->size), add_tcs, en);
	if (r)
		return err_set(e, r == -ENOMEM ? ERR_NO_MEMORY : ERR_IO, -r, "the pages of the enclave cannot be listed");
	encl_probe_features(en);
	return 0;
}

int encl_adopt(struct sgx_dev *dev, int fd, int pid, uint64_t address, struct encl **ret_encl, struct err *e)
{
	struct encl *en = calloc(1, sizeof(*en));

	if (!en)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the enclave");
	en->dev = dev;
	en->fd = fd;
	en->adopted = en->no_map = true;
	pthread_mutex_init(&en->ioctl_lock, NULL);
	pthread_mutex_init(&en->lock, NULL);
	pthread_cond_init(&en->tcs_free, NULL);
	if (adopt(en, pid, address, e)) {
		encl_free(en);
		return -1;
	}
	*ret_encl = en;
	return 0;
}
