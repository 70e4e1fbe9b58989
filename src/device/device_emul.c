/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The emulated provider: the same calls, answered by the driver model; and the questions only a model can
 * answer, asked through its extra ioctls (ENOTTY elsewhere).
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/internal.h"
#include "emul/emul.h"

/* EPCM word of struct emul_page_range; machine/ defines it, this layer reads what the document names. */
#include "machine/machine.h"

static int e_open(struct sgx_dev *d, const char *path, int flags)
{
	(void)d;
	return emul_open(path, flags);
}

static int e_close(struct sgx_dev *d, int fd)
{
	(void)d;
	return emul_close(fd);
}

static long e_ioctl(struct sgx_dev *d, int fd, unsigned long cmd, void *arg)
{
	(void)d;
	return emul_ioctl(fd, cmd, arg);
}

static int64_t e_mmap(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot, int flags, int fd,
		      uint64_t off)
{
	(void)d;
	return emul_mmap(la, bytes, prot, flags, fd, off);
}

static int e_munmap(struct sgx_dev *d, uint64_t la, uint64_t bytes)
{
	(void)d;
	return emul_munmap(la, bytes);
}

static int e_mprotect(struct sgx_dev *d, uint64_t la, uint64_t bytes, int prot)
{
	(void)d;
	return emul_mprotect(la, bytes, prot);
}

static int e_enter(struct sgx_dev *d, unsigned function, struct sgx_enter_regs *regs,
		   struct sgx_enclave_run *run)
{
	(void)d;
	return device_enter_thunk(regs, function, run, (void *)(uintptr_t)emul_vdso_enter);
}

static ssize_t e_peek(struct sgx_dev *d, uint64_t la, void *buf, size_t bytes)
{
	(void)d;
	return emul_peek(la, buf, bytes);
}

static ssize_t e_poke(struct sgx_dev *d, uint64_t la, const void *buf, size_t bytes)
{
	(void)d;
	return emul_poke(la, buf, bytes);
}

static int e_touch(struct sgx_dev *d, uint64_t la, uint8_t *ret_byte)
{
	(void)d;
	return emul_touch(la, ret_byte);
}

static void e_destroy(struct sgx_dev *d)
{
	free(d);
}

static const struct sgx_dev_ops emul_dev_ops = {
	.name = "emulated",
	.open = e_open,
	.close = e_close,
	.ioctl = e_ioctl,
	.mmap = e_mmap,
	.munmap = e_munmap,
	.mprotect = e_mprotect,
	.enter = e_enter,
	.peek = e_peek,
	.poke = e_poke,
	.touch = e_touch,
	.destroy = e_destroy,
};

static enum emul_kernel emul_kernel_of(enum dev_kernel_mode m)
{
	switch (m) {
	case DEV_KERNEL_UPSTREAM: return EMUL_KERNEL_UPSTREAM;
	case DEV_KERNEL_FIXED: return EMUL_KERNEL_FIXED;
	case DEV_KERNEL_RFC: break;
	}
	return EMUL_KERNEL_RFC;
}

