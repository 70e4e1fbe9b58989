/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image files: what good ones become, and that every bad one is refused with its code and place. */
#include <stdlib.h>
#include <string.h>

#include "image/internal.h"
#include "image_bytes.h"
#include "tap.h"

static struct image_bytes img;

static int parse(const struct image_opts *opts, struct plan *p, struct err *e)
{
	err_clear(e);
	return image_parse(img.b, img.n, opts, p, e);
}

static const struct plan_run *run_named(const struct plan *p, const char *what, unsigned int nth)
{
	for (size_t i = 0; i < p->n_runs; i++) {
		if (!strcmp(p->runs[i].what, what) && !nth--)
			return &p->runs[i];
	}
	return NULL;
}

static void is_run(const struct plan *p, const char *what, unsigned int nth, uint64_t off, uint64_t pages,
		   uint64_t secinfo, bool measured)
{
	const struct plan_run *r = run_named(p, what, nth);

	ok(r && r->off == off && r->pages == pages && r->secinfo == secinfo &&
	   plan_run_measured(r) == measured && !plan_run_partial(r),
	   "%s %u at 0x%llx", what, nth, (unsigned long long)off);
}

static void test_thread(const struct plan *p, unsigned int t, uint64_t at)
{
	const struct plan_run *tcs_run = run_named(p, "tcs", t), *tls_run = run_named(p, "tls", t);
	struct sgx_arch_tcs tcs;
	struct encl_tls tls;
	uint8_t page[4096];

	is_run(p, "stack", t, at + 0x1000, 2, 0x203, true);
	is_run(p, "handler-stack", t, at + 0x4000, 2, 0x203, true);
	is_run(p, "tcs", t, at + 0x7000, 1, 0x100, true);
	is_run(p, "ssa", t, at + 0x8000, 2, 0x203, true);
	is_run(p, "tls", t, at + 0xa000, 1, 0x203, true);
	if (!tcs_run || !tls_run)
		return;
	plan_run_page(tcs_run, 0, page);
	memcpy(&tcs, page, sizeof(tcs));
	ok(tcs.ossa == at + 0x8000 && tcs.nssa == 2 && tcs.oentry == 0x40 && tcs.ofsbase == at + 0xa000 &&
	   tcs.ogsbase == at + 0xa000 && tcs.fslimit == UINT32_MAX && tcs.gslimit == UINT32_MAX &&
	   !tcs.flags &&
	   !tcs.state && !tcs.cssa && !tcs.aep, "TCS %u", t);
	plan_run_page(tls_run, 0, page);
	memcpy(&tls, page, sizeof(tls));
	ok(tls.self_off == at + 0xa000 && tls.tcs_off == at + 0x7000 && tls.stack_top_off == at + 0x3000 &&
	   tls.handler_stack_top_off == at + 0x6000 && tls.stack_bytes == 0x2000 &&
	   tls.ssa_off == at + 0x8000 &&
	   tls.nssa == 2 && tls.ssaframe_bytes == 0x1000 && tls.tcs_index == t, "TLS %u: the thread", t);
	ok(tls.heap_off == 0x1b000 && tls.heap_bytes == 0x3000 && tls.reserve_off == 0x1e000 &&
	   tls.reserve_bytes == 0x10000 && tls.elrange_bytes == 0x40000, "TLS %u: the enclave", t);
}

