/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SGX_IOC_ENCLAVE_ADD_PAGES.
 *
 * The source is read in chunks ahead of the pages it goes to: one system call for many pages, and
 * an unreadable page is met in its turn.
 *
 * Authority: Linux 6.1 arch/x86/kernel/cpu/sgx/ioctl.c, sgx_ioc_enclave_add_pages, sgx_encl_add_page.
 */
#include <errno.h>
#include <sys/mman.h>

#include "emul/driver.h"

#define CHUNK_PAGES (EMUL_BOUNCE_BYTES / SGX_PAGE_SIZE)
#define SECINFO_FLAGS_ALLOWED (SGX_SECINFO_RWX | SGX_SECINFO_PT_MASK)

struct add {
	struct emul_call *call;
	struct sgx_enclave_add_pages arg;
	struct sgx_arch_secinfo secinfo;
	struct emul_stash stash;
	uint64_t chunk_first, chunk_pages;      /* source pages in the bounce buffer, as indices of this call */
};

/* The enclave's bounce buffer: too large for a stack that is not ours.  The busy flag guards it. */
static uint8_t *bounce(struct emul_encl *en)
{
	if (!en->bounce) {
		void *p = mmap(NULL, EMUL_BOUNCE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		en->bounce = p == MAP_FAILED ? NULL : p;
	}
	return en->bounce;
}

/* sgx_validate_secinfo() */
static int check_secinfo(const struct sgx_arch_secinfo *s)
{
	unsigned pt = (unsigned)(s->flags & SGX_SECINFO_PT_MASK) >> SGX_SECINFO_PT_SHIFT;
	uint64_t rwx = s->flags & SGX_SECINFO_RWX;

	if (pt != SGX_PT_REG && pt != SGX_PT_TCS)
		return -EINVAL;
	if (rwx & SGX_SECINFO_W && !(rwx & SGX_SECINFO_R))
		return -EINVAL;
	/* the CPU would clear them silently, and the signer's measurement not match */
	if (pt == SGX_PT_TCS && rwx)
		return -EINVAL;
	if (s->flags & ~(uint64_t)SECINFO_FLAGS_ALLOWED)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(s->reserved); i++)
		if (s->reserved[i])
			return -EINVAL;
	return 0;
}

/* The source page with index k of this call, or NULL: nothing readable there. */
static const uint8_t *source_page(struct add *a, uint64_t k)
{
	if (k >= a->chunk_first + a->chunk_pages) {
		uint64_t left = a->arg.length / SGX_PAGE_SIZE - k;

		a->chunk_first = k;
		a->chunk_pages = emul_user_read_pages(a->call->en->bounce, a->arg.src + k * SGX_PAGE_SIZE,
						      left < CHUNK_PAGES ? left : CHUNK_PAGES);
	}
	return a->chunk_pages ? a->call->en->bounce + (k - a->chunk_first) * SGX_PAGE_SIZE : NULL;
}

/* Source, EADD and EEXTEND of a page that has its EPC and VA page and no record yet. */
static int fill_page(struct add *a, uint64_t k, struct emul_record *rec)
{
	struct emul_encl *en = a->call->en;
	uint64_t off = a->arg.offset + k * SGX_PAGE_SIZE;
	const uint8_t *src = source_page(a, k);

	/* source page cannot be read -> EFAULT */
	if (!src)
		return -EFAULT;

	struct sgx_pageinfo pginfo = {
		.linaddr = en->sh->base + off, .srcpge = (uintptr_t)src,
		.secinfo = (uintptr_t)&a->secinfo, .secs = EMUL_EPA_SECS,
	};
	unsigned pt = (unsigned)(a->secinfo.flags & SGX_SECINFO_PT_MASK) >> SGX_SECINFO_PT_SHIFT;
	/* a TCS is accessed by the CPU alone, which needs read and write */
	unsigned max = pt == SGX_PT_TCS ? SGX_SECINFO_R | SGX_SECINFO_W : a->secinfo.flags & SGX_SECINFO_RWX;
	uint64_t epa = EMUL_EPA_PAGES + off;

	/* EADD writes the page before its last checks */
	atomic_fetch_or_explicit(&rec->word, EMUL_REC_DIRTY, memory_order_relaxed);
	/* EADD or EEXTEND faulted -> EIO */
	if (emul_note(en, sgxm_eadd_measured(&en->machine, (uintptr_t)&pginfo, epa,
					     a->arg.flags & SGX_PAGE_MEASURE), off).kind != SGXM_DONE) {
		sgxm_eremove(&en->machine, epa);
		return -EIO;
	}
	atomic_store_explicit(&rec->word, emul_rec_make(pt, max), memory_order_release);
	return 0;
}

