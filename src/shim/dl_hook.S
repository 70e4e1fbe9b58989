/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * void *dlsym(handle, name) and void *dlopen(file, mode): dl.c is asked first, then the C library goes on as if it had
 * been called by the program, whose address is still on the stack.
 */
	.text
	.globl	dlsym
	.type	dlsym, @function
dlsym:
	push	%rdi
	push	%rsi
	sub	$8, %rsp
	call	shim_dlsym
	add	$8, %rsp
	pop	%rsi
	pop	%rdi
	test	%rax, %rax
	jnz	1f
	jmp	*shim_real_dlsym(%rip)
1:	ret
	.size	dlsym, . - dlsym

	.globl	dlopen
	.type	dlopen, @function
dlopen:
	push	%rdi
	push	%rsi
	push	$0
	mov	%rsp, %rdx
	call	shim_dlopen
	pop	%rcx
	pop	%rsi
	pop	%rdi
	test	%cl, %cl
	jnz	1f
	jmp	*shim_real_dlopen(%rip)
1:	ret
	.size	dlopen, . - dlopen

	.section .note.GNU-stack, "", @progbits
