/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Open Enclave images: where everything of an image in the field is, and what damaged ones become. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "image/internal.h"
#include "image_oe_bytes.h"
#include "tap.h"
#include "xorshift.h"

#define DEFAULT_ROUNDS 20000u

static struct image_bytes img;

static const struct plan_run *run_at(const struct plan *p, uint64_t off)
{
	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];

		if (off >= r->off && off - r->off < r->pages * SGX_PAGE_SIZE)
			return r;
	}
	return NULL;
}

static uint64_t word_at(const struct plan *p, uint64_t off)
{
	const struct plan_run *r = run_at(p, off);
	uint8_t page[SGX_PAGE_SIZE];
	uint64_t v;

	if (!r)
		return UINT64_MAX;
	plan_run_page(r, (off - r->off) / SGX_PAGE_SIZE, page);
	memcpy(&v, page + off % SGX_PAGE_SIZE, sizeof(v));
	return v;
}

static void is_run(const struct plan *p, const char *what, uint64_t off, uint64_t pages, uint64_t secinfo,
		   uint16_t chunks, uint32_t fill)
{
	const struct plan_run *r = run_at(p, off);

	ok(r && r->off == off && r->pages == pages && r->secinfo == secinfo && r->chunks == chunks &&
	   r->fill == fill && !strcmp(r->what, what),
	   "%s: %llu pages at 0x%llx", what, (unsigned long long)pages, (unsigned long long)off);
}

static void test_layout(void)
{
	static const struct {
		uint64_t at, value;
		const char *what;
	} words[] = {
		{ OE_INFO + 96, OE_INFO, "image_info: oeinfo_rva" },
		{ OE_INFO + 104, 1960, "oeinfo_size" },
		{ OE_INFO + 112, 0xc5000, "reloc_rva" },
		{ OE_INFO + 120, 0x4000, "reloc_size" },
		{ OE_INFO + 128, 0xc9000, "heap_rva" },
		{ OE_INFO + 136, 0x1000000, "enclave_size" },
		{ 0xc45c0, 0xc45c0, "_enclave_rva" },
		{ 0xc45b0, 0xc5000, "_reloc_rva" },
		{ 0xc45f0, 0x4000, "_reloc_size" },
		{ 0xc1700, 0xbc128, "_tdata_rva" },
		{ 0xc1708, 0xc8, "_tdata_size" },
		{ 0xbe448, 8, "_tdata_align" },
		{ 0xc45f8, 0x5000, "_td_from_tcs_offset" },
		{ OE_INFO + 144, 0, "no SIGSTRUCT" },
		{ 40, OE_SHDRS, "e_shoff stays" },
		{ 0xc5000 + 24 * 563, 0xbc000 + 563, "the last relocation" },
		{ 0xc5000 + 24 * 564, 0, "zeros behind it" },
	};
	struct plan_place place;
	struct err e = { 0 };
	struct sgx_arch_tcs tcs;
	struct plan p;
	uint8_t page[SGX_PAGE_SIZE];

	img_oe(&img);
	if (!ok(image_parse(img.b, img.n, NULL, &p, &e) == 0, "an image is found by its section (%s)", e.msg))
		return;
	ok(!strcmp(p.format, "oe") && p.size == 0x1000000 && p.ssaframesize == 1 && p.nssa == 2 &&
	   !p.has_base && p.attributes.flags == SGX_ATTR_MODE64BIT && p.attributes.xfrm == 7 &&
	   !p.miscselect && !p.has_sigstruct,
	   "SECS wishes");
	is_run(&p, "relocations", 0xc5000, 4, 0x201, PLAN_CHUNKS_ALL, 0);
	is_run(&p, "heap", 0xc9000, 1024, 0x203, 0, 0);
	is_run(&p, "stack", 0x4ca000, 1024, 0x203, PLAN_CHUNKS_ALL, 0xcccccccc);
	is_run(&p, "tcs", 0x8cb000, 1, 0x100, PLAN_CHUNKS_ALL, 0);
	is_run(&p, "ssa", 0x8cc000, 2, 0x203, PLAN_CHUNKS_ALL, 0);
	is_run(&p, "tls", 0x8cf000, 1, 0x203, PLAN_CHUNKS_ALL, 0);
	is_run(&p, "thread-data", 0x8d0000, 1, 0x203, PLAN_CHUNKS_ALL, 0);
	ok(!run_at(&p, 0x4c9000) && !run_at(&p, 0x8ca000) && !run_at(&p, 0x8ce000), "guards are holes");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		is_u64(word_at(&p, words[i].at), words[i].value, "%s", words[i].what);
	plan_run_page(run_at(&p, 0x8cb000), 0, page);
	memcpy(&tcs, page, sizeof(tcs));
	ok(tcs.ossa == 0x8cc000 && tcs.nssa == 2 && tcs.oentry == 0x5f4c && tcs.ofsbase == 0x8d0000 &&
	   tcs.ogsbase == 0x8d0000 && tcs.fslimit == UINT32_MAX && tcs.gslimit == UINT32_MAX && !tcs.flags,
	   "the TCS");
	ok(plan_locate(&p, OE_INFO + 1, &place) == 0 && place.section && !strcmp(place.section, ".oeinfo"),
	   "an offset has a section");
	plan_release(&p);
}

