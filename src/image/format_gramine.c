/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gramine: no image file, but three inputs.  The manifest (TOML) gives size and threads and is itself part of
 * the enclave, libpal.so is the code, the .sig beside the manifest is the SIGSTRUCT.  Areas follow each other
 * from the top of ELRANGE down, in this order:
 *
 *     manifest | SSA | TCS | thread blocks | stacks | signal stacks | libpal | the rest, which is the heap
 *
 * Where the fields of a thread block are belongs to a release of Gramine, and nothing says which one signed.
 * So the signed MRENCLAVE decides, or the user (--format gramine:LAYOUT); else the enclave can be looked at,
 * but its MRENCLAVE is not known.
 *
 * Authority: Gramine, python/graminelibos/sgx_sign.py, pal/src/host/linux-sgx/pal_tcb.h, pal_linux_defs.h.
 */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "image/gramine_manifest.h"

#define GRAMINE_NSSA        2u
#define GRAMINE_SSAFRAME    4u          /* pages */
#define GRAMINE_STACK       64u         /* pages */
#define GRAMINE_SIG_STACK   16u         /* pages */
#define GRAMINE_HEAP_MIN    0x10000u    /* of an enclave at 0: Linux maps nothing below */
#define GRAMINE_SEG_LIMIT   0xfffu
#define GRAMINE_CANARY      0xbadbadbadbadu
#define GRAMINE_XFRM        0x600e7u    /* AVX, AVX-512 and AMX when the host has them */
#define TCB_COMMON_BYTES    (16u + 256u) /* self, canary, what the LibOS keeps: in all releases */
#define TCB_MAX_BYTES       0x1c0u
#define TRIAL_MAX_PAGES     ((uint64_t)1 << 28) /* of an enclave that is measured to find its layout */

/* Where fields of the thread block are, in words of 8 bytes from the end of the common part. */
enum tcb_field {
	TCB_ENCLAVE_SIZE, TCB_TCS_OFFSET, TCB_INITIAL_STACK, TCB_SIG_STACK_LOW, TCB_SIG_STACK_HIGH, TCB_SSA,
	TCB_GPR, TCB_MANIFEST_SIZE, TCB_HEAP_MIN, TCB_HEAP_MAX, N_TCB_FIELDS,
};
static const struct tcb_layout {
	const char *name;       /* as --format takes it */
	uint8_t word[N_TCB_FIELDS];
	bool before_1_4;        /* only manifests with thread_num can have it */
} layouts[] = {
	{ "2", { 0, 1, 2, 4, 5, 7, 8, 18, 19, 20 }, false },
	{ "1", { 0, 2, 3, 5, 6, 8, 9, 19, 20, 21 }, true },     /* the address of libpal is behind the size */
};
#define N_LAYOUTS (sizeof(layouts) / sizeof(layouts[0]))

struct gramine {
	const struct image_file *file;
	struct image_mem *mem;
	struct gramine_manifest m;
	struct elf_image pal;
	uint64_t base;                          /* SECS.BASEADDR */
	/* where the areas begin, from base */
	uint64_t manifest, ssa, tcs, tls, stacks, sig_stacks, pal_at, heap_min;
	struct thread {
		uint8_t tcs[SGX_TCS_FIELDS];
		uint8_t tcb[TCB_MAX_BYTES];
	} *threads;
};

static bool gramine_detect(const struct image_file *file)
{
	return !file->elf && gramine_manifest_detect(file->bytes, file->n_bytes);
}

/* ---- libpal -------------------------------------------------------------------------------- */

static int check_pal(const struct elf_image *pal, uint64_t *ret_bytes, struct err *e)
{
	*ret_bytes = 0;
	if (pal->ehdr.e_type != ET_DYN || !pal->n_loads || page_down(pal->loads[0].vaddr)) {
		err_set(e, ERR_UNSUPPORTED, 0, "libpal is not linked at address 0");
		return err_offset(e, pal->n_loads ? pal->loads[0].header_off : 0);
	}
	for (size_t i = 0; i < pal->n_loads; i++) {
		const struct elf_segment *s = &pal->loads[i];

		if (!page_aligned(s->offset - s->vaddr) || page_down(s->vaddr) < *ret_bytes) {
			err_set(e, ERR_BAD_LAYOUT, 0,
				"segment %u is out of order, or otherwise aligned in the file than in memory",
				s->index);
			return err_offset(e, s->header_off);
		}
		*ret_bytes = page_up(s->vaddr + s->memsz);
	}
	return 0;
}