static void test_sgxctl(void)
{
	uint8_t page[4096], zero[4096] = { 0 };
	struct err e = { 0 };
	struct plan p;

	img_sgxctl(&img);
	if (!ok(parse(NULL, &p, &e) == 0, "our own format is found by its note"))
		return;
	ok(!strcmp(p.format, "sgxctl") && p.size == 0x40000 && p.ssaframesize == 1 && p.nssa == 2 &&
	   p.miscselect == 1 && p.attributes.flags == 4 && p.attributes.xfrm == 7 && p.op_interface &&
	   p.dyn_entry == 0x80, "the note's wishes");
	is_run(&p, "text", 0, 0, 2, 0x205, true);
	is_run(&p, "data", 0, 0x2000, 3, 0x203, true);
	test_thread(&p, 0, 0x5000);
	test_thread(&p, 1, 0x10000);
	is_run(&p, "heap", 0, 0x1b000, 3, 0x203, false);
	is_u64(p.pages_added, 24, "pages added");
	is_u64(p.pages_measured, 21, "pages measured");
	ok(p.n_tcs == 2 && p.tcs[0] == 0xc000 && p.tcs[1] == 0x17000, "TCS offsets");
	ok(p.n_dynamic == 1 && p.dynamic[0].off == 0x1e000 && p.dynamic[0].pages == 16, "the reserve");

	plan_run_page(run_named(&p, "text", 0), 1, page);
	ok(!memcmp(page, img.b + 0x2000, 0x234) && !memcmp(page + 0x234, zero, 4096 - 0x234),
	   "text ends where the file says, then zeros");
	plan_run_page(run_named(&p, "data", 0), 0, page);
	ok(!memcmp(page, zero, 0x80) && !memcmp(page + 0x80, img.b + 0x3080, 0x100) &&
	   !memcmp(page + 0x180, zero, 4096 - 0x180), "data begins inside its page");
	plan_release(&p);
}

static void test_sgxctl_options(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	struct plan p;

	img_sgxctl(&img);
	opts.heap_bytes = 0;
	opts.reserve_bytes = 0x100000;
	ok(parse(&opts, &p, &e) == 0 && !run_named(&p, "heap", 0) && p.size == 0x200000 &&
	   p.dynamic[0].off == 0x1b000 && p.dynamic[0].pages == 256, "heap and reserve are overridden");
	plan_release(&p);
	opts.reserve_bytes = 0;
	ok(parse(&opts, &p, &e) == 0 && !p.n_dynamic && p.size == 0x20000, "no reserve");
	plan_release(&p);
	opts.heap_bytes = 0x1001;
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "a heap of odd size is refused");
	opts = IMAGE_OPTS_DEFAULT;
	opts.reserve_bytes = 1;
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT, "so is a reserve");
	opts = IMAGE_OPTS_DEFAULT;
	opts.format = "kernel";
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_NO_TCS, "a format can be forced");
	opts.format = "sgx";
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_UNKNOWN_FORMAT && strstr(e.hint, "sgxctl, sdk, oe"),
	   "an unknown one lists those there are");
	opts.format = NULL;

	img_note(&img)->reserve_off = 0x100000;
	ok(parse(NULL, &p, &e) == 0 && p.size == 0x200000 && p.dynamic[0].off == 0x100000, "reserve_off");
	plan_release(&p);
	img_note(&img)->reserve_off = 0;
	img_note(&img)->size = 0x8000000;
	ok(parse(NULL, &p, &e) == 0 && p.size == 0x8000000, "size");
	plan_release(&p);
	img_note(&img)->stack_bytes = 0;
	img_note(&img)->dyn_entry = 0;
	ok(parse(NULL, &p, &e) == 0 && !run_named(&p, "stack", 0) && run_named(&p, "tcs", 0)->off == 0x8000,
	   "no stacks: three guards remain");
	plan_release(&p);
}

