/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Code that the test copies into enclave pages, called as uint64_t f(uint64_t).  Position independent; GS base is
 * the thread's struct encl_tls.
 */
#define TLS_SELF_OFF  0
#define TLS_SSA_OFF   32
#define TLS_SSA_BYTES 48
#define GPRSGX_BYTES  184
#define GPRSGX_URSP   144
#define GPRSGX_URBP   152
#define RFLAGS_DF_AC  0x40400

	.section .rodata
	.balign 4096
	/* f(where to go): EEXIT from here with DF and AC set, on the host's stack as it was at EENTER */
	.globl	exit_code
exit_code:
	rdgsbase %rax
	mov	TLS_SSA_OFF(%rax), %rcx
	add	TLS_SSA_BYTES(%rax), %rcx
	add	%rax, %rcx
	sub	TLS_SELF_OFF(%rax), %rcx	/* end of SSA frame 0 */
	mov	%rdi, %rbx
	pushfq
	orq	$RFLAGS_DF_AC, (%rsp)
	popfq
	mov	GPRSGX_URBP - GPRSGX_BYTES(%rcx), %rbp
	mov	GPRSGX_URSP - GPRSGX_BYTES(%rcx), %rsp
	mov	$4, %eax
	.byte	0x0f, 0x01, 0xd7

	.balign 4096
	/* f(flag): set DF and AC, spin until the host u32 at flag is not zero, return the flags */
	.globl	spin_code
spin_code:
	pushfq
	orq	$RFLAGS_DF_AC, (%rsp)
	popfq
1:	pause
	cmpl	$0, (%rdi)
	je	1b
	pushfq
	pop	%rax
	push	%rax
	andq	$~RFLAGS_DF_AC, (%rsp)
	popfq
	ret

	.balign 4096
	/* f(flag): FS and GS bases of its own, spin until the flag, return 0 if they are still the same */
	.globl	bases_code
bases_code:
	rdfsbase %r8
	rdgsbase %r9
	mov	$0x3c3c000, %ecx
	wrfsbase %rcx
	mov	$0x5a5a000, %edx
	wrgsbase %rdx
1:	pause
	cmpl	$0, (%rdi)
	je	1b
	rdfsbase %rax
	xor	%rcx, %rax
	rdgsbase %rsi
	xor	%rdx, %rsi
	or	%rsi, %rax
	wrfsbase %r8
	wrgsbase %r9
	ret
	.balign 4096
	.section .note.GNU-stack, "", @progbits