static int open_pal(struct gramine *g, const struct image_opts *opts, uint64_t *ret_bytes, struct err *e)
{
	const struct image_mem *mem;

	if (!opts->libpal) {
		err_set(e, ERR_USAGE, 0, "a Gramine manifest needs the libpal.so that it was signed for");
		return err_hint(e,
				"name it with --libpal; Gramine installs it as .../gramine/sgx/libpal.so");
	}
	if (image_mem_read_more(g->mem, opts->libpal, &mem, e) < 0)
		return -1;
	if (elf_image_open(mem->bytes, mem->n_bytes, &g->pal, e) < 0 || check_pal(&g->pal, ret_bytes, e) < 0)
		return err_wrap(e, "'%s'", opts->libpal);
	return 0;
}

/* ---- the layout ---------------------------------------------------------------------------- */

/* Takes bytes from the top of what is left: *at is where they begin. */
static int take_area(struct gramine *g, uint64_t *at, uint64_t bytes, struct err *e)
{
	if (bytes <= *at && *at - bytes >= g->heap_min) {
		*at -= bytes;
		return 0;
	}
	err_set(e, ERR_BAD_LAYOUT, 0,
		"manifest: sgx.enclave_size 0x%llx is too small for what is in the enclave",
		(unsigned long long)g->m.enclave_size);
	return err_offset(e, g->m.enclave_size_off);
}

static int place(struct gramine *g, uint64_t pal_bytes, struct err *e)
{
	const uint64_t page = SGX_PAGE_SIZE, threads = g->m.threads;
	const struct {
		uint64_t *where, bytes;
	} areas[] = {
		{ &g->manifest, page_up(g->file->n_bytes + 1) },        /* with a NUL at its end */
		{ &g->ssa, threads * GRAMINE_NSSA * GRAMINE_SSAFRAME * page },
		{ &g->tcs, threads * page },
		{ &g->tls, threads * page },
		{ &g->stacks, threads * GRAMINE_STACK * page },
		{ &g->sig_stacks, threads * GRAMINE_SIG_STACK * page },
		{ &g->pal_at, pal_bytes },
	};
	uint64_t at = g->m.enclave_size;

	g->base = g->m.base_is_size ? g->m.enclave_size : 0;
	g->heap_min = g->base ? 0 : GRAMINE_HEAP_MIN;
	for (size_t i = 0; i < sizeof(areas) / sizeof(areas[0]); i++) {
		if (take_area(g, &at, areas[i].bytes, e) < 0)
			return -1;
		*areas[i].where = at;
	}
	return 0;
}

/* Each stack is an area of its own, so the first is the topmost. */
static uint64_t stack_at(const struct gramine *g, uint64_t areas, uint64_t pages, uint64_t thread)
{
	return areas + (g->m.threads - 1 - thread) * pages * SGX_PAGE_SIZE;
}