static int add_page(struct add *a, uint64_t k)
{
	struct emul_encl *en = a->call->en;
	uint64_t index = (a->arg.offset >> SGX_PAGE_SHIFT) + k;
	bool new_va = false;
	int r;

	/* EPC page: none is free, or can be made free -> ENOMEM, or EINTR on a signal */
	if (!emul_stash_take(en, &a->stash))
		return -EMUL_NO_EPC;
	/* version-array page likewise */
	r = emul_va_grow(en, &a->stash, &new_va);
	if (r) {
		emul_epc_give(en->sh, 1);
		return r;
	}
	/* a page exists at this offset -> EBUSY */
	if (emul_rec_load(&en->rec[index]) & EMUL_REC_EXISTS)
		r = -EBUSY;
	else
		r = fill_page(a, k, &en->rec[index]);
	if (r) {
		emul_va_shrink(en, new_va);
		emul_epc_give(en->sh, 1);
	}
	return r;
}

/* Pages up to the next look at signals, under the lock. */
static int add_some(struct add *a, uint64_t *k, uint64_t end)
{
	struct emul_encl *en = a->call->en;
	int r = 0;

	emul_lock(&en->sh->mutex);
	emul_stash_fill(en, &a->stash, end - *k);
	while (!r && *k < end) {
		r = add_page(a, *k);
		if (!r)
			++*k;
	}
	emul_stash_drop(en, &a->stash);
	emul_unlock(&en->sh->mutex);
	return r;
}

static long add_pages(struct add *a)
{
	uint64_t pages = a->arg.length / SGX_PAGE_SIZE, k = 0;
	bool restart;
	int r = bounce(a->call->en) ? 0 : -ENOMEM;

	while (!r && k < pages) {
		/* signal pending: restart before the first page, a short count after it */
		if (emul_signal_pending(&a->call->old_mask, &restart)) {
			r = k ? 0 : -EMUL_ERESTARTSYS;
			break;
		}
		r = add_some(a, &k, pages - k < CHUNK_PAGES ? pages : k + CHUNK_PAGES);
		/* a signal here loses the pages that are done when the call is restarted, as in the driver */
		if (r == -EMUL_NO_EPC)
			r = emul_wait_epc(a->call);
		emul_ksgxd(a->call->en->sh);
	}
	a->arg.count = k * SGX_PAGE_SIZE;
	return r;
}

long emul_ioc_add_pages(struct emul_call *c)
{
	struct emul_shared *sh = c->en->sh;
	struct add a = { .call = c };
	long r;

	/* not created, or initialized -> EINVAL */
	if (!atomic_load(&sh->created) || atomic_load(&sh->initialized))
		return -EINVAL;
	/* struct unreadable -> EFAULT */
	if (emul_user_read(&a.arg, c->arg, sizeof(a.arg)))
		return -EFAULT;
	/* src not page aligned -> EINVAL */
	if (a.arg.src & ~SGX_PAGE_MASK)
		return -EINVAL;
	/* offset and length -> EINVAL */
	if (emul_check_range(sh, a.arg.offset, a.arg.length))
		return -EINVAL;
	/* SECINFO unreadable -> EFAULT */
	if (emul_user_read(&a.secinfo, a.arg.secinfo, sizeof(a.secinfo)))
		return -EFAULT;
	/* SECINFO contents -> EINVAL */
	if (check_secinfo(&a.secinfo))
		return -EINVAL;
	r = add_pages(&a);
	/* struct not writable -> EFAULT, whatever happened before */
	return emul_user_write(c->arg, &a.arg, sizeof(a.arg)) ? -EFAULT : r;
}
