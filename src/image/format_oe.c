/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Open Enclave images: an ELF whose section .oeinfo declares heap, stacks and threads and holds the
 * SIGSTRUCT.  The loader lays out, in this order and ascending:
 *
 *     segments | relocations | heap | per TCS: guard, stack, guard, TCS, two SSA frames, guard, TLS, data
 *
 * Guards are holes; the heap is not measured.  Before it measures, the loader writes into its copy of the
 * segments where things are.  Releases differ in that, and the file does not say which one signed it: what
 * the structure leaves open is decided by the MRENCLAVE that was signed.
 *
 * Authority: Open Enclave SDK, include/openenclave/bits/sgx/sgxproperties.h, host/sgx/create.c, loadelf.c.
 */
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "image/oe_image.h"

#define OE_TYPE_SGX       2u
#define OE_MAX_BUILDS     4u            /* of one structure */
#define OE_END_MARKER     0xececececececececu
#define OE_FLAG_EXINFO    1u
#define OE_FLAG_ZERO_BASE 2u
#define OE_XFRM           7u            /* AVX when the host has it */
#define OE_XFRM_MASK      (~(uint64_t)0xe4)     /* as oesign pins it: AVX and AVX-512 are left free */
#define TRIAL_MAX_MEASURED ((uint64_t)1 << 18)  /* pages of an image that is measured to find its release */
#define TRIAL_MAX_ADDED    ((uint64_t)1 << 25)

static const struct oe_build builds_0_17_1[] = {
	{ .release = "0.17.1 or later", .plt_relocations = true },
};
static const struct oe_build builds_0_13[] = {
	{ .release = "0.16 to 0.17.0", .plt_relocations = true },
	{ .release = "0.13 to 0.15", .clears_header = true },
};
static const struct oe_build builds_0_6[] = {
	{ .release = "0.11 or 0.12", .clears_header = true },
	{ .release = "0.10", .clears_header = true, .full_symtab = true, .fixed_tls = true },
	{ .release = "0.7 to 0.9", .clears_header = true, .full_symtab = true, .fixed_tls = true,
	  .unrounded_size = true },
	{ .release = "0.6", .clears_header = true, .full_symtab = true, .fixed_tls = true,
	  .unrounded_size = true, .gs_before_td = true },
};

static const struct oe_structure structures[] = {
	{ 1960, 144, 72, 36, 40, 88, builds_0_17_1, 1 },
	{ 1952, 136, 72, 36, 40,  0, builds_0_13, 2 },
	{ 1920, 104, 40,  0,  0,  0, builds_0_6, 4 },
	{ 1864,  48, 40,  0,  0,  0, NULL, 0 },         /* 0.4 */
};

static bool oe_detect(const struct image_file *file)
{
	return elf_image_has_section(file->elf, ".oeinfo");
}

int oe_bad_info(const struct oe *o, uint64_t field, enum err_code code, struct err *e, const char *what,
		uint64_t value)
{
	err_set(e, code, 0, ".oeinfo: %s (it says 0x%llx)", what, (unsigned long long)value);
	return err_offset(e, o->file_off + field);
}

/* ---- reading .oeinfo ------------------------------------------------------------------------- */

/* The section must be what the enclave will have at its address: there the loader reads it. */
static int check_loaded(const struct oe *o, const struct oe_section *s, struct err *e)
{
	for (size_t i = 0; i < o->file->elf->n_loads; i++) {
		const struct elf_segment *l = &o->file->elf->loads[i];
		uint64_t in = o->addr - l->vaddr;

		if (o->addr >= l->vaddr && in <= l->filesz && s->sh.sh_size <= l->filesz - in &&
		    l->offset + in == o->file_off)
			return 0;
	}
	err_set(e, ERR_BAD_LAYOUT, 0, "section .oeinfo at 0x%llx is not in the segment that is loaded there",
		(unsigned long long)o->addr);
	return err_offset(e, s->header_off);
}

/* A SIGSTRUCT is known by its first bytes; a file that is not signed yet has the size to tell. */
static const struct oe_structure *find_structure(const uint8_t *info, uint64_t bytes, uint32_t says)
{
	const size_t n = sizeof(structures) / sizeof(structures[0]);

	for (size_t i = 0; i < n; i++) {
		if (structures[i].bytes <= bytes &&
		    !memcmp(info + structures[i].sigstruct, sgx_sigstruct_header,
			    sizeof(sgx_sigstruct_header)))
			return &structures[i];
	}
	for (size_t i = 0; i < n; i++) {
		if (structures[i].bytes <= bytes && structures[i].bytes == says)
			return &structures[i];
	}
	return NULL;
}

