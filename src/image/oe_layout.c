/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What Open Enclave's loader makes of an image, in its order: values written into the segments, then the
 * pages.
 *
 * Authority: Open Enclave SDK, host/sgx/create.c, host/sgx/loadelf.c.
 */
#include <string.h>

#include "image/oe_image.h"

#define OE_NSSA           2u
#define OE_SSAFRAMESIZE   1u
#define OE_STACK_FILL     0xccccccccu
#define OE_IMAGE_INFO     48u           /* bytes, right before the SIGSTRUCT */
#define OE_TD_PAGES       4u            /* from TCS to thread data, without the TLS pages between them */
#define OE_THREAD_PAGES   7u            /* of a thread, guards included, without stack and TLS pages */

struct oe_image_info {
	uint64_t oeinfo_rva, oeinfo_size, reloc_rva, reloc_size, heap_rva, enclave_size;
};
_Static_assert(sizeof(struct oe_image_info) == OE_IMAGE_INFO, "image_info");

struct layout {
	uint64_t tls_pages, thread_bytes;
	uint64_t heap, threads, end;    /* in the image: without the start address */
	uint64_t size;                  /* SECS.SIZE */
};

static int advance_pages(const struct oe *o, uint64_t *at, uint64_t pages, const char *what, size_t field,
			 struct err *e)
{
	if (pages <= PLAN_MAX_SIZE / SGX_PAGE_SIZE && plan_advance(at, pages * SGX_PAGE_SIZE, what, e) == 0)
		return 0;
	return oe_bad_info(o, field, ERR_TOO_BIG, e, "this does not fit an enclave", pages);
}

static int place(const struct oe *o, const struct oe_build *build, struct layout *l, struct err *e)
{
	const struct oe_common *c = &o->common;
	uint64_t thread = 0, all, at = o->image.bytes;

	if (oe_image_tls_pages(&o->image, build, &l->tls_pages, e) < 0 ||
	    plan_advance(&at, o->image.relocation_bytes, "relocations", e) < 0)
		return -1;
	l->heap = at;
	if (advance_pages(o, &at, c->heap_pages, "heap", offsetof(struct oe_common, heap_pages), e) < 0)
		return -1;
	l->threads = at;
	if (c->n_tcs > PLAN_MAX_TCS)
		return oe_bad_info(o, offsetof(struct oe_common, n_tcs), ERR_TOO_BIG, e, "too many threads",
				   c->n_tcs);
	if (advance_pages(o, &thread, c->stack_pages, "stack", offsetof(struct oe_common, stack_pages),
			  e) < 0)
		return -1;
	l->thread_bytes = thread + (l->tls_pages + OE_THREAD_PAGES) * SGX_PAGE_SIZE;
	if (__builtin_mul_overflow(l->thread_bytes, c->n_tcs, &all) ||
	    plan_advance(&at, all, "threads", e) < 0)
		return oe_bad_info(o, offsetof(struct oe_common, stack_pages), ERR_TOO_BIG, e,
				"the stacks of all threads do not fit an enclave", c->stack_pages);
	l->end = at;
	if (plan_advance(&at, o->start_address, "start address", e) < 0)
		return oe_bad_info(o, o->st->start_address, ERR_TOO_BIG, e, "this does not fit an enclave",
				o->start_address);
	l->size = plan_size_for(at);
	return 0;
}

/* A name to look up, and what was found: the first symbol that has it. */
struct wanted {
	const char *name;
	bool found;
	uint64_t value;
	uint64_t file_off;      /* of the symbol */
};

/* All in one pass: tables can be long. */
static void find_symbols(struct elf_symbols *table, uint64_t table_off, struct wanted *wanted,
			 size_t n_wanted)
{
	Elf64_Sym sym;
	const char *name;

	while (elf_symbols_next(table, &sym, &name)) {
		for (size_t k = 0; k < n_wanted; k++) {
			if (wanted[k].found || strcmp(wanted[k].name, name))
				continue;
			wanted[k].found = true;
			wanted[k].value = sym.st_value;
			wanted[k].file_off = table_off + (table->i - 1) * sizeof(sym);
			break;
		}
	}
}