int sgx_dev_emul_new(const struct dev_config *cfg, struct sgx_dev **ret_dev, struct err *e)
{
	struct emul_config ec = {
		.kernel = emul_kernel_of(cfg->kernel_mode), .epc_pages = BYTES_TO_PAGES(cfg->epc_bytes),
		.no_sgx2 = cfg->no_sgx2, .trap_signals_open = true,
	};
	struct sgx_dev *d;
	int r;

	if (cfg->epc_bytes % SGX_PAGE_SIZE)
		return err_set(e, ERR_USAGE, EINVAL, "the EPC size is no multiple of 4096");
	r = emul_setup(&ec);
	if (r == -ENOSYS)
		return err_set(e, ERR_NO_TRAP, ENOSYS,
			       "enclave code cannot be trapped on this kernel or CPU");
	if (r == -ENOMEM) {
		err_set(e, ERR_NO_MEMORY, ENOMEM, "no address space for the emulated device");
		return err_hint(e, "it reserves a gigabyte of addresses, most of it never used: see ulimit -v");
	}
	if (r < 0) {
		err_set(e, ERR_NO_DEVICE, -r, "the emulated device cannot be set up");
		return err_hint(e, "'sgxctl info' shows what it needs");
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for the device");
	d->ops = &emul_dev_ops;
	*ret_dev = d;
	return 0;
}

void sgx_dev_emul_offers(struct dev_offers *ret)
{
	struct emul_offers o;

	emul_offers_get(&o);
	*ret = (struct dev_offers){
		.device = emul_dev_ops.name, .known = true, .attributes = o.attributes, .xfrm = o.xfrm,
		.miscselect = o.miscselect, .max_size_log2 = o.max_size_log2,
	};
}

/* ---- the inside of a model ----------------------------------------------------------------------- */

int model_get_secs(struct encl *en, struct model_secs *ret)
{
	struct emul_get_secs a = { .secs = (uint64_t)(uintptr_t)&ret->secs };
	long r = encl_ioctl_quiet(en, EMUL_IOC_GET_SECS, &a);

	if (r < 0)
		return (int)r;
	ret->eid = a.eid;
	ret->children = a.children;
	return 0;
}

static struct model_range decode(const struct emul_page_range *p)
{
	return (struct model_range){
		.off = p->off, .pages = p->pages,
		.valid = p->word & SGXM_E_VALID,
		.pending = p->word & SGXM_E_PENDING,
		.modified = p->word & SGXM_E_MODIFIED,
		.pr = p->word & SGXM_E_PR,
		.blocked = p->word & SGXM_E_BLOCKED,
		.pt = (p->word & SGXM_E_PT_MASK) >> SGXM_E_PT_SHIFT,
		.rwx = (p->word & SGXM_E_R ? SGX_SECINFO_R : 0) | (p->word & SGXM_E_W ? SGX_SECINFO_W : 0) |
		       (p->word & SGXM_E_X ? SGX_SECINFO_X : 0),
		.pte = p->pte, .vma = p->vma,
	};
}

int model_each_range(struct encl *en, uint64_t off, uint64_t pages,
		     int (*fn)(void *arg, const struct model_range *r), void *arg)
{
	struct emul_page_range buf[64];
	uint64_t end = off + PAGES_TO_BYTES(pages);

	while (off < end) {
		struct emul_get_pages a = {
			.off = off, .length = end - off, .ranges = (uint64_t)(uintptr_t)buf,
			.capacity = sizeof(buf) / sizeof(buf[0]),
		};
		long r = encl_ioctl_quiet(en, EMUL_IOC_GET_PAGES, &a);

		if (r < 0)
			return (int)r;
		for (uint64_t i = 0; i < a.n && i < a.capacity; i++) {
			struct model_range m = decode(&buf[i]);
			int stop = fn(arg, &m);

			if (stop)
				return stop;
		}
		if (!a.n || a.next_off <= off)
			break;
		off = a.next_off;
	}
	return 0;
}

int model_get_counters(struct encl *en, struct model_counters *ret)
{
	struct emul_get_counters a = { 0 };
	long r = encl_ioctl_quiet(en, EMUL_IOC_GET_COUNTERS, &a);

	if (r < 0)
		return (int)r;
	*ret = (struct model_counters){
		.aexs = a.aexs, .host_faults = a.host_faults, .ptes = a.ptes, .epc_used = a.epc_used,
		.epc_total = a.epc_total,
	};
	return 0;
}

int model_last_refusal(struct encl *en, struct model_refusal *ret)
{
	struct emul_last_refusal a;
	long r;

	memset(&a, 0, sizeof(a));
	r = encl_ioctl_quiet(en, EMUL_IOC_LAST_REFUSAL, &a);
	if (r < 0)
		return (int)r;
	a.check[sizeof(a.check) - 1] = 0;
	snprintf(ret->check, sizeof(ret->check), "%s", a.check);
	ret->sgx = a.kind == SGXM_CODE ? a.code : 0;
	ret->vector = a.kind == SGXM_GP ? SGX_VEC_GP : a.kind == SGXM_PF ? SGX_VEC_PF : a.kind == SGXM_UD ? SGX_VEC_UD : 0;
	ret->serial = a.serial;
	ret->off = a.off;
	return 0;
}