static void test_kernel(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	uint8_t page[4096];
	struct err e = { 0 };
	struct plan p;

	img_kernel(&img);
	if (!ok(parse(NULL, &p, &e) == 0, "the kernel's format is found by its TCS pages"))
		return;
	ok(!strcmp(p.format, "kernel") && p.size == 0x8000 && p.ssaframesize == 1 && p.nssa == 1 &&
	   !p.miscselect && p.attributes.flags == 4 && p.attributes.xfrm == 3 && !p.op_interface &&
	   !p.dyn_entry,
	   "constants of the kernel's loader");
	is_run(&p, "tcs", 0, 0, 2, 0x100, true);
	is_run(&p, "text", 0, 0x2000, 1, 0x205, true);
	is_run(&p, "data", 0, 0x3000, 2, 0x203, true);
	is_run(&p, "heap", 0, 0x5000, 1, 0x203, false);
	ok(p.n_tcs == 2 && p.tcs[1] == 0x1000 && !p.n_dynamic, "two TCSs, nothing declared to grow");
	plan_run_page(run_named(&p, "text", 0), 0, page);
	ok(!memcmp(page, img.b + 0x3000, 4096), "whole pages come from the file, past p_filesz too");
	plan_release(&p);

	opts.heap_bytes = 0x10000;
	opts.reserve_bytes = 0x100000;
	ok(parse(&opts, &p, &e) == 0 && run_named(&p, "heap", 0)->pages == 16 && p.size == 0x200000 &&
	   p.dynamic[0].off == 0x15000, "heap and reserve");
	plan_release(&p);
	opts.heap_bytes = 0;
	opts.reserve_bytes = 0;
	ok(parse(&opts, &p, &e) == 0 && p.pages_added == 5 && p.pages_measured == 5, "no heap");
	plan_release(&p);
	img.n = 0x5800;
	img_phdr(&img, 2)->p_filesz = 0x1800;
	ok(parse(NULL, &p, &e) == 0, "a file may end inside the last page");
	plan_run_page(run_named(&p, "data", 0), 1, page);
	ok(!memcmp(page, img.b + 0x5000, 0x800) && !page[0x800] && !page[4095], "which is zero from there");
	plan_release(&p);
	img_phdr(&img, 0)->p_vaddr = 0x40000;
	ok(parse(NULL, &p, &e) == 0 && run_named(&p, "tcs", 0)->off == 0, "addresses do not matter");
	plan_release(&p);
}

/* ---- refusals ------------------------------------------------------------------------------ */

struct refusal {
	const char *what;
	void (*make)(struct image_bytes *i);
	void (*break_it)(struct image_bytes *i);
	enum err_code code;
	uint64_t offset;        /* UINT64_MAX: none asked for */
};

#define PHDR(k) (sizeof(Elf64_Ehdr) + (k) * sizeof(Elf64_Phdr))
#define NOTE(field) (IMG_DESC_OFF + offsetof(struct encl_note, field))
#define EHDR(field) offsetof(Elf64_Ehdr, field)
#define NOWHERE UINT64_MAX

