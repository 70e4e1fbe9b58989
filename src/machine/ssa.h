/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SSA frames: finding and checking their pages at entry, and the XSAVE image in them.
 *
 * Authority: Intel SDM Vol. 3D, "State save area frame"; Vol. 1, "XSAVE area".
 * Context:   any.
 */
#ifndef MACHINE_SSA_H
#define MACHINE_SSA_H

#include "machine/machine.h"

#define GPRSGX_OFF (SGX_PAGE_SIZE - (uint32_t)sizeof(struct sgx_gprsgx))    /* in its page */
#define EXINFO_OFF (GPRSGX_OFF - (uint32_t)sizeof(struct sgx_exinfo))

/* Layout of the standard-format XSAVE area */
#define XSAVE_FCW_OFF       0u
#define XSAVE_FSW_OFF       2u
#define XSAVE_MXCSR_OFF     24u
#define XSAVE_MXCSR_MASK_OFF 28u
#define XSAVE_ST_OFF        32u
#define XSAVE_ST_BYTES      128u
#define XSAVE_XMM_OFF       160u
#define XSAVE_XMM_BYTES     256u
#define XSAVE_HDR_OFF       512u        /* XSTATE_BV, XCOMP_BV, reserved */
#define XFEATURE_X87 0x1u
#define XFEATURE_SSE 0x2u
#define FCW_INIT   0x037fu
#define MXCSR_INIT 0x1f80u

/* EPC pages of one frame */
struct ssa_frame {
	uint64_t xsave_epa[SGXM_SSA_XSAVE_PAGES];
	uint64_t gpr_epa;
};

/* The frames of one TCS */
struct ssa_stack {
	uint64_t secs_epa;
	uint64_t base_la;               /* of frame 0 */
	uint64_t frame_bytes;
	uint32_t xsave_pages;
};

struct ssa_stack ssa_stack_of(const struct sgxm *m, const struct sgxm_secs *s, uint64_t secs_epa,
			      uint64_t ossa);

enum ssa_part { SSA_COMPLETE, SSA_XSAVE_REFUSED, SSA_GPRSGX_REFUSED };

/*
 * Check every page that an AEX will write in frame `idx`: page tables R/W, EPC, and the EPCM.
 * Unless SSA_COMPLETE, *ret_fault is the #PF (address of the page), without its check id, and
 * *ret_frame is of no use.
 */
enum ssa_part ssa_resolve(struct sgxm *m, struct sgxm_cpu *cpu, const struct ssa_stack *stack,
			  uint32_t idx, struct ssa_frame *ret_frame, struct sgxm_out *ret_fault);

struct sgx_gprsgx *ssa_gprsgx(struct sgxm *m, const struct ssa_frame *f);
struct sgx_exinfo *ssa_exinfo(struct sgxm *m, const struct ssa_frame *f);

/* Bytes of misc area that MISCSELECT asks for */
static inline uint32_t ssa_misc_bytes(uint32_t miscselect)
{
	return miscselect & (SGX_MISC_EXINFO | SGX_MISC_CPINFO) ? (uint32_t)sizeof(struct sgx_exinfo) : 0;
}

/* XSAVE of the components in xfrm from the live image to the frame */
void ssa_xsave(struct sgxm *m, const struct ssa_frame *f, uint64_t xfrm, const uint8_t *live,
	       size_t live_bytes);

/*
 * XRSTOR of the components in xfrm from the frame to the live image; false when the instruction
 * would fault, and then the live image is untouched.
 */
bool ssa_xrstor(struct sgxm *m, const struct ssa_frame *f, uint64_t xfrm, uint8_t *live,
		size_t live_bytes);

/* Put the components of xfrm in the live image into their synthetic state of an AEX */
void ssa_xinit(uint64_t xfrm, uint8_t *live, size_t live_bytes, uint16_t fcw, uint16_t fsw,
	       uint32_t mxcsr);

#endif
