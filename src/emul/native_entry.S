/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Into and out of enclave mode: the vDSO-compatible entry function, the signal entry that puts FS/GS
 * right before any C runs, and the one sigreturn that is allowed while enclave code is current.
 *
 * Authority: Intel SDM Vol. 3D, EENTER, EEXIT; Linux 6.1 <asm/sgx.h>, __vdso_sgx_enter_enclave contract.
 */
#include "emul/native.h"

	/* a library that has this in it reaches these by distance */
	.hidden	emul_vdso_enter
	.hidden	native_commit_start
	.hidden	native_commit_end
	.hidden	native_aep
	.hidden	native_after
	.hidden	native_fixup
	.hidden	native_sigentry
	.hidden	native_restorer
	.hidden	native_restorer_end
	.hidden	native_handler_return
	.hidden	native_handler_done
	.hidden	native_set_fs
	.hidden	native_set_gs
	.hidden	native_get_fs
	.hidden	native_fsgsbase

	.text

/*
 * int emul_vdso_enter(rdi, rsi, rdx, function (ecx), r8, r9, run (stack))
 *
 * EENTER is done by native_eenter() and a jump, without a trap.  ERESUME, and resuming after an AEX,
 * go through the trapping instruction at native_aep, which is the AEP.
 *
 * Stack: -8(%rbp) RBX of the caller; MASKED(%rbp) the trap signals that the caller had blocked, which are blocked
 * again before anything of the caller's runs.
 */
#define MASKED -16
#define RFLAGS_AC 0x40000

#define SYS_arch_prctl   158
#define ARCH_SET_GS      0x1001
#define ARCH_SET_FS      0x1002
#define ARCH_GET_FS      0x1003

	.globl	emul_vdso_enter
	.type	emul_vdso_enter, @function
emul_vdso_enter:
	.cfi_startproc
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset rbp, 0
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	push	%rbx
	push	$0

.Lagain:
	mov	16(%rbp), %rbx
	cmp	$2, %ecx
	jb	.Linval
	cmp	$3, %ecx
	ja	.Linval
	xor	%eax, %eax		/* run->reserved is 0 */
	.set	at, 40
	.rept	27
	or	at(%rbx), %rax
	.set	at, at + 8
	.endr
	test	%rax, %rax
	jnz	.Linval

	mov	(%rbx), %rbx		/* run->tcs */
	mov	%ecx, %eax
	lea	native_aep(%rip), %rcx
	cmpb	$0, native_entry_traps(%rip)
	jne	native_aep

	/* the register file as it is at the ENCLU, in a frame below the RSP that the enclave will see */
	lea	-NF_BYTES(%rsp), %rsp
	mov	%rax, NF_RAX(%rsp)
	mov	%rcx, NF_RCX(%rsp)
	mov	%rdx, NF_RDX(%rsp)
	mov	%rbx, NF_RBX(%rsp)
	mov	%rbp, NF_RBP(%rsp)
	mov	%rsi, NF_RSI(%rsp)
	mov	%rdi, NF_RDI(%rsp)
	mov	%r8,  NF_R8(%rsp)
	mov	%r9,  NF_R9(%rsp)
	mov	%r10, NF_R10(%rsp)
	mov	%r11, NF_R11(%rsp)
	mov	%r12, NF_R12(%rsp)
	mov	%r13, NF_R13(%rsp)
	mov	%r14, NF_R14(%rsp)
	mov	%r15, NF_R15(%rsp)
	mov	%rcx, NF_RIP(%rsp)
	lea	NF_BYTES(%rsp), %rcx
	mov	%rcx, NF_RSP(%rsp)
	pushfq
	popq	NF_RFLAGS(%rsp)
	testl	$RFLAGS_AC, NF_RFLAGS(%rsp)
	jz	1f
	pushfq
	andq	$~RFLAGS_AC, (%rsp)
	popfq
1:
	mov	%rsp, %rbx
	mov	%rsp, %rdi
	lea	MASKED(%rbp), %rsi
	and	$-64, %rsp
	cld
	call	native_eenter
	mov	%rbx, %rsp
	test	%eax, %eax
	jz	.Lcommit
	pushq	NF_RFLAGS(%rsp)
	popfq
	cmp	$2, %eax
	je	.Lresume
	jg	.Lnomem

	/* the entry itself faulted: as after the kernel's fix-up, RAX still names the leaf */
	mov	NF_RAX(%rsp), %rax
	mov	NF_VECTOR(%rsp), %rdi
	mov	NF_ERRCD(%rsp), %rsi
	mov	NF_ADDR(%rsp), %rdx
	mov	NF_R8(%rsp), %r8
	mov	NF_R9(%rsp), %r9
	mov	NF_R10(%rsp), %r10
	mov	NF_R11(%rsp), %r11
	lea	NF_BYTES(%rsp), %rsp
	jmp	native_fixup

