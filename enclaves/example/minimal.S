/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A whole enclave: answers the operation nop. */
	.section .note.sgxctl, "a", @note
	.long	7, 88, 1		/* sizes of name and note, type */
	.asciz	"sgxctl"
	.balign	4
	.long	1, 1			/* version; speaks the operations */
	.long	1, 2, 1			/* SSAFRAMESIZE, NSSA, TCSs */
	.long	0			/* MISCSELECT */
	.quad	4, 3			/* ATTRIBUTES, XFRM */
	.quad	4096, 0, 0x100000	/* stacks, heap, reserve */
	.quad	0, 0, 0			/* SIZE, reserve_off, dyn_entry */

	.text
	.globl	_start
_start:
	sub	%gs:8, %rbx		/* TCS - tcs_off = base */
	mov	$3, %r8d		/* bad argument, unless ... */
	test	$7, %dil
	jnz	leave
	mov	%rdi, %rdx
	sub	%rbx, %rdx
	cmp	%gs:88, %rdx		/* ... RDI is not inside ELRANGE */
	jb	leave
	add	$256, %rdx		/* ... and does not run into it */
	jc	leave
	xor	%r8d, %r8d
	cmpq	$0, (%rdi)
	je	done
	mov	$2, %r8d		/* unknown operation */
done:
	mov	%r8, 72(%rdi)		/* status */
leave:
	mov	%rcx, %rbx		/* where EENTER said to return to */
	xor	%edx, %edx
	xor	%edi, %edi
	xor	%ecx, %ecx
	mov	$4, %eax
	.byte	0x0f, 0x01, 0xd7	/* ENCLU[EEXIT] */

	.section .note.GNU-stack, "", @progbits
