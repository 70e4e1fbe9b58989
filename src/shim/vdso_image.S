/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The vDSO that the program sees through AT_SYSINFO_EHDR: an ELF image with the shape of the kernel's (one PT_LOAD
 * whose file offsets are its addresses, dynamic section not relocated, version LINUX_2.6) that exports
 * __vdso_sgx_enter_enclave beside the clock functions, which go on to the real vDSO.
 *
 * Parsers in use look the symbol up by DT_HASH, by DT_GNU_HASH, by section headers or by walking the table, so all of
 * these are here.  The GNU hash values are those of the names without their lowest bit.
 * Authority: System V gABI, "Dynamic Section"; Linux 6.1 arch/x86/entry/vdso/vdso.lds.S.
 */
	.section .sgxemu_vdso, "ax", @progbits
	.balign 4096
	.globl	shim_vdso_image
	.hidden	shim_vdso_image
shim_vdso_image:
	.byte	0x7f, 'E', 'L', 'F', 2, 1, 1, 0
	.zero	8
	.short	3, 62			/* ET_DYN, x86-64 */
	.long	1
	.quad	0
	.quad	.Lphdr - shim_vdso_image
	.quad	.Lshdr - shim_vdso_image
	.long	0
	.short	64, 56, 2, 64, 10, 9

.Lphdr:
	.long	1, 5			/* PT_LOAD, read and execute */
	.quad	0, 0, 0
	.quad	.Lend - shim_vdso_image, .Lend - shim_vdso_image
	.quad	4096
	.long	2, 4			/* PT_DYNAMIC */
	.quad	.Ldynamic - shim_vdso_image, .Ldynamic - shim_vdso_image, .Ldynamic - shim_vdso_image
	.quad	.Ldynamic_end - .Ldynamic, .Ldynamic_end - .Ldynamic
	.quad	8

	.macro	symbols
	sym	"__vdso_sgx_enter_enclave", 0x12, .Lenter
	sym	"__vdso_clock_gettime", 0x12, .Lclock_gettime
	sym	"clock_gettime", 0x22, .Lclock_gettime
	sym	"__vdso_gettimeofday", 0x12, .Lgettimeofday
	sym	"gettimeofday", 0x22, .Lgettimeofday
	sym	"__vdso_clock_getres", 0x12, .Lclock_getres
	sym	"clock_getres", 0x22, .Lclock_getres
	sym	"__vdso_time", 0x12, .Ltime
	sym	"time", 0x22, .Ltime
	sym	"__vdso_getcpu", 0x12, .Lgetcpu
	sym	"getcpu", 0x22, .Lgetcpu
	.endm
	.set	.Lnsyms, 12		/* with the null symbol */

	.balign	8
.Lhash:
	.long	1, .Lnsyms
	.long	1			/* one chain through all symbols */
	.long	0
	.set	.Li, 2
	.rept	.Lnsyms - 2
	.long	.Li
	.set	.Li, .Li + 1
	.endr
	.long	0
.Lhash_end:

	.balign	8
.Lgnu_hash:
	.long	1, 1, 1, 6		/* buckets, first symbol, words of the filter, its shift */
	.quad	-1			/* a filter that passes everything */
	.long	1
	.long	0x6c08cc4a, 0x6e43a318, 0x71dd557e, 0xb01bca00, 0xe6854b86, 0x68308f52, 0x9e9a10da
	.long	0x821e8e0c, 0x7c9e7894, 0x6562b026, 0xff87586c | 1
.Lgnu_hash_end:

	.balign	8
.Lsym:
	.zero	24
	.macro	sym name, info, at
	.long	.Lname\@ - .Lstr
	.byte	\info, 0
	.short	8
	.quad	\at - shim_vdso_image
	.quad	\at\()_end - \at
	.pushsection .sgxemu_vdso, 1, "ax", @progbits
.Lname\@:
	.asciz	"\name"
	.popsection
	.endm
	.pushsection .sgxemu_vdso, 1, "ax", @progbits
.Lstr:
	.byte	0
.Lsoname:
	.asciz	"linux-vdso.so.1"
.Lversion:
	.asciz	"LINUX_2.6"
	.popsection
	symbols
