/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The XSAVE image of an SSA frame: standard format, at the offsets of the platform, spread over
 * EPC pages that need not be neighbours.
 *
 * Other threads of the enclave can write the frame at any time, so each value that is checked is
 * read once, and used from the copy.
 */
#include "machine/mem.h"
#include "machine/ssa.h"

/* Components with a place of their own behind the legacy area; bit 63 is never one */
#define EXTENDED (~(uint64_t)(XFEATURE_X87 | XFEATURE_SSE) & ~(1ull << 63))

/* The frame's bytes [off, off+bytes), one page piece at a time */
static void frame_put(struct sgxm *m, const struct ssa_frame *f, uint32_t off, const uint8_t *src,
		      uint32_t bytes)
{
	while (bytes) {
		uint32_t in_page = off % SGX_PAGE_SIZE;
		uint32_t n = SGX_PAGE_SIZE - in_page < bytes ? SGX_PAGE_SIZE - in_page : bytes;

		mem_copy(m->ops->page(m->host, f->xsave_epa[off / SGX_PAGE_SIZE]) + in_page, src, n);
		off += n;
		src += n;
		bytes -= n;
	}
}

static void frame_get(struct sgxm *m, const struct ssa_frame *f, uint32_t off, uint8_t *dst,
		      uint32_t bytes)
{
	while (bytes) {
		uint32_t in_page = off % SGX_PAGE_SIZE;
		uint32_t n = SGX_PAGE_SIZE - in_page < bytes ? SGX_PAGE_SIZE - in_page : bytes;

		mem_copy(dst, m->ops->page(m->host, f->xsave_epa[off / SGX_PAGE_SIZE]) + in_page, n);
		off += n;
		dst += n;
		bytes -= n;
	}
}

/* x87 state without MXCSR: bytes 0..23 and the registers */
static void x87_init(uint8_t *image, uint16_t fcw, uint16_t fsw)
{
	mem_zero(image, XSAVE_MXCSR_OFF);
	mem_put16(image + XSAVE_FCW_OFF, fcw);
	mem_put16(image + XSAVE_FSW_OFF, fsw);
	mem_zero(image + XSAVE_ST_OFF, XSAVE_ST_BYTES);
}

/* Components i >= 2 of mask that the image has room for */
static bool component_fits(const struct sgxm_platform *p, unsigned i, size_t image_bytes)
{
	return p->xsave[i].bytes && (uint64_t)p->xsave[i].off + p->xsave[i].bytes <= image_bytes;
}

void ssa_xsave(struct sgxm *m, const struct ssa_frame *f, uint64_t xfrm, const uint8_t *live,
	       size_t live_bytes)
{
	const struct sgxm_platform *p = m->platform;
	uint8_t *area = m->ops->page(m->host, f->xsave_epa[0]);
	uint64_t bv = live && live_bytes >= SGX_XSAVE_MIN ? mem_get64(live + XSAVE_HDR_OFF) & xfrm : 0;

	/* unlike the extended components, x87 and SSE are read by runtimes that ignore XSTATE_BV */
	if (bv & XFEATURE_X87) {
		mem_copy(area, live, XSAVE_MXCSR_OFF);
		mem_copy(area + XSAVE_ST_OFF, live + XSAVE_ST_OFF, XSAVE_ST_BYTES);
	} else {
		x87_init(area, FCW_INIT, 0);
	}
	if (bv & XFEATURE_SSE)
		mem_copy(area + XSAVE_XMM_OFF, live + XSAVE_XMM_OFF, XSAVE_XMM_BYTES);
	else
		mem_zero(area + XSAVE_XMM_OFF, XSAVE_XMM_BYTES);
	mem_put32(area + XSAVE_MXCSR_OFF,
		  live && live_bytes >= SGX_XSAVE_MIN ? mem_get32(live + XSAVE_MXCSR_OFF) : MXCSR_INIT);
	mem_put32(area + XSAVE_MXCSR_MASK_OFF, p->mxcsr_mask);
	for (uint64_t rest = bv & EXTENDED; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);

		if (component_fits(p, i, live_bytes))
			frame_put(m, f, p->xsave[i].off, live + p->xsave[i].off, p->xsave[i].bytes);
		else
			bv &= ~(1ull << i);
	}
	mem_put64(area + XSAVE_HDR_OFF, bv);
	mem_zero(area + XSAVE_HDR_OFF + 8, 16);
}

bool ssa_xrstor(struct sgxm *m, const struct ssa_frame *f, uint64_t xfrm, uint8_t *live,
		size_t live_bytes)
{
	const struct sgxm_platform *p = m->platform;
	const uint8_t *area = m->ops->page(m->host, f->xsave_epa[0]);
	uint64_t bv = mem_get64(area + XSAVE_HDR_OFF);
	uint32_t mxcsr = mem_get32(area + XSAVE_MXCSR_OFF);

	if (bv & ~xfrm || !mem_is_zero(area + XSAVE_HDR_OFF + 8, 16) || mxcsr & ~p->mxcsr_mask)
		return false;
	if (!live || live_bytes < SGX_XSAVE_MIN)
		return false;
	for (uint64_t rest = bv & EXTENDED; rest; rest &= rest - 1) {
		if (!component_fits(p, (unsigned)__builtin_ctzll(rest), live_bytes))
			return false;
	}
	if (bv & XFEATURE_X87) {
		mem_copy(live, area, XSAVE_MXCSR_OFF);
		mem_copy(live + XSAVE_ST_OFF, area + XSAVE_ST_OFF, XSAVE_ST_BYTES);
	} else {
		x87_init(live, FCW_INIT, 0);
	}
	if (bv & XFEATURE_SSE)
		mem_copy(live + XSAVE_XMM_OFF, area + XSAVE_XMM_OFF, XSAVE_XMM_BYTES);
	else
		mem_zero(live + XSAVE_XMM_OFF, XSAVE_XMM_BYTES);
	mem_put32(live + XSAVE_MXCSR_OFF, mxcsr);
	for (uint64_t rest = bv & EXTENDED; rest; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctzll(rest);

		frame_get(m, f, p->xsave[i].off, live + p->xsave[i].off, p->xsave[i].bytes);
	}
	mem_put64(live + XSAVE_HDR_OFF, (mem_get64(live + XSAVE_HDR_OFF) & ~xfrm) | bv);
	return true;
}

void ssa_xinit(uint64_t xfrm, uint8_t *live, size_t live_bytes, uint16_t fcw, uint16_t fsw,
	       uint32_t mxcsr)
{
	uint64_t bv;

	if (!live || live_bytes < SGX_XSAVE_MIN)
		return;
	bv = mem_get64(live + XSAVE_HDR_OFF) & ~xfrm;
	/* XRSTOR ignores the x87 bytes of a component in INIT state, so a #MF needs its bit set */
	if (fcw != FCW_INIT || fsw)
		bv |= XFEATURE_X87;
	x87_init(live, fcw, fsw);
	mem_zero(live + XSAVE_XMM_OFF, XSAVE_XMM_BYTES);
	mem_put32(live + XSAVE_MXCSR_OFF, mxcsr);
	mem_put64(live + XSAVE_HDR_OFF, bv);
}
