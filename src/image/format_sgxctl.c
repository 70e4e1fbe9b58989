/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Our own images: a static ELF linked at 0 whose note (encl_ops.h) declares what the ELF format has no words
 * for.  The loader lays out, in this order and ascending:
 *
 *     segments | per TCS: guard, stack, guard, handler stack, guard, TCS, SSA frames, TLS | heap | reserve
 *
 * Guards are holes.  Everything but the heap is measured, the reserve has no pages.  This order is the EADD
 * order, so it is part of MRENCLAVE: it cannot change without a new note version.
 */
#include <string.h>

#include "base/cleanup.h"
#include "encl_ops.h"
#include "image/internal.h"

/* SSA is bounded by its product too; these keep each factor and message sensible. */
#define MAX_SSAFRAME_PAGES 4096u
#define MAX_NSSA           65536u
#define ATTR_KNOWN (SGX_ATTR_DEBUG | SGX_ATTR_MODE64BIT | SGX_ATTR_PROVISIONKEY | SGX_ATTR_EINITTOKENKEY | \
		    SGX_ATTR_KSS | SGX_ATTR_AEXNOTIFY)

/* What the loader writes into the TCS and TLS pages of one thread; the rest of those pages is zero. */
struct thread_pages {
	uint8_t tcs[SGX_TCS_FIELDS];
	struct encl_tls tls;
};

struct layout {
	const struct elf_image *img;
	struct encl_note note;
	uint64_t note_off;      /* in the file */
	uint64_t threads;       /* where the first thread's guard page is */
	uint64_t heap, reserve, end;
};

static bool sgxctl_detect(const struct image_file *file)
{
	struct elf_note n;

	/* -1 (two of them) is ours as well: parsing says what is wrong with it */
	return elf_image_note(file->elf, ENCL_NOTE_NAME, ENCL_NOTE_TYPE, &n, NULL) != 0;
}

static int bad_note(const struct layout *l, size_t field, enum err_code code, struct err *e, const char *what,
		    uint64_t value)
{
	err_set(e, code, 0, "sgxctl note: %s (it says 0x%llx)", what, (unsigned long long)value);
	err_hint(e, "struct encl_note in sgxctl-enclave(7) says what its fields may hold");
	return err_offset(e, l->note_off + field);
}
#define BAD_NOTE(l, field, code, e, what) \
	bad_note((l), offsetof(struct encl_note, field), (code), (e), (what), (l)->note.field)

static int check_sizes(const struct layout *l, struct err *e)
{
	const struct encl_note *n = &l->note;

	if (!page_aligned(n->stack_bytes))
		return BAD_NOTE(l, stack_bytes, ERR_BAD_LAYOUT, e, "stack_bytes is no multiple of 4096");
	if (!page_aligned(n->heap_bytes))
		return BAD_NOTE(l, heap_bytes, ERR_BAD_LAYOUT, e, "heap_bytes is no multiple of 4096");
	if (!page_aligned(n->reserve_bytes))
		return BAD_NOTE(l, reserve_bytes, ERR_BAD_LAYOUT, e, "reserve_bytes is no multiple of 4096");
	if (!page_aligned(n->reserve_off))
		return BAD_NOTE(l, reserve_off, ERR_BAD_LAYOUT, e, "reserve_off is no multiple of 4096");
	if (n->size & (n->size - 1))
		return BAD_NOTE(l, size, ERR_BAD_LAYOUT, e, "size is no power of two");
	if (n->size > PLAN_MAX_SIZE)
		return BAD_NOTE(l, size, ERR_TOO_BIG, e, "size is more than an enclave can have");
	return 0;
}

