/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vfork: the child runs in its parent's memory with its parent's thread block, and may enter enclaves.  So the block is
 * there before, armed for the child where a new thread of the kernel is not, and as it was when the parent goes on.
 * The return address is kept in a register: the child overwrites the stack that it shares.
 *
 * Authority: Linux 6.1 kernel/fork.c (the alternate stack stays over CLONE_VFORK, Syscall User Dispatch does not).
 */
	.text
	.globl	vfork
	.globl	__vfork
	.type	vfork, @function
	.type	__vfork, @function
vfork:
__vfork:
	.cfi_startproc
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	shim_vfork_begins
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	pop	%rdi
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdi
	mov	$58, %eax		/* vfork */
	syscall
	push	%rdi
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rip, 0
	mov	%rax, %rdi
	sub	$8, %rsp
	.cfi_adjust_cfa_offset 8
	call	shim_vfork_returns
	add	$8, %rsp
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	vfork, . - vfork

	.section .note.GNU-stack, "", @progbits
