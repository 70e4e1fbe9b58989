/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls __vdso_sgx_enter_enclave, which keeps only RBX and RBP, from C: R12-R15 are zero after an
 * asynchronous exit, flags and control words are the enclave's after EEXIT.
 *
 * int device_enter_thunk(struct sgx_enter_regs *regs, unsigned function, struct sgx_enclave_run *run,
 *                        void *fn)
 * On return regs holds RDI, RSI, RDX, R8, R9 as the call left them.
 *
 * Authority: Linux 6.1 <asm/sgx.h>, vdso_sgx_enter_enclave_t.
 */
	.text
	.globl	device_enter_thunk
	.hidden	device_enter_thunk
	.type	device_enter_thunk, @function
device_enter_thunk:
	.cfi_startproc
	push	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	pushfq				/* -48(%rbp) */
	push	%rdi			/* -56(%rbp): regs */
	sub	$8, %rsp
	stmxcsr	-64(%rbp)
	fnstcw	-60(%rbp)
	mov	40(%rdi), %rax		/* host_stack */
	test	%rax, %rax
	cmovnz	%rax, %rsp
	sub	$8, %rsp		/* keeps the stack aligned for the call */
	push	%rdx			/* run: the seventh argument */
	mov	%rcx, %rax
	mov	%esi, %ecx
	mov	32(%rdi), %r9
	mov	24(%rdi), %r8
	mov	16(%rdi), %rdx
	mov	8(%rdi), %rsi
	mov	(%rdi), %rdi
	call	*%rax
	mov	-56(%rbp), %rbx
	mov	%rdi, (%rbx)
	mov	%rsi, 8(%rbx)
	mov	%rdx, 16(%rbx)
	mov	%r8, 24(%rbx)
	mov	%r9, 32(%rbx)
	ldmxcsr	-64(%rbp)
	fldcw	-60(%rbp)
	lea	-48(%rbp), %rsp
	popfq				/* clears DF, whatever the enclave left */
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	device_enter_thunk, . - device_enter_thunk

/*
 * long device_touch_load(uint64_t la): the byte at la, or what the signal handler puts in RAX when it
 * moves RIP from device_touch_insn to device_touch_done.
 */
	.globl	device_touch_load, device_touch_insn, device_touch_done
	.hidden	device_touch_load, device_touch_insn, device_touch_done
	.type	device_touch_load, @function
device_touch_load:
	.cfi_startproc
device_touch_insn:
	movzbl	(%rdi), %eax
device_touch_done:
	ret
	.cfi_endproc
	.size	device_touch_load, . - device_touch_load

	.section .note.GNU-stack, "", @progbits