static int check_note(const struct layout *l, struct err *e)
{
	const struct encl_note *n = &l->note;

	if (n->version != ENCL_NOTE_VERSION)
		return BAD_NOTE(l, version, ERR_BAD_LAYOUT, e, "unknown version");
	if (n->flags & ~ENCL_NOTE_F_OPS)
		return BAD_NOTE(l, flags, ERR_BAD_LAYOUT, e, "unknown flags");
	if (!n->ssaframesize)
		return BAD_NOTE(l, ssaframesize, ERR_BAD_LAYOUT, e, "ssaframesize must be at least 1 page");
	if (n->ssaframesize > MAX_SSAFRAME_PAGES)
		return BAD_NOTE(l, ssaframesize, ERR_TOO_BIG, e, "ssaframesize is too large");
	if (!n->nssa)
		return BAD_NOTE(l, nssa, ERR_BAD_LAYOUT, e, "a TCS without SSA frames cannot be entered");
	if (n->nssa > MAX_NSSA)
		return BAD_NOTE(l, nssa, ERR_TOO_BIG, e, "nssa is too large");
	if (!n->ntcs)
		return BAD_NOTE(l, ntcs, ERR_NO_TCS, e, "ntcs must be at least 1");
	if (n->ntcs > PLAN_MAX_TCS)
		return BAD_NOTE(l, ntcs, ERR_TOO_BIG, e, "ntcs is too large");
	if (n->miscselect & ~(SGX_MISC_EXINFO | SGX_MISC_CPINFO))
		return BAD_NOTE(l, miscselect, ERR_BAD_LAYOUT, e, "unknown MISCSELECT bits");
	if (!(n->attributes & SGX_ATTR_MODE64BIT))
		return BAD_NOTE(l, attributes, ERR_BAD_LAYOUT, e, "attributes without MODE64BIT");
	if (n->attributes & ~(uint64_t)ATTR_KNOWN)
		return BAD_NOTE(l, attributes, ERR_BAD_LAYOUT, e,
				"attributes that an image cannot ask for");
	if ((n->xfrm & SGX_XFRM_LEGACY) != SGX_XFRM_LEGACY || n->xfrm >> 63)
		return BAD_NOTE(l, xfrm, ERR_BAD_LAYOUT, e, "xfrm must have bits 0 and 1 and not bit 63");
	return check_sizes(l, e);
}

static int read_note(const struct elf_image *img, const struct image_opts *opts, struct layout *l,
		     struct err *e)
{
	struct elf_note found;
	int n = elf_image_note(img, ENCL_NOTE_NAME, ENCL_NOTE_TYPE, &found, e);

	if (n < 0)
		return -1;
	if (!n) {
		err_set(e, ERR_BAD_LAYOUT, 0, "the file has no sgxctl note");
		return err_hint(e, "an image of the format 'sgxctl' declares itself in section .note.sgxctl,"
				" see sgxctl-enclave(7)");
	}
	l->note_off = found.file_off;
	if (found.desc_bytes != sizeof(l->note)) {
		err_set(e, ERR_BAD_LAYOUT, 0, "sgxctl note of %llu bytes, version %u has %zu",
			(unsigned long long)found.desc_bytes, ENCL_NOTE_VERSION, sizeof(l->note));
		return err_offset(e, found.file_off);
	}
	memcpy(&l->note, found.desc, sizeof(l->note));
	if (check_note(l, e) < 0)
		return -1;
	if (opts->heap_bytes != UINT64_MAX)
		l->note.heap_bytes = opts->heap_bytes;
	if (opts->reserve_bytes != UINT64_MAX)
		l->note.reserve_bytes = opts->reserve_bytes;
	return 0;
}

static int check_static(const struct elf_image *img, struct err *e)
{
	if (img->has_interp) {
		err_set(e, ERR_BAD_ELF, 0, "the file asks for a dynamic linker, which an enclave has not");
		return err_hint(e, "link it with -static");
	}
	if (elf_image_relocations(img)) {
		err_set(e, ERR_BAD_ELF, 0, "the file has relocations, which nobody would apply");
		return err_hint(e, "compile position-independent, link as a static executable at address 0");
	}
	if (img->has_tls) {
		err_set(e, ERR_BAD_LAYOUT, 0, "the file has thread-local storage (PT_TLS), which has no place"
			" in this format");
		return err_hint(e, "GS points to a page of each thread's own, see sgxctl-enclave(7)");
	}
	return 0;
}

static int add_segments(struct plan_build *b, struct layout *l, struct err *e)
{
	uint64_t end = 0;

	if (!l->img->n_loads)
		return err_set(e, ERR_BAD_LAYOUT, 0, "the file has no loadable segment");
	for (size_t i = 0; i < l->img->n_loads; i++) {
		const struct elf_segment *s = &l->img->loads[i];
		uint64_t start = page_down(s->vaddr), stop = page_up(s->vaddr + s->memsz);
		struct plan_run run = {
			.off = start, .pages = (stop - start) / SGX_PAGE_SIZE,
			.secinfo = segment_secinfo(s->flags), .chunks = PLAN_CHUNKS_ALL,
			.data = s->filesz ? l->img->bytes + s->offset : NULL, .data_bytes = s->filesz,
			.data_lead = s->vaddr - start, .what = segment_what(s->flags),
		};

		if (i && start < end) {
			err_set(e, ERR_BAD_LAYOUT, 0,
				"segment %u begins in page 0x%llx, but the segment before"
				" it ends at 0x%llx", s->index, (unsigned long long)start,
				(unsigned long long)end);
			err_hint(e, "segments come in ascending order and share no page: align them to 4096");
			return err_offset(e, s->header_off);
		}
		if (plan_build_run(b, &run, e) < 0) {
			err_wrap(e, "segment %u", s->index);
			return err_offset(e, s->header_off);
		}
		end = stop;
	}
	l->threads = end;
	return 0;
}