static int read_signature(struct oe *o, struct err *e)
{
	static const struct sgx_arch_sigstruct zeros;
	uint64_t marker;

	memcpy(&o->sigstruct, o->info + o->st->sigstruct, sizeof(o->sigstruct));
	o->is_signed = !memcmp(o->sigstruct.header, sgx_sigstruct_header, sizeof(o->sigstruct.header));
	if (o->is_signed)
		return 0;
	if (memcmp(&o->sigstruct, &zeros, sizeof(zeros))) {
		err_set(e, ERR_BAD_SIGSTRUCT, 0,
			".oeinfo: neither a SIGSTRUCT nor the zeros of an enclave that is not signed");
		return err_offset(e, o->file_off + o->st->sigstruct);
	}
	memcpy(&marker, o->info + o->st->bytes - sizeof(marker), sizeof(marker));
	if (marker == OE_END_MARKER)
		return 0;
	return oe_bad_info(o, o->st->bytes - sizeof(marker), ERR_BAD_LAYOUT, e, "the end marker is missing",
			   marker);
}

static int read_info(struct oe *o, struct err *e)
{
	struct oe_section s = { 0 };
	unsigned int n = oe_sections(o->file->elf, ".oeinfo", &s);

	o->addr = s.sh.sh_addr;
	o->file_off = s.sh.sh_offset;
	o->info = oe_section_bytes(o->file->elf, &s);
	if (n != 1 || !o->info || s.sh.sh_size < sizeof(o->common)) {
		err_set(e, ERR_BAD_LAYOUT, 0, n ? "%u sections .oeinfo, or one that the file does not hold" :
			"the file has no section .oeinfo", n);
		return err_offset(e, s.header_off);
	}
	memcpy(&o->common, o->info, sizeof(o->common));
	if (o->common.type != OE_TYPE_SGX)
		return oe_bad_info(o, offsetof(struct oe_common, type), ERR_UNSUPPORTED, e,
				"the enclave is not for SGX, whose type is 2", o->common.type);
	o->st = find_structure(o->info, s.sh.sh_size, o->common.bytes);
	if (!o->st)
		return oe_bad_info(o, 0, ERR_BAD_LAYOUT, e,
				   "no release has a structure of this size, or it is cut short",
				   o->common.bytes);
	if (!o->st->n_builds) {
		err_set(e, ERR_UNSUPPORTED, 0, "an image of Open Enclave 0.4, whose layout is not known");
		err_hint(e, "images of Open Enclave 0.6 and later are read");
		return err_offset(e, o->file_off);
	}
	if (check_loaded(o, &s, e) < 0)
		return -1;
	memcpy(&o->attributes, o->info + o->st->attributes, sizeof(o->attributes));
	if (o->st->flags)
		memcpy(&o->flags, o->info + o->st->flags, sizeof(o->flags));
	if (o->st->start_address && o->flags & OE_FLAG_ZERO_BASE) {
		memcpy(&o->start_address, o->info + o->st->start_address, sizeof(o->start_address));
		if (!o->start_address || !page_aligned(o->start_address))
			return oe_bad_info(o, o->st->start_address, ERR_BAD_LAYOUT, e,
					"the start address of a zero-base enclave is no page above 0",
					o->start_address);
	}
	return read_signature(o, e);
}

/* ---- which release, and the plan --------------------------------------------------------------- */

/* One guess: a release, and whose word on the alignment of .tdata it takes. */
struct guess {
	const struct oe_build *build;
	uint64_t tdata_align;
};

static size_t make_guesses(const struct oe *o, struct guess *ret)
{
	uint64_t of_section = o->image.tdata.sh.sh_addralign, of_segment = o->image.tdata_segment_align;
	size_t n = 0;

	for (size_t i = 0; i < o->st->n_builds; i++) {
		ret[n++] = (struct guess){ &o->st->builds[i], of_segment };
		if (of_section != of_segment && !o->st->builds[i].fixed_tls)
			ret[n++] = (struct guess){ &o->st->builds[i], of_section };
	}
	return n;
}

static int lay_out(struct oe *o, const struct guess *g, struct plan_build *b, struct err *e)
{
	plan_build_release(b);
	*b = (struct plan_build){ 0 };
	o->image.tdata_align = g->tdata_align;
	return oe_layout(o, g->build, b, e);
}