/* What the loader tells the enclave about itself. */
static int write_values(struct oe *o, const struct oe_build *build, const struct layout *l, struct err *e)
{
	const struct oe_structure *st = o->st;
	struct oe_image *oe = &o->image;
	const struct oe_image_info info = {
		.oeinfo_rva = o->addr, .oeinfo_size = st->bytes, .reloc_rva = oe->bytes,
		.reloc_size = oe->relocation_bytes, .heap_rva = l->heap,
		.enclave_size = build->unrounded_size ? l->end : plan_size_for(l->end),
	};
	struct wanted symbols[] = {
		{ .name = "_enclave_rva" }, { .name = "_reloc_rva" }, { .name = "_reloc_size" },
		{ .name = "_tdata_rva" }, { .name = "_tdata_size" }, { .name = "_tdata_align" },
		{ .name = "_tbss_size" }, { .name = "_tbss_align" }, { .name = "_td_from_tcs_offset" },
	};
	enum { N = sizeof(symbols) / sizeof(symbols[0]), N_REQUIRED = 3, TDATA = 3, TBSS = 6, TD = 8 };
	const uint64_t values[N] = {
		0, oe->bytes, oe->relocation_bytes,
		oe->tdata.sh.sh_addr, oe->tdata.sh.sh_size, oe->tdata_align,
		oe->tbss.sh.sh_size, oe->tbss.sh.sh_addralign, (l->tls_pages + OE_TD_PAGES) * SGX_PAGE_SIZE,
	};
	struct elf_symbols table;
	uint64_t table_off;

	if ((build->clears_header && oe_image_clear_header(oe, o->mem, e) < 0) ||
	    oe_image_write(oe, o->mem, o->addr + st->sigstruct - OE_IMAGE_INFO, &info, sizeof(info),
			   "image_info", o->file_off, e) < 0)
		return -1;
	elf_symbols_open(oe->elf, build->full_symtab ? SHT_SYMTAB : SHT_DYNSYM, &table);
	table_off = (uint64_t)(table.table - oe->elf->bytes);
	find_symbols(&table, table_off, symbols, N);
	for (size_t i = 0; i < N; i++) {
		if (!symbols[i].found && i < N_REQUIRED) {
			err_set(e, ERR_BAD_LAYOUT, 0, "the symbol %s is missing in %s", symbols[i].name,
				build->full_symtab ? ".symtab" : ".dynsym");
			return table.table ? err_offset(e, table_off) : -1;
		}
		if (!symbols[i].found || (i >= TDATA && i < TBSS && !oe->tdata.sh.sh_size) ||
		    (i >= TBSS && i < TD && !oe->tbss.sh.sh_size) || (i == TD && build->fixed_tls))
			continue;
		if (oe_image_write(oe, o->mem, symbols[i].value, i ? &values[i] : &symbols[i].value,
				   sizeof(values[i]), symbols[i].name, symbols[i].file_off, e) < 0)
			return -1;
	}
	/* no signature covers itself */
	return oe_image_write(oe, o->mem, o->addr + st->sigstruct, NULL, sizeof(o->sigstruct), "SIGSTRUCT",
			      o->file_off + st->sigstruct, e);
}

/* pages of off, which moves behind them. */
static int add_pages(struct plan_build *b, uint64_t *off, uint64_t pages, struct plan_run run, struct err *e)
{
	run.off = *off;
	run.pages = pages;
	*off += pages * SGX_PAGE_SIZE;
	return plan_build_run(b, &run, e);
}

static struct plan_run writable(const char *what, uint16_t chunks, uint32_t fill)
{
	return (struct plan_run){
		.secinfo = SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W, .chunks = chunks, .fill = fill,
		.what = what,
	};
}