.Lresume:
	mov	NF_RAX(%rsp), %rax
	mov	NF_RCX(%rsp), %rcx
	mov	NF_RDX(%rsp), %rdx
	mov	NF_RBX(%rsp), %rbx
	mov	NF_RSI(%rsp), %rsi
	mov	NF_RDI(%rsp), %rdi
	mov	NF_R8(%rsp), %r8
	mov	NF_R9(%rsp), %r9
	mov	NF_R10(%rsp), %r10
	mov	NF_R11(%rsp), %r11
	lea	NF_BYTES(%rsp), %rsp
	jmp	native_aep

.Lcommit:
	mov	NF_TB(%rsp), %rax
	mov	NF_RIP(%rsp), %rcx
	mov	NF_RSP(%rsp), %rdx
	mov	%rcx, -8(%rdx)
	mov	NF_SLOT(%rsp), %rcx

	/*
	 * From the store to in_enclave up to the jump a signal finds enclave mode on, and RIP here: it
	 * takes all registers from the frame (native_trap.c) as if the jump had happened.
	 */
	.globl	native_commit_start
native_commit_start:
	mov	%rcx, TB_IN_ENCLAVE(%rax)
	mov	NF_FS(%rsp), %rsi
	mov	NF_GS(%rsp), %rdx
	testb	$NATIVE_BASES_WRITE, native_fsgsbase(%rip)
	jz	1f
	wrfsbase %rsi
	wrgsbase %rdx
	movb	$NATIVE_BLOCK, TB_SELECTOR(%rax)
	jmp	2f
1:
	/* not through native_set_fs: a signal must find RIP in this range */
	mov	%rsi, TB_ENCL_FS(%rax)
	mov	%rdx, TB_ENCL_GS(%rax)
	mov	%rax, %rbx
	mov	$ARCH_SET_FS, %edi
	mov	$SYS_arch_prctl, %eax
	syscall
	mov	%rdx, %rsi
	mov	$ARCH_SET_GS, %edi
	mov	$SYS_arch_prctl, %eax
	syscall
	movb	$NATIVE_BLOCK, TB_SELECTOR(%rbx)
2:
	pushq	NF_RFLAGS(%rsp)
	popfq
	mov	NF_RAX(%rsp), %rax
	mov	NF_RCX(%rsp), %rcx
	mov	NF_RDX(%rsp), %rdx
	mov	NF_RBX(%rsp), %rbx
	mov	NF_RBP(%rsp), %rbp
	mov	NF_RSI(%rsp), %rsi
	mov	NF_RDI(%rsp), %rdi
	mov	NF_R8(%rsp), %r8
	mov	NF_R9(%rsp), %r9
	mov	NF_R10(%rsp), %r10
	mov	NF_R11(%rsp), %r11
	mov	NF_R12(%rsp), %r12
	mov	NF_R13(%rsp), %r13
	mov	NF_R14(%rsp), %r14
	mov	NF_R15(%rsp), %r15
	mov	NF_RSP(%rsp), %rsp
	jmp	*-8(%rsp)
	.globl	native_commit_end
native_commit_end:

.Linval:
	mov	$-22, %eax
	jmp	.Lout
.Lnomem:
	lea	NF_BYTES(%rsp), %rsp
	mov	$-12, %eax
	jmp	.Lout

	/* rt_sigprocmask(SIG_BLOCK, &masked, NULL, 8); what the handler gets in registers stays */
.Lblock:
	push	%rdi
	push	%rsi
	push	%rdx
	mov	$14, %eax
	xor	%edi, %edi
	lea	MASKED(%rbp), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	syscall
	pop	%rdx
	pop	%rsi
	pop	%rdi
	jmp	.Lblocked

	/* The AEP: traps as #GP, and the handler takes it for ENCLU with the leaf in EAX. */
	.globl	native_aep
native_aep:
	hlt
	nop
	nop
	/* EEXIT comes here: RCX of EENTER is the address after the ENCLU */
	.globl	native_after
