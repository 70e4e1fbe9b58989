/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code that the test copies into an enclave page: uint64_t f(uint64_t flag): fills the vector registers, spins
 * until the host u32 at flag is non-zero, returns how many 64-bit words changed.  Position independent.
 */
	.section .rodata
	.balign 4096
	.globl	vector_code
vector_code:
	push	%rbp
	mov	%rsp, %rbp
	sub	$192, %rsp
	and	$-64, %rsp
	mov	$0x1234567890abcdef, %rax
	kmovq	%rax, %k3
	.irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	lea	\r(%rax), %rcx
	vpbroadcastq %rcx, %zmm\r
	.endr
	movl	$0x3f80, (%rsp)
	ldmxcsr	(%rsp)
1:	pause
	cmpl	$0, (%rdi)
	je	1b
	xor	%edx, %edx
	.irp r, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31
	vmovdqu64 %zmm\r, (%rsp)
	lea	\r(%rax), %rcx
	.irp o, 0,8,16,24,32,40,48,56
	cmp	%rcx, \o(%rsp)
	setne	%sil
	movzbl	%sil, %esi
	add	%rsi, %rdx
	.endr
	.endr
	kmovq	%k3, %rcx
	cmp	%rax, %rcx
	setne	%sil
	movzbl	%sil, %esi
	add	%rsi, %rdx
	stmxcsr	(%rsp)
	cmpl	$0x3f80, (%rsp)
	setne	%sil
	movzbl	%sil, %esi
	add	%rsi, %rdx
	movl	$0x1f80, (%rsp)
	ldmxcsr	(%rsp)
	mov	%rdx, %rax
	leave
	ret
	.globl	vector_code_end
	.balign 8192
vector_code_end:
	.section .note.GNU-stack, "", @progbits
