/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mappings of an enclave.  A MAP_FIXED that the driver refuses has already removed what was there: the range
 * is then reserved again, so that nothing else of this process can land inside ELRANGE.
 */
#include <errno.h>
#include <sys/mman.h>

#include "device/internal.h"

int encl_check_range(const struct encl *en, uint64_t off, uint64_t pages, struct err *e)
{
	const char *what = NULL;

	if (off % SGX_PAGE_SIZE)
		what = "the offset is no multiple of 4096";
	else if (!pages)
		what = "the length is 0";
	else if (off >= en->size || pages > BYTES_TO_PAGES(en->size - off))
		what = "the range leaves ELRANGE";
	if (!what)
		return 0;
	err_set(e, ERR_BAD_RANGE, EINVAL, "%s (offset 0x%llx, %llu pages, ELRANGE size 0x%llx)", what,
		(unsigned long long)off, (unsigned long long)pages, (unsigned long long)en->size);
	return err_offset(e, off);
}

int encl_check_rwx(unsigned rwx, struct err *e)
{
	if (rwx & ~(unsigned)SGX_SECINFO_RWX)
		return err_set(e, ERR_USAGE, EINVAL, "0x%x are no page rights", rwx);
	if ((rwx & SGX_SECINFO_W) && !(rwx & SGX_SECINFO_R))
		return err_set(e, ERR_USAGE, EINVAL, "a page cannot be writable without being readable");
	return 0;
}

int encl_reserve_again(struct encl *en, uint64_t off, uint64_t pages, struct err *e)
{
	int64_t r;

	encl_count(en, mmaps, 1);
	r = en->dev->ops->mmap(en->dev, en->base + off, PAGES_TO_BYTES(pages), PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	if (r < 0)
		return err_set(e, ERR_MAP, (int)-r, "cannot reserve the address range again");
	return 0;
}

int encl_map(struct encl *en, uint64_t off, uint64_t pages, int prot, struct err *e)
{
	int64_t r;

	if (encl_check_range(en, off, pages, e))
		return -1;
	do {
		encl_count(en, mmaps, 1);
		r = en->dev->ops->mmap(en->dev, en->base + off, PAGES_TO_BYTES(pages), prot,
				       MAP_SHARED | MAP_FIXED, en->fd, 0);
	} while (r == -EINTR);
	if (r >= 0)
		return 0;
	encl_reserve_again(en, off, pages, NULL);
	return encl_explain_map(en, off, pages, prot, (int)-r, e);
}

int encl_mprotect(struct encl *en, uint64_t off, uint64_t pages, int prot, struct err *e)
{
	int r;

	if (encl_check_range(en, off, pages, e))
		return -1;
	encl_count(en, mmaps, 1);
	r = en->dev->ops->mprotect(en->dev, en->base + off, PAGES_TO_BYTES(pages), prot);
	return r < 0 ? encl_explain_map(en, off, pages, prot, -r, e) : 0;
}

int encl_unmap(struct encl *en, uint64_t off, uint64_t pages, struct err *e)
{
	if (encl_check_range(en, off, pages, e))
		return -1;
	return encl_reserve_again(en, off, pages, e);
}
