/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Enclaves of the Intel SGX SDK: what a small one becomes, its block, its names, what hostile ones cost. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image/internal.h"
#include "image_bytes.h"
#include "tap.h"

static struct image_bytes img;

static int parse(const char *format, struct plan *p, struct err *e)
{
	struct image_opts opts = IMAGE_OPTS_DEFAULT;

	opts.format = format;
	err_clear(e);
	return image_parse(img.b, img.n, &opts, p, e);
}

static void is_run(const struct plan *p, size_t i, const char *what, uint64_t off, uint64_t pages,
		   uint64_t secinfo, uint16_t chunks, uint32_t fill)
{
	const struct plan_run *r = &p->runs[i];

	ok(i < p->n_runs && r->off == off && r->pages == pages && r->secinfo == secinfo &&
	   r->chunks == chunks && r->fill == fill && !strcmp(r->what, what), "run %zu: %s at 0x%llx", i, what,
	   (unsigned long long)off);
}

static void test_runs(const struct plan *p)
{
	const uint32_t cc = 0xcccccccc;
	const uint16_t all = PLAN_CHUNKS_ALL;

	is_run(p, 0, "text", 0, 1, 0x205, all, 0);
	is_run(p, 1, "text-reloc", 0x1000, 1, 0x207, all, 0);
	is_run(p, 2, "data", 0x3000, 2, 0x203, all, 0);
	is_run(p, 3, "heap", 0x6000, 2, 0x203, 0, 0);
	is_run(p, 4, "stack", 0x9000, 1, 0x203, all, cc);
	is_run(p, 5, "tcs", 0xb000, 1, 0x100, all, 0);
	is_run(p, 6, "ssa", 0xc000, 2, 0x203, all, 0);
	is_run(p, 7, "td", 0xf000, 1, 0x203, all, 0);
	is_run(p, 8, "stack", 0x11000, 1, 0x203, all, cc);
	is_run(p, 9, "tcs", 0x13000, 1, 0x100, all, 0);
	is_run(p, 11, "td", 0x17000, 1, 0x203, all, 0);
	ok(p->n_runs == 12 && p->n_tcs == 2 && p->pages_added == 16 && p->pages_measured == 14,
	   "and no more");
}

static void test_pages(const struct plan *p)
{
	static const uint8_t zero[8];
	struct sgx_arch_tcs tcs;
	uint8_t page[4096];

	plan_run_page(&p->runs[9], 0, page);
	memcpy(&tcs, page, sizeof(tcs));
	ok(tcs.ossa == 0x14000 && tcs.ofsbase == 0x17000 && tcs.ogsbase == 0x17000 && tcs.oentry == 0x600 &&
	   tcs.nssa == 2 && tcs.fslimit == UINT32_MAX, "the template's three places count from the TCS");
	plan_run_page(&p->runs[0], 0, page);
	ok(!memcmp(page + offsetof(Elf64_Ehdr, e_shoff), zero, 8) && page[0] == 0x7f,
	   "e_shoff is patched to zero");
	plan_run_page(&p->runs[1], 0, page);
	ok(page[0] == img.b[0x1000] && page[0x7ff] == img.b[0x17ff] && !page[0x800],
	   "relocated text keeps its bytes");
	plan_run_page(&p->runs[2], 0, page);
	ok(!page[0x7f] && !memcmp(page + 0xc0, img.b + IMG_SDK_BLOCK + 0x770, 16) &&
	   !memcmp(page + 0xd0, img.b + 0x20d0, 0x100), "data begin inside their page, and are patched");
}

static void test_plan(void)
{
	struct plan_place place;
	struct err e = { 0 };
	struct plan p;

	img_sdk(&img);
	if (!ok(parse(NULL, &p, &e) == 0, "an SDK enclave is found by its note (%s)", e.msg))
		return;
	ok(!strcmp(p.format, "sdk") && p.size == 0x40000 && !p.has_base && p.ssaframesize == 1 &&
	   p.nssa == 2 && p.attributes.flags == 4 && p.attributes.xfrm == 7 && !p.op_interface && !p.no_run,
	   "the head");
	test_runs(&p);
	test_pages(&p);
	ok(p.n_blocks == 2 && !strcmp(p.blocks[0].version, "2.4") && p.blocks[0].file_off == IMG_SDK_BLOCK &&
	   p.blocks[0].bytes == IMG_SDK_BYTES && p.blocks[0].secs_size == 0x40000 && !p.blocks[0].chosen &&
	   !strcmp(p.blocks[1].version, "1.4") && p.blocks[1].chosen, "both blocks are there, 1.4 is chosen");
	ok(p.has_sigstruct && p.sigstruct.enclavehash[0] == 0x89 &&
	   p.sigstruct_off == IMG_SDK_BLOCK + IMG_SDK_BYTES + 64 &&
	   !strcmp(p.sigstruct_from, "metadata block 1.4 at 0x3a19"), "the SIGSTRUCT is the chosen block's");
	ok(!p.n_dynamic, "a block of generation 1 declares nothing for later");
	ok(plan_locate(&p, 0x1010, &place) == 0 && !strcmp(place.section, ".text") &&
	   place.section_off == 0xa10 && !strcmp(place.symbol, "enclave_entry") && place.symbol_off == 0xa10,
	   "places have names");
	ok(plan_locate(&p, 0x2000, &place) < 0 && !place.section && !place.symbol,
	   "behind the text there is none");
	plan_release(&p);

	ok(parse("sdk:2", &p, &e) == 0 && p.blocks[0].chosen && p.n_dynamic == 1 &&
	   p.dynamic[0].off == 0x1a000 && p.dynamic[0].pages == 16 && !strcmp(p.dynamic[0].what, "heap"),
	   "sdk:2 takes 2.4, and its heap for later");
	ok(p.sigstruct.enclavehash[0] == 0x8a, "and its SIGSTRUCT");
	plan_release(&p);
	memset(img.b + IMG_SDK_BLOCK + IMG_SDK_BYTES + 64, 0, sizeof(struct sgx_arch_sigstruct));
	ok(parse(NULL, &p, &e) == 0 && !p.has_sigstruct, "a SIGSTRUCT of zeros is none");
	plan_release(&p);
}

