/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Faulting instructions one by one, the register pattern and the stack walk: see run.h.
 *
 * Authority: Intel SDM Vol. 3D, SGX enclave operation, illegal instructions.
 */
#include "run.h"

	.macro function name
	.section .text.\name, "ax", @progbits
	.globl \name
	.hidden \name
	.type \name, @function
\name:
	.endm

	.macro done name
	.size \name, . - \name
	.endm

	function run_fault_de
	xor	%ecx, %ecx
	xor	%edx, %edx
	mov	$1, %eax
	div	%ecx
	ret
	done run_fault_de

	function run_fault_bp
	int3
	ret
	done run_fault_bp

	function run_fault_ud
	ud2
	ret
	done run_fault_ud

	function run_fault_gp
	hlt
	ret
	done run_fault_gp

	function run_fault_pf
	xor	%eax, %eax
	mov	(%rax), %al
	ret
	done run_fault_pf

	/* AC is cleared on both ways out, so that nothing else trips over it */
	function run_fault_ac
	sub	$24, %rsp
	pushfq
	orq	$0x40000, (%rsp)
	popfq
	mov	1(%rsp), %rax
	pushfq
	andq	$~0x40000, (%rsp)
	popfq
	add	$24, %rsp
	ret
	done run_fault_ac

	/* 0/0 with all exceptions of MXCSR unmasked */
	function run_fault_xm
	sub	$8, %rsp
	movl	$0x0000, (%rsp)
	ldmxcsr	(%rsp)
	xorps	%xmm0, %xmm0
	divss	%xmm0, %xmm0
	movl	$0x1f80, (%rsp)
	ldmxcsr	(%rsp)
	xorps	%xmm0, %xmm0
	add	$8, %rsp
	ret
	done run_fault_xm

	/* getpid: harmless where nothing stops it */
	function run_fault_syscall
	mov	$39, %eax
	syscall
	ret
	done run_fault_syscall

	function run_fault_cpuid
	push	%rbx
	xor	%eax, %eax
	xor	%ecx, %ecx
	cpuid
	pop	%rbx
	ret
	done run_fault_cpuid

	function run_fault_int80
	push	%rbx
	mov	$20, %eax
	int	$0x80
	pop	%rbx
	ret
	done run_fault_int80

	function run_fault_in
	in	$0x80, %al
	ret
	done run_fault_in

	/* address 0: outside every ELRANGE that Linux makes, and mapped by nobody */
	function run_fault_jump
	xor	%eax, %eax
	jmp	*%rax
	done run_fault_jump

/* pattern slots: RAX RBX RCX RDX RSI RDI RBP R8-R15, then XMM0-XMM15 */
#define PAT	0				/* on the stack: the pattern pointer */
#define GOT	8				/* and what was found */
#define FRAME	(8 + RUN_CPUSTATE_REGS * 8)

	function run_cpustate
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$FRAME, %rsp
	mov	%rdi, PAT(%rsp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movq	(RUN_CPUSTATE_GPRS + \n) * 8(%rdi), %xmm\n
	.endr
	mov	0x00(%rdi), %rax
	mov	0x08(%rdi), %rbx
	mov	0x10(%rdi), %rcx
	mov	0x18(%rdi), %rdx
	mov	0x20(%rdi), %rsi
	mov	0x30(%rdi), %rbp
	mov	0x38(%rdi), %r8
	mov	0x40(%rdi), %r9
	mov	0x48(%rdi), %r10
	mov	0x50(%rdi), %r11
	mov	0x58(%rdi), %r12
	mov	0x60(%rdi), %r13
	mov	0x68(%rdi), %r14
	mov	0x70(%rdi), %r15
	mov	0x28(%rdi), %rdi
1:	pause
	cmpl	$0, (%rax)
	je	1b
	mov	%rax, GOT + 0x00(%rsp)
	mov	%rbx, GOT + 0x08(%rsp)
	mov	%rcx, GOT + 0x10(%rsp)
	mov	%rdx, GOT + 0x18(%rsp)
	mov	%rsi, GOT + 0x20(%rsp)
	mov	%rdi, GOT + 0x28(%rsp)
	mov	%rbp, GOT + 0x30(%rsp)
	mov	%r8, GOT + 0x38(%rsp)
	mov	%r9, GOT + 0x40(%rsp)
	mov	%r10, GOT + 0x48(%rsp)
	mov	%r11, GOT + 0x50(%rsp)
	mov	%r12, GOT + 0x58(%rsp)
	mov	%r13, GOT + 0x60(%rsp)
	mov	%r14, GOT + 0x68(%rsp)
	mov	%r15, GOT + 0x70(%rsp)
	.irp	n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movq	%xmm\n, GOT + (RUN_CPUSTATE_GPRS + \n) * 8(%rsp)
	pxor	%xmm\n, %xmm\n			/* the host need not see the pattern */
	.endr
	mov	PAT(%rsp), %rdi
	xor	%eax, %eax
	xor	%ecx, %ecx
2:	mov	GOT(%rsp, %rcx, 8), %rdx
	cmp	(%rdi, %rcx, 8), %rdx
	je	3f
	inc	%rax
3:	inc	%rcx
	cmp	$RUN_CPUSTATE_REGS, %rcx
	jb	2b
	add	$FRAME, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	done run_cpustate

	function run_stack
	mov	%rsp, %r8
	xor	%ecx, %ecx
1:	cmp	%rdi, %rcx
	je	2f
	sub	$4096, %rsp
	inc	%rcx
	mov	%rcx, (%rsp)
	mov	%rcx, (%rsi)
	jmp	1b
2:	xor	%eax, %eax
3:	test	%rcx, %rcx
	jz	5f
	cmp	%rcx, (%rsp)
	jne	4f
	inc	%rax
4:	dec	%rcx
	add	$4096, %rsp
	jmp	3b
5:	mov	%r8, %rsp
	ret
	done run_stack

	.section .note.GNU-stack, "", @progbits
