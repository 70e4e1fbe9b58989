/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_INIT.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_init, sgx_encl_init; main.c for the
 *            reserved masks.
 */
#include <errno.h>
#include <string.h>

#include "emul/driver.h"

#define VENDOR_INTEL 0x8086u
/* What the kernel itself reserves on top of CPUID: bits 3 and 6, and all above KSS. */
#define ATTR_KERNEL_RESERVED (~(uint64_t)0xff | 0x48u)
#define MISC_KERNEL_RESERVED (~(uint32_t)SGX_MISC_EXINFO)

/* SIGSTRUCT and token as ENCLS wants them: page and 512-byte aligned. */
struct init_page {
	_Alignas(4096) struct sgx_arch_sigstruct sig;
	_Alignas(512) struct sgx_einittoken token;
};

static int check_sigstruct(const struct emul_encl *en, const struct sgx_arch_sigstruct *s)
{
	const struct sgxm_platform *p = emul_platform();
	const struct sgxm_secs *secs = (const struct sgxm_secs *)en->secs;

	/* the enclave has attributes that were not granted -> EACCES */
	if (secs->a.attributes.flags & ~en->sh->attributes_mask)
		return -EACCES;
	/* the signer demands attributes, MISCSELECT or XFRM bits that do not exist here -> EINVAL */
	if (s->attributes.flags & s->attributemask.flags & (~p->attributes | ATTR_KERNEL_RESERVED))
		return -EINVAL;
	if (s->miscselect & s->miscmask & (~p->miscselect | MISC_KERNEL_RESERVED))
		return -EINVAL;
	if (s->attributes.xfrm & s->attributemask.xfrm & ~p->xfrm)
		return -EINVAL;
	return 0;
}

static int init(struct emul_encl *en, struct init_page *page)
{
	struct sgxm_sha256 sha;
	struct sgxm_out out;
	int r = check_sigstruct(en, &page->sig);

	if (r)
		return r;
	/* launch control: the signer's hash goes into IA32_SGXLEPUBKEYHASH, the token stays zero */
	en->machine.ops->sha256_init(en, &sha);
	en->machine.ops->sha256_update(en, &sha, page->sig.modulus, sizeof(page->sig.modulus));
	en->machine.ops->sha256_final(en, &sha, en->machine.lepubkeyhash);
	out = emul_note(en, sgxm_einit(&en->machine, (uintptr_t)&page->sig, EMUL_EPA_SECS,
				       (uintptr_t)&page->token), 0);
	if (out.kind == SGXM_DONE)
		return 0;
	/* a code -> EPERM, and INIT may be repeated; a fault -> EIO */
	return out.kind == SGXM_CODE ? -EPERM : -EIO;
}

long emul_ioc_init(struct emul_call *c)
{
	struct emul_shared *sh = c->en->sh;
	struct sgx_enclave_init arg;
	struct init_page page;
	int r;

	/* not created, or initialized -> EINVAL */
	if (!atomic_load(&sh->created) || atomic_load(&sh->initialized))
		return -EINVAL;
	memset(&page, 0, sizeof(page));
	/* struct, then SIGSTRUCT, unreadable -> EFAULT */
	if (emul_user_read(&arg, c->arg, sizeof(arg)) ||
	    emul_user_read(&page.sig, arg.sigstruct, sizeof(page.sig)))
		return -EFAULT;
	/* vendor -> EINVAL */
	if (page.sig.vendor && page.sig.vendor != VENDOR_INTEL)
		return -EINVAL;
	emul_lock(&sh->mutex);
	r = init(c->en, &page);
	if (!r)
		atomic_store(&sh->initialized, 1);
	emul_unlock(&sh->mutex);
	return r;
}