/* ---- hostile files that could cost much ---------------------------------------------------------- */

/* Of this process alone; what is bounded takes a tenth of it, what is not takes minutes. */
#define MOST_MS 3000u

static uint64_t cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void costs_little(const char *what, bool parses)
{
	uint64_t start = cpu_ms();
	struct err e = { 0 };
	struct plan p;
	int ret = parse(NULL, &p, &e);
	uint64_t ms = cpu_ms() - start;

	if (!ret)
		plan_release(&p);
	ok((ret == 0) == parses && ms < MOST_MS, "%s: %s after %llu ms (%s)", what,
	   ret ? err_name(e.code) : "taken", (unsigned long long)ms, e.msg);
}

/* A file of these bytes behind the small one. */
static uint8_t *grown(size_t bytes)
{
	uint8_t *b = calloc(1, bytes);

	if (!b)
		exit(99);
	img_sdk(&img);
	memcpy(b, img.b, img.n);
	return b;
}

static void parse_grown(const char *what, uint8_t *b, size_t bytes, bool parses)
{
	uint64_t start = cpu_ms();
	struct plan_place place;
	struct err e = { 0 };
	struct plan p;
	int ret = image_parse(b, bytes, NULL, &p, &e);
	uint64_t ms;

	if (!ret) {
		plan_locate(&p, 0x1010, &place);
		plan_release(&p);
	}
	ms = cpu_ms() - start;
	ok((ret == 0) == parses && ms < MOST_MS, "%s: %s after %llu ms (%s)", what,
	   ret ? err_name(e.code) : "taken", (unsigned long long)ms, e.msg);
	free(b);
}

static void test_costs(void)
{
	const size_t mb4 = (size_t)4 << 20;
	struct img_sdk_element *last;
	Elf64_Shdr sh = { .sh_type = SHT_NOTE, .sh_offset = 0x8000, .sh_size = mb4 - 0x8000 };
	size_t at = IMG_SDK_BLOCK + IMG_SDK_BYTES;
	uint8_t *b;

	img_sdk(&img);
	img_put(&img, at + 40, (uint64_t)1 << 46, 8);
	last = (void *)(img.b + at + IMG_SDK_LAYOUT + 5 * sizeof(*last));
	img_put(&img, (size_t)((uint8_t *)last - img.b) + 4, 65535, 4);
	costs_little("65536 threads", true);
	img_put(&img, (size_t)((uint8_t *)last - img.b) + 4, 0x80000000u, 4);
	costs_little("2^31 repetitions", false);
	img_put(&img, (size_t)((uint8_t *)last - img.b) + 8, 0, 8);
	costs_little("2^31 repetitions in one place", false);

	/* thousands of section headers over the same megabytes, none of which has a name */
	b = grown(mb4);
	((Elf64_Ehdr *)b)->e_shnum = 0xf000;
	((Elf64_Ehdr *)b)->e_shoff = 0x8000;
	for (size_t i = 0; i < 0xf000; i++)
		memcpy(b + 0x8000 + i * sizeof(sh), &sh, sizeof(sh));
	parse_grown("60000 notes of 4 MiB", b, mb4, false);
	b = grown(mb4);
	sh.sh_type = SHT_STRTAB;
	((Elf64_Ehdr *)b)->e_shnum = 0xf000;
	((Elf64_Ehdr *)b)->e_shoff = 0x8000;
	((Elf64_Ehdr *)b)->e_shstrndx = 1;
	memset(b + 0x8000, 1, mb4 - 0x8000);
	for (size_t i = 0; i < 0xf000; i++)
		memcpy(b + 0x8000 + i * sizeof(sh), &sh, sizeof(sh));
	parse_grown("60000 sections with names of 4 MiB", b, mb4, false);
}

int main(void)
{
	test_plan();
	test_costs();
	return tap_done();
}
