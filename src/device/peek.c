/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The debugger's view: reads and writes through /proc/PID/mem semantics, for debug enclaves alone. */
#include <errno.h>

#include "device/internal.h"

static int refuse(struct encl *en, uint64_t off, size_t bytes, struct err *e)
{
	if (!en->debug)
		return err_set(e, ERR_NOT_DEBUG, EIO, "the enclave was loaded without DEBUG");
	if (off >= en->size || bytes > en->size - off) {
		err_set(e, ERR_BAD_RANGE, EINVAL, "offset 0x%llx and %zu bytes leave ELRANGE",
			(unsigned long long)off, bytes);
		err_hint(e, "ELRANGE has 0x%llx bytes", (unsigned long long)en->size);
		return err_offset(e, off);
	}
	return 0;
}

static ssize_t access_err(struct encl *en, uint64_t off, int sys, const char *what, struct err *e)
{
	int present = encl_page_present(en, off);

	if (present == 0)
		err_set(e, ERR_NO_PAGE, sys, "no page at offset 0x%llx", (unsigned long long)off);
	else
		err_set(e, ERR_IO, sys, "the bytes at offset 0x%llx cannot be %s", (unsigned long long)off,
			what);
	if (present != 0)
		err_hint(e,
			 "of a TCS only the first 72 bytes can be read, only FLAGS written; the page must be mapped");
	return err_offset(e, off);
}

/*
 * How much to ask for: everything at once, since each call has its price; page by page once that failed, since a
 * driver that fails anywhere in a range says nothing of what came before.
 */
static size_t portion(uint64_t off, size_t bytes, bool paged)
{
	size_t rest = SGX_PAGE_SIZE - off % SGX_PAGE_SIZE;

	return paged && rest < bytes ? rest : bytes;
}

ssize_t encl_peek(struct encl *en, uint64_t off, void *buf, size_t bytes, struct err *e)
{
	bool paged = false;
	size_t done = 0;

	if (refuse(en, off, bytes, e))
		return -1;
	while (done < bytes) {
		ssize_t n = en->dev->ops->peek(en->dev, en->base + off + done, (char *)buf + done,
					       portion(off + done, bytes - done, paged));

		if (n > 0)
			done += (size_t)n;
		else if (n != -EINTR && paged)
			return done ? (ssize_t)done : access_err(en, off, n < 0 ? (int)-n : EIO, "read", e);
		else if (n != -EINTR)
			paged = true;
	}
	return (ssize_t)done;
}

ssize_t encl_poke(struct encl *en, uint64_t off, const void *buf, size_t bytes, struct err *e)
{
	bool paged = false;
	size_t done = 0;

	if (refuse(en, off, bytes, e))
		return -1;
	while (done < bytes) {
		ssize_t n = en->dev->ops->poke(en->dev, en->base + off + done, (const char *)buf + done,
					       portion(off + done, bytes - done, paged));

		if (n > 0)
			done += (size_t)n;
		else if (n != -EINTR && paged)
			return done ? (ssize_t)done : access_err(en, off, n < 0 ? (int)-n : EIO, "written", e);
		else if (n != -EINTR)
			paged = true;
	}
	return (ssize_t)done;
}