#define BREAK(name, statement) static void name(struct image_bytes *i) { statement; }
BREAK(b_empty, i->n = 0)
BREAK(b_magic, i->b[0] = 0)
BREAK(b_short, i->n = 63)
BREAK(b_class, img_ehdr(i)->e_ident[EI_CLASS] = ELFCLASS32)
BREAK(b_endian, img_ehdr(i)->e_ident[EI_DATA] = ELFDATA2MSB)
BREAK(b_machine, img_ehdr(i)->e_machine = EM_386)
BREAK(b_type, img_ehdr(i)->e_type = ET_REL)
BREAK(b_phentsize, img_ehdr(i)->e_phentsize = 32)
BREAK(b_phoff, img_ehdr(i)->e_phoff = IMG_BYTES)
BREAK(b_phoff_wraps, img_ehdr(i)->e_phoff = UINT64_MAX - 8)
BREAK(b_phnum, img_ehdr(i)->e_phnum = 0xffff)
BREAK(b_phdrs_cut, i->n = 100)
BREAK(b_filesz, img_phdr(i, 0)->p_filesz = 0x2000)
BREAK(b_outside, img_phdr(i, 1)->p_offset = 0x3100)
BREAK(b_offset_wraps, img_phdr(i, 1)->p_offset = UINT64_MAX - 0x10)
BREAK(b_filesz_huge, img_phdr(i, 1)->p_filesz = img_phdr(i, 1)->p_memsz = (uint64_t)1 << 63)
BREAK(b_memsz_huge, img_phdr(i, 1)->p_memsz = (uint64_t)1 << 63)
BREAK(b_vaddr_wraps, img_phdr(i, 1)->p_vaddr = UINT64_MAX - 0x80)
BREAK(b_vaddr_high, img_phdr(i, 1)->p_vaddr = (uint64_t)1 << 62)
BREAK(b_w_only, img_phdr(i, 1)->p_flags = PF_W)
BREAK(b_wx, img_phdr(i, 1)->p_flags = PF_W | PF_X)
BREAK(b_overlap, img_phdr(i, 1)->p_vaddr = 0x1080)
BREAK(b_descending, img_phdr(i, 0)->p_vaddr = 0x8000)
BREAK(b_no_load, img_phdr(i, 0)->p_type = img_phdr(i, 1)->p_type = PT_NULL)
BREAK(b_interp, img_phdr(i, 1)->p_type = PT_INTERP)
BREAK(b_tls, img_phdr(i, 1)->p_type = PT_TLS)
BREAK(b_entry, img_ehdr(i)->e_entry = 0x2080)
BREAK(b_entry_past, img_ehdr(i)->e_entry = 0x1234)
BREAK(b_dyn_entry, img_note(i)->dyn_entry = 0x9000)
BREAK(b_version, img_note(i)->version = 2)
BREAK(b_flags, img_note(i)->flags = 2)
BREAK(b_ssaframe, img_note(i)->ssaframesize = 0)
BREAK(b_ssaframe_huge, img_note(i)->ssaframesize = UINT32_MAX)
BREAK(b_nssa, img_note(i)->nssa = 0)
BREAK(b_nssa_huge, img_note(i)->nssa = UINT32_MAX)
BREAK(b_ntcs, img_note(i)->ntcs = 0)
BREAK(b_ntcs_huge, img_note(i)->ntcs = UINT32_MAX)
BREAK(b_misc, img_note(i)->miscselect = 4)
BREAK(b_mode64, img_note(i)->attributes = 0)
BREAK(b_init, img_note(i)->attributes |= SGX_ATTR_INIT)
BREAK(b_attributes, img_note(i)->attributes |= (uint64_t)1 << 40)
BREAK(b_xfrm, img_note(i)->xfrm = 1)
BREAK(b_xfrm63, img_note(i)->xfrm |= (uint64_t)1 << 63)
BREAK(b_stack, img_note(i)->stack_bytes = 0x1800)
BREAK(b_stack_huge, img_note(i)->stack_bytes = (uint64_t)1 << 63)
BREAK(b_heap, img_note(i)->heap_bytes = 1)
BREAK(b_heap_huge, img_note(i)->heap_bytes = (uint64_t)1 << 63)
BREAK(b_heap_pages, img_note(i)->heap_bytes = (PLAN_MAX_PAGES + 1) * 4096)
BREAK(b_reserve, img_note(i)->reserve_bytes = 5)
BREAK(b_reserve_huge, img_note(i)->reserve_bytes = UINT64_MAX - 0xfff)
BREAK(b_reserve_off, img_note(i)->reserve_off = 0x1d000)
BREAK(b_reserve_odd, img_note(i)->reserve_off = 0x100001)
BREAK(b_reserve_far, img_note(i)->reserve_off = UINT64_MAX - 0xfff)
BREAK(b_size, img_note(i)->size = 0x30000)
BREAK(b_size_small, img_note(i)->size = 0x20000)
BREAK(b_size_tiny, img_note(i)->size = 0x1000)
BREAK(b_size_huge, img_note(i)->size = (uint64_t)1 << 63)
BREAK(b_desc, ((Elf64_Nhdr *)(i->b + IMG_NOTE_OFF))->n_descsz = 80)
BREAK(b_desc_long, ((Elf64_Nhdr *)(i->b + IMG_NOTE_OFF))->n_descsz = 0xffffff)
BREAK(b_name, i->b[IMG_NOTE_OFF + 12] = 'S')
BREAK(b_note_type, ((Elf64_Nhdr *)(i->b + IMG_NOTE_OFF))->n_type = 2)

static void b_relocs(struct image_bytes *i)
{
	Elf64_Dyn dyn[2] = { { .d_tag = DT_RELASZ, .d_un.d_val = 24 } };

	img_ehdr(i)->e_type = ET_DYN;
	img_ehdr(i)->e_phnum = 4;
	*img_phdr(i, 3) = (Elf64_Phdr){ PT_DYNAMIC, PF_R, 0x3000, 0, 0, sizeof(dyn), sizeof(dyn), 8 };
	memcpy(i->b + 0x3000, dyn, sizeof(dyn));
}