static void test_ecreate(void)
{
	const struct plan empty = { .size = 0x1000000, .ssaframesize = 1 };
	uint8_t hash[32], want[32];

	hex_decode(want, sizeof(want), "a61f64a4b7bded6366b07259092ac5638b32f20ab402444e1d661a411240f95a");
	ok(plan_measure(&empty, hash, NULL, NULL, NULL) == 0 && !memcmp(hash, want, sizeof(want)),
	   "ECREATE of an image in the field");
}

static void test_options(void)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;
	struct err e = { 0 };
	struct plan p;

	img_oe(&img);
	opts.heap_bytes = 0x100000;
	ok(image_parse(img.b, img.n, &opts, &p, &e) < 0 && e.code == ERR_UNSUPPORTED, "its heap is its own");
	opts = IMAGE_OPTS_DEFAULT;
	opts.format = "oe:1";
	err_clear(&e);
	ok(image_parse(img.b, img.n, &opts, &p, &e) < 0 && e.code == ERR_UNKNOWN_FORMAT,
	   "it takes no arguments");
}

/* Two guesses about the alignment of .tdata, and a signed MRENCLAVE that is of neither. */
static void test_undecided(void)
{
	struct err e = { 0 };
	struct plan p;

	img_oe(&img);
	img_phdr(&img, 2)->p_align = 4096;
	memcpy(img.b + OE_INFO + 144, sgx_sigstruct_header, sizeof(sgx_sigstruct_header));
	if (!ok(image_parse(img.b, img.n, NULL, &p, &e) == 0, "a signature of another image (%s)", e.msg))
		return;
	ok(p.has_sigstruct && p.sigstruct_off == OE_INFO + 144, "the SIGSTRUCT and its place");
	ok(p.n_facts && !strcmp(p.facts[0].key, "release") && strstr(p.facts[0].text, "is of none"),
	   "it is said that nothing matched: %s", p.facts[0].text);
	is_u64(word_at(&p, 0xbe448), 4096, "the segment's alignment is taken then");
	is_u64(word_at(&p, OE_INFO + 144), 0, "and the SIGSTRUCT is not measured");
	plan_release(&p);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void damage(void)
{
	static const uint64_t values[] = {
		0, 1, 2, 7, 0xfff, 0x1000, 0x1001, 0xc5000, 0x7fffffff, 0xffffffff, (uint64_t)1 << 32,
		(uint64_t)1 << 46, INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 0xfff, UINT64_MAX,
	};
	static const struct {
		size_t from, bytes;
	} places[] = {
		{ 0, 0xe8 },
		{ OE_INFO, 160 },
		{ OE_INFO, 1960 },
		{ OE_SYMS, 24 * (OE_N_SYMS + 1) },
		{ OE_NAMES, 0x100 },
		{ OE_SHDRS, 64 * OE_N_SH },
		{ OE_RELA, 24 * OE_N_RELA },
	};
	size_t k = below(sizeof(places) / sizeof(places[0])), at = places[k].from + below(places[k].bytes);
	uint64_t v = values[below(sizeof(values) / sizeof(values[0]))];

	if (!below(50))
		img.n = below(OE_BYTES + 1);
	else if (below(3))
		memcpy(img.b + (at & ~(size_t)7), &v, sizeof(v));
	else
		img.b[at] ^= (uint8_t)(1u << below(8));
}

static bool is_sound(const struct plan *p)
{
	uint8_t page[SGX_PAGE_SIZE];
	uint64_t sum = 0;

	for (size_t i = 0; i < p->n_runs; i++) {
		const struct plan_run *r = &p->runs[i];
		uint64_t own = r->data ? (r->data_lead + r->data_bytes + SGX_PAGE_SIZE - 1) / SGX_PAGE_SIZE
				       : 0;

		if (r->off >= p->size || r->pages > (p->size - r->off) / SGX_PAGE_SIZE || own > r->pages)
			return false;
		for (uint64_t k = 0; k < own; k++) {
			plan_run_page(r, k, page);
			sum += page[0];
		}
	}
	return sum < UINT64_MAX;
}

static void test_damage(void)
{
	const char *env = getenv("IMAGE_MUTATIONS");
	unsigned long rounds = env ? strtoul(env, NULL, 10) : DEFAULT_ROUNDS, good = 0, bad = 0, wrong = 0;

	for (unsigned long n = 0; n < rounds; n++) {
		struct image_opts opts = IMAGE_OPTS_DEFAULT;
		struct err e = { 0 };
		uint8_t *exact;
		struct plan p;

		img_oe(&img);
		oe_word(&img, 16, below(4));    /* small stacks: some plans are measured */
		if (!below(4)) {
			oe_word(&img, 0, 1952 | (uint64_t)2 << 32);
			oe_word(&img, 1944, 0xececececececececu);
		}
		for (uint64_t k = 1 + below(3); k; k--)
			damage();
		opts.format = "oe";
		exact = malloc(img.n ? img.n : 1);
		if (!exact)
			exit(99);
		memcpy(exact, img.b, img.n);
		if (image_parse(exact, img.n, &opts, &p, &e) == 0) {
			good++;
			wrong += !is_sound(&p) || e.code != ERR_NONE;
			plan_release(&p);
		} else {
			bad++;
			wrong += e.code == ERR_NONE || e.code == ERR_BUG || !e.msg[0];
		}
		free(exact);
	}
	is_u64(wrong, 0, "every failure says why, every plan is one that fits");
	ok(good > rounds / 20 && bad > rounds / 20, "%lu damaged images taken, %lu refused", good, bad);
}

int main(void)
{
	test_layout();
	test_ecreate();
	test_options();
	test_undecided();
	test_damage();
	return tap_done();
}