native_after:
	mov	16(%rbp), %rbx
	movl	$4, 8(%rbx)
	jmp	.Lhandler

	/* An exception: RAX leaf, RDI vector, RSI error code, RDX address */
	.globl	native_fixup
native_fixup:
	mov	16(%rbp), %rbx
	mov	%eax, 8(%rbx)
	mov	%di, 12(%rbx)
	mov	%si, 14(%rbx)
	mov	%rdx, 16(%rbx)

.Lhandler:
	cmpq	$0, MASKED(%rbp)
	jne	.Lblock
.Lblocked:
	cmpq	$0, 24(%rbx)
	jne	.Luser
	xor	%eax, %eax
.Lout:
	mov	-8(%rbp), %rbx
	leave
	.cfi_remember_state
	.cfi_def_cfa rsp, 8
	ret
	.cfi_restore_state

.Luser:
	/* handler(rdi, rsi, rdx, ursp, r8, r9, run) */
	mov	%rsp, %rcx
	mov	%rsp, %rax
	and	$-16, %rsp
	push	%rax
	push	%rbx
	cld
	call	*24(%rbx)
	mov	8(%rsp), %rsp
	test	%eax, %eax
	jle	.Lout
	mov	%eax, %ecx
	jmp	.Lagain
	.cfi_endproc
	.size	emul_vdso_enter, . - emul_vdso_enter

/*
 * Entry of every signal handler of ours: RDI signal, RSI siginfo, RDX ucontext, RSP on the alternate
 * stack.  No TLS, no stack protector, no system call before FS and the selector are the host's.
 *
 * C code does not use GS, and writing a base is slow: GS stays as it is until the way back is known.
 */
	.globl	native_sigentry
	.type	native_sigentry, @function
native_sigentry:
	.cfi_startproc
	.cfi_signal_frame
	/* signal delivery keeps AC: compiled code must not meet alignment checks that enclave code turned on */
	pushfq
	pop	%rax
	test	$RFLAGS_AC, %eax
	jz	1f
	and	$~RFLAGS_AC, %eax
	push	%rax
	popfq
1:
	xor	%ecx, %ecx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	mov	%rsp, %rax
	sub	native_arena(%rip), %rax
	cmp	native_arena_bytes(%rip), %rax
	jae	1f
	mov	%rsp, %rcx
	and	$-NATIVE_SLOT_BYTES, %rcx
	cmpq	$0, TB_IN_ENCLAVE(%rcx)
	je	2f
	/* where they cannot be read, enclave code cannot have changed them either (native_bases.c) */
	testb	$NATIVE_BASES_READ, native_fsgsbase(%rip)
	jz	5f
	rdfsbase %rax
	mov	%rax, TB_ENCL_FS(%rcx)
	rdgsbase %rax
	mov	%rax, TB_ENCL_GS(%rcx)
5:
	mov	TB_HOST_FS(%rcx), %rax
	movb	$NATIVE_ALLOW, TB_SELECTOR(%rcx)
	mov	%rcx, %r8
	mov	TB_ENCL_GS(%rcx), %r10
	mov	TB_OWN_FS(%rcx), %r9
	test	%r9, %r9
	jz	3f
	mov	%rax, TB_PROGRAM_FS(%rcx)
	mov	%r9, %rax
	jmp	3f
2:
	/* host mode: a program with an FS of its own, unless the emulator itself was interrupted */
	mov	TB_OWN_FS(%rcx), %r9
	test	%r9, %r9
	jz	1f
	call	native_get_fs
	cmp	%r9, %rax
	je	4f
	mov	%rax, TB_PROGRAM_FS(%rcx)
	mov	%r9, %rax
3:
	call	native_set_fs
	jmp	1f
4:
	xor	%r9d, %r9d
1:
	push	%r10			/* the enclave's GS base, when the block is not 0 */
	push	%r9			/* not 0: the program's FS is to be put back */
	push	%r8			/* the block when GS is an enclave's, else 0 */
	.cfi_adjust_cfa_offset 24
	cld
	call	native_trap
	pop	%rdx
	pop	%r9
	pop	%r10
	.cfi_adjust_cfa_offset -24
	mov	%rax, %rcx
	test	%rcx, %rcx
	jz	3f
	cmpq	$0, TB_IN_ENCLAVE(%rcx)
	je	1f
	mov	TB_ENCL_FS(%rcx), %rax
	call	native_set_fs
	mov	TB_ENCL_GS(%rcx), %rax
	movb	$NATIVE_BLOCK, TB_SELECTOR(%rcx)
	test	%rdx, %rdx
	jz	native_set_gs
	cmp	%rax, %r10
	jne	native_set_gs
	ret