/* Is it the one with this MRENCLAVE?  1 yes, 0 no, -1 memory ran out. */
static int try_guess(struct oe *o, const struct guess *g, const uint8_t hash[32], struct plan_build *b,
		     struct err *e)
{
	uint8_t mrenclave[32];
	struct err why = { 0 };

	/* one that does not fit the file (a symbol is missing) was not it */
	if (lay_out(o, g, b, &why) < 0 || b->p.pages_measured > TRIAL_MAX_MEASURED ||
	    b->p.pages_added > TRIAL_MAX_ADDED || plan_measure(&b->p, mrenclave, NULL, NULL, &why) < 0) {
		if (why.code != ERR_NO_MEMORY)
			return 0;
		if (e)
			*e = why;
		return -1;
	}
	return !memcmp(mrenclave, hash, sizeof(mrenclave));
}

static int choose(struct oe *o, struct plan_build *b, struct err *e)
{
	const struct sgx_arch_sigstruct *sig = o->file->sigstruct;
	struct guess guesses[2 * OE_MAX_BUILDS] = { 0 };
	size_t n = make_guesses(o, guesses);
	char words[80];
	int found = 0;

	if (!sig && o->is_signed)
		sig = &o->sigstruct;
	for (size_t i = 0; i < n && n > 1 && sig; i++) {
		found = try_guess(o, &guesses[i], sig->enclavehash, b, e);
		if (found < 0)
			return -1;
		if (found)
			return plan_build_fact_text(b, "release", guesses[i].build->release, e);
	}
	if (lay_out(o, &guesses[0], b, e) < 0)
		return -1;
	snprintf(words, sizeof(words), "%s%s", guesses[0].build->release,
		 n == 1 ? "" : sig ? " (assumed: the signed MRENCLAVE is of none)" :
		 " (assumed: not signed)");
	return plan_build_fact_text(b, "release", words, e);
}

static int add_id(struct plan_build *b, const struct oe *o, const char *key, uint64_t off, struct err *e)
{
	static const uint8_t none[16];
	char text[2 * sizeof(none) + 1];

	if (!o->st->ids || !memcmp(o->info + off, none, sizeof(none)))
		return 0;
	hex_encode(text, o->info + off, sizeof(none));
	return plan_build_fact_text(b, key, text, e);
}

static int add_facts(struct plan_build *b, const struct oe *o, struct err *e)
{
	const struct {
		const char *key;
		enum plan_fact_kind kind;
		uint64_t value;
	} facts[] = {
		{ "isvprodid", PLAN_FACT_SIZE, o->common.isvprodid },
		{ "isvsvn", PLAN_FACT_SIZE, o->common.isvsvn },
		{ "attributes", PLAN_FACT_HEX, o->attributes },
		{ "capture_pf_gp_exceptions", PLAN_FACT_BOOL, o->flags & OE_FLAG_EXINFO },
		{ "zero_base", PLAN_FACT_BOOL, o->start_address != 0 },
		{ "start_address", PLAN_FACT_HEX, o->start_address },
		{ "oeinfo_rva", PLAN_FACT_HEX, o->addr },
		{ "image_bytes", PLAN_FACT_SIZE, o->image.bytes },
		{ "relocation_bytes", PLAN_FACT_SIZE, o->image.relocation_bytes },
	};

	for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
		if (plan_build_fact(b, facts[i].key, facts[i].kind, facts[i].value, e) < 0)
			return -1;
	}
	if (add_id(b, o, "family_id", o->st->ids, e) < 0)
		return -1;
	return add_id(b, o, "extended_product_id", o->st->ids + 16, e);
}

/* What DT_NEEDED names: NULL nothing, "" something whose name cannot be read. */
static const char *needed_module(const struct elf_image *elf)
{
	uint64_t needed = 0, names = 0;
	struct elf_dynamic table;
	Elf64_Dyn dyn;

	elf_dynamic_open(elf, &table);
	while (elf_dynamic_next(&table, &dyn)) {
		if (dyn.d_tag == DT_NEEDED)
			needed = dyn.d_un.d_val;
		if (dyn.d_tag == DT_STRTAB)
			names = dyn.d_un.d_ptr;
	}
	if (!needed)
		return NULL;
	for (size_t i = 0; i < elf->n_loads; i++) {
		const struct elf_segment *s = &elf->loads[i];
		uint64_t in = names - s->vaddr + needed;

		if (names >= s->vaddr && in >= needed && in < s->filesz &&
		    memchr(elf->bytes + s->offset + in, '\0', s->filesz - in))
			return (const char *)elf->bytes + s->offset + in;
	}
	return "";
}