static void fill_thread(const struct gramine *g, const struct tcb_layout *layout, uint64_t i)
{
	uint64_t ssa = g->ssa + i * GRAMINE_NSSA * GRAMINE_SSAFRAME * SGX_PAGE_SIZE;
	uint64_t tls = g->tls + i * SGX_PAGE_SIZE, tcs_at = g->tcs + i * SGX_PAGE_SIZE;
	uint64_t stack = stack_at(g, g->stacks, GRAMINE_STACK, i);
	uint64_t sig_stack = stack_at(g, g->sig_stacks, GRAMINE_SIG_STACK, i);
	const struct sgx_arch_tcs tcs = {
		.ossa = ssa, .nssa = GRAMINE_NSSA, .oentry = g->pal_at + g->pal.ehdr.e_entry, .ogsbase = tls,
		.fslimit = GRAMINE_SEG_LIMIT, .gslimit = GRAMINE_SEG_LIMIT,
	};
	const uint64_t common[] = { g->base + tls, GRAMINE_CANARY };
	const uint64_t fields[N_TCB_FIELDS] = {
		[TCB_ENCLAVE_SIZE] = g->m.enclave_size,
		[TCB_TCS_OFFSET] = tcs_at,
		[TCB_INITIAL_STACK] = g->base + stack + GRAMINE_STACK * SGX_PAGE_SIZE,
		[TCB_SIG_STACK_LOW] = g->base + sig_stack,
		[TCB_SIG_STACK_HIGH] = g->base + sig_stack + GRAMINE_SIG_STACK * SGX_PAGE_SIZE,
		[TCB_SSA] = g->base + ssa,
		[TCB_GPR] = g->base + ssa + GRAMINE_SSAFRAME * SGX_PAGE_SIZE - sizeof(struct sgx_gprsgx),
		[TCB_MANIFEST_SIZE] = g->file->n_bytes + 1,
		[TCB_HEAP_MIN] = g->base + g->heap_min,
		[TCB_HEAP_MAX] = g->base + g->pal_at,
	};
	struct thread *t = &g->threads[i];

	memcpy(t->tcs, &tcs, sizeof(t->tcs));
	memset(t->tcb, 0, sizeof(t->tcb));
	memcpy(t->tcb, common, sizeof(common));
	for (unsigned int f = 0; f < N_TCB_FIELDS; f++)
		memcpy(t->tcb + TCB_COMMON_BYTES + layout->word[f] * sizeof(fields[f]), &fields[f],
		       sizeof(fields[f]));
}

static int add_area(struct plan_build *b, uint64_t off, uint64_t pages, uint64_t secinfo, const void *data,
		    uint64_t data_bytes, const char *what, struct err *e)
{
	struct plan_run run = {
		.off = off, .pages = pages, .secinfo = secinfo, .chunks = PLAN_CHUNKS_ALL, .data = data,
		.data_bytes = data_bytes, .what = what,
	};

	return plan_build_run(b, &run, e);
}

static int add_threads(struct plan_build *b, const struct gramine *g, struct err *e)
{
	const uint64_t rw = SGX_SECINFO_REG | SGX_SECINFO_R | SGX_SECINFO_W, n = g->m.threads;

	if (add_area(b, g->ssa, n * GRAMINE_NSSA * GRAMINE_SSAFRAME, rw, NULL, 0, "ssa", e) < 0)
		return -1;
	for (uint64_t i = 0; i < n; i++) {
		if (add_area(b, g->tcs + i * SGX_PAGE_SIZE, 1, SGX_SECINFO_TCS, g->threads[i].tcs,
			     sizeof(g->threads[i].tcs), "tcs", e) < 0)
			return -1;
	}
	for (uint64_t i = 0; i < n; i++) {
		if (add_area(b, g->tls + i * SGX_PAGE_SIZE, 1, rw, g->threads[i].tcb,
			     sizeof(g->threads[i].tcb), "tls", e) < 0)
			return -1;
	}
	for (uint64_t i = 0; i < n; i++) {
		if (add_area(b, stack_at(g, g->stacks, GRAMINE_STACK, i), GRAMINE_STACK, rw, NULL, 0, "stack",
			     e) < 0)
			return -1;
	}
	for (uint64_t i = 0; i < n; i++) {
		if (add_area(b, stack_at(g, g->sig_stacks, GRAMINE_SIG_STACK, i), GRAMINE_SIG_STACK, rw, NULL,
			     0, "signal-stack", e) < 0)
			return -1;
	}
	return 0;
}