static bool in_text(const struct layout *l, uint64_t addr)
{
	for (size_t i = 0; i < l->img->n_loads; i++) {
		const struct elf_segment *s = &l->img->loads[i];

		if ((s->flags & PF_X) && addr >= s->vaddr && addr - s->vaddr < s->memsz)
			return true;
	}
	return false;
}

static int check_entries(const struct layout *l, struct err *e)
{
	uint64_t entry = l->img->ehdr.e_entry;

	if (!in_text(l, entry)) {
		err_set(e, ERR_BAD_LAYOUT, 0, "the entry point 0x%llx is in no executable segment",
			(unsigned long long)entry);
		err_hint(e, "name the first instruction with the linker's option -e or ENTRY()");
		return err_offset(e, offsetof(Elf64_Ehdr, e_entry));
	}
	if (l->note.dyn_entry && !in_text(l, l->note.dyn_entry))
		return BAD_NOTE(l, dyn_entry, ERR_BAD_LAYOUT, e, "dyn_entry is in no executable segment");
	return 0;
}

/* Bytes of one thread; at most 65536 * 4096 frames pages and two stacks that plan_advance bounds. */
static int thread_bytes(const struct layout *l, uint64_t *ret, struct err *e)
{
	uint64_t bytes = 0;

	/* three guards, TCS, TLS */
	if (plan_advance(&bytes, 5 * SGX_PAGE_SIZE, "thread", e) < 0 ||
	    plan_advance(&bytes, l->note.stack_bytes, "stack", e) < 0 ||
	    plan_advance(&bytes, l->note.stack_bytes, "handler stack", e) < 0 ||
	    plan_advance(&bytes, (uint64_t)l->note.nssa * l->note.ssaframesize * SGX_PAGE_SIZE, "SSA", e) < 0)
		return -1;
	*ret = bytes;
	return 0;
}

static int place(struct layout *l, struct plan *p, struct err *e)
{
	uint64_t at = l->threads, one, all;

	if (thread_bytes(l, &one, e) < 0)
		return -1;
	if (__builtin_mul_overflow(one, l->note.ntcs, &all))
		return BAD_NOTE(l, ntcs, ERR_TOO_BIG, e, "the threads do not fit an enclave");
	if (plan_advance(&at, all, "threads", e) < 0)
		return -1;
	l->heap = at;
	if (plan_advance(&at, l->note.heap_bytes, "heap", e) < 0)
		return -1;
	if (l->note.reserve_off && l->note.reserve_off < at) {
		err_set(e, ERR_BAD_LAYOUT, 0,
			"sgxctl note: reserve_off 0x%llx is inside the image, which ends"
			" at 0x%llx", (unsigned long long)l->note.reserve_off, (unsigned long long)at);
		return err_offset(e, l->note_off + offsetof(struct encl_note, reserve_off));
	}
	if (l->note.reserve_off)
		at = l->note.reserve_off;
	l->reserve = at;
	if (plan_advance(&at, l->note.reserve_bytes, "reserve", e) < 0)
		return -1;
	l->end = at;

	p->size = l->note.size ? l->note.size : plan_size_for(at);
	if (p->size >= at && p->size >= PLAN_MIN_SIZE)
		return 0;
	err_set(e, ERR_BAD_LAYOUT, 0, "sgxctl note: size 0x%llx is too small, the image needs 0x%llx",
		(unsigned long long)l->note.size, (unsigned long long)at);
	err_hint(e, "size must be 0 or at least 0x%llx", (unsigned long long)plan_size_for(at));
	return err_offset(e, l->note_off + offsetof(struct encl_note, size));
}

static void fill_thread(const struct layout *l, const struct plan *p, uint64_t start, uint64_t index,
			struct thread_pages *tp)
{
	const struct encl_note *n = &l->note;
	struct encl_tls *tls = &tp->tls;
	struct sgx_arch_tcs tcs = { .fslimit = UINT32_MAX, .gslimit = UINT32_MAX, .nssa = n->nssa };

	tls->stack_top_off = start + SGX_PAGE_SIZE + n->stack_bytes;
	tls->handler_stack_top_off = tls->stack_top_off + SGX_PAGE_SIZE + n->stack_bytes;
	tls->tcs_off = tls->handler_stack_top_off + SGX_PAGE_SIZE;
	tls->ssa_off = tls->tcs_off + SGX_PAGE_SIZE;
	tls->ssaframe_bytes = (uint64_t)n->ssaframesize * SGX_PAGE_SIZE;
	tls->self_off = tls->ssa_off + n->nssa * tls->ssaframe_bytes;
	tls->stack_bytes = n->stack_bytes;
	tls->nssa = n->nssa;
	tls->heap_off = l->heap;
	tls->heap_bytes = n->heap_bytes;
	tls->reserve_off = l->reserve;
	tls->reserve_bytes = n->reserve_bytes;
	tls->elrange_bytes = p->size;
	tls->tcs_index = index;

