/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Inside: one page that does what struct op says, without a stack of its own, so that a random enclave can always run it.
 * Outside: calling the vDSO with every register known, and an ENCLU that is not the vDSO's.
 *
 * R15 return address, R14 the op, R13 pattern; all other registers of an entry are the caller's constants.
 */
#include "encldiff.h"

	.section .rodata
	.balign 4096
	.globl encldiff_code
encldiff_code:
	mov	%rcx, %r15
	mov	%rdi, %r14
	mov	%rax, OP_CSSA(%r14)
	movq	$0, OP_OUT(%r14)
	mov	OP_SI(%r14), %rdx
	test	%rdx, %rdx
	jz	2f
	xor	%ecx, %ecx
1:	mov	OP_SECINFO(%r14, %rcx), %rax
	mov	%rax, (%rdx, %rcx)
	add	$8, %ecx
	cmp	$64, %ecx
	jb	1b
2:	mov	OP_KIND(%r14), %r8
	mov	OP_RAX(%r14), %rax
	mov	OP_RBX(%r14), %rbx
	mov	OP_RCX(%r14), %rcx
	mov	OP_RDX(%r14), %rdx
	cmp	$KIND_LEAF, %r8
	je	.Lleaf
	cmp	$KIND_READ, %r8
	je	.Lread
	cmp	$KIND_WRITE, %r8
	je	.Lwrite
	cmp	$KIND_EXEC, %r8
	je	.Lexec
	cmp	$KIND_SPIN, %r8
	je	.Lspin
	cmp	$KIND_UD, %r8
	je	.Lud
	cmp	$KIND_DE, %r8
	je	.Lde
	cmp	$KIND_SYSCALL, %r8
	je	.Lsyscall
	cmp	$KIND_GP, %r8
	je	.Lgp
	cmp	$KIND_AC, %r8
	je	.Lac
	cmp	$KIND_XM, %r8
	je	.Lxm
	cmp	$KIND_MF, %r8
	je	.Lmf
	cmp	$KIND_NULL, %r8
	je	.Lnull
	.globl encldiff_code_exit
encldiff_code_exit:
	mov	%r15, %rbx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%r8d, %r8d
	mov	$4, %eax
	.byte	0x0f, 0x01, 0xd7
	ud2
.Lleaf:
	.globl encldiff_code_fault
encldiff_code_fault:
	.byte	0x0f, 0x01, 0xd7
	mov	%rax, OP_OUT(%r14)
	lahf
	movzx	%ah, %eax
	mov	%rax, OP_FLAGS(%r14)
	jmp	encldiff_code_exit
.Lread:
	mov	(%rbx), %rax
	mov	%rax, OP_OUT(%r14)
	jmp	encldiff_code_exit
.Lwrite:
	mov	%rax, (%rbx)
	jmp	encldiff_code_exit
.Lexec:
	lea	encldiff_code_exit(%rip), %r12
	jmp	*%rbx
.Lspin:
	movq	$1, OP_IN(%r14)
1:	pause
	cmpq	$0, OP_GO(%r14)
	je	1b
	jmp	encldiff_code_exit
.Lud:
	ud2
	jmp	encldiff_code_exit
.Lde:
	xor	%ecx, %ecx
	xor	%edx, %edx
	div	%ecx
	jmp	encldiff_code_exit
.Lsyscall:
	mov	$39, %eax
	syscall
	jmp	encldiff_code_exit
.Lgp:
	mov	$1, %ecx
	shl	$63, %rcx
	mov	(%rcx), %rax
	jmp	encldiff_code_exit
.Lac:
	pushfq
	orq	$0x40000, (%rsp)
	popfq
	mov	1(%rsp), %rax
	pushfq
	andq	$~0x40000, (%rsp)
	popfq
	jmp	encldiff_code_exit
.Lxm:
	movl	$0x1f80 & ~0x80, OP_OUT(%r14)
	ldmxcsr	OP_OUT(%r14)
	xorps	%xmm0, %xmm0
	divss	%xmm0, %xmm0
	jmp	encldiff_code_exit
.Lmf:
	movl	$0x37e, OP_OUT(%r14)
	fldcw	OP_OUT(%r14)
	fldz
	fldz
	fdivp
	fwait
	jmp	encldiff_code_exit
.Lnull:
	xor	%ecx, %ecx
	mov	(%rcx), %rax
	jmp	encldiff_code_exit
	.globl encldiff_code_end
encldiff_code_end:

	.text
	/* All that an enclave can see of its caller is the same in every call. */
	.macro known
	mov	$0x1f80, %eax
	push	%rax
	ldmxcsr	(%rsp)
	pop	%rax
	fninit
	mov	$0x0101010101010101, %rax
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%rax, %xmm\n
	punpcklqdq %xmm\n, %xmm\n
	add	%rax, %rax
	.endr
	mov	$0x1111, %r8
	mov	$0x2222, %r9
	mov	$0x3333, %r10
	mov	$0x4444, %r11
	mov	$0x5555, %r12
	mov	$0x6666, %r13
	mov	$0x7777, %r14
	mov	$0x8888, %r15
	mov	$0x9999, %rsi
	mov	$0xaaaa, %rdx
	.endm
	.macro save
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	.endm
	.macro restore
	cld
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	.endm

	/* int encldiff_call(run, op, function, enter), on the stack at the fixed place unless a call is there already */
	.globl encldiff_call
	.type encldiff_call, @function
encldiff_call:
	save
	mov	%rsp, %rax
	mov	$STACK_TOP_BYTES, %rbx
	lea	-STACK_BYTES(%rbx), %rbp
	cmp	%rbp, %rsp
	jb	1f
	cmp	%rbx, %rsp
	jb	2f
1:	mov	%rbx, %rsp
2:	sub	$64, %rsp
	and	$-64, %rsp
	mov	%rax, 24(%rsp)
	mov	%rdi, (%rsp)		/* run: the stack argument */
	mov	%rcx, 8(%rsp)
	mov	%rsi, %rdi
	mov	%rdx, %rcx
	xor	%ebp, %ebp
	known
	mov	8(%rsp), %rbx
	xor	%eax, %eax
	push	$0x202
	popfq
	call	*%rbx
	push	$0x202
	popfq
	push	%rax
	mov	$0x1f80, %eax
	push	%rax
	ldmxcsr	(%rsp)
	pop	%rax
	pop	%rax
	fninit
	mov	24(%rsp), %rsp
	restore
	ret
	.size encldiff_call, . - encldiff_call

	/* uint64_t encldiff_raw(rax, tcs, op) */
	.globl encldiff_raw
	.type encldiff_raw, @function
encldiff_raw:
	save
	mov	%rsp, %rax
	mov	$STACK_TOP_BYTES, %rsp
	sub	$64, %rsp
	mov	%rax, 24(%rsp)
	mov	%rdi, (%rsp)
	mov	%rsi, %rbx
	mov	%rdx, %rdi
	xor	%ebp, %ebp
	known
	mov	(%rsp), %rax
	lea	encldiff_raw_aep(%rip), %rcx
	.globl encldiff_raw_enclu
encldiff_raw_enclu:
	.byte	0x0f, 0x01, 0xd7
	jmp	1f
	.globl encldiff_raw_aep
encldiff_raw_aep:
	.byte	0x0f, 0x01, 0xd7
1:	mov	24(%rsp), %rsp
	restore
	ret
	.size encldiff_raw, . - encldiff_raw

	.section .note.GNU-stack, "", @progbits
