/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Operations on memory: READ WRITE TOUCH FILL CHECKSUM COPYIN COPYOUT.
 * READ and WRITE take any address on purpose: what happens there is what the caller wants to know.
 */
#include "encl.h"

#define WORDS_PER_PAGE (SGX_PAGE_SIZE / sizeof(uint64_t))

uint64_t op_read(struct encl_ctx *c)
{
	c->out->value = *(const volatile uint64_t *)c->in.addr;
	return ENCL_OK;
}

uint64_t op_write(struct encl_ctx *c)
{
	*(volatile uint64_t *)c->in.addr = c->in.value;
	return ENCL_OK;
}

uint64_t op_touch(struct encl_ctx *c)
{
	if (!encl_pages_ok(c, false) || c->in.flags > 1)
		return ENCL_BAD_ARG;
	for (uint64_t i = 0; i < c->in.pages; i++) {
		volatile uint8_t *p = (volatile uint8_t *)(c->in.addr + i * SGX_PAGE_SIZE);

		if (c->in.flags)
			/*
			 * One locked access: writes, and keeps what another thread stores.  In assembly, because a
			 * compiler may turn an atomic OR with 0 into a load.
			 */
			__asm__ volatile("lock orb $0, %0" : "+m"(*p) : : "cc");
		else
			(void)*p;
		c->out->done = i + 1;
	}
	return ENCL_OK;
}

uint64_t op_fill(struct encl_ctx *c)
{
	if (!encl_pages_ok(c, false))
		return ENCL_BAD_ARG;
	for (uint64_t i = 0; i < c->in.pages; i++) {
		volatile uint64_t *p = (volatile uint64_t *)(c->in.addr + i * SGX_PAGE_SIZE);

		for (size_t w = 0; w < WORDS_PER_PAGE; w++)
			p[w] = c->in.value;
		c->out->done = i + 1;
	}
	return ENCL_OK;
}

uint64_t op_checksum(struct encl_ctx *c)
{
	uint64_t sum = 0;

	if (!encl_pages_ok(c, false))
		return ENCL_BAD_ARG;
	for (uint64_t i = 0; i < c->in.pages; i++) {
		const volatile uint64_t *p = (const volatile uint64_t *)(c->in.addr + i * SGX_PAGE_SIZE);

		for (size_t w = 0; w < WORDS_PER_PAGE; w++)
			sum += p[w];
		c->out->done = i + 1;
	}
	c->out->value = sum;
	return ENCL_OK;
}

/* page by page, so that done is worth something when a page in the middle faults */
static void copy_counted(struct encl_ctx *c, uint64_t dst, uint64_t src)
{
	uint64_t bytes = c->in.bytes;

	for (uint64_t at = 0; at < bytes; at += SGX_PAGE_SIZE) {
		uint64_t n = bytes - at < SGX_PAGE_SIZE ? bytes - at : SGX_PAGE_SIZE;

		memcpy((void *)(dst + at), (const void *)(src + at), n);
		c->out->done = at / SGX_PAGE_SIZE + 1;
	}
}

uint64_t op_copyin(struct encl_ctx *c)
{
	if (!encl_inside(c, c->in.addr, c->in.bytes) || !encl_outside(c, c->in.src, c->in.bytes))
		return ENCL_BAD_ARG;
	copy_counted(c, c->in.addr, c->in.src);
	return ENCL_OK;
}

uint64_t op_copyout(struct encl_ctx *c)
{
	if (!encl_inside(c, c->in.addr, c->in.bytes) || !encl_outside(c, c->in.dst, c->in.bytes))
		return ENCL_BAD_ARG;
	copy_counted(c, c->in.dst, c->in.addr);
	return ENCL_OK;
}
