/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * encl_note - assembler macro: the note of a test enclave (struct encl_note of encl_ops.h, whose values the
 * numbers are), and the number of threads for those who share something out among them
 *
 * In assembler because dyn_entry is the value of a symbol, which in C would cost a relocation and with it a
 * writable section.  tests/unit/test_enclave_image.c reads the result through the C structure.
 */
	.macro encl_note ntcs, nssa, stack_bytes, heap_bytes, reserve_off, reserve_bytes
	.section .note.sgxctl, "a", @note
	.balign	4
	.long	7, 88, 1			/* ENCL_NOTE_NAME with its 0, sizeof(struct encl_note), type */
	.asciz	"sgxctl"
	.balign	4
	.long	1				/* version */
	.long	1				/* flags: speaks encl_ops.h */
	.long	1				/* ssaframesize */
	.long	\nssa
	.long	\ntcs
	.long	1				/* miscselect: EXINFO */
	.quad	4				/* attributes: MODE64BIT */
	.quad	3				/* xfrm: x87, SSE */
	.quad	\stack_bytes
	.quad	\heap_bytes
	.quad	\reserve_bytes
	.quad	0				/* size: the smallest that fits */
	.quad	\reserve_off
	.quad	encl_entry			/* dyn_entry */

	.section .rodata, "a", @progbits
	.balign	8
	.globl	encl_ntcs
	.hidden	encl_ntcs
	.type	encl_ntcs, @object
encl_ntcs:
	.quad	\ntcs
	.size	encl_ntcs, 8

	.section .note.GNU-stack, "", @progbits
	.endm