.Lsym_end:
	.purgem	sym

.Lversym:
	.short	0
	.rept	.Lnsyms - 1
	.short	2
	.endr
.Lversym_end:

	.balign	8
.Lverdef:
	.short	1, 1, 1, 1		/* the image itself */
	.long	0x0deebfa1
	.long	20, 28
	.long	.Lsoname - .Lstr, 0
	.short	1, 0, 2, 1
	.long	0x03ae75f6
	.long	20, 0
	.long	.Lversion - .Lstr, 0
.Lverdef_end:

	.balign	8
.Ldynamic:
	.quad	14, .Lsoname - .Lstr
	.quad	4, .Lhash - shim_vdso_image
	.quad	0x6ffffef5, .Lgnu_hash - shim_vdso_image
	.quad	5, .Lstr - shim_vdso_image
	.quad	6, .Lsym - shim_vdso_image
	.quad	10, .Lstr_end - .Lstr
	.quad	11, 24
	.quad	0x6ffffffc, .Lverdef - shim_vdso_image
	.quad	0x6ffffffd, 2
	.quad	0x6ffffff0, .Lversym - shim_vdso_image
	.quad	0, 0
.Ldynamic_end:

	.macro	shdr name, type, flags, at, end, link, info, align, entsize
	.long	\name - .Lshstr, \type
	.quad	\flags
	.quad	\at - shim_vdso_image, \at - shim_vdso_image
	.quad	\end - \at
	.long	\link, \info
	.quad	\align, \entsize
	.endm
	.balign	8
.Lshdr:
	.zero	64
	shdr	.Ln_hash, 5, 2, .Lhash, .Lhash_end, 3, 0, 8, 4
	shdr	.Ln_gnu_hash, 0x6ffffff6, 2, .Lgnu_hash, .Lgnu_hash_end, 3, 0, 8, 0
	shdr	.Ln_dynsym, 11, 2, .Lsym, .Lsym_end, 4, 1, 8, 24
	shdr	.Ln_dynstr, 3, 2, .Lstr, .Lstr_end, 0, 0, 1, 0
	shdr	.Ln_versym, 0x6fffffff, 2, .Lversym, .Lversym_end, 3, 0, 2, 2
	shdr	.Ln_verdef, 0x6ffffffd, 2, .Lverdef, .Lverdef_end, 4, 2, 8, 0
	shdr	.Ln_dynamic, 6, 2, .Ldynamic, .Ldynamic_end, 4, 0, 8, 16
	shdr	.Ln_text, 1, 6, .Ltext, .Ltext_end, 0, 0, 16, 0
	shdr	.Ln_shstrtab, 3, 0, .Lshstr, .Lshstr_end, 0, 0, 1, 0
.Lshstr:
	.byte	0
.Ln_hash:
	.asciz	".hash"
.Ln_gnu_hash:
	.asciz	".gnu.hash"
.Ln_dynsym:
	.asciz	".dynsym"
.Ln_dynstr:
	.asciz	".dynstr"
.Ln_versym:
	.asciz	".gnu.version"
.Ln_verdef:
	.asciz	".gnu.version_d"
.Ln_dynamic:
	.asciz	".dynamic"
.Ln_text:
	.asciz	".text"
.Ln_shstrtab:
	.asciz	".shstrtab"
.Lshstr_end:

	/* everything with a name in .Lstr is in subsection 1, the code and the end in subsection 2 */
	.section .sgxemu_vdso, "ax", @progbits
	.subsection 2
.Lstr_end:
	.balign	16
.Ltext:
.Lenter:
	jmp	emul_vdso_enter
.Lenter_end:
	.macro	forward at, to
	.balign	16
\at:
	jmp	*\to(%rip)
\at\()_end:
	.endm
	forward	.Lclock_gettime, shim_real_clock_gettime
	forward	.Lgettimeofday, shim_real_gettimeofday
	forward	.Lclock_getres, shim_real_clock_getres
	forward	.Ltime, shim_real_time
	forward	.Lgetcpu, shim_real_getcpu
.Ltext_end:
	.balign	4096
.Lend:

	.section .note.GNU-stack, "", @progbits
