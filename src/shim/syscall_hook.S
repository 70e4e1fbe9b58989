/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * long syscall(nr, ...) of a dynamic program: the bitmap says which numbers are ours.  What is not ours is done here, without a frame of ours, so that whatever
 * worked through the C library's works.
 * Authority: syscall(2), "Architecture calling conventions".
 */
#define CALL_BITS 512           /* MAX_CALL_NR in calls.c */

	.text
	.globl	syscall
	.type	syscall, @function
syscall:
	cmp	$CALL_BITS, %rdi
	jae	1f
	lea	shim_call_bits(%rip), %rax
	bt	%rdi, (%rax)
	jc	2f
1:	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	mov	%r8, %r10
	mov	%r9, %r8
	mov	8(%rsp), %r9
	syscall
	cmp	$-4095, %rax
	jae	3f
	ret
2:	mov	8(%rsp), %rax
	push	%rax
	push	%r9
	push	%r8
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	mov	%rsp, %rdi
	call	shim_syscall
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%r8
	pop	%r9
	lea	8(%rsp), %rsp
	cmp	$-4096, %rax
	je	1b
	cmp	$-4095, %rax
	jae	3f
	ret
3:	neg	%eax
	push	%rax
	call	__errno_location@PLT
	pop	%rcx
	mov	%ecx, (%rax)
	or	$-1, %rax
	ret
	.size	syscall, . - syscall

	.section .note.GNU-stack, "", @progbits