static int add_pal(struct plan_build *b, const struct gramine *g, struct err *e)
{
	for (size_t i = 0; i < g->pal.n_loads; i++) {
		const struct elf_segment *s = &g->pal.loads[i];
		struct plan_run run = {
			.off = g->pal_at + page_down(s->vaddr),
			.pages = (page_up(s->vaddr + s->memsz) - page_down(s->vaddr)) / SGX_PAGE_SIZE,
			.secinfo = segment_secinfo(s->flags), .chunks = PLAN_CHUNKS_ALL,
			.data = g->pal.bytes + s->offset, .data_bytes = s->filesz,
			.data_lead = s->vaddr - page_down(s->vaddr), .what = segment_what(s->flags),
		};

		if (plan_build_run(b, &run, e) < 0) {
			err_wrap(e, "libpal, segment %u", s->index);
			return err_offset(e, s->header_off);
		}
	}
	return 0;
}

static int add_heap(struct plan_build *b, const struct gramine *g, struct err *e)
{
	struct plan_run heap = {
		.off = g->heap_min, .pages = (g->pal_at - g->heap_min) / SGX_PAGE_SIZE,
		.secinfo = SGX_SECINFO_REG | SGX_SECINFO_RWX, .what = "heap",
	};

	if (g->m.edmm)
		return plan_build_dynamic(b, heap.off, heap.pages, heap.what, e);
	return plan_build_run(b, &heap, e);
}

static int add_all(struct plan_build *b, const struct gramine *g, struct err *e)
{
	if (add_area(b, g->manifest, page_up(g->file->n_bytes + 1) / SGX_PAGE_SIZE,
		     SGX_SECINFO_REG | SGX_SECINFO_R, g->file->bytes, g->file->n_bytes, "manifest", e) < 0 ||
	    add_threads(b, g, e) < 0 || add_pal(b, g, e) < 0)
		return -1;
	return add_heap(b, g, e);
}

/* ---- which layout of the thread blocks --------------------------------------------------------- */

static void fill_threads(struct gramine *g, const struct tcb_layout *layout)
{
	for (uint64_t i = 0; i < g->m.threads; i++)
		fill_thread(g, layout, i);
}

/* The layout that gives the signed MRENCLAVE; *ret NULL: none does. */
static int try_layouts(struct gramine *g, const struct plan *p, const struct tcb_layout **ret, struct err *e)
{
	uint8_t mrenclave[32];

	for (size_t i = 0; i < N_LAYOUTS && p->pages_added <= TRIAL_MAX_PAGES; i++) {
		if (layouts[i].before_1_4 && g->m.has_max_threads)
			continue;
		fill_threads(g, &layouts[i]);
		if (plan_measure(p, mrenclave, NULL, NULL, e) < 0)
			return -1;
		if (!memcmp(mrenclave, p->sigstruct.enclavehash, sizeof(mrenclave))) {
			*ret = &layouts[i];
			break;
		}
	}
	return 0;
}

static int choose(struct gramine *g, struct plan_build *b, struct err *e)
{
	const struct tcb_layout *found = NULL;

	if (g->file->args) {
		for (size_t i = 0; i < N_LAYOUTS && !found; i++) {
			if (!strcmp(layouts[i].name, g->file->args))
				found = &layouts[i];
		}
		if (!found) {
			err_set(e, ERR_UNKNOWN_FORMAT, 0, "gramine: unknown layout of thread blocks '%s'",
				g->file->args);
			return err_hint(e, "layouts are 1 and 2, see sgxctl-enclave(7)");
		}
	} else if (b->p.has_sigstruct) {
		if (try_layouts(g, &b->p, &found, e) < 0)
			return -1;
		if (!found)
			b->p.no_measure =
				"no known layout of its thread blocks gives the ENCLAVEHASH of the .sig:"
				" another libpal.so or manifest, or an unknown release of Gramine";
	} else {
		b->p.no_measure =
			"its thread blocks depend on the release of Gramine, and there is no .sig that tells"
			" (--format gramine:2 takes your word for it)";
	}
	fill_threads(g, found ? found : &layouts[0]);
	return plan_build_fact_text(b, "thread_block_layout", found ? found->name : "unknown", e);
}