static int check_alone(const struct oe *o, struct err *e)
{
	const char *name = o->st->builds[0].plt_relocations ? needed_module(o->file->elf) : NULL;

	/* releases that could not load a second module did not look for one */
	if (name) {
		err_set(e, ERR_UNSUPPORTED, 0,
			"the enclave needs a second module, '%s': such enclaves are not read", name);
		return err_hint(e, "link the module into the enclave");
	}
	if (!o->file->elf->ehdr.e_entry) {
		err_set(e, ERR_BAD_LAYOUT, 0, "the file has no entry point");
		return err_offset(e, offsetof(Elf64_Ehdr, e_entry));
	}
	if (o->file->elf->ehdr.e_type == ET_DYN)
		return 0;
	err_set(e, ERR_BAD_ELF, 0, "an Open Enclave image is position-independent (ET_DYN)");
	return err_offset(e, offsetof(Elf64_Ehdr, e_type));
}

/* What oesign makes of the properties. */
static void set_sign_params(struct plan *p, const struct oe *o)
{
	struct sign_params *sp = &p->sign_params;
	uint64_t attributes = o->attributes & (SGX_ATTR_DEBUG | SGX_ATTR_KSS);

	p->has_sign_params = true;
	sp->isvprodid = o->common.isvprodid;
	sp->isvsvn = o->common.isvsvn;
	if (o->st->ids) {
		memcpy(sp->isvfamilyid, o->info + o->st->ids, sizeof(sp->isvfamilyid));
		memcpy(sp->isvextprodid, o->info + o->st->ids + sizeof(sp->isvfamilyid),
		       sizeof(sp->isvextprodid));
	}
	sp->miscselect = p->miscselect;
	sp->miscmask = ~p->miscselect;
	/* DEBUG in the properties allows it, and does not demand it */
	sp->attributes = (struct sgx_attributes){ SGX_ATTR_MODE64BIT | attributes, SGX_XFRM_LEGACY };
	sp->attributemask = (struct sgx_attributes){
		~(uint64_t)(SGX_ATTR_MODE64BIT | SGX_ATTR_KSS | (attributes & SGX_ATTR_DEBUG)), OE_XFRM_MASK,
	};
}

static void set_wishes(struct plan *p, const struct oe *o)
{
	p->format = "oe";
	p->has_base = o->start_address;
	p->attributes.flags = SGX_ATTR_MODE64BIT | (o->attributes & SGX_ATTR_KSS);
	p->attributes.xfrm = OE_XFRM;
	p->miscselect = o->flags & OE_FLAG_EXINFO ? SGX_MISC_EXINFO : 0;
	set_sign_params(p, o);
}

static int oe_parse(const struct image_file *file, const struct image_opts *opts, struct image_mem *mem,
		    struct plan *ret_plan, struct err *e)
{
	CLEANUP(plan_build_release) struct plan_build b = { 0 };
	struct oe o = { .file = file, .mem = mem };

	(void)opts;
	if (read_info(&o, e) < 0 || check_alone(&o, e) < 0 ||
	    oe_image_open(file->elf, mem, &o.image, e) < 0)
		return -1;
	if (o.common.n_tcs && o.common.n_tcs <= PLAN_MAX_TCS) {
		o.tcs = image_mem_alloc(mem, o.common.n_tcs, sizeof(*o.tcs), e);
		if (!o.tcs)
			return -1;
	}
	if (choose(&o, &b, e) < 0 || add_facts(&b, &o, e) < 0)
		return -1;
	set_wishes(&b.p, &o);
	if (o.is_signed && plan_set_sigstruct(&b.p, &o.sigstruct, o.file_off + o.st->sigstruct, e,
					      ".oeinfo at 0x%llx", (unsigned long long)o.file_off) < 0)
		return -1;
	if (image_names_add(mem, file->elf, NAMES_BY_ADDRESS, o.start_address, e) < 0)
		return -1;
	return plan_build_finish(&b, mem, ret_plan, e);
}

const struct image_reader image_reader_oe = {
	.needs_elf = true, .fixed_size = true, .detect = oe_detect, .parse = oe_parse,
};