	tcs.ossa = tls->ssa_off;
	tcs.oentry = l->img->ehdr.e_entry;
	tcs.ofsbase = tls->self_off;
	tcs.ogsbase = tls->self_off;
	memcpy(tp->tcs, &tcs, sizeof(tp->tcs));
}

static int add_zeros(struct plan_build *b, uint64_t off, uint64_t bytes, uint16_t chunks, const char *what,
		     struct err *e)
{
	struct plan_run run = {
		.off = off, .pages = bytes / SGX_PAGE_SIZE, .chunks = chunks, .what = what,
		.secinfo = SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W,
	};

	return plan_build_run(b, &run, e);
}

static int add_page(struct plan_build *b, uint64_t off, uint64_t secinfo, const void *data, size_t bytes,
		    const char *what, struct err *e)
{
	struct plan_run run = {
		.off = off, .pages = 1, .secinfo = secinfo, .chunks = PLAN_CHUNKS_ALL,
		.data = data, .data_bytes = bytes, .what = what,
	};

	return plan_build_run(b, &run, e);
}

static int add_thread(struct plan_build *b, const struct thread_pages *tp, struct err *e)
{
	const struct encl_tls *tls = &tp->tls;

	if (add_zeros(b, tls->stack_top_off - tls->stack_bytes, tls->stack_bytes, PLAN_CHUNKS_ALL, "stack",
		      e) < 0 ||
	    add_zeros(b, tls->handler_stack_top_off - tls->stack_bytes, tls->stack_bytes, PLAN_CHUNKS_ALL,
		      "handler-stack", e) < 0 ||
	    add_page(b, tls->tcs_off, SGX_SECINFO_TCS, tp->tcs, sizeof(tp->tcs), "tcs", e) < 0 ||
	    add_zeros(b, tls->ssa_off, tls->nssa * tls->ssaframe_bytes, PLAN_CHUNKS_ALL, "ssa", e) < 0)
		return -1;
	return add_page(b, tls->self_off, SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W, tls,
			sizeof(*tls), "tls", e);
}

static int add_threads(struct plan_build *b, const struct layout *l, struct image_mem *mem, struct err *e)
{
	uint64_t each = (l->heap - l->threads) / l->note.ntcs;
	struct thread_pages *tp = image_mem_alloc(mem, l->note.ntcs, sizeof(*tp), e);

	if (!tp)
		return -1;
	for (uint32_t i = 0; i < l->note.ntcs; i++) {
		fill_thread(l, &b->p, l->threads + i * each, i, &tp[i]);
		if (add_thread(b, &tp[i], e) < 0)
			return err_wrap(e, "thread %u", i);
	}
	return 0;
}

static int sgxctl_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
			struct plan *ret_plan, struct err *e)
{
	CLEANUP(plan_build_release) struct plan_build b = { 0 };
	const struct elf_image *img = file->elf;
	struct layout l = { .img = img };

	if (read_note(img, opts, &l, e) < 0 || check_static(img, e) < 0 || add_segments(&b, &l, e) < 0 ||
	    check_entries(&l, e) < 0 || place(&l, &b.p, e) < 0)
		return -1;
	b.p.format = "sgxctl";
	b.p.ssaframesize = l.note.ssaframesize;
	b.p.miscselect = l.note.miscselect;
	b.p.attributes = (struct sgx_attributes){ l.note.attributes, l.note.xfrm };
	b.p.nssa = l.note.nssa;
	b.p.op_interface = l.note.flags & ENCL_NOTE_F_OPS;
	b.p.dyn_entry = l.note.dyn_entry;
	if (image_names_add(mem, img, NAMES_BY_ADDRESS, 0, e) < 0 || add_threads(&b, &l, mem, e) < 0 ||
	    add_zeros(&b, l.heap, l.note.heap_bytes, 0, "heap", e) < 0 ||
	    plan_build_dynamic(&b, l.reserve, l.note.reserve_bytes / SGX_PAGE_SIZE, "reserve", e) < 0)
		return -1;
	return plan_build_finish(&b, mem, ret_plan, e);
}

const struct image_reader image_reader_sgxctl = {
	.needs_elf = true, .detect = sgxctl_detect, .parse = sgxctl_parse,
};
