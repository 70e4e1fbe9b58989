/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From the emulator's stack and FS to those of the program.
 * Authority: System V ABI, AMD64, "Process Initialization".
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

	.section .note.GNU-stack, "", @progbits
