/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the CPU model did, for emul_on_event.  Context: where it happens; the listener obeys the same rules. */
#include "emul/native.h"

static void tell(const struct sgxm_regs *r, struct emul_event ev)
{
	ev.leaf = (uint32_t)r->rax;
	ev.rip = r->rip;
	ev.rbx = r->rbx;
	ev.rcx = r->rcx;
	ev.rdx = r->rdx;
	emul_on_event(&ev);
}

void native_tell_leaf(const struct sgxm_regs *before, uint64_t tcs, uint64_t code, const char *check)
{
	if (emul_on_event)
		tell(before, (struct emul_event){ .kind = EMUL_EVENT_LEAF, .tcs = tcs, .code = code,
						  .check = code ? check : NULL });
}

void native_tell_refused(const struct sgxm_regs *before, uint8_t vector, uint32_t errcd, uint64_t addr,
			 const char *check)
{
	if (emul_on_event)
		tell(before, (struct emul_event){ .kind = EMUL_EVENT_REFUSED, .tcs = before->rbx, .exception = true,
						  .vector = vector, .errcd = errcd, .addr = addr, .check = check });
}

void native_tell_aex(uint64_t tcs, uint64_t rip, const struct sgxm_event *ev)
{
	if (emul_on_event)
		emul_on_event(&(struct emul_event){ .kind = EMUL_EVENT_AEX, .tcs = tcs, .rip = rip,
						    .exception = ev->exception, .vector = ev->vector,
						    .errcd = ev->errcd, .addr = ev->maddr });
}