static int add_thread(struct plan_build *b, const struct oe *o, const struct oe_build *build,
		      const struct layout *l, uint64_t index, struct err *e)
{
	uint64_t at = o->start_address + l->threads + index * l->thread_bytes + SGX_PAGE_SIZE;
	struct sgx_arch_tcs tcs = {
		.nssa = OE_NSSA, .oentry = o->start_address + o->file->elf->ehdr.e_entry,
		.fslimit = UINT32_MAX, .gslimit = UINT32_MAX,
	};
	struct plan_run tcs_run = {
		.secinfo = SGX_SECINFO_TCS, .chunks = PLAN_CHUNKS_ALL, .data = o->tcs[index],
		.data_bytes = SGX_TCS_FIELDS, .what = "tcs",
	};

	if (add_pages(b, &at, o->common.stack_pages, writable("stack", PLAN_CHUNKS_ALL, OE_STACK_FILL),
		      e) < 0)
		return -1;
	at += SGX_PAGE_SIZE;
	tcs.ossa = at + SGX_PAGE_SIZE;
	tcs.ofsbase = at + (OE_TD_PAGES + l->tls_pages) * SGX_PAGE_SIZE;
	tcs.ogsbase = tcs.ofsbase - (build->gs_before_td ? SGX_PAGE_SIZE : 0);
	memcpy(o->tcs[index], &tcs, SGX_TCS_FIELDS);
	if (add_pages(b, &at, 1, tcs_run, e) < 0 ||
	    add_pages(b, &at, OE_NSSA, writable("ssa", PLAN_CHUNKS_ALL, 0), e) < 0)
		return -1;
	at += SGX_PAGE_SIZE;
	if (add_pages(b, &at, l->tls_pages, writable("tls", PLAN_CHUNKS_ALL, 0), e) < 0)
		return -1;
	return add_pages(b, &at, 1, writable("thread-data", PLAN_CHUNKS_ALL, 0), e);
}

static int add_all(struct plan_build *b, const struct oe *o, const struct oe_build *build,
		   const struct layout *l, struct err *e)
{
	const struct oe_image *oe = &o->image;
	struct plan_run relocations = {
		.secinfo = SGX_SECINFO_REG | SGX_SECINFO_R, .chunks = PLAN_CHUNKS_ALL, .what = "relocations",
		.data = oe->relocations, .data_bytes = oe->relocation_bytes,
	};
	uint64_t at = o->start_address + oe->bytes;

	for (size_t i = 0; i < oe->n_segments; i++) {
		struct plan_run run = oe_image_run(oe, &oe->segments[i]);

		run.off += o->start_address;
		if (plan_build_run(b, &run, e) < 0) {
			err_wrap(e, "segment %u", oe->segments[i].elf->index);
			return err_offset(e, oe->segments[i].elf->header_off);
		}
	}
	if (add_pages(b, &at, oe->relocation_bytes / SGX_PAGE_SIZE, relocations, e) < 0 ||
	    add_pages(b, &at, o->common.heap_pages, writable("heap", 0, 0), e) < 0)
		return -1;
	for (uint64_t i = 0; i < o->common.n_tcs; i++) {
		if (add_thread(b, o, build, l, i, e) < 0)
			return -1;
	}
	return 0;
}

int oe_layout(struct oe *o, const struct oe_build *build, struct plan_build *b, struct err *e)
{
	struct layout l;

	oe_image_reset(&o->image);
	if (oe_image_relocations(&o->image, build, o->mem, e) < 0 || place(o, build, &l, e) < 0 ||
	    write_values(o, build, &l, e) < 0 || add_all(b, o, build, &l, e) < 0)
		return -1;
	b->p.size = l.size;
	b->p.ssaframesize = OE_SSAFRAMESIZE;
	b->p.nssa = OE_NSSA;
	return 0;
}
