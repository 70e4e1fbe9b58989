/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Into the program, and system calls in its stead.
 * Authority: System V ABI, AMD64; Linux 6.1 arch/x86/kernel/signal.c.
 */
	.text

/* shim_resume(frame, fs) */
	.globl	shim_resume
	.hidden	shim_resume
	.type	shim_resume, @function
shim_resume:
	mov	%rsi, %rax
	call	native_set_fs
	mov	%rdi, %rsp
	jmp	native_restorer
	.size	shim_resume, . - shim_resume

/* shim_clone(flags, stack, fn, arg) */
	.globl	shim_clone
	.hidden	shim_clone
	.type	shim_clone, @function
shim_clone:
	and	$-16, %rsi
	sub	$16, %rsi
	mov	%rdx, (%rsi)
	mov	%rcx, 8(%rsi)
	xor	%edx, %edx
	xor	%r10d, %r10d
	xor	%r8d, %r8d
	mov	$56, %eax
	syscall
	test	%rax, %rax
	jz	1f
	ret
1:
	xor	%ebp, %ebp
	pop	%rax
	pop	%rdi
	call	*%rax
	ud2
	.size	shim_clone, . - shim_clone

	/* a system call, from here; the address to go back to lies below the red zone */
	.globl	shim_again
	.hidden	shim_again
	.type	shim_again, @function
shim_again:
	syscall
	ret	$128
	.size	shim_again, . - shim_again

	/* the same with the trap signals blocked, which they are not behind it */
	.globl	shim_again_blocked
	.hidden	shim_again_blocked
	.type	shim_again_blocked, @function
shim_again_blocked:
	syscall
	push	%rax
	push	%rdi
	push	%rsi
	push	%rdx
	push	%r10
	mov	$14, %eax		/* rt_sigprocmask */
	mov	$1, %edi		/* SIG_UNBLOCK */
	lea	shim_traps(%rip), %rsi
	xor	%edx, %edx
	mov	$8, %r10d
	syscall
	pop	%r10
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%rax
	ret	$128
	.size	shim_again_blocked, . - shim_again_blocked

	.section .note.GNU-stack, "", @progbits
