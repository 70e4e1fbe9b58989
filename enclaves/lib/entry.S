/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * encl_entry - the one way in and out (OENTRY of every TCS, those made at run time included)
 *
 * In:   RAX CSSA, RBX TCS, RCX return address, GS base the thread's page: from the CPU, trusted.
 *       RDI op pointer; RSP, RBP, everything else: from the host, not trusted.
 * Out:  EEXIT to the return address, R8 = status, RSP RBP R12-R15 as they came in, all else zero.
 *
 * The stack depends on CSSA, so that no entry runs on the stack of a frame it interrupted: CSSA 0 the entry
 * stack; CSSA n the nth quarter, from the top, of the handler stack.
 *
 * Authority: Intel SDM Vol. 3D, SGX instruction references, EENTER and EEXIT.
 */
#include "tls_offsets.h"

#define RFLAGS_DF_AC 0x40400

	.section .text.entry, "ax", @progbits
	.globl encl_entry
	.hidden encl_entry
	.type encl_entry, @function
encl_entry:
	mov	%rsp, %r8
	mov	%rbp, %r9
	sub	%gs:TLS_TCS_OFF, %rbx		/* RBX = base of ELRANGE */

	test	%rax, %rax
	jnz	1f
	mov	%gs:TLS_STACK_TOP_OFF, %rsp
	jmp	2f
1:	mov	%gs:TLS_STACK_BYTES, %r10
	shr	$2, %r10
	lea	-1(%rax), %r11
	imul	%r11, %r10
	mov	%gs:TLS_HANDLER_TOP_OFF, %rsp
	sub	%r10, %rsp
2:	add	%rbx, %rsp

	push	%r8
	push	%r9
	push	%rcx
	push	%r12
	push	%r13
	push	%r14
	push	%r15

	/* the host chose DF and AC; TF is left alone for a debugger that steps */
	pushfq
	andq	$~RFLAGS_DF_AC, (%rsp)
	popfq

	xor	%ebp, %ebp
	mov	%gs:TLS_SELF_OFF, %rsi
	add	%rbx, %rsi
	mov	%rbx, %rdx
	mov	%rax, %rcx
	sub	$8, %rsp			/* 7 pushes + 8: 16-byte aligned at the call */
	call	encl_main			/* (op, tls, base, cssa) */
	add	$8, %rsp

	mov	%rax, %r8
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	pop	%rsp
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%ecx, %ecx			/* the last xor also leaves fixed arithmetic flags */
	cld
	mov	$4, %eax
	.byte	0x0f, 0x01, 0xd7		/* ENCLU[EEXIT] */
	ud2
	.size encl_entry, . - encl_entry

	.section .note.GNU-stack, "", @progbits