static void b_two_notes(struct image_bytes *i)
{
	img_ehdr(i)->e_phnum = 4;
	*img_phdr(i, 3) = *img_phdr(i, 2);
}

BREAK(k_flags, img_phdr(i, 0)->p_flags = PF_R)
BREAK(k_no_nssa, memset(i->b + 0x1000 + 28, 0, 4))
BREAK(k_reserved, i->b[0x1000 + 100] = 1)
BREAK(k_second, i->b[0x2000 + 4095] = 1)
BREAK(k_before, img_phdr(i, 1)->p_offset = 0)
BREAK(k_overlap, img_phdr(i, 1)->p_offset = 0x4000)
BREAK(k_w_only, img_phdr(i, 2)->p_flags = PF_W)
BREAK(k_ossa, i->b[0x2000 + 16] = 8)

static const struct refusal refusals[] = {
	{ "empty file", img_sgxctl, b_empty, ERR_BAD_ELF, 0 },
	{ "not ELF", img_sgxctl, b_magic, ERR_BAD_ELF, 0 },
	{ "file shorter than a header", img_sgxctl, b_short, ERR_BAD_ELF, 63 },
	{ "32-bit", img_sgxctl, b_class, ERR_BAD_ELF, EI_CLASS },
	{ "big-endian", img_sgxctl, b_endian, ERR_BAD_ELF, EI_DATA },
	{ "other machine", img_sgxctl, b_machine, ERR_BAD_ELF, EHDR(e_machine) },
	{ "object file", img_sgxctl, b_type, ERR_BAD_ELF, EHDR(e_type) },
	{ "program headers of a strange size", img_sgxctl, b_phentsize, ERR_BAD_ELF, EHDR(e_phentsize) },
	{ "program headers outside the file", img_sgxctl, b_phoff, ERR_BAD_ELF, EHDR(e_phoff) },
	{ "program headers that wrap", img_sgxctl, b_phoff_wraps, ERR_BAD_ELF, EHDR(e_phoff) },
	{ "too many program headers", img_sgxctl, b_phnum, ERR_TOO_BIG, EHDR(e_phnum) },
	{ "truncated in the program headers", img_sgxctl, b_phdrs_cut, ERR_BAD_ELF, EHDR(e_phoff) },
	{ "p_filesz above p_memsz", img_sgxctl, b_filesz, ERR_BAD_ELF, PHDR(0) },
	{ "segment outside the file", img_sgxctl, b_outside, ERR_BAD_ELF, PHDR(1) },
	{ "segment whose offset wraps", img_sgxctl, b_offset_wraps, ERR_BAD_ELF, PHDR(1) },
	{ "p_filesz of 2^63", img_sgxctl, b_filesz_huge, ERR_BAD_ELF, PHDR(1) },
	{ "p_memsz of 2^63", img_sgxctl, b_memsz_huge, ERR_TOO_BIG, PHDR(1) },
	{ "address that wraps", img_sgxctl, b_vaddr_wraps, ERR_BAD_LAYOUT, PHDR(1) },
	{ "address above all enclaves", img_sgxctl, b_vaddr_high, ERR_TOO_BIG, PHDR(1) },
	{ "W without R", img_sgxctl, b_w_only, ERR_BAD_LAYOUT, PHDR(1) },
	{ "WX without R", img_sgxctl, b_wx, ERR_BAD_LAYOUT, PHDR(1) },
	{ "segments that share a page", img_sgxctl, b_overlap, ERR_BAD_LAYOUT, PHDR(1) },
	{ "segments out of order", img_sgxctl, b_descending, ERR_BAD_LAYOUT, PHDR(1) },
	{ "no loadable segment", img_sgxctl, b_no_load, ERR_BAD_LAYOUT, NOWHERE },
	{ "dynamic linker wanted", img_sgxctl, b_interp, ERR_BAD_ELF, NOWHERE },
	{ "relocations", img_sgxctl, b_relocs, ERR_BAD_ELF, NOWHERE },
	{ "thread-local storage", img_sgxctl, b_tls, ERR_BAD_LAYOUT, NOWHERE },
	{ "entry in data", img_sgxctl, b_entry, ERR_BAD_LAYOUT, EHDR(e_entry) },
	{ "entry just past the text", img_sgxctl, b_entry_past, ERR_BAD_LAYOUT, EHDR(e_entry) },
	{ "dyn_entry outside text", img_sgxctl, b_dyn_entry, ERR_BAD_LAYOUT, NOTE(dyn_entry) },
	{ "note version", img_sgxctl, b_version, ERR_BAD_LAYOUT, NOTE(version) },
	{ "note flags", img_sgxctl, b_flags, ERR_BAD_LAYOUT, NOTE(flags) },
	{ "no SSA frame pages", img_sgxctl, b_ssaframe, ERR_BAD_LAYOUT, NOTE(ssaframesize) },
	{ "huge SSA frames", img_sgxctl, b_ssaframe_huge, ERR_TOO_BIG, NOTE(ssaframesize) },
	{ "no SSA frames", img_sgxctl, b_nssa, ERR_BAD_LAYOUT, NOTE(nssa) },
	{ "too many SSA frames", img_sgxctl, b_nssa_huge, ERR_TOO_BIG, NOTE(nssa) },
	{ "no TCS", img_sgxctl, b_ntcs, ERR_NO_TCS, NOTE(ntcs) },
	{ "too many TCSs", img_sgxctl, b_ntcs_huge, ERR_TOO_BIG, NOTE(ntcs) },
	{ "MISCSELECT bit", img_sgxctl, b_misc, ERR_BAD_LAYOUT, NOTE(miscselect) },
	{ "not 64-bit", img_sgxctl, b_mode64, ERR_BAD_LAYOUT, NOTE(attributes) },
	{ "INIT", img_sgxctl, b_init, ERR_BAD_LAYOUT, NOTE(attributes) },
	{ "reserved attribute", img_sgxctl, b_attributes, ERR_BAD_LAYOUT, NOTE(attributes) },
	{ "XFRM without SSE", img_sgxctl, b_xfrm, ERR_BAD_LAYOUT, NOTE(xfrm) },
	{ "XFRM bit 63", img_sgxctl, b_xfrm63, ERR_BAD_LAYOUT, NOTE(xfrm) },
	{ "stack of odd size", img_sgxctl, b_stack, ERR_BAD_LAYOUT, NOTE(stack_bytes) },
	{ "stack of 2^63", img_sgxctl, b_stack_huge, ERR_TOO_BIG, NOWHERE },
	{ "heap of odd size", img_sgxctl, b_heap, ERR_BAD_LAYOUT, NOTE(heap_bytes) },
	{ "heap of 2^63", img_sgxctl, b_heap_huge, ERR_TOO_BIG, NOWHERE },
	{ "heap of too many pages", img_sgxctl, b_heap_pages, ERR_TOO_BIG, NOWHERE },
	{ "reserve of odd size", img_sgxctl, b_reserve, ERR_BAD_LAYOUT, NOTE(reserve_bytes) },
	{ "reserve that wraps", img_sgxctl, b_reserve_huge, ERR_TOO_BIG, NOWHERE },
	{ "reserve inside the heap", img_sgxctl, b_reserve_off, ERR_BAD_LAYOUT, NOTE(reserve_off) },
	{ "reserve at an odd place", img_sgxctl, b_reserve_odd, ERR_BAD_LAYOUT, NOTE(reserve_off) },
	{ "reserve at the end of the world", img_sgxctl, b_reserve_far, ERR_TOO_BIG, NOWHERE },
	{ "SIZE no power of two", img_sgxctl, b_size, ERR_BAD_LAYOUT, NOTE(size) },
	{ "SIZE too small", img_sgxctl, b_size_small, ERR_BAD_LAYOUT, NOTE(size) },
	{ "SIZE of one page", img_sgxctl, b_size_tiny, ERR_BAD_LAYOUT, NOTE(size) },
	{ "SIZE of 2^63", img_sgxctl, b_size_huge, ERR_TOO_BIG, NOTE(size) },
	{ "note cut short", img_sgxctl, b_desc, ERR_BAD_LAYOUT, IMG_DESC_OFF },
	{ "note longer than its segment", img_sgxctl, b_desc_long, ERR_UNKNOWN_FORMAT, NOWHERE },
	{ "note of another name", img_sgxctl, b_name, ERR_UNKNOWN_FORMAT, NOWHERE },
	{ "note of another type", img_sgxctl, b_note_type, ERR_UNKNOWN_FORMAT, NOWHERE },
	{ "two notes", img_sgxctl, b_two_notes, ERR_BAD_LAYOUT, IMG_DESC_OFF },
	{ "kernel: first segment not RW", img_kernel, k_flags, ERR_UNKNOWN_FORMAT, NOWHERE },
	{ "kernel: TCS without frames", img_kernel, k_no_nssa, ERR_UNKNOWN_FORMAT, NOWHERE },
	{ "kernel: TCS with reserved bytes", img_kernel, k_reserved, ERR_UNKNOWN_FORMAT, NOWHERE },
	{ "kernel: second TCS with reserved bytes", img_kernel, k_second, ERR_BAD_LAYOUT, 0x2000 },
	{ "kernel: second TCS with odd OSSA", img_kernel, k_ossa, ERR_BAD_LAYOUT, 0x2000 },
	{ "kernel: segment before the TCSs", img_kernel, k_before, ERR_BAD_LAYOUT, PHDR(1) },
	{ "kernel: segments overlap", img_kernel, k_overlap, ERR_BAD_LAYOUT, 0x3000 },
	{ "kernel: W without R", img_kernel, k_w_only, ERR_BAD_LAYOUT, PHDR(2) },
};

