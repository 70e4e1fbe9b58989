/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a signal means: an ENCLU, a fault the driver model resolves, an exception inside an enclave
 * (AEX, then the vDSO's fix-up or a signal), or the program's own business.
 *
 * Authority: Intel SDM Vol. 3D, "Enclave exiting events", "Instruction legality"; Linux 6.1
 *            arch/x86/mm/fault.c, arch/x86/entry/vdso/extable.c.
 * Context:   signal handler, all signals blocked, host FS, any GS, on the alternate stack.
 */
#include "emul/native.h"

#ifndef SYS_USER_DISPATCH
#define SYS_USER_DISPATCH 2
#endif

bool (*native_outside_hook)(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb);

/* The trap being handled: registers as the CPU model sees them, written back once at the end. */
struct trap {
	int sig;
	siginfo_t *info;
	ucontext_t *uc;
	struct native_tb *tb;
	struct sgxm_regs regs;
	uint8_t *xsave;
	size_t xsave_bytes;
	bool forward;           /* hand sig to the program on the way out */
};

#define FOR_EACH_GREG(G) \
	G(RAX, rax) G(RCX, rcx) G(RDX, rdx) G(RBX, rbx) G(RSP, rsp) G(RBP, rbp) G(RSI, rsi) G(RDI, rdi) \
	G(R8, r8) G(R9, r9) G(R10, r10) G(R11, r11) G(R12, r12) G(R13, r13) G(R14, r14) G(R15, r15) \
	G(EFL, rflags) G(RIP, rip)

static void regs_load(struct trap *t)
{
	const greg_t *from = t->uc->uc_mcontext.gregs;

#define LOAD(greg, reg) t->regs.reg = (uint64_t)from[REG_##greg];
	FOR_EACH_GREG(LOAD)
#undef LOAD
}

static void regs_store(struct trap *t)
{
	greg_t *to = t->uc->uc_mcontext.gregs;

	/* RF in the frame would make the next instruction skip breakpoints */
	if ((uint64_t)to[REG_RIP] != t->regs.rip)
		t->regs.rflags &= ~(uint64_t)SGXM_RFLAGS_RF;
#define STORE(greg, reg) to[REG_##greg] = (greg_t)t->regs.reg;
	FOR_EACH_GREG(STORE)
#undef STORE
}

static uint64_t vdso_aep(void)
{
	return (uint64_t)(uintptr_t)native_aep;
}

static void count(_Atomic uint64_t *c)
{
	atomic_fetch_add_explicit(c, 1, memory_order_relaxed);
}

/* ---- leaving and entering ---------------------------------------------------------------------- */

static void now_outside(struct native_tb *tb, struct native_inside *in)
{
	tb->in_enclave = NULL;
	tb->n_inside = (unsigned)(in - tb->inside);
}

static void now_inside(struct trap *t, struct native_inside *in)
{
	t->tb->in_enclave = in;
	t->tb->encl_fs = t->regs.fsbase;
	t->tb->encl_gs = t->regs.gsbase;
}

/* An exception that the thread outside sees at its ENCLU (a refused leaf, or after an AEX). */
struct exception {
	uint8_t vector;
	uint32_t errcd;
	uint64_t addr;          /* full address of a #PF */
	int sig, si_code;       /* what the kernel would send where no fix-up is */
};

static void raise_outside(struct trap *t, const struct exception *x)
{
	if (t->regs.rip == vdso_aep() && x->vector != SGX_VEC_DB && x->vector != SGX_VEC_BP) {
		t->regs.rip = (uint64_t)(uintptr_t)native_fixup;
		t->regs.rdi = x->vector;
		t->regs.rsi = x->errcd;
		t->regs.rdx = x->vector == SGX_VEC_PF ? x->addr & SGX_PAGE_MASK : 0;
		return;
	}
	t->sig = x->sig;
	t->info->si_signo = x->sig;
	t->info->si_code = x->si_code;
	t->info->si_addr = (void *)(uintptr_t)(x->vector == SGX_VEC_PF ? x->addr & SGX_PAGE_MASK :
					       x->vector == SGX_VEC_GP ? 0 : t->regs.rip);
	t->uc->uc_mcontext.gregs[REG_TRAPNO] = x->vector;
	t->uc->uc_mcontext.gregs[REG_ERR] = (greg_t)x->errcd;
	if (x->vector == SGX_VEC_PF)
		t->uc->uc_mcontext.gregs[REG_CR2] = (greg_t)(x->addr & SGX_PAGE_MASK);
	t->forward = true;
}

static void do_aex(struct trap *t, struct native_inside *in, const struct sgxm_event *ev)
{
	native_tell_aex(in->cpu.tcs_la, t->regs.rip, ev);
	sgxm_aex(&in->en->machine, &in->cpu, &t->regs, t->xsave, t->xsave_bytes, ev);
	count(&in->en->sh->aexs);
	native_inside_clear(t->tb, in);
	now_outside(t->tb, in);
}

/* An exception in the enclave: asynchronous exit, and out to whoever called. */
static void raise_inside(struct trap *t, struct native_inside *in, const struct exception *x)
{
	struct sgxm_event ev = { .exception = true, .vector = x->vector, .errcd = x->errcd,
				 .maddr = x->vector == SGX_VEC_PF ? x->addr : 0 };

	do_aex(t, in, &ev);
	raise_outside(t, x);
}

static const struct exception ud = { SGX_VEC_UD, 0, 0, SIGILL, ILL_ILLOPN };
static const struct exception gp = { SGX_VEC_GP, 0, 0, SIGSEGV, SI_KERNEL };

static struct exception page_fault(enum emul_fault f, uint32_t pfec, uint64_t addr)
{
	return (struct exception){
		.vector = SGX_VEC_PF, .errcd = pfec, .addr = addr,
		.sig = f == EMUL_FAULT_SIGBUS ? SIGBUS : SIGSEGV,
		.si_code = f == EMUL_FAULT_SIGBUS ? BUS_ADRERR :
			   f == EMUL_FAULT_SEGV_MAPERR ? SEGV_MAPERR : SEGV_ACCERR };
}

static enum sgxm_access access_of(uint64_t pfec)
{
	return pfec & SGX_PFEC_I ? SGXM_FETCH : pfec & SGX_PFEC_W ? SGXM_WRITE : SGXM_READ;
}

/*
 * EENTER or ERESUME by the host at its RIP, with the bases in the thread block.  Success ends in enclave
 * mode; a refusal is the host's exception.
 */
static void host_enclu(struct trap *t, struct emul_encl *en)
{
	struct native_tb *tb = t->tb;

	if (!en || tb->n_inside == NATIVE_MAX_INSIDE) {
		uint32_t pfec;
		enum emul_fault f = emul_fault_elsewhere(t->regs.rbx, SGXM_WRITE, &pfec);
		struct exception x = page_fault(f, pfec, t->regs.rbx);
		const struct exception *why = t->regs.rbx & ~SGX_PAGE_MASK ? &gp : &x;

		native_tell_refused(&t->regs, why->vector, why->errcd, why->addr, NULL);
		raise_outside(t, why);
		return;
	}
	struct native_inside *in = &tb->inside[tb->n_inside++];
	uint32_t leaf = (uint32_t)t->regs.rax;
	struct sgxm_regs before = t->regs;

	in->en = en;
	in->frame = NULL;
	in->tcs_la = t->regs.rbx;
	in->cpu = (struct sgxm_cpu){ 0 };
	native_entering(en, in->tcs_la, 1);
	for (unsigned tries = 0;;) {
		t->regs.fsbase = tb->host_fs;
		t->regs.gsbase = tb->host_gs;
		struct sgxm_out out = sgxm_enclu(&en->machine, &in->cpu, &t->regs, 3, t->xsave, t->xsave_bytes);
		enum emul_fault f = EMUL_FAULT_SEGV_ACCERR;
		uint32_t pfec = out.pfec;

		if (out.kind == SGXM_DONE)
			break;
		if (emul_conflict(en, &out, &tries) || emul_tcs_recover(en, &out, in->tcs_la))
			continue;
		if (out.kind == SGXM_PF && emul_encl_by_la(out.addr) != en)
			f = emul_fault_elsewhere(out.addr, SGXM_WRITE, &pfec);
		else if (out.kind == SGXM_PF && !(pfec & (SGX_PFEC_SGX | SGX_PFEC_P)))
			f = emul_fault(en, out.addr, access_of(pfec), EMUL_BY_LEAF, &pfec);
		if (f == EMUL_FAULT_RESOLVED || f == EMUL_FAULT_STALE)
			continue;
		struct exception x = page_fault(f, pfec, out.addr);

		const struct exception *why = out.kind == SGXM_PF ? &x : out.kind == SGXM_UD ? &ud : &gp;

		emul_note(en, out, out.addr - en->sh->base);
		native_entering(en, in->tcs_la, -1);
		now_outside(tb, in);
		native_tell_refused(&before, why->vector, why->errcd, why->addr, out.check);
		raise_outside(t, why);
		return;
	}
	native_inside_note(tb, in);
	native_entering(en, in->tcs_la, -1);
	count(leaf == SGX_EENTER ? &en->sh->eenters : &en->sh->eresumes);
	native_tell_leaf(&before, before.rbx, 0, NULL);
	if (emul_elsewhere_behind(en))
		emul_elsewhere_poll();
	now_inside(t, in);
}

/*
 * The kernel resolved a fault of enclave code: on the CPU that was an AEX, and an ERESUME at the AEP.
 * False: the AEP is code of the program's own, which now runs; or the ERESUME was refused.
 */
static bool aex_and_resume(struct trap *t, struct native_inside *in, uint64_t addr, uint32_t pfec)
{
	struct sgxm_event ev = { .exception = true, .vector = SGX_VEC_PF, .errcd = pfec, .maddr = addr };
	struct emul_encl *en = in->en;
	uint64_t rip = t->regs.rip;

	if (in->cpu.aep == vdso_aep() &&
	    sgxm_aex_resume(&en->machine, &in->cpu, &t->regs, t->xsave, t->xsave_bytes, &ev)) {
		/* for a moment nobody was inside who had to be waited for */
		if (emul_elsewhere_behind(en))
			emul_elsewhere_poll();
		native_inside_note(t->tb, in);
		native_tell_aex(in->cpu.tcs_la, rip, &ev);
		native_tell_leaf(&(struct sgxm_regs){ .rax = SGX_ERESUME, .rbx = in->cpu.tcs_la, .rcx = vdso_aep(),
						      .rip = vdso_aep() }, in->cpu.tcs_la, 0, NULL);
		count(&en->sh->aexs);
		count(&en->sh->eresumes);
		return true;
	}
	do_aex(t, in, &ev);
	if (t->regs.rip != vdso_aep())
		return false;
	host_enclu(t, en);
	return t->tb->in_enclave != NULL;
}

/* ---- ENCLU inside --------------------------------------------------------------------------------- */

static void leaf_done(struct trap *t, struct native_inside *in, uint32_t leaf, uint64_t at, uint64_t src, uint64_t dst,
		      bool success)
{
	struct emul_shared *sh = in->en->sh;

	if (leaf == SGX_EEXIT) {
		count(&sh->eexits);
		native_inside_clear(t->tb, in);
		now_outside(t->tb, in);
	} else if (success && leaf == SGX_EACCEPT) {
		count(&sh->eaccepts);
	} else if (success && leaf == SGX_EACCEPTCOPY) {
		count(&sh->eacceptcopies);
		native_patch_copied(in->en, src, dst);
	}
	native_patch_site(in->en, at);
}

#define LEAF_FAULTS 8u          /* more than a leaf has operands */

static void enclave_enclu(struct trap *t, struct native_inside *in)
{
	for (unsigned tries = 0, faults = 0;;) {
		struct emul_encl *en = in->en;
		uint32_t leaf = (uint32_t)t->regs.rax;
		struct sgxm_regs before;
		uint64_t tcs = in->cpu.tcs_la;
		uint64_t at = t->regs.rip, src = t->regs.rdx, dst = t->regs.rcx;

		if (emul_on_event)      /* nobody else looks at it */
			before = t->regs;

		native_look_begin(t->tb, en);
		struct sgxm_out out = sgxm_enclu(&en->machine, &in->cpu, &t->regs, 3, t->xsave, t->xsave_bytes);
		enum emul_fault f = EMUL_FAULT_SEGV_ACCERR;
		uint32_t pfec = out.pfec;

		if (out.kind == SGXM_DONE || out.kind == SGXM_CODE) {
			if (out.kind == SGXM_CODE)
				emul_note(en, out, dst - en->sh->base);
			native_tell_leaf(&before, tcs, out.kind == SGXM_CODE ? t->regs.rax : 0, out.check);
			leaf_done(t, in, leaf, at, src, dst, out.kind == SGXM_DONE);
			native_look_end(t->tb);
			return;
		}
		native_look_end(t->tb);
		if (emul_conflict(en, &out, &tries))
			continue;
		if (out.kind == SGXM_PF && !(pfec & (SGX_PFEC_SGX | SGX_PFEC_P)))
			f = emul_fault(en, out.addr, access_of(pfec), EMUL_BY_LEAF, &pfec);
		if (f == EMUL_FAULT_STALE)
			continue;
		if (f == EMUL_FAULT_RESOLVED) {
			/*
			 * A leaf whose pages chase each other out of a tiny EPC never ends, on a CPU as here: it is executed
			 * again now and then, so that signals can interrupt it.
			 */
			if (!aex_and_resume(t, in, out.addr, pfec) || ++faults == LEAF_FAULTS)
				return;
			continue;
		}
		struct exception x = page_fault(f, pfec, out.addr);

		const struct exception *why = out.kind == SGXM_PF ? &x : out.kind == SGXM_UD ? &ud : &gp;

		emul_note(en, out, out.addr - en->sh->base);
		native_tell_refused(&before, why->vector, why->errcd, why->addr, out.check);
		raise_inside(t, in, why);
		return;
	}
}

/* ---- code bytes ------------------------------------------------------------------------------------- */

#define LOOK_TRIES 100

/*
 * Begins a look at [la, la + bytes) of ELRANGE, at most two pages, which are brought back when they were reclaimed
 * since the instruction ran.  False: they cannot be.
 */
static bool look_at_code(struct trap *t, struct emul_encl *en, uint64_t la, uint64_t bytes)
{
	for (int i = 0; i < LOOK_TRIES; i++) {
		uint32_t pfec;
		uint64_t out;

		native_look_begin(t->tb, en);
		if (!native_page_out(en, la) && !native_page_out(en, la + bytes - 1))
			return true;
		out = native_page_out(en, la) ? la : la + bytes - 1;
		native_look_end(t->tb);
		emul_fault(en, out, SGXM_FETCH, EMUL_BY_ENCLAVE, &pfec);
	}
	return false;
}

/* ---- exceptions of other instructions inside -------------------------------------------------------- */

static bool in_elrange(const struct native_inside *in, uint64_t la)
{
	return la >= in->cpu.elrange_base && la - in->cpu.elrange_base < in->cpu.elrange_size;
}

/*
 * Instructions that are #UD in an enclave but #GP natively (I/O, INT n, RDPMC, descriptor-table stores under UMIP).
 * Authority: "Instruction legality in enclave mode".
 */
static bool illegal_inside(const struct native_inside *in, uint64_t rip)
{
	uint64_t end = in->cpu.elrange_base + in->cpu.elrange_size;
	const uint8_t *p = in->en->alias + (rip - in->cpu.elrange_base);
	size_t n = end - rip < 15 ? (size_t)(end - rip) : 15, i = 0;

	while (i < n && (p[i] == 0x66 || p[i] == 0x67 || p[i] == 0xf2 || p[i] == 0xf3 || p[i] == 0x2e ||
			 p[i] == 0x36 || p[i] == 0x3e || p[i] == 0x26 || p[i] == 0x64 || p[i] == 0x65 ||
			 (p[i] & 0xf0) == 0x40))
		i++;
	if (i >= n)
		return false;
	if ((p[i] & 0xfc) == 0x6c || (p[i] & 0xfc) == 0xe4 || (p[i] & 0xfc) == 0xec || p[i] == 0xcd)
		return true;
	if (p[i] != 0x0f || i + 1 >= n)
		return false;
	if (p[i + 1] == 0x33)
		return true;
	uint8_t modrm = i + 2 < n ? p[i + 2] : 0xff, reg = (modrm >> 3) & 7;

	if (p[i + 1] == 0x00)
		return reg <= 1;
	return p[i + 1] == 0x01 && (reg == 4 || (reg <= 1 && modrm < 0xc0));
}

static void enclave_page_fault(struct trap *t, struct native_inside *in)
{
	uint64_t la = (uint64_t)t->uc->uc_mcontext.gregs[REG_CR2];
	uint64_t hw = (uint64_t)t->uc->uc_mcontext.gregs[REG_ERR];
	uint32_t pfec;

	if (!in_elrange(in, la)) {
		struct exception x = { SGX_VEC_PF, (uint32_t)hw & 0xffff, la, t->sig, t->info->si_code };

		raise_inside(t, in, hw & SGX_PFEC_I ? &gp : &x);
		return;
	}
	enum emul_fault f = emul_fault(in->en, la, access_of(hw), EMUL_BY_ENCLAVE, &pfec);

	if (f == EMUL_FAULT_STALE && t->sig == SIGBUS)  /* the enclave's file has no memory for the page */
		f = EMUL_FAULT_SIGBUS;
	if (f == EMUL_FAULT_RESOLVED) {
		aex_and_resume(t, in, la, pfec);
	} else if (f != EMUL_FAULT_STALE) {
		struct exception x = page_fault(f, pfec, la);

		if (f == EMUL_FAULT_SEGV_MAPERR) {      /* nothing of ours: the kernel under us knows better */
			x.si_code = t->info->si_code;
			x.errcd = (uint32_t)hw & 0xffff;
		}
		raise_inside(t, in, &x);
	}
}

static bool is_illegal_inside(struct trap *t, struct native_inside *in)
{
	bool illegal;

	if (!look_at_code(t, in->en, t->regs.rip, 15))
		return false;
	illegal = illegal_inside(in, t->regs.rip);
	native_look_end(t->tb);
	return illegal;
}

/* Was the INT3 that ended at rip the two-byte form? */
static bool is_int_3(struct trap *t, struct native_inside *in)
{
	uint64_t off = t->regs.rip - in->cpu.elrange_base;
	bool two;

	if (off < 2 || !look_at_code(t, in->en, t->regs.rip - 2, 2))
		return false;
	two = in->en->alias[off - 1] == 0x03 && in->en->alias[off - 2] == 0xcd;
	native_look_end(t->tb);
	return two;
}

/* Where the machine has no FSGSBASE: a CPU with SGX would have run those four. */
static bool base_instruction(struct trap *t, struct native_inside *in)
{
	enum native_bases b = BASES_NONE;

	if (look_at_code(t, in->en, t->regs.rip, 5)) {
		b = native_bases_emulate(t->tb, in, &t->regs);
		native_look_end(t->tb);
	}
	if (b == BASES_GP)
		raise_inside(t, in, &gp);
	return b != BASES_NONE;
}

static void enclave_exception(struct trap *t, struct native_inside *in)
{
	uint8_t vector = (uint8_t)t->uc->uc_mcontext.gregs[REG_TRAPNO];
	struct exception x = { vector, (uint32_t)t->uc->uc_mcontext.gregs[REG_ERR] & 0xffff, 0, t->sig,
			       t->info->si_code };

	if (t->sig == SIGSYS) {         /* SYSCALL or INT 0x80, caught by dispatch: both two bytes */
		t->regs.rip -= 2;
		raise_inside(t, in, &ud);
	} else if (!in_elrange(in, t->regs.rip)) {      /* it jumped out natively; the CPU refuses the fetch */
		raise_inside(t, in, &gp);
	} else if (vector == SGX_VEC_PF) {
		enclave_page_fault(t, in);
	} else if (vector == SGX_VEC_BP && !in->cpu.debug_optin) {
		/* INT3 is fault-like inside; `int $3` has two bytes */
		t->regs.rip -= is_int_3(t, in) ? 2 : 1;
		raise_inside(t, in, &ud);
	} else if ((vector == SGX_VEC_UD || vector == SGX_VEC_GP) && native_fsgsbase != NATIVE_BASES_ALL &&
		   base_instruction(t, in)) {
		return;
	} else if (vector == SGX_VEC_GP && is_illegal_inside(t, in)) {
		raise_inside(t, in, &ud);
	} else {
		raise_inside(t, in, &x);
	}
}

/* ---- which kind of trap ------------------------------------------------------------------------------- */

/* A signal that some process or timer sent, as opposed to one the CPU caused. */
static bool is_async(const struct trap *t)
{
	if (!native_is_trap_signal(t->sig) || t->info->si_code <= 0)
		return true;
	return t->sig == SIGSYS && t->info->si_code != SYS_USER_DISPATCH;
}

static bool is_enclu(struct trap *t, struct native_inside *in, uint64_t at)
{
	bool enclu;

	if (!look_at_code(t, in->en, at, 3))
		return false;
	enclu = native_enclu_at(in->en, at);
	native_look_end(t->tb);
	return enclu;
}

static void trap_inside(struct trap *t, struct native_inside *in)
{
	uint64_t rip = t->regs.rip;

	if (rip >= (uint64_t)(uintptr_t)native_commit_start && rip < (uint64_t)(uintptr_t)native_commit_end)
		t->regs = in->frame->regs;
	if (is_async(t)) {
		struct sgxm_event ev = { 0 };

		do_aex(t, in, &ev);
		t->forward = true;
		return;
	}
	uint8_t vector = (uint8_t)t->uc->uc_mcontext.gregs[REG_TRAPNO];
	uint64_t at = vector == SGX_VEC_BP ? rip - 1 : rip;

	if ((vector == SGX_VEC_UD || vector == SGX_VEC_GP || vector == SGX_VEC_BP) && t->sig != SIGSYS &&
	    in_elrange(in, at) && is_enclu(t, in, at)) {
		t->regs.rip = at;
		enclave_enclu(t, in);
	} else {
		enclave_exception(t, in);
	}
}

/* Where this thread has no block yet, its handler runs on its own stack; sigreturn must leave ours in place. */
static bool thread_block(struct trap *t)
{
	if (!t->tb) {
		t->tb = native_thread_prepare();
		sigaltstack(NULL, &t->uc->uc_stack);
	}
	return t->tb != NULL;
}

/* Host code touched enclave memory.  True: the access can be repeated. */
static bool host_access(struct trap *t)
{
	uint64_t la = (uint64_t)t->uc->uc_mcontext.gregs[REG_CR2];
	enum sgxm_access access = access_of((uint64_t)t->uc->uc_mcontext.gregs[REG_ERR]);
	struct emul_encl *en = emul_encl_by_vma(la);
	uint32_t pfec;

	if (!en)
		return false;
	enum emul_fault f = emul_fault(en, la, access, EMUL_BY_HOST, &pfec);

	if (f == EMUL_FAULT_RESOLVED)
		f = emul_fault(en, la, access, EMUL_BY_HOST, &pfec);
	if (f == EMUL_FAULT_STALE && t->sig == SIGBUS)
		return false;
	if (f == EMUL_FAULT_STALE) {
		/* where enclave code may use the page, the bytes are read in clear: that costs no trap */
		unsigned usable = sgxm_epcm_usable(&en->epcm[emul_page_index(en, la)]);

		if (usable & (access == SGXM_WRITE ? SGX_SECINFO_W : access == SGXM_FETCH ? SGX_SECINFO_X :
			      SGX_SECINFO_R))
			return true;
		return access != SGXM_FETCH && thread_block(t) && native_abort_add(t->tb, en, la, t->uc);
	}
	struct exception x = page_fault(f, pfec, la);

	t->sig = t->info->si_signo = x.sig;
	t->info->si_code = x.si_code;
	t->uc->uc_mcontext.gregs[REG_ERR] = (greg_t)pfec;
	return false;
}

static bool host_at_enclu(const struct trap *t)
{
	if (t->regs.rip == vdso_aep())
		return t->sig == SIGSEGV;
	const uint8_t *p = (const uint8_t *)(uintptr_t)t->regs.rip;

	return t->sig == SIGILL && t->info->si_code > 0 && p[0] == 0x0f && p[1] == 0x01 && p[2] == 0xd7;
}

/* The access can be repeated: on stand-ins for abort pages, where it met any. */
static bool repeat_access(struct trap *t)
{
	bool again = host_access(t);

	if (!t->tb || !t->tb->n_abort)
		return again;
	if (again && (t->tb->abort_placed || native_abort_go_on(t->tb))) {
		t->regs.rflags |= SGXM_RFLAGS_TF;
		return true;
	}
	native_abort_end(t->tb, t->uc);
	return false;
}

static void trap_outside(struct trap *t)
{
	uint32_t leaf = (uint32_t)t->regs.rax;

	if (t->tb && t->tb->n_abort) {
		bool done = t->sig == SIGTRAP && !is_async(t);

		t->regs.rflags &= ~(uint64_t)SGXM_RFLAGS_TF;
		native_abort_pause(t->tb);
		if (done || (t->sig != SIGSEGV && t->sig != SIGBUS) || is_async(t))
			native_abort_end(t->tb, t->uc);
		if (done)
			return;
	}

	if (!is_async(t) && host_at_enclu(t)) {
		if (thread_block(t) && (leaf == SGX_EENTER || leaf == SGX_ERESUME)) {
			t->tb->host_fs = t->tb->own_fs ? t->tb->program_fs : native_host_fs();
			t->tb->host_gs = native_host_gs();
			host_enclu(t, emul_encl_by_la(t->regs.rbx));
		} else {
			raise_outside(t, &gp);
		}
		return;
	}
	if (!is_async(t) && (t->sig == SIGSEGV || t->sig == SIGBUS) &&
	    t->uc->uc_mcontext.gregs[REG_TRAPNO] == SGX_VEC_PF && repeat_access(t))
		return;
	t->forward = true;
}

struct native_tb *native_trap(int sig, siginfo_t *info, ucontext_t *uc, struct native_tb *tb)
{
	bool kick = emul_elsewhere_is_kick(sig, info);
	struct trap t;

	if (!kick && native_outside_hook && !(tb && tb->in_enclave) && native_outside_hook(sig, info, uc, tb))
		return tb;
	/* field by field: zeroing all of it first would be most of the work */
	t.sig = sig;
	t.info = info;
	t.uc = uc;
	t.tb = tb;
	t.forward = false;
	t.xsave = native_xsave(uc, &t.xsave_bytes);
	regs_load(&t);
	if (tb && tb->in_enclave) {
		t.regs.fsbase = tb->encl_fs;
		t.regs.gsbase = tb->encl_gs;
		trap_inside(&t, tb->in_enclave);
	} else if (!kick) {
		trap_outside(&t);
	}
	regs_store(&t);
	if (kick)
		emul_elsewhere_poll();
	else if (t.forward)
		native_forward(t.sig, t.info, uc, t.tb);
	return t.tb;
}
