/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The SYSCALL instructions: illegal in an enclave, so each is a #UD that the handler one level up serves.
 * RCX and R11 count as lost, as with a SYSCALL that is executed.
 */
	.text
	.globl	mmap_syscall
	.hidden	mmap_syscall
	.type	mmap_syscall, @function
mmap_syscall:
	mov	%rcx, %r10
	mov	$-1, %r8
	xor	%r9d, %r9d
	mov	$9, %eax
	syscall
	ret
	.size	mmap_syscall, . - mmap_syscall

	.globl	mmap_doorbell
	.hidden	mmap_doorbell
	.type	mmap_doorbell, @function
mmap_doorbell:
	mov	$-1, %rax			/* no system call: ENOSYS where nothing traps it */
	.globl	mmap_doorbell_insn
	.hidden	mmap_doorbell_insn
mmap_doorbell_insn:
	syscall
	ret
	.size	mmap_doorbell, . - mmap_doorbell

	.section .note.GNU-stack, "", @progbits