static void test_refusals(void)
{
	for (size_t k = 0; k < sizeof(refusals) / sizeof(refusals[0]); k++) {
		const struct refusal *r = &refusals[k];
		struct plan p, untouched;
		struct err e = { 0 };
		bool good;

		memset(&p, 0x5a, sizeof(p));
		memcpy(&untouched, &p, sizeof(p));
		r->make(&img);
		r->break_it(&img);
		good = parse(NULL, &p, &e) == -1 && e.code == r->code && e.msg[0] &&
		       (r->offset == NOWHERE || (e.has_offset && e.offset == r->offset)) &&
		       !memcmp(&p, &untouched, sizeof(p));
		if (!ok(good, "%s: %s", r->what, err_name(r->code)))
			printf("#  %s at 0x%llx: %s\n", err_name(e.code), (unsigned long long)e.offset,
			       e.msg);
	}
}

static void test_forced_kernel(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	struct plan p;

	opts.format = "kernel";
	img_kernel(&img);
	k_no_nssa(&img);
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT && e.offset == 0x1000, "forced: no frames");
	img_kernel(&img);
	k_flags(&img);
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_NO_TCS, "forced: first segment not RW");
	img_kernel(&img);
	memset(img_phdr(&img, 0), 0, 3 * sizeof(Elf64_Phdr));
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_NO_TCS, "forced: no segments");
	opts.format = "sgxctl";
	ok(parse(&opts, &p, &e) < 0 && e.code == ERR_BAD_LAYOUT && e.hint[0], "forced: no note");
}

static void test_files(void)
{
	struct err e = { 0 };
	struct plan p;

	ok(image_open("/nonexistent/image", NULL, &p, &e) < 0 && e.code == ERR_NO_IMAGE && e.sys, "no file");
	ok(image_open("/tmp", NULL, &p, &e) < 0 && e.code == ERR_NO_IMAGE, "a directory");
	ok(image_open("/dev/null", NULL, &p, &e) < 0 && e.code == ERR_NO_IMAGE, "a device");
	ok(image_open("/proc/self/stat", NULL, &p, &e) < 0 && e.code == ERR_BAD_ELF, "some other file");
}

int main(void)
{
	test_sgxctl();
	test_sgxctl_options();
	test_kernel();
	test_refusals();
	test_forced_kernel();
	test_files();
	return tap_done();
}