1:
	test	%r9, %r9
	jz	2f
	mov	TB_PROGRAM_FS(%rcx), %rax
	call	native_set_fs
2:
	test	%rdx, %rdx
	jz	3f
	mov	TB_HOST_GS(%rdx), %rax
	jmp	native_set_gs
3:
	ret
	.cfi_endproc
	.size	native_sigentry, . - native_sigentry

/*
 * Syscall User Dispatch lets the system calls from here up to native_restorer_end pass.  Unwinders (exceptions out of
 * handlers, thread cancellation, debuggers) go from here to where the signal came: every register is in the ucontext at
 * RSP.  They look for the address before the return address, hence the NOP.
 */
	.macro	in_context dwarf, offset
	.cfi_escape 0x10, \dwarf, 3, 0x77, (\offset & 0x7f) | 0x80, \offset >> 7	/* DW_OP_breg7 offset */
	.endm
	.cfi_startproc
	.cfi_signal_frame
	.cfi_escape 0x0f, 4, 0x77, (160 & 0x7f) | 0x80, 160 >> 7, 6		/* CFA: DW_OP_deref of the saved RSP */
	in_context 0, 144
	in_context 1, 136
	in_context 2, 152
	in_context 3, 128
	in_context 4, 112
	in_context 5, 104
	in_context 6, 120
	in_context 7, 160
	in_context 8, 40
	in_context 9, 48
	in_context 10, 56
	in_context 11, 64
	in_context 12, 72
	in_context 13, 80
	in_context 14, 88
	in_context 15, 96
	in_context 16, 168
	nop
	.globl	native_handler_return
	.type	native_handler_return, @function
native_handler_return:
	mov	%rsp, %rdi		/* on the stack of the handler, with the program's FS */
	push	$0x202			/* neither DF nor AC, which the handler may have had from the enclave */
	popfq
	call	native_handler_done
	.size	native_handler_return, . - native_handler_return
	.globl	native_restorer
	.type	native_restorer, @function
native_restorer:
	mov	$15, %eax		/* rt_sigreturn */
	syscall
	ud2
	.cfi_endproc
	.size	native_restorer, . - native_restorer

/* FS or GS base = RAX.  RAX and R11 are used up, all else stays. */
	.globl	native_set_fs
	.type	native_set_fs, @function
native_set_fs:
	testb	$NATIVE_BASES_WRITE, native_fsgsbase(%rip)
	jz	1f
	wrfsbase %rax
	ret
1:
	push	%rdi
	mov	$ARCH_SET_FS, %edi
	jmp	native_set_base
	.size	native_set_fs, . - native_set_fs

	.globl	native_set_gs
	.type	native_set_gs, @function
native_set_gs:
	testb	$NATIVE_BASES_WRITE, native_fsgsbase(%rip)
	jz	1f
	wrgsbase %rax
	ret
1:
	push	%rdi
	mov	$ARCH_SET_GS, %edi
	.size	native_set_gs, . - native_set_gs

	.type	native_set_base, @function
native_set_base:
	push	%rsi
	push	%rcx
	mov	%rax, %rsi
	mov	$SYS_arch_prctl, %eax
	syscall
	pop	%rcx
	pop	%rsi
	pop	%rdi
	ret
	.size	native_set_base, . - native_set_base

/* RAX = FS base.  R11 is used up, all else stays. */
	.globl	native_get_fs
	.type	native_get_fs, @function
native_get_fs:
	testb	$NATIVE_BASES_READ, native_fsgsbase(%rip)
	jz	1f
	rdfsbase %rax
	ret
1:
	push	%rdi
	push	%rsi
	push	%rcx
	push	%rax
	mov	%rsp, %rsi
	mov	$ARCH_GET_FS, %edi
	mov	$SYS_arch_prctl, %eax
	syscall
	pop	%rax
	pop	%rcx
	pop	%rsi
	pop	%rdi
	ret
	.size	native_get_fs, . - native_get_fs
	.globl	native_restorer_end	/* the kernel compares the address after the syscall with the range */
native_restorer_end:

	.bss
	.globl	native_entry_traps
native_entry_traps:
	.zero	1
	.globl	native_fsgsbase
native_fsgsbase:
	.zero	1

	.section .note.GNU-stack, "", @progbits
