/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the emulator's stack and FS to those of the program.
 * Authority: System V ABI, AMD64, "Process Initialization"; Linux 6.1 arch/x86/kernel/signal.c.
 */
	.text

/* static_jump(sp, entry): registers as the kernel leaves them at exec */
	.globl	static_jump
	.type	static_jump, @function
static_jump:
	xor	%eax, %eax
	call	native_set_fs
	mov	%rdi, %rsp
	mov	%rsi, -8(%rsp)
	xor	%eax, %eax
	xor	%ebx, %ebx
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%ebp, %ebp
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	xor	%r12d, %r12d
	xor	%r13d, %r13d
	xor	%r14d, %r14d
	xor	%r15d, %r15d
	jmp	*-8(%rsp)
	.size	static_jump, . - static_jump

/* static_resume(frame, fs) */
	.globl	static_resume
	.type	static_resume, @function
static_resume:
	mov	%rsi, %rax
	call	native_set_fs
	mov	%rdi, %rsp
	jmp	native_restorer
	.size	static_resume, . - static_resume

/* static_clone(flags, stack, fn, arg) */
	.globl	static_clone
	.type	static_clone, @function
static_clone:
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
	.size	static_clone, . - static_clone

	/* a system call, from here; the address to go back to lies below the red zone */
	.globl	static_again
	.type	static_again, @function
static_again:
	syscall
	ret	$128
	.size	static_again, . - static_again

	.section .note.GNU-stack, "", @progbits
