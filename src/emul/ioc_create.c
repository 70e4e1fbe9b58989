/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_CREATE.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_create, sgx_encl_create.
 */
#include <errno.h>

#include "emul/driver.h"
#include "emul/encl.h"

/* What INIT allows without further privilege (SGX_ATTR_UNPRIV_MASK). */
#define ATTR_UNPRIVILEGED (SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_KSS)

/* shmem_file_setup() of the backing store, (size + a page) * 33/32, refuses what no loff_t holds. */
static bool backing_too_large(uint64_t size)
{
	uint64_t bytes = size + SGX_PAGE_SIZE;

	return bytes + (bytes >> 5) > INT64_MAX;
}

/* ECREATE, and what the driver and this process keep once the size is known. */
static int do_ecreate(struct emul_encl *en, const struct sgx_arch_secs *secs)
{
	struct emul_shared *sh = en->sh;
	struct sgx_arch_secinfo secinfo = { 0 };
	struct sgx_pageinfo pginfo = {
		.srcpge = (uintptr_t)secs, .secinfo = (uintptr_t)&secinfo,
	};
	struct sgxm_out out = sgxm_ecreate(&en->machine, (uintptr_t)&pginfo, EMUL_EPA_SECS);

	if (emul_note(en, out, 0).kind != SGXM_DONE)
		return -EIO;
	sh->base = secs->baseaddr;
	sh->size = secs->size;
	if (emul_encl_map_meta(en)) {
		sh->size = 0;
		sgxm_eremove(&en->machine, EMUL_EPA_SECS);
		return -ENOMEM;
	}
	return 0;
}

/* Everything is undone on failure: CREATE can be repeated on the fd. */
static int create(struct emul_encl *en, const struct sgx_arch_secs *secs)
{
	struct emul_shared *sh = en->sh;
	struct emul_stash none = { 0 };
	bool new_va = false;
	int r;

	/* size is not a power of two, or 0 -> EINVAL */
	if (!secs->size || secs->size & (secs->size - 1))
		return -EINVAL;
	/* version-array page: EPC exhausted -> ENOMEM or EINTR */
	r = emul_va_grow(en, &none, &new_va);
	if (r)
		return r;
	if (backing_too_large(secs->size)) {
		r = -EINVAL;
	} else if (!emul_epc_take(sh, 1)) {
		/* page for the SECS likewise */
		r = -EMUL_NO_EPC;
	} else {
		/* ECREATE faulted -> EIO */
		r = do_ecreate(en, secs);
		if (r)
			emul_epc_give(sh, 1);
	}
	if (r)
		emul_va_shrink(en, new_va);
	return r;
}

long emul_ioc_create(struct emul_call *c)
{
	_Alignas(4096) struct sgx_arch_secs secs;
	struct sgx_enclave_create arg;
	struct emul_shared *sh = c->en->sh;
	int r;

	/* already created -> EINVAL */
	if (atomic_load(&sh->created))
		return -EINVAL;
	/* struct, then the SECS image, unreadable -> EFAULT */
	if (emul_user_read(&arg, c->arg, sizeof(arg)) || emul_user_read(&secs, arg.src, sizeof(secs)))
		return -EFAULT;
	for (;;) {
		emul_lock(&sh->mutex);
		r = create(c->en, &secs);
		if (r != -EMUL_NO_EPC)
			break;
		emul_unlock(&sh->mutex);
		r = emul_wait_epc(c);
		if (r)
			return r;
	}
	if (!r) {
		atomic_store(&sh->debug, !!(secs.attributes.flags & SGX_ATTR_DEBUG));
		/* whatever PROVISION granted before is lost here */
		sh->attributes_mask = ATTR_UNPRIVILEGED;
		atomic_store(&sh->created, 1);
	}
	emul_unlock(&sh->mutex);
	emul_ksgxd(sh);
	return r;
}