static int add_facts(struct plan_build *b, const struct gramine *g, const char *libpal, struct err *e)
{
	if (plan_build_fact(b, "threads", PLAN_FACT_SIZE, g->m.threads, e) < 0 ||
	    plan_build_fact(b, "edmm_enable", PLAN_FACT_BOOL, g->m.edmm, e) < 0 ||
	    plan_build_fact(b, "debug", PLAN_FACT_BOOL, g->m.debug, e) < 0 ||
	    plan_build_fact(b, "isvprodid", PLAN_FACT_SIZE, g->m.isvprodid, e) < 0 ||
	    plan_build_fact(b, "isvsvn", PLAN_FACT_SIZE, g->m.isvsvn, e) < 0)
		return -1;
	return plan_build_fact_text(b, "libpal", libpal, e);
}

/* APP.sig beside APP.manifest.sgx. */
static int read_signature(const struct gramine *g, struct plan *p, struct err *e)
{
	static const char ending[] = ".manifest.sgx";
	CLEANUP(cleanup_free) char *path = g->file->path ? strdup(g->file->path) : NULL;
	struct image_file beside = *g->file;
	size_t n = path ? strlen(path) : 0;

	if (g->file->path && !path)
		return err_set(e, ERR_NO_MEMORY, ENOMEM, "no memory for a path");
	if (n >= sizeof(ending) && !strcmp(path + n - (sizeof(ending) - 1), ending))
		memcpy(path + n - (sizeof(ending) - 1), ".sgx", sizeof(".sgx"));
	beside.path = path;
	return image_companion_sigstruct(&beside, ".sig", p, e);
}

static int read_inputs(struct gramine *g, const struct image_opts *opts, struct err *e)
{
	uint64_t pal_bytes = 0;

	if (gramine_manifest_read(g->file->bytes, g->file->n_bytes, &g->m, e) < 0 ||
	    open_pal(g, opts, &pal_bytes, e) < 0 || place(g, pal_bytes, e) < 0)
		return -1;
	g->threads = image_mem_alloc(g->mem, g->m.threads, sizeof(*g->threads), e);
	return g->threads ? 0 : -1;
}

static void set_wishes(struct plan *p, const struct gramine *g)
{
	p->format = "gramine";
	p->has_base = true;
	p->base = g->base;
	p->ssaframesize = GRAMINE_SSAFRAME;
	p->nssa = GRAMINE_NSSA;
	p->miscselect = g->m.exinfo ? SGX_MISC_EXINFO : 0;
	p->attributes = (struct sgx_attributes){ SGX_ATTR_MODE64BIT, GRAMINE_XFRM };
	p->has_sign_params = true;
	p->sign_params = (struct sign_params){
		.isvprodid = (uint16_t)g->m.isvprodid, .isvsvn = (uint16_t)g->m.isvsvn,
		.miscselect = p->miscselect, .miscmask = UINT32_MAX,
		.attributes = { SGX_ATTR_MODE64BIT | (g->m.debug ? SGX_ATTR_DEBUG : 0), SGX_XFRM_LEGACY },
		.attributemask = { UINT64_MAX, ~(uint64_t)(GRAMINE_XFRM & ~SGX_XFRM_LEGACY) },
	};
}

static int parse_all(struct gramine *g, const struct image_opts *opts, struct plan *ret_plan, struct err *e)
{
	CLEANUP(plan_build_release) struct plan_build b = { 0 };

	if (read_inputs(g, opts, e) < 0 || add_all(&b, g, e) < 0)
		return -1;
	set_wishes(&b.p, g);
	b.p.size = g->m.enclave_size;
	if (read_signature(g, &b.p, e) < 0 || choose(g, &b, e) < 0 || add_facts(&b, g, opts->libpal, e) < 0 ||
	    image_names_add(g->mem, &g->pal, NAMES_BY_ADDRESS, g->pal_at, e) < 0)
		return -1;
	return plan_build_finish(&b, g->mem, ret_plan, e);
}

static int gramine_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
			 struct plan *ret_plan, struct err *e)
{
	struct gramine g = { .file = file, .mem = mem };
	int ret = parse_all(&g, opts, ret_plan, e);

	elf_image_release(&g.pal);
	return ret;
}

const struct image_reader image_reader_gramine = {
	.takes_args = true, .fixed_size = true, .detect = gramine_detect, .parse = gramine_parse,
};
